"""What a training run computes, checked before anything is built."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path

import torch

from snnc.errors import BAD_OPTION, SnncError
from snnc.models.hyper import Hyper
from snnc.models.training.augmentation import DROPS

FIXED_HYPER = {"attention", "dropout", "input_size", "time_steps", "classes"}
"""Hyper-parameters that other settings or the data decide."""

_FILES = {"out", "checkpoint", "tensorboard"}


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
        batch_size: samples per step, over all processes; a last smaller batch is trained on too.
        learning_rate: where the cosine schedule starts.
        weight_decay: Adam's L2 penalty.
        seed: of all randomness.
        shift: training samples move by up to so many pixels in x and y.
        event_drop: training samples lose up to this share of their events.
        event_drop_by: which events they lose, a name in
            :data:`snnc.models.training.augmentation.DROPS`.
        spike_penalty: what is added to the loss for each spike a neuron and step (NASFR).
        patience: end after so many epochs without a lower training loss; None for never. Test
            data never decide anything.
        device: ``cpu`` or ``cuda``.
        mixed_precision: bfloat16 in the stateless layers; GPUs only. Neurons stay float32.
        checkpoint: where to keep the state after each epoch, and to resume from where it
            exists; None for neither.
        tensorboard: folder for TensorBoard's event files; None for none.
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
    spike_penalty: float = 0.0
    patience: int | None = None
    device: str = "cpu"
    mixed_precision: bool = False
    checkpoint: Path | None = None
    tensorboard: Path | None = None

    def __post_init__(self) -> None:
        fixed = sorted(FIXED_HYPER & self.hyper.keys())
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
        if not self.spike_penalty >= 0.0 or (self.patience is not None and self.patience < 1):
            raise SnncError(BAD_OPTION, "spike_penalty must be at least 0, and patience at least 1")
        self._check_device()

    def _check_device(self) -> None:
        if self.device not in ("cpu", "cuda"):
            raise SnncError(BAD_OPTION, f"device is cpu or cuda, not {self.device!r}")
        if self.device == "cuda" and not torch.cuda.is_available():
            raise SnncError(BAD_OPTION, "PyTorch finds no GPU here", hint="Use --device cpu.")
        if self.mixed_precision and self.device == "cpu":
            raise SnncError(
                BAD_OPTION,
                "mixed precision is for GPUs, and this run is on the processor",
                hint="Leave out --mixed-precision, or add --device cuda.",
            )

    def recipe(self) -> dict[str, object]:
        """The fields that decide the result, as plain values."""
        fields = dataclasses.asdict(self)
        return {key: fields[key] for key in fields if key not in _FILES}
