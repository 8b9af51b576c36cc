"""Spiking neurons in fixed point: the recurrence of :mod:`snnc.compiler.ops.neurons.neuron`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from snnc.compiler.ir.attributes import Parameter, flag, one_of, whole
from snnc.compiler.ir.graph import Array, Kind, Node, TensorType, Time
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops.base import Counts, Rows, Sample
from snnc.compiler.ops.int8.fixed import BETA_BITS, LIMITS, IntegerOp, round_shift, saturate
from snnc.compiler.ops.view import NodeRun, NodeView
from snnc.compiler.program.emitter import Emitter
from snnc.compiler.program.values import Argument, ShapeRef


class NeuronI8(IntegerOp):
    """A spiking neuron per input element, in units of its channel's scale over 2^``input_shift``.

    ::

        L      = round_shift(beta U[t-1], 15)
        hard   U[t] = (S[t-1] ? reset : L + drift) + X[t] 2^input_shift
        soft   U[t] = (L + drift - S[t-1] reset) + X[t] 2^input_shift
        none   U[t] = (L + drift) + X[t] 2^input_shift
        fire   S[t] = U[t] >= threshold

    attributes: ``beta`` (units of 2^-15), ``input_shift``, ``reset_mode``, ``width`` of U ("int16",
    "int32"), ``saturate`` (whether U may leave its width; it then takes the nearest value of it).
    ``bound`` on |X| (optional): chooses the C's way, not its numbers.
    params, one number a channel: ``threshold``; ``drift``, ``reset``, ``initial`` (absent: 0).
    """

    name = "neuron_i8"
    roles = (Role.NEURON,)
    beta: int = whole()
    input_shift: int = whole()
    reset_mode: str = one_of("hard", "soft", "none")
    width: str = one_of("int16", "int32")
    saturate: bool = flag()
    bound: int | None = whole(default=None)
    parameters = (
        Parameter("threshold"),
        *(Parameter(role).optional for role in ("drift", "reset", "initial")),
    )
    rows = Rows.MAP

    def time(self) -> Time:
        return Time.STATE

    def states(self, node: Node) -> int:
        return 1

    def keeps_potential(self, node: Node) -> bool:
        return True

    def infer(self, view: NodeView) -> TensorType:
        return view.types[0].of(Kind.SPIKE)

    def reference(self, run: NodeRun) -> torch.Tensor:
        potentials = torch.stack(list(self.membrane(run)))
        return self.fires(run, potentials).to(torch.int64)

    def fires(self, run: NodeRun, potentials: torch.Tensor) -> torch.Tensor:
        """Which potentials [T, *shape] fire."""
        return potentials >= _per_channel(run.params["threshold"], potentials)

    def advance(self, run: NodeRun) -> torch.Tensor:
        (u,) = self.membrane(run, run.memory.get("state"))
        spikes = u >= _per_channel(run.params["threshold"], run.inputs[0])
        run.memory["state"] = u, spikes
        return spikes.to(torch.int64)[None]

    def membrane(
        self,
        run: NodeRun,
        start: tuple[torch.Tensor, torch.Tensor] | None = None,
        spikes: torch.Tensor | None = None,
    ) -> Iterator[torch.Tensor]:
        """Membrane potential U[t] before the reset, per step, for sums X [T, *shape].

        ``start``: U of the step before the first and whether it fired; default: at rest.
        ``spikes``: those that were really fired, [T, *shape]; default: the neuron's own.
        """
        (x,) = run.inputs
        value = {role: _per_channel(vector, x) for role, vector in run.params.items()}
        zero = torch.zeros_like(x[0])
        drift, reset = value.get("drift", zero), value.get("reset", zero)
        u, fired = start or (value.get("initial", zero) + zero, zero != 0)
        for step, current in enumerate(x):
            kept = round_shift(self.beta * u, BETA_BITS) + drift
            if self.reset_mode == "hard":
                kept = torch.where(fired, reset, kept)
            elif self.reset_mode == "soft":
                kept = kept - torch.where(fired, reset, zero)
            u = kept + (current << self.input_shift)
            if self.saturate:
                u = saturate(u, self.width)
            yield u
            fired = u >= value["threshold"] if spikes is None else spikes[step] != 0

    def count(self, run: NodeRun) -> Counts:
        n = run.type.size
        added = 1 + ("drift" in run.params) + (self.reset_mode == "soft")
        leaks = self.beta != 1 << BETA_BITS
        return Counts.of(run.steps, mul=leaks * n, add=added * n, cmp=n)

    def emit(self, node: Node, c: Emitter) -> None:
        u = c.state("u", f"{self.width}_t", node.type.size)
        if "initial" in node.params:
            sizes = node.type.pixels, node.type.channels
            wide = int(self.width == "int32")
            initial = c.constant("initial", c.param("initial"), "[channel]", "int32_t")
            c.begin("snn_neuron_begin_i8", *sizes, wide, initial, u)
        narrow = is_vectorised(self, {role: c.param(role) for role in node.params})
        c.call(
            f"snn_neuron_{self.reset_mode}_{'i16' if narrow else 'i8'}",
            self._narrow_shape(node, c) if narrow else self._shape(node, c),
            c.row_pixels(node.type),
            node.type.channels,
            c.row_input(0),
            c.row(u, node.type.size),
            c.row_previous(),
            c.row_output(),
            *([] if narrow else [_constant(c, node, role) for role in ("drift", "reset")]),
            c.constant(
                "threshold", c.param("threshold"), "[channel]", "int16_t" if narrow else "int32_t"
            ),
        )

    def _shape(self, node: Node, c: Emitter) -> ShapeRef:
        return c.shape(
            "snn_neuron_i8_params",
            beta=self.beta,
            input_shift=self.input_shift,
            wide_input=int(c.input_type(0).dtype == "int32"),
            wide=int(self.width == "int32"),
            saturate=int(self.saturate),
        )

    def _narrow_shape(self, node: Node, c: Emitter) -> ShapeRef:
        shift = self.input_shift
        bound = min(self.bound or LIMITS["int16"], LIMITS["int16"])
        fitting = min(shift, (LIMITS["int16"] // bound).bit_length() - 1)
        return c.shape(
            "snn_neuron_i16_params",
            beta=self.beta,
            input_shift=shift,
            wide_input=int(c.input_type(0).dtype == "int32"),
            halvings=shift - fitting,
        )

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        rng = np.random.default_rng(2)
        base = cls(beta=9830, input_shift=2, reset_mode="hard", width="int16", saturate=True)
        cases: list[dict[str, Any]] = [
            {},
            {"bound": 20_000},
            {"beta": 32768, "reset_mode": "none", "bound": 20_000},
            {"reset_mode": "soft"},
            {"beta": 32768, "reset_mode": "soft", "input_shift": 0},
            {"reset_mode": "none", "width": "int32", "saturate": False},
        ]
        for case in cases:
            for shape in [(5,), (33, 3, 5), (64, 2, 2)]:
                for dtype in ("int16", "int32"):
                    params = {"threshold": rng.integers(50, 4000, shape[0])}
                    for role in ("reset", "drift", "initial")[: rng.integers(4)]:
                        params[role] = rng.integers(-100, 100, shape[0])
                    given = TensorType(shape, Kind.REAL, dtype=dtype)
                    yield Sample(replace(base, **case), (given,), params, time_steps=7)


def is_vectorised(op: NeuronI8, params: Mapping[str, Array]) -> bool:
    """Whether the C is the vectorised kernel of neuron_i16.h: an int16 potential with a hard reset
    to 0 or none, no drift, and a threshold that 16 bits hold."""
    return (
        op.width == "int16"
        and op.reset_mode in ("hard", "none")
        and 0 <= op.beta <= 1 << BETA_BITS
        and not {"drift", "reset"} & set(params)
        and bool(np.abs(params["threshold"]).max() <= LIMITS["int16"])
    )


def _constant(c: Emitter, node: Node, role: str) -> Argument:
    if role not in node.params:
        return c.null
    return c.constant(role, c.param(role), "[channel]", "int32_t")


def _per_channel(vector: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """[C] spread over the shape of one step of x [T, C, ...]."""
    return vector.reshape(-1, *[1] * (x.ndim - 2))
