"""Frames of real numbers: floats of either sign into the C, whole windows and step by step."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from torch import nn

from snnc.compiler.codegen.c_program import Framing
from snnc.compiler.compilation import Compilation, compile_graph
from snnc.compiler.deploy import packages
from snnc.compiler.frontend.torch_fx import import_module
from snnc.compiler.host.observed import ObservedModel
from snnc.compiler.ir import layout
from snnc.compiler.ir.graph import Kind
from snnc.compiler.plan.input_buffer import WINDOW, Buffering
from snnc.compiler.verify.float_judge import Verifier
from snnc.compiler.verify.synthetic.stress import Stress
from snnc.errors import BAD_OPTION, BAD_SHAPE, RUNTIME_STATUS, SnncError
from snnc.models.neurons import LIF
from tests.support.networks.small_models import Net, over_time
from tests.support.places import INCLUDE
from tests.support.samples.graphs import FAST, c_of, observed

SHAPE, STEPS = (2, 6, 6), 4
FRAMES = np.random.default_rng(0).normal(size=(STEPS, *SHAPE)).astype(np.float32)


class Images(Net):
    """Convolution, neuron, linear layer, neuron, mean: what direct coding is given to."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        super().__init__()
        self.conv, self.first = over_time(conv=nn.Conv2d(2, 2, 3, padding=1)), LIF(v_threshold=0.2)

    def forward(self, x):
        return self.mean(self.lif(self.fc(self.first(self.conv(x)))))


@cache
def compiled(buffering: Buffering = WINDOW) -> Compilation:
    graph = import_module(Images().eval(), SHAPE, STEPS, input_kind=Kind.REAL)
    return compile_graph(graph, buffering=buffering)


@cache
def model(buffering: Buffering = WINDOW) -> ObservedModel:
    compilation = compiled(buffering)
    return observed(compilation.graph, generated=compilation.generated)


def test_every_value_is_pytorch_s_and_the_first_layer_multiplies(tmp_path):
    compilation = compiled()
    assert compilation.graph["input"].type.kind is Kind.REAL
    verifier = Verifier(Images().eval(), compilation, tmp_path, FAST)
    run = verifier.verify(FRAMES)
    stressed = Stress(compilation, verifier.observed, verifier.result).run()
    verifier.finish(stressed)
    assert verifier.result.unexplained == 0
    # 2 channels from 2, and of each pixel's 9 neighbours those inside 6x6: (3·6 - 2)²
    assert run.counts["conv_conv"]["mac"] == STEPS * 2 * 2 * 16**2
    assert run.counts["conv_conv"]["ac"] == 0
    assert run.counts["fc_linear"]["mac"] == 0


def test_a_copy_that_loses_fractions_is_not_proven(tmp_path):
    compilation = compiled()
    headers = {
        f"snn/{path.relative_to(INCLUDE / 'snn').as_posix()}": path.read_text("utf-8")
        for path in (INCLUDE / "snn").rglob("*.h")
    }
    (place,) = (name for name, text in headers.items() if "snn_reals_copy" in text)
    whole = headers[place].replace("frames[i] = values[i];", "frames[i] = (float)(int)values[i];")
    assert whole != headers[place]
    files = {**compilation.generated.files, **headers, place: whole}
    broken = replace(compilation, generated=replace(compilation.generated, files=files))
    verifier = Verifier(Images().eval(), broken, tmp_path, FAST)
    verifier.verify(FRAMES)
    assert verifier.result.unexplained > 0


def test_a_stream_takes_floats_frame_by_frame_in_less_memory():
    whole, ring = model(), model(Buffering(frames=1))
    assert np.array_equal(whole.run(FRAMES).scores, ring.run(FRAMES).scores)
    saved = (STEPS - 1) * 4 * 72
    arenas = (each.host.interface.arena_bytes for each in (whole, ring))
    assert next(arenas) - next(arenas) == pytest.approx(saved, abs=64)
    assert "push_frame(model_net *net, const float *frame)" in header(Buffering(frames=1))


def header(buffering: Buffering = WINDOW) -> str:
    return compiled(buffering).generated.files["model.h"]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("buffering", [WINDOW, Buffering(frames=2)])
def test_what_is_not_finite_is_refused_and_the_window_can_be_given_again(value, buffering):
    host = model(buffering).host
    packed = layout.frames(compiled().graph["input"].type, FRAMES)
    expected = host.classify(packed)
    wrong = packed.copy()
    wrong[0, 7] = value
    host.reset()
    with pytest.raises(SnncError, match="SNN_ERR_NOT_FINITE") as caught:
        host.run_frames(wrong)
    assert caught.value.code is RUNTIME_STATUS
    host.run_frames(packed)
    assert np.array_equal(host.scores(), expected)


def test_the_largest_and_smallest_floats_are_taken():
    host = model().host
    ends = np.finfo(np.float32)
    frames = np.zeros((STEPS, 72), np.float32)
    frames[:, :4] = ends.max, ends.min, ends.smallest_subnormal, -0.0
    host.reset()
    host.push_frames(frames)


def test_another_number_of_floats_is_refused():
    with pytest.raises(SnncError, match="takes 288 floats and was given 71") as caught:
        model().host.push_frames(np.zeros(71, np.float32))
    assert caught.value.code is BAD_SHAPE


def test_events_are_refused_with_a_sentence():
    with pytest.raises(SnncError, match="events make counts") as caught:
        c_of(compiled().graph, Framing(6, 6, 1000, 1))
    assert caught.value.code is BAD_OPTION
    with pytest.raises(SnncError, match="--max-events holds events, which make counts"):
        compiled(Buffering(events=100))
    assert "push_events" not in header()
    assert "MAX_COUNT" not in header()


@pytest.mark.parametrize("buffering", [WINDOW, Buffering(frames=1)])
def test_the_package_s_example_compiles_without_a_warning_and_runs(buffering, tmp_path):
    packages.write(tmp_path, compiled(buffering), "cmake", None)
    (example,) = (tmp_path / "examples").rglob("*.c")
    flags = ("-std=c99", "-Werror", "-Wall", "-Wextra", "-pedantic", "-Wconversion")
    sources = (str(example), str(tmp_path / "src" / "model.c"), f"-I{tmp_path / 'include'}")
    program = str(tmp_path / "example")
    subprocess.run(["gcc", *flags, "-O1", *sources, "-o", program], check=True)
    said = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    shown = [float(line.split(": ")[1]) for line in said.splitlines()]
    numbers = np.arange(STEPS * 72 if buffering is WINDOW else 72)
    if buffering is WINDOW:
        pushed = numbers.reshape(STEPS, 72) % 7
    else:
        pushed = np.stack([(numbers + step) % 7 for step in range(STEPS)])
    expected = model(buffering).host.classify((pushed * 0.5 - 1.5).astype(np.float32))
    assert shown == pytest.approx(expected.tolist(), abs=5e-5)


def test_int8_says_what_to_do_instead():
    graph = import_module(Images().eval(), SHAPE, STEPS, input_kind=Kind.REAL)
    with pytest.raises(SnncError, match="an input of real numbers has no int8 form") as caught:
        compile_graph(graph, calibration=[FRAMES])
    assert "rate or latency" in caught.value.hint
