"""Cells in integer networks: the same bits as their reference, proven on the host and a board."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from snnc.compiler.codegen.c_program import Framing
from snnc.compiler.compilation import compile_graph
from snnc.compiler.deploy.targets import target_named
from snnc.compiler.frontend.importing import Importing
from snnc.compiler.ir.graph import Kind
from snnc.compiler.ops import Cell, Flatten, Linear, TimeMean
from snnc.compiler.ops.cells.kinds import kind_of
from snnc.compiler.ops.cells.program import Program
from snnc.compiler.ops.cells.writing import Writing
from snnc.compiler.verify.board import verify_on_board
from snnc.compiler.verify.chain.links import STRESS, Link
from snnc.compiler.verify.integer import IntegerVerification, compare_integers, run_reference
from snnc.compiler.verify.synthetic.stress import Stress
from snnc.errors import UNSUPPORTED_LAYER, SnncError
from tests.compiler.deploy import test_firmware as board
from tests.compiler.deploy.test_firmware import need
from tests.support.networks.cell_zoo import EXAMPLES
from tests.support.samples.graphs import observed

STEPS = 12
WITHOUT = ("exp", "log", "tanh", "sigmoid", "erf", "pow")


def network(program: Program, params: dict[str, np.ndarray] | None = None):
    """Counts, a linear layer, the cell, a mean."""
    rng = np.random.default_rng(3)
    building = Importing("cells", STEPS)
    building.input((6,), Kind.COUNT)
    weight = rng.normal(0.15, 0.5, (5, 6))
    sums = building.add("linear", Linear(), ["input"], {"weight": weight})
    fired = building.add("cell", Cell(program=program), [sums], params or {})
    return building.graph([building.add("mean", TimeMean(), [fired])])


def counts(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).poisson(0.7, (STEPS, 6)).astype(np.float64)


def exact(program: Program) -> bool:
    return not {entry.op for entry in program.body} & set(WITHOUT)


def fires_once(program: Program) -> bool:
    return kind_of(program, [Kind.REAL]) is Kind.SPIKE  # int8 has no mean of counts over time


plain = [e for e in EXAMPLES if exact(e.program) and fires_once(e.program) and not e.params]


@pytest.mark.parametrize("example", plain, ids=lambda example: example.name)
def test_every_bit_is_the_reference(example):
    compiled = compile_graph(network(example.program), calibration=[counts(0)])
    assert compiled.graph["cell"].op.name == "cell_i8"
    frames = counts(1)
    values, membranes = run_reference(compiled.graph, frames)
    assert membranes["cell"].dtype == torch.float32
    names = [node.name for node in compiled.graph.nodes]
    wanted = [(name, "value") for name in names] + [("cell", "membrane")]
    run = observed(compiled.graph, generated=compiled.generated).run(frames, observe=wanted)
    assert values["cell"].unique().numel() > 1
    found = compare_integers(Link("values"), compiled.graph, values, membranes, run)
    assert not [name for name, apart in found if apart.any()]


@pytest.mark.parametrize("example", plain, ids=lambda example: example.name)
def test_a_cell_goes_on_from_decisions_that_are_replaced(example):
    """As verification replaces them: values, potentials and counts on random spikes."""
    compiled = compile_graph(network(example.program), calibration=[counts(0)])
    model = observed(compiled.graph, generated=compiled.generated)
    result = IntegerVerification(STEPS)
    Stress(compiled, model, result).run()
    found = result.chain[STRESS]
    assert found.checks["membrane potentials"].compared > 0
    assert found.holds, found
    assert result.first_divergence is None


@pytest.mark.parametrize("op", WITHOUT)
def test_a_function_without_an_exact_form_is_refused_by_name(op):
    w = Writing("x")
    u = w(op, "x", 2.0) if op == "pow" else w(op, "x")
    with pytest.raises(SnncError) as caught:
        compile_graph(network(w.program(w("ge", u, 0.5))), calibration=[counts(0)])
    assert caught.value.code is UNSUPPORTED_LAYER
    assert f"{op} of a cell has no int8 form" in caught.value.what


@pytest.mark.parametrize(
    ("example", "name"),
    [(e, "cortex-m0") for e in plain]
    + [(e, core) for e in plain if e.name == "alif" for core in ("cortex-m4", "riscv32")],
    ids=lambda given: given if isinstance(given, str) else given.name,
)
def test_a_core_with_and_without_floats_gives_the_same_bits(example, name):
    need(name)
    building = Importing("cells", board.STEPS)
    building.input((2, 10, 10), Kind.COUNT)
    weight = np.random.default_rng(3).normal(0.01, 0.2, (5, 200))
    flat = building.add("flat", Flatten(), ["input"])
    sums = building.add("linear", Linear(), [flat], {"weight": weight})
    fired = building.add("cell", Cell(program=example.program), [sums])
    graph = building.graph([building.add("mean", TimeMean(), [fired])])
    windows = [board.framed(board.recording(seed, 10), 10) for seed in (10, 11)]
    framing = Framing(10, 10, board.STEP_US, 1)
    compilation = compile_graph(graph, framing, calibration=windows)
    assert compilation.graph["cell"].op.name == "cell_i8"
    result = verify_on_board(compilation, target_named(name), board.vectors(compilation, 10))
    assert result.failures == []
    assert result.passed
