"""Rounding-error bounds of float32 arithmetic (Higham, Accuracy and Stability, ch. 3).

Every rule holds for any order of summation and with or without fused multiply-add, so one bound
serves PyTorch's kernels and ours.
"""

from __future__ import annotations

import torch

UNIT = 2.0**-24
"""Unit roundoff of float32, round to nearest."""

SMALLEST = 2.0**-149
"""Smallest positive float32: the absolute error of an operation whose result underflows."""

SMALLEST_NORMAL = 2.0**-126
"""Smallest positive float32 of full precision."""


def gamma(terms: torch.Tensor | float) -> torch.Tensor:
    """gamma_n = n*u / (1 - n*u): relative error of n roundings in a row."""
    product = torch.as_tensor(terms, dtype=torch.float64) * UNIT
    return product / (1.0 - product)


def gamma_of(terms: float) -> float:
    """:func:`gamma` of a number of terms that is the same for all elements."""
    return terms * UNIT / (1.0 - terms * UNIT)


def no_error(like: torch.Tensor) -> torch.Tensor:
    """The error of exact values: zeros of the same shape, in no memory."""
    return torch.zeros((), dtype=torch.float64).expand(like.shape)


def carries(error: torch.Tensor) -> bool:
    """Whether any element has an error; :func:`no_error` is known by its one number."""
    return bool((error if any(error.stride()) else error.reshape(-1)[:1]).any())


def parameter_rounding(value: torch.Tensor) -> torch.Tensor:
    """How far each exact parameter is from the float32 that the code holds."""
    return (value - value.to(torch.float32).to(torch.float64)).abs()


def without_nan(error: torch.Tensor) -> torch.Tensor:
    """A bound that is not a number is none: 0 times infinity, behind what may overflow."""
    return torch.where(torch.isnan(error), torch.inf, error)


def rounded(value: torch.Tensor, error: torch.Tensor, operations: float = 1.0) -> torch.Tensor:
    """Bound after ``operations`` further roundings of a value that carries ``error``."""
    return error + gamma(operations) * (value.abs() + error) + operations * SMALLEST
