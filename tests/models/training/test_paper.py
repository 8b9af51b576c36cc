"""The paper's configurations: complete, printed in full, and each one starts."""

from __future__ import annotations

import csv
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from snnc.models.attention import ATTENTION_NAMES
from snnc.models.checkpoints import load
from snnc.models.training.paper import CONFIGURATIONS, SETUPS, Configuration
from tests.support.recordings.dataset_layouts import LAYOUTS

Run = Callable[..., tuple[int, str, str]]

SMALLER = ["--epochs", 1, "--batch-size", 4, "--time-steps", 2]
"""Given after a command's own options, of which they take the place."""

FEWER_PIXELS = {"gesture-five-layer": ["--downsample", 4], "dailyaction": ["--downsample", 4]}
"""As few as five pools leave one of."""


def test_every_row_of_the_tables_is_there() -> None:
    rows = {(each.setup.name, each.attention) for each in CONFIGURATIONS}
    assert len(rows) == len(CONFIGURATIONS)
    everywhere = {setup.name for setup in SETUPS}
    assert {name for name, attention in rows if attention == "none"} == everywhere
    assert {name for name, attention in rows if attention == "asa1"} == everywhere
    for attention in ("sa", "tcsa", "asa2"):  # Table 3
        assert {name for name, each in rows if each == attention} == {
            "gesture-three-layer",
            "gait-day",
        }
    assert {attention for _, attention in rows} <= set(ATTENTION_NAMES)


def test_list_prints_every_command_in_full(snnc: Run) -> None:
    status, out, _ = snnc("train", "--list")
    assert status == 0
    commands = [line for line in out.splitlines() if line.startswith("snnc train ")]
    assert [shlex.split(command)[2:] for command in commands] == [
        each.arguments() for each in CONFIGURATIONS
    ]
    for each in CONFIGURATIONS:
        assert f"# {each.title}\n{each.command_line()}\n" in out
    assert "Gait-Day, three layers, ASA-1; paper: 93.6 %, NASFR 0.045" in out


def test_the_gait_command_is_the_authors(snnc: Run) -> None:
    """final.sh: -T 60 -batch_size_train 32 -clip 10 -num_epochs 200 -ps 00111 -lr 1e-4 ..."""
    (each,) = [each for each in CONFIGURATIONS if each.name == "gait-day-asa1"]
    command = each.command_line()
    for said in (
        "three-layer --attention asa1 --data gait-day:data/gait-day",
        "--time-steps 60 --dt-us 15000 --downsample 4 --random-slices --clips 10",
        "--epochs 200 --batch-size 32 --lr 1e-4 --weight-decay 1e-4",
        "--dropout 0.1 --hyper 'dropout_layers=[3,4,5]'",
        "--event-drop 1 --event-drop-by mixed",
        "--seed 0",
    ):
        assert said in command


@pytest.mark.parametrize("each", CONFIGURATIONS, ids=lambda each: each.name)
def test_each_command_starts(
    each: Configuration, snnc: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As printed, with fewer and smaller steps, on a small data set in the published layout."""
    folder = tmp_path / "data" / each.setup.data
    folder.mkdir(parents=True)
    LAYOUTS[each.setup.data](folder)
    monkeypatch.chdir(tmp_path)
    smaller = [*SMALLER, *FEWER_PIXELS.get(each.setup.name, [])]
    smaller += ["--clips", 2] if each.setup.options.get("clips") else []
    status, _, err = snnc("train", *each.arguments(), *smaller)
    assert status == 0, err
    model = load(tmp_path / f"{each.name}.pt")
    assert model.model.hyper["attention"] == each.attention
    assert model.model.classes == {"dvsgesture": 11, "dailyaction": 12, "har-dvs": 300}.get(
        each.setup.data, 20
    )
    with (tmp_path / f"{each.name}.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert float(row["loss"]) > 0
    assert 0 <= float(row["nasfr"]) < 1
    assert (tmp_path / f"{each.name}.state").is_file()
    assert (tmp_path / "cache").is_dir() == ("cache" in each.setup.options)
