"""What a window is expected to take before anything ran: work times prices."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn

import snnc as package
from snnc.api.results.expected import shown
from snnc.bench.target.expected import expected_cycles
from snnc.compiler.calibrate import kernel_costs
from snnc.compiler.calibrate.expected_time import DENSITIES, expected
from snnc.compiler.deploy.targets import target_named
from snnc.compiler.frontend.source import load_source
from snnc.compiler.frontend.torch_fx import import_module
from snnc.compiler.ir.graph import Kind
from snnc.compiler.passes import pipeline
from snnc.compiler.passes.choose_kernels import CostModel, Prices
from tests.support.networks.small_models import SHAPE, STEPS, Net

PRICES = {
    ("linear", "event"): Prices(pixel=10.0, word=1.0, vector=2.0),
    ("conv2d", "event"): Prices(pixel=1.0, word=1.0, vector=1.0),
    ("neuron", "event"): Prices(pixel=7.0, word=0.0, vector=0.0),
    ("other", "event"): Prices(pixel=3.0, word=0.0, vector=0.0),
}


def graph_of(kind: Kind = Kind.COUNT):
    return pipeline.optimised(import_module(Net().eval(), SHAPE, STEPS, input_kind=kind))


def test_by_hand_on_a_linear_layer_a_neuron_and_a_mean():
    found = expected(graph_of(), CostModel("here", PRICES))
    assert found is not None
    # one vector of 5 outputs; 36 pixels of one word; 72 rows of weights of one vector, if active
    layer = [10.0 + 36 * 1.0 + density * 72 * 2.0 for density in DENSITIES]
    assert found.least == pytest.approx(STEPS * (layer[0] + 7.0) + 3.0)
    assert found.most == pytest.approx(STEPS * (layer[1] + 7.0) + 3.0)
    assert (found.machine, found.borrowed) == ("here", ())


def test_real_numbers_are_all_active():
    found = expected(graph_of(Kind.REAL), CostModel("here", PRICES))
    assert found is not None
    assert found.least == found.most
    assert found.most == pytest.approx(STEPS * (10.0 + 36.0 + 72 * 2.0 + 7.0) + 3.0)


def test_frames_made_of_events_count_where_they_have_a_price():
    more = {**PRICES, ("input", "event"): Prices(pixel=100.0, word=0.0, vector=0.0)}
    without, with_frames = (expected(graph_of(), CostModel("", p)) for p in (PRICES, more))
    assert with_frames is not None
    assert without is not None
    assert with_frames.least - without.least == pytest.approx(STEPS * 5 * 100.0)  # 72 cells


def test_a_layer_without_a_price_is_named_and_prices_of_layers_alone_give_nothing():
    kept = {key: price for key, price in PRICES.items() if key[0] != "linear"}
    found = expected(graph_of(), CostModel("", kept))
    assert found is not None
    assert found.borrowed == ("linear",)
    assert (
        expected(graph_of(), CostModel("", {("linear", "event"): PRICES["linear", "event"]}))
        is None
    )


@pytest.mark.parametrize(
    ("core", "counted"), [("cortex-m4", 42_822_509), ("cortex-m0", 121_433_152)]
)
def test_a_bundled_network_s_counted_instructions_lie_in_the_range(core, counted):
    """As `snnc bench models/zoo/nmnist_none.pt --target CORE` counts them on a recording."""
    graph = pipeline.optimised(load_source("models/zoo/nmnist_none.pt").graph())
    found = expected_cycles(graph, target_named(core))
    assert found is not None
    assert found.cycles.least < counted < found.cycles.most
    assert found.cycles.most < 10 * found.cycles.least
    assert found.milliseconds is None


def test_a_board_has_milliseconds_and_a_core_without_a_table_nothing():
    graph = pipeline.optimised(load_source("models/zoo/nmnist_none.pt").graph())
    found = expected_cycles(graph, target_named("stm32f4"))
    assert found is not None
    assert found.milliseconds is not None
    assert found.milliseconds.least == pytest.approx(found.cycles.least / 168e3)
    assert expected_cycles(graph, target_named("cortex-m7")) is None


def test_check_says_it_is_an_estimate_and_whose_prices(snnc, monkeypatch):
    x = torch.zeros(STEPS, 1, *SHAPE)
    found = package.check(Net(), x)
    assert found.time is not None
    assert found.time.milliseconds is not None
    assert 0 < found.time.milliseconds[0] < found.time.milliseconds[1]
    assert "roughly estimated: " in str(found)
    assert kernel_costs.load().machine in shown(found.time.to_json())
    assert package.check(Net(), x, dtype="int8").time is None
    status, out, _ = snnc("check", "models/zoo/nmnist_none.pt", "--json", "-")
    assert (status, json.loads(out)["time"]["grade"]) == (0, "estimated")
    monkeypatch.setattr(kernel_costs, "cpu_name", lambda: "another one")
    assert f"times fitted on {kernel_costs.load().machine}" in str(package.check(Net(), x))


def test_what_is_unsupported_has_no_time():

    class Gamma(nn.Module):
        def forward(self, x):
            return torch.lgamma(x + 1).mean(0)

    found = package.check(Gamma(), torch.zeros(4, 1, 3))
    assert (found.supported, found.time) == (False, None)
