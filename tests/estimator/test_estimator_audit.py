"""The audit adds up, and our emulation of other tools gives those tools' own figures."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from types import ModuleType

import numpy as np
import pytest
import torch

from snnc.estimator import tables
from snnc.estimator.activity import observe
from snnc.estimator.audit import AUDITED, PARTS, audit, audit_json
from snnc.estimator.conventions import CONVENTIONS, COUNTERS
from snnc.estimator.counts import Tally, count, totals_of
from snnc.models.networks import Network as Model
from tests.support.counting import interpret, network_of
from tests.support.networks.lively import lively_network

FIVE = {"input_size": (2, 33, 32), "channels": (4, 8, 8, 8, 8), "hidden": 16, "time_steps": 3}


@dataclass
class Case:
    """A model, its input [T, C, H, W], and what we count."""

    model: Model
    frames: np.ndarray
    tallies: dict[str, Tally]

    @property
    def x(self) -> torch.Tensor:
        """The input as the model takes it, [T, 1, C, H, W]."""
        return torch.from_numpy(self.frames.astype(np.float32))[:, None]

    def totals(self, convention: str) -> dict[str, int]:
        return totals_of(self.tallies[convention].per_layer())


@pytest.fixture(
    scope="module",
    params=[
        ("asa1", "three-layer-narrow", {}, False),
        ("tcsa", "three-layer-narrow", {}, True),
        ("none", "five-layer", FIVE, True),
        ("sa", "five-layer-avg", FIVE, False),
    ],
    ids=lambda param: f"{param[1]}-{param[0]}",
)
def case(request: pytest.FixtureRequest) -> Case:
    """Networks with every kind of layer; where ``binary``, event counts happen to be 0 or 1."""
    attention, name, hyper, binary = request.param
    model = lively_network(attention, name, **hyper)
    frames = np.random.default_rng(6).poisson(0.3, (model.time_steps, *model.input_size))
    frames = np.minimum(frames, 1) if binary else frames
    network = network_of(model, model.input_size, model.time_steps)
    return Case(model, frames, count(network, observe(network, [frames], interpret), AUDITED))


def tool(name: str) -> ModuleType:
    return pytest.importorskip(name, reason=f"{name} is not here: make test-environments")


def test_every_difference_is_explained_to_the_last_operation(case: Case) -> None:
    lines = audit(case.tallies)
    assert [line.convention.name for line in lines] == list(CONVENTIONS)
    executed = lines[0].total
    for line in lines:
        assert line.total == case.totals(line.convention.name)
        for counter in COUNTERS:
            explained = sum(term.counts[counter] for term in line.terms)
            assert explained == line.total[counter] - executed[counter]
        assert all(term.reason and term.part in PARTS for term in line.terms)
        summed = {key: sum(counts[key] for *_, counts in line.by_reason()) for key in COUNTERS}
        assert summed == {key: line.total[key] - executed[key] for key in COUNTERS}


def test_audit_names_what_is_known_to_differ(case: Case) -> None:
    lines = {line.convention.name: line for line in audit(case.tallies)}
    reasons = {name: " | ".join(term.reason for term in line.terms) for name, line in lines.items()}
    if case.model.hyper["attention"] != "none":
        assert "gating products" in reasons["spikingjelly"]
    taken_for_spikes = "event counts that happen to be 0 or 1 are taken for spikes"
    assert (taken_for_spikes in reasons["neurobench"]) == (case.frames.max() == 1)
    assert "zeros" in reasons["dense"]
    assert "outside the image" in reasons["paper"]


def test_audit_json_holds_the_terms(case: Case) -> None:
    table = tables.load("horowitz-f32")
    result = json.loads(json.dumps(audit_json(audit(case.tallies), table), allow_nan=False))
    assert [entry["convention"] for entry in result] == list(CONVENTIONS)
    for entry in result:
        assert entry["energy_pj"] == 4.6 * entry["mac"] + 0.9 * entry["ac"]
        for counter in COUNTERS:
            explained = sum(term[counter] for term in entry["terms"])
            assert result[0][counter] + explained == entry[counter]


def test_syops_reports_our_emulation_of_it(case: Case) -> None:
    """syops divides by the length of the first axis (time), and computes rates in float32."""
    syops = tool("syops")
    with torch.no_grad():
        counts, _ = syops.get_model_complexity_info(
            case.model,
            case.model.input_size,
            dataloader=[(case.x, 0)],
            as_strings=False,
            print_per_layer_stat=False,
            ost=io.StringIO(),
        )
    _, ac, mac, _ = counts * case.model.time_steps
    ours = case.totals("syops")
    assert round(mac) == ours["mac"]
    layers = sum(len(entry.parts) for entry in case.tallies["syops"].per_layer())
    assert abs(ac - ours["ac"]) <= 2**-23 * ac + layers / 2  # a rate's rounding; each part's


def test_neurobench_reports_our_emulation_of_it(case: Case) -> None:
    tool("neurobench")
    from neurobench.metrics.workload import SynapticOperations
    from neurobench.models import TorchModel

    wrapped, metric = TorchModel(case.model), SynapticOperations()
    wrapped.register_hooks()
    try:
        with torch.no_grad():
            metric(wrapped, wrapped(case.x), (torch.zeros(1), None))
    finally:
        wrapped.cleanup_hooks()
    theirs, ours = metric.compute(), case.totals("neurobench")
    assert max(ours.values()) < 2**24  # below, its float32 sums are exact
    assert theirs["Effective_ACs"] == ours["ac"]
    assert theirs["Effective_MACs"] == ours["mac"]


def test_spikingjelly_reports_our_emulation_of_it(case: Case) -> None:
    """Its MACs are ours; so are its ACs, less the sums in the Python of neurons and attention."""
    counters = tool("spikingjelly.activation_based.op_counter")
    ac, mac = counters.ACCounter(), counters.MACCounter()
    with torch.no_grad(), counters.DispatchCounterMode([ac, mac]):
        case.model(case.x)
    ours = case.totals("spikingjelly")
    assert mac.get_total() == ours["mac"]
    aten = torch.ops.aten
    element_wise = (aten.add.Tensor, aten.add_.Tensor, aten.rsub.Scalar)
    found = ac.get_counts()
    theirs = sum(number for op, number in found["Global"].items() if op not in element_wise)
    assert theirs - _means_of_attention(found) == ours["ac"]


def _means_of_attention(counts) -> int:
    """Means and sums inside attention modules, each counted once (at the module itself)."""
    reductions = (torch.ops.aten.mean.dim, torch.ops.aten.sum.dim_IntList)
    return sum(
        number
        for scope, found in counts.items()
        if scope.endswith(".attention")
        for op, number in found.items()
        if op in reductions
    )
