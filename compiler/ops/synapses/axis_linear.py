"""Fully connected layer along one axis, the same for every other index: tokens, 1x1 convolution."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np
import torch
import torch.nn.functional as F

from snnc.compiler.ir.attributes import Parameter
from snnc.compiler.ir.graph import Kind, Node, TensorType, Time
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops.base import Counts, Layout, Op, Sample, shape_error
from snnc.compiler.ops.synapses import synapse
from snnc.compiler.ops.view import BoundedRun, NodeRun, NodeView
from snnc.compiler.program.emitter import Emitter


class AxisLinear(Op):
    """y[..., o, ...] = bias[o] + sum over i of W[o, i] x[..., i, ...] along the packed axis.

    params: ``weight`` [O, I], ``bias`` [O] (optional).
    """

    name = "axis_linear"
    roles = (Role.SYNAPSE,)
    layout = Layout.OWN
    parameters = (Parameter("weight"), Parameter("bias").optional)

    def time(self) -> Time:
        return Time.STEP

    def infer(self, view: NodeView) -> TensorType:
        (given,) = view.types
        out_features, in_features = view.params["weight"].shape
        if given.channels != in_features:
            raise shape_error(
                view.node, f"the linear layer takes {in_features} inputs along an axis, got {given}"
            )
        shape = tuple(
            out_features if axis == given.packed else size for axis, size in enumerate(given.shape)
        )
        return TensorType(shape, Kind.REAL, given.temporal, packed=given.packed)

    def reference(self, run: NodeRun) -> torch.Tensor:
        axis = run.type.packed + 1
        return _applied(run.inputs[0], run.params["weight"], run.params.get("bias"), axis)

    def error(self, run: BoundedRun) -> torch.Tensor:
        axis = run.type.packed + 1
        moved = [value.movedim(axis, -1) for value in (run.inputs[0], run.errors[0])]
        rows, errors = (value.reshape(-1, value.shape[-1]) for value in moved)
        found = synapse.weighted_sum_error(
            F.linear, dataclasses.replace(run, inputs=[rows], errors=[errors])
        )
        return found.reshape(*moved[0].shape[:-1], -1).movedim(-1, axis)

    def count(self, run: NodeRun) -> Counts:
        (x,), (given,) = run.inputs, run.types
        active = synapse.active_inputs(run.node, x, given).flatten(1).sum(dim=1)
        executed = active * run.type.channels
        return Counts.of(len(x), **{synapse.counted_as(run.node, given): executed.numpy()})

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

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        rng = np.random.default_rng(1)
        for kind in Kind:
            for shape, packed, out in [((4, 7), 1, 3), ((33, 2, 3), 0, 40), ((2, 40, 3), 1, 5)]:
                params = {"weight": rng.normal(size=(out, shape[packed]))}
                if out % 2:
                    params["bias"] = rng.normal(size=out)
                yield Sample(cls(), (TensorType(shape, kind, packed=packed),), params=params)


def _applied(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, axis: int
) -> torch.Tensor:
    return F.linear(x.movedim(axis, -1), weight, bias).movedim(-1, axis)
