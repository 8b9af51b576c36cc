"""Networks with several outputs: imported, compiled and compared, in float and in integers."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torch import nn

from snnc.compiler.compilation import compile_graph
from snnc.compiler.deploy import folder as artifact
from snnc.compiler.deploy.compiled import open_compiled
from snnc.compiler.frontend.driving import Driven
from snnc.compiler.frontend.given import Given
from snnc.compiler.frontend.nir.export import export_nir
from snnc.compiler.frontend.source import SourceModel, load_source
from snnc.compiler.frontend.torch_fx import import_module, survey
from snnc.compiler.ir.layout import pack
from snnc.compiler.plan.input_buffer import Buffering
from snnc.compiler.verify.float_judge import Verifier
from snnc.compiler.verify.integer import IntegerVerifier
from snnc.compiler.verify.outputs import OutputResult
from snnc.errors import BAD_OPTION, UNSUPPORTED_LAYER, SnncError
from snnc.models.attention import TA
from snnc.models.networks import TimeMean
from snnc.models.neurons import LIF
from tests.compiler.codegen.test_c_quality import NATIVE, STRICT, compile_c
from tests.support.networks.small_models import over_time

SHAPE, STEPS = (2, 9, 7), 5
SIZES = {"digit": 10, "side": 3}


class TwoHeads(nn.Module):
    """A shared convolution and two heads; subclasses return them differently."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(4)
        self.trunk = over_time(conv=nn.Conv2d(2, 6, 3, stride=2))
        self.lif = LIF()
        for name, size in SIZES.items():
            self.add_module(name, over_time(flat=nn.Flatten(), fc=nn.Linear(72, size)))
            self.add_module(f"{name}_lif", LIF())
        self.mean = TimeMean()
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.normal_(module.weight, 0.02, 0.3)

    def heads(self, x):
        shared = self.lif(self.trunk(x))
        return self.digit_lif(self.digit(shared)), self.side_lif(self.side(shared))


class Tuple(TwoHeads):
    def forward(self, x):
        digit, side = self.heads(x)
        return self.mean(digit), self.mean(side)


class Dict(TwoHeads):
    """Each in a different way, and the scores not first."""

    def forward(self, x):
        shared = self.lif(self.trunk(x))
        side = self.mean(self.side(shared))  # a real number of many roundings
        return {"side": side, "scores": self.mean(self.digit_lif(self.digit(shared)))}


class Steps(TwoHeads):
    """One result a step, for a readout."""

    def forward(self, x):
        return dict(zip(("digit", "side"), self.heads(x), strict=True))


class Window(Tuple):
    """Attention needs the whole window, so nothing streams."""

    def __init__(self) -> None:
        super().__init__()
        self.ta = TA(STEPS)

    def heads(self, x):
        shared = self.lif(self.ta(self.trunk(x)))
        return self.digit_lif(self.digit(shared)), self.side_lif(self.side(shared))


CASES = {
    "tuple": (Driven(Tuple(), readout=None, all_outputs=True), ("0", "1")),
    "dict": (Dict(), ("scores", "side")),
    "window": (Driven(Window(), readout=None, all_outputs=True), ("0", "1")),
    "readout": (Driven(Steps(), readout="sum"), ("digit", "side")),
}
cases = pytest.mark.parametrize("case", CASES)


def windows(count=3):
    rng = np.random.default_rng(2)
    return [rng.poisson(0.6, (STEPS, *SHAPE)).astype(np.uint16) for _ in range(count)]


@cases
def test_every_output_is_proven(case, tmp_path):
    model, names = CASES[case]
    graph = import_module(model.eval(), SHAPE, STEPS)
    assert graph.output_names == names
    verifier = Verifier(model, compile_graph(graph), tmp_path, ("-O1",))
    for window in windows():
        verifier.verify(window)
    result = verifier.result
    assert result.passed
    assert result.same_class == 3
    assert [(output.name, output.compared) for output in result.outputs] == [
        (names[0], 30),
        (names[1], 9),
    ]
    assert all(layer.compared for layer in result.layers)
    assert result.as_json()["outputs"][1]["name"] == names[1]


@cases
def test_the_c_gives_what_pytorch_gives(case, tmp_path):
    model, names = CASES[case]
    source = SourceModel(model.eval(), "net", SHAPE, STEPS, None, "here")
    compilation = compile_graph(source.graph())
    manifest = artifact.write(tmp_path / "out", source, compilation)
    assert manifest == json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert [(entry["name"], entry["shape"], entry["type"]) for entry in manifest["outputs"]] == [
        (names[0], [10], "float"),
        (names[1], [3], "float"),
    ]
    header = (tmp_path / "out" / "net.h").read_text()
    assert f"#define NET_OUTPUT_{names[1].upper()}_SIZE 3\n" in header
    assert f"int net_output_{names[1]}(net_net *net, float *result);" in header
    host = open_compiled(tmp_path / "out", manifest)
    for window in windows():
        host.classify(pack(compilation.graph["input"].type, window).astype(np.uint16))
        with torch.no_grad():
            expected = model(torch.from_numpy(window.astype(np.float32))[:, None])
        by_place = dict(enumerate(expected)) if isinstance(expected, tuple) else expected
        for name in names:
            assert by_place[name].abs().sum() > 0
            np.testing.assert_allclose(host.output(name), by_place[name][0], rtol=1e-5, atol=1e-6)
        assert np.array_equal(host.output(names[0]), host.scores())
    with pytest.raises(SnncError, match=f"no output other. It has {names[0]}, {names[1]}") as told:
        host.output("other")
    assert told.value.code is BAD_OPTION


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@cases
def test_strict_compilers_have_nothing_to_say(case, compiler, tmp_path):
    model, _ = CASES[case]
    generated = compile_graph(import_module(model.eval(), SHAPE, STEPS)).generated
    for file, text in generated.files.items():
        (tmp_path / file).write_text(text, encoding="utf-8")
    flags = [*STRICT, *NATIVE, "-fsyntax-only"]
    assert compile_c(compiler, flags, tmp_path / "model.c", target=tmp_path / "model.o") == ""


def test_a_stream_gives_every_output_of_the_steps_so_far(tmp_path):
    model = Dict().eval()
    graph = import_module(model, SHAPE, STEPS)
    compilation = compile_graph(graph, buffering=Buffering(frames=1))
    source = SourceModel(model, "net", SHAPE, STEPS, None, "here")
    manifest = artifact.write(tmp_path / "out", source, compilation)
    host = open_compiled(tmp_path / "out", manifest)
    (window,) = windows(1)
    host.reset()
    for step, frame in enumerate(pack(graph["input"].type, window).astype(np.uint16), start=1):
        host.push_frame(frame)
        host.step()
        with torch.no_grad():
            expected = model(torch.from_numpy(window[:step].astype(np.float32))[:, None])
        for name in ("side", "scores", "side"):  # in any order, and again
            np.testing.assert_allclose(host.output(name), expected[name][0], rtol=1e-5, atol=1e-6)


def test_integers_are_equal(tmp_path):
    model, _ = CASES["tuple"]
    compilation = compile_graph(import_module(model, SHAPE, STEPS), calibration=windows(8))
    verifier = IntegerVerifier(model, compilation, tmp_path, ("-O1",))
    for window in windows():
        verifier.verify(window)
    assert verifier.result.passed
    assert [(o.name, o.compared, o.mismatches) for o in verifier.result.outputs] == [
        ("0", 30, 0),
        ("1", 9, 0),
    ]
    assert all(output.c_type == "int32_t" for output in compilation.generated.interface.outputs)


def test_a_wrong_output_is_unexplained(tmp_path):
    """Only rounding is forgiven: PyTorch is a little off from what was compiled."""
    model = Dict().eval()
    verifier = Verifier(
        model, compile_graph(import_module(model, SHAPE, STEPS)), tmp_path, ("-O1",)
    )
    model.side.layers.fc.bias.data[1] += 1e-3
    verifier.verify(windows()[0])
    assert not verifier.result.passed
    assert [output.unexplained for output in verifier.result.outputs] == [0, 1]
    assert verifier.result.outputs[1].largest == pytest.approx(1e-3, rel=0.1)


def test_not_a_number_is_unexplained():
    result = OutputResult("side")
    result.add(np.float32([1, np.nan]), np.float32([1, np.nan]), np.float64([1, 1]))
    assert result.unexplained == 1


def test_of_a_tuple_the_first_is_compiled_unless_all_are_asked_for():
    graph = import_module(Tuple().eval(), SHAPE, STEPS)
    assert graph.output_names == ("scores",)
    assert [graph[name].type.shape for name in graph.outputs] == [(10,)]


def all_outputs_of_a_tuple():
    return Tuple()


def test_all_outputs_is_an_option_for_factories():
    spec = f"{__name__}:all_outputs_of_a_tuple"
    source = load_source(spec, Given(input_shape=SHAPE, time_steps=STEPS, all_outputs=True))
    assert source.graph().output_names == ("0", "1")
    assert source.options["all_outputs"] is True
    first = load_source(spec, Given(input_shape=SHAPE, time_steps=STEPS))
    assert first.graph().output_names == ("scores",)
    with pytest.raises(SnncError, match="belong to a factory") as caught:
        load_source("net.nir", Given(time_steps=STEPS, all_outputs=True))
    assert caught.value.code is BAD_OPTION


def test_every_output_that_cannot_be_copied_is_refused():
    class Bad(TwoHeads):
        def forward(self, x):
            digit, side = self.heads(x)
            return self.mean(digit), side, x.mean(0)

    importing, outputs = survey(Driven(Bad(), readout=None, all_outputs=True), SHAPE, STEPS)
    assert [entry.reason for entry in importing.unsupported] == [
        "output 1: the model gives spike T×3, one result for each step",
        "output 2: the model gives real 2×9×7, not one vector of class scores",
    ]
    with pytest.raises(SnncError) as caught:
        importing.graph(outputs)
    assert caught.value.code is UNSUPPORTED_LAYER


def test_nir_has_one_output():
    pytest.importorskip("nir", reason="nir is not here: pip install 'snnc[nir]'")
    with pytest.raises(SnncError, match="the network has 2") as caught:
        export_nir(import_module(Dict().eval(), SHAPE, STEPS))
    assert caught.value.code is UNSUPPORTED_LAYER
