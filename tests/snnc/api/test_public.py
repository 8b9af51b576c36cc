"""Every public name of snnc is documented, and the examples in the documentation run."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
import re

import pytest

import snnc
import snnc.api
from snnc.api.words import python_words
from snnc.errors import CODES

MODULES = [f"snnc.api.{module.name}" for module in pkgutil.iter_modules(snnc.api.__path__)]
OURS = sorted(name for name, home in snnc._HOMES.items() if home.startswith("snnc.api"))


@pytest.mark.parametrize("module", MODULES)
def test_examples_run(module):
    assert doctest.testmod(importlib.import_module(module)).failed == 0


@pytest.mark.parametrize("name", OURS)
def test_every_public_name_has_an_example(name):
    assert ">>>" in inspect.getdoc(getattr(snnc, name))


@pytest.mark.parametrize("name", OURS)
def test_every_public_member_is_documented(name):
    thing = getattr(snnc, name)
    if inspect.isclass(thing):
        for member, value in vars(thing).items():
            if not member.startswith("_") and callable(getattr(value, "fget", value)):
                assert inspect.getdoc(value), f"{name}.{member}"


@pytest.mark.parametrize("name", ["compile", "check", "energy"])
def test_every_argument_is_explained(name):
    function = getattr(snnc, name)
    text = inspect.getdoc(function)
    for argument in inspect.signature(function).parameters:
        assert re.search(rf"^    {argument}: ", text, re.MULTILINE), argument


def test_names_are_found_without_importing_torch_first():
    assert set(snnc._HOMES) <= set(snnc.__all__)
    for name in snnc.__all__:
        assert getattr(snnc, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        snnc.nothing  # noqa: B018


def test_advice_of_every_error_code_speaks_python():
    for entry in CODES.values():
        spoken = python_words(entry.hint)
        assert not re.search(r"(^|\s)--[a-z]", spoken), spoken
        assert "MODEL" not in spoken, spoken


@pytest.mark.parametrize(
    ("said", "spoken"),
    [
        ("--dtype int8 needs --calibrate DATA", "dtype='int8' needs calibrate=DATA"),
        ("Give --readout mean or --readout sum.", "Give readout='mean' or readout='sum'."),
        ("Leave out --max-ram.", "Leave out max_ram=."),
        ("more than --max-flash 512; the", "more than max_flash=512; the"),
        ("Run `snnc check MODEL`: it lists", "Run `snnc.check(model, x)`: it lists"),
        ("a dash - and -- stay", "a dash - and -- stay"),
    ],
)
def test_flags_become_arguments(said, spoken):
    assert python_words(said) == spoken
