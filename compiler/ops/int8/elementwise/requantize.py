"""Sums in units of their channels' scales become currents in one unit for all channels."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch

from snnc.compiler.ir.attributes import arrays, flag, whole
from snnc.compiler.ir.graph import Kind, Node, TensorType, Time
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops.base import Counts, Rows, Sample
from snnc.compiler.ops.int8.fixed import Form, IntegerOp, round_shift, saturate
from snnc.compiler.ops.view import NodeRun, NodeView
from snnc.compiler.program.emitter import Emitter


class Requantize(IntegerOp):
    """y = saturate16(round_shift(x factor[c], shift)).

    attributes: ``shift``; ``wide_product`` (whether the product needs int64). params: ``factor``
    [C]. Attention compares and averages channels with each other, so it needs one unit for all.
    """

    name = "requantize"
    form = Form.CURRENT
    roles = (Role.NORMALISATION,)
    shift: int = whole()
    wide_product: bool = flag()
    parameters = arrays("factor")
    rows = Rows.MAP

    def time(self) -> Time:
        return Time.STEP

    def infer(self, view: NodeView) -> TensorType:
        return view.types[0].stored_as("int16")

    def reference(self, run: NodeRun) -> torch.Tensor:
        (x,) = run.inputs
        factor = run.params["factor"].reshape(-1, *[1] * (x.ndim - 2))
        return saturate(round_shift(x * factor, self.shift), "int16")

    def count(self, run: NodeRun) -> Counts:
        return Counts.of(run.steps, mul=run.type.size)

    def emit(self, node: Node, c: Emitter) -> None:
        given = c.input_type(0)
        c.call(
            "snn_requantize_i16",
            c.row_pixels(given),
            given.channels,
            int(given.dtype == "int32"),
            int(self.wide_product),
            c.constant("factor", c.param("factor"), "[channel]", "int32_t"),
            self.shift,
            c.row_input(0),
            c.row_output(),
        )

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        rng = np.random.default_rng(3)
        for dtype in ("int16", "int32"):
            for shape in [(5, 3, 4), (33, 2, 3), (7,)]:
                given = TensorType(shape, Kind.REAL, dtype=dtype)
                params = {"factor": rng.integers(1, 2**15, shape[0])}
                yield Sample(cls(shift=14, wide_product=True), (given,), params)
