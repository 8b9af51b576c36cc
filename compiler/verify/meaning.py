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

from snnc.compiler.frontend.capture.driving import at_rest
from snnc.compiler.ir.graph import Array, Graph, Kind, Node
from snnc.compiler.ops import op_of
from snnc.compiler.ops.cells.op import Cell
from snnc.compiler.ops.neurons.neuron import Neuron
from snnc.compiler.passes.pipeline import lowered
from snnc.compiler.verify import reference
from snnc.compiler.verify.float_judge import captured, is_discrete
from snnc.compiler.verify.outputs import pytorch_outputs
from snnc.errors import InternalError

Values = Mapping[str, torch.Tensor]

_EVENTS, _DENSITIES = 3.0, (0.05, 1.0, 40.0)
"""The windows: some events a step, near rest; mean counts as of recordings, dense, far beyond."""


def windows(shape: tuple[int, ...], time_steps: int, *, still: bool = False) -> Iterator[Array]:
    """Windows of event counts [T, *shape]; ``still``: each of one frame."""
    rng = np.random.default_rng(0)
    for mean in (_EVENTS / np.prod(shape), *_DENSITIES):
        frames = rng.poisson(mean, (time_steps, *shape)).astype(np.float32)
        yield np.broadcast_to(frames[:1], frames.shape).copy() if still else frames


def difference(model: nn.Module, graph: Graph, *, still: bool = False) -> str:
    """What the graph gives otherwise than the model; empty where nothing was found.

    Args:
        model: takes [T, N, *shape].
        graph: as it was read from the model.
        still: the model needs the same frame at every step.
    """
    source = lowered(graph)
    (given,) = (node for node in source if node.op == "input")
    for frames in windows(given.type.shape, source.time_steps, still=still):
        found = _different(model, source, torch.from_numpy(frames))
        if found:
            return found
    return ""


def _different(model: nn.Module, graph: Graph, x: torch.Tensor) -> str:
    discrete = [node for node in graph if is_discrete(node)]
    try:
        outputs, spikes = _run(model, graph, discrete, x)
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
    for node in wrong:
        if found := _unexplained(graph, node, x, spikes):
            return found
    return _outputs_differ(graph, x, spikes, outputs)


def _run(
    model: nn.Module, graph: Graph, discrete: list[Node], x: torch.Tensor
) -> tuple[dict[str, Array], dict[str, torch.Tensor]]:
    if graph.observer is not None:
        seen: tuple[dict[str, Array], dict[str, torch.Tensor]]
        seen = graph.observer.observe(model, x, [node.name for node in discrete])
        return seen
    steps = graph.time_steps
    with at_rest(model, None), captured(model, discrete, steps) as values:
        outputs = pytorch_outputs(model, x)
    spikes = {}
    for node, value in zip(discrete, values(), strict=True):
        if value.numel() % (len(value) * node.type.size):
            raise InternalError(f"it gives {list(value.shape)}", where=node.loc.module)
        spikes[node.name] = value.reshape(len(value), -1, *node.type.shape)[:, 0]
    return outputs, spikes


def _unexplained(graph: Graph, node: Node, x: torch.Tensor, spikes: Values) -> str:
    """What no rounding explains in a node's spikes, given all spikes before it."""
    judged = reference.judge(graph, {"input": x}, spikes, {*node.inputs, node.name})
    given = [judged[name] for name in node.inputs]
    own = {role: torch.from_numpy(value) for role, value in graph.params_of(node).items()}
    forced = spikes[node.name].to(torch.float64)
    expected = _decided(node, own, [g.value for g in given], [g.error for g in given], forced)
    bad = (expected - forced).abs() > judged[node.name].error
    if not bool(bad.any()):
        return ""
    step, *place = (int(i) for i in bad.nonzero()[0])
    return (
        f"{node.loc.module or node.name} fires otherwise in {int(bad.sum())} of {bad.numel()} "
        f"cases, the first at step {step}, neuron {place}"
    )


def _decided(
    node: Node,
    own: Mapping[str, torch.Tensor],
    inputs: list[torch.Tensor],
    errors: list[torch.Tensor],
    forced: torch.Tensor,
) -> torch.Tensor:
    """What a node decides on exact inputs, while its state goes on from PyTorch's decisions."""
    op = op_of(node)
    if isinstance(op, Cell):
        return op.decisions(node, own, inputs, forced)
    if not isinstance(op, Neuron):
        return op.reference(node, own, inputs)
    potentials = op.membrane(node, own, inputs[0], forced, errors[0])
    u = torch.stack([potential for potential, _ in potentials])
    threshold = op.threshold(node, own, u)
    fired: torch.Tensor = u > threshold if node.attrs["strict"] else u >= threshold
    return fired.to(forced.dtype)


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
