"""Cells with several outputs: one node each, which share nothing but the decisions.

A node has one value. So a neuron that gives its spikes and its potential, or spikes of different
sizes, becomes several cells. The first gives the decision. The others compute the same states from
the same inputs, with the decision as one more input, so that they follow a decision that is
replaced from outside as the first does.
"""

from __future__ import annotations

from dataclasses import replace

from snnc.compiler.ops.cells.program import BOOL, Instruction, Program


def following(program: Program, output: str) -> Program:
    """The same cell with another output and its decision as one more input, the last.

    Args:
        program: a cell that decides: the node that it becomes is the further input.
        output: the name of the value to give.
    """
    names = program.types
    entry = program.by_name.get(program.output)
    decision = entry.args[0] if entry is not None and entry.op == "number" else program.output
    read = _fresh("given", names)
    zero = _fresh("zero", names)
    if names[decision] == BOOL:
        taken = (Instruction(zero, "constant"), Instruction(decision, "ne", (read, zero)))
    else:
        taken = (Instruction(zero, "constant"), Instruction(decision, "add", (read, zero)))
    body = [new for old in program.body for new in (taken if old.name == decision else (old,))]
    return replace(
        program, inputs=(*program.inputs, read), body=tuple(body), output=output, membrane=""
    )


def _fresh(name: str, taken: dict[str, str]) -> str:
    while name in taken:
        name += "_"
    return name
