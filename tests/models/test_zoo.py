"""The bundled models, on real recordings and on the simulator."""

from __future__ import annotations

from pathlib import Path

import pytest

from snnc.api.data.windows import windows
from snnc.compiler.compilation import compile_graph
from snnc.compiler.frontend.source import load_source
from snnc.compiler.verify.chain.proof import Verification
from snnc.compiler.verify.float_judge import Verifier
from snnc.models.checkpoints import load
from tests.support.places import ROOT

ZOO = ROOT / "models" / "zoo"
MODELS = ["nmnist_none", "nmnist_asa1", "gesture_sim_none", "gesture_sim_asa1"]
LARGEST = 3_000_000  # bytes: what git should hold


@pytest.mark.parametrize("name", MODELS)
def test_bundled_model_is_small_and_says_how_it_was_made(name):
    path = ZOO / f"{name}.pt"
    assert path.stat().st_size < LARGEST
    card = load(path).card
    assert card["recipe"]["seed"] == 0
    assert card["test_accuracy"] > (0.95 if name.startswith("nmnist") else 0.9)
    assert 0 < card["nasfr"] < 0.3


@pytest.mark.parametrize("pair", ["nmnist", "gesture_sim"])
def test_attention_fires_less_at_about_the_same_accuracy(pair):
    vanilla, asa = (load(ZOO / f"{pair}_{attention}.pt").card for attention in ("none", "asa1"))
    assert asa["nasfr"] < vanilla["nasfr"]
    assert asa["test_accuracy"] >= vanilla["test_accuracy"] - 0.02


def verified(name: str, data: str, samples: int, folder: Path) -> Verification:
    source = load_source(str(ZOO / f"{name}.pt"))
    verifier = Verifier(source.module, compile_graph(source.graph(), source.framing), folder)
    for window in windows(source, data, "test", samples):
        verifier.verify(window.frames, window.label)
    return verifier.result


@pytest.mark.slow
@pytest.mark.parametrize("attention", ["none", "asa1"])
def test_c_equals_pytorch_on_all_real_test_recordings(attention, shared_data, tmp_path):
    result = verified(f"nmnist_{attention}", f"nmnist:{shared_data / 'nmnist'}", 100, tmp_path)
    assert result.samples == 100
    assert result.unexplained == 0
    assert result.count_mismatches == []
    assert result.same_class == 100
    assert result.right["c"] == result.right["pytorch"] >= 96


@pytest.mark.slow
@pytest.mark.parametrize("attention", ["none", "asa1"])
def test_c_equals_pytorch_on_simulated_gestures(attention, tmp_path):
    result = verified(f"gesture_sim_{attention}", "gesture-sim", 11, tmp_path)
    assert result.unexplained == 0
    assert result.count_mismatches == []
    assert result.same_class == 11
