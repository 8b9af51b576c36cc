"""Constants of a source model that broadcast over a step of a value."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from snnc.compiler.frontend.importing import exact
from snnc.compiler.ir.graph import Array
from snnc.errors import BAD_SHAPE, SnncError


def exact_constant(value: torch.Tensor, where: str) -> Array:
    """A constant as float64; whole numbers are exact in any type. Raises SnncError as exact()."""
    if not value.is_floating_point() and not value.is_complex():
        value = value.to(torch.float32)
    return exact(value, where)


def spread(constant: Any, shape: tuple[int, ...]) -> Array:
    """A constant as one number per channel [C, 1, ...] where that is enough, else per element.

    It broadcasts over ``shape`` as in PyTorch, leading axes of length 1 left out.

    Raises:
        SnncError: BAD_SHAPE where it does not fit.
    """
    array = np.asarray(constant, np.float64)
    while array.ndim > len(shape) and array.shape[0] == 1:
        array = array[0]
    try:
        full = np.broadcast_to(array, shape)
    except ValueError as error:
        raise SnncError(
            BAD_SHAPE, f"a constant of shape {array.shape} does not fit {shape}"
        ) from error
    rows = full.reshape(shape[0], -1)
    if bool((rows == rows[:, :1]).all()):
        return np.ascontiguousarray(rows[:, 0]).reshape(shape[0], *[1] * (len(shape) - 1))
    return np.ascontiguousarray(full)
