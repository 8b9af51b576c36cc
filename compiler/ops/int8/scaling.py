"""How quantization chooses scales, fraction bits and bounds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from snnc.compiler.ir.graph import Array
from snnc.compiler.ops.int8.fixed import BETA_BITS, LIMITS

THRESHOLD_LIMIT = 2**12
"""A scale is large enough that the threshold takes at most this many units of it."""

MAX_INPUT_SHIFT = 6
"""Most fraction bits that a membrane potential gets beyond the unit of its sums."""


@dataclass(frozen=True)
class Ranges:
    """What calibration saw: the largest |value| by node, of membrane potentials by channel."""

    values: Mapping[str, float]
    membranes: Mapping[str, Array]


@dataclass(frozen=True)
class Scaled:
    """A quantized value: real = unit * integer, unit [1] or [C]; |integer| <= bound, proved."""

    unit: Array
    bound: int


CLIPPED = tuple(1 - step / 20 for step in range(11))
"""Parts of the largest weight of a channel that its largest int4 may stand for."""


def weight_scale(weight: Array, bias: Array, threshold: float, type_: str = "int8") -> Array:
    """One scale for each output channel of ``weight`` [O, ...].

    The weights fit their type (int4: larger ones are clipped where that makes the sum of squared
    errors less), the bias 14 bits, and what the neuron compares with, ``threshold`` (0
    where there is no neuron), takes at most THRESHOLD_LIMIT units. A channel without weights gets
    a scale that something else fits.
    """
    rows = weight.reshape(len(weight), -1)
    largest = np.abs(rows).max(axis=1)
    scale = largest / LIMITS["int8"] if type_ == "int8" else _clipped(rows, LIMITS[type_])
    scale = np.maximum(scale, np.abs(bias) / 2**13)
    scale = np.maximum(scale, largest.max() / LIMITS[type_] / 256)
    scale = np.maximum(scale, threshold / THRESHOLD_LIMIT)
    return np.where(scale > 0, scale, 1.0)


def _clipped(rows: Array, limit: int) -> Array:
    """Of the scales that clip a row's largest weights to ``limit``, the one with the least sum of
    squared errors; of equals the largest."""
    largest = np.abs(rows).max(axis=1)
    best, least = largest / limit, np.full(len(rows), np.inf)
    for part in CLIPPED:
        scale = np.where(largest > 0, largest * part / limit, 1.0)
        integer = np.clip(np.round(rows / scale[:, None]), -limit, limit)
        errors = np.square(rows - integer * scale[:, None]).sum(axis=1)
        best, least = np.where(errors < least, scale, best), np.minimum(errors, least)
    return np.where(largest > 0, best, 0.0)


def membrane_bound(
    mode: str, beta: int, params: Mapping[str, Array], drive: int, time_steps: int
) -> float:
    """The largest |U| in T steps: b' = leak b + c, where c takes in rounding and reset.

    Args:
        mode: of the reset.
        beta: leak, units of 2^-BETA_BITS.
        params: drift, reset and initial potential by channel, as integers.
        drive: bound on the input of a step.
        time_steps: T.
    """
    size = {role: float(np.abs(value).max()) for role, value in params.items()}
    reset = size.get("reset", 0.0)
    added = drive + size.get("drift", 0.0) + 0.5 + (reset if mode == "soft" else 0.0)
    bound = max(size.get("initial", 0.0), reset + drive if mode == "hard" else 0.0)
    worst = bound
    for _ in range(time_steps):
        bound = beta / 2**BETA_BITS * bound + added
        worst = max(worst, bound)
    return worst


def fractions(values: Array) -> tuple[Array, int]:
    """Values as int16 in units of 2^-shift, with the largest shift that fits (at most 24)."""
    largest = float(np.abs(values).max())
    shift = 24 if largest == 0 else min(24, math.floor(math.log2(LIMITS["int16"] / largest)))
    shift = max(shift, 0)
    return np.round(values * 2.0**shift), shift


def shifted_bound(bound: int, shift: int) -> int:
    """Bound on round_shift of values within ``bound``."""
    return (bound >> shift) + 1


def input_shift(largest: float, seen: float, bound: int) -> int:
    """Fraction bits of a membrane potential, in 16 bits where the constants allow that.

    The constants keep two bits of headroom, what calibration saw one; sums must fit 31 bits.
    """
    shift = 0
    while (
        shift < MAX_INPUT_SHIFT
        and largest * 2 ** (shift + 1) <= 2**13
        and seen * 2 ** (shift + 1) <= 2**14
        and bound << (shift + 1) < LIMITS["int32"] // 2
    ):
        shift += 1
    return shift
