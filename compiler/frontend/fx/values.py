"""What a traced value is: a graph value, one step of one, or something that only passes through.

A Python loop over time makes T traced copies of its body. They are rolled up again: the copy for
step 0 becomes graph nodes, and the copies for later steps must do the same things.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

import torch


class Layout(Enum):
    """Axes before the features of one step."""

    SEQUENCE = "[T, N, ...]"
    BATCH_FIRST = "[N, T, ...]"
    MERGED = "[T*N, ...]"
    STEP = "[N, ...]"
    WINDOW = "[N, ...] of the whole window"
    STILL = "[N, ...], the same at every step"
    REPEATED_ONCE = "[1, N, ...], about to be repeated over time"


@dataclass(frozen=True)
class Value:
    """A value of the graph, ``name``; with layout STEP its step ``step`` (None where the model
    itself is called once a step)."""

    name: str
    layout: Layout
    step: int | None = None

    @property
    def leading(self) -> int:
        """Number of axes before the features."""
        return 2 if self.layout in (Layout.SEQUENCE, Layout.BATCH_FIRST) else 1


@dataclass(frozen=True)
class Memory:
    """State that a neuron hands out (as item ``part`` of its result) and takes back."""

    neuron: str
    step: int | None
    part: int


@dataclass(frozen=True)
class Total:
    """Sum of the steps 0 to ``step`` of the graph value ``name``."""

    name: str
    step: int


@dataclass(frozen=True, eq=False)
class Constant:
    """A tensor of the model that does not depend on its input."""

    tensor: torch.Tensor

    @property
    def is_zero(self) -> bool:
        """Whether all its numbers are 0 (also where it has none: an initial state)."""
        return not bool(self.tensor.any())


@dataclass(frozen=True)
class Opaque:
    """A value with no meaning in the graph; only an error if something reads it."""

    what: str


Traced = Any
"""Value | Memory | Total | Constant | Opaque | a tuple of them | a plain Python object."""
