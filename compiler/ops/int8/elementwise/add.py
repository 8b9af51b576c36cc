"""Sum of two integer sums in the same units, exact."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

from snnc.compiler.ir.attributes import one_of
from snnc.compiler.ir.graph import Kind, Node, TensorType
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops.base import Sample
from snnc.compiler.ops.elementwise.add import Add
from snnc.compiler.ops.int8.fixed import Form, IntegerOp
from snnc.compiler.ops.view import NodeView
from snnc.compiler.program.emitter import Emitter


class AddI8(IntegerOp, Add):
    """y = a + b, both in units of each channel's one scale.

    attributes: ``width`` of y ("int16", "int32"), which a bound must justify.
    """

    name = "add_i8"
    form = Form.TOTAL
    roles = (Role.SUM,)
    width: str = one_of("int16", "int32")

    def infer(self, view: NodeView) -> TensorType:
        return super().infer(view).stored_as(self.width)

    def emit(self, node: Node, c: Emitter) -> None:
        types = c.input_type(0), c.input_type(1), node.type
        wide = [int(given.dtype == "int32") for given in types]
        c.call("snn_add_i32", node.type.size, *wide, c.input(0), c.input(1), c.output())

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for first, second in product(("int16", "int32"), repeat=2):
            given = [TensorType((5, 3, 4), Kind.REAL, dtype=dtype) for dtype in (first, second)]
            yield Sample(cls(width="int32"), tuple(given))
