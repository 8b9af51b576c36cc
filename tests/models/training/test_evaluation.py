"""Accuracy, NASFR, and frames held in memory."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from snnc.errors import BAD_DATA_SPEC, SnncError
from snnc.models.networks import Network, build
from snnc.models.training.evaluation import MemoryFrames, evaluate, to_input

Samples = list[tuple[np.ndarray, int]]


def samples(count: int, most: int = 3, labels: int = 3) -> Samples:
    generator = np.random.default_rng(0)
    return [
        (generator.integers(0, most + 1, (4, 2, 8, 8), dtype=np.uint16), index % labels)
        for index in range(count)
    ]


@pytest.fixture
def model() -> Network:
    torch.manual_seed(0)
    return build(
        "three-layer-narrow",
        input_size=(2, 8, 8),
        time_steps=4,
        classes=3,
        votes=2,
        channels=[3, 4, 5],
        v_threshold=0.02,
    )


def test_nasfr_weights_each_layer_by_its_neurons(model: Network) -> None:
    """By hand: spikes of all spiking layers over neurons × steps × samples."""
    data = samples(7)
    result = evaluate(model, data, batch_size=3)
    model.eval()
    x = to_input(MemoryFrames.of(data, 3).frames)
    rates, neurons = {}, {}
    for name in ("layer1", "layer2", "layer3", "fc1", "fc2"):
        x = model.get_submodule(name)(x).detach()
        rates[f"{name}.neuron"] = x.double().mean().item()
        neurons[f"{name}.neuron"] = x[0, 0].numel()
    assert result.layer_rates == pytest.approx(rates)
    assert neurons["layer1.neuron"] == 3 * 8 * 8
    total = sum(rates[path] * neurons[path] for path in rates) / sum(neurons.values())
    assert result.nasfr == pytest.approx(total)
    assert 0.0 < result.nasfr < 1.0


def test_accuracy_is_the_share_of_highest_scores(model: Network) -> None:
    data = samples(10)
    result = evaluate(model, data, batch_size=4)
    model.eval()
    right = 0
    for frames, label in data:
        scores = model(torch.from_numpy(frames.astype(np.float32))[:, None])
        right += int(scores.argmax()) == label
    assert result.accuracy == right / 10
    assert result.samples == 10


def test_evaluation_leaves_the_model_as_it_was(model: Network) -> None:
    model.train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    first = evaluate(model, samples(5))
    assert evaluate(model, samples(5)) == first
    assert model.training
    assert all(torch.equal(model.state_dict()[key], value) for key, value in before.items())
    assert not any(module._forward_hooks for module in model.modules())


def test_frames_are_kept_small_and_exact() -> None:
    small = MemoryFrames.of(samples(3, most=255), 3)
    assert small.frames.dtype == torch.uint8
    large = MemoryFrames.of(samples(3, most=60_000), 3)
    assert large.frames.dtype == torch.int32
    for data, most in ((small, 255), (large, 60_000)):
        for index, (frames, label) in enumerate(samples(3, most)):
            assert np.array_equal(data.frames[index].numpy(), frames)
            assert int(data.labels[index]) == label
            assert np.array_equal(to_input(data.frames)[:, index].numpy(), frames)


@pytest.mark.parametrize(("data", "said"), [([], "no samples"), (samples(5, labels=4), "label 3")])
def test_unusable_data_are_refused(data: Samples, said: str) -> None:
    with pytest.raises(SnncError) as raised:
        MemoryFrames.of(data, 3)
    assert raised.value.code is BAD_DATA_SPEC
    assert said in raised.value.what


def test_an_unlabelled_sample_is_refused() -> None:
    with pytest.raises(SnncError, match="sample 1 has label -1"):
        MemoryFrames.of([samples(1)[0], (samples(1)[0][0], -1)], 3)
