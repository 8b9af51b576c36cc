"""Telling the C allocator to keep what PyTorch frees, which doubles training speed here.

A tensor of a whole sequence is tens of megabytes. glibc fetches such blocks from the kernel
and hands them back on every free, and the page faults of touching fresh pages then cost as
much as the arithmetic (three-layer-narrow, T 20, 34×34, batch 16, one thread: 0.83 s a step,
0.40 s without them).
"""

from __future__ import annotations

import ctypes
import sys

_M_TRIM_THRESHOLD = -1  # malloc.h
_M_MMAP_MAX = -4
_NEVER = -1


def keep_freed_memory() -> bool:
    """Make freed blocks of any size reusable instead of returning them to the kernel.

    Holds for the rest of the process, which keeps its peak memory. Only glibc is told;
    elsewhere nothing changes.

    Returns:
        Whether the allocator was told.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(_M_MMAP_MAX, 0)) and bool(mallopt(_M_TRIM_THRESHOLD, _NEVER))
