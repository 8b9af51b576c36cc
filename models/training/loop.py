"""The training loop: epochs of batches, measured and kept after each epoch.

All randomness (initial weights, order, augmentation, dropout) comes from PyTorch's global
generator, seeded once; its state is kept in the training checkpoint, so that a run that is
interrupted and resumed gives the same bits as one that is not, with the same number of
threads on the same machine.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from rich.console import Console
from torch import Tensor

from snnc.atomic import write_atomically
from snnc.errors import BAD_OPTION, TRAINING_DIVERGED, SnncError
from snnc.models.checkpoints import InputDescription, save
from snnc.models.networks import Network, build
from snnc.models.training import processes
from snnc.models.training.allocator import keep_freed_memory
from snnc.models.training.augmentation import DROPS, shift
from snnc.models.training.config import TrainConfig
from snnc.models.training.evaluation import (
    FrameDataset,
    FrameSource,
    evaluate,
    frame_source,
    to_input,
)
from snnc.models.training.firing import firing_of
from snnc.models.training.metrics import Display, EpochMetrics, TensorBoard, csv_text
from snnc.models.training.parallel import check_batches, own_randomness, shared
from snnc.models.training.precision import use_mixed_precision
from snnc.models.training.state import State

BatchDone = Callable[[float, float, float], None]
"""Told the mean loss, accuracy and NASFR of the epoch so far."""


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
    accuracy too good. Test accuracy and NASFR are measured after every epoch. Inside
    :func:`snnc.models.training.processes.together` every process trains on its share of each
    batch, and the first one writes and speaks.

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
            loss is not finite; BAD_CHECKPOINT and BAD_OUTPUT for unusable files;
            MISSING_EXTRA without TensorBoard where it is asked for.
    """
    keep_freed_memory()
    first = processes.rank() == 0
    with torch.random.fork_rng(devices=[]):
        run = Run(config, input, classes)
        run.load_data(train_data, test_data)
        run.resume()
        run.write_metrics()  # an unwritable folder shows before the first epoch, not after it
        board = TensorBoard(config.tensorboard if first else None, run.state.epoch + 1)
        with Display(console if first else None, config, len(run.train_data)) as display:
            while run.state.epoch < config.epochs:
                if run.stalled():
                    display.say(f"no lower training loss for {config.patience} epochs: the end")
                    break
                metrics = run.train_epoch(display.batch_done)
                display.epoch_done(metrics)
                board.add(metrics)
                run.write_checkpoint()
                run.write_metrics()
        board.close()
        run.write_model()
    return TrainResult(run.state.model.eval(), run.state.history)


class Run:
    """One training run, in one process or as one of several.

    Args:
        config: the run.
        input: how the frames were made.
        classes: number of classes.
        change: what to do to the fresh network before it is trained, such as putting in modules
            of one's own; a model file cannot rebuild those.
    """

    def __init__(
        self,
        config: TrainConfig,
        input: InputDescription,
        classes: int,
        change: Callable[[Network], None] | None = None,
    ) -> None:
        self.config = config
        self.input = input
        self.classes = classes
        self.device = torch.device(config.device)
        torch.manual_seed(config.seed)
        model = build(
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
        if change is not None:
            change(model)
        model.to(self.device)
        if config.mixed_precision:
            use_mixed_precision(model, self.device)
        self.forward = shared(model, self.device)
        optimizer = torch.optim.Adam(
            model.parameters(),
            lr=config.learning_rate,
            weight_decay=config.weight_decay,
            fused=True,
        )
        self.state = State(model, optimizer)

    def load_data(
        self, train_data: FrameDataset | FrameSource, test_data: FrameDataset | FrameSource
    ) -> None:
        """Read what is to be in memory. Raises SnncError (BAD_DATA_SPEC, BAD_OPTION)."""
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
        check_batches(len(self.train_data), self.config.batch_size)

    def train_epoch(self, batch_done: BatchDone) -> EpochMetrics:
        """One pass over the training data, and the metrics after it."""
        started = time.perf_counter()
        state = self.state
        state.model.train()
        order = torch.randperm(len(self.train_data))
        batches = torch.split(order, self.config.batch_size)
        sums = torch.zeros(3, dtype=torch.float64)
        seen = 0
        for index, batch in enumerate(batches):
            step = state.epoch * len(batches) + index
            sums += self._step(batch, step, step / (len(batches) * self.config.epochs))
            seen += len(batch)
            batch_done(*(sums / seen).tolist())
        state.epoch += 1
        result = evaluate(state.model, self.test_data, self.config.batch_size)
        loss, accuracy, _ = (sums / seen).tolist()
        metrics = EpochMetrics(
            epoch=state.epoch,
            loss=loss,
            train_accuracy=accuracy,
            test_accuracy=result.accuracy,
            nasfr=result.nasfr,
            seconds=time.perf_counter() - started,
        )
        state.history.append(metrics)
        return metrics

    def _step(self, batch: Tensor, step: int, progress: float) -> Tensor:
        """One optimizer step; returns loss × samples, right answers, NASFR × samples: [3]."""
        for group in self.state.optimizer.param_groups:
            group["lr"] = self.config.learning_rate * 0.5 * (1.0 + math.cos(math.pi * progress))
        frames, labels = self._share(batch)
        part = len(labels) / len(batch)
        penalty = self.config.spike_penalty
        with (
            own_randomness(self.config.seed, step),
            firing_of(self.state.model, with_gradient=penalty > 0.0) as firing,
        ):
            scores = self.forward(to_input(frames.to(self.device)))
        target = torch.nn.functional.one_hot(labels, self.classes).float()
        loss = torch.nn.functional.mse_loss(scores, target)
        if penalty > 0.0:
            loss = loss + penalty * firing.rate
        right = (scores.argmax(dim=1) == labels).double().mean()
        told = torch.stack((loss.detach().double(), right, firing.rate.detach().double())).cpu()
        told = processes.total(told * part)
        if not torch.isfinite(told[0]):
            raise SnncError(
                TRAINING_DIVERGED, f"the loss is {told[0].item()} in epoch {self.state.epoch + 1}"
            )
        self.state.optimizer.zero_grad(set_to_none=True)
        # Gradients are averaged over the processes; this one's count by its share of the batch.
        weighted = loss * (part * processes.count())
        weighted.backward()  # type: ignore[no-untyped-call]
        self.state.optimizer.step()
        return told * len(batch)

    def _share(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        """This process's frames and labels; all draw the augmentation of the whole batch."""
        frames, labels = self.train_data.batch(batch)
        frames = shift(frames, self.config.shift)
        frames = DROPS[self.config.event_drop_by](frames, self.config.event_drop)
        mine = list(processes.share(range(len(batch))))
        return frames[mine], labels[mine].to(self.device)

    def stalled(self) -> bool:
        """Whether the loss has not fallen for as many epochs as the patience allows."""
        if self.config.patience is None or not self.state.history:
            return False
        losses = [metrics.loss for metrics in self.state.history]
        return len(losses) - 1 - losses.index(min(losses)) >= self.config.patience

    def resume(self) -> None:
        """Continue from the checkpoint, where there is one."""
        if self.config.checkpoint is not None:
            self.state.resume(self.config.checkpoint, self._recipe())

    def write_checkpoint(self) -> None:
        """Keep the state, where a place for it is given."""
        if self.config.checkpoint is not None and processes.rank() == 0:
            self.state.write(self.config.checkpoint, self._recipe())

    def _recipe(self) -> dict[str, object]:
        return {
            **self.config.recipe(),
            "hyper": self.state.model.hyper,
            "input": dataclasses.asdict(self.input),
            "training samples": len(self.train_data),
        }

    def write_metrics(self) -> None:
        """Write the metrics file."""
        if processes.rank() == 0:
            text = csv_text(self.state.history)
            write_atomically(self.config.out.with_suffix(".csv"), text.encode())

    def write_model(self) -> None:
        """Write the model file with its card."""
        if processes.rank() > 0:
            return
        last = self.state.history[-1]
        card: dict[str, object] = {
            "recipe": self._recipe(),
            "torch": str(torch.__version__),
            "threads": torch.get_num_threads(),
            "processes": processes.count(),
            "test_samples": len(self.test_data),
            "test_accuracy": last.test_accuracy,
            "nasfr": last.nasfr,
            "seconds": sum(metrics.seconds for metrics in self.state.history),
        }
        save(self.state.model, self.config.out, input=self.input, card=card)
