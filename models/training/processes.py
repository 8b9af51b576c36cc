"""Several processes on one task, through PyTorch's distributed engine (gloo or nccl).

``torchrun --nproc-per-node N -m snnc ...`` starts N processes, each of which enters
:func:`together`; without ``torchrun`` every function here does the work of one process. All
processes run the same program on the same data and take a share each.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from snnc.errors import LOST_WORKER, SnncError

T = TypeVar("T")


@contextmanager
def together() -> Iterator[None]:
    """Join the other processes that ``torchrun`` started, for the length of a block.

    Raises:
        SnncError: LOST_WORKER where another process ends before its time.
    """
    expected = int(os.environ.get("WORLD_SIZE", "1"))
    if expected < 2 or dist.is_initialized():
        yield
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    _import_what_would_keep_the_group()
    try:
        dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
        yield
        dist.barrier()  # nobody leaves, and is missed, while another still works
    except RuntimeError as error:
        if not _is_of_the_connection(error):
            raise
        me = os.environ.get("RANK", "?")
        raise SnncError(
            LOST_WORKER, f"process {me} of {expected} (from 0) lost touch with another"
        ) from error
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()


def rank() -> int:
    """Which process this is, from 0; the first one writes files and speaks."""
    return dist.get_rank() if dist.is_initialized() else 0


def count() -> int:
    """How many processes there are."""
    return dist.get_world_size() if dist.is_initialized() else 1


def share(items: Sequence[T]) -> Sequence[T]:
    """This process's share of some items: every ``count``-th item, so that shares differ by one."""
    return items[rank() :: count()]


def total(numbers: Tensor) -> Tensor:
    """The sum of ``numbers`` over all processes, in every one of them."""
    if count() > 1:
        dist.all_reduce(numbers)
    return numbers


def gathered(mine: T) -> list[T]:
    """What every process holds, in the order of their ranks, in every one of them."""
    if count() == 1:
        return [mine]
    everyone: list[Any] = [None] * count()
    dist.all_gather_object(everyone, mine)
    return everyone


def _import_what_would_keep_the_group() -> None:
    """Import torch._dynamo, as optimizers and DistributedDataParallel do, before there is a group.

    Imported while there is one, it keeps the group beyond its end (torch 2.13), and with it the
    engine's threads: one that asks for the interpreter while this shuts down aborts the process
    (SIGABRT), rarely, and after all work was done.
    """
    importlib.import_module("torch._dynamo")


def _is_of_the_connection(error: RuntimeError) -> bool:
    """Whether the engine lost another process: gloo raises a plain RuntimeError."""
    return isinstance(error, dist.DistError) or "gloo" in str(error).lower()
