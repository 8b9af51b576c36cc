"""Product of two matrices of the network, and of as many as their leading axes hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch

from snnc.compiler.ir import layout
from snnc.compiler.ir.graph import Kind, Node, TensorType, Time
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops.base import Counts, IntArray, Layout, Most, Op, Sample, shape_error
from snnc.compiler.ops.rounding import SMALLEST, gamma
from snnc.compiler.ops.view import BoundedRun, NodeRun, NodeView
from snnc.compiler.program.emitter import Emitter

MOST_COUNTED = 65535
"""Most pairs of spikes that a COUNT holds."""


class Matmul(Op):
    """Y[..., m, n] = sum over k of A[..., m, k] B[..., k, n].

    What is multiplied decides how it runs, and how the factors are packed:

    ============== ============================================== ====== ====== ======
    A and B        each term                                      A      B      Y
    ============== ============================================== ====== ====== ======
    SPIKE, SPIKE   AND and a count of bits: an AC a pair, COUNT   k      k      n
    SPIKE, other   a row of B is added for each spike: AC         k      n      n
    other, SPIKE   a column of A is added for each spike: AC      m      k      m
    COUNT, other   a MAC for each count that is not 0             k      n      n
    REAL, other    a MAC                                          k      n      n
    ============== ============================================== ====== ====== ======
    """

    name = "matmul"
    roles = (Role.PRODUCT,)
    layout = Layout.OWN

    def time(self) -> Time:
        return Time.STEP

    def infer(self, view: NodeView) -> TensorType:
        one, two = view.types
        rank = len(one.shape)
        fits = rank >= 2 and len(two.shape) == rank and one.shape[:-2] == two.shape[:-2]
        if not fits or one.shape[-1] != two.shape[-2]:
            raise shape_error(view.node, f"cannot multiply {one} by {two}")
        wanted = packing(one, two)
        if (one.packed, two.packed) != wanted[:2]:
            raise shape_error(view.node, f"{one} and {two} are not packed as their product needs")
        both = one.kind is two.kind is Kind.SPIKE
        if both and one.shape[-1] > MOST_COUNTED:
            raise shape_error(view.node, f"a sum of {one.shape[-1]} products of spikes is no count")
        shape = (*one.shape[:-1], two.shape[-1])
        kind = Kind.COUNT if both else Kind.REAL
        return TensorType(shape, kind, one.temporal or two.temporal, packed=wanted[2])

    def most(self, view: NodeView, given: Sequence[Most]) -> Most:
        return Most(0, view.types[0].shape[-1])

    def reference(self, run: NodeRun) -> torch.Tensor:
        return torch.matmul(*run.inputs)

    def error(self, run: BoundedRun) -> torch.Tensor:
        (one, two), (one_error, two_error) = run.inputs, run.errors
        carried = torch.matmul(one_error, two.abs() + two_error)
        carried = carried + torch.matmul(one.abs(), two_error)
        size = torch.matmul(one.abs() + one_error, two.abs() + two_error)
        exact = all(bool((x == x.round()).all()) for x in run.inputs) and not bool(carried.any())
        if exact and float(size.max()) < 2**24:  # sums of whole numbers that float32 holds
            return carried
        terms = one.shape[-1] + 1.0
        return (carried + gamma(terms) * size) * (1.0 + 2**-20) + 2 * terms * SMALLEST

    def count(self, run: NodeRun) -> Counts:
        one, two = (x.expand(max(map(len, run.inputs)), *x.shape[1:]) for x in run.inputs)
        steps, (m, n) = len(one), run.type.shape[-2:]
        first, second = (given.kind for given in run.types)
        if first is second is Kind.SPIKE:
            pairs = torch.matmul(one, two).flatten(1).sum(dim=1).to(torch.int64).numpy()
            return Counts.of(steps, ac=pairs, cmp=run.type.size * layout.words(one.shape[-1]))
        if first is Kind.SPIKE:
            return Counts.of(steps, ac=_active(one) * n)
        if second is Kind.SPIKE:
            return Counts.of(steps, ac=_active(two) * m)
        if first is Kind.COUNT:
            return Counts.of(steps, mac=_active(one) * n)
        return Counts.of(steps, mac=run.types[0].size * n)

    def emit(self, node: Node, c: Emitter) -> None:
        one, two = c.input_type(0), c.input_type(1)
        m, k, n = one.shape[-2], one.shape[-1], two.shape[-1]
        batches = one.size // (m * k)
        if one.kind is two.kind is Kind.SPIKE:
            c.call("snn_matmul_spikes", batches, m, n, k, c.input(0), c.input(1), c.output())
            return
        turned = two.kind is Kind.SPIKE  # Y transposed is B transposed times A transposed
        rows, columns = (n, m) if turned else (m, n)
        driver, matrix = (1, 0) if turned else (0, 1)
        shape = c.shape("snn_linear", pixels=1, in_c=k, out_c=columns)
        c.call(
            f"snn_rows_{c.input_type(driver).kind.value}_f32",
            shape,
            *(batches, rows, k * columns),
            c.input(driver),
            c.real_input(matrix),
            c.null,
            c.output(),
        )

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for first in Kind:
            for second in Kind:
                for lead, m, k, n in [((), 5, 40, 3), ((2, 3), 4, 7, 33)]:
                    one = TensorType((*lead, m, k), first)
                    two = TensorType((*lead, k, n), second)
                    packed = packing(one, two)
                    yield Sample(cls(), (one.lying(packed[0]), two.lying(packed[1])))


def packing(one: TensorType, two: TensorType) -> tuple[int, int, int]:
    """The packed axes of A, B and their product."""
    last = len(one.shape) - 1
    if two.kind is Kind.SPIKE:
        return (last, last - 1, last) if one.kind is Kind.SPIKE else (last - 1, last - 1, last - 1)
    return last, last, last


def _active(x: torch.Tensor) -> IntArray:
    counted: IntArray = (x != 0).flatten(1).sum(dim=1).numpy()
    return counted
