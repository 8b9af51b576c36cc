"""A small training for ``torchrun``: parallel_run.py OUT [EPOCHS [DIE_AT_STEP]].

With DIE_AT_STEP the last process kills itself before that batch (from 0; an epoch has four). A
process that ends well has no thread of the engine left (on Linux, where threads can be listed).
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import numpy as np
import torch

from snnc.errors import SnncError
from snnc.models.checkpoints import InputDescription
from snnc.models.training import TrainConfig, processes, train
from snnc.models.training.loop import Run

INPUT = InputDescription(height=8, width=8, time_steps=5, dt_us=1000)
CLASSES = 3


def samples(count: int, seed: int) -> list[tuple[np.ndarray, int]]:
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


def config(out: Path, epochs: int) -> TrainConfig:
    """Attention, batch norm in convolutions and linear layers, augmentation, a penalty."""
    return TrainConfig(
        network="three-layer-narrow",
        out=out,
        hyper={"channels": [4, 4, 4], "hidden": 12, "fc_batch_norm": True, "votes": 2},
        attention="asa1",
        epochs=epochs,
        batch_size=8,
        learning_rate=5e-3,
        shift=1,
        event_drop=0.1,
        spike_penalty=0.5,
        checkpoint=out.with_suffix(".train"),
    )


def die_at(fatal: int) -> None:
    """Let the last process kill itself when it comes to that batch."""
    alive = Run._step

    def step_or_death(self: Run, batch: torch.Tensor, step: int, progress: float) -> torch.Tensor:
        if step == fatal and processes.rank() == processes.count() - 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return alive(self, batch, step, progress)

    Run._step = step_or_death  # type: ignore[method-assign]


def threads_of_the_engine() -> list[str]:
    """The names of this process's threads that are gloo's."""
    names = [name.read_text().strip() for name in Path("/proc/self/task").glob("*/comm")]
    return [name for name in names if "gloo" in name]


def main() -> None:
    torch.set_num_threads(1)
    out, *numbers = sys.argv[1:]
    epochs = int(numbers[0]) if numbers else 3
    if len(numbers) > 1:
        die_at(int(numbers[1]))
    try:
        with processes.together():
            train(config(Path(out), epochs), samples(30, 0), samples(12, 1), INPUT, CLASSES)
    except SnncError as error:
        sys.exit(f"snnc: {error}")
    if threads_of_the_engine():
        sys.exit(f"threads that outlive their group: {threads_of_the_engine()}")


if __name__ == "__main__":
    main()
