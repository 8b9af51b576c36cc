"""Cells: what they mean, their proof, their C, and what is refused."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from snnc.compiler.host.observed import Observation
from snnc.compiler.ir import layout
from snnc.compiler.ir.graph import Kind, TensorType, Time, fires
from snnc.compiler.ops import OPS, Sample
from snnc.compiler.ops.cells.cost import COSTS
from snnc.compiler.ops.cells.kinds import kind_of
from snnc.compiler.ops.cells.lazy import split
from snnc.compiler.ops.cells.op import Cell
from snnc.compiler.ops.cells.program import OPERATIONS, Instruction, Program, State, fault
from snnc.compiler.ops.cells.several import following
from snnc.compiler.ops.cells.writing import Writing
from snnc.errors import BAD_SHAPE, UNSUPPORTED_LAYER, SnncError
from tests.support.networks.cell_zoo import EXAMPLES, Example
from tests.support.samples.graphs import observed, run_of, sample_graph

SHAPE, STEPS = (5, 4, 3), 12
each_example = pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)


def currents(seed: int = 0, scale: float = 1.0) -> torch.Tensor:
    x = np.random.default_rng(seed).normal(0.25, scale, (STEPS, *SHAPE))
    return torch.from_numpy(x.astype(np.float32))


def graph_of(example: Example, program: Program | None = None, inputs: int = 1):
    params = {role: value.double().numpy() for role, value in example.params.items()}
    cell = Cell(program=program or example.program)
    given = (TensorType(SHAPE, Kind.REAL),) * inputs
    cases = sample_graph("cell", [Sample(cell, given, params, time_steps=STEPS)])
    (node,) = cases.nodes
    return cases.graph, cases.graph[node], cases.operands[node]


@each_example
def test_a_cell_is_the_loop_that_people_write_bit_for_bit(example):
    graph, node, _ = graph_of(example)
    x = currents()
    written = example.run(x, **example.params)[0]
    own = Cell(program=example.program).reference(run_of(graph, node.name, [x], torch.float32))
    assert torch.equal(own, written)
    assert 0.01 < (own != 0).float().mean() < 0.9
    assert fires(node)


def test_the_c_keeps_the_potential_and_follows_what_is_decided_for_it():
    """Forced to PyTorch's decisions it goes on from them; the potential is within its bound."""
    samples = [
        Sample(
            Cell(program=example.program),
            (TensorType(SHAPE, Kind.REAL),),
            {role: value.double().numpy() for role, value in example.params.items()},
            STEPS,
        )
        for example in EXAMPLES
    ]
    cases, x = sample_graph("cell", samples), currents(1)
    decided = {
        node: example.run(x, **example.params)[0]
        for node, example in zip(cases.nodes, EXAMPLES, strict=True)
    }
    forced = {name: value.numpy() for name, value in decided.items()}
    forced |= {given: x.numpy() for names in cases.operands.values() for given in names}
    wanted = [(node, what) for node in cases.nodes for what in ("value", "membrane")]
    run = observed(cases.graph).run(np.zeros((STEPS, 1)), observe=wanted, forced=forced)
    for name, output in decided.items():
        node, exact = cases.graph[name], x.double()
        run_exact = run_of(cases.graph, name, [exact])
        run_exact = run_exact.bounded([torch.zeros_like(exact)], output.double())
        error = node.op.error(run_exact)
        assert bool((found(run, name, "value") - output).abs().le(2 * error).all()), name
        assert float((error != 0).double().mean()) < 1e-3
        membrane = node.op.potentials(run_exact, output.double())
        kept = split(node.op.program, True).membrane
        bound = torch.stack([values[kept].error for values in node.op.bounded(run_exact)])
        assert bool((found(run, name, "membrane") - membrane).abs().le(bound).all()), name
        assert float(bound.max()) < 1e-2  # Izhikevich's square multiplies errors


def found(run: Observation, node: str, what: str) -> torch.Tensor:
    return torch.from_numpy(run.values[node, what].astype(np.float64))


@each_example
def test_a_forced_decision_resets(example):
    """Another decision at step 3 changes what comes after it, as it would in the loop."""
    graph, node, _ = graph_of(example)
    x = currents(2)
    same = run_of(graph, node.name, [x], torch.float32)
    own = Cell(program=example.program).reference(same)
    turned = own.clone()
    turned[3] = (own[3] == 0).float()
    after = node.op.decisions(same, turned)
    assert torch.equal(after[:4], own[:4])
    assert not torch.equal(after[4:], own[4:])


def test_further_outputs_follow_the_decision():
    """A graded spike is a cell of its own, which reads the first one's decisions."""
    w = Writing("x")
    u = w("add", w("mul", w.state("v"), 0.8), "x")
    s = w("number", w("ge", u, 0.6))
    graded = w("mul", u, s)
    w.next("v", w("sub", u, graded))
    program = w.program(s)
    second = following(program, graded)
    assert second.inputs == ("x", "given")
    assert fault(second) == ""
    example = Example("graded", (0.0,), lambda v, x: ((v,), (x,)), program)
    graph, node, _ = graph_of(example, second, inputs=2)
    assert node.type.kind is Kind.REAL
    x, v, values = currents(5), torch.zeros(SHAPE), []
    spikes = (torch.rand(x.shape, generator=torch.manual_seed(1)) < 0.3).float()
    for current, fired in zip(x, spikes, strict=True):
        u = v * 0.8 + current
        values.append(u * fired)
        v = u - values[-1]
    own = node.op.reference(run_of(graph, node.name, [x, spikes]))
    assert torch.equal(own, torch.stack(values))


def test_what_lives_between_steps_is_little():
    """A refractory neuron keeps its potential and its counter, and nothing else."""
    program = EXAMPLES[6].program
    cut = split(program, True)
    assert len(cut.kept) == 2
    assert cut.membrane in cut.kept
    assert program.by_name[cut.membrane].op == "where"
    assert not {entry.name for entry in cut.before} & {entry.name for entry in cut.after} - {
        entry.name for entry in program.body if entry.op == "constant"
    }


@pytest.mark.parametrize(
    ("write", "inputs", "kind"),
    [
        (lambda w: w("gt", "x", 0.0), Kind.REAL, Kind.SPIKE),
        (lambda w: w("number", w("gt", "x", 0.0)), Kind.REAL, Kind.SPIKE),
        (lambda w: w("mul", w("number", w("gt", "x", 0.0)), "x"), Kind.REAL, Kind.REAL),
        (lambda w: w("mul", w("number", w("gt", "x", 1.0)), "x"), Kind.SPIKE, Kind.SPIKE),
        (lambda w: w("round", w("clamp", "x", 0.0, 7.0)), Kind.REAL, Kind.COUNT),
        (lambda w: w("clamp", w("floor", "x"), 0.0, 7.0), Kind.REAL, Kind.COUNT),
        (lambda w: w("clamp", w("floor", "x"), -1.0, 1.0), Kind.REAL, Kind.REAL),
        (lambda w: w("clamp", w("floor", "x"), 0.5, 7.0), Kind.REAL, Kind.REAL),
        (lambda w: w("round", "x"), Kind.REAL, Kind.REAL),
        (lambda w: w("add", "x", "x"), Kind.SPIKE, Kind.COUNT),
        (lambda w: w("add", "x", "x"), Kind.COUNT, Kind.REAL),
        (lambda w: w("sign", "x"), Kind.SPIKE, Kind.REAL),
        (lambda w: w("abs", w("sign", "x")), Kind.REAL, Kind.SPIKE),
        (lambda w: w("sub", 1.0, "x"), Kind.SPIKE, Kind.SPIKE),
        (lambda w: w("where", w("gt", "x", 0.0), 3.0, 0.0), Kind.REAL, Kind.COUNT),
        (lambda w: w("div", "x", 2.0), Kind.SPIKE, Kind.REAL),
    ],
)
def test_kinds_follow_from_the_program(write, inputs, kind):
    w = Writing("x")
    assert kind_of(w.program(write(w)), [inputs]) is kind


def bad(*body: Instruction, **changes) -> str:
    program = Program(("x",), body, body[-1].name if body else "x")
    return fault(dataclasses.replace(program, **changes))


@pytest.mark.parametrize(
    ("says", "found"),
    [
        ("no operation is called 'sine'", bad(Instruction("a", "sine", ("x",)))),
        ("takes 2 values, not 1", bad(Instruction("a", "add", ("x",)))),
        ("nothing before it gives 'b'", bad(Instruction("a", "add", ("x", "b")))),
        ("'x' is real, and not takes a bool", bad(Instruction("a", "not", ("x",)))),
        ("`x = neg(x)`: 'x' is given twice", bad(Instruction("x", "neg", ("x",)))),
        ("not a finite float32", bad(Instruction("a", "constant", value=1e39))),
        ("'2a' is not a name", bad(Instruction("2a", "neg", ("x",)))),
        ("has no input", bad(inputs=(), params=("x",))),
        ("'u' goes on as 'c', which is no real", bad(states=(State("u", "c"),))),
        ("begins as 'c', which is no parameter", bad(states=(State("u", "u", "c"),))),
        ("nothing gives the output", bad(output="y")),
        ("the membrane potential 'm'", bad(membrane="m")),
    ],
)
def test_a_bad_program_is_named_by_its_instruction(says, found):
    assert says in found


def refused(program: Program, *given: TensorType, params=None) -> SnncError:
    given = given or (TensorType(SHAPE, Kind.REAL),)
    with pytest.raises(SnncError) as caught:
        sample_graph("cell", [Sample(Cell(program=program), given, params or {})])
    assert caught.value.where == "s0"
    return caught.value


def test_what_a_cell_cannot_take_is_refused():
    w = Writing("x")
    late = w("where", w("gt", w.state("v"), 1.0), 0.0, "x")
    w.next("v", late)
    program = w.program("t1")
    assert program.by_name["t1"].op == "gt"
    wrong = dataclasses.replace(program, body=program.body[:1])
    assert refused(wrong).code is UNSUPPORTED_LAYER
    assert "follows the decision" in refused(dataclasses.replace(program, membrane=late)).what
    two = (TensorType(SHAPE, Kind.REAL),) * 2
    assert refused(program, *two).code is BAD_SHAPE
    assert "needs a value for each" in refused(program, TensorType(SHAPE, Kind.REAL, False)).what
    assert "no int8 form" in refused(program, TensorType(SHAPE, Kind.REAL, dtype="int16")).what
    role = Program(("x",), (), "k", params=("k",))
    assert refused(role).what == "cell needs the parameter 'k'"
    assert "one value per" in refused(role, params={"k": np.ones((5, 2, 1))}).what


def test_samples_hold_every_instruction():
    seen = {
        entry.op
        for sample in OPS["cell"].samples()
        for cut in (split(sample.op.program, True), split(sample.op.program, False))
        for entry in (*cut.before, *cut.after)
    }
    assert seen == set(OPERATIONS) == set(COSTS)


def test_time_follows_from_states():
    w = Writing("x")
    cell = Cell(program=w.program(w("gt", "x", 0.0)))
    graph = sample_graph("cell", [Sample(cell, (TensorType((3,), Kind.REAL),))]).graph
    assert cell.time() is Time.STEP
    assert layout.c_type(graph["s0"].type) == "snn_word"
