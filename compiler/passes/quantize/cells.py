"""Cells in an integer network: what they read is multiplied by its unit in their own program."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from snnc.compiler.ir.graph import Array, Kind, Node
from snnc.compiler.ops import Cell, CellI8
from snnc.compiler.ops.base import as_op, unsupported
from snnc.compiler.ops.cells.kinds import output_range
from snnc.compiler.ops.cells.program import Instruction, Program
from snnc.compiler.ops.elementwise.constants import per_channel
from snnc.compiler.ops.int8.cells.exact_math import without_form
from snnc.compiler.ops.int8.scaling import Scaled
from snnc.compiler.passes.quantize.building import ONE, Building


def cell(g: Building, node: Node) -> None:
    """A cell in float32, on the real values of the whole numbers that it reads."""
    program = as_op(node, Cell).program
    if missing := without_form(program):
        raise unsupported(
            node, f"{', '.join(missing)} of a cell has no int8 form", "Compile with --dtype f32."
        )
    if node.type.kind is Kind.REAL:
        raise unsupported(
            node,
            "a cell that gives real numbers has no int8 form",
            "Compile with --dtype f32, or let the neuron give spikes.",
        )
    kinds = [g.graph_kind(name) for name in g.graph[node.name].inputs]
    units: dict[str, Array] = {}
    for name, source, kind in zip(program.inputs, node.inputs, kinds, strict=True):
        if kind is Kind.REAL:
            program, role = dequantized(program, name)
            shape = per_channel(node.type)
            unit = g.scaled[source].unit
            units[role] = np.broadcast_to(
                unit.reshape(shape) if unit.size > 1 else unit, shape
            ).copy()
    own = g.graph.params_of(node)
    bound = int(output_range(as_op(node, Cell).program, kinds).high)
    g.add(node, CellI8(program=program), Scaled(ONE, bound), reals=own | units)


def dequantized(program: Program, name: str) -> tuple[Program, str]:
    """A program that multiplies its input ``name`` by a unit, and the role of that parameter."""
    whole, role = (_fresh(f"{name}_{what}", program) for what in ("whole", "unit"))
    inputs = tuple(whole if given == name else given for given in program.inputs)
    body = (Instruction(name, "mul", (whole, role)), *program.body)
    return replace(program, inputs=inputs, body=body, params=(*program.params, role)), role


def _fresh(name: str, program: Program) -> str:
    while name in program.types:
        name += "_"
    return name
