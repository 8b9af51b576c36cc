"""One comparison: a network on given frames, the C and its peers, in turn on one core."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from snnc.atomic import scratch_folder
from snnc.bench.peers import INT8, PEERS, Prepare, assemble
from snnc.bench.profile import profile
from snnc.bench.roofline import layer_entries
from snnc.bench.timing import Timing, joined, time_in_turn
from snnc.compiler.compilation import Compilation, compile_graph
from snnc.compiler.frontend.torch_fx import import_module
from snnc.compiler.host.build import ANY, compile_model
from snnc.compiler.host.model import HostModel
from snnc.compiler.ir import layout
from snnc.compiler.ir.graph import Graph, Kind
from snnc.compiler.ops.int8.fixed import unit_of
from snnc.compiler.ops.synapses.synapse import DENSE
from snnc.compiler.passes import pipeline
from snnc.compiler.passes.choose_kernels import one_kernel
from snnc.compiler.plan.batches import MOST_STEPS
from snnc.errors import SnncError
from snnc.models.encoders import Numbers

Frames = Numbers

OURS = ("f32", "int8")
OWN_DENSE = "snnc_dense_f32"
NAME = "net"


@dataclass(frozen=True)
class Rules:
    """How a network is timed, and beside whom.

    Attributes:
        rounds: timed rounds a window, after one that does not count.
        peers: by name, as :data:`snnc.bench.peers.PEERS`.
        kernels: the pass that chooses the C's kernels; default: event-driven everywhere.
        whole: also time our own dense kernels, and profile the layers.
        limit_s: most seconds that a peer may take to be built and run once, see
            :func:`snnc.bench.peers.assemble`.
    """

    rounds: int
    peers: Mapping[str, Prepare] = field(default_factory=lambda: PEERS)
    kernels: pipeline.Pass | None = None
    whole: bool = True
    limit_s: float | None = None


def contest(
    module: nn.Module,
    windows: Sequence[Frames],
    rules: Rules,
    *,
    roof: dict[str, Any],
    round_done: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Time one window after the other, all contestants in turn; profile the C on the first.

    Args:
        module: the network, in evaluation mode.
        windows: input [T, *shape] each.
        rules: how, and beside whom.
        roof: the measured roofline, see :func:`snnc.bench.roofline.roofline`.
        round_done: called after every run.

    Returns:
        The JSON content: ``ours``, ``peers``, ``missing``, ``ratio``, ``ratio_int8_peers``,
        ``spread``, ``score_difference``, ``layers``.
    """
    ours = compiled(module, windows[0], rules.kernels)
    contestants = {OURS[0]: ours}
    missing: dict[str, str] = {}
    try:
        contestants[OURS[1]] = quantized(module, windows)
    except SnncError as refusal:  # shown in the result, like a peer that cannot take part
        missing[f"snnc {OURS[1]}"] = str(refusal)
    if rules.whole:
        contestants[OWN_DENSE] = compiled(module, windows[0], partial(one_kernel, kernel=DENSE))
    timings: dict[str, list[Timing]] = {}
    with scratch_folder() as scratch:
        folder = scratch
        hosts = {who: build(entry, folder / who) for who, entry in contestants.items()}
        for window in windows:
            x = torch.from_numpy(window.astype(np.float32))[:, None]
            assembled = assemble(module, x, rules.peers, rules.limit_s)
            runs: dict[str, Callable[[], object]] = {
                **{who: _run(hosts[who], entry, window) for who, entry in contestants.items()},
                **assembled.runs,
            }
            for who, timing in time_in_turn(runs, rules.rounds, round_done).items():
                timings.setdefault(who, []).append(timing)
        profiles = profile(ours, windows[0], folder) if rules.whole else []
        difference = assembled.score_difference | {
            who: _difference(_scores(hosts[who], entry, windows[-1]), module, x)
            for who, entry in contestants.items()
        }
    return summary({who: joined(parts) for who, parts in timings.items()}) | {
        "missing": missing | assembled.missing,
        "score_difference": difference,
        "layers": layer_entries(profiles, roof),
    }


def _run(host: HostModel, compilation: Compilation, window: Frames) -> Callable[[], object]:
    """A run of one window, its frames packed beforehand."""
    frames = layout.frames(compilation.graph["input"].type, window)
    return partial(host.classify, frames)


def _scores(host: HostModel, compilation: Compilation, window: Frames) -> npt.NDArray[np.float32]:
    """Class scores of one window, an integer's unit multiplied in."""
    output = compilation.graph[compilation.graph.outputs[0]]
    scores = _run(host, compilation, window)()
    return np.asarray(scores, np.float32) * np.float32(unit_of(output))


def compiled(
    module: nn.Module, window: Frames, kernels: pipeline.Pass | None, batch: int = MOST_STEPS
) -> Compilation:
    """The compilation of a network for windows like this one, as ``snnc compile`` makes it.

    ``batch``: most steps that a layer takes at once.
    """
    return compile_graph(_graph(module, window), kernels=kernels, batch=batch)


def _graph(module: nn.Module, window: Frames) -> Graph:
    """The graph of a network for windows like this one, counts or real numbers."""
    kind = Kind.REAL if window.dtype.kind == "f" else Kind.COUNT
    shape, steps = window.shape[1:], len(window)
    return import_module(module, shape, steps, name=NAME, input_kind=kind)


def quantized(module: nn.Module, windows: Sequence[Frames]) -> Compilation:
    """The int8 compilation, its ranges taken from the very windows that are timed.

    Raises:
        SnncError: what the quantization refuses.
    """
    return compile_graph(_graph(module, windows[0]), calibration=windows, batch=MOST_STEPS)


def build(compilation: Compilation, folder: Path, march: str = ANY) -> HostModel:
    """Write, compile and load a compilation, with the flags of ``snnc compile --march``."""
    folder.mkdir(parents=True)
    compilation.generated.write(folder)
    library, interface = folder / "net.so", compilation.generated.interface
    compile_model(folder / f"{compilation.graph.name}.c", folder, interface, march).link(library)
    return HostModel(library, interface)


def summary(timings: Mapping[str, Timing]) -> dict[str, Any]:
    """Medians, spreads and ratios of each contestant, by the clock and by processor time."""
    names = {
        "ratio": [who for who in timings if who not in INT8 and who not in OURS],
        "ratio_int8_peers": [who for who in timings if who in INT8],
    }
    ours = [who for who in OURS if who in timings]
    clock = {who: timing.median for who, timing in timings.items()}
    worked = {who: timing.processor_median for who, timing in timings.items()}
    result: dict[str, Any] = {
        "ours": {who: clock[who] for who in ours},
        "peers": {who: time for who, time in clock.items() if who not in OURS},
        "processor_ms": worked,
        "spread": {who: list(timing.spread) for who, timing in timings.items()},
        "fastest_peer": {},
    }
    for kind, peers in names.items():
        if peers:
            fastest = min(peers, key=clock.__getitem__)
            result["fastest_peer"][kind] = fastest
            result[kind] = {dtype: clock[fastest] / clock[dtype] for dtype in ours}
            least = min(worked[who] for who in peers)
            result[f"{kind}_processor"] = {dtype: least / worked[dtype] for dtype in ours}
    return result


def _difference(scores: npt.NDArray[np.float32], module: nn.Module, x: torch.Tensor) -> float:
    with torch.inference_mode():
        wanted: torch.Tensor = module(x)[0]
    return float((torch.from_numpy(scores) - wanted).abs().max())
