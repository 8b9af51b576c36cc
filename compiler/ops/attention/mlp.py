"""A two-layer perceptron without biases, along time or along channels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import numpy as np
import torch

from snnc.compiler.ir.attributes import Parameter, arrays, flag, one_of
from snnc.compiler.ir.graph import Kind, Node, TensorType, Time
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops.base import Counts, Op, Sample, shape_error
from snnc.compiler.ops.elementwise.relu import cut_error
from snnc.compiler.ops.rounding import SMALLEST, gamma, parameter_rounding
from snnc.compiler.ops.view import BoundedRun, NodeRun, NodeView
from snnc.compiler.program.emitter import Emitter


class Mlp(Op):
    """y = W2 relu(W1 x) along one axis, the same for every other index.

    attributes: ``along`` ("time": over the T steps of each element; "channels": over the last axis
    of each row); ``one_matrix`` True where the two stand for one matrix of the source. params:
    ``reduce`` W1 [hidden, n], ``expand`` W2 [n, hidden].
    """

    name = "mlp"
    roles = (Role.PERCEPTRON,)
    along: str = one_of("time", "channels")
    one_matrix: bool = flag(default=False)
    parameters: ClassVar[tuple[Parameter, ...]] = arrays("reduce", "expand")

    def time(self) -> Time:
        return Time.SEQUENCE if self.along == "time" else Time.STEP

    def infer(self, view: NodeView) -> TensorType:
        (given,) = view.types
        if given.kind is not Kind.REAL:
            raise shape_error(view.node, f"a perceptron takes real values, got {given}")
        hidden, length = view.params["reduce"].shape
        if view.params["expand"].shape != (length, hidden):
            raise shape_error(
                view.node, "the two weight matrices of the perceptron do not fit each other"
            )
        if self.along == "channels" and given.shape[-1] != length:
            raise shape_error(view.node, f"a perceptron over {length} channels cannot take {given}")
        if self.along == "time" and not given.temporal:
            raise shape_error(view.node, f"a perceptron along time cannot take {given}")
        return given.of(Kind.REAL)

    def reference(self, run: NodeRun) -> torch.Tensor:
        (x,) = run.inputs
        if self.along == "time" and x.shape[0] != run.params["reduce"].shape[1]:
            steps = run.params["reduce"].shape[1]
            raise shape_error(
                run.node, f"a perceptron along {steps} time steps was given {x.shape[0]}"
            )
        hidden = torch.relu(product(self.along, run.params["reduce"], x))
        return product(self.along, run.params["expand"], hidden)

    def error(self, run: BoundedRun) -> torch.Tensor:
        x, error = run.inputs[0], run.errors[0]
        hidden = product(self.along, run.params["reduce"], x)
        hidden_error = cut_error(hidden, _layer_error(self.along, run.params["reduce"], x, error))
        return _layer_error(self.along, run.params["expand"], torch.relu(hidden), hidden_error)

    def count(self, run: NodeRun) -> Counts:
        hidden, length = run.params["reduce"].shape
        along_time = self.along == "time"
        lanes = run.types[0].size if along_time else run.types[0].size // length
        runs = 1 if along_time else run.steps
        return Counts.of(runs, mac=2 * hidden * length * lanes, cmp=hidden * lanes)

    def emit(self, node: Node, c: Emitter) -> None:
        given = c.input_type(0)
        hidden, length = c.param("reduce").shape
        w1 = c.constant("reduce", c.param("reduce"), "[hidden][in]")
        w2 = c.constant("expand", c.param("expand"), "[out][hidden]")
        if self.along == "time":
            scratch = c.scratch("hidden", "float", hidden * given.size)
            sizes = length, hidden, given.size
            name = "snn_mlp_time_f32"
        else:
            scratch = c.scratch("hidden", "float", hidden)
            sizes = given.size // length, length, hidden
            name = "snn_mlp_channels_f32"
        c.call(name, *sizes, w1, w2, c.input(0), scratch, c.output())

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        rng = np.random.default_rng(3)
        for along, shape, length, hidden, temporal in [
            ("time", (33,), 7, 3, True),
            ("time", (2, 1), 6, 1, True),
            ("channels", (2, 20), 20, 5, False),
            ("channels", (2, 17), 17, 4, True),
        ]:
            params = {"reduce": rng.normal(size=(hidden, length)) / length}
            params["expand"] = rng.normal(size=(length, hidden))
            given = TensorType(shape, Kind.REAL, temporal)
            steps = length if along == "time" else 3
            yield Sample(cls(along=along), (given,), params, time_steps=steps)


def product(along: str, weight: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """The product of a weight matrix and x along time or channels."""
    if along == "time":
        return torch.einsum("ot,t...->o...", weight, x)
    return x @ weight.T


def _layer_error(
    along: str, weight: torch.Tensor, x: torch.Tensor, error: torch.Tensor
) -> torch.Tensor:
    size = x.abs() + error
    terms = weight.shape[1] + 1.0
    rounding = product(along, parameter_rounding(weight) + gamma(terms) * weight.abs(), size)
    return product(along, weight.abs(), error) + rounding * (1 + 2**-20) + terms * SMALLEST
