"""Roles: what an op is to those who do not compute it. They ask for that, and not for names."""

from __future__ import annotations

import ast

import pytest

from snnc.compiler.ir.graph import Kind, Node, TensorType, fires
from snnc.compiler.ir.roles import Role, roles_of
from snnc.compiler.ops import COMPOSITES, OPS
from snnc.compiler.ops.base import Most, Op, Sample
from snnc.compiler.ops.int8.fixed import IntegerOp
from snnc.compiler.ops.neurons.spiking import Spiking
from snnc.compiler.ops.view import NodeView
from snnc.compiler.plan.input_buffer import most_events
from snnc.errors import InternalError
from tests.support.places import ROOT
from tests.support.samples.graphs import sample_graph

NAMED = {
    "compiler/frontend/nir/export.py": "NIR has a form for exactly these ops",
    "compiler/frontend/understand/rules/arithmetic.py": "a sum over time by T is exactly a mean",
    "compiler/ops/int8/synapses/weight_scales.py": "scales follow the constants of a neuron",
    "compiler/passes/absorb_flatten.py": "folds exactly one op into another",
    "compiler/passes/fold_avg_pool.py": "folds exactly one op into another",
    "compiler/passes/fold_batch_norm.py": "folds exactly one op into others",
    "compiler/passes/quantize/__init__.py": "integer twins of exactly these ops",
    "estimator/conventions/paper.py": "pools and delays whose rates differ from what they read",
}
"""Where ops are named because exactly those are meant, and why."""

ANOTHER = (
    *(f"compiler/frontend/{room}" for room in ("capture", "fx", "recognise", "reroll")),
    *(f"compiler/frontend/understand/{file}.py" for file in ("cells", "lowering")),
    "compiler/ops/cells",
)
"""What calls itself an op there is PyTorch's, or an instruction of a cell."""


@pytest.mark.parametrize("op", OPS)
def test_every_op_plays_a_role(op):
    assert OPS[op].roles
    assert roles_of(op) == OPS[op].roles


def test_composites_and_strangers_play_none():
    assert not any(roles_of(op) for op in [*COMPOSITES, "wavelet"])
    node = Node("n", "wavelet", (), TensorType((3,), Kind.SPIKE))
    assert not node.plays(*Role)
    assert not fires(node)


@pytest.mark.parametrize("role", Role)
def test_every_role_is_played(role):
    assert any(role in op.roles for op in OPS.values())


def test_integer_twins_play_what_their_float_ops_play():
    twins = [op for op in OPS if f"{op}_i8" in OPS]
    assert len(twins) >= 10
    for op in twins:
        assert roles_of(f"{op}_i8") == roles_of(op), op


def test_a_role_brings_the_facets_that_are_asked_of_it():
    for op in OPS.values():
        if Role.SYNAPSE in op.roles:  # the counts read it
            assert "weight" in {parameter.role for parameter in op.parameters}, op.name
        if isinstance(op, Spiking):
            assert Role.NEURON in op.roles
            assert not isinstance(op, IntegerOp)


@pytest.mark.parametrize("op", OPS)
def test_what_gives_counts_says_how_large_they_get(op):
    for sample in OPS[op].samples():
        cases = sample_graph(op, [sample])
        node = cases.graph[cases.nodes[0]]
        if node.type.kind is Kind.COUNT:
            most = OPS[op].most(NodeView.of(cases.graph, node), [Most(2, 1)] * len(node.inputs))
            assert most.factor + most.rest >= 1


def test_counts_without_a_bound_are_refused(monkeypatch):
    spikes = TensorType((3,), Kind.SPIKE)
    cases = sample_graph("add", [Sample((spikes, spikes))])
    monkeypatch.setattr(type(OPS["add"]), "most", Op.most)
    with pytest.raises(InternalError, match="add gives counts and does not say how large"):
        most_events(cases.graph)


def comparisons(path):
    """Lines that compare an op's name with a text or several."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(node, ast.Compare) or len(node.comparators) != 1:
            continue
        sides = [node.left, node.comparators[0]]
        of_op = any(isinstance(side, ast.Attribute) and side.attr == "op" for side in sides)
        texts = [part for side in sides for part in getattr(side, "elts", [side])]
        if of_op and any(isinstance(t, ast.Constant) and isinstance(t.value, str) for t in texts):
            yield node.lineno


def test_ops_are_named_only_where_exactly_those_are_meant():
    named = {}
    for folder in ("compiler", "estimator", "snnc/api", "snnc/bench", "snnc/commands"):
        for path in (ROOT / folder).rglob("*.py"):
            place = path.relative_to(ROOT).as_posix()
            if not place.startswith(ANOTHER) and (lines := list(comparisons(path))):
                named[place] = lines
    assert set(named) == set(NAMED), named
