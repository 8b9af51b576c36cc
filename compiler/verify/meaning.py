"""Does a graph mean what its PyTorch model computes? Asked when a model is read.

The model runs on a few windows, sparse and extreme. Where the interpreter, free running, gives the
same spikes and outputs within their rounding bound, the graph means the same for them. Where it
does not, each node is judged by itself on PyTorch's own spikes (docs/numerics.md): a spike that no
rounding explains, or an output beyond its bound, is a difference in meaning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import nn

from snnc.compiler.ir.graph import Array, Graph, Kind, Node, TensorType
from snnc.compiler.ir.roles import Role
from snnc.compiler.passes.pipeline import lowered
from snnc.compiler.verify import reference
from snnc.compiler.verify.exact import Decision, Exact
from snnc.compiler.verify.pytorch import discrete_nodes, run_pytorch
from snnc.errors import InternalError

Values = Mapping[str, torch.Tensor]

_EVENTS, _DENSITIES = 3.0, (0.05, 1.0, 40.0)
"""The windows: some events a step, near rest; mean counts as of recordings, dense, far beyond. Of
real numbers these are standard deviations."""


def windows(given: TensorType, time_steps: int, *, still: bool = False) -> Iterator[Array]:
    """Windows [T, *shape] of event counts or, where the input is ``given`` as REAL, of numbers of
    both signs; ``still``: each of one frame."""
    rng = np.random.default_rng(0)
    for mean in (_EVENTS / given.size, *_DENSITIES):
        shape = (time_steps, *given.shape)
        real = given.kind is Kind.REAL
        drawn = rng.normal(0.0, mean, shape) if real else rng.poisson(mean, shape)
        frames = np.asarray(drawn, np.float32)
        yield np.broadcast_to(frames[:1], frames.shape).copy() if still else frames


def difference(model: nn.Module, graph: Graph, *, still: bool = False) -> str:
    """What the graph gives otherwise than the model; empty where nothing was found.

    Args:
        model: takes [T, N, *shape].
        graph: as it was read from the model.
        still: the model needs the same frame at every step.
    """
    source = lowered(graph)
    (given,) = (node for node in source if node.plays(Role.INPUT))
    for frames in windows(given.type, source.time_steps, still=still):
        found = _different(model, source, torch.from_numpy(frames))
        if found:
            return found
    return ""


def _different(model: nn.Module, graph: Graph, x: torch.Tensor) -> str:
    discrete = discrete_nodes(graph)
    try:
        outputs, spikes = run_pytorch(model, graph, discrete, x)
    except InternalError as error:  # a module ran more or less often than it was read
        return f"{error.where}: {error.what}"
    for node in discrete:
        values = spikes[node.name]
        is_spike = node.type.kind is Kind.SPIKE
        if is_spike and not bool(((values == 0) | (values == 1)).all()):
            return f"{node.loc.module or node.name} gives other numbers than 0 and 1"
    missing = set(graph.output_names) ^ set(outputs)
    if missing:
        return f"the outputs {sorted(missing)} are not the same"
    free = reference.run(graph, {"input": x})
    wrong = [node for node in discrete if not torch.equal(free[node.name], spikes[node.name])]
    decided = Exact(graph, x, spikes).decisions if wrong else {}
    for node in wrong:
        if found := _unexplained(node, spikes[node.name], decided[node.name]):
            return found
    return _outputs_differ(graph, x, spikes, outputs)


def _unexplained(node: Node, own: torch.Tensor, decision: Decision) -> str:
    """What no rounding explains in a node's spikes, given all spikes before it."""
    bad = decision.differs(own) & ~(decision.distance(own) <= decision.leeway)
    if not bool(bad.any()):
        return ""
    step, *place = (int(i) for i in bad.nonzero()[0])
    return (
        f"{node.loc.module or node.name} fires otherwise in {int(bad.sum())} of {bad.numel()} "
        f"cases, the first at step {step}, neuron {place}"
    )


def _outputs_differ(
    graph: Graph, x: torch.Tensor, spikes: Values, outputs: Mapping[str, Array]
) -> str:
    """An output beyond its rounding bound, from PyTorch's own spikes."""
    judged = reference.judge(graph, {"input": x}, spikes, set(graph.outputs))
    for name, node in zip(graph.output_names, graph.outputs, strict=True):
        verdict = judged[node]
        theirs = torch.from_numpy(outputs[name].astype(np.float64)).reshape(-1)
        exact = verdict.value.reshape(-1)
        if theirs.numel() != exact.numel():
            return f"output {name} has {theirs.numel()} numbers, and {exact.numel()} were read"
        discrete = graph[node].type.kind is Kind.SPIKE
        bound = torch.zeros_like(exact) if discrete else verdict.error.reshape(-1)
        beyond = ~((theirs - exact).abs() <= bound)
        if bool(beyond.any()):
            at = int(beyond.nonzero()[0])
            return (
                f"output {name} is {float(theirs[at]):g} at {at} in PyTorch and "
                f"{float(exact[at]):g} as it was read"
            )
    return ""
