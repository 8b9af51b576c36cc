"""PyTorch on one thread, for work on tensors that are too small to share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """PyTorch on one thread; also a decorator.

    Two threads that wait for each other at every step of a small map take nine times as long on
    a machine that is busy (N-MNIST's calibration: 67.8 s on two, 7.7 s on one), and gain little
    on one that is not.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
