"""Neurons that are no linear recurrence: as people write them in PyTorch, and as cells.

A step takes the states and the input, and gives the next states and the outputs, the decision
first. The programs are written by hand beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch

from snnc.compiler.ops.cells.program import Program
from snnc.compiler.ops.cells.writing import Writing

Step = Callable[..., tuple[tuple[torch.Tensor, ...], tuple[torch.Tensor, ...]]]


@dataclass(frozen=True)
class Example:
    """A neuron: initial states, one step in PyTorch, its program."""

    name: str
    initial: tuple[float, ...]
    step: Step
    program: Program
    params: dict[str, torch.Tensor] = field(default_factory=dict)

    def run(self, x: torch.Tensor, **params: torch.Tensor) -> list[torch.Tensor]:
        """Every output over a window [T, ...]."""
        states = tuple(torch.full_like(x[0], value) for value in self.initial)
        outputs: list[Sequence[torch.Tensor]] = []
        for current in x:
            states, given = self.step(*states, current, **params)
            outputs.append(given)
        return [torch.stack(steps) for steps in zip(*outputs, strict=True)]


def fire(u: torch.Tensor) -> torch.Tensor:
    """A spike where u is at least 0, as surrogate functions compute it."""
    return (u >= 0).to(u)


def qif(v, x):
    """Quadratic integrate-and-fire (SpikingJelly's QIFNode, hard reset)."""
    v = v + (x + 0.25 * (v - 0.0) * (v - 0.8)) / 2.0
    s = fire(v - 1.0)
    return ((1.0 - s) * v + s * -0.1,), (s,)


def qif_cell() -> Program:
    w = Writing("x")
    v = w.state("v")
    bent = w("mul", w("mul", 0.25, w("sub", v, 0.0)), w("sub", v, 0.8))
    u = w("add", v, w("div", w("add", "x", bent), 2.0))
    fired = w("ge", w("sub", u, 1.0), 0.0)
    s = w("number", fired)
    w.next("v", w("add", w("mul", w("sub", 1.0, s), u), w("mul", s, -0.1)))
    return w.program(s)


def eif(v, x):
    """Exponential integrate-and-fire (SpikingJelly's EIFNode)."""
    v = v + (x + 0.0 - v + 0.5 * torch.exp((v - 0.8) / 0.5)) / 4.0
    s = fire(v - 1.0)
    return (torch.where(s > 0, torch.zeros_like(v), v),), (s,)


def eif_cell() -> Program:
    w = Writing("x")
    v = w.state("v")
    rise = w("mul", 0.5, w("exp", w("div", w("sub", v, 0.8), 0.5)))
    u = w("add", v, w("div", w("add", w("sub", w("add", "x", 0.0), v), rise), 4.0))
    fired = w("ge", w("sub", u, 1.0), 0.0)
    s = w("number", fired)
    w.next("v", w("where", w("gt", s, 0.0), 0.0, u))
    return w.program(s)


def izhikevich(v, u, x):
    """Izhikevich's simple model, in units of 100 mV, two states."""
    v_next = v + 0.1 * (4.0 * v * v + 5.0 * v + 1.4 - u + 2.0 * x)
    u_next = u + 0.02 * (0.2 * v - u)
    s = (v_next >= 0.3).float()
    v_next = torch.where(s.bool(), torch.full_like(v, -0.65), v_next)
    return (v_next, u_next + 0.08 * s), (s,)


def izhikevich_cell() -> Program:
    w = Writing("x")
    v, u = w.state("v", -0.65), w.state("u", -0.13)
    bent = w("add", w("mul", w("mul", 4.0, v), v), w("mul", 5.0, v))
    slope = w("add", w("sub", w("add", bent, 1.4), u), w("mul", 2.0, "x"))
    potential = w("add", v, w("mul", 0.1, slope))
    recovery = w("add", u, w("mul", 0.02, w("sub", w("mul", 0.2, v), u)))
    fired = w("ge", potential, 0.3)
    s = w("number", fired)
    w.next("v", w("where", fired, -0.65, potential))
    w.next("u", w("add", recovery, w("mul", 0.08, s)))
    return w.program(s)


def alif(v, a, x):
    """Leaky, with a threshold that rises with each spike and decays."""
    v = v * 0.9 + x
    s = fire(v - (0.5 + 1.8 * a))
    return (v - s * 0.5, a * 0.96 + s * 0.04), (s,)


def alif_cell() -> Program:
    w = Writing("x")
    u = w("add", w("mul", w.state("v"), 0.9), "x")
    a = w.state("a")
    level = w("add", 0.5, w("mul", 1.8, a))
    s = w("number", w("ge", w("sub", u, level), 0.0))
    w.next("v", w("sub", u, w("mul", s, 0.5)))
    w.next("a", w("add", w("mul", a, 0.96), w("mul", s, 0.04)))
    return w.program(s)


def klif(v, x):
    """SpikingJelly's KLIFNode: the potential passes a scaled ReLU before it fires."""
    v = torch.relu(1.3 * (v + (x - v) / 2.0))
    s = fire(v - 1.0)
    return (v - s * 1.0,), (s,)


def klif_cell() -> Program:
    w = Writing("x")
    v = w.state("v")
    charged = w("add", v, w("div", w("sub", "x", v), 2.0))
    u = w("maximum", w("mul", 1.3, charged), 0.0)
    s = w("number", w("ge", w("sub", u, 1.0), 0.0))
    w.next("v", w("sub", u, w("mul", s, 1.0)))
    return w.program(s)


def gated(v, s, x, alpha, gain):
    """As GatedLIFNode: gates are sigmoids of parameters, one a channel; the last spike is kept."""
    gate = torch.sigmoid(alpha)
    v = v - (1 - gate * 0.5) * v * 0.25 + gain * x - gate * s * 0.6
    s = fire(v - 0.5)
    return (v, s), (s,)


def gated_cell() -> Program:
    w = Writing("x", params=("alpha", "gain"))
    v, last = w.state("v"), w.state("s")
    gate = w("sigmoid", "alpha")
    leak = w("mul", w("mul", w("sub", 1.0, w("mul", gate, 0.5)), v), 0.25)
    driven = w("add", w("sub", v, leak), w("mul", "gain", "x"))
    u = w("sub", driven, w("mul", w("mul", gate, last), 0.6))
    s = w("number", w("ge", w("sub", u, 0.5), 0.0))
    w.next("v", u)
    w.next("s", s)
    return w.program(s)


def refractory(v, rest, x):
    """Deaf for three steps after a spike."""
    free = rest <= 0
    v = torch.where(free, 0.8 * v + x, v)
    s = ((v >= 0.7) & free).float()
    v = v * (1 - s)
    rest = torch.where(s.bool(), torch.full_like(rest, 3.0), torch.clamp(rest - 1, min=0))
    return (v, rest), (s,)


def refractory_cell() -> Program:
    w = Writing("x")
    v, rest = w.state("v"), w.state("rest")
    free = w("le", rest, 0.0)
    u = w("where", free, w("add", w("mul", 0.8, v), "x"), v)
    fired = w("and", w("ge", u, 0.7), free)
    s = w("number", fired)
    w.next("v", w("mul", u, w("sub", 1.0, s)))
    w.next("rest", w("where", fired, 3.0, w("maximum", w("sub", rest, 1.0), 0.0)))
    return w.program(s)


def integer_spikes(v, x):
    """Up to four spikes a step: rounded, clamped, and taken off."""
    v = 0.75 * v + x
    s = torch.round(torch.clamp(v, 0, 4))
    return (v - s,), (s,)


def integer_cell() -> Program:
    w = Writing("x")
    u = w("add", w("mul", 0.75, w.state("v")), "x")
    s = w("round", w("clamp", u, 0.0, 4.0))
    w.next("v", w("sub", u, s))
    return w.program(s)


def compartments(dendrite, soma, x):
    """A dendrite that saturates drives a soma, and hears its spikes."""
    dendrite = torch.tanh(0.7 * dendrite + x)
    soma = 0.85 * soma + 0.6 * (dendrite - soma)
    s = (soma > 0.3).float()
    return (dendrite - 0.2 * s, soma - 0.3 * s), (s,)


def compartments_cell() -> Program:
    w = Writing("x")
    dendrite = w("tanh", w("add", w("mul", 0.7, w.state("dendrite")), "x"))
    soma = w.state("soma")
    u = w("add", w("mul", 0.85, soma), w("mul", 0.6, w("sub", dendrite, soma)))
    s = w("number", w("gt", u, 0.3))
    w.next("dendrite", w("sub", dendrite, w("mul", 0.2, s)))
    w.next("soma", w("sub", u, w("mul", 0.3, s)))
    return w.program(s)


def synaptic(current, v, s, x):
    """snnTorch's Synaptic, reset by subtraction a step later."""
    current = 0.8 * current + x
    v = 0.9 * v + current - s * 0.5
    s = (v - 0.5 > 0).float()
    return (current, v, s), (s,)


def synaptic_cell() -> Program:
    w = Writing("x")
    current = w("add", w("mul", 0.8, w.state("i")), "x")
    u = w("add", w("mul", 0.9, w.state("v")), current)
    u = w("sub", u, w("mul", w.state("s"), 0.5))
    s = w("number", w("gt", w("sub", u, 0.5), 0.0))
    w.next("i", current)
    w.next("v", u)
    w.next("s", s)
    return w.program(s)


def alpha(excited, inhibited, x):
    """snnTorch's Alpha: the potential is a difference of two decaying currents."""
    excited = 0.8 * excited + x
    inhibited = 0.7 * inhibited - x
    v = 3.5 * (excited + inhibited)
    s = (v - 1.0 > 0).float()
    return (excited * (1 - s), inhibited * (1 - s)), (s,)


def alpha_cell() -> Program:
    w = Writing("x")
    excited = w("add", w("mul", 0.8, w.state("e")), "x")
    inhibited = w("sub", w("mul", 0.7, w.state("i")), "x")
    u = w("mul", 3.5, w("add", excited, inhibited))
    s = w("number", w("gt", w("sub", u, 1.0), 0.0))
    quiet = w("sub", 1.0, s)
    w.next("e", w("mul", excited, quiet))
    w.next("i", w("mul", inhibited, quiet))
    return w.program(s, membrane=u)


EXAMPLES = (
    Example("qif", (0.0,), qif, qif_cell()),
    Example("eif", (0.0,), eif, eif_cell()),
    Example("izhikevich", (-0.65, -0.13), izhikevich, izhikevich_cell()),
    Example("alif", (0.0, 0.0), alif, alif_cell()),
    Example("klif", (0.0,), klif, klif_cell()),
    Example(
        "gated",
        (0.0, 0.0),
        gated,
        gated_cell(),
        {
            "alpha": torch.linspace(-1, 1, 5)[:, None, None],
            "gain": torch.linspace(0.5, 1, 5)[:, None, None],
        },
    ),
    Example("refractory", (0.0, 0.0), refractory, refractory_cell()),
    Example("integer", (0.0,), integer_spikes, integer_cell()),
    Example("compartments", (0.0, 0.0), compartments, compartments_cell()),
    Example("synaptic", (0.0, 0.0, 0.0), synaptic, synaptic_cell()),
    Example("alpha", (0.0, 0.0), alpha, alpha_cell()),
)
