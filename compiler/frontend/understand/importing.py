"""The graph of a captured model: what PyTorch executes, cut into steps, folded and understood."""

from __future__ import annotations

from typing import Any

from torch.utils import _pytree as pytree

from snnc.compiler.frontend.importing import Importing
from snnc.compiler.frontend.outputs import named_outputs
from snnc.compiler.frontend.reroll.expand import Expander
from snnc.compiler.frontend.reroll.streams import fold
from snnc.compiler.frontend.understand.lowering import Lowering
from snnc.compiler.frontend.understand.values import Lowered, Operation
from snnc.compiler.ir import Graph, Kind
from snnc.errors import UNSUPPORTED_LAYER, SnncError


def import_captured(
    captured: Any, input_shape: tuple[int, ...], time_steps: int, name: str = "model"
) -> Graph:
    """The graph of a captured model.

    Args:
        captured: of a model that takes [T, N, *input_shape] with N of at least 2, and gives class
            scores [N, classes], or a dict of such vectors.
        input_shape: of one step.
        time_steps: T.
        name: of the graph.

    Raises:
        SnncError: UNSUPPORTED_LAYER with the user's line; BAD_SHAPE, BAD_WEIGHTS.
    """
    expander = Expander(captured.graph, captured.tensors, time_steps)
    given = list(expander.outputs)
    leaves = [
        output.constant if output.node is None else given.pop(0) for output in captured.outputs
    ]
    results = named_outputs(pytree.tree_unflatten(leaves, captured.output_spec))
    body = fold(expander.steps, results)
    g = Importing(name, time_steps)
    inputs = [str(item.node.target) for item in captured.inputs]
    if len(inputs) != 1:
        raise SnncError(
            UNSUPPORTED_LAYER,
            f"the model takes {len(inputs)} tensors",
            mend="Let it take one tensor.",
        )
    node = g.input(input_shape, Kind.COUNT)
    lowering = Lowering(g, body, {inputs[0]: node})
    g.output_names = tuple(results)
    outputs = [_vector(g, lowering.output(body.outputs[key])) for key in results]
    lowering.close()
    return g.graph(outputs)


def _vector(g: Importing, value: Any) -> str:
    """The node of an output: one vector of the whole window."""
    if not isinstance(value, Lowered):
        raise SnncError(UNSUPPORTED_LAYER, "an output is no value of the network")
    given = g.type_of(value.name)
    if given.temporal:
        raise SnncError(
            UNSUPPORTED_LAYER,
            f"the model gives {given}, one result for each step",
            mend="Give --readout mean or --readout sum, or reduce over time in forward.",
        )
    if len(value.shape) != 1:
        raise SnncError(
            UNSUPPORTED_LAYER, f"the model gives {given}, not one vector", mend="Flatten it."
        )
    from snnc.compiler.frontend.reroll.steps import Source, StepCall

    call = StepCall("output", {}, time_steps_of(g), Source())
    return Operation(g, call, {}).shaped(value)


def time_steps_of(g: Importing) -> int:
    """Step of what is known after the last step."""
    return g.time_steps
