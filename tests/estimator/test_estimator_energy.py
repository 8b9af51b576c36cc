"""Energy tables, ΔE and what follows from it, and the JSON contract."""

from __future__ import annotations

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from snnc.errors import BAD_ENERGY_TABLE, BAD_OPTION, SnncError
from snnc.estimator import tables
from snnc.estimator.conventions import CONVENTIONS
from snnc.estimator.counts import Tally
from snnc.estimator.energy import Comparison, Estimate, energy_json
from snnc.estimator.terminal import print_energy
from snnc.estimator.units import brief, count_text, energy_text
from tests.support.counting import ByHand, by_hand_frames, counted, network_of
from tests.support.networks.lively import lively_network

TABLE = tables.load("horowitz-f32")


@pytest.fixture(scope="module")
def estimates() -> dict[str, Estimate]:
    """A lively pair on the same three recordings."""
    rng = np.random.default_rng(2)
    recordings = list(rng.poisson(0.4, (3, 4, 2, 12, 12)))
    found = {}
    for name in ("asa1", "none"):
        model = lively_network(name, input_size=(2, 12, 12), time_steps=4)
        tally = counted(network_of(model, (2, 12, 12), 4), recordings, "executed")["executed"]
        found[name] = Estimate(tally, TABLE)
    return found


@pytest.fixture
def comparison(estimates: dict[str, Estimate]) -> Comparison:
    return Comparison(estimates["asa1"], estimates["none"])


def test_bundled_tables_hold_horowitz_figures() -> None:
    figures = {
        name: (table.ac, table.mac, table.mul, table.add)
        for name, table in tables.bundled().items()
    }
    assert figures == {
        "horowitz-f16": (0.4, 1.5, 1.1, 0.4),
        "horowitz-f32": (0.9, 4.6, 3.7, 0.9),
        "horowitz-int32": (0.1, 3.2, 3.1, 0.1),
        "horowitz-int8": (0.03, 0.23, 0.2, 0.03),
    }
    for table in tables.bundled().values():
        assert table.mac == pytest.approx(table.mul + table.add)
        assert "Horowitz" in table.source


OPERATIONS = "[operations]\nac = 0.1\nmac = 0.5\nmul = 0.4\nadd = 0.1\ncmp = 0\n"


def test_a_user_s_table_is_read(tmp_path: Path) -> None:
    file = tmp_path / "ours.toml"
    file.write_text(f'title = "28 nm"\nsource = "measured"\n{OPERATIONS}')
    table = tables.load(str(file))
    assert (table.name, table.title, table.source, table.note) == ("ours", "28 nm", "measured", "")
    assert (table.ac, table.mac, table.mul, table.add, table.cmp) == (0.1, 0.5, 0.4, 0.1, 0.0)
    assert table.ratio == 5.0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("title = ", "is not TOML"),
        ('source = "s"\n' + OPERATIONS, "'title' must be a text"),
        ('title = "t"\n' + OPERATIONS, "'source' must be a text"),
        ('title = "t"\nsource = " "\n' + OPERATIONS, "'source' must be a text"),
        ('title = "t"\nsource = "s"\n', r"no section \[operations\]"),
        ('title = "t"\nsource = "s"\nunit = "J"\n' + OPERATIONS, "nobody reads: unit"),
        ('title = "t"\nsource = "s"\n' + OPERATIONS + "fma = 1\n", "reads: operations.fma"),
        ('title = "t"\nsource = "s"\nmemory = 3\n' + OPERATIONS, r"no section \[memory\]"),
        ('title = "t"\nsource = "s"\n' + OPERATIONS + "[memory]\n", "sram_bytes must be a list"),
        (
            'title = "t"\nsource = "s"\n' + OPERATIONS + "[memory]\naccess_bits = 64\n"
            "sram_bytes = [64, 32]\nsram_pj = [1, 2]\ndram_pj = 9\n",
            "sram_bytes must rise",
        ),
        (
            'title = "t"\nsource = "s"\n' + OPERATIONS + "[memory]\naccess_bits = 64\n"
            "sram_bytes = [32]\nsram_pj = [1]\ndram_pj = 9\non_chip_bytes = 0.5\n",
            "on_chip_bytes must be a whole number above 0, not 0.5",
        ),
        ('title = "t"\nsource = "s"\n' + OPERATIONS.replace("0.5", "-1"), "mac must be .* not -1"),
        (
            'title = "t"\nsource = "s"\n' + OPERATIONS.replace("0.5", "nan"),
            "mac must be .* not nan",
        ),
        ('title = "t"\nsource = "s"\n' + OPERATIONS.replace("0.5", "true"), "mac must be .* not T"),
        ('title = "t"\nsource = "s"\n' + OPERATIONS.replace("0.5", "0"), "mac must .* above 0"),
        ('title = "t"\nsource = "s"\n' + OPERATIONS.replace("mul = 0.4\n", ""), "mul must .* None"),
    ],
)
def test_a_wrong_table_is_refused_with_the_entry_that_is_wrong(
    tmp_path: Path, text: str, says: str
) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(text)
    with pytest.raises(SnncError, match=says) as caught:
        tables.load(str(file))
    assert caught.value.code is BAD_ENERGY_TABLE
    assert caught.value.where == str(file)


def test_a_table_that_is_no_text_or_not_there_is_refused(tmp_path: Path) -> None:
    binary = tmp_path / "b.toml"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SnncError, match="cannot be read"):
        tables.load(str(binary))
    with pytest.raises(SnncError, match="neither an energy table of snnc nor a file") as caught:
        tables.load("horowitz")
    assert caught.value.code is BAD_OPTION
    assert "horowitz-f32" in caught.value.hint


def test_energy_by_hand() -> None:
    tally = counted(network_of(ByHand(), (1, 4, 4), 2), [by_hand_frames()], "executed")
    estimate = Estimate(tally["executed"], TABLE)
    assert estimate.energy_pj == 4.6 * 34 + 0.9 * 30
    assert estimate.other_energy_pj == 3.7 * 89 + 0.9 * 89 + 0.9 * 86
    assert estimate.spikes == 11


def test_json_has_the_contract_s_keys_and_its_sums_hold(comparison: Comparison) -> None:
    result = json.loads(json.dumps(energy_json(comparison.model, comparison), allow_nan=False))
    assert result["schema"] == "snnc-energy/1"
    assert {"convention", "samples", "layers", "total", "nasfr", "delta", "baseline"} <= set(result)
    for part in (result, result["baseline"]):
        for entry in part["layers"]:
            assert {"name", "input_kind", "ac", "mac", "spikes", "energy_pj"} <= set(entry)
            for counter in ("ac", "mac", "mul", "add", "cmp"):
                per_step = sum(entry["per_step"][counter]) + entry["per_window"][counter]
                assert entry[counter] == per_step
                assert entry[counter] == sum(piece[counter] for piece in entry["parts"].values())
        for counter in ("ac", "mac", "spikes"):
            assert part["total"][counter] == sum(entry[counter] for entry in part["layers"])
    assert [entry["input_kind"] for entry in result["layers"]][:2] == ["count", "spike"]


def test_delta_recomputed_from_the_json_s_own_counts_is_the_same(comparison: Comparison) -> None:
    result = energy_json(comparison.model, comparison)
    mac = result["total"]["mac"] - result["baseline"]["total"]["mac"]
    ac = result["baseline"]["total"]["ac"] - result["total"]["ac"]
    delta = result["delta"]
    assert (delta["mac"], delta["ac"]) == (mac, ac)
    assert delta["energy_pj"] == result["table"]["mac"] * mac - result["table"]["ac"] * ac
    assert sum(entry["mac"] for entry in delta["layers"]) == mac
    assert sum(entry["ac"] for entry in delta["layers"]) == ac
    assert sum(entry["spikes"] for entry in delta["layers"]) == delta["spikes"]
    assert delta["mul"] > 0  # the gating product is outside Eq. 11, and shown
    assert delta["whole_energy_pj"] == delta["energy_pj"] + delta["other_energy_pj"]


def scaled(estimate: Estimate, mac: int, ac: int, spikes: int) -> Estimate:
    """An estimate of one layer with chosen numbers."""
    tally = Tally(estimate.tally.convention, estimate.tally.network, samples=1)
    tally.nodes["layer2_conv"] = {"mac": [mac, 0, 0, 0], "ac": [ac, 0, 0, 0]}
    tally.spikes["layer1_neuron"] = [spikes, 0, 0, 0]
    return Estimate(tally, estimate.table)


@pytest.mark.parametrize(
    ("mac", "ac", "base_ac", "saves", "ratio", "scale"),
    [
        (100, 400, 1000, "below", 6.0, (0.9 * 1000 - 460) / (0.9 * 400)),
        (100, 600, 1000, "below", 4.0, (0.9 * 1000 - 460) / (0.9 * 600)),
        (100, 1200, 1000, "never", None, (0.9 * 1000 - 460) / (0.9 * 1200)),
        (1000, 400, 1000, "below", 0.6, (0.9 * 1000 - 4600) / (0.9 * 400)),
        (0, 400, 1000, "always", None, 1000 / 400),
        (-100, 1200, 1000, "above", 2.0, (0.9 * 1000 + 460) / (0.9 * 1200)),
        (-100, 400, 1000, "always", None, (0.9 * 1000 + 460) / (0.9 * 400)),
        (0, 1000, 1000, "never", None, 1.0),
        (100, 0, 1000, "below", 10.0, None),
    ],
)
def test_break_even_and_sensitivity(
    estimates, mac: int, ac: int, base_ac: int, saves: str, ratio: float | None, scale: float | None
) -> None:
    base = estimates["asa1"]
    versus = Comparison(scaled(base, 200 + mac, ac, 50), scaled(base, 200, base_ac, 90))
    assert (versus.added_mac, versus.saved_ac) == (mac, base_ac - ac)
    assert versus.saves_where == saves
    assert versus.break_even_ratio == ratio
    assert versus.break_even_scale == (None if scale is None else pytest.approx(scale))
    if ratio is not None:  # ΔE changes sign there
        at = {
            side: Comparison(
                replace(versus.model, table=replace(TABLE, mac=side * ratio * TABLE.ac)),
                replace(versus.baseline, table=replace(TABLE, mac=side * ratio * TABLE.ac)),
            ).energy_pj
            for side in (0.99, 1.01)
        }
        assert (at[0.99] < 0) == (saves == "below")
        assert (at[1.01] < 0) == (saves == "above")
    if scale is not None and scale > 0:
        at_rest = 0.9 * scale * ac + 4.6 * mac - 0.9 * base_ac
        assert at_rest == pytest.approx(0, abs=1e-9)
        assert versus.break_even_rate == pytest.approx(versus.model.nasfr * scale)
    else:
        assert versus.break_even_rate is None


def test_different_samples_or_rules_cannot_be_compared(estimates: dict[str, Estimate]) -> None:
    model, baseline = estimates["asa1"], estimates["none"]
    fewer = replace(baseline.tally, samples=2)
    with pytest.raises(SnncError, match="3 samples by executed against 2 by executed"):
        Comparison(model, Estimate(fewer, TABLE))
    other = replace(baseline.tally, convention=CONVENTIONS["paper"])
    with pytest.raises(SnncError, match="the same convention"):
        Comparison(model, Estimate(other, TABLE))
    with pytest.raises(SnncError, match="the same convention"):
        Comparison(model, Estimate(baseline.tally, tables.load("horowitz-int8")))
    with pytest.raises(SnncError, match="zero samples"):
        energy_json(Estimate(Tally(model.tally.convention, model.tally.network), TABLE))


def test_terminal_table_shows_layers_attention_and_delta(comparison: Comparison) -> None:
    text = StringIO()
    print_energy(Console(file=text, width=80), "pair", comparison.model, comparison)
    lines = text.getvalue().splitlines()
    for name in ("layer1", " attention", "fc2", "readout", "network"):
        assert any(line.startswith(name) for line in lines), name
    assert f"{comparison.added_mac:+,}" in text.getvalue()
    assert "…" not in text.getvalue()  # nothing is cut at 80 columns


def test_numbers_for_people() -> None:
    assert [count_text(n) for n in (0, 9_999, -9_999, 10_000, 1_234_567, 6_990_000_000)] == [
        "0",
        "9,999",
        "-9,999",
        "10 k",
        "1.235 M",
        "6.99 G",
    ]
    assert [energy_text(e) for e in (0, 0.5, 12.34, 999.7, 1234.5, 5.86e6, 3.2e12)] == [
        "0 pJ",
        "0.5 pJ",
        "12.3 pJ",
        "1000 pJ",
        "1.23 nJ",
        "5.86 µJ",
        "3.2 J",
    ]
    assert [brief(n) for n in (0, 999, 1_000, 999_400, 999_600, 1_234_567, 6_990_000_000)] == [
        "0",
        "999",
        "1k",
        "999k",
        "1M",
        "1.23M",
        "6.99G",
    ]
