"""Fully connected layer along one axis, the same for every other index: tokens, 1x1 convolution."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F

from snnc.compiler.ir.graph import Array, Kind, Node, TensorType, Time
from snnc.compiler.ops.attributes import Parameter
from snnc.compiler.ops.base import Counts, Layout, Op, Params, Sample, shape_error
from snnc.compiler.ops.synapses import synapse
from snnc.compiler.program.emitter import Emitter


class AxisLinear(Op):
    """y[..., o, ...] = bias[o] + sum over i of W[o, i] x[..., i, ...] along the packed axis.

    params: ``weight`` [O, I], ``bias`` [O] (optional).
    """

    name = "axis_linear"
    layout = Layout.OWN
    parameters = (Parameter("weight"), Parameter("bias").optional)

    def time(self, node: Node) -> Time:
        return Time.STEP

    def infer(
        self, node: Node, inputs: Sequence[TensorType], params: Mapping[str, Array]
    ) -> TensorType:
        (given,) = inputs
        out_features, in_features = params["weight"].shape
        if given.channels != in_features:
            raise shape_error(
                node, f"the linear layer takes {in_features} inputs along an axis, got {given}"
            )
        shape = tuple(
            out_features if axis == given.packed else size for axis, size in enumerate(given.shape)
        )
        return TensorType(shape, Kind.REAL, given.temporal, packed=given.packed)

    def reference(self, node: Node, params: Params, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
        axis = node.type.packed + 1
        return _applied(inputs[0], params["weight"], params.get("bias"), axis)

    def error(
        self,
        node: Node,
        params: Params,
        inputs: Sequence[torch.Tensor],
        errors: Sequence[torch.Tensor],
        output: torch.Tensor,
    ) -> torch.Tensor:
        axis = node.type.packed + 1
        moved = [value.movedim(axis, -1) for value in (inputs[0], errors[0])]
        rows = [value.reshape(-1, value.shape[-1]) for value in moved]
        found = synapse.weighted_sum_error(F.linear, params, rows[:1], rows[1:])
        return found.reshape(*moved[0].shape[:-1], -1).movedim(-1, axis)

    def count(
        self,
        node: Node,
        params: Mapping[str, Array],
        inputs: Sequence[torch.Tensor],
        types: Sequence[TensorType],
    ) -> Counts:
        (x,), (given,) = inputs, types
        active = synapse.active_inputs(node, x, given).flatten(1).sum(dim=1)
        executed = active * node.type.channels
        return Counts.of(len(x), **{synapse.counted_as(node, given): executed.numpy()})

    def emit(self, node: Node, c: Emitter) -> None:
        given = c.input_type(0)
        shape = c.shape("snn_linear", pixels=1, in_c=given.channels, out_c=node.type.channels)
        c.call(
            f"snn_rows_{given.kind.value}_f32",
            shape,
            *(1, given.pixels, 0),
            c.input(0),
            c.constant("weight", c.param("weight").T, "[in][out]"),
            c.constant("bias", c.param("bias"), "[out]") if "bias" in node.params else c.null,
            c.output(),
        )

    def samples(self) -> Iterable[Sample]:
        rng = np.random.default_rng(1)
        for kind in Kind:
            for shape, packed, out in [((4, 7), 1, 3), ((33, 2, 3), 0, 40), ((2, 40, 3), 1, 5)]:
                params = {"weight": rng.normal(size=(out, shape[packed]))}
                if out % 2:
                    params["bias"] = rng.normal(size=out)
                yield Sample((TensorType(shape, kind, packed=packed),), params=params)


def _applied(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, axis: int
) -> torch.Tensor:
    return F.linear(x.movedim(axis, -1), weight, bias).movedim(-1, axis)
