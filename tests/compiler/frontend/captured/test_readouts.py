"""What a model gives, read from its own code: last step, maximum, every step, membranes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import snnc
from snnc.compiler.compilation import compile_graph
from snnc.compiler.deploy import folder
from snnc.compiler.frontend.given import Given
from snnc.compiler.frontend.source import load_source
from snnc.errors import UNSUPPORTED_LAYER, SnncError
from tests.support.networks.captured_models import STEPS, Model, lif, ops, same


def recorded(take):
    """A hidden layer's spikes and potentials, and an integrator's, each of all steps."""

    def forward(m, x):
        samples = x.shape[1]
        u, v = torch.zeros(samples, 5), torch.zeros(samples, 3)
        found = []
        for step in x:
            u, s = lif(u, m.first(step))
            v = 0.9 * v + m.second(s)
            found.append((s, u, v))
        return take(*(torch.stack(each) for each in zip(*found, strict=True)))

    return forward


READOUTS = {
    "last": (lambda s, u, v: v[-1], ["time_last"]),
    "last spikes": (lambda s, u, v: s[-1], ["time_last"]),
    "max": (lambda s, u, v: v.max(0).values, ["time_max"]),
    "amax": (lambda s, u, v: torch.amax(v, 0), ["time_max"]),
    "sum": (lambda s, u, v: v.sum(0), ["time_sum"]),
    "after the window": (lambda s, u, v: torch.relu(v[-1]), ["time_last", "relu"]),
    "membrane": (lambda s, u, v: u[-1], ["cell", "time_last"]),
    "every step": (lambda s, u, v: v.transpose(0, 1), ["time_stack"]),
    "every step, time last": (lambda s, u, v: v.permute(1, 2, 0), ["time_stack"]),
    "an image": (lambda s, u, v: v[-1][:, None, :], ["time_last"]),
}


@pytest.mark.parametrize(("take", "wanted"), READOUTS.values(), ids=READOUTS)
def test_an_output_is_read_from_the_models_own_code(take, wanted):
    graph = same(Model(recorded(take)))
    assert [op for op in ops(graph) if op in {*wanted, "time_mean"}] == wanted


def test_a_membrane_follows_the_spikes_of_its_neuron():
    """There is one decision: the cell that gives the potential is told the spikes."""
    graph = same(Model(recorded(lambda s, u, v: {"scores": v[-1], "mem": u.mean(0)})))
    (neuron,) = (node for node in graph if node.op.name == "neuron")
    (cell,) = (node for node in graph if node.op.name == "cell")
    assert neuron.name in cell.inputs


def test_samples_stand_first():
    with pytest.raises(SnncError, match="samples are not its first axis") as caught:
        same(Model(recorded(lambda s, u, v: v)))
    assert caught.value.code is UNSUPPORTED_LAYER


class Recorded(nn.Module):
    """Gives spikes, potentials and sums of every step, as snnTorch's tutorials do."""

    def __init__(self) -> None:
        super().__init__()
        self.model = Model(recorded(lambda s, u, v: (v, s, u)))

    def forward(self, x):
        return self.model(x)


def windows(count):
    generator = torch.Generator().manual_seed(5)
    return [torch.poisson(torch.ones(STEPS, 1, 6), generator=generator) for _ in range(count)]


@pytest.mark.parametrize("readout", ["last", "max", "none"])
def test_the_c_gives_it(readout):
    model, data = Recorded().eval(), windows(4)
    net = snnc.compile(model, data[0], readout=readout, all_outputs=True)
    proof = net.verify(data)
    assert proof.passed
    assert proof.class_agreement == 1.0
    assert not [node for node in proof.to_json()["outputs"] if not node["compared"]]
    batch = torch.cat(data, 1)
    for ours, theirs in zip(net(batch), model(batch), strict=True):
        expected = {"last": theirs[-1], "max": theirs.amax(0), "none": theirs}[readout]
        np.testing.assert_allclose(ours, expected.detach(), rtol=1e-5, atol=1e-6)


def test_the_class_of_scores_for_each_step_is_that_of_their_sum():
    model, data = Recorded().eval(), windows(6)
    labels = [int(model(x)[0].sum(0).argmax()) for x in data]
    largest = [int(model(x)[0].argmax()) for x in data]
    assert labels != largest  # places in all steps
    net = snnc.compile(model, data[0], readout="none")
    proof = net.verify(list(zip(data, labels, strict=True)))
    assert proof.passed
    assert proof.accuracy == {"pytorch": 1.0, "c": 1.0}


def test_a_stream_gives_the_last_of_the_steps_so_far():
    """Also the largest so far; steps to come are 0."""
    model, (x,) = Recorded().eval(), windows(1)
    last, largest, every = (
        snnc.compile(model, x, readout=readout, name=f"s_{readout}", max_frames=1)
        for readout in ("last", "max", "none")
    )
    scores = model(x)[0][:, 0].detach().numpy()
    for net in (last, largest, every):
        host = net._host
        host.reset()
        for step in range(STEPS):
            host.push_frame(x[step, 0].numpy().astype(np.uint16))
            host.step()
            so_far = scores[: step + 1]
            still = np.zeros((STEPS - step - 1, 3), np.float32)
            expected = {
                "s_last": so_far[-1],
                "s_max": so_far.max(0),
                "s_none": np.concatenate([so_far, still]).reshape(-1),
            }[net.name]
            np.testing.assert_allclose(host.scores(), expected, rtol=1e-5, atol=1e-6)


def make():
    return Recorded()


def test_the_manifest_says_how_the_steps_lie(tmp_path):
    source = load_source(
        f"{__name__}:make", Given(input_shape=(6,), time_steps=STEPS, readout="none")
    )
    manifest = folder.write(tmp_path / "out", source, compile_graph(source.graph()))
    assert manifest["scores"]["axes"] == [1, STEPS, 3]
    assert manifest["outputs"][0]["shape"] == [STEPS * 3]


def test_an_earlier_step_alone():
    graph = same(Model(recorded(lambda s, u, v: v[-3])))
    assert ops(graph)[-2:] == ["delay", "time_last"]
