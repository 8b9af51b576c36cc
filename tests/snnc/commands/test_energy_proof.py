"""The verdict of verification on the page of ``snnc energy``."""

from __future__ import annotations

import numpy as np

import snnc as public
from tests.support.networks.lively import lively_checkpoint, write_nmnist


def test_page_states_what_was_proven_of_this_very_c_and_refuses_another_s(snnc, tmp_path):
    model, other = (lively_checkpoint(tmp_path / f"{name}.pt", name) for name in ("none", "asa2"))
    data, out, page = f"nmnist:{write_nmnist(tmp_path)}", tmp_path / "out", tmp_path / "page.html"
    common = ("--data", data, "--samples", 1)
    assert snnc("compile", model, "-o", out)[0] == 0
    status, _, error = snnc("energy", model, *common, "--proof", out)
    assert status == 2
    assert "holds no proof" in error
    assert snnc("verify", model, *common, "--compiled", out, "--no-stress")[0] == 0
    assert snnc("energy", model, *common, "--proof", out, "-o", page)[0] == 0
    text = page.read_text("utf-8")
    assert '<p class="proof holds"><b>PROVEN' in text
    assert "Not verified here" not in text
    status, _, error = snnc("energy", other, *common, "--proof", out)
    assert status == 2
    assert "is not the C of this model" in error


def test_page_of_a_compiled_model_states_its_last_proof(tmp_path):
    model = public.build("three-layer", attention="none", input_size=(2, 32, 32), time_steps=4)
    data = np.random.default_rng(0).poisson(0.3, (1, 4, 1, 2, 32, 32))
    net = public.compile(model, data[0])
    before = net.energy(data).save(tmp_path / "before.html").read_text("utf-8")
    assert "Not verified here" in before
    assert net.verify(data, stress=False)
    after = net.energy(data).save(tmp_path / "after.html").read_text("utf-8")
    assert '<p class="proof holds"><b>PROVEN' in after
