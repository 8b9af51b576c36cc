"""Choosing the layers whose weights can be int4 for little accuracy, by calibration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from snnc.compiler.calibrate.ranges import calibrate
from snnc.compiler.ir.graph import Array, Graph
from snnc.compiler.ops.int8.weight_types import everywhere, named
from snnc.compiler.ops.readout.time_stack import axes_of, scores_of_classes
from snnc.compiler.passes import pipeline
from snnc.compiler.verify import reference
from snnc.threads import one_thread


@dataclass(frozen=True)
class Trial:
    """What one more int4 layer did.

    Attributes:
        layer: its name.
        bytes: of its weights as int8.
        changed: recordings that get another class than the float network gives, with all layers
            int4 that were borne before, and this one; counting ends where there are too many.
        borne: whether it is int4 in the end.
    """

    layer: str
    bytes: int
    changed: int
    borne: bool


@dataclass(frozen=True)
class Bearable:
    """The layers that are int4 in the end, and the trials that led there, in order."""

    layers: frozenset[str]
    trials: tuple[Trial, ...]
    recordings: int


@one_thread()
def bearable(graph: Graph, windows: Sequence[Array], loss: float) -> Bearable:
    """The largest layers first, each int4 if the network bears it beside those before.

    What a network bears is that at most ``loss`` of the recordings get another class than the float
    network gives them. So no accuracy on them falls by more, whatever their labels are.

    Args:
        graph: an optimised float graph.
        windows: event counts [T, C, H, W]; training data only.
        loss: share of the recordings, 0 to 1.

    Raises:
        SnncError: BAD_OPTION where there is no window; UNSUPPORTED_LAYER.
    """
    ranges = calibrate(graph, windows)
    expected = [_class(graph, window, torch.float32) for window in windows]
    allowed = int(loss * len(windows))

    def changed(layers: frozenset[str]) -> int:
        twin = pipeline.quantized(graph, ranges, int4=named(layers))
        found = 0
        for window, before in zip(windows, expected, strict=True):
            found += _class(twin, window, torch.int64) != before
            if found > allowed:
                break
        return found

    return _largest_first(graph, changed, allowed, len(windows))


def _largest_first(
    graph: Graph, changed: Callable[[frozenset[str]], int], allowed: int, recordings: int
) -> Bearable:
    sizes = {name: graph.params_of(graph[name])["weight"].size for name in everywhere(graph)}
    layers: frozenset[str] = frozenset()
    trials: list[Trial] = []
    for name in sorted(sizes, key=lambda name: (-sizes[name], name)):
        found = changed(layers | {name})
        trials.append(Trial(name, sizes[name], found, found <= allowed))
        if found <= allowed:
            layers |= {name}
    return Bearable(layers, tuple(trials), recordings)


def _class(graph: Graph, window: Array, dtype: torch.dtype) -> int:
    """The class that a graph gives a window."""
    output = graph[graph.outputs[0]]
    x = torch.from_numpy(np.asarray(window)).to(dtype)
    scores = reference.run(graph, {"input": x}, dtype=dtype, wanted=[output.name])[output.name]
    return int(scores_of_classes(scores.numpy().reshape(-1), axes_of(output)).argmax())
