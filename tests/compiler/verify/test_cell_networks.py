"""Networks with cells: proven, on threads, counted, measured; refused where they have no form."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import nn

from snnc.compiler.compilation import compile_graph
from snnc.compiler.frontend.importing import Importing, importer
from snnc.compiler.frontend.nir.export import export_nir
from snnc.compiler.frontend.torch_fx import import_module
from snnc.compiler.ir import layout
from snnc.compiler.ir.graph import Graph
from snnc.compiler.ops import Cell
from snnc.compiler.program.constants import hex_float
from snnc.compiler.verify.float_judge import Verifier
from snnc.errors import UNSUPPORTED_LAYER, SnncError
from snnc.estimator.activity import observe
from snnc.estimator.conventions import CONVENTIONS
from snnc.estimator.counts import count, totals_of
from snnc.estimator.memory_access import count_accesses
from snnc.estimator.redundancy.records import Redundancy, recorded
from tests.compiler.plan.test_threads import opened
from tests.support.counting import interpret, network_of
from tests.support.networks.cell_zoo import EXAMPLES, Example
from tests.support.samples.graphs import observed

SHAPE, STEPS = (5, 6, 6), 12
NAMED = {example.name: example for example in EXAMPLES}


class Neurons(nn.Module):
    """An example as a module over a sequence."""

    def __init__(self, example: Example) -> None:
        super().__init__()
        self.example = example
        for role, value in example.params.items():
            self.register_buffer(role, value)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        params = {role: getattr(self, role) for role in self.example.params}
        return self.example.run(x, **params)[0]


@importer(Neurons)
def _neurons(g: Importing, m: Neurons, path: str, inputs: list[str]) -> str:
    params = {role: getattr(m, role) for role in m.example.params}
    return g.add(path, Cell(program=m.example.program), inputs, params)


class Net(nn.Module):
    """A convolution, cells of several kinds that read it, and a linear layer for each of them."""

    def __init__(self, examples: Sequence[Example]) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.conv = nn.Conv2d(2, SHAPE[0], 3, padding=1)
        self.cells = nn.ModuleList(Neurons(example) for example in examples)
        self.linear = nn.ModuleList(nn.Linear(SIZE, 4) for _ in examples)
        with torch.no_grad():
            self.conv.weight *= 2.5

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        steps, batch = x.shape[:2]
        y = self.conv(x.flatten(0, 1)).unflatten(0, (steps, batch))
        total = self.linear[0](self.cells[0](y).flatten(2))
        for cell, linear in list(zip(self.cells, self.linear, strict=True))[1:]:
            total = total + linear(cell(y).flatten(2))
        return total.mean(0)


INPUT = (2, 6, 6)
SIZE = 5 * 36


def network(*examples: Example) -> tuple[nn.Module, Graph]:
    model = Net(examples).eval()
    return model, import_module(model, INPUT, STEPS, name="net")


def frames(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).poisson(0.4, (STEPS, *INPUT))


def test_a_network_of_cells_is_proven(tmp_path):
    model, graph = network(*EXAMPLES)
    compilation = compile_graph(graph)
    verifier = Verifier(model, compilation, tmp_path, ("-O1",))
    verifier.verify(frames(0))
    verifier.verify(frames(1))
    result = verifier.result
    assert result.passed
    assert [layer.compared for layer in result.layers] == [2 * STEPS * SIZE] * len(EXAMPLES)
    assert result.counted_nodes == 2 * (len(compilation.graph.nodes) - 1)
    assert compilation.schedule.streams


def test_a_wrong_constant_is_found_with_its_margin(tmp_path):
    model, graph = network(NAMED["alif"])
    compilation = compile_graph(graph)
    files = dict(compilation.generated.files)
    assert files["net.c"].count(hex_float(1.8)) == 1
    files["net.c"] = files["net.c"].replace(hex_float(1.8), hex_float(1.3))
    verifier = Verifier(model, compilation, tmp_path, ("-O1",), files=files)
    verifier.verify(frames(0))
    first = verifier.result.first_divergence
    assert not verifier.result.passed
    assert first.layer == "cells_0"
    assert abs(first.margin) > first.bound > 0


def test_threads_and_bands_change_nothing(tmp_path):
    _, graph = network(NAMED["alif"], NAMED["gated"])
    scores = []
    for threads in (1, 3):
        folder = tmp_path / str(threads)
        folder.mkdir()
        host, generated = opened(compile_graph(graph).graph, threads, folder)
        bands = generated.program.bands
        assert any("cells_0" in band for band in bands)
        assert not any("cells_1" in band for band in bands)  # it has parameters
        scores.append(host.classify(layout.pack(graph["input"].type, frames(4))))
    assert scores[0].tobytes() == scores[1].tobytes()


def test_every_convention_counts_a_network_of_cells():
    model, _ = network(*EXAMPLES)
    net = network_of(model, INPUT, STEPS)
    (activity,) = observe(net, [frames(0)], interpret)
    tallies = count(net, [activity], CONVENTIONS.values())
    layers = tallies["executed"].per_layer()
    cells = {entry.layer.name: entry.parts["neuron"] for entry in layers if "neuron" in entry.parts}
    executed = {name: part for name, part in cells.items() if any(part.values())}
    assert sum(part["mul"] for part in executed.values()) > 0
    totals = {name: totals_of(tally.per_layer()) for name, tally in tallies.items()}
    neurons = sum(sum(part.values()) for part in executed.values())
    assert sum(totals["executed"].values()) > neurons
    assert all(total["ac"] + total["mac"] > 0 for total in totals.values())


def test_accesses_count_every_state():
    """An adaptive neuron keeps two values, which each step reads and writes."""
    net = network_of(network(NAMED["alif"])[0], INPUT, STEPS)
    (activity,) = observe(net, [frames(0)], interpret)
    words = count_accesses(net, [activity]).totals()
    spikes = int(activity.executed["cells_0"].sum())
    assert words["outputs_written"] == spikes > 0
    assert words["potentials_written"] - words["potentials_read"] == spikes
    alone = network_of(network(NAMED["klif"])[0], INPUT, STEPS)
    (other,) = observe(alone, [frames(0)], interpret)
    one = count_accesses(alone, [other]).totals()
    sums = words["weights_read"], one["weights_read"]
    assert words["potentials_read"] - sums[0] == 2 * (one["potentials_read"] - sums[1])


def test_membranes_are_measured_against_a_constant_threshold():
    model, _ = network(NAMED["klif"], NAMED["izhikevich"])
    net = network_of(model, INPUT, STEPS)
    (activity,) = observe(net, [frames(0)], interpret)
    redundancy, given = Redundancy.of(net.executed), recorded(activity)
    redundancy.add(given)
    thresholds = [record.bins.threshold for record in redundancy.layers.values()]
    assert thresholds == [1.0, np.float32(0.3)]
    assert bool(((given["cells_0", "membrane"] >= 1) == given["cells_0", "value"]).all())
    run = observed(net.executed).run(frames(0), observe=[("cells_0", "membrane")])
    assert np.allclose(run.values["cells_0", "membrane"], given["cells_0", "membrane"], atol=1e-5)
    adaptive = network_of(network(NAMED["alif"])[0], INPUT, STEPS)
    left_out = Redundancy.of(adaptive.executed)
    assert left_out.layers == {}
    assert all("constant threshold" in why for why in left_out.unmeasured.values())
    assert len(left_out.unmeasured) == 1


def test_what_has_no_form_for_cells_says_so():
    _, graph = network(NAMED["eif"])
    with pytest.raises(SnncError, match=r"cells\.0: exp of a cell has no int8 form") as caught:
        compile_graph(graph, calibration=[frames(0)])
    assert caught.value.code is UNSUPPORTED_LAYER
    with pytest.raises(SnncError, match=r"cells\.0: NIR has no node for cell"):
        export_nir(graph)
