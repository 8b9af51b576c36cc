"""NIR neurons that fire several spikes a step, or whose potential has a floor, as cells."""

from __future__ import annotations

from collections.abc import Mapping

from snnc.compiler.frontend.nir.file import MOST_SPIKES
from snnc.compiler.ir.graph import Array
from snnc.compiler.ops.cells.program import Program
from snnc.compiler.ops.cells.writing import Operand, Writing

ROLES = ("beta", "drift", "gain", "threshold", "v_reset")


def neuron_cell(
    constants: Mapping[str, Array], *, many: bool, subtract: bool, floor: float
) -> tuple[Program, dict[str, Array]]:
    """The program of a neuron, and the parameters that it takes.

    ::

        v      = beta v + drift + gain x
        spikes = many ? min(floor(v / threshold), MOST_SPIKES), at least 0 : v > threshold
        v      = subtract ? v - spikes threshold : spikes ? v_reset : v
        v      = max(v, floor)

    Args:
        constants: of :data:`ROLES`, per channel or per neuron; where all are one number, that
            number stands in the program.
        many: several spikes a step, sinabs' way: one for each whole threshold in v.
        subtract: the reset takes the threshold off once a spike; else v becomes v_reset.
        floor: the least potential after a step; -inf for none.
    """
    varied = {role: value for role, value in constants.items() if value.min() != value.max()}
    w = Writing("x", params=[role for role in ROLES if role in varied])
    given: dict[str, Operand] = {
        role: role if role in varied else float(value.flat[0]) for role, value in constants.items()
    }
    leaked = w("add", w("mul", given["beta"], w.state("v")), given["drift"])
    v = w("add", leaked, w("mul", given["gain"], "x"))
    if many:
        whole = w("floor", w("div", v, given["threshold"]))
        spikes = w("clamp", whole, 0.0, float(MOST_SPIKES))
        fired = w("gt", spikes, 0.0)
    else:
        fired = w("gt", v, given["threshold"])
        spikes = w("number", fired)
    less = w("mul", spikes, given["threshold"]) if many else given["threshold"]
    after = w("where", fired, w("sub", v, less) if subtract else given["v_reset"], v)
    w.next("v", after if floor == -float("inf") else w("maximum", after, floor))
    return w.program(spikes, membrane=v), varied
