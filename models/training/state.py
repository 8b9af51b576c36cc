"""The state of a run between two epochs, on disk: enough to go on to the bit."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from snnc.errors import BAD_CHECKPOINT, BAD_OPTION, SnncError
from snnc.messages import first_sentence
from snnc.models.networks import Network
from snnc.models.storage.pt_files import read_tensors, write_tensors
from snnc.models.training import processes
from snnc.models.training.metrics import EpochMetrics

FORMAT = "snnc-training"
VERSION = 1


@dataclasses.dataclass
class State:
    """What changes while a run goes on.

    Attributes:
        model: the network.
        optimizer: its optimizer.
        epoch: how many epochs are done.
        history: their metrics.
    """

    model: Network
    optimizer: torch.optim.Optimizer
    epoch: int = 0
    history: list[EpochMetrics] = dataclasses.field(default_factory=list)

    def write(self, path: Path, recipe: Mapping[str, object]) -> None:
        """Keep it, with the recipe it belongs to. Raises SnncError (BAD_OUTPUT)."""
        content: dict[str, object] = {
            "format": FORMAT,
            "version": VERSION,
            "recipe": dict(recipe),
            "epoch": self.epoch,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "generator": torch.get_rng_state(),
            "history": [dataclasses.asdict(metrics) for metrics in self.history],
        }
        if torch.cuda.is_available():
            content["cuda generator"] = torch.cuda.get_rng_state()
        write_tensors(content, path)

    def resume(self, path: Path, recipe: Mapping[str, object]) -> None:
        """Go on from ``path``, if it exists; the first process reads it for all.

        Raises:
            SnncError: BAD_CHECKPOINT for a damaged file; BAD_OPTION for that of another recipe.
        """
        mine: dict[str, Any] | None = None
        if processes.rank() == 0 and path.exists():
            mine = read_tensors(path, FORMAT, VERSION)
        content = processes.gathered(mine)[0]
        if content is None:
            return
        try:
            kept = dict(content["recipe"])
            differing = [key for key, value in recipe.items() if kept.get(key) != value]
            if not differing:
                self._restore(content)
        except (LookupError, TypeError, ValueError, RuntimeError, AttributeError) as error:
            raise SnncError(
                BAD_CHECKPOINT,
                f"the training state is incomplete ({first_sentence(error)})",
                where=str(path),
            ) from error
        if differing:
            raise SnncError(
                BAD_OPTION,
                f"the checkpoint was made with another {', '.join(differing)}",
                where=str(path),
                hint="Use the same settings, or another checkpoint path to start anew.",
            )

    def _restore(self, content: dict[str, Any]) -> None:
        self.model.load_state_dict(content["model"])
        self.optimizer.load_state_dict(content["optimizer"])
        torch.set_rng_state(content["generator"])
        if torch.cuda.is_available() and "cuda generator" in content:
            torch.cuda.set_rng_state(content["cuda generator"])
        self.epoch = content["epoch"]
        self.history = [EpochMetrics(**line) for line in content["history"]]
