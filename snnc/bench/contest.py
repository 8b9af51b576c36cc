"""One comparison: a network on given frames, the C and its peers, in turn on one core."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from snnc.bench.peers import INT8, PEERS, Prepare, assemble
from snnc.bench.profile import profile
from snnc.bench.roofline import layer_entries
from snnc.bench.timing import Timing, joined, time_in_turn
from snnc.compiler import layout, pipeline
from snnc.compiler.build import HostModel, compile_shared
from snnc.compiler.compilation import Compilation, compile_graph
from snnc.compiler.frontend.torch_fx import import_module
from snnc.compiler.ops.synapse import DENSE
from snnc.compiler.passes.choose_kernels import one_kernel

Frames = npt.NDArray[np.uint16]

OURS = ("f32",)
OWN_DENSE = "snnc_dense_f32"
NAME = "net"


def contest(
    module: nn.Module,
    windows: Sequence[Frames],
    *,
    rounds: int,
    roof: dict[str, Any],
    peers: Mapping[str, Prepare] = PEERS,
    kernels: pipeline.Pass | None = None,
    whole: bool = True,
    round_done: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Time one window after the other, all contestants in turn; profile the C on the first.

    Args:
        module: the network, in evaluation mode.
        windows: event counts uint16 [T, 2, H, W] each.
        rounds: timed rounds a window, after one that does not count.
        roof: the measured roofline, see :func:`snnc.bench.roofline.roofline`.
        peers: by name, as :data:`snnc.bench.peers.PEERS`.
        kernels: the pass that chooses the C's kernels; default: event-driven everywhere.
        whole: also time our own dense kernels, and profile the layers.
        round_done: called after every run.

    Returns:
        The JSON content: ``ours``, ``peers``, ``missing``, ``ratio``, ``ratio_int8_peers``,
        ``spread``, ``score_difference``, ``layers``.
    """
    ours = compiled(module, windows[0], kernels)
    timings: dict[str, list[Timing]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        hosts = {OURS[0]: build(ours, folder / "ours")}
        if whole:
            own_dense = compiled(module, windows[0], partial(one_kernel, kernel=DENSE))
            hosts[OWN_DENSE] = build(own_dense, folder / "dense")
        for window in windows:
            x = torch.from_numpy(window.astype(np.float32))[:, None]
            frames = layout.pack(ours.graph["input"].type, window).astype(np.uint16)
            assembled = assemble(module, x, peers)
            runs: dict[str, Callable[[], object]] = {
                **{who: partial(host.classify, frames) for who, host in hosts.items()},
                **assembled.runs,
            }
            for who, timing in time_in_turn(runs, rounds, round_done).items():
                timings.setdefault(who, []).append(timing)
        profiles = profile(ours, windows[0], folder) if whole else []
        difference = assembled.score_difference | {
            who: _difference(host.classify(frames).astype(np.float32), module, x)
            for who, host in hosts.items()
        }
    return summary({who: joined(parts) for who, parts in timings.items()}) | {
        "missing": assembled.missing,
        "score_difference": difference,
        "layers": layer_entries(profiles, roof),
    }


def compiled(module: nn.Module, window: Frames, kernels: pipeline.Pass | None) -> Compilation:
    """The compilation of a network for windows like this one."""
    graph = import_module(module, window.shape[1:], len(window), name=NAME)
    return compile_graph(graph, kernels=kernels)


def build(compilation: Compilation, folder: Path) -> HostModel:
    """Write, compile and load a compilation, with the flags of ``snnc compile``."""
    folder.mkdir(parents=True)
    for file, text in compilation.generated.files.items():
        (folder / file).write_text(text, encoding="utf-8")
    library = folder / "net.so"
    compile_shared(folder / f"{compilation.graph.name}.c", library)
    return HostModel(library, compilation.generated.interface)


def summary(timings: Mapping[str, Timing]) -> dict[str, Any]:
    """Medians, spreads and ratios of each contestant, by the clock and by processor time."""
    names = {
        "ratio": [who for who in timings if who not in INT8 and who not in OURS],
        "ratio_int8_peers": [who for who in timings if who in INT8],
    }
    clock = {who: timing.median for who, timing in timings.items()}
    worked = {who: timing.processor_median for who, timing in timings.items()}
    result: dict[str, Any] = {
        "ours": {who: clock[who] for who in OURS},
        "peers": {who: time for who, time in clock.items() if who not in OURS},
        "processor_ms": worked,
        "spread": {who: list(timing.spread) for who, timing in timings.items()},
        "fastest_peer": {},
    }
    for kind, peers in names.items():
        if peers:
            fastest = min(peers, key=clock.__getitem__)
            result["fastest_peer"][kind] = fastest
            result[kind] = {dtype: clock[fastest] / clock[dtype] for dtype in OURS}
            least = min(worked[who] for who in peers)
            result[f"{kind}_processor"] = {dtype: least / worked[dtype] for dtype in OURS}
    return result


def _difference(scores: npt.NDArray[np.float32], module: nn.Module, x: torch.Tensor) -> float:
    with torch.inference_mode():
        wanted: torch.Tensor = module(x)[0]
    return float((torch.from_numpy(scores) - wanted).abs().max())
