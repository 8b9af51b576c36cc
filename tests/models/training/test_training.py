"""Training: it learns, repeats itself to the bit, and resumes to the bit."""

from __future__ import annotations

import csv
import importlib.util
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rich.console import Console

from snnc.errors import (
    BAD_CHECKPOINT,
    BAD_DATA_SPEC,
    BAD_OPTION,
    BAD_OUTPUT,
    MISSING_EXTRA,
    TRAINING_DIVERGED,
    SnncError,
)
from snnc.models.checkpoints import InputDescription, load
from snnc.models.networks import build
from snnc.models.training import TrainConfig, TrainResult, train
from snnc.models.training.evaluation import evaluate
from snnc.models.training.loop import Run
from snnc.models.training.precision import use_mixed_precision

INPUT = InputDescription(height=8, width=8, time_steps=5, dt_us=1000)
CLASSES = 3


def samples(count: int, seed: int = 0) -> list[tuple[np.ndarray, int]]:
    """Noise, with more events in the third of the columns that is the class."""
    generator = np.random.default_rng(seed)
    result = []
    for index in range(count):
        label = index % CLASSES
        frames = generator.poisson(0.1, (5, 2, 8, 8))
        columns = slice(3 * label, 3 * label + 2)
        frames[..., columns] += generator.poisson(0.5, frames[..., columns].shape)
        result.append((frames.astype(np.uint16), label))
    return result


def config(folder: Path, **fields: Any) -> TrainConfig:
    defaults: dict[str, Any] = {
        "network": "three-layer-narrow",
        "out": folder / "model.pt",
        "hyper": {"channels": [4, 4, 4], "hidden": 12, "fc_batch_norm": True, "votes": 2},
        "attention": "asa1",
        "dropout": 0.1,
        "epochs": 4,
        "batch_size": 8,
        "learning_rate": 5e-3,
        "weight_decay": 1e-4,
        "shift": 1,
        "event_drop": 0.1,
    }
    return TrainConfig(**{**defaults, **fields})


def run(settings: TrainConfig, **options: Any) -> TrainResult:
    return train(settings, samples(30), samples(12, seed=1), INPUT, CLASSES, **options)


def same_weights(one: TrainResult, other: TrainResult) -> bool:
    theirs = other.model.state_dict()
    return all(torch.equal(theirs[key], value) for key, value in one.model.state_dict().items())


def curves(result: TrainResult) -> list[tuple[float, ...]]:
    return [
        (line.epoch, line.loss, line.train_accuracy, line.test_accuracy, line.nasfr)
        for line in result.history
    ]


def test_learns_separable_data(tmp_path: Path) -> None:
    settings = config(
        tmp_path, attention="none", dropout=0.0, shift=0, epochs=10, learning_rate=2e-2
    )
    result = train(settings, samples(90), samples(30, seed=1), INPUT, CLASSES)
    assert result.history[-1].loss < result.history[0].loss
    assert result.history[-1].test_accuracy >= 0.9


def test_writes_the_model_and_the_metrics(tmp_path: Path) -> None:
    result = run(config(tmp_path, data="noise"))
    loaded = load(tmp_path / "model.pt")
    assert loaded.input == INPUT
    assert loaded.hyper == result.model.hyper
    assert loaded.hyper["attention"] == "asa1"
    measured = evaluate(loaded.model, samples(12, seed=1))
    assert loaded.card["test_accuracy"] == measured.accuracy == result.history[-1].test_accuracy
    assert loaded.card["nasfr"] == measured.nasfr == result.history[-1].nasfr
    assert loaded.card["recipe"]["data"] == "noise"  # type: ignore[index]
    with (tmp_path / "model.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [int(line["epoch"]) for line in lines] == [1, 2, 3, 4]
    assert [float(line["loss"]) for line in lines] == [line.loss for line in result.history]


def test_a_seed_decides_everything(tmp_path: Path) -> None:
    one = run(config(tmp_path, seed=3))
    torch.rand(7)  # the state that other code left in the generator must not matter
    assert same_weights(one, run(config(tmp_path, seed=3)))
    assert not same_weights(one, run(config(tmp_path, seed=4)))


def test_the_global_generator_is_left_alone(tmp_path: Path) -> None:
    state = torch.get_rng_state()
    run(config(tmp_path, epochs=1))
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("network", ["three-layer-narrow", "five-layer"])
def test_resuming_equals_not_stopping_bit_for_bit(
    network: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields: dict[str, Any] = {"network": network}
    described = INPUT
    if network == "five-layer":
        fields["hyper"] = {"channels": [3, 3, 3, 3, 3], "hidden": 6, "votes": 2}
        described = InputDescription(height=32, width=32, time_steps=5, dt_us=1000)

    def data(count: int, seed: int = 0) -> list[tuple[np.ndarray, int]]:
        scale = described.height // INPUT.height
        grown = np.ones((1, 1, scale, scale), dtype=np.uint16)
        return [(np.kron(frames, grown), label) for frames, label in samples(count, seed)]

    def start(settings: TrainConfig) -> TrainResult:
        return train(settings, data(20), data(6, seed=1), described, CLASSES)

    straight_folder, stopped_folder = tmp_path / "straight", tmp_path / "stopped"
    straight_folder.mkdir()
    stopped_folder.mkdir()
    straight = start(config(straight_folder, **fields))

    stopped = config(stopped_folder, checkpoint=stopped_folder / "state.pt", **fields)
    write = Run.write_checkpoint

    def stop_after_two(self: Run) -> None:
        write(self)
        if self.state.epoch == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Run, "write_checkpoint", stop_after_two)
        with pytest.raises(KeyboardInterrupt):
            start(stopped)
    assert not stopped.out.exists()
    resumed = start(stopped)
    assert same_weights(straight, resumed)
    assert curves(straight) == curves(resumed)
    finished = start(stopped)  # nothing is left to do: the same model once more
    assert same_weights(straight, finished)


def test_a_checkpoint_of_other_settings_is_refused(tmp_path: Path) -> None:
    checkpoint = tmp_path / "state.pt"
    run(config(tmp_path, epochs=1, checkpoint=checkpoint))
    for fields, said in (
        ({"learning_rate": 1e-4}, "learning_rate"),
        ({"seed": 9}, "seed"),
        ({"hyper": {"channels": [4, 4, 5]}}, "hyper"),
    ):
        settings = config(tmp_path, **{"epochs": 1, "checkpoint": checkpoint, **fields})
        with pytest.raises(SnncError) as raised:
            run(settings)
        assert raised.value.code is BAD_OPTION
        assert said in raised.value.what


def test_a_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    checkpoint = tmp_path / "state.pt"
    settings = config(tmp_path, epochs=1, checkpoint=checkpoint)
    run(settings)
    raw = checkpoint.read_bytes()
    checkpoint.write_bytes(raw[: len(raw) // 2])
    with pytest.raises(SnncError) as raised:
        run(settings)
    assert raised.value.code is BAD_CHECKPOINT
    checkpoint.write_bytes(raw)
    for missing in ("recipe", "optimizer", "generator", "epoch", "history"):
        content = torch.load(checkpoint, weights_only=True)
        del content[missing]
        torch.save(content, checkpoint)
        with pytest.raises(SnncError) as raised:
            run(settings)
        assert raised.value.code is BAD_CHECKPOINT
        assert missing in raised.value.what
        checkpoint.write_bytes(raw)


def test_learning_rate_falls_along_half_a_cosine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates: list[float] = []
    step = torch.optim.Adam.step

    def observed(self: torch.optim.Adam, *args: Any) -> Any:
        rates.append(self.param_groups[0]["lr"])
        return step(self, *args)

    monkeypatch.setattr(torch.optim.Adam, "step", observed)
    run(config(tmp_path, epochs=2, learning_rate=0.01))
    steps = 2 * math.ceil(30 / 8)
    wanted = [0.005 * (1 + math.cos(math.pi * index / steps)) for index in range(steps)]
    assert rates == pytest.approx(wanted)


def test_loss_is_the_squared_error_to_the_one_hot_label(tmp_path: Path) -> None:
    """A threshold that nothing reaches: all scores 0, one wrong entry of three per sample."""
    hyper = {"channels": [2, 2, 2], "hidden": 4, "v_threshold": 1e6}
    result = run(config(tmp_path, hyper=hyper, epochs=1))
    assert result.history[0].loss == pytest.approx(1 / 3)
    assert result.history[0].nasfr == 0.0


def test_progress_is_shown_on_the_console_and_nowhere_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(config(tmp_path, epochs=2))
    assert capsys.readouterr() == ("", "")
    with (tmp_path / "log").open("w") as file:
        run(config(tmp_path, epochs=2), console=Console(file=file, width=120))
    text = (tmp_path / "log").read_text()
    assert "epoch 1/2" in text
    assert "epoch 2/2" in text
    assert "NASFR" in text
    assert capsys.readouterr() == ("", "")


def test_divergence_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nan_loss(scores: torch.Tensor, _target: torch.Tensor) -> torch.Tensor:
        return scores.sum() * float("nan")

    monkeypatch.setattr(torch.nn.functional, "mse_loss", nan_loss)
    with pytest.raises(SnncError) as raised:
        run(config(tmp_path))
    assert raised.value.code is TRAINING_DIVERGED
    assert "epoch 1" in raised.value.what
    assert not (tmp_path / "model.pt").exists()


@pytest.mark.parametrize(
    "fields",
    [
        {"epochs": 0},
        {"batch_size": 0},
        {"learning_rate": 0.0},
        {"learning_rate": float("nan")},
        {"weight_decay": -1.0},
        {"shift": -1},
        {"event_drop": 1.5},
        {"spike_penalty": -0.1},
        {"spike_penalty": float("nan")},
        {"patience": 0},
        {"device": "tpu"},
        {"mixed_precision": True},
        {"hyper": {"time_steps": 5}},
        {"hyper": {"attention": "sa"}},
    ],
)
def test_settings_that_cannot_be_are_refused(fields: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(SnncError) as raised:
        config(tmp_path, **fields)
    assert raised.value.code is BAD_OPTION


def test_data_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    settings = config(tmp_path)
    with pytest.raises(SnncError) as raised:
        train(settings, samples(6), [], INPUT, CLASSES)
    assert raised.value.code is BAD_DATA_SPEC
    with pytest.raises(SnncError) as raised:
        train(settings, samples(6), samples(6), INPUT, 2)
    assert raised.value.code is BAD_DATA_SPEC
    longer = InputDescription(height=8, width=8, time_steps=6, dt_us=1000)
    with pytest.raises(SnncError, match="training frames") as raised:
        train(settings, samples(6), samples(6), longer, CLASSES)
    assert raised.value.code is BAD_OPTION


def test_an_unwritable_place_shows_before_the_first_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Run, "train_epoch", lambda *_: pytest.fail("trained"))
    with pytest.raises(SnncError) as raised:
        run(config(tmp_path / "missing"))
    assert raised.value.code is BAD_OUTPUT


def test_a_penalty_is_added_for_every_spike_and_lowers_their_rate(tmp_path: Path) -> None:
    plain = run(config(tmp_path, epochs=6, dropout=0.0))
    penalized = run(config(tmp_path, epochs=6, dropout=0.0, spike_penalty=2.0))
    assert penalized.history[0].loss > plain.history[0].loss
    assert penalized.history[-1].nasfr < 0.8 * plain.history[-1].nasfr


def test_patience_ends_a_run_whose_loss_does_not_fall(tmp_path: Path) -> None:
    """A threshold that nothing reaches: the loss is the same in every epoch."""
    hyper = {"channels": [2, 2, 2], "hidden": 4, "v_threshold": 1e6}
    settings = config(tmp_path, hyper=hyper, epochs=9, patience=2, checkpoint=tmp_path / "state")
    with (tmp_path / "log").open("w") as file:
        result = run(settings, console=Console(file=file, width=120))
    assert [line.epoch for line in result.history] == [1, 2, 3]
    assert "no lower training loss for 2 epochs" in (tmp_path / "log").read_text()
    assert settings.out.exists()
    assert curves(run(settings)) == curves(result)  # resumed: it has ended already
    assert len(run(config(tmp_path, epochs=4, patience=3)).history) == 4


def test_live_progress_is_of_the_epoch_so_far(tmp_path: Path) -> None:
    told: list[tuple[float, ...]] = []
    with torch.random.fork_rng():
        whole = Run(config(tmp_path), INPUT, CLASSES)
        whole.load_data(samples(30), samples(12, seed=1))
        metrics = whole.train_epoch(lambda *means: told.append(means))
    assert len(told) == 4
    assert told[-1][:2] == (metrics.loss, metrics.train_accuracy)
    assert all(0.0 < nasfr < 1.0 for _, _, nasfr in told)


def test_mixed_precision_casts_synapses_and_leaves_neurons_alone() -> None:
    """On the processor, where autocast does the same as on a GPU."""
    torch.manual_seed(0)
    network = build("three-layer-narrow", channels=[4, 4, 4], hidden=8, attention="asa1")
    exact = build("three-layer-narrow", channels=[4, 4, 4], hidden=8, attention="asa1")
    exact.load_state_dict(network.state_dict())
    use_mixed_precision(network, torch.device("cpu"))
    x = torch.poisson(torch.full((60, 2, 2, 32, 32), 0.2))
    kinds = []
    network.layer2.synapse.layers.conv.register_forward_hook(
        lambda _module, _inputs, current: kinds.append(current.dtype)
    )
    network.layer2.neuron.register_forward_hook(
        lambda _module, inputs, spikes: kinds.extend((inputs[0].dtype, spikes.dtype))
    )
    network(x).sum().backward()
    assert kinds == [torch.bfloat16, torch.float32, torch.float32]
    current, reference = (net.layer1.synapse(x) for net in (network, exact))
    assert not torch.equal(current, reference)
    assert torch.allclose(current, reference, atol=0.05)
    assert all(p.dtype == torch.float32 for p in network.parameters())
    assert network.layer1.synapse.layers.conv.weight.grad.dtype == torch.float32


def test_tensorboard_gets_the_metrics_or_says_what_is_missing(tmp_path: Path) -> None:
    settings = config(tmp_path, epochs=2, tensorboard=tmp_path / "board")
    if importlib.util.find_spec("tensorboard") is None:
        with pytest.raises(SnncError, match="tensorboard") as raised:
            run(settings)
        assert raised.value.code is MISSING_EXTRA
        return
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    result = run(settings)
    events = EventAccumulator(str(tmp_path / "board"))
    events.Reload()
    losses = [event.value for event in events.Scalars("loss")]
    assert losses == pytest.approx([line.loss for line in result.history])
