"""How a run goes: the metrics of each epoch, as a CSV, on TensorBoard and on the console."""

from __future__ import annotations

import csv
import dataclasses
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from snnc.errors import MISSING_EXTRA, SnncError
from snnc.models.training.config import TrainConfig


@dataclass(frozen=True)
class EpochMetrics:
    """One line of the metrics file; accuracies and NASFR are between 0 and 1.

    ``loss`` and ``train_accuracy`` are those of the training batches as they came,
    ``test_accuracy`` and ``nasfr`` of the test part after the epoch.
    """

    epoch: int
    loss: float
    train_accuracy: float
    test_accuracy: float
    nasfr: float
    seconds: float


def csv_text(history: Sequence[EpochMetrics]) -> str:
    """The metrics file: a header, and a line an epoch."""
    text = io.StringIO()
    names = [field.name for field in dataclasses.fields(EpochMetrics)]
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(dataclasses.asdict(metrics) for metrics in history)
    return text.getvalue()


class TensorBoard:
    """Writes each epoch's metrics as TensorBoard event files; to no folder, nothing.

    Args:
        folder: where to write, or None.
        first: the epoch that comes first; later ones of an earlier, killed run are dropped.

    Raises:
        SnncError: MISSING_EXTRA without the package ``tensorboard``.
    """

    def __init__(self, folder: Path | None, first: int) -> None:
        self.writer: Any = None
        if folder is None:
            return
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise SnncError(
                MISSING_EXTRA,
                "--tensorboard needs the package tensorboard",
                hint="pip install 'snnc[tensorboard]', or leave the option out.",
            ) from error
        self.writer = SummaryWriter(str(folder), purge_step=first)

    def add(self, metrics: EpochMetrics) -> None:
        """One epoch."""
        if self.writer is None:
            return
        for name, value in dataclasses.asdict(metrics).items():
            if name != "epoch":
                self.writer.add_scalar(name, value, metrics.epoch)
        self.writer.flush()

    def close(self) -> None:
        """Finish the files."""
        if self.writer is not None:
            self.writer.close()


class Display:
    """Progress of a run on a console: a bar with the epoch so far, and a line an epoch."""

    def __init__(self, console: Console | None, config: TrainConfig, samples: int) -> None:
        self.console = console
        self.epochs = config.epochs
        self.batches = math.ceil(samples / config.batch_size)
        self.progress = Progress(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[so_far]}"),
            TimeRemainingColumn(),
            console=console,
            disable=console is None,
            transient=True,
        )

    def __enter__(self) -> Display:
        self.progress.start()
        self.task = self.progress.add_task("", total=self.batches, epoch="", so_far="")
        return self

    def __exit__(self, *_error: object) -> None:
        self.progress.stop()

    def batch_done(self, loss: float, accuracy: float, nasfr: float) -> None:
        """Means over the batches of the epoch so far."""
        self.progress.update(
            self.task,
            advance=1,
            so_far=f"loss {loss:.4f}  train {accuracy:.3f}  NASFR {nasfr:.4f}",
        )

    def epoch_done(self, metrics: EpochMetrics) -> None:
        """The line of an epoch."""
        self.progress.reset(self.task, epoch=metrics.epoch + 1, so_far="")
        self.say(
            f"epoch {metrics.epoch}/{self.epochs}  loss {metrics.loss:.4f}  "
            f"train {metrics.train_accuracy:.3f}  test {metrics.test_accuracy:.3f}  "
            f"NASFR {metrics.nasfr:.4f}  {metrics.seconds:.1f} s"
        )

    def say(self, line: str) -> None:
        """A line for people."""
        if self.console is not None:
            self.console.print(line)
