"""SpikingJelly's model zoo at its own sizes, against the installed release itself.

Random weights, simulated recordings, few time steps. The builds here do not specialise the kernels
for each layer, which changes no value and compiles in a tenth of the time.
"""

from __future__ import annotations

import shutil
from collections import Counter

import pytest
import torch
from torch import nn

from snnc.compiler.compilation import compile_graph
from snnc.compiler.frontend.driving import Driven
from snnc.compiler.frontend.torch_fx import import_module, survey
from snnc.compiler.ir.graph import Kind
from snnc.compiler.verify.float_judge import Verifier
from snnc.errors import SnncError
from tests.support.networks import spikingjelly_zoo as zoo

QUICK_BUILD = ("-O1", "-march=native", "-DSNN_KERNEL=static __attribute__((unused))")
IMAGENET = (3, 224, 224)


def verified(model, tmp_path, *, shape, steps, samples=1, readout="mean", **driving):
    """The compiled graph of a network that verifies; its layers all fire, not all the time."""
    driven = Driven(zoo.lively(model), readout=readout, **driving)
    compilation = compile_graph(import_module(driven, shape, steps))
    verifier = Verifier(driven, compilation, tmp_path, QUICK_BUILD)
    for sample in range(samples):
        frames = zoo.simulated_frames(shape, steps, sample)
        verifier.verify(frames[:1].repeat(steps, 0) if driven.still else frames)
    result = verifier.result
    assert result.unexplained == 0
    assert result.passed
    sizes = [compilation.graph[layer.name].type.size for layer in result.layers]
    assert [layer.compared for layer in result.layers] == [samples * steps * n for n in sizes]
    return compilation.graph


@pytest.mark.skipif(not zoo.CLOCK_DRIVEN, reason="test_spikingjelly.py has these for step modes")
@pytest.mark.parametrize("v_reset", [0.0, None], ids=["hard", "soft"])
@pytest.mark.parametrize(
    ("name", "options"),
    [("IFNode", {}), ("LIFNode", {"tau": 3.0}), ("ParametricLIFNode", {"init_tau": 1.5})],
)
def test_classes_of_steps_and_of_sequences(name, options, v_reset, tmp_path):
    layer, neuron = zoo.part("layer"), zoo.part("neuron")
    make = {"v_reset": v_reset, "v_threshold": 0.5, **options}
    model = nn.Sequential(
        layer.SeqToANNContainer(nn.Conv2d(2, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)),
        getattr(neuron, f"MultiStep{name}")(**make),
        layer.SeqToANNContainer(nn.MaxPool2d(2), nn.Flatten()),
        layer.MultiStepDropout(0.5),
        layer.MultiStepContainer(nn.Linear(8 * 36, 6), getattr(neuron, name)(**make)),
    ).eval()
    graph = verified(model, tmp_path, shape=(2, 12, 12), steps=8)
    assert sum(node.op.name == "neuron" for node in graph.nodes) == 2


def synapses(graph):
    """How many weighted sums read each kind of value."""
    nodes = [node for node in graph.nodes if node.op.name in ("conv2d", "linear")]
    return Counter(graph[node.inputs[0]].type.kind for node in nodes)


def test_gesture_network(tmp_path):
    graph = verified(zoo.gesture_net(), tmp_path, shape=(2, 128, 128), steps=4, samples=2)
    assert sum(node.op.name == "neuron" for node in graph.nodes) == 7
    assert synapses(graph) == {Kind.COUNT: 1, Kind.SPIKE: 6}


def test_csnn(tmp_path):
    graph = verified(
        zoo.csnn(), tmp_path, shape=(1, 28, 28), steps=4, samples=2, per_step=zoo.CLOCK_DRIVEN
    )
    assert synapses(graph) == {Kind.COUNT: 1, Kind.SPIKE: 3}


@pytest.mark.skipif(zoo.CLOCK_DRIVEN, reason="that release runs its network in a loop")
def test_csnn_with_the_still_image_it_takes(tmp_path):
    model = zoo.csnn(whole=True)
    graph = verified(model, tmp_path, shape=(1, 28, 28), steps=4, readout=None, still=True)
    assert synapses(graph) == {Kind.COUNT: 1, Kind.SPIKE: 3}
    with pytest.raises(SnncError, match="one still image"):
        Driven(model, still=True, readout=None)(torch.rand(4, 1, 1, 28, 28))
    importing, _ = survey(Driven(model, still=True, readout=None), (1, 28, 28), 5)
    assert "repeats the image 4 times" in importing.unsupported[0].reason


# The first convolution reads counts of events, the last layer means of pixels. ADD: what follows a
# block reads counts, but for the second convolutions of blocks; AND and IAND give spikes.
SEW = {
    "ADD": {18: {Kind.COUNT: 11, Kind.SPIKE: 9}, 34: {Kind.COUNT: 19, Kind.SPIKE: 17}},
    "AND": {18: {Kind.COUNT: 1, Kind.SPIKE: 19}, 34: {Kind.COUNT: 1, Kind.SPIKE: 35}},
    "IAND": {18: {Kind.COUNT: 1, Kind.SPIKE: 19}, 34: {Kind.COUNT: 1, Kind.SPIKE: 35}},
}


CASES = [(18, "ADD")] if zoo.OLD else [(depth, connect) for depth in (18, 34) for connect in SEW]


@pytest.mark.slow
@pytest.mark.parametrize(("depth", "connect"), CASES)
def test_sew_resnet(depth, connect, tmp_path):
    model = zoo.sew_resnet(depth, connect)
    graph = verified(model, tmp_path, shape=IMAGENET, steps=2)
    assert synapses(graph) == {**SEW[connect][depth], Kind.REAL: 1}


@pytest.mark.slow
@pytest.mark.skipif(zoo.OLD, reason="the same network as in the current release")
def test_spiking_vgg11(tmp_path):
    """Whole, 133 million weights: 15 s and 2.8 GB of memory, as its C takes them in as a file."""
    graph = verified(zoo.spiking_vgg11(), tmp_path, shape=IMAGENET, steps=2)
    assert synapses(graph) == {Kind.COUNT: 1, Kind.SPIKE: 10}
    assert graph[graph.outputs[0]].type.shape == (1000,)
    assert (tmp_path / "model_weights.h.bin").stat().st_size > 4 * 132_000_000
    shutil.rmtree(tmp_path)  # a gigabyte
