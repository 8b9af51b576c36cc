"""Values one after the other along an axis."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch

from snnc.compiler.ir import layout
from snnc.compiler.ir.attributes import whole
from snnc.compiler.ir.graph import Kind, Node, TensorType, Time
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops.base import Counts, Layout, Most, Op, Sample, shape_error
from snnc.compiler.ops.view import BoundedRun, NodeRun, NodeView
from snnc.compiler.ops.wiring import walks
from snnc.compiler.ops.wiring.walks import Dim, Walk
from snnc.compiler.program.emitter import Emitter


class Concat(Op):
    """The inputs along ``axis``, in order. Spikes only stay SPIKE, with counts they become COUNT,
    with real values REAL."""

    name = "concat"
    roles = (Role.WIRING,)
    layout = Layout.ALIKE
    axis: int = whole()

    def time(self) -> Time:
        return Time.STEP

    def infer(self, view: NodeView) -> TensorType:
        axis = self.axis
        rests = {(*given.shape[:axis], *given.shape[axis + 1 :]) for given in view.types}
        ranks = {len(given.shape) for given in view.types}
        if len(rests) != 1 or len(ranks) != 1 or axis >= max(ranks):
            raise shape_error(
                view.node, f"cannot join {', '.join(map(str, view.types))} along {axis}"
            )
        kinds = {given.kind for given in view.types}
        kind = next(kind for kind in (Kind.REAL, Kind.COUNT, Kind.SPIKE) if kind in kinds)
        shape = list(view.types[0].shape)
        shape[axis] = sum(given.shape[axis] for given in view.types)
        temporal = any(given.temporal for given in view.types)
        return TensorType(tuple(shape), kind, temporal, packed=view.types[0].packed)

    def most(self, view: NodeView, given: Sequence[Most]) -> Most:
        return Most.of(given)

    def reference(self, run: NodeRun) -> torch.Tensor:
        return _joined(self.axis, run.inputs)

    def error(self, run: BoundedRun) -> torch.Tensor:
        return _joined(self.axis, run.errors)

    def count(self, run: NodeRun) -> Counts:
        return Counts.of(max(len(x) for x in run.inputs))

    def emit(self, node: Node, c: Emitter) -> None:
        kind, axis = node.type.kind, self.axis
        read = {Kind.SPIKE: c.input, Kind.COUNT: c.count_input, Kind.REAL: c.real_input}[kind]
        walks.clear(c, node.type)
        place = 0
        for index in range(len(node.inputs)):
            given = c.input_type(index).of(kind)
            walk = part_of(given, node.type, place * layout.strides(node.type)[axis])
            walks.move(c, walk, kind, read(index), c.output(), f"walk{index}")
            place += given.shape[axis]

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for first in Kind:
            for second in Kind:
                one, two = TensorType((5, 3, 4), first), TensorType((2, 3, 4), second)
                yield Sample(cls(axis=0), (one, two))
        for packed in (0, 1):
            shapes = [(33, 2), (33, 4), (33, 1)]
            given = [TensorType(shape, Kind.SPIKE, packed=packed) for shape in shapes]
            yield Sample(cls(axis=1), tuple(given))
        yield Sample(cls(axis=0), (TensorType((64,), Kind.SPIKE), TensorType((9,), Kind.SPIKE)))


def part_of(
    given: TensorType, whole_: TensorType, begin: int, steps: Sequence[int] | None = None
) -> Walk:
    """The loops that move a value into a larger one of its rank, from element ``begin`` on, every
    ``steps``-th along each axis."""
    ours, theirs = layout.strides(given), layout.strides(whole_)
    spaced = steps or [1] * len(ours)
    dims = [
        Dim(length, ours[axis], theirs[axis] * spaced[axis])
        for axis, length in enumerate(given.shape)
    ]
    return Walk(walks.merged(walks.by_output(dims)), 0, begin)


def _joined(axis: int, values: Sequence[torch.Tensor]) -> torch.Tensor:
    steps = max(len(x) for x in values)
    whole_ = [x.expand(steps, *x.shape[1:]) for x in values]
    return torch.cat(whole_, dim=axis + 1)
