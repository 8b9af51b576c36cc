"""Faults of every kind, planted in generated C: each breaks the link that is about it."""

from __future__ import annotations

import re
from collections import OrderedDict

import numpy as np
import pytest
import torch
from torch import nn

from snnc.compiler.codegen.abi import EVENT_DTYPE
from snnc.compiler.codegen.c_program import Framing
from snnc.compiler.compilation import Compilation, compile_graph
from snnc.compiler.frontend.torch_fx import import_module
from snnc.compiler.host.build import compile_shared
from snnc.compiler.host.model import HostModel, Pushed
from snnc.compiler.ir import layout
from snnc.compiler.verify.chain.links import CLAIMS, FIDELITY, PATHS, READING, VALUES
from snnc.compiler.verify.chain.proof import Verification
from snnc.compiler.verify.float_judge import Verifier
from snnc.compiler.verify.integer import IntegerVerifier
from snnc.compiler.verify.shipped.events import events_of
from snnc.compiler.verify.shipped.paths import Library, Paths
from snnc.compiler.verify.synthetic.stress import Stress
from snnc.models.networks import OverTime, TimeMean
from snnc.models.neurons import LIF
from tests.support.places import INCLUDE, KERNELS, ROOT

FLAGS = ("-O0",)
STEPS, SHAPE = 5, (2, 6, 6)
FRAMING = Framing(sensor_height=12, sensor_width=12, dt_us=20_000, downsample=2)


class Small(nn.Module):
    """Two layers that fire, and a readout of what drives the second."""

    def __init__(self) -> None:
        super().__init__()
        self.layer1 = OverTime(OrderedDict(conv=nn.Conv2d(2, 5, 3, padding=1)))
        self.neuron1 = LIF(0.5, 0.0, 0.4)
        self.layer2 = OverTime(OrderedDict(flatten=nn.Flatten(), fc=nn.Linear(180, 7)))
        self.neuron2 = LIF(0.5, 0.0, 0.3)
        self.mean = TimeMean()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.mean(self.neuron2(self.layer2(self.neuron1(self.layer1(x)))))


def small() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(5)
        model = Small().eval()
        model.layer1.layers.conv.weight.data.mul_(3)
        model.layer2.layers.fc.weight.data.mul_(0.5)
        model.layer2.layers.fc.bias.data.fill_(0.9)  # so that every class is fired for
    return model


def frames(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).poisson(0.6, (STEPS, *SHAPE)).astype(np.uint16)


def compiled(model: nn.Module) -> Compilation:
    return compile_graph(import_module(model, SHAPE, STEPS, name="net"), FRAMING)


def with_header(compilation: Compilation, name: str, old: str, new: str) -> dict[str, str]:
    """The C with one runtime header of its own, changed."""
    text = (INCLUDE / "snn" / name).read_text()
    assert text.count(old) == 1
    own = {path.relative_to(INCLUDE).as_posix(): path.read_text() for path in KERNELS}
    return {**compilation.generated.files, **own, f"snn/{name}": text.replace(old, new)}


def verified(model, compilation, files, folder, pushed: bool = False) -> Verification:
    verifier = Verifier(model, compilation, folder, FLAGS, files=files)
    for seed in range(2):
        window = frames(seed)
        events = Pushed(events_of(window, FRAMING, seed), start=0) if pushed else None
        verifier.verify(window, label=0, pushed=events)
    verifier.finish()
    return verifier.result


def test_what_is_right_is_proven_with_every_link(tmp_path):
    model = small()
    result = verified(model, compiled(model), None, tmp_path, pushed=True)
    assert result.verdict == "PROVEN"
    assert result.as_json()["passed"] is True
    assert [link["name"] for link in result.as_json()["links"]] == [
        "reading",
        "values",
        "paths",
        "counts",
    ]
    potentials = result.chain[VALUES].check("membrane potentials")
    assert potentials.compared == 2 * STEPS * (180 + 7)
    assert result.chain[VALUES].check("outputs").compared == 2 * 7
    assert result.chain[PATHS].check("frames made of events").compared == 2 * STEPS * 72


SCORES = "y[i] = (float)sum[i] / (float)time_steps;"


@pytest.mark.parametrize(
    "wrong",
    [
        "y[i] = 0.0f * (float)sum[i] * (float)time_steps;",
        "y[i] = 2.0f * (float)sum[i] / (float)time_steps;",
        "y[(i + 1) % n] = (float)sum[i] / (float)time_steps;",
        "y[i] = -(float)sum[i] / (float)time_steps;",
        "y[i] = i + 1 < n ? (float)sum[i] / (float)time_steps : 0.0f;",
        "y[i] = (float)sum[i] / (float)(time_steps + 1);",
    ],
    ids=["zeroed", "doubled", "rotated", "sign", "last class lost", "divisor"],
)
def test_wrong_scores_of_right_spikes_are_found(wrong, tmp_path):
    model = small()
    compilation = compiled(model)
    files = with_header(compilation, "readout/readout.h", SCORES, wrong)
    result = verified(model, compilation, files, tmp_path)
    assert result.chain.broken == [VALUES]
    assert all(layer.unexplained == 0 for layer in result.layers)
    assert result.outputs[0].unexplained > 0
    assert result.first_divergence.what == "output"
    assert result.first_divergence.layer == "scores"
    assert abs(result.first_divergence.margin) > result.first_divergence.bound


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("* 2u + event->polarity", "* 2u + (event->polarity ^ 1u)"),
        ("(row * width + column)", "(column * width + row)"),
        ("since / p->dt_us", "since / (p->dt_us + 5000u)"),
        ("since / p->dt_us", "(since + 1u) / p->dt_us"),
    ],
    ids=["polarity", "x and y", "dt", "last microsecond"],
)
def test_wrong_frames_of_events_are_found(old, new, tmp_path):
    model = small()
    compilation = compiled(model)
    files = with_header(compilation, "input.h", old, new)
    result = verified(model, compilation, files, tmp_path, pushed=True)
    assert result.chain.broken == [PATHS]
    assert result.chain[PATHS].check("frames made of events").unexplained > 0


def test_events_that_the_c_refuses_are_a_difference(tmp_path):
    model = small()
    compilation = compiled(model)
    files = with_header(compilation, "input.h", "event->polarity <= 1", "event->polarity < 1")
    result = verified(model, compilation, files, tmp_path, pushed=True)
    assert result.chain.broken == [PATHS]
    assert "SNN_ERR_EVENT_RANGE" in result.chain[PATHS].problems[0]


@pytest.mark.parametrize(("counted", "wrong"), [("++", 0), ("--", 1)])
def test_events_after_the_last_step_are_counted(counted, wrong, tmp_path):
    model = small()
    compilation = compiled(model)
    files = dict(compilation.generated.files)
    assert files["net.c"].count("net->dropped++;") == 1
    files["net.c"] = files["net.c"].replace("net->dropped++;", f"net->dropped{counted};")
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    compile_shared(tmp_path / "net.c", tmp_path / "net.so", flags=FLAGS)
    library = Library(tmp_path / "net.so", compilation.generated.interface)
    window, result = frames(0), Verification(STEPS, [])
    late = np.zeros(1, EVENT_DTYPE)
    late["t_us"] = STEPS * 20_000
    events = Pushed(np.concatenate([events_of(window, FRAMING), late]), start=0)
    host = HostModel(library.path, library.interface)
    expected = {"scores": host.classify(layout.frames(compilation.graph["input"].type, window))}
    Paths(library, compilation.graph, result).verify(window, expected, events)
    assert result.chain[PATHS].check("events").unexplained == wrong


@pytest.mark.parametrize(
    ("layer", "field", "change"),
    [("neuron1", "beta", 1e-5), ("neuron2", "beta", 1e-3), ("neuron1", "reset", 1e-5)],
)
def test_a_constant_that_flips_no_spike_shows_in_the_potentials(layer, field, change, tmp_path):
    """A change far below what any spike hangs on, and above rounding."""
    model = small()
    compilation = compiled(model)
    files = dict(compilation.generated.files)
    pattern = rf"(snn_neuron_f32_params {layer}_shape = {{[^}}]*?\.{field} = )([^,]+),"
    found = re.search(pattern, files["net.c"])
    value = float.fromhex(found[2].removesuffix("f")) + change
    files["net.c"] = re.sub(pattern, rf"\g<1>{value.hex()}f,", files["net.c"])
    result = verified(model, compilation, files, tmp_path)
    assert result.chain.broken == [VALUES]
    assert result.chain[VALUES].check("spikes").unexplained == 0
    assert result.chain[VALUES].check("membrane potentials").unexplained > 0
    assert result.first_divergence.what == "membrane"
    assert result.first_divergence.layer == layer


def test_a_bias_that_flips_no_spike_shows_in_the_potentials(tmp_path):
    model = small()
    compilation = compiled(model)
    changed = {key: value.copy() for key, value in compilation.graph.params.items()}
    changed[compilation.graph["layer2_fc"].params["bias"]][3] += 1e-4
    other = compile_graph(compilation.graph.replace(params=changed), FRAMING)
    result = verified(model, compilation, dict(other.generated.files), tmp_path)
    assert result.chain.broken == [VALUES]
    assert result.chain[VALUES].check("spikes").unexplained == 0
    assert result.first_divergence.what == "membrane"
    assert result.first_divergence.neuron == (3,)


class Tailed(Small):
    """What follows the last spikes is not what the graph says, of a kind that no reader saw."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 1.5 * super().forward(x)


def test_what_reading_dropped_after_the_last_spikes_is_found(tmp_path):
    model, tailed = small(), Tailed().eval()
    tailed.load_state_dict(model.state_dict())
    result = verified(tailed, compiled(model), None, tmp_path)
    assert READING in result.chain.broken
    assert "scores[" in result.chain[READING].problems[0]


def test_another_class_without_a_tie_is_a_failure(tmp_path):
    model, other = small(), small()
    other.layer2.layers.fc.weight.data.mul_(-1)
    result = verified(other, compiled(model), None, tmp_path)
    assert not result.passed
    classes = result.chain[VALUES].check("classes")
    assert classes.unexplained == classes.differ > 0


def test_silence_is_proven_with_an_exception(tmp_path):
    model = small()
    model.neuron2.v_threshold = 1e3
    result = verified(model, compiled(model), None, tmp_path)
    assert result.passed
    assert result.verdict.startswith("PROVEN, except ")
    said = {(entry.where, entry.what) for entry in result.vacuous}
    assert said == {("neuron2", "never fired"), ("output scores", "was always zero")}
    assert result.as_json()["vacuous"][0]["where"] == "neuron2"


@pytest.mark.parametrize("dtype", ["f32", "int8"])
def test_stress_makes_a_silent_layer_fire_and_finds_what_is_wrong_in_it(dtype, tmp_path):
    model = small()
    model.layer1.layers.conv.bias.data.fill_(-40.0)  # no recording makes it fire
    graph = import_module(model, SHAPE, STEPS, name="net")
    quiet = [frames(9)] if dtype == "int8" else None
    compilation = compile_graph(graph, FRAMING, calibration=quiet)
    method = IntegerVerifier if dtype == "int8" else Verifier
    verifier = method(model, compilation, tmp_path, FLAGS)
    verifier.verify(frames(0))
    assert (
        verifier.observed.run(frames(0), observe=[("neuron1", "value")])
        .values["neuron1", "value"]
        .sum()
        == 0
    )
    stressed = Stress(compilation, verifier.observed, verifier.result).run()
    assert all(stressed.fired.values())
    verifier.finish(stressed)
    assert verifier.result.passed, verifier.result.chain.broken
    first = next(entry for entry in verifier.result.vacuous if entry.where == "neuron1")
    assert first.stress is True


def test_stress_finds_a_weight_that_no_recording_reaches(tmp_path):
    model = small()
    compilation = compiled(model)
    changed = {key: value.copy() for key, value in compilation.graph.params.items()}
    weight = changed[compilation.graph["layer2_fc"].params["weight"]]
    weight[2, 170] = -weight[2, 170]
    other = compile_graph(compilation.graph.replace(params=changed), FRAMING)
    verifier = Verifier(model, compilation, tmp_path, FLAGS, files=dict(other.generated.files))
    verifier.verify(np.zeros((STEPS, *SHAPE), np.uint16))
    Stress(compilation, verifier.observed, verifier.result).run()
    assert "stress" in verifier.result.chain.broken


def test_int8_that_loses_the_classes_is_not_faithful(tmp_path):
    """One large weight, of a channel that is never active, leaves no bits to the others."""
    model = small()
    model.layer1.layers.conv.weight.data[:, 1, 0, 0] = 9000.0
    model.layer2.layers.fc.weight.data.mul_(8)
    model.layer2.layers.fc.bias.data.fill_(0.0)
    windows = [frames(seed) for seed in range(4)]
    for window in windows:
        window[:, 1] = 0
    graph = import_module(model, SHAPE, STEPS, name="net")
    compilation = compile_graph(graph, FRAMING, calibration=windows)
    verifier = IntegerVerifier(model, compilation, tmp_path, FLAGS)
    for window in windows:
        verifier.verify(window)
    assert verifier.result.passed
    verifier.finish(min_agreement=0.95)
    assert verifier.result.chain.broken == [FIDELITY]
    said = verifier.result.as_json()["fidelity"]
    assert said["class_agreement"] < 0.95
    assert said["largest_score_difference"] > 0
    lenient = IntegerVerifier(model, compilation, tmp_path, FLAGS)
    lenient.verify(windows[0])
    lenient.finish(min_agreement=0.0)
    assert lenient.result.passed


def test_events_are_made_that_give_the_frames():
    window = frames(3)
    window[0] = 0  # the window begins before its first event
    events = events_of(window, FRAMING)
    assert events.dtype == EVENT_DTYPE
    assert (np.diff(events["t_us"].astype(np.int64)) >= 0).all()
    made = np.zeros_like(window)
    np.add.at(
        made,
        (events["t_us"] // 20_000, events["polarity"], events["y"] // 2, events["x"] // 2),
        1,
    )
    assert (made == window).all()
    assert events_of(np.full((1, 2, 400, 400), 9), FRAMING) is None


def test_the_page_about_numerics_names_the_links_of_the_code():
    page = (ROOT / "docs" / "numerics.md").read_text("utf-8")
    table = page.split("| link | what is compared |")[1].split("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(CLAIMS)
