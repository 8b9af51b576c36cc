"""Roles: what an op is to those who do not compute it. They ask for that, and not for names."""

from __future__ import annotations

import ast
import re

import pytest

from snnc.compiler.ir.graph import Kind, Node, TensorType, fires
from snnc.compiler.ir.operation import Operation
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops import COMPOSITES, OPS, Add
from snnc.compiler.ops.base import Most, Op, Sample
from snnc.compiler.ops.int8.cells.cell import CellI8
from snnc.compiler.ops.int8.fixed import IntegerOp
from snnc.compiler.ops.neurons.spiking import Spiking
from snnc.compiler.ops.view import NodeView
from snnc.compiler.plan.input_buffer import most_events
from snnc.errors import InternalError
from tests.support.places import ROOT
from tests.support.samples.graphs import sample_graph

NAMED = {
    "compiler/calibrate/ranges.py": "the potential of a linear neuron is what int8 needs",
    "compiler/frontend/adapters/recurrence.py": "counts the connections that there are",
    "compiler/frontend/nir/export.py": "NIR has a form for exactly these ops",
    "compiler/frontend/understand/rules/arithmetic.py": "a sum over time by T is exactly a mean",
    "compiler/ops/int8/synapses/weight_scales.py": "scales follow the constants of a neuron",
    "compiler/ops/readout/time_stack.py": "says how its own vector lies",
    "compiler/passes/absorb_flatten.py": "folds exactly one op into another",
    "compiler/passes/fold_avg_pool.py": "folds exactly one op into another",
    "compiler/passes/fold_batch_norm.py": "folds exactly one op into others",
    "compiler/passes/order_weights.py": "only a convolution has groups",
    "compiler/passes/quantize/__init__.py": "integer twins of exactly these ops",
    "compiler/passes/quantize/attention.py": "integer twins of exactly these ops",
    "compiler/passes/quantize/cells.py": "the integer twin of exactly this op",
    "compiler/verify/exact.py": "how a linear neuron and a cell decide",
    "compiler/verify/chain/vacuous.py": "the threshold of a cell in an integer graph may move",
    "compiler/verify/float_judge.py": "spikes of a linear neuron are forced",
    "compiler/verify/integer.py": "the potentials of the integer neuron and cell",
    "compiler/verify/synthetic/scenarios.py": "potentials and logits that exactly these may have",
    "estimator/ann/windows.py": "a convolution has taps, a linear layer none",
    "estimator/conventions/base.py": "a perceptron that stands for one matrix",
    "estimator/conventions/calls.py": "the modules that a node was",
    "estimator/conventions/paper.py": "pools and delays whose rates differ from what they read",
    "estimator/conventions/spikingjelly.py": "a maximum, and the window of a mean",
    "estimator/memory_access.py": "the width of an integer potential",
    "snnc/bench/target/cmsis_layers.py": "CMSIS-NN has exactly these layers",
}
"""Where ops are named because exactly those are meant, and why."""

CLASSES = {op.__name__ for op in (OPS | COMPOSITES).values()}


@pytest.mark.parametrize("op", OPS)
def test_every_op_plays_a_role(op):
    assert OPS[op].roles


def test_composites_and_strangers_play_none():
    class Stranger(Operation):
        name = "wavelet"

    assert not any(op.roles for op in COMPOSITES.values())
    node = Node("n", Stranger(), (), TensorType((3,), Kind.SPIKE))
    assert not node.plays(*Role)
    assert not fires(node)


@pytest.mark.parametrize("role", Role)
def test_every_role_is_played(role):
    assert any(role in op.roles for op in OPS.values())


def test_integer_twins_play_what_their_float_ops_play():
    twins = [op for op in OPS if f"{op}_i8" in OPS]
    assert len(twins) >= 10
    for op in twins:
        assert OPS[f"{op}_i8"].roles == OPS[op].roles, op


def test_an_op_is_another_only_as_its_integer_twin():
    """So that ``isinstance(node.op, TimeSum)`` asks for exactly that op among float ones."""
    every = (OPS | COMPOSITES).values()
    for op in every:
        for other in every:
            if op is not other and issubclass(op, other):
                assert issubclass(op, IntegerOp), op.name
                assert not issubclass(other, IntegerOp), other.name


def test_a_role_brings_the_facets_that_are_asked_of_it():
    for op in OPS.values():
        if Role.SYNAPSE in op.roles:  # the counts read it
            assert "weight" in {parameter.role for parameter in op.parameters}, op.name
        if issubclass(op, Spiking):
            assert Role.NEURON in op.roles
            # a cell's potential is a real number, in the source's units, in integer graphs too
            assert op is CellI8 or not issubclass(op, IntegerOp)


@pytest.mark.parametrize("op", OPS)
def test_what_gives_counts_says_how_large_they_get(op):
    for sample in OPS[op].samples():
        cases = sample_graph(op, [sample])
        node = cases.graph[cases.nodes[0]]
        if node.type.kind is Kind.COUNT:
            most = sample.op.most(NodeView.of(cases.graph, node), [Most(2, 1)] * len(node.inputs))
            assert most.factor + most.rest >= 1


def test_counts_without_a_bound_are_refused(monkeypatch):
    spikes = TensorType((3,), Kind.SPIKE)
    cases = sample_graph("add", [Sample(Add(), (spikes, spikes))])
    monkeypatch.setattr(Add, "most", Op.most)
    with pytest.raises(InternalError, match="add gives counts and does not say how large"):
        most_events(cases.graph)


def naming(path):
    """Lines that ask whether an op is of a class of its own, or is called something."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        asked: list[ast.AST] = []
        if isinstance(node, ast.Call) and len(node.args) == 2:
            function = getattr(node.func, "id", "")
            of_op = re.search(r"(^|\.)op$|^op_of\(", ast.unparse(node.args[0]))
            if function == "as_op" or (function == "isinstance" and of_op):
                asked = [node.args[1]]
        elif isinstance(node, ast.Compare) and "op" in ast.unparse(node.left):
            asked = list(node.comparators)
        elif isinstance(node, ast.match_case):
            asked = [node.pattern]
        named = {getattr(part, "id", "") for one in asked for part in ast.walk(one)}
        texts = {getattr(part, "value", "") for one in asked for part in ast.walk(one)}
        called = texts & set(OPS | COMPOSITES) if ".op.name" in ast.unparse(node) else set()
        if named & CLASSES or called:
            yield node.lineno if hasattr(node, "lineno") else node.pattern.lineno


def test_ops_are_named_only_where_exactly_those_are_meant():
    named = {}
    for folder in ("compiler", "estimator", "snnc/api", "snnc/bench", "snnc/commands"):
        for path in (ROOT / folder).rglob("*.py"):
            place = path.relative_to(ROOT).as_posix()
            if lines := list(naming(path)):
                named[place] = lines
    assert set(named) == set(NAMED), named
