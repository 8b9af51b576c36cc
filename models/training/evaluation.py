"""Accuracy and firing rate of a network on a data set."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, cast

import numpy as np
import torch
from torch import Tensor, nn

from snnc.errors import BAD_DATA_SPEC, SnncError
from snnc.models.datasets.clips import RecordedFrames
from snnc.models.networks import Network
from snnc.models.neurons import SPIKING
from snnc.models.training import processes


class FrameDataset(Protocol):
    """A list of samples; ``[i]`` is (event counts ``[T, 2, H, W]``, label)."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> tuple[Any, int]: ...


class FrameSource(Protocol):
    """Labelled frames by the batch."""

    def __len__(self) -> int: ...

    @property
    def clips(self) -> int:
        """Windows per sample, which vote on its class."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(T, 2, H, W) of a window."""

    def batch(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """Event counts ``[N·clips, T, 2, H, W]`` and labels int64 ``[N]`` of samples ``[N]``."""


@dataclass(frozen=True)
class MemoryFrames:
    """A data set held in memory as small integers.

    Attributes:
        frames: event counts, uint8 where they fit, else int32, ``[N, T, 2, H, W]``.
        labels: int64, ``[N]``.
        clips: 1, windows per sample.
    """

    frames: Tensor
    labels: Tensor
    clips: int = 1

    @classmethod
    def of(cls, dataset: FrameDataset, classes: int) -> MemoryFrames:
        """Read ``dataset`` whole.

        Raises:
            SnncError: BAD_DATA_SPEC for a data set without samples, or a label that is not
                in [0, ``classes``).
        """
        if len(dataset) == 0:
            raise SnncError(BAD_DATA_SPEC, "the data set has no samples")
        samples = [dataset[index] for index in range(len(dataset))]
        counts = np.stack([np.asarray(frames) for frames, _ in samples])
        kind = np.uint8 if counts.max() <= np.iinfo(np.uint8).max else np.int32
        labels = torch.tensor([label for _, label in samples], dtype=torch.int64)
        outside = (labels < 0) | (labels >= classes)
        if outside.any():
            index = int(outside.nonzero()[0])
            raise SnncError(
                BAD_DATA_SPEC,
                f"sample {index} has label {int(labels[index])}, and there are {classes} classes",
            )
        return cls(torch.from_numpy(counts.astype(kind)), labels)

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def shape(self) -> tuple[int, ...]:
        """(T, 2, H, W)."""
        return tuple(self.frames.shape[1:])

    def batch(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """Frames and labels of the samples ``indices``."""
        return self.frames[indices], self.labels[indices]


def frame_source(dataset: FrameDataset | FrameSource, classes: int) -> FrameSource:
    """``dataset`` if it gives batches itself, else all of it in memory.

    Raises:
        SnncError: see :meth:`MemoryFrames.of`.
    """
    if isinstance(dataset, MemoryFrames | RecordedFrames):
        return dataset
    return MemoryFrames.of(cast("FrameDataset", dataset), classes)


@dataclass(frozen=True)
class Evaluation:
    """Result on a data set.

    Attributes:
        samples: number of samples.
        accuracy: share of samples whose highest score is the label's, 0 to 1; of a sample
            with several clips, in more than half of them.
        nasfr: network average spike firing rate: spikes per neuron and time step over all
            spiking layers, linear layers included, each weighted by its neuron count (as in
            the code of Yao et al. 2023).
        layer_rates: the same for each spiking layer, by module path.
    """

    samples: int
    accuracy: float
    nasfr: float
    layer_rates: dict[str, float]


@torch.no_grad()
def evaluate(
    model: Network, dataset: FrameDataset | FrameSource, batch_size: int = 32
) -> Evaluation:
    """Run ``model`` in evaluation mode over ``dataset``, each sample once.

    Inside :func:`snnc.models.training.processes.together` the processes share the batches; every
    one of them gets the whole result.

    Args:
        model: the network.
        dataset: labelled frames.
        batch_size: windows at a time; all clips of a sample go together.

    Raises:
        SnncError: see :meth:`MemoryFrames.of`.
    """
    source = frame_source(dataset, model.classes)
    batches = torch.split(torch.arange(len(source)), max(1, batch_size // source.clips))
    was_training = model.training
    model.eval()
    device = next(model.parameters()).device
    correct = 0
    with _spike_counts(model) as counts:
        for indices in processes.share(batches):
            frames, labels = source.batch(indices)
            named = model(to_input(frames.to(device))).argmax(dim=1).view(-1, source.clips)
            votes = (named == labels.to(device)[:, None]).sum(dim=1)
            correct += int((2 * votes > source.clips).sum())
    model.train(was_training)
    whole = torch.tensor([(correct, 0), *counts.values()], dtype=torch.int64, device=device)
    (correct, _), *sums = processes.total(whole).tolist()
    rates = {path: fired / total for path, (fired, total) in zip(counts, sums, strict=True)}
    spikes, slots = (sum(column) for column in zip(*sums, strict=True))
    return Evaluation(len(source), correct / len(source), spikes / slots, rates)


def to_input(frames: Tensor) -> Tensor:
    """Integer counts ``[N, T, 2, H, W]`` as network input, float32 ``[T, N, 2, H, W]``."""
    return frames.transpose(0, 1).to(torch.float32, memory_format=torch.contiguous_format)


@contextmanager
def _spike_counts(model: nn.Module) -> Iterator[dict[str, tuple[int, int]]]:
    """By module path: (spikes, neurons × steps × samples) of all forward passes inside."""
    spiking = {path: entry for path, entry in model.named_modules() if isinstance(entry, SPIKING)}
    counts = dict.fromkeys(spiking, (0, 0))

    def observe(path: str) -> Any:
        def hook(_module: nn.Module, _inputs: Any, spikes: Tensor) -> None:
            fired, total = counts[path]
            counts[path] = (fired + int(spikes.count_nonzero()), total + spikes.numel())

        return hook

    handles = [module.register_forward_hook(observe(path)) for path, module in spiking.items()]
    try:
        yield counts
    finally:
        for handle in handles:
            handle.remove()
