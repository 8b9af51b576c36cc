"""Thresholds: one a layer, kept in the checkpoint, and raised only as far as accuracy bears."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from snnc.errors import BAD_CHECKPOINT, BAD_OPTION, SnncError
from snnc.models.checkpoints import load, save
from snnc.models.networks import build
from snnc.models.thresholds import raise_thresholds, set_thresholds, thresholds_of
from tests.support.networks.lively import lively_checkpoint, lively_network, write_nmnist

THRESHOLDS = [0.3, 0.45, 0.6, 0.3, 0.2]


def test_thresholds_survive_the_checkpoint_and_reach_the_compiled_network(tmp_path: Path) -> None:
    from snnc.compiler.frontend.source import load_source

    path = lively_checkpoint(tmp_path / "plain.pt")
    loaded = load(path)
    set_thresholds(loaded.model, loaded.model.hyper, THRESHOLDS)
    save(loaded.model, tmp_path / "tuned.pt", input=loaded.input)
    again = load(tmp_path / "tuned.pt")
    assert thresholds_of(again.model) == THRESHOLDS
    x = torch.poisson(torch.full((6, 2, 2, 34, 34), 0.3))
    assert torch.equal(again.model(x), loaded.model(x))
    graph = load_source(str(tmp_path / "tuned.pt")).graph()
    found = [node.op.threshold for node in graph.nodes if node.op.name == "neuron"]
    assert found == pytest.approx(THRESHOLDS)


def test_any_network_takes_thresholds() -> None:
    sizes: dict[str, Any] = {"channels": [2, 2, 2, 2, 2], "hidden": 4}
    network = build("five-layer", input_size=[2, 32, 32], **sizes, v_thresholds=[1.5] * 7)
    assert thresholds_of(network) == [1.5] * 7
    assert network.hyper["v_thresholds"] == [1.5] * 7


@pytest.mark.parametrize("given", [[0.3], "high", [0.3, 0.3, 0.3, 0.3, float("nan")], 0.3])
def test_other_thresholds_are_refused(given: Any) -> None:
    with pytest.raises(SnncError, match="v_thresholds is a list of 5") as raised:
        build("three-layer", v_thresholds=given)
    assert raised.value.code is BAD_OPTION


def test_a_file_with_other_thresholds_is_refused(tmp_path: Path) -> None:
    path = lively_checkpoint(tmp_path / "model.pt")
    content = torch.load(path, weights_only=True)
    content["hyper"]["v_thresholds"] = [0.3]
    torch.save(content, path)
    with pytest.raises(SnncError, match="v_thresholds") as raised:
        load(path)
    assert raised.value.code is BAD_CHECKPOINT


def test_raises_stop_where_accuracy_falls() -> None:
    """A network that bears 0.3 * 2 in its first layer, nothing in its last, anything elsewhere."""
    network = lively_network()

    def measure() -> tuple[float, float]:
        first, *_, last = thresholds = thresholds_of(network)
        return (1.0 if first <= 0.6 and last <= 0.3 else 0.9), 1.0 / sum(thresholds)

    raises = list(raise_thresholds(network, measure, factor=2.0, rounds=3))
    assert thresholds_of(network) == pytest.approx([0.6, 2.4, 2.4, 2.4, 0.3])
    assert len(raises) == 1 + 3 * 3
    assert all(entry.accuracy == 1.0 for entry in raises)
    assert [entry.nasfr for entry in raises] == sorted((e.nasfr for e in raises), reverse=True)

    more = list(raise_thresholds(network, measure, factor=2.0, rounds=1, tolerance=0.2))
    assert len(more) == 5


def test_raises_that_save_nothing_are_taken_back() -> None:
    network = lively_network()
    assert not list(raise_thresholds(network, lambda: (1.0, 0.5), factor=2.0))
    assert thresholds_of(network) == [0.3] * 5


def test_a_factor_that_does_not_raise_is_refused() -> None:
    with pytest.raises(SnncError) as raised:
        next(raise_thresholds(lively_network(), lambda: (1.0, 0.5), factor=1.0))
    assert raised.value.code is BAD_OPTION


def test_the_command_writes_a_tuned_model(snnc: Any, tmp_path: Path) -> None:
    model = lively_checkpoint(tmp_path / "model.pt", "asa1")
    data = f"nmnist:{write_nmnist(tmp_path / 'nmnist')}"
    status, out, _ = snnc(
        "tune", model, "--data", data, "-o", tmp_path / "tuned.pt", "--rounds", "1",
        "--tolerance", "1", "--json", "-",
    )  # fmt: skip
    assert status == 0
    result = json.loads(out)
    tuned = load(tmp_path / "tuned.pt")
    assert thresholds_of(tuned.model) == pytest.approx(result["thresholds"])
    assert result["after"]["nasfr"] < result["before"]["nasfr"]
    assert tuned.card["nasfr"] == result["after"]["nasfr"]
    assert {entry["threshold"] for entry in result["raises"]} == {0.3 * 1.25}
