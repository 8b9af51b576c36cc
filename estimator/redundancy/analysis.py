"""The redundancy report as data: JSON, CSV, and the comparison of two networks."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from snnc.errors import BAD_OPTION, SnncError
from snnc.estimator.redundancy import measures
from snnc.estimator.redundancy.ghosts import ALIKE, ghosts
from snnc.estimator.redundancy.records import LayerRecord, Redundancy

SCHEMA = "snnc-redundancy/1"


def redundancy_json(model: Redundancy, baseline: Redundancy | None = None) -> dict[str, Any]:
    """The JSON of ``snnc analyze``.

    Keys: ``schema``, ``samples``, ``time_steps``, ``nasfr`` (every neuron alike),
    ``nasfr_layer_mean``, ``quantization_error``, ``t_sfr`` [T], ``ghost_limit``, ``layers``; with a
    baseline ``baseline`` (the same keys) and ``delta`` (baseline - model: what went away).

    ``unmeasured``: layer → why its potentials cannot be measured.

    Raises:
        SnncError: BAD_OPTION for no samples, another number of samples in the baseline, or no layer
            that can be measured.
    """
    check_measured(model)
    if baseline is not None:
        check_measured(baseline)
    result = {"schema": SCHEMA, "ghost_limit": ALIKE, **_network(model)}
    if baseline is not None:
        if baseline.samples != model.samples:
            raise SnncError(
                BAD_OPTION,
                "model and baseline must be analysed on the same samples, not "
                f"{model.samples} and {baseline.samples}",
            )
        result["baseline"] = _network(baseline)
        result["delta"] = _delta(result, result["baseline"])
    return result


def check_measured(redundancy: Redundancy) -> None:
    """Raise SnncError (BAD_OPTION) where nothing of a network can be measured."""
    if redundancy.layers:
        return
    reasons = "; ".join(f"{name}: {why}" for name, why in redundancy.unmeasured.items())
    raise SnncError(
        BAD_OPTION,
        f"no neuron's potentials can be measured ({reasons or 'nothing fires'})",
        hint="Use `snnc energy` for firing rates and costs.",
    )


def _network(redundancy: Redundancy) -> dict[str, Any]:
    records = list(redundancy.layers.values())
    return {
        "samples": redundancy.samples,
        "time_steps": records[0].time_steps,
        "nasfr": measures.nasfr(records),
        "nasfr_layer_mean": measures.nasfr_of_layers(records),
        "quantization_error": measures.network_quantization_error(records),
        "t_sfr": measures.t_sfr(records).tolist(),
        "unmeasured": dict(redundancy.unmeasured),
        "layers": [_layer(record) for record in records],
    }


def _layer(record: LayerRecord) -> dict[str, Any]:
    distance, spread = measures.ptd(record), measures.variance(record)
    rates = measures.c_sfr(record)
    found = {
        "name": record.name,
        "shape": list(record.shape),
        "neurons": record.neurons,
        "spikes": measures.spikes(record),
        "firing_rate": measures.firing_rate(record),
        "silent_neurons": int((record.fired.sum(axis=0) == 0).sum()),
        "quantization_error": float(measures.quantization_error(record).mean()),
        "ptd": {"mean": float(distance.mean()), "highest": float(distance.max())},
        "variance": {"mean": float(spread.mean()), "highest": float(spread.max())},
        "t_sfr": measures.t_sfr([record]).tolist(),
        "c_sfr_mean": rates.mean(axis=0).tolist(),
    }
    if record.channels > 1:
        found["ghost_share"] = [ghosts(record, step).share for step in range(record.time_steps)]
    return found


def _delta(model: dict[str, Any], baseline: dict[str, Any]) -> dict[str, Any]:
    """Baseline - model, in all and by layer; layers are matched by name."""
    theirs = {entry["name"]: entry for entry in baseline["layers"]}
    layers = [
        {
            "name": entry["name"],
            "spikes": theirs[entry["name"]]["spikes"] - entry["spikes"],
            **{
                key: theirs[entry["name"]][key] - entry[key]
                for key in ("firing_rate", "quantization_error")
            },
        }
        for entry in model["layers"]
        if entry["name"] in theirs
    ]
    totals = {key: baseline[key] - model[key] for key in ("nasfr", "quantization_error")}
    return {**totals, "layers": layers}


def summary(record: LayerRecord) -> dict[str, float]:
    """The numbers of a layer that tables show, means over channels and steps: ``firing_rate``,
    ``quantization_error``, ``ptd``, ``variance``; the share of ``silent`` neurons, which never
    fired; and of ``ghosts`` among the channels that fire at the layer's busiest step."""
    return {
        "firing_rate": measures.firing_rate(record),
        "quantization_error": float(measures.quantization_error(record).mean()),
        "ptd": float(measures.ptd(record).mean()),
        "variance": float(measures.variance(record).mean()),
        "silent": float((record.fired.sum(axis=0) == 0).mean()),
        "ghosts": ghosts(record, busiest_step(record)).share,
    }


def busiest_step(record: LayerRecord) -> int:
    """The step at which the layer fires most (the first of them)."""
    return int(measures.spikes_per_step(record).argmax())


def busiest_channels(record: LayerRecord, step: int, most: int) -> list[int]:
    """Channels with the highest C-SFR at a step, at most ``most``, in order of their number."""
    rates = measures.c_sfr(record)[step]
    chosen = np.argsort(-rates, kind="stable")[:most]
    return sorted(int(channel) for channel in chosen)


def csv_text(rows: Sequence[dict[str, Any]]) -> str:
    """Rows of one table (``layers`` of a report) as CSV; nested entries are left to the JSON."""
    flat = [
        {key: value for key, value in row.items() if not isinstance(value, dict | list)}
        for row in rows
    ]
    text = io.StringIO()
    columns = list(dict.fromkeys(key for row in flat for key in row))
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    return text.getvalue()


def layer_rows(model: str, baseline: str | None, result: dict[str, Any]) -> list[dict[str, Any]]:
    """The layers of a result, and of its baseline, each with the name of its model."""
    networks = {model: result} | ({baseline: result["baseline"]} if baseline else {})
    return [
        {"model": name, **layer}
        for name, network in networks.items()
        for layer in network["layers"]
    ]
