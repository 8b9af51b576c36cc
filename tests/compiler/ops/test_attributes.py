"""A wrong, missing or misspelt attribute is an error that names it, whoever built the node."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import snnc
from snnc.compiler.frontend.torch_fx import import_module
from snnc.compiler.ir.graph import Kind, Location, Node, TensorType
from snnc.compiler.ops import COMPOSITES, OPS, inference
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


def refusal(attrs: dict, params: dict | None = None, op: str = "neuron") -> SnncError:
    given = [TensorType((4,), Kind.REAL)]
    node = Node("n", op, ("x",), given[0], attrs, params or {}, Location("net.lif"))
    with pytest.raises(SnncError) as refused:
        inference.infer(node, given, dict.fromkeys(params or {}))
    assert refused.value.code is BAD_ATTRIBUTE
    assert refused.value.where == "net.lif"
    return refused.value


@pytest.mark.parametrize("name", NEURON)
def test_a_missing_attribute_is_named(name):
    attrs = {key: value for key, value in NEURON.items() if key != name}
    assert f"neuron needs the attribute {name!r}" in refusal(attrs).what


def test_a_misspelt_attribute_is_named_with_what_was_meant():
    error = refusal({**NEURON, "treshold": 0.9})
    assert error.what == "neuron has no attribute 'treshold' (did you mean 'threshold'?)"
    assert "threshold" in error.mend


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
    error = refusal({**NEURON, name: value})
    assert f"attribute {name!r} of neuron is {value!r}, and it takes {takes}" == error.what


@pytest.mark.parametrize("value", [(1,), (1, 0), [1, 1], (1, 1.0), 1, (True, True)])
def test_sizes_are_a_tuple_of_whole_numbers(value):
    attrs = {"stride": value, "padding": (0, 0, 0, 0), "dilation": (1, 1), "groups": 1}
    assert "'stride' of conv2d" in refusal(attrs, op="conv2d").what


def test_parameters_are_checked_like_attributes():
    assert "no parameter 'leak'" in refusal(NEURON, {"leak": "n.leak"}).what
    conv = {"stride": (1, 1), "padding": (0, 0, 0, 0), "dilation": (1, 1), "groups": 1}
    assert refusal(conv, {"bias": "n.bias"}, "conv2d").what == "conv2d needs the parameter 'weight'"


@pytest.mark.parametrize("name", [*OPS, *COMPOSITES])
def test_every_sample_of_every_op_is_as_declared(name):
    """And each required attribute of each op is missed when it is not there."""
    op = {**OPS, **COMPOSITES}[name]
    declared = {attribute.name for attribute in op.attributes}
    assert len(declared) == len(op.attributes)
    for sample in op.samples() if name in OPS else ():
        assert set(sample.attrs) <= declared
        for attribute in op.attributes:
            assert attribute.name in sample.attrs or not attribute.required
            if attribute.name in sample.attrs:
                assert attribute.valid(sample.attrs[attribute.name])
                assert not attribute.valid(object())


def test_a_parameter_stands_for_the_attribute_of_its_name():
    given = [TensorType((4,), Kind.REAL)]
    for attrs in ({**NEURON, "beta": None}, {k: v for k, v in NEURON.items() if k != "beta"}):
        node = Node("n", "neuron", ("x",), given[0], attrs, {"beta": "n.beta"})
        assert inference.infer(node, given, {"beta": np.full(4, 0.5)}).kind is Kind.SPIKE
        assert "'beta'" in refusal(attrs).what


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
        return importing.add(path, "neuron", inputs, given)

    with pytest.raises(SnncError) as refused:
        import_module(nn.Sequential(Quarter()) if nested else Quarter(), (4,), 3)
    assert refused.value.code is BAD_ATTRIBUTE
    assert f"'{named}'" in str(refused.value)
