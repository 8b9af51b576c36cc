"""Data-parallel training: one model in every process, each on its share of every batch.

PyTorch's DistributedDataParallel sums the gradients. What it leaves to its user is done here, so
that N processes compute what one would at the same global batch, but for the rounding of sums:
batch norm over the whole batch (nn.SyncBatchNorm on GPUs, :class:`GlobalBatchNorm` elsewhere,
where PyTorch has none), and losses weighted by the share's size. Dropout draws in each process
for itself, so with dropout the runs agree in distribution only. A bias before a batch norm has no
gradient but rounding, which Adam scales up to whole steps: it wanders, and the running mean after
it, while the training loss does not depend on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel

from snnc.errors import BAD_OPTION, SnncError
from snnc.models.networks import Network
from snnc.models.training import processes


def shared(model: Network, device: torch.device) -> nn.Module:
    """``model`` as every process of a run calls it; itself where there is one process.

    Its batch norms are replaced in place by ones that see the whole batch; names in its state
    dict stay.
    """
    if processes.count() == 1:
        return model
    if device.type == "cuda":
        nn.SyncBatchNorm.convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]
    else:
        _globalize(model)
    # The mixing of ASA has no gradient (it acts through the order of values only).
    return DistributedDataParallel(model, find_unused_parameters=True)


def check_batches(samples: int, batch_size: int) -> None:
    """Refuse a run in which some process would have nothing of the last batch.

    Raises:
        SnncError: BAD_OPTION.
    """
    smallest = samples % batch_size or min(batch_size, samples)
    if smallest < processes.count():
        raise SnncError(
            BAD_OPTION,
            f"{samples} training samples in batches of {batch_size} leave a batch of {smallest} "
            f"for {processes.count()} processes",
            hint="Choose another batch size, or fewer processes.",
        )


@contextmanager
def own_randomness(seed: int, step: int) -> Iterator[None]:
    """Random numbers of this process alone inside the block; the common ones go on after it."""
    if processes.count() == 1:
        yield
        return
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(hash((seed, step, processes.rank())))
        yield


class GlobalBatchNorm(_BatchNorm):
    """Batch norm whose mean and variance in training are those of all processes' samples.

    ``[N, C, ...]`` in and out. The variance is summed from centred values, so that nothing
    cancels; the running variance is the unbiased one, as in :class:`nn.BatchNorm2d`.
    """

    def _check_input_dim(self, input: Tensor) -> None:
        """Any number of pixels."""

    def forward(self, input: Tensor) -> Tensor:
        """The normalized input."""
        if not self.training:
            return super().forward(input)
        dims = [dim for dim in range(input.dim()) if dim != 1]
        form = [1, -1] + [1] * (input.dim() - 2)
        places = torch.tensor([input.numel() / input.shape[1]], device=input.device)
        places = processes.total(places)
        mean = _sum_over_processes(input.sum(dims)) / places
        centred = input - mean.view(form)
        variance = _sum_over_processes(centred.square().sum(dims)) / places
        self._remember(mean.detach(), (variance * places / (places - 1)).detach())
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return centred * scale.view(form) + self.bias.view(form)

    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        if self.running_mean is None or self.running_var is None or self.momentum is None:
            return
        if self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance, self.momentum)


class _Sum(torch.autograd.Function):
    """The sum over processes; so is its gradient, as every process's loss depends on it."""

    @staticmethod
    def forward(_ctx: Any, x: Tensor) -> Tensor:
        return processes.total(x.clone())

    @staticmethod
    def backward(_ctx: Any, *grads: Tensor) -> Tensor:
        return processes.total(grads[0].clone())


def _sum_over_processes(x: Tensor) -> Tensor:
    return _Sum.apply(x)  # type: ignore[no-any-return, no-untyped-call]


def _globalize(module: nn.Module) -> None:
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm1d | nn.BatchNorm2d):
            norm = GlobalBatchNorm(child.num_features, child.eps, child.momentum)
            for key, parameter in child.named_parameters():
                setattr(norm, key, parameter)
            for key, buffer in child.named_buffers():
                setattr(norm, key, buffer)
            setattr(module, name, norm)
        else:
            _globalize(child)
