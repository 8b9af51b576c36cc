"""The four views: by hand, their sums, their JSON, and what is said where they disagree."""

from __future__ import annotations

import json
from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from snnc.errors import SnncError
from snnc.estimator import tables
from snnc.estimator.activity import observe
from snnc.estimator.conventions import CONVENTIONS
from snnc.estimator.energy import Estimate
from snnc.estimator.memory_access import Accesses
from snnc.estimator.survey import Survey
from snnc.estimator.terminal import print_views
from snnc.estimator.views import (
    Change,
    View,
    Views,
    changes,
    disagree,
    layer_names,
    views_json,
    views_of,
)
from snnc.estimator.views.sram import at_sizes
from snnc.estimator.views.words import headline
from tests.support.counting import ByHand, by_hand_frames, interpret, network_of

TABLE = tables.load("horowitz-f32")


def surveyed(gate: bool, convention: str = "executed", table=TABLE) -> tuple[Views, Accesses]:
    network = network_of(ByHand(gate), (1, 4, 4), 2)
    rules = [CONVENTIONS[name] for name in dict.fromkeys((convention, "executed"))]
    survey = Survey(network, rules, memory=True)
    for activity in observe(network, [by_hand_frames()], interpret):
        survey.add(activity)
    estimates = {name: Estimate(tally, table) for name, tally in survey.tallies.items()}
    found = views_of(estimates, survey.accesses, convention)
    assert found is not None
    assert views_of(estimates, None, convention) is None
    assert views_of({"paper": estimates["executed"]}, survey.accesses, "paper") is None
    assert survey.accesses is not None
    return found, survey.accesses


def views_by_hand(gate: bool, convention: str = "executed", table=TABLE) -> Views:
    return surveyed(gate, convention, table)[0]


def test_views_by_hand() -> None:
    """The counts of test_estimator_energy (34 MAC, 30 AC, 89 mul, 89 add, 86 cmp)."""
    views = views_by_hand(False)
    assert views.eq11.energy_pj == pytest.approx(4.6 * 34 + 0.9 * 30)
    executed = views.eq11.energy_pj + 3.7 * 89 + 0.9 * (89 + 86)
    assert views.executed.energy_pj == pytest.approx(executed)
    assert views.memory is not None
    assert views.device is not None
    assert views.device.energy_pj == pytest.approx(executed + views.memory.energy_pj)
    assert views.device.layers.keys() >= {"layer1", "layer2", "layer3", "readout"}


def test_eq11_follows_the_convention_and_the_others_what_is_executed() -> None:
    ours, rule = views_by_hand(True), views_by_hand(True, "dense")
    assert rule.eq11.energy_pj != ours.eq11.energy_pj
    assert rule.executed == ours.executed
    assert rule.device == ours.device


def test_a_table_without_memory_prices_has_no_view_of_it() -> None:
    views = views_by_hand(False, table=replace(TABLE, memory=None))
    assert [view.name for view in views] == ["eq11", "executed"]
    result = views_json(changes(views))
    assert list(result) == ["eq11", "executed", "memory", "device"]
    assert result["memory"] is None
    assert result["device"] is None


def test_sram_sensitivity_leaves_the_operations_and_ends_with_all_on_chip() -> None:
    networks = [(*surveyed(gate), ()) for gate in (True, False)]
    assert TABLE.memory is not None
    found = at_sizes(networks, replace(TABLE.memory, on_chip_bytes=12))
    assert [entry.title for entry in found] == ["64 KiB", "256 KiB", "1,024 KiB", "all"]
    for entry in found:  # these networks fit everywhere
        assert entry.memory.energy_pj == found[-1].memory.energy_pj
        operations = entry.device.energy_pj - entry.memory.energy_pj
        assert operations == pytest.approx(
            networks[0][0].executed.energy_pj - networks[1][0].executed.energy_pj
        )
    assert json.loads(json.dumps(found[0].as_json()))["on_chip_bytes"] == 65536
    small = views_by_hand(True, table=TABLE.with_sram(12))
    assert small.memory is not None
    assert small.memory.energy_pj > networks[0][0].memory.energy_pj
    assert small.machine.endswith("0.01172 KiB of SRAM on chip, DRAM beyond")
    with pytest.raises(SnncError, match="no prices for memory"):
        replace(TABLE, memory=None).with_sram(12)


def test_json_holds_every_view_and_its_layers_add_up() -> None:
    found = changes(views_by_hand(True), views_by_hand(False))
    result = json.loads(json.dumps(views_json(found), allow_nan=False))
    for view in result.values():
        assert view["delta"] == pytest.approx(view["model"] - view["baseline"])
        for key in ("baseline", "model", "delta"):
            assert view[key] == pytest.approx(sum(layer[key] for layer in view["layers"]))
    alone = views_json(changes(views_by_hand(True)))
    assert all(view["baseline"] is view["delta"] is None for view in alone.values())


def change(name: str, model: float, baseline: float) -> Change:
    return Change(View(name, {"layer1": model}), View(name, {"layer1": baseline, "old": 0.0}))


def test_the_first_line_says_where_views_disagree() -> None:
    opposite = [change("eq11", 1e6, 2e6), change("executed", 3e6, 3e6), change("memory", 9e6, 6e6)]
    assert disagree(opposite)
    assert headline("ours", "theirs", opposite, 2) == (
        "The views disagree: against theirs, ours saves by Eq. 11 (-500 nJ, -50.0%) and costs by "
        "memory traffic (+1.5 µJ, +50.0%) and costs nothing more by everything executed (0, +0.0%)"
        " a recording."
    )
    same = [change("eq11", 1e6, 2e6), change("executed", 2e6, 3e6)]
    assert not disagree(same)
    assert headline("ours", "theirs", same, 1) == (
        "ours saves energy against theirs in every view: Eq. 11 (-1 µJ, -50.0%) and everything "
        "executed (-1 µJ, -33.3%) a recording."
    )
    unsure = Change(View("memory", {"a": 2e6}, (0.0, 2e6)), View("memory", {"a": 3e6}, (2e6, 1e6)))
    assert headline("ours", "theirs", [unsure], 2) == (
        "ours saves energy against theirs: memory traffic (-500 nJ, -33.3%, its interval holds 0) "
        "a recording."
    )
    alone = [Change(View("eq11", {"a": 5.0})), Change(View("device", {"a": 7.0}))]
    assert headline("ours", None, alone, 1) == (
        "ours spends 5 pJ by Eq. 11 and 7 pJ by device total a recording."
    )
    assert layer_names(opposite) == ["layer1"]


@pytest.mark.parametrize("baseline", [None, "plain"])
def test_terminal_prints_every_view_in_80_columns(baseline: str | None) -> None:
    text = StringIO()
    other = views_by_hand(False) if baseline else None
    found = changes(views_by_hand(True), other)
    print_views(Console(file=text, width=80), found, 1)
    lines = text.getvalue().splitlines()
    for title in ("Eq. 11", "everything executed", "memory traffic", "device total"):
        assert any(line.startswith(title) for line in lines), title
    assert "…" not in text.getvalue()
