"""The graph of a captured model: what PyTorch executes, cut into steps, folded and understood."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import torch
from torch.utils import _pytree as pytree

from snnc.compiler.frontend.capture import Captured
from snnc.compiler.frontend.importing import Importing
from snnc.compiler.frontend.outputs import named_outputs
from snnc.compiler.frontend.reroll.body import Output, Sequence, Value
from snnc.compiler.frontend.reroll.expand import Expander
from snnc.compiler.frontend.reroll.steps import Source, StepCall
from snnc.compiler.frontend.reroll.streams import fold
from snnc.compiler.frontend.understand.body_values import Lowered, Operation
from snnc.compiler.frontend.understand.lowering import Lowering
from snnc.compiler.frontend.understand.observer import Observer
from snnc.compiler.frontend.understand.taps import Tap, Tapping
from snnc.compiler.ir.graph import Graph, Kind, TensorType
from snnc.compiler.ir.operation import EdgeWrite
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops import TimeStack
from snnc.errors import UNSUPPORTED_LAYER, SnncError


def import_captured(
    captured: Captured,
    input_shape: tuple[int, ...],
    time_steps: int,
    name: str = "model",
    still: bool = False,
) -> Graph:
    """The graph of a captured model.

    Args:
        captured: of a model that takes [T, N, *input_shape] with N of at least 2, and gives class
            scores [N, classes], or a dict of such vectors.
        input_shape: of one step.
        time_steps: T.
        name: of the graph.
        still: the model reads the first step of a window of equal ones, and repeats it itself.

    Raises:
        SnncError: UNSUPPORTED_LAYER with the user's line; BAD_SHAPE, BAD_WEIGHTS.
    """
    given = TensorType(tuple(input_shape), Kind.COUNT)
    importing, outputs = read_captured(captured, given, time_steps, name, still)
    return importing.graph(outputs)


def read_captured(
    captured: Captured,
    given: TensorType,
    time_steps: int,
    name: str,
    still: bool = False,
) -> tuple[Importing, list[str]]:
    """The same as a graph under construction, of an input of any kind (``given``), and its outputs.

    Raises as :func:`import_captured`.
    """
    g = Importing(name, time_steps)
    node = g.input(given.shape, given.kind)
    if len(captured.inputs) != 1:
        raise SnncError(
            UNSUPPORTED_LAYER,
            f"the model takes {len(captured.inputs)} tensors",
            hint="Let it take one tensor.",
        )
    g.samples = captured.inputs[0].shape[1]
    expander = Expander(captured.graph, captured.tensors, time_steps, still)
    ready = iter(expander.outputs)
    leaves = [o.constant if o.node is None else next(ready) for o in captured.outputs]
    results = named_outputs(pytree.tree_unflatten(leaves, captured.output_spec))
    body = fold(expander.steps, results)
    lowering = Lowering(g, body, {str(captured.inputs[0].node.target): node})
    g.output_names = tuple(results)
    outputs = [_vector(g, lowering, body.outputs[key]) for key in results]
    lowering.close()
    _leave_out(g, outputs)
    g.observer = Observer(captured, _taps(g, expander, lowering.spikes))
    return g, outputs


def _leave_out(g: Importing, outputs: Iterable[str]) -> None:
    """Drop what nothing reads: a sum of which only the mean was wanted."""
    kept = {*outputs}
    for name, node in reversed(list(g.nodes.items())):
        if name in kept or node.plays(Role.INPUT) or isinstance(node.op, EdgeWrite):
            kept |= {name, *node.inputs}
        else:
            del g.nodes[name]


def _taps(
    g: Importing, expander: Expander, spikes: Mapping[str, tuple[Value, bool]]
) -> dict[str, Tap]:
    """Where the captured graph has the values of nodes that decide."""
    tapping = Tapping(expander)
    kept = {name: value for name, value in spikes.items() if name in g.nodes}
    found = {
        name: tapping.tap(value, negated, g.type_of(name).shape)
        for name, (value, negated) in kept.items()
    }
    return {name: tap for name, tap in found.items() if tap is not None}


def _vector(g: Importing, lowering: Lowering, output: Output) -> str:
    """The node of an output: its numbers in one vector, in PyTorch's order."""
    value = lowering.output(output)
    if value.folded or (isinstance(output, Sequence) and output.place.axis == 0):
        raise SnncError(
            UNSUPPORTED_LAYER,
            f"the model gives {g.type_of(value.name)}, and samples are not its first axis",
            hint="Let forward give [N, ...], or give --readout, for a result for each step.",
        )
    flat = (math.prod(value.shape),)
    call = StepCall("output", {}, g.time_steps, Source(), (g.samples, *flat), torch.float32)
    operation = Operation(g, call, {})
    name = operation.shaped(Lowered(value.name, flat))
    if isinstance(output, Sequence):
        op = TimeStack(steps=g.time_steps, inner=output.inner)
        return operation.add(op, [name]).name
    return name
