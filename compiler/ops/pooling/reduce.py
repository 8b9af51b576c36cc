"""Sum, mean and maximum over any axes of a step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import torch

from snnc.compiler.ir import layout
from snnc.compiler.ir.attributes import one_of, sizes
from snnc.compiler.ir.graph import Kind, Node, TensorType, Time
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops.base import Counts, Layout, Most, Op, Sample, shape_error
from snnc.compiler.ops.rounding import SMALLEST, gamma
from snnc.compiler.ops.view import BoundedRun, NodeRun, NodeView
from snnc.compiler.ops.wiring import walks
from snnc.compiler.ops.wiring.walks import Dim, Walk
from snnc.compiler.program.emitter import Emitter

_FUNCTIONS: Mapping[str, Callable[..., torch.Tensor]] = {
    "sum": torch.sum,
    "mean": torch.mean,
    "max": torch.amax,
}

MOST_COUNTED = 65535
"""Most spikes that a COUNT holds."""


class Reduce(Op):
    """The ``function`` ("sum", "mean" or "max") over ``axes``, which go; of all axes
    one number is left. A sum of spikes is a COUNT, their maximum a SPIKE, anything else REAL.
    """

    name = "reduce"
    roles = (Role.STATISTIC,)
    layout = Layout.OWN
    function: str = one_of("max", "mean", "sum")
    axes: tuple[int, ...] = sizes()

    def time(self) -> Time:
        return Time.STEP

    def infer(self, view: NodeView) -> TensorType:
        (given,) = view.types
        axes = self.axes
        if not axes or tuple(sorted(set(axes))) != axes or axes[-1] >= len(given.shape):
            raise shape_error(view.node, f"{axes} are no axes of {given}, each once and in order")
        kept = _kept(self, given)
        shape = tuple(given.shape[axis] for axis in kept) or (1,)
        packed = kept.index(given.packed) if given.packed in kept else len(shape) - 1
        return TensorType(shape, _kind(self, given), given.temporal, packed=packed)

    def most(self, view: NodeView, given: Sequence[Most]) -> Most:
        return Most(0, view.types[0].size // view.type.size)

    def reference(self, run: NodeRun) -> torch.Tensor:
        return _reduced(self, run.type, run.inputs[0], self.function)

    def error(self, run: BoundedRun) -> torch.Tensor:
        (x,), (error,) = run.inputs, run.errors
        if self.function == "max":
            return _reduced(self, run.type, error, "max")
        function = self.function
        terms = x[0].numel() / run.output[0].numel()
        whole = bool((x == x.round()).all()) and not bool(error.any())
        rounding = gamma(terms + 2.0) * _reduced(self, run.type, x.abs() + error, function)
        if whole and function == "sum" and float(run.output.abs().max()) < 2**24:
            rounding = torch.zeros_like(run.output)  # whole numbers that float32 holds
        return (
            _reduced(self, run.type, error, function)
            + rounding
            + (terms + 2.0) * SMALLEST * (not whole)
        )

    def count(self, run: NodeRun) -> Counts:
        (x,), (given,) = run.inputs, run.types
        if self.function == "max":
            return Counts.of(len(x), cmp=0 if given.kind is Kind.SPIKE else given.size)
        divided = run.type.size if self.function == "mean" else 0
        counts = Counts.of(len(x), add=given.size, mul=divided)
        if given.kind is Kind.SPIKE and _sum_fits(self, given):
            counts.add[:] = (x != 0).flatten(1).sum(dim=1).numpy()
        return counts

    def emit(self, node: Node, c: Emitter) -> None:
        given, made, function = c.input_type(0), node.type, self.function
        if function == "max":
            self._emit_max(node, c)
            return
        spikes = given.kind is Kind.SPIKE and _sum_fits(self, given)
        held = made.of(Kind.COUNT if spikes else Kind.REAL)
        direct = held.kind is made.kind and function == "sum"
        elements, c_type = layout.elements(held), layout.c_type(held)
        total = c.output() if direct else c.scratch("sum", c_type, elements)
        c.call("snn_clear", layout.step_bytes(held), total, counted=False)
        source = c.input(0) if spikes else c.real_input(0)
        walk = _walk(self, given.of(Kind.SPIKE if spikes else Kind.REAL), held)
        name = f"snn_reduce_sum_{'spike' if spikes else 'real'}"
        c.call(name, *walks.table_of(walk, c, "walk"), source, total)
        if not direct:
            if spikes:
                counted, total = total, c.scratch("real", "float", elements)
                c.call("snn_count_to_f32", made.size, counted, total, counted=False)
            c.call("snn_time_mean_f32", made.size, given.size // made.size, total, c.output())

    def _emit_max(self, node: Node, c: Emitter) -> None:
        given, made = c.input_type(0), node.type
        if made.kind is Kind.SPIKE:  # a maximum of bits is their OR
            walks.clear(c, made)
            walks.move(c, _walk(self, given, made), Kind.SPIKE, c.input(0), c.output(), "walk")
            return
        source, real = c.real_input(0), given.of(Kind.REAL)
        walks.move(c, _walk(self, real, made, first=True), Kind.REAL, source, c.output(), "first")
        table = walks.table_of(_walk(self, real, made), c, "walk")
        c.call("snn_reduce_max_real", *table, source, c.output())

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        cases: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
            ((33, 3, 4), (1, 2)),
            ((5, 40), (0,)),
            ((5, 40), (0, 1)),
        ]
        for kind in Kind:
            for function in ("sum", "mean", "max"):
                for shape, axes in cases:
                    op = cls(function=function, axes=axes)
                    yield Sample(op, (TensorType(shape, kind),))
                given = TensorType((2, 3, 40), kind, packed=2)
                yield Sample(cls(function=function, axes=(1,)), (given,))


def _kept(op: Reduce, given: TensorType) -> list[int]:
    return [axis for axis in range(len(given.shape)) if axis not in op.axes]


def _sum_fits(op: Reduce, given: TensorType) -> bool:
    """Whether a COUNT holds the sum of so many spikes."""
    terms = 1
    for axis in op.axes:
        terms *= given.shape[axis]
    return terms <= MOST_COUNTED


def _kind(op: Reduce, given: TensorType) -> Kind:
    function = op.function
    if given.kind is Kind.SPIKE and function == "max":
        return Kind.SPIKE
    counted = given.kind is Kind.SPIKE and function == "sum" and _sum_fits(op, given)
    return Kind.COUNT if counted else Kind.REAL


def _walk(op: Reduce, given: TensorType, made: TensorType, *, first: bool = False) -> Walk:
    """The loops over all elements, or over the ``first`` along the axes that go."""
    kept, ours, theirs = _kept(op, given), layout.strides(given), layout.strides(made)
    dims = [
        Dim(length, ours[axis], theirs[kept.index(axis)] if axis in kept else 0)
        for axis, length in enumerate(given.shape)
        if axis in kept or not first
    ]
    return Walk(walks.merged(sorted(dims, key=lambda dim: -abs(dim.step_in))), 0, 0)


def _reduced(op: Reduce, made: TensorType, x: torch.Tensor, function: str) -> torch.Tensor:
    """[T, *shape] over the op's axes."""
    axes = [axis + 1 for axis in op.axes]
    return _FUNCTIONS[function](x, dim=axes).reshape(len(x), *made.shape)
