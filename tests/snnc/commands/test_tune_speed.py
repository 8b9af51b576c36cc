"""snnc compile --tune: the fastest of what was measured stays, says so, and is proven as it is."""

from __future__ import annotations

import json

import numpy as np
import pytest

import snnc as public
from snnc.api import tuning
from snnc.compiler.calibrate import kernel_costs
from snnc.compiler.passes.choose_kernels import CostModel, Prices
from tests.snnc.commands.test_cli import one_sentence

TWO = ["layer2_conv", "layer3_conv", "fc1_linear", "fc2_linear"]
"""The layers that have two kernels."""


@pytest.fixture(scope="module")
def model(vanilla):
    return vanilla


def test_the_fastest_of_what_was_measured_stays(snnc, model, recordings, tmp_path, monkeypatch):
    monkeypatch.setattr(tuning, "STEPS_AT_ONCE", (tuning.MOST_STEPS, 1))  # fewer builds
    data, out = f"nmnist:{recordings}", tmp_path / "out"
    options = ("--calibrate", data, "--tune", 3600, "--json", "-")
    status, text, err = snnc("compile", model, "-o", out, *options)
    assert status == 0
    manifest = json.loads(text)
    report = manifest["options"]["kernels"]
    assert report["by"] == "measurement"
    assert [layer["name"] for layer in report["layers"]] == TWO
    assert all(min(layer["milliseconds"].values()) > 0 for layer in report["layers"])
    first, *others = report["variants"]
    assert (first["dense"], first["threads"]) == ([], 1)
    (chosen,) = (each for each in report["variants"] if each["chosen"])
    assert chosen["least_ms"] == min(each["least_ms"] for each in report["variants"])
    assert {each["steps_at_once"] for each in others} | {first["steps_at_once"]} >= {1}
    used = {layer["name"]: layer.get("kernel", "event") for layer in manifest["layers"]}
    assert [name for name in TWO if used[name] == "dense"] == chosen["dense"]
    assert manifest["options"]["steps_at_once"] == chosen["steps_at_once"]
    assert "(chosen)" in err
    status, text, _ = snnc(
        "verify", model, "--data", data, "--samples", 1, "--compiled", out, "--json", "-"
    )
    assert status == 0
    assert json.loads(text)["passed"]


def test_a_folder_is_verified_with_the_kernels_that_it_has(
    snnc, model, recordings, tmp_path, monkeypatch
):
    """Whoever chose them, and whatever would be chosen now: counts are those of its C."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    price = {"event": Prices(1.0, 1.0, 1.0), "dense": Prices(1.0, 0.0, 0.25)}
    keys = [(op, kernel) for op in ("conv2d", "linear") for kernel in price]
    kernel_costs.save(CostModel(kernel_costs.cpu_name(), {key: price[key[1]] for key in keys}))
    out = tmp_path / "out"
    status, text, _ = snnc("compile", model, "-o", out, "--density", 0.9, "--json", "-")
    assert status == 0
    dense = [each["name"] for each in json.loads(text)["layers"] if each.get("kernel") == "dense"]
    assert dense == ["layer2_conv", "layer3_conv"]  # the linear ones take several steps at once
    data = f"nmnist:{recordings}"
    status, text, _ = snnc(
        "verify", model, "--data", data, "--samples", 1, "--compiled", out, "--json", "-"
    )
    assert status == 0
    assert json.loads(text)["counts"]["mismatches"] == []


@pytest.mark.parametrize(
    "options",
    [(), ("--density", 0.1), ("--max-ram", "1M"), ("--package", "cmake")],
    ids=["no data", "density", "memory", "package"],
)
def test_what_cannot_be_tuned(snnc, model, tmp_path, options):
    data = ("--calibrate", "gesture-sim") if options else ()
    status, _, err = snnc("compile", model, "-o", tmp_path / "out", "--tune", 2, *data, *options)
    assert status == 2
    one_sentence(err, "SNNC-E305")
    assert not (tmp_path / "out").exists()


def small():
    """A network whose C compiles quickly, and two windows for it."""
    size, narrow = (2, 8, 8), {"channels": (4, 5, 6), "hidden": 7}
    network = public.build("three-layer", attention="none", input_size=size, time_steps=3, **narrow)
    return network, np.random.default_rng(0).poisson(0.3, (2, 3, 1, *size))


def test_when_the_time_is_up_the_rest_is_named(monkeypatch):
    """Only what would be compiled anyway is built then, and it is chosen."""
    monkeypatch.setattr(tuning.Budget, "has_room", False)
    network, x = small()
    net = public.compile(network, x[0], calibrate=x, tune=1.0)
    plain = public.compile(network, x[0])
    assert net.source == plain.source
    np.testing.assert_array_equal(net(x[0]), plain(x[0]))
    report = net._choice.report
    assert [each["chosen"] for each in report["variants"]] == [True]
    assert report["layers"] == []
    assert report["left_out"] == [
        "dense kernels, layer by layer",
        "no layer dense, 1 steps at once, 1 threads",
    ]


def test_integers_have_steps_at_once_to_choose(monkeypatch):
    """And the slower ways are not taken: here those that take several steps at once."""
    network, x = small()
    least = tuning.Timed.least.fget
    slow = property(lambda each: least(each) * (1000.0 if each.variant.batch > 1 else 1.0))
    monkeypatch.setattr(tuning.Timed, "least", slow)
    net = public.compile(network, x[0], dtype="int8", calibrate=x, tune=3600.0)
    report = net._choice.report
    assert [each["steps_at_once"] for each in report["variants"]] == [3, 1]
    assert [each["chosen"] for each in report["variants"]] == [False, True]
    assert "_batch" not in net.source
    usual = public.compile(network, x[0], dtype="int8", calibrate=x)
    assert "_batch" in usual.source
    np.testing.assert_array_equal(net(x[0]), usual(x[0]))
