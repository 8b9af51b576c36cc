"""``snnc bench``: the C against its dense peers, in one run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from snnc.commands.memory import Size
from snnc.commands.options import (
    ModelChoice,
    console_for,
    json_option,
    model_options,
    split_option,
    target_option,
    write_json,
)
from snnc.commands.weight_types import weight_type_option
from snnc.console import progress_bar, slim_table
from snnc.errors import BAD_OPTION, SnncError

if TYPE_CHECKING:
    from torch import nn

    from snnc.bench.contest import Frames
    from snnc.bench.peers import Prepare


@click.command()
@model_options
@click.option("--data", help="DATA: recordings to run on.")
@split_option
@click.option(
    "--samples", type=click.IntRange(1), default=3, show_default=True, help="Recordings to time."
)
@click.option("--rounds", type=click.IntRange(5), default=7, show_default=True)
@click.option(
    "--densities",
    default="",
    help="Also with every hidden layer firing at these rates, say 0.01,0.1,1; by its threshold.",
)
@click.option(
    "--peers", default="", help="Only these peers, by name; default: all that are installed."
)
@click.option("--fit", is_flag=True, help="Fit the prices that choose kernels, and keep them.")
@target_option
@click.option("--calibrate", metavar="DATA", help="For a --target: int8 scales; default: --data.")
@click.option(
    "--calibrate-samples", type=click.IntRange(1), help="Of its training recordings; default: 64."
)
@click.option("--max-ram", type=Size(), help="For a --target: most RAM for arena and stack.")
@click.option(
    "--cmsis-nn",
    metavar="DIR",
    help="For a --target: also CMSIS-NN's kernels, of a checkout in DIR or of the package bakenn.",
)
@weight_type_option
@json_option
def command(
    model: ModelChoice,
    data: str,
    split: str,
    samples: int,
    rounds: int,
    densities: str,
    peers: str,
    fit: bool,
    target: str,
    calibrate: str | None,
    calibrate_samples: int | None,
    max_ram: int | None,
    cmsis_nn: str | None,
    weight_type: str,
    json_file: str | None,
) -> None:
    """Time the C of MODEL and its dense peers on DATA: one process, one core, in turn.

    A run is one whole recording, from frames to class scores. The ratio is the fastest float32 peer
    over ours; above 1 the C is faster. The int8 C is calibrated on the timed recordings. Each layer
    is shown with its share of the load roofline, measured in the same run.

    --fit times both kernels of each layer at many densities instead, and keeps the prices by which
    `snnc compile --calibrate` and `--density` choose kernels.

    Qualia-CodeGen's C takes part in `make bench` only: it needs an environment of its own.

    With a microcontroller as --target nothing is timed: int8 firmware runs in QEMU, and the
    executed instructions are counted, of each layer and of a dense build beside it;
    with --cmsis-nn also of Arm's dense kernels for each convolution and linear layer.
    """
    from snnc.api.data.windows import windows
    from snnc.bench.peers import PEERS
    from snnc.bench.timing import one_core

    if target != "host":
        from snnc.commands.measure.bench_target import OnTarget, bench_target

        if fit or densities or peers:
            raise SnncError(
                BAD_OPTION, "--fit, --densities and --peers time the host, not a --target"
            )
        calibration = calibrate or data, calibrate_samples
        wanted = OnTarget(data, split, samples, calibration, max_ram, cmsis_nn, weight_type)
        bench_target(model, target, wanted, json_file)
        return
    if calibrate or calibrate_samples or max_ram or cmsis_nn or weight_type != "int8":
        raise SnncError(
            BAD_OPTION,
            "--calibrate, --calibrate-samples, --max-ram, --weight-type and --cmsis-nn need a "
            "--target",
        )
    rates = _rates(densities)
    names = peers.split(",") if peers else list(PEERS)
    if unknown := sorted(set(names) - set(PEERS)):
        raise SnncError(
            BAD_OPTION, f"there is no peer called {unknown[0]}", hint=f"Choose among {list(PEERS)}."
        )
    source = model.load()
    recordings = [window.frames for window in windows(source, data, split, samples)]
    console = console_for(json_file)
    with one_core() as core:
        if fit:
            result = _fit(source.module, recordings[0], rounds)
        else:
            chosen = {who: PEERS[who] for who in names}
            result = _measure(source.module, recordings, rates, chosen, rounds, core)
    write_json(result, json_file)
    if fit:
        _show_prices(console, result)
    else:
        _show(console, model.spec, result)


def _rates(text: str) -> list[float]:
    try:
        rates = [float(part) for part in text.split(",") if part]
    except ValueError:
        rates = [-1.0]
    if any(not 0.0 < rate <= 1.0 for rate in rates):
        raise SnncError(BAD_OPTION, f"--densities {text} are not numbers above 0, at most 1")
    return rates


def _measure(
    module: nn.Module,
    recordings: Sequence[Frames],
    rates: Sequence[float],
    peers: Mapping[str, Prepare],
    rounds: int,
    core: int | None,
) -> dict[str, Any]:
    import torch

    from snnc.bench.contest import Rules, contest
    from snnc.bench.densities import fire_at
    from snnc.bench.roofline import roofline
    from snnc.bench.timing import machine

    roof = roofline()
    result: dict[str, Any] = {
        "machine": machine() | {"core": str(core)},
        "threads": 1,
        "rounds": rounds,
        "samples": len(recordings),
    }
    with progress_bar() as bar:
        task = bar.add_task("timing", total=None)

        def timed(network: nn.Module) -> dict[str, Any]:
            return contest(
                network,
                recordings,
                Rules(rounds, peers),
                roof=roof,
                round_done=lambda: bar.advance(task),
            )

        result |= timed(module) | {"roofline": roof, "densities": {}}
        frames = torch.from_numpy(recordings[0].astype("float32"))[:, None]
        for rate in rates:
            forced = fire_at(module, frames, rate)
            result["densities"][str(rate)] = timed(forced.module) | {"reached": forced.reached}
    return result


def _fit(module: nn.Module, frames: Frames, rounds: int) -> dict[str, Any]:
    import dataclasses

    from snnc.bench.fit import fitted
    from snnc.compiler.calibrate import kernel_costs

    found = fitted(module, frames, rounds)
    path = kernel_costs.save(found.model)
    return {
        "machine": found.model.machine,
        "file": str(path),
        "prices": {
            f"{op} {kernel}": dataclasses.asdict(price) | {"error": found.errors[op, kernel]}
            for (op, kernel), price in found.model.prices.items()
        },
    }


def _show_prices(console: Console, result: dict[str, Any]) -> None:
    columns = ("a vector of outputs", "a word of spikes", "a weight vector", "median error")
    title = f"nanoseconds on {result['machine']}"
    table = slim_table("kernel", numbers=columns, title=title)
    for kernel, price in result["prices"].items():
        numbers = [f"{price[key]:.3f}" for key in ("pixel", "word", "vector")]
        table.add_row(kernel, *numbers, f"{100 * price['error']:.0f} %")
    console.print(table)
    console.print(f"kept in {result['file']}")


def _show(console: Console, model: str, result: dict[str, Any]) -> None:
    _show_contest(
        console, f"{model}: one recording, one core of {result['machine']['cpu']}", result
    )
    _show_layers(console, result)
    for rate, contest in result["densities"].items():
        reached = contest["reached"].values()
        title = f"hidden layers at {rate} (reached {min(reached):.3g} to {max(reached):.3g})"
        _show_contest(console, title, contest)


def _show_contest(console: Console, title: str, result: dict[str, Any]) -> None:
    columns = ("median ms", "fastest", "slowest", "of ours", "score difference")
    table = slim_table("contestant", numbers=columns, title=title)
    ours = result["ours"]["f32"]
    for who, time in (result["ours"] | result["peers"]).items():
        fastest, slowest = result["spread"][who]
        label = f"snnc {who}" if who in result["ours"] else who
        row = [f"{value:.2f}" for value in (time, fastest, slowest)]
        table.add_row(label, *row, f"{time / ours:.1f}", f"{result['score_difference'][who]:.2g}")
    console.print(table)
    for who, reason in result["missing"].items():
        console.print(f"not measured: {who}: {reason}")
    for kind, precision in (("ratio", "float32"), ("ratio_int8_peers", "int8")):
        for dtype, ratio in result.get(kind, {}).items():
            peer = result["fastest_peer"][kind]
            worked = result[f"{kind}_processor"][dtype]
            console.print(
                f"fastest {precision} peer ({peer}) / ours, {dtype}: {ratio:.1f} "
                f"(by processor time {worked:.1f})"
            )


def _show_layers(console: Console, result: dict[str, Any]) -> None:
    roof = result["roofline"]
    table = slim_table(
        "layer",
        numbers=("ms", "input density", "weights GB/s", "of L1", "of L2"),
        title=f"roofline ({roof['vector']}): L1 {roof['l1_load_gb_s']} GB/s, "
        f"L2 {roof['l2_load_gb_s']} GB/s, {roof['adds_g_s']} G additions/s",
    )
    for layer in result["layers"]:
        cells = [f"{layer['ms']:.3f}"]
        if "weights_gb_s" in layer:
            density = layer["input_density"]
            cells += ["" if density is None else f"{density:.3f}", f"{layer['weights_gb_s']:.1f}"]
            cells += [f"{100 * layer[key]:.0f} %" for key in ("of_l1_roof", "of_l2_roof")]
        table.add_row(layer["name"], *cells)
    console.print(table)
