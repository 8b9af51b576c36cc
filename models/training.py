"""Training by backpropagation through time, resumable to the bit.

Loss: mean squared error between the class scores (time-mean of the last layer's spikes) and
the one-hot label. Adam; the learning rate falls from its start to zero along half a cosine,
step by step. Sources: Yao et al. 2023 (ICCV), section on training.

All randomness (initial weights, order, augmentation, dropout) comes from PyTorch's global
generator, seeded once; its state is kept in the training checkpoint, so that a run that is
interrupted and resumed gives the same bits as one that is not, with the same number of
threads on the same machine.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor

from snnc.errors import BAD_CHECKPOINT, BAD_OPTION, TRAINING_DIVERGED, SnncError
from snnc.models.allocator import keep_freed_memory
from snnc.models.augmentation import DROPS, shift
from snnc.models.checkpoints import InputDescription, save
from snnc.models.evaluation import FrameDataset, FrameSource, evaluate, frame_source, to_input
from snnc.models.files import read_tensors, write_atomically, write_tensors
from snnc.models.hyper import Hyper
from snnc.models.networks import Network, build

FORMAT = "snnc-training"
VERSION = 1

_FIXED_HYPER = {"attention", "dropout", "input_size", "time_steps", "classes"}


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides what a training run computes, and where its files go.

    Attributes:
        network: a name in :data:`snnc.models.networks.NETWORKS`.
        out: the model file to write; the metrics go beside it as ``.csv``.
        hyper: hyper-parameters of the network, beside those that the data fix (input
            size, time steps, classes) and the two below.
        attention: a name in :data:`snnc.models.attention.ATTENTION_NAMES`.
        dropout: probability that an input of a layer is zeroed.
        data: what the data are, for the record.
        epochs: passes over the training data.
        batch_size: samples per step; a last smaller batch is trained on too.
        learning_rate: where the cosine schedule starts.
        weight_decay: Adam's L2 penalty.
        seed: of all randomness.
        shift: training samples move by up to so many pixels in x and y.
        event_drop: training samples lose up to this share of their events.
        event_drop_by: which events they lose, a name in :data:`snnc.models.augmentation.DROPS`.
        checkpoint: where to keep the state after each epoch, and to resume from where it
            exists; None for neither.
    """

    network: str
    out: Path
    hyper: Hyper = field(default_factory=dict)
    attention: str = "none"
    dropout: float = 0.0
    data: str = ""
    epochs: int = 100
    batch_size: int = 16
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    seed: int = 0
    shift: int = 0
    event_drop: float = 0.0
    event_drop_by: str = "event"
    checkpoint: Path | None = None

    def __post_init__(self) -> None:
        fixed = sorted(_FIXED_HYPER & self.hyper.keys())
        if fixed:
            raise SnncError(
                BAD_OPTION, f"hyper cannot set {', '.join(fixed)}: other settings or the data do"
            )
        for name in ("epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise SnncError(BAD_OPTION, f"{name} must be at least 1")
        if not self.learning_rate > 0.0:
            raise SnncError(BAD_OPTION, f"learning_rate must be above 0: {self.learning_rate}")
        if self.weight_decay < 0.0 or self.shift < 0 or not 0.0 <= self.event_drop <= 1.0:
            raise SnncError(
                BAD_OPTION,
                "weight_decay and shift must be at least 0, and event_drop in [0, 1]",
            )
        if self.event_drop_by not in DROPS:
            raise SnncError(
                BAD_OPTION, f"event_drop_by is one of {', '.join(DROPS)}, not {self.event_drop_by}"
            )

    def recipe(self) -> dict[str, object]:
        """The fields that decide the result, as plain values."""
        fields = dataclasses.asdict(self)
        return {key: fields[key] for key in fields if key not in ("out", "checkpoint")}


@dataclass(frozen=True)
class EpochMetrics:
    """One line of the metrics file; accuracies and NASFR are between 0 and 1."""

    epoch: int
    loss: float
    train_accuracy: float
    test_accuracy: float
    nasfr: float
    seconds: float


@dataclass(frozen=True)
class TrainResult:
    """The trained network (of the last epoch) and its metrics, epoch by epoch."""

    model: Network
    history: list[EpochMetrics]


def train(
    config: TrainConfig,
    train_data: FrameDataset | FrameSource,
    test_data: FrameDataset | FrameSource,
    input: InputDescription,
    classes: int,
    *,
    console: Console | None = None,
) -> TrainResult:
    """Train a network and write the model file and the metrics file.

    The model of the last epoch is kept: choosing the best by test accuracy would make that
    accuracy too good. Test accuracy and NASFR are measured after every epoch.

    Args:
        config: the run.
        train_data: labelled frames to learn from.
        test_data: labelled frames to measure on.
        input: how the frames were made; kept in the model file.
        classes: number of classes.
        console: where to show progress; None for nowhere.

    Raises:
        SnncError: BAD_OPTION for a configuration that cannot be used or that differs from
            the checkpoint's; BAD_DATA_SPEC for unusable data; TRAINING_DIVERGED where the
            loss is not finite; BAD_CHECKPOINT and BAD_OUTPUT for unusable files.
    """
    keep_freed_memory()
    with torch.random.fork_rng(devices=[]):
        run = _Run(config, input, classes)
        run.load_data(train_data, test_data)
        run.resume()
        run.write_metrics()  # an unwritable folder shows before the first epoch, not after it
        with _Display(console, config, len(run.train_data)) as display:
            while run.epoch < config.epochs:
                display.epoch_done(run.train_epoch(display.batch_done))
                run.write_checkpoint()
                run.write_metrics()
        run.write_model()
    return TrainResult(run.model.eval(), run.history)


class _Run:
    """The state of one training run."""

    def __init__(self, config: TrainConfig, input: InputDescription, classes: int) -> None:
        self.config = config
        self.input = input
        self.classes = classes
        torch.manual_seed(config.seed)
        self.model = build(
            config.network,
            **{
                **config.hyper,
                "attention": config.attention,
                **({"dropout": config.dropout} if config.dropout else {}),  # res-18 has none
                "input_size": list(input.frame_size),
                "time_steps": input.time_steps,
                "classes": classes,
            },
        )
        self.optimizer = torch.optim.Adam(
            self.model.parameters(),
            lr=config.learning_rate,
            weight_decay=config.weight_decay,
            fused=True,
        )
        self.epoch = 0
        self.history: list[EpochMetrics] = []

    def load_data(
        self, train_data: FrameDataset | FrameSource, test_data: FrameDataset | FrameSource
    ) -> None:
        self.train_data = frame_source(train_data, self.classes)
        self.test_data = frame_source(test_data, self.classes)
        wanted = (self.input.time_steps, *self.input.frame_size)
        for name, data in (("training", self.train_data), ("test", self.test_data)):
            if data.shape != wanted:
                raise SnncError(
                    BAD_OPTION,
                    f"the {name} frames have shape {list(data.shape)}, and the input "
                    f"description says {list(wanted)}",
                )

    def train_epoch(self, batch_done: Callable[[], None]) -> EpochMetrics:
        started = time.perf_counter()
        self.model.train()
        order = torch.randperm(len(self.train_data))
        batches = torch.split(order, self.config.batch_size)
        losses, correct = 0.0, 0
        for index, batch in enumerate(batches):
            progress = (self.epoch + index / len(batches)) / self.config.epochs
            loss, right = self._step(batch, progress)
            losses += loss * len(batch)
            correct += right
            batch_done()
        self.epoch += 1
        result = evaluate(self.model, self.test_data, self.config.batch_size)
        metrics = EpochMetrics(
            epoch=self.epoch,
            loss=losses / len(order),
            train_accuracy=correct / len(order),
            test_accuracy=result.accuracy,
            nasfr=result.nasfr,
            seconds=time.perf_counter() - started,
        )
        self.history.append(metrics)
        return metrics

    def _step(self, batch: Tensor, progress: float) -> tuple[float, int]:
        """One optimizer step; returns the loss and how many samples were right."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.learning_rate * 0.5 * (1.0 + math.cos(math.pi * progress))
        frames, labels = self.train_data.batch(batch)
        frames = shift(frames, self.config.shift)
        frames = DROPS[self.config.event_drop_by](frames, self.config.event_drop)
        scores = self.model(to_input(frames))
        target = torch.nn.functional.one_hot(labels, self.classes).float()
        loss = torch.nn.functional.mse_loss(scores, target)
        if not torch.isfinite(loss):
            raise SnncError(
                TRAINING_DIVERGED, f"the loss is {loss.item()} in epoch {self.epoch + 1}"
            )
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return loss.item(), int((scores.argmax(dim=1) == labels).sum())

    def write_checkpoint(self) -> None:
        if self.config.checkpoint is None:
            return
        content: dict[str, object] = {
            "format": FORMAT,
            "version": VERSION,
            "recipe": self._recipe(),
            "epoch": self.epoch,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "generator": torch.get_rng_state(),
            "history": [dataclasses.asdict(metrics) for metrics in self.history],
        }
        write_tensors(content, self.config.checkpoint)

    def resume(self) -> None:
        """Continue from the checkpoint, where there is one."""
        path = self.config.checkpoint
        if path is None or not path.exists():
            return
        content: dict[str, Any] = read_tensors(path, FORMAT, VERSION)
        try:
            recipe = dict(content["recipe"])
            differing = [key for key, value in self._recipe().items() if recipe.get(key) != value]
            if not differing:
                self._restore(content)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise SnncError(
                BAD_CHECKPOINT, f"the training state is incomplete ({error})", where=str(path)
            ) from error
        if differing:
            raise SnncError(
                BAD_OPTION,
                f"the checkpoint was made with another {', '.join(differing)}",
                where=str(path),
                mend="Use the same settings, or another checkpoint path to start anew.",
            )

    def _restore(self, content: dict[str, Any]) -> None:
        self.model.load_state_dict(content["model"])
        self.optimizer.load_state_dict(content["optimizer"])
        torch.set_rng_state(content["generator"])
        self.epoch = content["epoch"]
        self.history = [EpochMetrics(**line) for line in content["history"]]

    def _recipe(self) -> dict[str, object]:
        return {
            **self.config.recipe(),
            "hyper": self.model.hyper,
            "input": dataclasses.asdict(self.input),
            "training samples": len(self.train_data),
        }

    def write_metrics(self) -> None:
        text = io.StringIO()
        names = [field.name for field in dataclasses.fields(EpochMetrics)]
        writer = csv.DictWriter(text, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(dataclasses.asdict(metrics) for metrics in self.history)
        write_atomically(self.config.out.with_suffix(".csv"), text.getvalue().encode())

    def write_model(self) -> None:
        last = self.history[-1]
        card: dict[str, object] = {
            "recipe": self._recipe(),
            "torch": str(torch.__version__),
            "threads": torch.get_num_threads(),
            "test_samples": len(self.test_data),
            "test_accuracy": last.test_accuracy,
            "nasfr": last.nasfr,
            "seconds": sum(metrics.seconds for metrics in self.history),
        }
        save(self.model, self.config.out, input=self.input, card=card)


class _Display:
    """Progress of a run on a console: a bar, and a line per epoch."""

    def __init__(self, console: Console | None, config: TrainConfig, samples: int) -> None:
        self.console = console
        self.epochs = config.epochs
        self.batches = math.ceil(samples / config.batch_size)
        self.progress = Progress(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=console is None,
            transient=True,
        )

    def __enter__(self) -> _Display:
        self.progress.start()
        self.task = self.progress.add_task("", total=self.batches, epoch="")
        return self

    def __exit__(self, *_error: object) -> None:
        self.progress.stop()

    def batch_done(self) -> None:
        self.progress.advance(self.task)

    def epoch_done(self, metrics: EpochMetrics) -> None:
        self.progress.reset(self.task, epoch=metrics.epoch + 1)
        if self.console is not None:
            self.console.print(
                f"epoch {metrics.epoch}/{self.epochs}  loss {metrics.loss:.4f}  "
                f"train {metrics.train_accuracy:.3f}  test {metrics.test_accuracy:.3f}  "
                f"NASFR {metrics.nasfr:.4f}  {metrics.seconds:.1f} s"
            )
