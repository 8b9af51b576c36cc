"""Spiking neurons: the one place that says what a LIF, PLIF or IF neuron is.

Every neuron that snnc knows is one first-order recurrence with a threshold. The reset is applied
*lazily*, at the next step, so that the stored state is the membrane potential U of Eqs. 1-4 before
the reset, and the spikes of step t-1 are all that the next step needs to know about it::

    hard reset   U[t] = (S[t-1] ? reset : beta U[t-1] + drift) + gain X[t]
    soft reset   U[t] = (beta U[t-1] + drift - S[t-1] reset) + gain X[t]
    no reset     U[t] = (beta U[t-1] + drift) + gain X[t]
    clearing     U[t] = S[t-1] ? reset : (beta U[t-1] + drift) + gain X[t]
    fire         S[t] = U[t] >= threshold       (or > where ``strict``)

with U[-1] = ``initial`` and S[-1] = 0. Eqs. 1-4 are gain 1, drift 0, reset Vreset; a neuron with
decayed input (SpikingJelly's PLIF) is beta 1 - 1/tau, gain 1/tau, drift Vreset/tau.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from snnc.compiler.ir.attributes import Parameter, constant, flag, one_of, real
from snnc.compiler.ir.graph import Array, Kind, Node, TensorType, Time
from snnc.compiler.ops.base import Counts, Layout, Rows, Sample, expect_time
from snnc.compiler.ops.elementwise import constants as elementwise
from snnc.compiler.ops.neurons.spiking import Spiking
from snnc.compiler.ops.rounding import SMALLEST, UNIT, gamma_of, rounded
from snnc.compiler.ops.view import BoundedRun, NodeRun, NodeView
from snnc.compiler.program.emitter import Emitter

RESETS = ("hard", "soft", "none", "clear")
CONSTANTS = ("beta", "drift", "gain", "reset", "threshold")

NEVER = (float(np.finfo(np.float32).max), True)
"""Threshold and ``strict`` of a neuron that never fires: no potential exceeds it."""


Constant = float | torch.Tensor


class Neuron(Spiking):
    """A spiking neuron per input element.

    attributes: ``beta``, ``drift``, ``gain``, ``reset_mode`` (hard, soft, none, clear), ``reset``
    (the value after a hard reset, the amount subtracted by a soft one), ``threshold``, ``strict``
    (U must exceed the threshold), ``initial``, ``difference`` (the source computes the leak as U -
    (U - Vreset)/tau, which rounds differently), ``term_by_term`` (the source adds the terms of
    X one after the other to the leaked potential; see :mod:`snnc.compiler.ops.elementwise.add`).
    Each of :data:`CONSTANTS` may be a parameter instead, which then stands for the attribute: one
    value per channel [C, 1, ...] or per neuron (the full shape).
    """

    name = "neuron"
    layout = Layout.ALIKE
    beta: float | None = constant(default=None)
    drift: float | None = constant(default=None)
    gain: float | None = constant(default=None)
    reset_mode: str = one_of(*RESETS)
    reset: float | None = constant(default=None)
    threshold: float | None = constant(default=None)
    strict: bool = flag()
    initial: float = real()
    difference: bool = flag(default=False)
    term_by_term: bool = flag(default=False)
    parameters = tuple(Parameter(role).optional for role in CONSTANTS)

    def time(self) -> Time:
        return Time.STATE

    def states(self, node: Node) -> int:
        return 1

    def keeps_potential(self, node: Node) -> bool:
        return True

    @property
    def numbers(self) -> Mapping[str, float]:
        """Those of :data:`CONSTANTS` that are numbers, and no parameters."""
        values = {
            "beta": self.beta,
            "drift": self.drift,
            "gain": self.gain,
            "reset": self.reset,
            "threshold": self.threshold,
        }
        return {role: value for role, value in values.items() if value is not None}

    @classmethod
    def forgetful(cls, strict: bool) -> Neuron:
        """A neuron without memory, whose threshold is still to be said."""
        return cls(
            beta=0.0,
            drift=0.0,
            gain=1.0,
            reset_mode="none",
            reset=0.0,
            strict=strict,
            initial=0.0,
        )

    def with_constants(self, values: Mapping[str, Array]) -> tuple[Neuron, dict[str, Array]]:
        """The same neuron with other constants, and their parameters: a constant that is the same
        everywhere is an attribute, any other a parameter."""
        same: dict[str, Any] = {
            role: float(value.flat[0]) if value.min() == value.max() else None
            for role, value in values.items()
        }
        varied = {role: value for role, value in values.items() if same[role] is None}
        return replace(self, **same), varied

    def infer(self, view: NodeView) -> TensorType:
        (given,) = view.types
        expect_time(view.node, given)
        elementwise.check_shapes(view.node, given, view.params)
        return given.of(Kind.SPIKE)

    def reference(self, run: NodeRun) -> torch.Tensor:
        return torch.stack([self._fire(run, u) for u, _ in self.membrane(run)])

    def advance(self, run: NodeRun) -> torch.Tensor:
        ((u, _),) = self.membrane(run, start=run.memory.get("state"))
        spikes = self._fire(run, u)
        run.memory["state"] = u, spikes
        return spikes[None]

    def membrane(
        self,
        run: NodeRun,
        spikes: torch.Tensor | None = None,
        error: torch.Tensor | None = None,
        start: tuple[torch.Tensor, torch.Tensor] | None = None,
    ) -> Iterable[tuple[torch.Tensor, torch.Tensor]]:
        """Membrane potential U[t] before the reset, and a bound on its float32 error, per step.

        Args:
            run: the neuron, and its input current X [T, *shape].
            spikes: the spikes that were really fired [T, *shape]; default: the neuron's own.
            error: bound on the error of X; default 0.
            start: U and the spikes of the step before the first, exact; default: at rest.
        """
        (x,) = run.inputs
        gain, reset, threshold = (
            self._constant(run, role, x) for role in ("gain", "reset", "threshold")
        )
        # A source may take the reset off after it has added the input: one sum more.
        sums = gamma_of(2.0 if self.reset_mode == "soft" else 1.0)
        u, fired = start or (torch.full_like(x[0], self.initial), torch.zeros_like(x[0]))
        u_error = u.abs() * UNIT
        for step, current in enumerate(x):
            x_error = None if error is None else error[step]
            kept, kept_error = self._after_reset(run, u, fired, u_error)
            drive, drive_error = current, x_error
            if _any(gain != 1):
                # A neuron with decayed input may be written U + (X - (U - r)) / tau, with 1/tau
                # itself rounded: at most 8 roundings of terms that are no larger than these.
                drive = gain * current
                size = current.abs() + u.abs() + u_error + _size(reset)
                size = size + _size(threshold) * fired
                carried = 0.0 if x_error is None else x_error
                drive_error = _size(gain) * (carried + gamma_of(8.0) * (size + carried))
                drive_error = drive_error + 8 * SMALLEST
            u = kept + drive
            if self.term_by_term:
                kept_error = kept_error + gamma_of(2.0) * (kept.abs() + kept_error)
            u_error = kept_error if drive_error is None else kept_error + drive_error
            # as rounding.rounded: the sum rounds once, or twice
            u_error = (u_error * (1.0 + sums)).add_(u.abs(), alpha=sums).add_(4 * SMALLEST)
            if self.reset_mode == "clear":
                u = torch.where(fired != 0, reset, u)
                u_error = torch.where(fired != 0, _size(reset) * UNIT, u_error)
            yield u, u_error
            fired = self._fire(run, u) if spikes is None else spikes[step]

    def potentials(self, run: NodeRun, spikes: torch.Tensor) -> torch.Tensor:
        return torch.stack([u for u, _ in self.membrane(run, spikes)])

    def fixed_threshold(self, view: NodeView) -> Array:
        return view.params["threshold"] if "threshold" in view.params else np.array(self.threshold)

    def threshold_of(self, run: NodeRun) -> torch.Tensor:
        """The firing threshold as a tensor that broadcasts over one step of the input."""
        x = run.inputs[0]
        return torch.as_tensor(self._constant(run, "threshold", x), dtype=x.dtype)

    def error(self, run: BoundedRun) -> torch.Tensor:
        threshold = self.threshold_of(run)
        undecided = [
            self.undecided(u - threshold, error, threshold)
            for u, error in self.membrane(run, run.output, run.errors[0])
        ]
        return torch.stack(undecided).to(torch.float64)

    def undecided(
        self, margin: torch.Tensor, error: torch.Tensor, threshold: torch.Tensor
    ) -> torch.Tensor:
        """Where a correct float32 run may fire or not: potentials that are ``margin`` above the
        threshold in exact arithmetic and carry ``error``."""
        return ~(margin.abs() > error + threshold.abs() * UNIT)  # undecided without a bound

    def count(self, run: NodeRun) -> Counts:
        n = run.type.size
        if self.is_varied(run.node):  # the kernel for varied constants leaves nothing out
            added = 2 + (self.reset_mode == "soft")
            return Counts.of(run.steps, mul=2 * n, add=added * n, cmp=n)
        # The kernel leaves out what its float32 constants make trivial.
        beta, gain, drift = (np.float32(self.numbers[role]) for role in ("beta", "gain", "drift"))
        multiplied = int(beta != 1) + int(gain != 1)
        added = 1 + int(drift != 0) + (self.reset_mode == "soft")
        return Counts.of(run.steps, mul=multiplied * n, add=added * n, cmp=n)

    def rows_of(self, view: NodeView) -> Rows:
        """Constants that vary are laid out for whole maps, and inputs are converted as a whole."""
        real = view.types[0].kind is Kind.REAL and len(view.types[0].shape) == 3
        return Rows.MAP if real and not self.is_varied(view.node) else Rows.NEVER

    def emit(self, node: Node, c: Emitter) -> None:
        if self.is_varied(node):
            self._emit_varied(node, c)
            return
        values = {role: float(self.numbers[role]) for role in CONSTANTS}
        shape = c.shape("snn_neuron_f32_params", **values)
        u = c.state("u", "float", node.type.size, initial=float(self.initial))
        c.call(
            f"snn_neuron_{self.reset_mode}_f32",
            shape,
            int(self.strict),
            c.row_pixels(node.type),
            node.type.channels,
            c.row_input(0) if c.in_band else c.real_input(0),
            c.row(u, node.type.size),
            c.row_previous(),
            c.row_output(),
        )

    def _emit_varied(self, node: Node, c: Emitter) -> None:
        given = node.type
        arrays = elementwise.constants(node, c, CONSTANTS, self.numbers)
        u = c.state("u", "float", given.size, initial=float(self.initial))
        c.call(
            "snn_neuron_varied_f32",
            c.enumerator(f"SNN_RESET_{self.reset_mode.upper()}", "enum snn_reset"),
            int(self.strict),
            given.pixels,
            given.channels,
            arrays.stride,
            *arrays.symbols,
            c.real_input(0),
            u,
            c.previous_output(),
            c.output(),
        )

    def is_varied(self, node: Node) -> bool:
        """Whether the kernel for constants that vary runs it: it also knows the rarest reset."""
        return bool(node.params) or self.reset_mode == "clear"

    def _constant(self, run: NodeRun, role: str, like: torch.Tensor) -> Constant:
        """A constant: a number, or a tensor that broadcasts over one step of ``like``."""
        given = run.params.get(role)
        return float(self.numbers[role]) if given is None else given.to(like.dtype)

    def _after_reset(
        self, run: NodeRun, u: torch.Tensor, fired: torch.Tensor, error: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        beta, drift, reset = (self._constant(run, role, u) for role in ("beta", "drift", "reset"))
        leaked = beta * u + drift if _any(drift != 0) else beta * u
        # Rounding of beta and of the product, of the drift and of the sum; beta 1 costs nothing.
        leak_error = _size(beta) * error
        if _any(beta != 1):
            # U - (U - Vreset)/tau rounds terms of the size of U, however small beta is.
            size = u.abs().add_(error)
            factor = 1.0 if self.difference else _size(beta)
            leak_error += size * (gamma_of(2.0) * factor)  # underflow: 4 SMALLEST a step
            if self.difference:
                leak_error = leak_error + gamma_of(4.0) * (size + _size(reset) + _size(drift))
        if _any(drift != 0):
            leak_error = rounded(leaked, leak_error + _size(drift) * UNIT)
        if self.reset_mode in ("none", "clear"):
            return leaked, leak_error
        if self.reset_mode == "hard":
            # A source may store Vreset and apply leak and drift at the next step:
            # beta Vreset + drift.
            reset_error = gamma_of(4.0) * (_size(reset) + 2 * _size(drift))
            there = fired != 0
            return torch.where(there, reset, leaked), torch.where(there, reset_error, leak_error)
        after = leaked - reset * fired
        # beta (U - Vth S) and beta U - (beta Vth) S differ by roundings of both terms.
        size = leaked.abs() + _size(drift) + _size(reset) * fired
        return after, leak_error + gamma_of(4.0) * size * fired + SMALLEST

    def _fire(self, run: NodeRun, u: torch.Tensor) -> torch.Tensor:
        threshold = self._constant(run, "threshold", u)
        fired: torch.Tensor = u > threshold if self.strict else u >= threshold
        return fired.to(u.dtype)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        base = cls(
            beta=0.3,
            drift=0.0,
            gain=1.0,
            reset_mode="hard",
            reset=0.0,
            threshold=0.3,
            strict=False,
            initial=0.0,
        )
        cases: list[dict[str, Any]] = [
            {},
            {"strict": True, "reset": -0.25},
            {"reset_mode": "soft", "reset": 0.09},
            {"beta": 1.0, "reset_mode": "soft", "reset": 0.3},
            {"beta": 0.5, "gain": 0.5, "threshold": 0.5},
            {"beta": 0.5, "gain": 0.5, "drift": 0.125, "reset": 0.25, "initial": 0.25},
            {"reset_mode": "none", "beta": 0.9},
            {"term_by_term": True},
            # 1, 1 and 0 as float32: nothing to multiply or add
            {"beta": 1.0 - 1e-10, "gain": 1.0 + 1e-10, "drift": 1e-60, "threshold": 2.0},
        ]
        for case in cases:
            for shape in [(5,), (33, 3, 5), (64, 2, 2)]:
                yield Sample(replace(base, **case), (TensorType(shape, Kind.REAL),), time_steps=7)
        varied: list[tuple[dict[str, Any], dict[str, tuple[int, ...]]]] = [
            ({}, {"threshold": (33, 1, 1)}),
            ({"reset_mode": "soft", "beta": 1.0}, {"threshold": (33, 3, 5), "reset": (33, 1, 1)}),
            ({"reset_mode": "none", "strict": True}, {"beta": (33, 1, 1), "gain": (33, 1, 1)}),
            ({"reset_mode": "clear"}, {}),
            ({"reset_mode": "clear", "reset": -0.1}, {"beta": (33, 1, 1), "gain": (33, 3, 5)}),
            ({"initial": 0.2}, {"drift": (33, 1, 1), "reset": (33, 3, 5), "beta": (33, 3, 5)}),
        ]
        rng = np.random.default_rng(2)
        for changed, shapes in varied:
            params = {role: rng.uniform(0.1, 0.9, shape) for role, shape in shapes.items()}
            given = TensorType((33, 3, 5), Kind.REAL)
            yield Sample(replace(base, **changed), (given,), params, time_steps=7)


def _size(value: Constant) -> Constant:
    return value.abs() if isinstance(value, torch.Tensor) else abs(value)


def _any(condition: bool | torch.Tensor) -> bool:
    return condition if isinstance(condition, bool) else bool(condition.any())
