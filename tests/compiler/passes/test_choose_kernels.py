"""The choice of kernels: what it counts, where it crosses, and that the fit finds what is there."""

from __future__ import annotations

import math

import numpy as np
import pytest

from snnc.compiler.calibrate import densities, kernel_costs
from snnc.compiler.compilation import compile_graph
from snnc.compiler.frontend.torch_fx import import_module
from snnc.compiler.ops.synapses.synapse import Work
from snnc.compiler.passes import pipeline
from snnc.compiler.passes.choose_kernels import (
    CostModel,
    Prices,
    choosable,
    choose_kernels,
    fit,
    one_kernel,
    work_of,
)
from tests.support.networks.lively import lively_network

KEYS = [(op, kernel) for op in ("conv2d", "linear") for kernel in ("event", "dense")]
EVENT, DENSE = Prices(2.0, 1.0, 0.5), Prices(3.0, 0.0, 0.1)


def model(**changed: Prices) -> CostModel:
    prices = {(op, kernel): EVENT if kernel == "event" else DENSE for op, kernel in KEYS}
    prices |= {tuple(key.split("_")): price for key, price in changed.items()}
    return CostModel("a machine", prices)


@pytest.fixture(scope="module")
def graph():
    network = lively_network(channels=(8, 40, 8))
    return pipeline.optimised(import_module(network, (2, 34, 34), 6, name="net"))


def test_only_weighted_sums_over_spikes_have_a_choice(graph):
    assert [n.name for n in graph.nodes if choosable(graph, n)] == [
        "layer2_conv",
        "layer3_conv",
        "fc1_linear",
        "fc2_linear",
    ]


def test_work_of_a_convolution_counts_its_taps_inside_the_input(graph):
    node = graph["layer3_conv"]  # 40 channels at 17x17, pool folded: 4x4 kernel, stride 2
    height, width = graph[node.inputs[0]].type.shape[1:]
    visits = 0
    for y in range(node.type.shape[1]):
        for x in range(node.type.shape[2]):
            for ky in range(4):
                for kx in range(4):
                    visits += 0 <= 2 * y + ky - 1 < height and 0 <= 2 * x + kx - 1 < width
    work = work_of(graph, node)
    assert work == Work(node.type.pixels, visits * 2, visits * 40)


def test_work_of_a_linear_layer(graph):
    node = graph["fc1_linear"]
    pixels = graph[node.inputs[0]].type.pixels
    assert work_of(graph, node) == Work(2, pixels, pixels * 8 * 2)


def test_crossover_is_where_both_take_as_long():
    work = Work(100, 50, 10_000)
    crossing = model().crossover("conv2d", work)
    assert 0 < crossing < 1
    times = [model().nanoseconds("conv2d", k, work, crossing) for k in ("event", "dense")]
    assert times[0] == pytest.approx(times[1])


def test_crossover_never_and_always():
    work = Work(1, 0, 1000)
    assert model(conv2d_dense=Prices(3.0, 0.0, 9.0)).crossover("conv2d", work) == math.inf
    assert model(conv2d_event=Prices(9999.0, 0.0, 1.0)).crossover("conv2d", work) == 0.0


def test_each_layer_gets_the_kernel_of_its_side_of_the_crossover(graph):
    names = densities.spike_inputs(graph)
    crossing = {
        graph.users[name][0].name: model().crossover(
            graph.users[name][0].op.name, work_of(graph, graph.users[name][0])
        )
        for name in names
    }
    assert all(0.01 < value < 1 for value in crossing.values())
    below = {name: 0.99 * crossing[graph.users[name][0].name] for name in names}
    above = {name: 1.01 * crossing[graph.users[name][0].name] for name in names}
    for given, kernel in ((below, "event"), (above, "dense")):
        chosen = choose_kernels(graph, given, model())
        assert {chosen[name].op.kernel for name in crossing} == {kernel}


def test_fit_finds_the_prices_that_made_the_times():
    rng = np.random.default_rng(0)
    works = [Work(*map(int, rng.integers(10, 10_000, 3))) for _ in range(8)]
    for kernel, prices in (("event", EVENT), ("dense", DENSE)):
        truth = CostModel("", {("conv2d", kernel): prices})
        samples = [
            (work, density, truth.nanoseconds("conv2d", kernel, work, density))
            for work in works
            for density in (0.01, 0.2, 1.0)
        ]
        found = fit(samples, kernel)
        assert [found.pixel, found.word, found.vector] == pytest.approx(
            [prices.pixel, prices.word, prices.vector], rel=1e-6, abs=1e-9
        )


def test_fit_gives_no_price_below_zero():
    samples = [(Work(10, 0, n), 1.0, 100.0 - 10.0 / n) for n in (1, 2, 3, 50)]
    prices = fit(samples, "dense")
    assert min(prices.pixel, prices.word, prices.vector) >= 0.0
    assert prices.pixel == pytest.approx(10.0, rel=0.1)


def test_measured_densities_are_those_of_the_spikes(graph):
    network = lively_network()
    compilation = compile_graph(import_module(network, (2, 34, 34), 6, name="net"))
    frames = np.random.default_rng(1).poisson(0.2, (6, 2, 34, 34)).astype(np.uint16)
    seen: dict[str, float] = {}
    for path in ("layer1", "layer2", "layer3", "fc1"):
        network.get_submodule(path).register_forward_hook(
            lambda _m, _i, spikes, path=path: seen.__setitem__(path, float(spikes.mean()))
        )
    import torch

    with torch.inference_mode():
        network(torch.from_numpy(frames.astype(np.float32))[:, None])
    found = densities.measured(compilation, [frames])
    assert all(value > 0 for value in found.values())
    assert found == pytest.approx({f"{path}_neuron": d for path, d in seen.items()}, rel=1e-3)


def test_dense_everywhere_is_what_one_kernel_gives(graph):
    chosen = one_kernel(graph, "dense")
    assert [n.name for n in chosen.nodes if getattr(n.op, "kernel", None) == "dense"] == [
        n.name for n in graph.nodes if choosable(graph, n)
    ]


def test_prices_are_kept_for_their_own_machine_only(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    bundled = kernel_costs.load()
    own = CostModel(kernel_costs.cpu_name(), model().prices)
    assert kernel_costs.save(own) == tmp_path / "snnc" / "kernel_costs.json"
    assert kernel_costs.load() == own
    kernel_costs.save(CostModel("another machine", model().prices))
    assert kernel_costs.load() == bundled
