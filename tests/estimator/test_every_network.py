"""Whatever ``check`` accepts has an energy, an analysis, an audit and a page."""

from __future__ import annotations

import json

import pytest
import torch

import snnc
from tests.support.networks.many_networks import STEPS, cases

CASES = cases()


@pytest.mark.parametrize("name", CASES)
def test_energy_audit_analysis_and_pages_of_what_check_accepts(name, tmp_path):
    make, shape, options = CASES[name]
    torch.manual_seed(0)
    model = make()
    data = torch.poisson(torch.full((1, STEPS, 1, *shape), 0.6))
    found = snnc.check(model, data[0], **options)
    if not found.supported:
        assert all(entry.reason for entry in found.unsupported)
        pytest.skip(f"check refuses it: {found.unsupported[0].reason}")
    report = snnc.energy(model, data, baseline=model, audit=True, **options)
    assert report.delta_pj == 0
    assert report.samples == 1
    assert json.dumps(report.to_json(), allow_nan=False)
    assert "device total" in str(report)
    page = report.save(tmp_path / "energy.html").read_text("utf-8")
    assert "Other ways to count" in page
    assert all(layer.layer.name in page for layer in report.estimate.layers)
    assert report._repr_html_()
    net = snnc.compile(model, data[0], **options)
    analysis = net.analyze(data, baseline=model)
    records = analysis.report.model.redundancy
    assert records is not None
    if not records.layers:  # nothing in it has a potential and one threshold
        assert not any(layer.op.name == "neuron" for layer in net.layers)
        for use in (analysis.to_json, lambda: str(analysis)):
            with pytest.raises(snnc.SnncError, match="no neuron's potentials can be measured"):
                use()
        return
    assert json.dumps(analysis.to_json(), allow_nan=False)
    assert "NASFR" in str(analysis)
    assert "Quantization error" in analysis.save(tmp_path / "analysis.html").read_text("utf-8")


def test_check_accepts_most_of_them():
    """So that the test above is not about nothing: its cases are there."""
    assert {name.partition("-")[0] for name in CASES} >= {"own", "cell", "readout", "maps"}
