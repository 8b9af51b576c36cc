"""Energy of residual networks: sums of spikes are counts, and the table says how they count."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
import torch
from rich.console import Console
from torch import nn

from snnc.estimator.activity import observe
from snnc.estimator.conventions import CONVENTIONS
from snnc.estimator.counts import count
from snnc.estimator.energy import Estimate, energy_json
from snnc.estimator.page.render import render
from snnc.estimator.report import Report, Subject
from snnc.estimator.tables import DEFAULT, load
from snnc.estimator.terminal import print_energy
from snnc.models.networks import build
from tests.support.counting import interpret, network_of

SIZE, STEPS = (2, 40, 36), 3
READS_COUNTS = [
    "stem",  # event counts; the others read the sum at the end of a block
    "blocks.block1b.layer1",
    *(
        f"blocks.block{stage}{layer}"
        for stage in (2, 3, 4)
        for layer in ("a.shortcut", "a.layer1", "b.layer1")
    ),
]


@pytest.fixture(scope="module")
def activity():
    torch.manual_seed(2)
    size = {"input_size": SIZE, "time_steps": STEPS, "classes": 7, "channels": (6, 8, 10, 12)}
    model = build("res-18", **size).eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_var.uniform_(0.1, 0.4)
            module.bias.data.normal_(0, 0.4)
    network = network_of(model, SIZE, STEPS)
    frames = np.random.default_rng(1).poisson(0.4, (STEPS, *SIZE))
    return next(observe(network, [frames], interpret))


@pytest.fixture(scope="module")
def estimates(activity):
    tallies = count(activity.network, [activity], CONVENTIONS.values())
    return {name: Estimate(tally, load(DEFAULT)) for name, tally in tallies.items()}


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_every_table_names_the_layers_that_read_counts_and_their_rule(estimates, convention):
    estimate = estimates[convention]
    rule = CONVENTIONS[convention].count_inputs
    result = json.loads(json.dumps(energy_json(estimate)))
    assert result["count_inputs"] == {"layers": READS_COUNTS, "counted": rule}
    kinds = {layer["name"]: layer["input_kind"] for layer in result["layers"]}
    assert [name for name, kind in kinds.items() if kind == "count"] == READS_COUNTS
    assert set(kinds.values()) == {"count", "spike", "real"}

    shown = io.StringIO()
    print_energy(Console(file=shown, width=2000), "res-18", estimate)
    sentence = f"reading counts ({', '.join(READS_COUNTS)}): {rule}"
    assert sentence in shown.getvalue()

    page = render(Report(Subject("res-18", {convention: estimate}), convention=convention))
    assert f"({', '.join(READS_COUNTS)}): {rule}." in page


def test_a_network_without_counts_says_nothing_of_them(estimates):
    estimate = estimates["executed"]
    spiking = [entry for entry in estimate.layers if entry.layer.name not in READS_COUNTS]
    fewer = Estimate(estimate.tally, estimate.table)
    fewer.__dict__["layers"] = spiking
    shown = io.StringIO()
    print_energy(Console(file=shown, width=200), "res-18", fewer)
    assert fewer.count_layers == []
    assert "reading counts" not in shown.getvalue()


def test_sums_of_spikes_are_counted_as_the_rules_say(activity, estimates):
    """A 1×1 convolution of stride 2 to 8 channels reads every second pixel of the sums."""
    graph = activity.network.executed
    conv = next(node for node in graph.nodes if node.loc.module.startswith("blocks.block2a.short"))
    assert graph[conv.inputs[0]].op.name == "add"
    sums = activity.executed[conv.inputs[0]]
    assert sums.max() == 3  # pooled spikes, and those of two blocks around which they go
    read = sums[:, :, ::2, ::2]
    counted = {
        name: next(e for e in entry.layers if e.layer.name == "blocks.block2a.shortcut")
        for name, entry in estimates.items()
    }
    synapse = {name: entry.parts["synapse"] for name, entry in counted.items()}
    executed = int((read != 0).sum()) * 8
    assert (synapse["executed"]["ac"], synapse["executed"]["mac"]) == (0, executed)
    assert (synapse["neurobench"]["ac"], synapse["neurobench"]["mac"]) == (0, executed)
    dense = read.numel() * 8
    for name in ("dense", "spikingjelly", "syops"):
        assert (synapse[name]["ac"], synapse[name]["mac"]) == (0, dense)
    summed = ("stem", "blocks.block1a.layer2", "blocks.block1b.layer2")
    fired = [
        activity.executed[node.name].mean()  # of the stem before its pool, as that rule says
        for node in graph.nodes
        if node.op.name == "neuron" and node.loc.module.removesuffix(".neuron") in summed
    ]
    assert len(fired) == 3
    assert synapse["paper"]["mac"] == 0
    assert synapse["paper"]["ac"] == pytest.approx(float(sum(fired)) * dense, abs=1)
