"""What every op must say about itself: seven facets, none with a default.

An op that forgets its cost must not silently cost zero, so each facet is abstract and a missing one
fails when the table of ops is built. Tensors given to :meth:`Op.reference`, :meth:`Op.error` and
:meth:`Op.count` belong to one sample and have time as first axis: ``[T, *shape]`` for a temporal
value, ``[1, *shape]`` for a value of the whole window.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch

from snnc.compiler.ir.graph import Array, Kind, Location, Node, TensorType, Time, usual
from snnc.compiler.ops.attributes import Attribute, Parameter
from snnc.errors import BAD_SHAPE, UNSUPPORTED_LAYER, SnncError

if TYPE_CHECKING:
    from snnc.compiler.program.emitter import Emitter

IntArray = npt.NDArray[np.int64]
Params = Mapping[str, "torch.Tensor"]


@dataclass
class Counts:
    """Operations of one node, as int64 per step ([T], or [1] for work done once a window).

    ``ac`` accumulations of a weight, ``mac`` multiply-accumulates, ``mul`` other multiplications
    and divisions, ``add`` other additions, ``cmp`` comparisons.
    """

    ac: IntArray
    mac: IntArray
    mul: IntArray
    add: IntArray
    cmp: IntArray

    @classmethod
    def of(cls, steps: int, **values: IntArray | int) -> Counts:
        """Counts of ``steps`` entries; a plain int stands for the same number in each step."""
        unknown = set(values) - {entry.name for entry in fields(cls)}
        if unknown:
            raise TypeError(f"no such count: {unknown}")
        arrays = {}
        for entry in fields(cls):
            value = np.asarray(values.get(entry.name, 0), dtype=np.int64)
            arrays[entry.name] = np.broadcast_to(value, (steps,)).copy()
        return cls(**arrays)

    def totals(self) -> dict[str, int]:
        """Sums over the window, as Python integers."""
        return {entry.name: int(getattr(self, entry.name).sum()) for entry in fields(self)}


@dataclass
class Sample:
    """A case for the generated tests: a node's attributes, parameters and input types."""

    inputs: tuple[TensorType, ...]
    attrs: Mapping[str, Any] = field(default_factory=dict)
    params: Mapping[str, Array] = field(default_factory=dict)
    time_steps: int = 3


class Rows(Enum):
    """Whether an op can run on some rows of a map at a time (compiler/plan/bands.py).

    LEAD makes rows from a whole input, MAP makes rows from rows, REDUCE takes rows and gives its
    value after the last.
    """

    NEVER = "never"
    LEAD = "lead"
    MAP = "map"
    REDUCE = "reduce"


class Layout(Enum):
    """Which axis the inputs of an op may be packed along (compiler/ir/layout.py).

    USUAL: the usual one of their shape. ALIKE: any, all inputs the same. OWN: as the op says.
    """

    USUAL = "usual"
    ALIKE = "alike"
    OWN = "own"


class Op(ABC):
    """An operation of the IR, with all its facets in one place."""

    name: ClassVar[str]
    attributes: ClassVar[tuple[Attribute, ...]] = ()
    parameters: ClassVar[tuple[Parameter, ...]] = ()
    rows: ClassVar[Rows] = Rows.NEVER
    layout: ClassVar[Layout] = Layout.USUAL

    def parameters_of(self, node: Node) -> tuple[Parameter, ...]:
        """The parameters that this node takes; by default as the op says."""
        return self.parameters

    def rows_of(self, node: Node, inputs: Sequence[TensorType]) -> Rows:
        """Whether this node can run on some rows at a time; by default as the op says."""
        return self.rows

    @abstractmethod
    def time(self, node: Node) -> Time:
        """How the op uses time."""

    @abstractmethod
    def infer(
        self, node: Node, inputs: Sequence[TensorType], params: Mapping[str, Array]
    ) -> TensorType:
        """Type of the output. Raises SnncError (BAD_SHAPE) where the inputs do not fit."""

    @abstractmethod
    def reference(self, node: Node, params: Params, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
        """PyTorch semantics, in the dtype of the inputs."""

    def step(
        self,
        node: Node,
        params: Params,
        inputs: Sequence[torch.Tensor],
        memory: dict[str, Any],
    ) -> torch.Tensor:
        """:meth:`reference` a step at a time, for an op with state inside a recurrent loop.

        Args:
            node: the node.
            params: its parameters.
            inputs: its inputs at this step, [1, *shape].
            memory: what the op keeps from step to step, empty at the first. By default that is all
                inputs so far, and all steps are computed anew; neurons know better.

        Returns:
            Output of this step, [1, *shape].
        """
        seen = [*memory.get("inputs", []), inputs]
        memory["inputs"] = seen
        so_far = [torch.cat(steps) for steps in zip(*seen, strict=True)]
        return self.reference(node, params, so_far)[-1:]

    @abstractmethod
    def error(
        self,
        node: Node,
        params: Params,
        inputs: Sequence[torch.Tensor],
        errors: Sequence[torch.Tensor],
        output: torch.Tensor,
    ) -> torch.Tensor:
        """Rigorous bound on |computed in float32, any order of summation - exact|.

        Args:
            node: the node.
            params: exact parameters, float64 (a float32 run rounds them first).
            inputs: exact inputs, float64.
            errors: bounds on the inputs' own errors.
            output: exact output; for an op with a discrete output (spikes, masks) the output that
                was really taken, from which its state goes on. Such an op gives 1 where a correct
                float32 run may take the other value and 0 where it may not.
        """

    @abstractmethod
    def count(
        self,
        node: Node,
        params: Mapping[str, Array],
        inputs: Sequence[torch.Tensor],
        types: Sequence[TensorType],
    ) -> Counts:
        """Operations that the generated C executes on these inputs (exact integers)."""

    @abstractmethod
    def emit(self, node: Node, c: Emitter) -> None:
        """Write the C call(s) of one step."""

    @abstractmethod
    def samples(self) -> Iterable[Sample]:
        """Cases for the generated differential tests."""


@dataclass
class Lowered:
    """What a composite becomes: primitive nodes whose types are not inferred yet (the last one
    takes the composite's name), and the parameters that they name."""

    nodes: list[Node]
    params: dict[str, Array]


class Composite(ABC):
    """An op that a frontend may use and that a lowering pass splits into primitives."""

    name: ClassVar[str]
    attributes: ClassVar[tuple[Attribute, ...]] = ()
    parameters: ClassVar[tuple[Parameter, ...]] = ()

    def parameters_of(self, node: Node) -> tuple[Parameter, ...]:
        """The parameters that this node takes; by default as the op says."""
        return self.parameters

    @abstractmethod
    def infer(
        self, node: Node, inputs: Sequence[TensorType], params: Mapping[str, Array]
    ) -> TensorType:
        """Type of the output."""

    @abstractmethod
    def lower(self, node: Node, params: Mapping[str, Array]) -> Lowered:
        """Primitive nodes that compute the same function."""


class Lowering:
    """Collects the nodes and parameters that replace a composite, in order."""

    def __init__(self, composite: Node) -> None:
        self.composite = composite
        self.lowered = Lowered([], {})

    def node(
        self,
        part: str,
        op: str,
        inputs: Sequence[str],
        attrs: Mapping[str, Any] | None = None,
        params: Mapping[str, Array] | None = None,
        module: str = "",
    ) -> str:
        """Add a node called after its part of the composite ("" for the last one).

        Args:
            part: suffix of the name, and of the module path unless ``module`` is given.
            op: name of the primitive op.
            inputs: names of its inputs.
            attrs: its attributes.
            params: its parameters by role.
            module: path of the submodule that computes the same value in the source model.

        Returns:
            The node's name.
        """
        base = self.composite
        name = f"{base.name}_{part}" if part else base.name
        path = f"{base.loc.module}.{module or part}" if part else base.loc.module
        keys = {role: f"{name}.{role}" for role in params or {}}
        self.lowered.params |= {keys[role]: value for role, value in (params or {}).items()}
        self.lowered.nodes.append(
            Node(
                name=name,
                op=op,
                inputs=tuple(inputs),
                type=UNTYPED,
                attrs=attrs or {},
                params=keys,
                loc=Location(path, base.loc.source),
            )
        )
        return name


UNTYPED = TensorType((), Kind.REAL)
"""Stands for the type of a node that has not been inferred yet."""


def shape_error(node: Node, what: str) -> SnncError:
    """The error for inputs that do not fit a node."""
    return SnncError(BAD_SHAPE, what, where=node.loc.module or node.name)


def unsupported(node: Node, what: str, mend: str) -> SnncError:
    """The error for an option that an op does not have."""
    return SnncError(UNSUPPORTED_LAYER, what, where=node.loc.module or node.name, mend=mend)


def expect_layout(node: Node, how: Layout, inputs: Sequence[TensorType]) -> None:
    """Raise unless the inputs are packed as the op needs them."""
    if how is Layout.OWN:
        return
    for given in inputs:
        if given.packed != (usual(given.shape) if how is Layout.USUAL else inputs[0].packed):
            raise shape_error(node, f"{node.op} cannot read a value that is packed so: {given}")


def expect_time(node: Node, given: TensorType) -> None:
    """Raise unless there is a value for each time step."""
    if not given.temporal:
        raise shape_error(node, f"{node.op} needs a value for each time step, got {given}")


def expect_rank(node: Node, given: TensorType, rank: int) -> None:
    """Raise unless the value has the rank that the op needs."""
    if len(given.shape) != rank:
        raise shape_error(node, f"{node.op} needs a {rank}-D input per step, got {given}")
