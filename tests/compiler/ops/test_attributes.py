"""A wrong, missing or misspelt attribute is an error that names it, whoever built the node."""

from __future__ import annotations

import copy
import dataclasses
import pickle

import numpy as np
import pytest
import torch
from torch import nn

import snnc
from snnc.compiler.frontend.torch_fx import import_module
from snnc.compiler.ir.graph import Kind, Location, Node, TensorType
from snnc.compiler.ops import COMPOSITES, OPS, Conv2d, Delay, Neuron, Op, inference
from snnc.errors import BAD_ATTRIBUTE, SnncError

NEURON = {
    "beta": 0.25,
    "drift": 0.0,
    "gain": 1.0,
    "threshold": 0.5,
    "strict": False,
    "reset_mode": "hard",
    "reset": 0.0,
    "initial": 0.0,
}


def refusal(attributes: dict, params: dict | None = None, op: type[Op] = Neuron) -> SnncError:
    """Of an op that is built, or of a node that holds it."""

    def build() -> None:
        given = [TensorType((4,), Kind.REAL)]
        node = Node("n", op(**attributes), ("x",), given[0], params or {}, Location("net.lif"))
        inference.infer(node, given, dict.fromkeys(params or {}))

    with pytest.raises(SnncError) as refused:
        build()
    assert refused.value.code is BAD_ATTRIBUTE
    return refused.value


@pytest.mark.parametrize("name", NEURON)
def test_a_missing_attribute_is_named(name):
    attributes = {key: value for key, value in NEURON.items() if key != name}
    error = refusal(attributes)
    assert f"neuron needs the attribute {name!r}" in error.what
    assert name in error.hint


def test_a_misspelt_attribute_is_named_with_what_was_meant():
    error = refusal({**NEURON, "treshold": 0.9})
    assert error.what == "neuron has no attribute 'treshold' (did you mean 'threshold'?)"
    assert "threshold" in error.hint


def test_attributes_are_given_by_name():
    with pytest.raises(SnncError, match="the attributes of delay are given by their names"):
        Delay(3)


@pytest.mark.parametrize(
    ("name", "value", "takes"),
    [
        ("beta", "0.25", "a number"),
        ("beta", float("nan"), "a number"),
        ("beta", True, "a number"),
        ("strict", "no", "True or False"),
        ("strict", 1, "True or False"),
        ("reset_mode", "sof", "hard, soft, none or clear"),
    ],
)
def test_a_value_of_another_kind_is_named(name, value, takes):
    said = f"attribute {name!r} of neuron is {value!r}, and it takes {takes}"
    assert refusal({**NEURON, name: value}).what == said
    with pytest.raises(SnncError) as refused:
        dataclasses.replace(Neuron(**NEURON), **{name: value})
    assert refused.value.what == said


@pytest.mark.parametrize("value", [(1,), (1, 0), [1, 1], (1, 1.0), 1, (True, True)])
def test_sizes_are_a_tuple_of_whole_numbers(value):
    attributes = {"stride": value, "padding": (0, 0, 0, 0), "dilation": (1, 1), "groups": 1}
    assert "'stride' of conv2d" in refusal(attributes, op=Conv2d).what


def test_parameters_are_checked_like_attributes():
    error = refusal(NEURON, {"leak": "n.leak"})
    assert "no parameter 'leak'" in error.what
    assert error.where == "net.lif"
    conv = {"stride": (1, 1), "padding": (0, 0, 0, 0), "dilation": (1, 1), "groups": 1}
    assert refusal(conv, {"bias": "n.bias"}, Conv2d).what == "conv2d needs the parameter 'weight'"


def test_an_op_does_not_change():
    op = Neuron(**NEURON)
    with pytest.raises(dataclasses.FrozenInstanceError):
        op.beta = 0.5
    assert dataclasses.replace(op, beta=0.5).beta == 0.5
    assert op == Neuron(**NEURON)
    assert op != dataclasses.replace(op, beta=0.5)
    assert hash(op) == hash(copy.deepcopy(op)) == hash(pickle.loads(pickle.dumps(op)))


ATTRIBUTES = [(op, entry.name) for op in (OPS | COMPOSITES).values() for entry in op.fields()]


@pytest.mark.parametrize(("op", "name"), ATTRIBUTES, ids=lambda part: getattr(part, "name", part))
def test_every_attribute_of_every_op_is_checked(op, name):
    """A value that none takes, and a name that none has, are refused by their names; so is what
    must be there and is not."""
    sample = next(iter(op.samples()), None) if issubclass(op, Op) else None
    good = dict.fromkeys((entry.name for entry in op.fields()), None)
    if sample is not None:
        good = {entry: getattr(sample.op, entry) for entry in good}
    for wrong, named in ({name: object()}, name), ({f"{name}x": 1}, f"{name}x"):
        with pytest.raises(SnncError) as refused:
            op(**{**good, **wrong} if sample is not None else wrong)
        assert refused.value.code is BAD_ATTRIBUTE
        assert f"{named!r}" in refused.value.what
    (declared,) = (entry for entry in op.fields() if entry.name == name)
    if declared.default is dataclasses.MISSING and sample is not None:
        with pytest.raises(SnncError, match=f"needs the attribute '{name}'"):
            op(**{key: value for key, value in good.items() if key != name})


@pytest.mark.parametrize("name", OPS)
def test_every_sample_is_of_its_op(name):
    assert all(type(sample.op) is OPS[name] for sample in OPS[name].samples())


def test_a_parameter_stands_for_the_attribute_of_its_name():
    given = [TensorType((4,), Kind.REAL)]
    for values in ({**NEURON, "beta": None}, {k: v for k, v in NEURON.items() if k != "beta"}):
        node = Node("n", Neuron(**values), ("x",), given[0], {"beta": "n.beta"})
        assert inference.infer(node, given, {"beta": np.full(4, 0.5)}).kind is Kind.SPIKE
        assert "'beta'" in refusal(values).what


@pytest.mark.parametrize("nested", [True, False])
@pytest.mark.parametrize(
    ("wrong", "named"),
    [({"treshold": 1.0}, "treshold"), ({"strict": "no"}, "strict"), ({"initial": None}, "initial")],
)
def test_a_users_importer_gets_the_same_sentence(wrong, named, nested):
    """Also where what PyTorch executes could be read without the importer."""

    class Quarter(nn.Module):
        def forward(self, x):
            u, spikes = torch.zeros_like(x[0]), []
            for step in x:
                u = 0.25 * u + step
                spikes.append((u >= 0.5).to(x.dtype))
                u = torch.where(u >= 0.5, 0.0, u)
            return torch.stack(spikes)

    @snnc.importer(Quarter)
    def _quarter(importing, module, path, inputs):
        given = {key: value for key, value in {**NEURON, **wrong}.items() if value is not None}
        return importing.add(path, Neuron(**given), inputs)

    with pytest.raises(SnncError) as refused:
        import_module(nn.Sequential(Quarter()) if nested else Quarter(), (4,), 3)
    assert refused.value.code is BAD_ATTRIBUTE
    assert f"'{named}'" in str(refused.value)
    assert refused.value.where == ("0" if nested else "Quarter")
