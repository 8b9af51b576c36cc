"""``snnc energy``: the JSON contract, and its numbers against an independent count."""

from __future__ import annotations

import json

import pytest

from snnc.commands.windows import windows
from snnc.compiler.build import ObservedModel
from snnc.compiler.compilation import compile_graph
from snnc.compiler.frontend.source import load_source
from tests.lively import lively_checkpoint, write_nmnist

SAMPLES = 3


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pair")
    return [lively_checkpoint(folder / f"{name}.pt", name) for name in ("asa1", "none")]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return f"nmnist:{write_nmnist(tmp_path_factory.mktemp('nmnist'))}"


def executed(path, data: str, folder) -> dict[str, int]:
    """What the instrumented C counted, running freely on the recordings."""
    source = load_source(str(path))
    compilation = compile_graph(source.graph(), source.framing)
    model = ObservedModel(compilation.graph, compilation.generated, folder, ("-O1",))
    totals = dict.fromkeys(("ac", "mac", "mul", "add", "cmp"), 0)
    for window in windows(source, data, "test", SAMPLES):
        for counts in model.run(window.frames).counts.values():
            for key, number in counts.items():
                totals[key] += number
    return totals


def test_delta_is_what_its_own_counts_say_and_what_the_c_executed(snnc, pair, data, tmp_path):
    model, baseline = pair
    status, out, _ = snnc(
        "energy", model, "--baseline", baseline, "--data", data,
        "--samples", SAMPLES, "--json", "-",
    )  # fmt: skip
    assert status == 0
    result = json.loads(out)
    assert result["convention"] == "executed"
    assert result["samples"] == SAMPLES
    assert {"name", "input_kind", "ac", "mac", "spikes", "energy_pj"} <= result["layers"][0].keys()
    for key in ("ac", "mac"):
        assert sum(layer[key] for layer in result["layers"]) == result["total"][key]
    (tmp_path / "model").mkdir()
    (tmp_path / "baseline").mkdir()
    ours = executed(model, data, tmp_path / "model")
    theirs = executed(baseline, data, tmp_path / "baseline")
    assert {key: result["total"][key] for key in ours} == ours
    delta = result["delta"]
    assert delta["mac"] == ours["mac"] - theirs["mac"]
    assert delta["ac"] == theirs["ac"] - ours["ac"]
    assert delta["energy_pj"] == pytest.approx(4.6 * delta["mac"] - 0.9 * delta["ac"], rel=1e-12)


def test_first_layer_multiplies_and_the_others_accumulate(snnc, pair, data):
    status, out, _ = snnc("energy", pair[1], "--data", data, "--samples", SAMPLES, "--json", "-")
    assert status == 0
    layers = {layer["name"]: layer for layer in json.loads(out)["layers"]}
    assert layers["layer1"]["input_kind"] == "count"
    assert layers["layer1"]["mac"] > 0
    assert layers["layer1"]["ac"] == 0
    assert layers["layer2"]["input_kind"] == "spike"
    assert layers["layer2"]["mac"] == 0
    assert layers["layer2"]["ac"] > 0


def test_unknown_convention_and_table_are_refused_with_the_choices(snnc, pair, data):
    for option in ("--convention", "--table"):
        status, _, err = snnc("energy", pair[0], "--data", data, option, "folklore")
        assert status == 2
        assert "SNNC-E305" in err
        assert "folklore" in err
