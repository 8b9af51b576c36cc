"""The walkthroughs of CONTRIBUTING.md do what they say, and mistakes in them are caught."""

from __future__ import annotations

import re
import tomllib
from functools import cache

import numpy as np
import pytest
import torch
from torch import nn

from snnc.compiler.calibrate.ranges import calibrate
from snnc.compiler.deploy import targets
from snnc.compiler.frontend.importing import Importing
from snnc.compiler.frontend.torch_fx import import_module
from snnc.compiler.ir.graph import Kind
from snnc.compiler.ops import OPS, Linear, MaxPool2d, Neuron, Relu, Sigmoid, TimeMean
from snnc.compiler.ops.base import Counts
from snnc.compiler.passes import pipeline
from snnc.compiler.verify import reference
from snnc.errors import InternalError, SnncError
from snnc.estimator.conventions.base import Visit
from snnc.estimator.layers import layers_of
from snnc.models import networks
from tests.compiler.ops import test_ops as generated
from tests.support.places import ROOT
from tests.support.samples.graphs import sample_graph

PAGE = (ROOT / "CONTRIBUTING.md").read_text("utf-8")


@cache
def block(name: str) -> str:
    (found,) = re.findall(rf"```\w+ {name}\n(.*?)```", PAGE, re.DOTALL)
    return found


def run_block(name: str) -> dict:
    names: dict = {"__name__": name}
    exec(compile(block(name), f"CONTRIBUTING.md:{name}", "exec"), names)
    return names


@pytest.fixture
def double(monkeypatch):
    """The op of the walkthrough, in the table; its class, for planting mistakes."""
    op = run_block("op")["Double"]

    def put(changed=op):
        generated.graphs_of.cache_clear()
        generated.operands_of.cache_clear()
        generated.run_in_c.cache_clear()
        monkeypatch.setitem(OPS, "double", changed)
        return changed

    yield put
    for function in (generated.graphs_of, generated.operands_of, generated.run_in_c):
        function.cache_clear()


def generated_tests() -> None:
    """Every generated test of every sample of the op."""
    for number, cases in enumerate(generated.graphs_of("double")):
        for node in cases.nodes:
            generated.test_type_is_what_the_reference_gives("double", number, node)
            generated.test_c_gives_what_the_bound_allows("double", number, node)
            generated.test_c_executes_what_is_counted("double", number, node)
            generated.test_bound_holds_for_float32_in_any_order("double", number, node)


def test_the_operator_passes_its_generated_tests(double):
    double()
    generated_tests()


MISTAKES = {
    "infer keeps the kind": {"infer": lambda self, view: view.types[0]},
    "count forgets": {"count": lambda self, run: Counts.of(run.steps, cmp=1)},
    "no rounding in the bound": {"error": lambda self, run: 0 * run.errors[0]},
    "another formula": {"reference": lambda self, run: 3 * run.inputs[0]},
    "misspelt kernel": {
        "emit": lambda self, node, c: c.call(
            "snn_ad_f32", node.type.size, c.real_input(0), c.real_input(0), c.output()
        )
    },
    "too few arguments": {
        "emit": lambda self, node, c: c.call("snn_add_f32", node.type.size, c.output())
    },
    "attribute that there is none of": {
        "count": lambda self, run: Counts.of(run.steps, add=self.by * run.type.size)
    },
    "unknown attribute in a sample": {
        "samples": classmethod(
            lambda cls: [generated.Sample(cls(by=2), (generated.TensorType((3,), Kind.REAL),))]
        )
    },
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_any_facet_is_caught(double, mistake):
    op = double()
    double(type("Wrong", (op,), MISTAKES[mistake]))
    with pytest.raises((AssertionError, AttributeError, SnncError)):
        generated_tests()


def test_one_line_of_imports_is_the_table():
    """The table is what ``compiler/ops/__init__.py`` imports."""
    text = (ROOT / "compiler/ops/__init__.py").read_text("utf-8")
    line = "from snnc.compiler.ops.wiring.pad import Pad as Pad\n"
    assert line in text
    for shown, known in ((text, True), (text.replace(line, ""), False)):
        names: dict = {"__name__": "snnc.compiler.ops"}
        exec(compile(shown, "ops", "exec"), names)
        assert ("pad" in names["OPS"]) is known


def test_the_operator_without_int8_form_and_rule_is_named(double):
    double()
    building = Importing("tiny", 3)
    given = building.input((4,), Kind.COUNT)
    building.add("d", OPS["double"](), [given])
    building.add("m", TimeMean(), ["d"])
    graph = building.graph(["m"])
    with pytest.raises(SnncError, match="double has no int8 form"):
        pipeline.quantized(graph, calibrate(graph, [np.ones((3, 4))]))


def test_the_neuron_is_imported_and_means_what_it_computes():
    neuron = run_block("neuron")["Quarter"]()
    model = nn.Sequential(neuron, networks.TimeMean())
    graph = import_module(model, (6,), 5)
    x = torch.poisson(torch.full((5, 6), 0.4), generator=torch.Generator().manual_seed(1))
    (spikes,) = [node.name for node in graph if node.op.name == "neuron"]
    value = reference.run(graph, {"input": x})[spikes]
    assert torch.equal(value, neuron(x[:, None])[:, 0])
    assert 0 < value.mean() < 1


def test_the_pass_keeps_the_meaning():
    drop = run_block("pass")["drop_relu_of_spikes"]
    building = Importing("tiny", 3)
    given = building.input((2, 4, 4), Kind.COUNT)
    attrs = {"kernel_size": (2, 2), "stride": (2, 2), "padding": (0, 0), "dilation": (1, 1)}
    building.add("p", MaxPool2d(**attrs, ceil_mode=False), [given])
    graph = building.graph(["p"])
    assert drop(graph) == graph

    neuron = {"beta": 0.5, "drift": 0.0, "gain": 1.0, "reset_mode": "hard", "reset": 0.0}
    neuron |= {"threshold": 0.5, "strict": False, "initial": 0.0}
    building.add("n", Neuron(**neuron), ["p"])
    building.add("r", Relu(), ["n"])
    building.add("m", TimeMean(), ["r"])
    graph = building.graph(["m"])
    smaller = drop(graph)
    assert [node.op.name for node in smaller] == ["input", "max_pool2d", "neuron", "time_mean"]
    x = torch.ones(3, 2, 4, 4)
    assert torch.equal(
        reference.run(graph, {"input": x})["m"], reference.run(smaller, {"input": x})["m"]
    )


def test_a_pass_that_breaks_the_graph_is_named(monkeypatch):
    def forget(graph):
        return graph.replace(outputs=("nobody",))

    monkeypatch.setattr(pipeline, "OPTIMISATIONS", (forget,))
    (cases,) = [sample_graph("time_sum", list(OPS["time_sum"].samples())[:1])]
    with pytest.raises(InternalError, match="broken after pass forget"):
        pipeline.optimised(cases.graph)


def test_the_convention_counts_outputs():
    convention = run_block("convention")["OUTPUTS"]
    building = Importing("tiny", 3)
    given = building.input((4,), Kind.COUNT)
    building.add("l", Linear(), [given], params={"weight": np.ones((5, 4))})
    building.add("r", Sigmoid(), ["l"])
    building.add("m", TimeMean(), ["r"])
    graph = building.graph(["m"])
    x = torch.ones(3, 4)
    values = reference.run(graph, {"input": x})
    counted = {
        name: convention.count(Visit(graph, layer, graph[name], values))
        for layer in layers_of(graph)
        for name in layer.nodes
        if name != "input"
    }
    assert counted == {"l": {"ac": [5, 5, 5]}, "r": {}, "m": {}}


def test_the_target_can_be_read():
    table = tomllib.loads(block("target"))
    (entry,) = table["targets"].values()
    known = targets.targets()
    assert entry["family"] == known["cortex-m4"].family
    assert set(entry["boards"]) <= {board.name for t in known.values() for board in t.boards}
