"""Cells for the generated differential tests: every instruction, kind and kind of parameter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from snnc.compiler.ir.graph import Array, Kind, TensorType
from snnc.compiler.ops.cells.program import Program
from snnc.compiler.ops.cells.writing import Writing

STEPS = 6
VECTOR, MAP = (37,), (33, 3, 4)
COMPARISONS = ("lt", "le", "gt", "ge", "eq", "ne")
SMOOTH = (
    "tanh",
    "sigmoid",
    "erf",
    "exp",
    "neg",
    "abs",
    "square",
    "round",
    "floor",
    "ceil",
    "trunc",
)


Case = tuple[Program, tuple[TensorType, ...], Mapping[str, Array]]


def cases() -> Iterable[Case]:
    """Programs, the types of what they are given, and their parameters; of :data:`STEPS` steps."""
    for op in SMOOTH:
        yield _case(_of_one(op))
    for program in (_root(), _logarithm(), _quotients(), _products(), _bounds()):
        yield _case(program)
    for op in COMPARISONS:
        yield _case(_comparing(op), inputs=2)
    yield _case(_logic(), inputs=2)
    for shape in (VECTOR, MAP, (64, 2, 2)):
        yield _case(_leaky(), shape)
        yield _case(_rounded(), shape)
        yield _case(_integrated(), shape)
    for kind in Kind:
        yield _pair(), (TensorType(MAP, kind),) * 2, {}
    still = TensorType(MAP, Kind.REAL, temporal=False)
    yield _pair(), (TensorType(MAP, Kind.REAL), still), {}
    for shape in ((33, 1, 1), MAP):
        yield _case(_varied(), MAP, params=_constants(shape))


def _case(
    program: Program,
    shape: tuple[int, ...] = VECTOR,
    inputs: int = 1,
    params: Mapping[str, Array] | None = None,
) -> Case:
    given = (TensorType(shape, Kind.REAL),) * inputs
    return program, given, params or {}


def _constants(shape: tuple[int, ...]) -> dict[str, Array]:
    rng = np.random.default_rng(11)
    found: dict[str, Array] = {
        role: rng.uniform(0.2, 0.9, shape) for role in ("decay", "start", "threshold")
    }
    return found | {"gain": rng.uniform(0.5, 1.5, (STEPS, *shape))}


def _of_one(op: str) -> Program:
    w = Writing("x")
    return w.program(w("add", w(op, w("mul", "x", 1.5)), 0.25))


def _root() -> Program:
    w = Writing("x")
    return w.program(w("sub", w("sqrt", w("add", w("square", "x"), 0.5)), w("sign", "x")))


def _logarithm() -> Program:
    w = Writing("x")
    return w.program(w("log", w("add", w("abs", "x"), 3.0)))


def _quotients() -> Program:
    w = Writing("x")
    below = w("add", w("exp", "x"), 1.0)
    return w.program(w("add", w("reciprocal", below), w("div", "x", below)))


def _products() -> Program:
    w = Writing("x")
    base = w("add", w("abs", "x"), 0.5)
    return w.program(w("mul", w("pow", base, 1.7), w("pow", base, w("tanh", "x"))))


def _bounds() -> Program:
    w = Writing("x")
    inside = w("clamp", "x", -0.75, 0.5)
    return w.program(w("minimum", w("maximum", inside, w("neg", "x")), 0.9))


def _comparing(op: str) -> Program:
    w = Writing("x", "y")
    return w.program(w("number", w(op, w("round", "x"), w("floor", w("add", "y", 0.4)))))


def _logic() -> Program:
    w = Writing("x", "y")
    one, other = w("gt", "x", 0.25), w("lt", "y", "x")
    exclusive = w("and", w("or", one, other), w("not", w("and", one, other)))
    return w.program(exclusive)


def _leaky() -> Program:
    """Hard reset, refractory for two steps, an adaptive threshold, and the last decision kept."""
    w = Writing("x")
    u, high, rest, last = w.state("u", 0.1), w.state("a"), w.state("rest"), w.state("last")
    driven = w("add", w("mul", u, 0.8), w("where", w("gt", rest, 0.0), 0.0, "x"))
    level = w("add", w("mul", 0.5, high), w("add", 0.3, w("mul", 0.1, last)))
    fired = w("ge", w("sub", driven, level), 0.0)
    spike = w("number", fired)
    w.next("u", w("where", fired, -0.25, driven))
    w.next("a", w("add", w("mul", high, 0.9), spike))
    w.next("rest", w("where", fired, 2.0, w("maximum", w("sub", rest, 1.0), 0.0)))
    w.next("last", spike)
    return w.program(spike)


def _rounded() -> Program:
    """A neuron that fires several spikes a step, up to four, and loses as much."""
    w = Writing("x")
    u = w("add", w("mul", w.state("u"), 0.75), "x")
    spikes = w("round", w("clamp", u, 0.0, 4.0))
    w.next("u", w("sub", u, spikes))
    return w.program(spikes)


def _integrated() -> Program:
    """Two states without decision: a current and a potential."""
    w = Writing("x")
    current = w("add", w("mul", w.state("i"), 0.7), "x")
    potential = w("add", w("mul", w.state("u", 0.5), 0.9), current)
    w.next("i", current)
    w.next("u", potential)
    return w.program(potential)


def _pair() -> Program:
    """Two inputs, and a truth value that is kept from step to step."""
    w = Writing("x", "y")
    u = w("add", w("mul", w.state("u"), 0.5), w("sub", "x", w("mul", "y", 0.5)))
    rising, fired = w("gt", "x", "y"), w("gt", u, 0.3)
    w.next("u", w("where", w("and", fired, rising), 0.125, w("sub", u, w("number", fired))))
    return w.program(w("number", fired), membrane=u)


def _varied() -> Program:
    """Parameters, and one with an entry for each step, on both sides of the decision."""
    w = Writing("x", params=("decay", "start", "threshold"), tables=("gain",))
    u = w("add", w("mul", w.state("u", "start"), "decay"), w("mul", "x", "gain"))
    fired = w("ge", u, "threshold")
    w.next("u", w("sub", u, w("mul", w("number", fired), w("mul", "threshold", "gain"))))
    return w.program(fired)
