"""What every op must say about itself: seven facets, none with a default.

An op that forgets its cost must not silently cost zero, so each facet is abstract and a missing one
fails where the op is defined. A facet takes one view of the node (:mod:`.view`).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import TYPE_CHECKING, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt
import torch

from snnc.compiler.ir.graph import Array, Kind, Location, Node, TensorType, Time, usual
from snnc.compiler.ir.operation import Operation
from snnc.compiler.ops.view import BoundedRun, NodeRun, NodeView
from snnc.errors import BAD_SHAPE, UNSUPPORTED_LAYER, InternalError, SnncError

if TYPE_CHECKING:
    from snnc.compiler.program.emitter import Emitter

IntArray = npt.NDArray[np.int64]


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
    """A case for the generated tests: an op, the types of its inputs, its parameters."""

    op: Op
    inputs: tuple[TensorType, ...]
    params: Mapping[str, Array] = field(default_factory=dict)
    time_steps: int = 3


@dataclass(frozen=True)
class Most:
    """The largest value of whole numbers: ``factor`` times the largest event count that the
    network is given, and ``rest``."""

    factor: int
    rest: int

    @classmethod
    def of(cls, given: Iterable[Most]) -> Most:
        """What is no larger than the largest of several."""
        bounds = list(given)
        return cls(max(b.factor for b in bounds), max(b.rest for b in bounds))


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


class Typed(Operation):
    """An op whose type follows from what it is given."""

    @abstractmethod
    def infer(self, view: NodeView) -> TensorType:
        """Type of the output. Raises SnncError (BAD_SHAPE) where the inputs do not fit."""


class Op(Typed):
    """An operation of the IR, with all its facets in one place."""

    rows: ClassVar[Rows] = Rows.NEVER
    real_params: ClassVar[bool] = False
    """Whether its parameters are real numbers in an integer graph too."""
    layout: ClassVar[Layout] = Layout.USUAL

    def rows_of(self, view: NodeView) -> Rows:
        """Whether this node can run on some rows at a time; by default as the op says."""
        return self.rows

    def batches(self, view: NodeView) -> bool:
        """Whether this node has a kernel that works on several steps at once, for less than they
        cost one by one; by default it has none."""
        return False

    def states(self, node: Node) -> int:
        """How many numbers it keeps for each element from step to step, beside its value."""
        return 0

    def keeps_potential(self, node: Node) -> bool:
        """Whether the C keeps a membrane potential, which can be observed."""
        return False

    def most(self, view: NodeView, given: Sequence[Most]) -> Most:
        """How large its whole numbers may get, from how large those of its inputs may.

        Raises:
            InternalError: it gives counts and does not say; C holds a count in 16 bits.
        """
        raise InternalError(
            f"{self.name} gives counts and does not say how large they get", where=view.node.name
        )

    @abstractmethod
    def time(self) -> Time:
        """How the op uses time."""

    @abstractmethod
    def reference(self, run: NodeRun) -> torch.Tensor:
        """PyTorch semantics, in the dtype of the inputs."""

    def advance(self, run: NodeRun) -> torch.Tensor:
        """:meth:`reference` a step at a time, for an op with state inside a recurrent loop.

        Args:
            run: the node at this step, its inputs [1, *shape]. By default its memory is all inputs
                so far, and all steps are computed anew; neurons know better.

        Returns:
            Output of this step, [1, *shape].
        """
        seen = [*run.memory.get("inputs", []), run.inputs]
        run.memory["inputs"] = seen
        so_far = [torch.cat(steps) for steps in zip(*seen, strict=True)]
        return self.reference(run.on(so_far))[-1:]

    @abstractmethod
    def error(self, run: BoundedRun) -> torch.Tensor:
        """Rigorous bound on |computed in float32, any order of summation - exact|.

        The parameters are exact (a float32 run rounds them first). An op with a discrete output
        (spikes, masks) gives 1 where a correct float32 run may take the other value and 0 where it
        may not.
        """

    @abstractmethod
    def count(self, run: NodeRun) -> Counts:
        """Operations that the generated C executes on these inputs (exact integers)."""

    @abstractmethod
    def emit(self, node: Node, c: Emitter) -> None:
        """Write the C call(s) of one step."""

    @classmethod
    @abstractmethod
    def samples(cls) -> Iterable[Sample]:
        """Cases for the generated differential tests."""


@dataclass
class Lowered:
    """What a composite becomes: primitive nodes whose types are not inferred yet (the last one
    takes the composite's name), and the parameters that they name."""

    nodes: list[Node]
    params: dict[str, Array]


class Composite(Typed):
    """An op that a frontend may use and that a lowering pass splits into primitives."""

    @abstractmethod
    def lower(self, view: NodeView) -> Lowered:
        """Primitive nodes that compute the same function."""


class Lowering:
    """Collects the nodes and parameters that replace a composite, in order."""

    def __init__(self, composite: Node) -> None:
        self.composite = composite
        self.lowered = Lowered([], {})

    def node(
        self,
        part: str,
        op: Operation,
        inputs: Sequence[str],
        params: Mapping[str, Array] | None = None,
        module: str = "",
    ) -> str:
        """Add a node called after its part of the composite ("" for the last one).

        Args:
            part: suffix of the name, and of the module path unless ``module`` is given.
            op: the primitive op.
            inputs: names of its inputs.
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
                params=keys,
                loc=Location(path, base.loc.source),
            )
        )
        return name


_Wanted = TypeVar("_Wanted", bound=Operation)


def as_op(node: Node, wanted: type[_Wanted]) -> _Wanted:
    """The op of a node that is known to be of a class. Raises InternalError where it is not."""
    if not isinstance(node.op, wanted):
        raise InternalError(f"{node.op.name} stands where {wanted.name} must", where=node.name)
    return node.op


UNTYPED = TensorType((), Kind.REAL)
"""Stands for the type of a node that has not been inferred yet."""


def shape_error(node: Node, what: str) -> SnncError:
    """The error for inputs that do not fit a node."""
    return SnncError(BAD_SHAPE, what, where=node.loc.module or node.name)


def unsupported(node: Node, what: str, hint: str) -> SnncError:
    """The error for an option that an op does not have."""
    return SnncError(UNSUPPORTED_LAYER, what, where=node.loc.module or node.name, hint=hint)


def expect_layout(node: Node, how: Layout, inputs: Sequence[TensorType]) -> None:
    """Raise unless the inputs are packed as the op needs them."""
    if how is Layout.OWN:
        return
    for given in inputs:
        if given.packed != (usual(given.shape) if how is Layout.USUAL else inputs[0].packed):
            raise shape_error(
                node, f"{node.op.name} cannot read a value that is packed so: {given}"
            )


def expect_time(node: Node, given: TensorType) -> None:
    """Raise unless there is a value for each time step."""
    if not given.temporal:
        raise shape_error(node, f"{node.op.name} needs a value for each time step, got {given}")


def expect_rank(node: Node, given: TensorType, rank: int) -> None:
    """Raise unless the value has the rank that the op needs."""
    if len(given.shape) != rank:
        raise shape_error(node, f"{node.op.name} needs a {rank}-D input per step, got {given}")
