"""Parallel neurons' charge: every step a weighted sum of all steps."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch

from snnc.compiler.ir.attributes import arrays
from snnc.compiler.ir.graph import Kind, Node, TensorType, Time
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops.base import Counts, Op, Sample, expect_time, shape_error
from snnc.compiler.ops.rounding import SMALLEST, gamma, parameter_rounding
from snnc.compiler.ops.view import BoundedRun, NodeRun, NodeView
from snnc.compiler.program.emitter import Emitter


class TimeMix(Op):
    """y[t] = bias[t] + sum over s of weight[t, s] x[s], per input element, of REAL values.

    The charge of the parallel spiking neurons (Fang et al. 2023, "Parallel Spiking Neurons with
    High Efficiency and Ability to Learn Long-term Dependencies"). params: ``weight`` [T, T],
    ``bias`` [T].
    """

    name = "time_mix"
    roles = (Role.NEURON,)
    parameters = arrays("weight", "bias")

    def time(self) -> Time:
        return Time.SEQUENCE

    def infer(self, view: NodeView) -> TensorType:
        (given,) = view.types
        expect_time(view.node, given)
        steps = len(view.params["bias"])
        if given.kind is not Kind.REAL or given.dtype:
            raise shape_error(view.node, f"time_mix mixes real values, got {given}")
        if view.params["weight"].shape != (steps, steps):
            shape = list(view.params["weight"].shape)
            raise shape_error(view.node, f"the weights of {steps} steps are {shape}")
        return given

    def reference(self, run: NodeRun) -> torch.Tensor:
        (x,), weight, bias = run.inputs, run.params["weight"], run.params["bias"]
        if len(x) != len(bias):
            raise shape_error(run.node, f"{len(x)} steps are given, and {len(bias)} are mixed")
        mixed: torch.Tensor = torch.tensordot(weight, x, 1)
        return mixed + bias.reshape(-1, *[1] * (x.ndim - 1))

    def error(self, run: BoundedRun) -> torch.Tensor:
        weight, bias = run.params["weight"], run.params["bias"]
        size = run.inputs[0].abs() + run.errors[0]
        terms = len(bias) + 1.0
        of_weights = parameter_rounding(weight) + gamma(terms) * weight.abs()
        strays = torch.tensordot(weight.abs(), run.errors[0], 1)
        strays = strays + torch.tensordot(of_weights, size, 1) * (1 + 2**-20)
        of_bias = parameter_rounding(bias) + gamma(terms) * bias.abs() + 2 * terms * SMALLEST
        bound: torch.Tensor = strays + of_bias.reshape(-1, *[1] * (strays.ndim - 1))
        return bound

    def count(self, run: NodeRun) -> Counts:
        steps = len(run.params["bias"])
        return Counts.of(1, mac=steps * steps * run.type.size)

    def emit(self, node: Node, c: Emitter) -> None:
        bias = c.param("bias")
        if len(bias) != c.time_steps:
            raise shape_error(node, f"it mixes {len(bias)} of {c.time_steps} steps")
        constants = (
            c.constant("weight", c.param("weight"), "[step][step before]"),
            c.constant("bias", bias, "[step]"),
        )
        c.call("snn_time_mix_f32", node.type.size, len(bias), *constants, c.input(0), c.output())

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        rng = np.random.default_rng(8)
        for shape, steps in (((7,), 5), ((3, 2, 4), 7)):
            params = {"weight": rng.normal(size=(steps, steps)), "bias": rng.normal(size=steps)}
            yield Sample(cls(), (TensorType(shape, Kind.REAL),), params=params, time_steps=steps)
