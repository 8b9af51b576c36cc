"""NIR graphs whose spikes return to their own layer: PyTorch, a hand-made loop, and the C agree."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from snnc.compiler.compilation import compile_graph
from snnc.compiler.frontend.nir.export import export_nir
from snnc.compiler.frontend.nir.file import NirOptions, from_graph, read
from snnc.compiler.frontend.nir.network import NirNetwork
from snnc.compiler.frontend.torch_fx import import_module
from snnc.compiler.verify.float_judge import Verifier
from snnc.compiler.verify.pytorch import run_pytorch
from snnc.errors import SnncError

nir = pytest.importorskip("nir", reason="the nir package is not installed: pip install snnc[nir]")

RNG = np.random.default_rng(3)
STEPS = 7
SUBTRACT, ZERO = NirOptions("subtract", 1.0), NirOptions("zero", 1.0)


def weights(*shape):
    return (RNG.normal(size=shape) * 2 / np.sqrt(np.prod(shape[1:]))).astype(np.float32)


def affine(out, given):
    return nir.Affine(weights(out, given), weights(out, 1)[:, 0])


def lif(*shape):
    one = np.ones(shape)
    return nir.LIF(2.5 * one, 2.5 * one, 0.02 * one, 0.6 * one)


def cuba(*shape):
    one = np.ones(shape)
    return nir.CubaLIF(2 * one, 3 * one, 3 * one, 0 * one, 0.5 * one, w_in=2 * one)


def graph(shape, nodes, edges):
    ends = {"input": nir.Input(np.array(shape)), "output": nir.Output(np.array([1]))}
    pairs = [tuple(edge.split(">")) for edge in edges.split()]
    return nir.NIRGraph(ends | nodes, pairs, type_check=False)


def conv(channels, size):
    weight = weights(channels, channels, 3, 3)
    return nir.Conv2d(size, weight, 1, 1, 1, 1, weights(channels, 1)[:, 0])


def plain(neuron):
    nodes = {"in": affine(40, 9), "n": neuron, "back": affine(40, 40), "out": affine(5, 40)}
    nodes["last"] = lif(5)
    return graph((9,), nodes, "input>in in>n n>back back>n n>out out>last last>output")


def nested(neuron):
    """As snnTorch and nirtorch write a recurrent layer: a graph of its own."""
    inner = graph((40,), {"lif": neuron, "w": affine(40, 40)}, "input>lif lif>w w>lif lif>output")
    nodes = {"in": affine(40, 9), "layer": inner, "out": affine(5, 40), "last": lif(5)}
    return graph((9,), nodes, "input>in in>layer layer>out out>last last>output")


def convolved():
    """A convolution over the spikes of a map, and one after the neuron's own delay."""
    nodes = {
        "in": nir.Conv2d((5, 6), weights(33, 2, 3, 3), 1, 1, 1, 1, weights(33, 1)[:, 0]),
        "n": lif(33, 5, 6),
        "back": conv(33, (5, 6)),
        "late": nir.Delay(np.full((33, 5, 6), 2.0)),
        "echo": conv(33, (5, 6)),
        "flat": nir.Flatten({"input": None}, 0, -1),
        "out": affine(4, 990),
        "last": lif(4),
    }
    edges = "input>in in>n n>back back>n n>late late>echo echo>n n>flat flat>out out>last"
    return graph((2, 5, 6), nodes, edges + " last>output")


NETWORKS = {
    "LIF": lambda: plain(lif(40)),
    "IF": lambda: plain(nir.IF(np.ones(40), np.full(40, 0.8))),
    "Threshold": lambda: plain(nir.Threshold(np.full(40, 0.3))),
    "CubaLIF": lambda: plain(cuba(40)),
    "LIF of one number": lambda: plain(lif()),
    "nested": lambda: nested(lif(40)),
    "nested CubaLIF": lambda: nested(cuba(40)),
    "convolutions and a delay": convolved,
    "neuron to itself": lambda: graph(
        (9,), {"in": affine(5, 9), "n": lif(5)}, "input>in in>n n>n n>output"
    ),
    "before the weight": lambda: graph(
        (5,), {"w": affine(5, 5), "n": lif(5)}, "input>w w>n n>w n>output"
    ),
    "two layers, each with its own": lambda: graph(
        (9,),
        {"a": affine(8, 9), "n": lif(8), "ar": affine(8, 8)}
        | {"b": affine(6, 8), "m": cuba(6), "br": affine(6, 6)},
        "input>a a>n n>ar ar>n n>b b>m m>br br>m m>output",
    ),
}


def frames(shape, seed):
    return np.random.default_rng(seed).poisson(0.6, (STEPS, *shape)).astype(np.uint16)


def spikes_of(model, name, x):
    """What a neuron in a loop fires, [T, N, ...]."""
    seen = []
    model.get_submodule(name).register_forward_hook(lambda _m, _x, y: seen.append(y[0]))
    model(x)
    return torch.stack(seen)


@pytest.mark.parametrize("options", [SUBTRACT, ZERO], ids=["subtract", "zero"])
@pytest.mark.parametrize("key", NETWORKS)
def test_c_is_pytorch(key, options, tmp_path):
    file = from_graph(NETWORKS[key](), options)
    model = NirNetwork(file)
    imported = import_module(model, file.input_shape, STEPS)
    verifier = Verifier(model, compile_graph(imported), tmp_path, ("-O1",))
    for seed in range(3):
        verifier.verify(frames(file.input_shape, seed))
    assert verifier.result.passed
    assert verifier.result.same_class == 3
    fired = run_pytorch(
        verifier.model,
        verifier.source,
        verifier.discrete,
        torch.from_numpy(frames(file.input_shape, 0)).float(),
    )[1]
    looping = [node for node in imported if node.op.name == "feedback_write"]
    assert looping
    assert all(0 < fired[node.inputs[0]].mean() < 1 for node in looping)


def test_recurrent_edge_is_late_by_one_step():
    """Against a loop written out by hand: v decays, hears input and the spikes of the step before,
    and is reset by subtraction."""
    file = from_graph(plain(lif(40)), SUBTRACT)
    node = {entry.key: entry.node for entry in file.nodes}
    x = torch.from_numpy(frames((9,), 4)).float()[:, None]

    def linear(name, given):
        weight, bias = (torch.from_numpy(getattr(node[name], k)) for k in ("weight", "bias"))
        return torch.nn.functional.linear(given, weight, bias)

    v, spikes, fired = torch.zeros(1, 40), torch.zeros(1, 40), []
    for step in x:
        current = linear("in", step) + linear("back", spikes)
        v = 0.6 * v + 0.4 * 0.02 + current
        spikes = (v > 0.6).float()
        v = v - 0.6 * spikes
        fired.append(spikes)
    assert torch.equal(spikes_of(NirNetwork(file), "n", x), torch.stack(fired))
    assert 0 < torch.stack(fired).mean() < 1


def test_export_writes_the_loop_that_was_read(tmp_path):
    """Read back, what was written gives the same spikes; without the loop it would not."""
    file = from_graph(plain(lif(40)), SUBTRACT)
    imported = import_module(NirNetwork(file), (9,), STEPS)
    path = tmp_path / "written.nir"
    written, options = export_nir(imported, path)
    assert {("back", "n"), ("n", "back")} <= set(map(tuple, written.edges))
    back = read(path, options)
    x = torch.from_numpy(frames((9,), 5)).float()[:, None]
    expected = spikes_of(NirNetwork(file), "n", x)
    assert torch.equal(spikes_of(NirNetwork(back), "n", x), expected)
    silent = written.nodes["back"]
    silent.weight = np.zeros_like(silent.weight)
    without = NirNetwork(from_graph(written, options))
    assert not torch.equal(spikes_of(without, "n", x), expected)


def test_rule_is_in_the_manifest():
    assert "spikes return to itself a step later" in SUBTRACT.as_json()["nir_rules"]


TWO = {"a": affine(5, 5), "n": lif(5), "b": affine(5, 5), "m": lif(5)}
REFUSED = {
    "no neuron": ("input>a a>b b>a a>n n>output", "a, b form a loop without a spiking neuron"),
    "two layers": ("input>a a>n n>b b>m m>a m>output", "form a loop of 2 neurons"),
    "closes without the neuron": (
        "input>a a>n n>b b>a a>b n>output",
        "also closes without the neuron n",
    ),
    "something else leaves": (
        "input>a a>n n>b b>a b>m m>output",
        "form a loop, and b also feeds m",
    ),
}


@pytest.mark.parametrize("key", REFUSED)
def test_other_loops_are_refused_in_one_sentence(key):
    edges, says = REFUSED[key]
    used = {key: node for key, node in TWO.items() if f"{key}>" in edges}
    with pytest.raises(SnncError, match=says) as caught:
        from_graph(graph((5,), used, edges), SUBTRACT)
    assert "within one layer" in caught.value.hint


def test_unknown_number_of_neurons_is_refused():
    nodes = {"in": conv(2, (4, 4)), "n": lif(), "flat": nir.Flatten({"input": None}, 0, -1)}
    edges = "input>in in>n n>n n>flat flat>output"
    with pytest.raises(SnncError, match="does not say how many neurons"):
        from_graph(graph((2, 4, 4), nodes, edges), SUBTRACT)
