"""``snnc bench --target``: instructions on a microcontroller, counted in QEMU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rich.console import Console

from snnc.commands.options import ModelChoice, console_for, write_json
from snnc.console import Terminal, slim_table
from snnc.errors import BAD_OPTION, SnncError


@dataclass(frozen=True)
class OnTarget:
    """What is counted, and on what.

    Attributes:
        data: DATA to run on.
        split: its part.
        samples: how many recordings, the first ones.
        calibration: DATA for int8, and how many of its training recordings.
        max_ram: budget of arena and stack in bytes.
        cmsis_nn: folder of CMSIS-NN, or the name of the package that holds it.
        weight_type: int8, int4 or int4:LAYER,LAYER.
    """

    data: str
    split: str
    samples: int
    calibration: tuple[str, int | None]
    max_ram: int | None
    cmsis_nn: str | None
    weight_type: str


def bench_target(model: ModelChoice, target: str, wanted: OnTarget, json_file: str | None) -> None:
    """Count the instructions of recordings on a core, and show them.

    Args:
        model: MODEL.
        target: name of the core.
        wanted: what is counted.
        json_file: where the JSON goes.

    Raises:
        SnncError: BAD_OPTION for an unknown target, a model that takes no events, or a folder
            without CMSIS-NN; MISSING_EXTRA for a package that is not installed; NO_C_COMPILER
            without the target's tools.
    """
    from snnc.api.data.windows import calibration_windows, events_behind, windows
    from snnc.bench.target.cmsis_layers import require_cortex_m
    from snnc.bench.target.cmsis_nn import library_at
    from snnc.bench.target.on_target import Recordings, measure
    from snnc.compiler.deploy.firmware import vector
    from snnc.compiler.deploy.targets import require_tools, target_named
    from snnc.compiler.ops.int8.weight_types import parsed

    core = target_named(target)
    require_tools(core, core.boards[0])
    library = library_at(wanted.cmsis_nn) if wanted.cmsis_nn else None
    if library:
        require_cortex_m(core)
    source = model.load()
    if source.framing is None:
        raise SnncError(
            BAD_OPTION,
            f"firmware for {core.name} needs a model that takes events",
            hint="Use a model framed by a step length.",
        )
    every = list(windows(source, wanted.data, wanted.split, wanted.samples))
    recordings = Recordings(
        source.framing,
        calibration_windows(source, *wanted.calibration),
        lambda compilation: [
            vector(compilation, window.frames, events_behind(compilation, window))
            for window in every
        ],
        [window.frames for window in every],
        parsed(wanted.weight_type),
    )
    with Terminal(stderr=True).status("building and running firmware"):
        result = measure(source.graph(), core, recordings, wanted.max_ram, library)
    result = {"model": model.spec, "data": wanted.data, **result}
    write_json(result, json_file)
    _show(console_for(json_file), result)


def _show(console: Console, result: dict[str, Any]) -> None:
    peer = result["cmsis_nn"]
    beside_both = _peer_cells(peer) if peer else {}
    columns = ("event-driven", "a syn. op.", "dense", "a syn. op.")
    table = slim_table(
        "layer",
        numbers=(*columns, "CMSIS-NN") if peer else columns,
        title=f"{result['model']}: instructions of {result['samples']} recordings on "
        f"{result['target']} ({result['board']}, {result['compiler']})",
    )
    ours, dense = result["instructions"], result["dense"]["instructions"]
    for layer, beside in zip(ours["layers"], dense["layers"], strict=True):
        others = [beside_both[layer["name"]]] if layer["name"] in beside_both else []
        table.add_row(layer["name"], *_cells(layer), *_cells(beside), *others)
    for part in ("events", "rest"):
        table.add_row(f"({part})", f"{ours[part]:,}", "", f"{dense[part]:,}", "")
    both = [
        {**entry, "instructions": entry["instructions"]["total"]}
        for entry in (result, result["dense"])
    ]
    in_all = [f"{peer['total']:,}"] if peer else []
    table.add_row("in all", *_cells(both[0]), *_cells(both[1]), *in_all, style="bold")
    console.print(table)
    console.print(
        f"{result['per_inference']:,.0f} instructions a recording, the dense int8 build "
        f"{result['dense']['per_inference']:,.0f}: {result['ratio']:.1f} times as many"
    )
    for line in result["said"]:
        console.print(line)

    if peer:
        _show_peer(console, peer)


def _peer_cells(peer: dict[str, Any]) -> dict[str, str]:
    counted = {layer["name"]: f"{layer['instructions']:,}" for layer in peer["layers"]}
    return counted | {layer["name"]: "not expressible" for layer in peer["not_expressible"]}


def _show_peer(console: Console, peer: dict[str, Any]) -> None:
    times = "" if peer["ratio"] is None else f": {peer['ratio']:.1f} times as many"
    console.print(
        f"CMSIS-NN {peer['version']}, its convolutions and linear layers alone: {peer['total']:,} "
        f"instructions, event-driven {peer['same_layers']:,}{times}",
        highlight=False,
    )
    for layer in peer["not_expressible"]:
        console.print(f"not expressible in CMSIS-NN: {layer['name']}: {layer['reason']}")


def _cells(entry: dict[str, Any]) -> tuple[str, str]:
    each = entry["per_synaptic_operation"]
    return f"{entry['instructions']:,}", "" if each is None else f"{each:.2f}"
