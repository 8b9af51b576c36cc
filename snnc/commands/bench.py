"""``snnc bench``: the C against its dense peers, in one run."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from snnc.commands.options import (
    ModelChoice,
    console_for,
    json_option,
    model_options,
    progress_bar,
    split_option,
    write_json,
)


@click.command()
@model_options
@click.option("--data", required=True, help="DATA: recordings to run on.")
@split_option
@click.option(
    "--samples", type=click.IntRange(1), default=3, show_default=True, help="Recordings to time."
)
@click.option("--rounds", type=click.IntRange(3), default=7, show_default=True)
@json_option
def command(
    model: ModelChoice,
    data: str,
    split: str,
    samples: int,
    rounds: int,
    json_file: str | None,
) -> None:
    """Time the C of MODEL and its dense peers on DATA: one process, one core, in turn.

    A run is one whole recording, from frames to class scores. The ratio is the fastest peer over
    ours; above 1 the C is faster.
    """
    import torch

    from snnc.bench.peers import peers
    from snnc.bench.timing import machine, one_core, time_in_turn
    from snnc.commands.windows import windows
    from snnc.compiler import artifact, layout
    from snnc.compiler.compilation import compile_graph

    source = model.load()
    recordings = list(windows(source, data, split, samples))
    compilation = compile_graph(source.graph(), source.framing)
    given = compilation.graph["input"].type
    with tempfile.TemporaryDirectory() as folder, one_core() as core:
        manifest = artifact.write(Path(folder) / "out", source, compilation)
        ours = artifact.open_compiled(Path(folder) / "out", manifest)
        timings: dict[str, list[float]] = {}
        with progress_bar(Console(stderr=True)) as bar:
            task = bar.add_task("timing", total=None)
            for window in recordings:
                frames = layout.pack(given, window.frames).astype("uint16")
                x = torch.from_numpy(window.frames.astype("float32"))[:, None]
                contestants: dict[str, Callable[[], object]] = {
                    "f32": partial(ours.classify, frames),
                    **peers(source.module, x),
                }
                timed = time_in_turn(contestants, rounds, lambda: bar.advance(task))
                for who, timing in timed.items():
                    timings.setdefault(who, []).extend(timing.rounds)
    result = _result(timings, machine() | {"core": str(core)}, manifest)
    write_json(result, json_file)
    _show(console_for(json_file), model.spec, result)


def _result(
    timings: dict[str, list[float]], machine: dict[str, str], manifest: dict[str, Any]
) -> dict[str, Any]:
    from snnc.bench.timing import Timing

    summary = {who: Timing(tuple(rounds)) for who, rounds in timings.items()}
    ours = {"f32": summary.pop("f32").median}
    peers = {who: timing.median for who, timing in summary.items()}
    return {
        "machine": machine | {"cc": manifest["versions"]["cc"]},
        "threads": 1,
        "vector": manifest["versions"]["vector"],
        "ours": ours,
        "peers": peers,
        "ratio": {dtype: min(peers.values()) / time for dtype, time in ours.items()},
        "spread": {who: list(Timing(tuple(rounds)).spread) for who, rounds in timings.items()},
    }


def _show(console: Console, model: str, result: dict[str, Any]) -> None:
    table = Table(
        "contestant", title=f"{model}: one recording, one core of {result['machine']['cpu']}"
    )
    for column in ("median ms", "fastest", "slowest"):
        table.add_column(column, justify="right")
    for who, time in (result["ours"] | result["peers"]).items():
        fastest, slowest = result["spread"][who]
        label = f"snnc {who} ({result['vector']})" if who in result["ours"] else who
        table.add_row(label, f"{time:.2f}", f"{fastest:.2f}", f"{slowest:.2f}")
    console.print(table)
    for dtype, ratio in result["ratio"].items():
        console.print(f"fastest peer / ours, {dtype}: [bold]{ratio:.1f}[/]")
