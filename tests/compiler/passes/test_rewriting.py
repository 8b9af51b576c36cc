"""What passes are made of: checking a graph, rewriting it node by node, pruning, types again."""

from __future__ import annotations

import numpy as np
import pytest

from snnc.compiler.ir.graph import Kind, Node, TensorType, prune, rewrite
from snnc.compiler.ir.operation import Operation
from snnc.compiler.ops import Relu, inference
from snnc.errors import InternalError
from tests.compiler.passes.test_passes import Layers


class Stranger(Operation):
    """An op whose type nobody can infer."""

    name = "stranger"


GRAPH = Layers((2, 5, 5)).conv().norm().graph()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"nodes": GRAPH.nodes + GRAPH.nodes[-1:]}, "share this name"),
        ({"nodes": GRAPH.nodes[::-1]}, "no node before it gives"),
        ({"params": {}}, "are not in the graph"),
        ({"outputs": ("gone",)}, "do not exist"),
        ({"params": GRAPH.params | {"norm.mean": np.array([np.nan, 0, 0])}}, "not finite"),
        (
            {"nodes": (GRAPH.nodes[0], GRAPH.nodes[1].replace(type=TensorType((9,), Kind.REAL)))},
            "its op infers real T×3×5×5",
        ),
        (
            {"nodes": (Node("x", Stranger(), (), TensorType((1,), Kind.REAL)),)},
            "follows from nothing",
        ),
    ],
)
def test_check_finds_every_kind_of_damage(changes, says):
    inference.check(GRAPH)
    with pytest.raises(InternalError, match=says):
        inference.check(GRAPH.replace(**changes))


def test_rewrite_drops_a_node_and_its_readers_read_its_input():
    graph = Layers((2, 5, 5)).conv().add("a", Relu()).add("b", Relu()).graph()
    after = rewrite(graph, lambda node: None if node.name == "a" else node)
    assert after["b"].inputs == ("conv",)
    assert [node.name for node in after] == ["input", "conv", "b"]
    last = rewrite(graph, lambda node: None if node.name == "b" else node)
    assert last.outputs == ("a",)
    with pytest.raises(InternalError, match="no input to stand in"):
        rewrite(graph, lambda node: None if node.name == "input" else node)


def test_prune_keeps_what_outputs_need_and_the_inputs():
    layers = Layers((2, 5, 5)).conv()
    layers.g.add("dead", Relu(), ["conv"])
    layers.add("alive", Relu())
    pruned = prune(layers.graph())
    assert [node.name for node in pruned] == ["input", "conv", "alive"]
    unused = prune(layers.graph().replace(outputs=("input",)))
    assert [node.name for node in unused] == ["input"]
    assert unused.params == {}


def test_types_are_inferred_again_in_order():
    untyped = GRAPH.replace(
        nodes=tuple(
            node if node.op.name == "input" else node.replace(type=TensorType((), Kind.REAL))
            for node in GRAPH.nodes
        )
    )
    assert inference.infer_types(untyped) == GRAPH
