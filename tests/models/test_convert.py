"""snnc convert: weights of the paper authors' networks as models of ours."""

from __future__ import annotations

import os

import pytest
import torch

import snnc as package
from snnc.models.networks import build

SHAPES = {"input_size": (2, 32, 32), "time_steps": 4, "classes": 3}


def theirs(model, five):
    """The model's weights under the names that the authors' code gives them."""
    one_matrix = model.hyper["attention_sizes"].get("mix_reduction") == 1
    layer, head = ("{}.0", "{}.1") if five else ("{}", "{}")
    linear, state = ("fc" if five else "linear.0"), {}
    for key, value in model.state_dict().items():
        block, rest = key.split(".", 1)
        number = int(block[-1]) - 1
        convolution = block.startswith("layer")
        place = (
            f"ConvAttLIFs.{layer.format(number)}" if convolution else f"FCs.{head.format(number)}"
        )
        for ours, name in {
            "synapse.layers.conv": "conv.0",
            "synapse.layers.linear": linear,
            "synapse.layers.bn": "bn.0",
            "neuron": "spike.0",
            "attention.mix.alpha": "attn.alpha",
            "attention.mix.gamma": "attn.beta",
            "attention.mix.reduce": "attn.fc.0",
            "attention.mix.expand": "attn.fc" if one_matrix else "attn.fc.2",
            "attention.score1.conv": "attn.conv1",
            "attention.score2.conv": "attn.conv2",
        }.items():
            rest = rest.replace(ours, name)
        state[f"{place}.{rest}"] = value[None] if rest.startswith(("attn.a", "attn.b")) else value
    return state


def make(network, attention, **more):
    torch.manual_seed(3)
    return build(network, attention=attention, **SHAPES, **more).eval()


OPTIONS = ("--time-steps", 4, "--dt-us", 1000, "--sensor", 32, 32)


@pytest.mark.parametrize(
    ("network", "more"),
    [
        ("three-layer", {"channels": (4, 5, 6), "hidden": 7, "fc_batch_norm": True}),
        ("five-layer", {"channels": (4, 5, 6, 7, 8), "hidden": 9}),
        ("five-layer-avg", {"channels": (4, 5, 6, 7, 8), "hidden": 9}),
    ],
)
@pytest.mark.parametrize(
    ("attention", "sizes"),
    [("none", {}), ("asa1", {}), ("asa1", {"mix_reduction": 1}), ("asa1", {"mix_reduction": 4})],
)
def test_weights_arrive(network, more, attention, sizes, snnc, tmp_path):
    model = make(network, attention, attention_sizes=sizes, **more)
    torch.save(theirs(model, network.startswith("five")), tmp_path / "theirs.pth")
    out = tmp_path / "model.pt"
    status, _, err = snnc(
        "convert", tmp_path / "theirs.pth", "--network", network, *OPTIONS, "-o", out
    )
    assert status == 0, err
    loaded = package.load(out).model
    assert loaded.hyper == model.hyper
    for key, value in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[key], value), key


class Trap:
    def __reduce__(self):
        return (os.mkdir, ("sprung",))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda s: s | {"extra.weight": torch.ones(1)}, "extra.weight is none of"),
        (lambda s: {k: v for k, v in s.items() if "bn.0.bias" not in k}, "lacks layer1"),
        (lambda s: s | {"ConvAttLIFs.0.attn.fc.weight": torch.ones(4, 4)}, "lacks layer1.att"),
        (lambda s: s | {"convAttLIF0.network.ConvIF.alpha": torch.ones(1)}, "ConvIF.alpha is none"),
        (lambda s: s | {"FCs.1.linear.0.weight": torch.ones(3, 8)}, "fc2.synapse"),
        (lambda s: {"a": s, "b": s}, "holds 2 dictionaries"),
        (lambda s: [1, 2], "holds 0 dictionaries"),
        (lambda s: s | {"ConvAttLIFs.0.bn.0.bias": torch.full((4,), torch.nan)}, "NaN"),
        (lambda s: s | {"x": Trap()}, "without running code"),
    ],
)
def test_other_files_are_refused_in_one_sentence(change, says, snnc, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = make("three-layer", "none", channels=(4, 5, 6), hidden=7)
    torch.save(change(theirs(model, five=False)), "theirs.pth")
    status, _, err = snnc(
        "convert", "theirs.pth", "--network", "three-layer", *OPTIONS, "-o", "model.pt"
    )
    assert status == 2
    assert says in err
    assert len(err.strip().splitlines()) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["theirs.pth"]
