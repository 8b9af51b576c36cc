"""Batch normalisation in evaluation mode, per channel; folded into the layer before if possible."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch

from snnc.compiler.ir.attributes import arrays, real
from snnc.compiler.ir.graph import Kind, Node, TensorType, Time
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops.base import Counts, Layout, Op, Sample, shape_error
from snnc.compiler.ops.elementwise import constants as elementwise
from snnc.compiler.ops.rounding import SMALLEST, gamma
from snnc.compiler.ops.view import BoundedRun, NodeRun, NodeView, Params
from snnc.compiler.program.emitter import Emitter


class BatchNorm(Op):
    """y = (x - mean) / sqrt(var + eps) * weight + bias, per channel (entry of the first axis).

    attributes: ``eps``. params: ``mean``, ``var``, ``weight``, ``bias``, each [C].
    """

    name = "batch_norm"
    layout = Layout.ALIKE
    roles = (Role.NORMALISATION,)
    eps: float = real()
    parameters = arrays("mean", "var", "weight", "bias")

    def time(self) -> Time:
        return Time.STEP

    def infer(self, view: NodeView) -> TensorType:
        (given,) = view.types
        if view.params["mean"].shape != given.shape[:1]:
            raise shape_error(
                view.node,
                f"batch norm over {view.params['mean'].size} channels cannot take {given}",
            )
        return given.of(Kind.REAL)

    def reference(self, run: NodeRun) -> torch.Tensor:
        (x,) = run.inputs
        scale, shift = (_per_channel(value, x) for value in self.affine(run.params))
        return x * scale + shift

    def error(self, run: BoundedRun) -> torch.Tensor:
        # Whichever way a kernel writes it, at most 5 roundings reach the scale (add eps, root,
        # reciprocal, weight, parameters' own), 2 more the shift, and 3 the final form.
        (x,), (error,) = run.inputs, run.errors
        scale, _ = self.affine(run.params)
        mean, bias = (
            _per_channel(run.params["mean"].abs(), x),
            _per_channel(run.params["bias"].abs(), x),
        )
        slope = _per_channel(scale.abs(), x)
        size = slope * (x.abs() + error + mean) + bias
        return slope * error + gamma(10.0) * size + 10 * SMALLEST

    def count(self, run: NodeRun) -> Counts:
        return Counts.of(run.steps, mul=run.types[0].size, add=run.types[0].size)

    def emit(self, node: Node, c: Emitter) -> None:
        given = node.type
        scale, shift = self.affine({k: torch.from_numpy(c.param(k)) for k in node.params})
        constants = {"scale": scale.numpy(), "shift": shift.numpy()}
        if given.packed == 0:
            arrays = [c.constant(role, value, "[channel]") for role, value in constants.items()]
            sizes: tuple[int, ...] = (given.pixels, given.channels)
            c.call("snn_affine_f32", *sizes, *arrays, c.real_input(0), c.output())
            return
        rest = (1,) * (len(given.shape) - 1)
        full = {
            role: elementwise.laid_out(given, value.reshape(-1, *rest), True)
            for role, value in constants.items()
        }
        arrays = [c.constant(role, value, "[pixel][channel]") for role, value in full.items()]
        sizes = (given.pixels, given.channels, given.channels)
        c.call("snn_affine_varied_f32", *sizes, *arrays, c.real_input(0), c.output())

    def affine(self, params: Params) -> tuple[torch.Tensor, torch.Tensor]:
        """The same function as y = scale * x + shift; both [C]."""
        scale = params["weight"] / torch.sqrt(params["var"] + self.eps)
        return scale, params["bias"] - params["mean"] * scale

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        rng = np.random.default_rng(2)
        for shape in [(5,), (3, 4, 5), (33, 2, 3)]:
            channels = shape[0]
            params = {
                "mean": rng.normal(size=channels),
                "var": rng.uniform(0.5, 2, size=channels),
                "weight": rng.normal(size=channels),
                "bias": rng.normal(size=channels),
            }
            for kind in Kind:
                for packed in sorted({0, len(shape) - 1}):
                    given = TensorType(shape, kind, packed=packed)
                    yield Sample(cls(eps=1e-5), (given,), params)


def _per_channel(value: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    return value.reshape(1, -1, *[1] * (x.ndim - 2))
