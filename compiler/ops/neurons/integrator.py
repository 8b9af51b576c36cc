"""Leaky integrators: a first-order low-pass filter per element, without spikes."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch

from snnc.compiler.ir.attributes import arrays
from snnc.compiler.ir.graph import Kind, Node, TensorType, Time
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops.base import Counts, Layout, Op, Sample, expect_time
from snnc.compiler.ops.elementwise import constants as elementwise
from snnc.compiler.ops.rounding import SMALLEST, UNIT, gamma, rounded
from snnc.compiler.ops.view import BoundedRun, NodeRun, NodeView
from snnc.compiler.program.emitter import Emitter

CONSTANTS = ("beta", "drift", "gain")


class Integrator(Op):
    """u[t] = beta u[t-1] + drift + gain x[t], u[-1] = 0, per input element.

    NIR's I, LI and the synapse of CubaLIF, snnTorch's synaptic current. params: ``beta``,
    ``drift``, ``gain``, each per channel [C, 1, ...] or per element (the full shape).
    """

    name = "integrator"
    layout = Layout.ALIKE
    roles = (Role.NEURON,)
    parameters = arrays(*CONSTANTS)

    def time(self) -> Time:
        return Time.STATE

    def states(self, node: Node) -> int:
        return 1

    def infer(self, view: NodeView) -> TensorType:
        (given,) = view.types
        expect_time(view.node, given)
        elementwise.check_shapes(view.node, given, view.params)
        return given.of(Kind.REAL)

    def reference(self, run: NodeRun) -> torch.Tensor:
        beta, drift, gain = (run.params[role] for role in CONSTANTS)
        u = torch.zeros_like(run.inputs[0][0])
        values = []
        for x in run.inputs[0]:
            u = beta * u + drift + gain * x
            values.append(u)
        return torch.stack(values)

    def error(self, run: BoundedRun) -> torch.Tensor:
        # Constants and products round once each; so do, per step, up to four sums in any order.
        # A constant of 1 or 0 is exact and its product free, but sources may write the step as
        # u + (x - u) k, whose roundings are of u and x themselves: hence gamma(6) of both.
        beta, drift, gain = (run.params[role] for role in CONSTANTS)
        u, error = torch.zeros_like(run.output[0]), torch.zeros_like(run.output[0])
        bounds = []
        for x, x_error, after in zip(run.inputs[0], run.errors[0], run.output, strict=True):
            kept = beta.abs() * (u.abs() + error)
            driven = gain.abs() * (x.abs() + x_error + u.abs() + error)
            error = beta.abs() * error + gain.abs() * x_error
            error = error + gamma(6.0) * (kept + driven) + drift.abs() * UNIT + 6 * SMALLEST
            error = rounded(after, error)
            bounds.append(error)
            u = after
        return torch.stack(bounds)

    def count(self, run: NodeRun) -> Counts:
        n = run.type.size
        return Counts.of(run.steps, mul=2 * n, add=2 * n)

    def emit(self, node: Node, c: Emitter) -> None:
        given = node.type
        arrays = elementwise.constants(node, c, CONSTANTS)
        u = c.state("u", "float", given.size)
        sizes = (given.pixels, given.channels, arrays.stride)
        c.call("snn_integrator_f32", *sizes, *arrays.symbols, c.real_input(0), u, c.output())

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        rng = np.random.default_rng(4)
        for kind in Kind:
            for shape, constant in [((7,), (7,)), ((33, 3, 5), (33, 1, 1)), ((5, 2, 2), (5, 2, 2))]:
                params = {role: rng.uniform(0.1, 0.9, constant) for role in CONSTANTS}
                yield Sample(cls(), (TensorType(shape, kind),), params=params, time_steps=7)
