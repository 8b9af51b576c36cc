"""snnc.compile: called, proven, priced, timed, written; refusals that speak Python."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
import torch
from torch import nn

import snnc
from snnc.errors import SnncError
from snnc.models.neurons import LIF
from tests.support.places import ROOT

STEPS, FEATURES, CLASSES = 5, 12, 4


class Net(nn.Module):
    """Two layers of neurons; gives what ``what`` says."""

    def __init__(self, what="steps", seed=0):
        super().__init__()
        torch.manual_seed(seed)
        self.a, self.lif, self.b = nn.Linear(FEATURES, 9), LIF(), nn.Linear(9, CLASSES)
        self.what = what

    def forward(self, x):
        y = self.b(self.lif(self.a(x)))
        return {
            "steps": lambda: y,
            "mean": lambda: y.mean(0),
            "dict": lambda: {"scores": y.mean(0), "total": y.sum(0)},
            "tuple": lambda: (y.mean(0), y.sum(0)),
        }[self.what]()


def inputs(samples, seed=1):
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.poisson(0.8, (STEPS, samples, FEATURES)).astype(np.float32))


@pytest.fixture(scope="module")
def compiled():
    return snnc.compile(Net("mean"), inputs(1))


def test_called_on_a_batch_it_gives_what_the_model_gives(compiled):
    x, model = inputs(3), Net("mean")
    given = compiled(x)
    assert given.shape == (3, CLASSES)
    torch.testing.assert_close(torch.from_numpy(given), model(x))
    np.testing.assert_array_equal(compiled(x.numpy().astype(np.uint8)), given)


@pytest.mark.parametrize("readout", ["mean", "sum"])
def test_a_readout_over_the_steps(readout):
    x, model = inputs(2), Net("steps")
    given = snnc.compile(model, x[:, :1], readout=readout)(x)
    torch.testing.assert_close(torch.from_numpy(given), getattr(model(x), readout)(0))


def test_several_outputs_keep_their_structure():
    x = inputs(2)
    given, model = snnc.compile(Net("dict"), x[:, :1])(x), Net("dict")
    assert list(given) == ["scores", "total"]
    for name, expected in model(x).items():
        torch.testing.assert_close(torch.from_numpy(given[name]), expected)
    first, second = snnc.compile(Net("tuple"), x[:, :1], all_outputs=True)(x)
    torch.testing.assert_close(torch.from_numpy(second), Net("tuple")(x)[1])
    assert not np.array_equal(first, second)


def test_training_mode_is_left_as_it_was(compiled):
    model = Net("mean").train()
    snnc.check(model, inputs(1))
    assert model.training


def test_proof(compiled):
    found = compiled.verify((inputs(3).transpose(0, 1), torch.tensor([0, 1, 2])))
    assert found.passed
    assert found
    assert found.samples == 3
    assert found.class_agreement == 1.0
    assert found.accuracy["c"] == found.accuracy["pytorch"]
    assert {"reading", "values", "paths", "artefact", "counts"} <= {e.name for e in found.links}
    assert "PROVEN" in str(found)
    assert json.loads(json.dumps(found.to_json()))["passed"]


def test_a_model_that_changed_afterwards_is_not_proven():
    model = Net("mean")
    compiled = snnc.compile(model, inputs(1))
    with torch.no_grad():
        model.b.weight += 0.5
    found = compiled.verify([inputs(1)])
    assert not found
    assert found.verdict.startswith("NOT PROVEN")


def test_energy_beside_a_baseline_and_its_page(compiled, tmp_path):
    data = inputs(3).transpose(0, 1)
    found = compiled.energy(data, baseline=Net("mean", seed=7))
    assert found.samples == 3
    assert found.delta_pj == found.to_json()["delta"]["energy_pj"]
    assert "ΔE" in str(found)
    assert "<svg" in found._repr_html_()
    page = found.save(tmp_path / "deep" / "page.html").read_text("utf-8")
    assert "(baseline)" in page
    assert found.total == compiled.energy(data).total
    other = snnc.energy(Net("mean"), inputs(3)[:, :, None].movedim(1, 0), baseline=compiled)
    assert other.total == found.total


def test_energy_needs_no_c_compiler(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("CC", raising=False)
    found = snnc.energy(Net("mean"), [inputs(1)])
    assert found.total["mac"] > 0
    compiled = snnc.compile(Net("mean"), inputs(1), name="nocc")
    assert compiled.memory.arena > 0
    with pytest.raises(SnncError) as refusal:
        compiled(inputs(1))
    assert refusal.value.code.code == "SNNC-E302"


def test_analysis(compiled, tmp_path):
    found = compiled.analyze(inputs(2).transpose(0, 1), baseline=compiled)
    assert found.to_json()["samples"] == 2
    assert "NASFR" in str(found)
    assert found.save(tmp_path / "page.html").stat().st_size > 1000


def test_benchmark(compiled):
    found = compiled.benchmark(rounds=3)
    assert found.milliseconds > 0
    assert found.ratio == found.to_json()["ratio"]
    assert len(found.timings["pytorch"].rounds) == 3
    assert "PyTorch / C" in str(found)


def test_what_it_says_of_itself(compiled, tmp_path):
    assert "snn_" in compiled.source
    assert [layer.op for layer in compiled.layers][:3] == ["input", "linear", "neuron"]
    assert compiled.layers[0].shape == (FEATURES,)
    manifest = compiled.write(tmp_path / "out")
    assert manifest["memory"]["ram"]["arena"] == compiled.memory.arena
    assert (tmp_path / "out" / "net.c").read_text("utf-8") == compiled.source
    compiled.write(tmp_path / "package", package="cmake")
    assert (tmp_path / "package" / "CMakeLists.txt").exists()


def test_few_frames_are_enough_for_one_that_streams(compiled):
    x = inputs(2)
    found = snnc.compile(Net("mean"), x[:, :1], max_frames=1)
    assert found.memory.arena < compiled.memory.arena
    np.testing.assert_array_equal(found(x), compiled(x))


def test_int8_keeps_the_classes():
    x = inputs(20)
    data = x.transpose(0, 1)
    compiled = snnc.compile(Net("mean"), x[:, :1], dtype="int8", calibrate=data)
    assert compiled.dtype == "int8"
    difference = np.abs(compiled(x) - Net("mean")(x).detach().numpy()).max()
    assert difference < 0.1
    assert compiled.verify(data, samples=5, min_agreement=0.5).samples == 5


def test_a_checkpoint_and_what_load_gives():
    path = ROOT / "models" / "zoo" / "gesture_sim_none.pt"
    ours, loaded = snnc.compile(path), snnc.compile(snnc.load(path))
    assert ours.layers == loaded.layers


def test_an_own_reset_is_called():
    calls = []
    model = Net("mean")
    snnc.compile(model, inputs(1), reset=calls.append)
    assert calls
    assert all(call is model for call in calls)
    model.reset = lambda: calls.append("own")
    snnc.compile(model, inputs(1))
    assert calls[-1] == "own"


@pytest.mark.parametrize(
    ("arguments", "options", "code", "sentence"),
    [
        ((), {}, "305", r"compile\(model, x\)"),
        ((inputs(1), inputs(1)), {}, "101", "2 inputs were given"),
        ((inputs(1) - 0.5,), {"input_kind": "count"}, "104", "whole numbers from 0"),
        ((inputs(2),), {}, "104", "batch of 2"),
        ((inputs(1)[:, 0],), {}, "104", "axes of time and of samples"),
        (([1, "a"],), {}, "305", "not an array of numbers"),
        ((inputs(1),), {"readout": "mode"}, "305", "readout='mode' is none of"),
        ((inputs(1),), {"dtype": "int4"}, "305", "dtype='int4'"),
        ((inputs(1),), {"dtype": "int8"}, "305", "needs calibrate=data"),
        ((inputs(1),), {"threads": 0}, "305", "threads=0"),
        ((inputs(1),), {"target": "cortex-m4"}, "305", "dtype='int8' calibrate=DATA"),
        ((inputs(1),), {"target": "cortex-m9"}, "305", "cortex-m9"),
        ((inputs(1),), {"max_ram": 8}, "304", "max_frames=1 would hold"),
        ((inputs(1),), {"name": "::"}, "305", "name="),
    ],
)
def test_refusals_speak_python(arguments, options, code, sentence):
    with pytest.raises(SnncError, match=sentence) as refusal:
        snnc.compile(Net("mean"), *arguments, **options)
    assert refusal.value.code.code == f"SNNC-E{code}"
    assert " --" not in str(refusal.value)


def test_an_output_for_each_step_wants_a_readout():
    with pytest.raises(SnncError, match="readout='mean'"):
        snnc.compile(Net("steps"), inputs(1))


def test_called_with_another_shape(compiled):
    with pytest.raises(SnncError, match="compiled for"):
        compiled(inputs(1)[:3])


def test_check_lists_what_is_unsupported_in_pythons_words():
    class Odd(Net):
        def forward(self, x):
            return torch.fft.fft(super().forward(x)).real

    found = snnc.check(Odd("mean"), inputs(1))
    assert not found
    assert found.to_json()["unsupported"]
    assert "--" not in str(found.to_json()["unsupported"])
    assert "unsupported" in str(found)


def test_check_says_whether_it_fits():
    found = snnc.check(Net("mean"), inputs(1), max_ram=1 << 20, max_flash=100)
    assert found.supported
    assert not found.fits
    assert found.budgets["ram"][0] <= 1 << 20
    assert found.budgets["flash"][0] > 100


def test_a_dataframe_of_the_layers_or_the_name_of_the_extra(compiled, monkeypatch):
    class Pandas:
        DataFrame = staticmethod(list)

    monkeypatch.setitem(sys.modules, "pandas", Pandas)
    found = compiled.energy([inputs(1)])
    rows = found.to_pandas()
    assert [row["name"] for row in rows] == [e["name"] for e in found.to_json()["layers"]]
    assert {"ac", "mac", "energy_pj"} <= set(rows[0])
    assert "parts" not in rows[0]
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(SnncError, match=r"snnc\[pandas\]"):
        found.to_pandas()


def test_check_for_a_core_before_any_calibration():
    found = snnc.check(Net("mean"), inputs(1), dtype="int8", target="cortex-m0")
    assert found.fits
    assert set(found.budgets) == {"ram", "flash"}
    small = snnc.check(Net("mean"), inputs(1), dtype="int8", target="cortex-m0", max_ram=3200)
    assert not small.fits
    assert small.supported
    with pytest.raises(SnncError, match="dtype='int8'"):
        snnc.check(Net("mean"), inputs(1), target="cortex-m0")


def test_check_sizes_are_those_of_what_is_compiled():
    data = inputs(20).transpose(0, 1)
    compiled = snnc.compile(Net("mean"), inputs(1), dtype="int8", calibrate=data)
    found = snnc.check(Net("mean"), inputs(1), dtype="int8", max_ram=1 << 20, max_flash=1 << 20)
    memory = compiled.memory
    assert found.budgets["ram"][0] == memory.arena
    assert found.budgets["flash"][0] == memory.weights + memory.tables
