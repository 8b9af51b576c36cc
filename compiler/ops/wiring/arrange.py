"""Any move of a value's elements that strides can say: reshape, permute, slice, flip, repeat."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch

from snnc.compiler.ir import layout
from snnc.compiler.ir.attributes import sizes, whole
from snnc.compiler.ir.graph import Kind, Node, TensorType, Time
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops.base import Counts, Layout, Most, Op, Sample, shape_error
from snnc.compiler.ops.view import BoundedRun, NodeRun, NodeView
from snnc.compiler.ops.wiring import walks
from snnc.compiler.ops.wiring.walks import Dim, Walk
from snnc.compiler.program.emitter import Emitter

REPEATED = -1
"""The source of an axis along which the value is repeated."""


class Arrange(Op):
    """The input seen as ``factors``, its axes taken in another order, in part, or repeated.

    attributes: ``factors`` (a shape of the input's size, row-major); for each axis of what is
    taken: ``source`` (the factor it runs along, each exactly once; or -1, repeated), ``start``,
    ``step`` (negative: backwards) and ``length``; ``shape`` of the output (what is taken,
    row-major) and the axis that it is ``packed`` along. The kind is kept.
    """

    name = "arrange"
    roles = (Role.WIRING,)
    layout = Layout.OWN
    factors: tuple[int, ...] = sizes(least=1)
    source: tuple[int, ...] = sizes(least=REPEATED)
    start: tuple[int, ...] = sizes()
    step: tuple[int, ...] = sizes(least=-(2**31))
    length: tuple[int, ...] = sizes(least=1)
    shape: tuple[int, ...] = sizes(least=1)
    packed: int = whole()

    def time(self) -> Time:
        return Time.STEP

    def infer(self, view: NodeView) -> TensorType:
        (given,) = view.types
        _check(self, view.node, given)
        made = given.seen_as(self.shape, self.packed)
        if walk_of(self, given, made) is None:
            raise shape_error(view.node, f"no strides see {given} as {self.factors} and {made}")
        return made

    def most(self, view: NodeView, given: Sequence[Most]) -> Most:
        return given[0]

    def reference(self, run: NodeRun) -> torch.Tensor:
        return _moved(self, run.inputs[0])

    def error(self, run: BoundedRun) -> torch.Tensor:
        return _moved(self, run.errors[0])

    def count(self, run: NodeRun) -> Counts:
        return Counts.of(run.inputs[0].shape[0])

    def emit(self, node: Node, c: Emitter) -> None:
        given = c.input_type(0)
        walk = walk_of(self, given, node.type)
        assert walk is not None
        if layout.elements(given) == layout.elements(node.type) and _is_copy(walk, given):
            c.call("snn_copy", layout.step_bytes(given), c.input(0), c.output(), counted=False)
            return
        walks.clear(c, node.type)
        walks.move(c, walk, given.kind, c.input(0), c.output(), "walk")

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for kind in Kind:
            for given, op in _CASES:
                yield Sample(op, (TensorType(given, kind),))
        yield Sample(seen((33, 4, 2), (33, 8), 1), (TensorType((33, 4, 2), Kind.SPIKE, packed=1),))


def seen(given: Sequence[int], shape: Sequence[int], packed: int) -> Arrange:
    """A reshape."""
    return taken(given, range(len(given)), shape=shape, packed=packed)


def taken(
    factors: Sequence[int],
    source: Iterable[int],
    *,
    parts: Mapping[int, tuple[int, int, int]] | None = None,
    repeats: Sequence[int] = (),
    shape: Sequence[int] | None = None,
    packed: int = 0,
) -> Arrange:
    """An arrangement.

    Args:
        factors: how the input is seen.
        source: for each axis that is taken its factor, or -1.
        parts: (start, step, length) of factors that are not taken whole.
        repeats: lengths of the repeated axes, in order.
        shape: of the output; default: one axis for each that is taken.
        packed: its packed axis.
    """
    lengths, sources = iter(repeats), [*source]
    whole_ = {f: (0, 1, n) for f, n in enumerate(factors)} | dict(parts or {})
    axes = [(0, 1, next(lengths)) if f == REPEATED else whole_[f] for f in sources]
    start, step, length = zip(*axes, strict=True)
    return Arrange(
        factors=tuple(factors),
        source=tuple(sources),
        start=start,
        step=step,
        length=length,
        shape=tuple(length if shape is None else shape),
        packed=packed,
    )


def walk_of(op: Arrange, given: TensorType, made: TensorType) -> Walk | None:
    """The loops that an arrangement is; None where strides cannot say it."""
    parts = walks.refined(given.shape, op.factors)
    if parts is None:
        return None
    begin, taken_dims = 0, list[tuple[int, int]]()
    by_factor: dict[int, list[tuple[int, int]]] = {}
    inner = [1] * len(given.shape)
    steps = layout.strides(given)
    for length, axis, factor in reversed(parts):
        by_factor.setdefault(factor, []).insert(0, (length, steps[axis] * inner[axis]))
        inner[axis] *= length
    for source, start, step, length in _axes(op):
        found = [(1, 0)] if source == REPEATED else by_factor.get(source, [(1, 0)])
        if source == REPEATED:
            taken_dims.append((length, 0))
        elif len(found) == 1:
            taken_dims.append((length, found[0][1] * step))
            begin += found[0][1] * start
        elif (start, step, length) == (0, 1, op.factors[source]):
            taken_dims.extend(found)
        else:
            return None
    return _written(taken_dims, made, begin)


def _written(taken_dims: list[tuple[int, int]], made: TensorType, begin: int) -> Walk | None:
    """The loops over what is taken, (length, step), into an output."""
    outer = walks.refined([length for length, _ in taken_dims], made.shape)
    if outer is None:
        return None
    steps, dims = layout.strides(made), list[Dim]()
    inner_in, inner_out = [1] * len(taken_dims), [1] * len(made.shape)
    for length, at, axis in reversed(outer):
        dims.insert(0, Dim(length, taken_dims[at][1] * inner_in[at], steps[axis] * inner_out[axis]))
        inner_in[at] *= length
        inner_out[axis] *= length
    walk = Walk(walks.merged(walks.by_output(dims)), begin, 0)
    return walk if len(walk.dims) <= walks.MOST_DIMS else None


def _axes(op: Arrange) -> Iterable[tuple[int, int, int, int]]:
    return zip(op.source, op.start, op.step, op.length, strict=True)


def _check(op: Arrange, node: Node, given: TensorType) -> None:
    """Raise unless the attributes fit each other and the input."""
    factors = op.factors
    lengths = {len(part) for part in (op.source, op.start, op.step, op.length)}
    size = TensorType(factors, given.kind).size if factors else 1
    wrong = len(lengths) > 1 or size != given.size
    if not wrong:
        sources = [source for source in op.source if source != REPEATED]
        wrong = sorted(sources) != list(range(len(factors))) or not op.shape
        wrong = wrong or op.packed >= len(op.shape)
        for source, start, step, length in () if wrong else _axes(op):
            last = start + step * (length - 1)
            wrong = wrong or (source != REPEATED and min(start, last) < 0)
            wrong = wrong or (source != REPEATED and max(start, last) >= factors[source])
    taken_size = TensorType(op.length, given.kind).size if op.length else 1
    made_size = TensorType(op.shape, given.kind).size if op.shape else 1
    if wrong or taken_size != made_size:
        raise shape_error(node, f"{given} cannot be arranged as {dict(op.settings)}")


def _moved(op: Arrange, x: torch.Tensor) -> torch.Tensor:
    """[T, *shape] of the input, arranged."""
    x = x.reshape(len(x), *op.factors)
    order = [source for source in op.source if source != REPEATED]
    x = x.permute(0, *(source + 1 for source in order))
    for axis, (source, start, step, length) in enumerate(_axes(op), 1):
        if source == REPEATED:
            size = (*x.shape[:axis], length, *x.shape[axis:])
            x = x.unsqueeze(axis).expand(size)
        elif (start, step, length) != (0, 1, x.shape[axis]):
            x = x.index_select(axis, start + step * torch.arange(length))
    return x.reshape(len(x), *op.shape)


def _is_copy(walk: Walk, given: TensorType) -> bool:
    """Whether memory stays as it is; rows of spikes may be padded."""
    inner, *outer = walk.dims
    if walk.start_in or inner.step_in != 1 or inner.step_out != 1:
        return False
    if not outer:
        return inner.length == given.size and (
            given.kind is not Kind.SPIKE or given.pixels == 1 or inner.length % 32 == 0
        )
    row = outer[0]
    return (
        len(outer) == 1
        and given.kind is Kind.SPIKE
        and row.step_in == row.step_out == layout.words(inner.length) * layout.WORD_BITS
        and row.length * inner.length == given.size
    )


_CASES: tuple[tuple[tuple[int, ...], Arrange], ...] = (
    ((40, 2, 3), taken((40, 2, 3), (1, 2, 0), packed=2)),
    ((40, 2, 3), seen((40, 2, 3), (8, 5, 6), 1)),
    ((40, 6), seen((40, 6), (240,), 0)),
    ((6, 40), taken((6, 2, 20), (1, 0, 2), packed=2)),
    ((7, 5), taken((7, 5), (1, 0), shape=(35,))),
    ((35,), taken((35,), (0,), parts={0: (33, -2, 16)})),
    ((3, 4, 5), taken((3, 4, 5), (0, 1, 2), parts={1: (1, 2, 2)}, packed=1)),
    ((2, 64), taken((2, 64), (-1, 0, 1), repeats=(3,), shape=(6, 64), packed=1)),
    ((5, 4), taken((5, 4), (0, -1, 1, -1), repeats=(2, 2), shape=(10, 8), packed=0)),
    ((4, 33), taken((4, 33), (0, 1), parts={0: (2, 1, 1)}, shape=(33,))),
)
