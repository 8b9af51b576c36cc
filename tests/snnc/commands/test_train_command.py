"""``snnc train``: options, hyper-parameters and configuration files become a TrainConfig."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from snnc.commands.training.train import command
from snnc.errors import BAD_OPTION, SnncError
from snnc.models.checkpoints import InputDescription
from snnc.models.training import TrainConfig

FILE = """
network = "three-layer"
data = "gesture-sim"
out = "model.pt"
time_steps = 12
dt_us = 5000
epochs = 7
spike_penalty = 0.25

[hyper]
votes = 10
v_reset = 0.5
"""


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[TrainConfig, InputDescription]]:
    """What would have been trained: nothing is simulated and nothing learns."""
    runs: list[tuple[TrainConfig, InputDescription]] = []

    def train(config: TrainConfig, *given: Any, **_options: Any) -> None:
        runs.append((config, given[2]))

    monkeypatch.setattr("snnc.models.training.train", train)
    monkeypatch.setattr("snnc.models.datasets.dataset.frame_dataset", lambda *_, **__: None)
    return runs


def invoke(*arguments: str) -> None:
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output


def test_a_file_gives_options_and_the_command_line_goes_first(started: Any, tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text(FILE)
    invoke("--config", str(path), "--epochs", "3", "--hyper", "votes=2", "--lr", "0.01")
    config, described = started[0]
    assert (config.network, config.data, config.out) == (
        "three-layer",
        "gesture-sim",
        Path("model.pt"),
    )
    assert (config.epochs, config.learning_rate, config.spike_penalty) == (3, 0.01, 0.25)
    assert config.hyper == {"votes": 2, "v_reset": 0.5}
    assert (described.time_steps, described.dt_us, described.downsample) == (12, 5000, 1)


def test_options_alone_are_enough(started: Any) -> None:
    given = ["five-layer", "--data", "gesture-sim", "-o", "m.pt", "--time-steps", "4"]
    invoke(*given, "--dt-us", "1000", "--hyper", "channels=[4,4,4,4,4]", "--patience", "5")
    config, _ = started[0]
    assert config.network == "five-layer"
    assert config.hyper == {"channels": [4, 4, 4, 4, 4]}
    assert config.patience == 5
    assert config.spike_penalty == 0.0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("epoch = 3", "no option called epoch"),
        ("config = 'other.toml'", "no option called config"),
        ("epochs = ", "no readable TOML"),
        ("hyper = 3", "hyper is a table"),
    ],
)
def test_files_that_cannot_be_used_are_refused(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text(text)
    with pytest.raises(SnncError, match=said) as raised:
        invoke("--config", str(path))
    assert raised.value.code is BAD_OPTION
    assert raised.value.where == str(path)


def test_a_missing_file_and_crooked_hyper_are_refused(started: Any, tmp_path: Path) -> None:
    with pytest.raises(SnncError, match="No such file"):
        invoke("--config", str(tmp_path / "absent.toml"))
    given = ["five-layer", "--data", "gesture-sim", "-o", "m.pt", "--time-steps", "4"]
    with pytest.raises(SnncError, match="NAME=VALUE"):
        invoke(*given, "--dt-us", "1000", "--hyper", "votes:10")
    assert not started
