"""What a capture gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, fx, nn
from torch.utils._pytree import TreeSpec

from snnc.compiler.frontend.capture.window import Reset


@dataclass(frozen=True)
class Input:
    """One tensor that the model is given.

    Attributes:
        name: where it stands in the arguments: ``[0]``, ``[0]['image']``.
        stride: how it lay in memory when it was captured; replays are given it so.
    """

    name: str
    node: fx.Node
    shape: tuple[int, ...]
    stride: tuple[int, ...]


@dataclass(frozen=True)
class Output:
    """One item of what the model gives.

    Attributes:
        name: where it stands in the result: "" for the result itself, ``['spikes']``, ``[0]``.
        node: its value; None where it is the plain Python ``constant``.
    """

    name: str
    node: fx.Node | None
    constant: Any = None


@dataclass(frozen=True)
class State:
    """A tensor that a per-step model keeps from one call to the next.

    Attributes:
        name: path of the attribute that holds it.
        initial: the tensor at rest, an attribute of the graph; None where the first call makes it.
        values: its value after each call; None where the attribute held no tensor.
    """

    name: str
    initial: fx.Node | None
    values: tuple[fx.Node | None, ...]

    @property
    def final(self) -> fx.Node | None:
        """Its value after the last call."""
        return self.values[-1]


@dataclass(frozen=True)
class Captured:
    """What PyTorch executed, as a graph of ATen calls.

    Attributes:
        graph: placeholders (one for each tensor that the model is given, in their order), get_attr
            (tensors that the model has), call_function (ATen overloads, operator.getitem),
            call_module (leaves) and an output: the tuple of all output tensors, then the last value
            of each state. :class:`~snnc.compiler.frontend.capture.recorder.Recorder` says what a
            node's ``meta`` holds.
        root: module with everything that ``get_attr`` and ``call_module`` name, for
            ``fx.Interpreter(root, graph=graph)`` or ``fx.GraphModule(root, graph)``.
        tensors: what ``get_attr`` names, by path. Tied parameters are one, under the first path.
        steps: T as declared; a per-step model was called so often.
        states: of a per-step model, in the order of its attributes.
        written: tensors of the model that running it writes into (and that are put back).
    """

    model: nn.Module
    graph: fx.Graph
    root: nn.Module
    tensors: Mapping[str, Tensor]
    inputs: tuple[Input, ...]
    input_spec: TreeSpec
    outputs: tuple[Output, ...]
    output_spec: TreeSpec
    states: tuple[State, ...] = ()
    steps: int | None = None
    per_step: bool = False
    reset: Reset | None = None
    written: tuple[Tensor, ...] = ()
    input_constants: tuple[Any, ...] = field(default=())

    @property
    def parameters(self) -> dict[str, Tensor]:
        """The parameters that the graph reads, by path."""
        return self._of_kind("parameter")

    @property
    def buffers(self) -> dict[str, Tensor]:
        """The buffers that the graph reads, by path."""
        return self._of_kind("buffer")

    @property
    def constants(self) -> dict[str, Tensor]:
        """Other tensors that the graph reads: attributes, and what the code itself makes."""
        return self._of_kind("attribute", "constant")

    def module(self) -> fx.GraphModule:
        """The graph as a module, whose generated code can be read."""
        return fx.GraphModule(self.root, self.graph)

    def _of_kind(self, *kinds: str) -> dict[str, Tensor]:
        nodes = [node for node in self.graph.nodes if node.op == "get_attr"]
        names = [str(node.target) for node in nodes if node.meta["kind"] in kinds]
        return {name: self.tensors[name] for name in names}
