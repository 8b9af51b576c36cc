"""Where a cell's program is cut, so that its decision can be replaced from outside.

A cell that fires decides once a step (its output), and what follows the decision, the reset,
changes its states. Verification replaces the decision by PyTorch's after the step. So the program
is cut: what depends on the decision runs at the beginning of the *next* step, from the stored
decision, as a linear neuron does with its reset. Between the steps a cell keeps the
values that cross the cut instead of its states::

    step t:   states = t == 0 ? initial : after(kept, decision of step t - 1)
              decision, kept = before(states, inputs of step t)

What depends on constants, parameters and tables only is not kept but computed on both sides; a
table read after the decision is that of the step before. A cell whose output is real decides
nothing that anyone replaces: all of it runs before the cut, and it keeps its next states.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from snnc.compiler.ops.cells.program import COMPARISONS, Instruction, Program


@dataclass(frozen=True)
class Split:
    """The two parts of a program.

    Attributes:
        program: the program.
        decision: the name of the value that is stored as the node's: of a bool given as a number
            the bool.
        before: from states and inputs to the decision and to what is kept.
        after: from what is kept and the decision to the next states.
        kept: names of the values that live from step to step, in order.
        membrane: the one of them that traces show; empty where nothing is kept.
    """

    program: Program
    decision: str
    before: tuple[Instruction, ...]
    after: tuple[Instruction, ...]
    kept: tuple[str, ...]
    membrane: str


@cache
def split(program: Program, fires: bool) -> Split:
    """Cut a well-formed program; ``fires``: its output is a decision (SPIKE or COUNT)."""
    decision = _decision(program)
    following = _depending(program, {decision}) if fires else frozenset[str]()
    still = _still(program)
    after = _needed(program, (state.next for state in program.states), following | still)
    read = [name for entry in after for name in entry.args]
    read += [state.next for state in program.states]
    inner = following | still | {decision} if fires else still
    kept = list(dict.fromkeys(name for name in read if name not in inner))
    membrane = _membrane(program, decision, kept) if program.states and fires else ""
    if membrane and membrane not in kept:
        kept.append(membrane)
    moving = frozenset(program.types) - following
    before = _needed(program, (decision, *kept), moving)
    return Split(program, decision, before, after, tuple(kept), membrane)


def decided_too_late(program: Program) -> str:
    """The membrane potential that a program names although it follows its decision, if it does."""
    named = program.membrane
    return named if named in _depending(program, {_decision(program)}) else ""


def _decision(program: Program) -> str:
    entry = program.by_name.get(program.output)
    return entry.args[0] if entry is not None and entry.op == "number" else program.output


def _depending(program: Program, roots: Iterable[str]) -> frozenset[str]:
    """Names of all that is computed from some values, without them."""
    roots = set(roots)
    found = set(roots)
    for entry in program.body:
        if found & set(entry.args):
            found.add(entry.name)
    return frozenset(found - roots)


def _still(program: Program) -> frozenset[str]:
    """Names of all that depends on constants, parameters and tables only."""
    found = {*program.params, *program.tables}
    for entry in program.body:
        if found >= set(entry.args):
            found.add(entry.name)
    return frozenset(found)


def _needed(
    program: Program, wanted: Iterable[str], allowed: frozenset[str]
) -> tuple[Instruction, ...]:
    """The instructions among the ``allowed`` that what is wanted needs, in order."""
    names = set(wanted)
    found = []
    for entry in reversed(program.body):
        if entry.name in names and entry.name in allowed:
            found.append(entry)
            names.update(entry.args)
    return tuple(reversed(found))


def _membrane(program: Program, decision: str, kept: list[str]) -> str:
    """What the decision compares: of a difference with a threshold the value itself."""
    if program.membrane or not kept:
        return program.membrane
    name = decision
    while name in program.by_name:
        entry = program.by_name[name]
        if name in kept and entry.op not in COMPARISONS:
            break
        reals = [arg for arg in entry.args if arg in kept]
        following = reals[0] if reals else entry.args[0] if entry.args else ""
        if not following:
            break
        name = following
    return name if name in kept else kept[0]
