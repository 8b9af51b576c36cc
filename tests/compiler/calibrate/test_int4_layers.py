"""Weights of four bits: what is chosen, how they are rounded and packed, what a folder records."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

import snnc
from snnc.api.kernels import recorded_types
from snnc.compiler.calibrate.int4_layers import bearable
from snnc.compiler.calibrate.ranges import calibrate
from snnc.compiler.compilation import compile_graph
from snnc.compiler.frontend.torch_fx import import_module
from snnc.compiler.ir.graph import Graph
from snnc.compiler.ops.int8.scaling import weight_scale
from snnc.compiler.ops.int8.synapses.rows import EIGHTS, NIBBLES, OWN, PLAIN, by_eights
from snnc.compiler.ops.int8.weight_types import everywhere, named, nowhere, parsed
from snnc.compiler.passes import pipeline
from snnc.compiler.verify.integer import IntegerVerifier
from snnc.errors import SnncError
from tests.support.networks.lively import lively_network

SHAPE = (2, 12, 12)
STEPS = 4
SPIKING = {"layer2_conv", "layer3_conv", "fc1_linear", "fc2_linear"}


def windows(count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(5)
    return [rng.poisson(0.4, (STEPS, *SHAPE)).astype(np.uint16) for _ in range(count)]


def network() -> torch.nn.Module:
    return lively_network(input_size=SHAPE, channels=(8, 12, 16), hidden=35)


def graph_of() -> Graph:
    return pipeline.optimised(import_module(network(), SHAPE, STEPS, name="net"))


def orders(graph: Graph) -> dict[str, str]:
    return {node.name: node.op.order for node in graph.nodes if hasattr(node.op, "order")}


def test_words_hold_every_nibble_once():
    rows = np.arange(-8, 8).repeat(5).reshape(8, 10)
    words = by_eights(rows)
    assert (words.dtype, words.shape) == (np.int32, (8, 2))
    nibbles = (words.view(np.uint32)[..., None] >> np.arange(0, 32, 4, dtype=np.uint32)) & 15
    back = np.empty((8, 2, 8), np.int64)
    back[..., NIBBLES] = nibbles
    assert np.array_equal(back.reshape(8, 16)[:, :10] - 8, rows)
    assert not (back.reshape(8, 16)[:, 10:] - 8).any()


def test_int4_scales_clip_only_where_errors_shrink():
    even = np.linspace(-7, 7, 15)[None] * 0.3
    assert weight_scale(even, np.zeros(1), 0.0, "int4") == pytest.approx([0.3])
    far = np.concatenate([np.linspace(-1, 1, 60), [2.0]])[None]
    scale = weight_scale(far, np.zeros(1), 0.0, "int4")[0]
    assert 1 / 7 <= scale < 2 / 7

    def errors(unit: float) -> float:
        return float(np.square(far - np.clip(np.round(far / unit), -7, 7) * unit).sum())

    assert errors(scale) < errors(2 / 7)
    assert weight_scale(np.zeros((1, 3)), np.zeros(1), 0.0, "int4")[0] > 0


def test_names_of_layers_say_which():
    graph = graph_of()
    assert everywhere(graph) == SPIKING
    assert nowhere(graph) == frozenset()
    assert parsed("int4")(graph) == SPIKING
    assert parsed("int8")(graph) == frozenset()
    assert parsed("int4:fc1_linear, layer1_conv")(graph) == {"fc1_linear", "layer1_conv"}
    with pytest.raises(SnncError, match="no such layer") as refused:
        named(["fc9"])(graph)
    assert "fc1_linear" in refused.value.hint
    for text in ("int3", "int8:fc1_linear"):
        with pytest.raises(SnncError, match="neither int8 nor int4"):
            parsed(text)


@pytest.mark.parametrize("layers", ["int4", "int4:layer1_conv,fc1_linear"])
def test_the_c_equals_the_reference(layers, tmp_path):
    compilation = compile_graph(
        import_module(network(), SHAPE, STEPS, name="net"),
        calibration=windows(2),
        int4=parsed(layers),
    )
    chosen = parsed(layers)(graph_of())
    assert {name for name, order in orders(compilation.graph).items() if order == EIGHTS} == chosen
    for name in chosen:
        weight = compilation.graph.params_of(compilation.graph[name])["weight"]
        assert np.abs(weight).max() == 7
    verifier = IntegerVerifier(network(), compilation, tmp_path, ("-O1",))
    for window in windows(3):
        verifier.verify(window)
    assert verifier.result.passed


def test_the_order_of_int4_is_the_same_for_every_core():
    graph = graph_of()
    ranges = calibrate(graph, windows(2))
    for order in (PLAIN, OWN, "fours", "listed"):
        twin = pipeline.quantized(graph, ranges, order, int4=everywhere)
        assert {name for name, found in orders(twin).items() if found == EIGHTS} == SPIKING


def test_what_is_borne_is_the_largest_first():
    graph = graph_of()
    sizes = {name: graph.params_of(graph[name])["weight"].size for name in SPIKING}
    found = bearable(graph, windows(4), 1.0)
    assert found.layers == SPIKING
    assert [trial.layer for trial in found.trials] == sorted(SPIKING, key=lambda n: -sizes[n])
    strict = bearable(graph, windows(4), 0.0)
    assert strict.layers == {trial.layer for trial in strict.trials if trial.changed == 0}
    assert all(trial.borne == (trial.changed == 0) for trial in strict.trials)


def test_python_takes_it_and_the_folder_says_it(tmp_path):
    x = torch.from_numpy(np.stack(windows(2)).astype(np.float32))
    given = {"dtype": "int8", "calibrate": x, "weight_type": "int4", "max_accuracy_loss": 1.0}
    snnc.compile(network(), x[0][:, None], **given).write(tmp_path / "out")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert recorded_types(manifest) == "int4:layer2_conv,layer3_conv,fc1_linear,fc2_linear"
    assert manifest["options"]["int4"]["recordings"] == 2
    assert {trial["layer"] for trial in manifest["options"]["int4"]["trials"]} == SPIKING


def test_what_means_nothing_together_is_refused():
    x = torch.zeros(STEPS, 1, *SHAPE)
    with pytest.raises(SnncError, match="belongs to dtype"):
        snnc.compile(network(), x, weight_type="int4")
    with pytest.raises(SnncError, match="layers are chosen by max_accuracy_loss="):
        snnc.compile(network(), x, dtype="int8", calibrate=[x], max_accuracy_loss=0.1)
