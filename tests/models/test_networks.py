"""Networks: the published parameter counts, the order of layers, and what is refused."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from snnc.errors import BAD_OPTION, BAD_SHAPE, SnncError
from snnc.models.attention import ATTENTION_NAMES
from snnc.models.hyper import check_hyper
from snnc.models.networks import NETWORKS, Network, Vote, build
from snnc.models.neurons import LIF, PLIF, DecayLIF

SMALL_FIVE = {"input_size": (2, 32, 32), "channels": [3, 4, 5, 4, 3], "hidden": 6, "time_steps": 4}


def parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def spikes_of(model: Network, x: Tensor) -> dict[str, Tensor]:
    """Outputs of all neurons of ``model`` by module path."""
    seen: dict[str, Tensor] = {}
    for path, module in model.named_modules():
        if isinstance(module, LIF | DecayLIF):
            module.register_forward_hook(lambda _m, _i, out, path=path: seen.update({path: out}))
    model(x)
    return seen


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("three-layer", 2_323_531),
        ("three-layer-narrow", 546_667),
        ("five-layer", 1_698_933),
        ("five-layer-avg", 1_623_918),
        ("ma-five-layer", 2_098_177),
    ],
)
def test_parameter_counts_of_the_published_networks(name: str, count: int) -> None:
    model = build(name, classes=11)
    assert parameters(model) == count
    assert model.name == name


@pytest.mark.parametrize(
    ("attention", "added"),
    [("none", 0), ("sa", 294), ("tcsa", 24_126), ("asa1", 10_914), ("asa2", 114)],
)
def test_parameters_that_attention_adds_at_60_steps(attention: str, added: int) -> None:
    assert parameters(build("three-layer", attention=attention)) == 2_323_531 + added


def test_published_networks_have_the_published_geometry() -> None:
    wide = build("three-layer")
    assert wide.input_size == (2, 32, 32)
    assert wide.time_steps == 60
    assert wide.get_submodule("fc1.synapse.layers.linear").in_features == 8192
    assert build("five-layer").input_size == (2, 128, 128)
    assert build("five-layer").get_submodule("fc1.synapse.layers.linear").in_features == 2048
    assert parameters(build("five-layer").get_submodule("layer1.neuron")) == 1


def test_three_layer_is_conv_bn_pool_attention_lif() -> None:
    model = build("three-layer", attention="sa", dropout=0.1, fc_batch_norm=True)
    block = model.get_submodule("layer2")
    assert [path for path, _ in block.named_children()] == ["synapse", "attention", "neuron"]
    layers = dict(block.get_submodule("synapse.layers").named_children())
    assert list(layers) == ["dropout", "conv", "bn", "pool"]
    assert isinstance(layers["pool"], nn.AvgPool2d)
    assert "pool" not in dict(model.get_submodule("layer1.synapse.layers").named_children())
    head = dict(model.get_submodule("fc1.synapse.layers").named_children())
    assert list(head) == ["dropout", "flatten", "linear", "bn"]
    neuron = block.get_submodule("neuron")
    assert isinstance(neuron, LIF)
    assert (neuron.v_threshold, neuron.v_reset, neuron.beta) == (0.3, 0.0, 0.3)


def test_five_layer_pools_spikes_before_each_convolution() -> None:
    kinds = {"five-layer": (nn.MaxPool2d, PLIF), "five-layer-avg": (nn.AvgPool2d, DecayLIF)}
    for name, (pool, neuron) in kinds.items():
        model = build(name, **SMALL_FIVE)
        layers = dict(model.get_submodule("layer2.synapse.layers").named_children())
        assert list(layers) == ["pool", "conv", "bn"]
        assert type(layers["pool"]) is pool
        assert type(model.get_submodule("layer2.neuron")) is neuron
        assert isinstance(model.get_submodule("fc1.synapse.layers.pool"), nn.MaxPool2d)


@given(
    name=st.sampled_from(["three-layer", "three-layer-narrow"]),
    attention=st.sampled_from(ATTENTION_NAMES),
    height=st.integers(4, 13),
    width=st.integers(4, 13),
    time_steps=st.integers(1, 5),
    classes=st.integers(1, 7),
    votes=st.integers(1, 3),
    v_reset=st.sampled_from([0.0, None, -0.1]),
)
@settings(max_examples=40, deadline=None)
def test_three_layer_takes_any_size_steps_and_classes(
    name: str,
    attention: str,
    height: int,
    width: int,
    time_steps: int,
    classes: int,
    votes: int,
    v_reset: float | None,
) -> None:
    model = build(
        name,
        input_size=(2, height, width),
        time_steps=time_steps,
        classes=classes,
        attention=attention,
        channels=[3, 4, 5],
        hidden=6,
        votes=votes,
        v_reset=v_reset,
        fc_batch_norm=True,
    )
    scores = model(torch.poisson(torch.ones(time_steps, 2, 2, height, width)))
    assert scores.shape == (2, classes)
    assert scores.min() >= 0.0
    assert scores.max() <= 1.0


@pytest.mark.parametrize("attention", ATTENTION_NAMES)
@pytest.mark.parametrize("name", ["five-layer", "five-layer-avg"])
def test_five_layer_takes_any_attention_and_odd_sizes(name: str, attention: str) -> None:
    hyper = {**SMALL_FIVE, "input_size": (2, 37, 70), "attention": attention, "votes": 3}
    model = build(name, classes=4, **hyper)
    scores = model(torch.poisson(torch.ones(4, 2, 2, 37, 70)))
    assert scores.shape == (2, 4)
    scores.sum().backward()


@pytest.mark.parametrize("attention", ATTENTION_NAMES)
def test_a_sample_does_not_see_its_batch(attention: str) -> None:
    torch.manual_seed(0)
    model = build(
        "three-layer",
        input_size=(2, 9, 10),
        time_steps=6,
        classes=3,
        channels=[4, 4, 4],
        hidden=8,
        attention=attention,
        v_threshold=0.01,
    )
    model = model.double().eval()  # float64: a batch's order of summation flips no spike
    x = torch.poisson(torch.full((6, 4, 2, 9, 10), 0.7)).double()
    whole = {path: spikes.clone() for path, spikes in spikes_of(model, x).items()}
    assert 0.0 < whole["layer3.neuron"].mean() < 1.0
    for n in range(4):
        for path, alone in spikes_of(model, x[:, n : n + 1]).items():
            assert torch.equal(whole[path][:, n : n + 1], alone), path


def test_layers_apply_to_each_step_alone() -> None:
    torch.manual_seed(0)
    model = build("three-layer-narrow", input_size=(2, 9, 7), classes=3, time_steps=5).eval()
    synapse = model.get_submodule("layer1.synapse")
    x = torch.rand(5, 2, 2, 9, 7)
    each = torch.stack([synapse.get_submodule("layers")(x[t]) for t in range(5)])
    torch.testing.assert_close(synapse(x), each, rtol=1e-5, atol=1e-6)


def test_scores_are_the_mean_of_the_last_spikes_over_time_and_votes() -> None:
    torch.manual_seed(0)
    model = build(
        "three-layer-narrow",
        input_size=(2, 8, 8),
        time_steps=5,
        classes=3,
        votes=4,
        v_threshold=0.05,
    ).eval()
    x = torch.poisson(torch.ones(5, 6, 2, 8, 8))
    last = spikes_of(model, x)["fc2.neuron"]
    assert last.shape == (5, 6, 12)
    assert 0.0 < last.mean() < 1.0
    torch.testing.assert_close(model(x), last.reshape(5, 6, 3, 4).mean((0, 3)))
    assert Vote(2)(torch.tensor([[0.0, 1.0, 1.0, 1.0]])).tolist() == [[0.5, 1.0]]


@pytest.mark.parametrize("name", NETWORKS)
def test_name_and_hyper_rebuild_the_network(name: str) -> None:
    size = (2, 64, 64)
    model = build(name, input_size=size, time_steps=3, classes=4, attention="asa1")
    again = build(model.name, **model.hyper)
    assert again.hyper == model.hyper
    assert repr(again) == repr(model)
    shapes = {path: tensor.shape for path, tensor in model.state_dict().items()}
    assert {path: tensor.shape for path, tensor in again.state_dict().items()} == shapes


@pytest.mark.parametrize(
    ("hyper", "said"),
    [
        ({"chanels": [1, 2, 3]}, "'chanels'"),
        ({"classes": 2.0}, "classes"),
        ({"classes": True}, "classes"),
        ({"classes": 0}, "classes"),
        ({"beta": "half"}, "beta"),
        ({"beta": float("nan")}, "beta"),
        ({"beta": 2.0}, "beta"),
        ({"channels": [1, 2]}, "channels"),
        ({"channels": 3}, "channels"),
        ({"pools": [1, 2]}, "channels"),
        ({"pools": [1, 0, 2]}, "pools"),
        ({"attention_sizes": {"kernel": 3}}, "'kernel'"),
        ({"attention_sizes": [3]}, "attention_sizes"),
        ({"attention": "sa", "attention_sizes": {"spatial_kernel": 4}}, "odd kernel"),
        ({"attention": "ca", "attention_sizes": {"channel_reduction": 0}}, "reduction"),
        ({"attention": "asa1", "attention_sizes": {"mix_reduction": 0}}, "mix_reduction"),
        ({"fc_attention": "sa"}, "fc_attention"),
        ({"input_size": [2, 0, 8]}, "input_size"),
        ({"attention": "asa9"}, "asa9"),
        ({"fc_batch_norm": 1}, "fc_batch_norm"),
        ({"dropout": 1.0}, "dropout"),
        ({"dropout_layers": [0, 1]}, "dropout_layers"),
        ({"surrogate": "step"}, "surrogate"),
    ],
)
def test_unusable_hyper_parameters_are_named(hyper: dict[str, object], said: str) -> None:
    with pytest.raises(SnncError) as raised:
        build("three-layer", **hyper)
    assert raised.value.code is BAD_OPTION
    assert said in str(raised.value)


def test_the_name_is_no_hyper_parameter() -> None:
    with pytest.raises(SnncError, match="'name'"):
        check_hyper("three-layer", NETWORKS["three-layer"], {"name": "other"})


def test_unknown_network_and_pool_are_refused() -> None:
    with pytest.raises(SnncError) as raised:
        build("four-layer")
    assert "five-layer-avg" in raised.value.hint
    with pytest.raises(SnncError, match="pool is max or avg"):
        build("five-layer", pool="min")


@pytest.mark.parametrize(("name", "least"), [("three-layer", 4), ("five-layer", 32)])
def test_an_input_too_small_for_the_pools_is_refused(name: str, least: int) -> None:
    build(name, input_size=(2, least, least))
    with pytest.raises(SnncError) as raised:
        build(name, input_size=(2, least, least - 1))
    assert raised.value.code is BAD_SHAPE
    assert f"{least}x{least}" in raised.value.hint
