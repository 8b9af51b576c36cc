"""Still images as a network's input: direct, rate and latency coding.

========= ==================================================================================
direct    the image at every step: whole numbers, or real ones where the model takes those
rate      at every step a spike with the probability that is the pixel's value, 0 to 1
          (drawn from a seed and the image's place, so a run can be repeated)
latency   one spike a pixel, at step round((T - 1)(1 - value)); a pixel that is 0 has none
========= ==================================================================================

Rate and latency coding are those of Auge et al. 2021 (A survey of encoding techniques for signal
processing in spiking neural networks, Neural Processing Letters 53), sections 3.1 and 3.2.1.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from snnc.errors import BAD_SHAPE, SnncError

Encoder = Literal["direct", "rate", "latency"]
ENCODERS: tuple[Encoder, ...] = get_args(Encoder)

InputKind = Literal["count", "real"]
"""What the numbers of a model's input are: counts of events (whole numbers from 0 to 65535), or
real numbers of either sign, as float32."""
INPUT_KINDS: tuple[InputKind, ...] = get_args(InputKind)

Numbers = NDArray[np.uint16] | NDArray[np.float32]
"""Counts, or real numbers."""

SEED = 0
"""Of rate coding, together with an image's place in its data set."""

BRIGHTEST = 255
"""What images of whole numbers of 8 bits are divided by for rate and latency coding."""


def encode(
    image: NDArray[Any],
    encoder: Encoder,
    time_steps: int,
    place: int = 0,
    kind: InputKind = "count",
) -> Numbers:
    """An image as a window.

    Args:
        image: of any shape; for ``direct`` what the model takes, whole or real numbers; else
            numbers from 0 to 1, or uint8, which is divided by 255.
        encoder: how.
        time_steps: T.
        place: of the image in its data set, for ``rate``.
        kind: of the numbers that the model takes.

    Returns:
        [T, *shape], uint16, or float32 for a model that takes real numbers.

    Raises:
        SnncError: BAD_SHAPE for a value outside of these.
    """
    image = np.asarray(image)
    if encoder == "direct" and kind == "real":
        return np.repeat(reals_of(image, "the image")[None], time_steps, axis=0)
    if encoder == "direct":
        return np.repeat(_whole(image)[None], time_steps, axis=0)
    spikes = _coded(image, encoder, time_steps, place)
    return spikes.astype(np.float32) if kind == "real" else spikes.astype(np.uint16)


def reals_of(array: NDArray[Any], what: str) -> NDArray[np.float32]:
    """The numbers as float32.

    Raises:
        SnncError: BAD_SHAPE for one that is infinite, or none, with its place.
    """
    with np.errstate(over="ignore"):
        values = np.asarray(array).astype(np.float32)
    wrong = ~np.isfinite(values)
    if wrong.any():
        place = tuple(int(index) for index in np.argwhere(wrong)[0])
        raise SnncError(
            BAD_SHAPE,
            f"{what} holds {array[place]:g} at {list(place)}, and a compiled model takes finite "
            "float32",
            hint="Replace what is missing or infinite before the network sees it.",
        )
    return values


def _coded(image: NDArray[Any], encoder: Encoder, time_steps: int, place: int) -> NDArray[np.bool_]:
    """Spikes [T, *shape] of rate or latency coding."""
    values = _shares(image)
    if encoder == "rate":
        drawn = np.random.default_rng((SEED, place)).random((time_steps, *values.shape))
        return drawn < values
    steps = np.round((time_steps - 1) * (1 - values))
    each = np.arange(time_steps).reshape(-1, *([1] * values.ndim))
    fires: NDArray[np.bool_] = (each == steps) & (values > 0)
    return fires


def _whole(image: NDArray[Any]) -> NDArray[np.uint16]:
    most = np.iinfo(np.uint16).max
    with np.errstate(invalid="ignore"):
        wrong = ~((image >= 0) & (image <= most) & (image == np.floor(image)))
    if wrong.any():
        raise SnncError(
            BAD_SHAPE,
            f"direct coding gives the C a pixel as it is, and {image[wrong].flat[0]:g} is not a "
            f"whole number from 0 to {most}",
            hint="Give images of whole numbers (uint8), use the encoder rate or latency, or say "
            "--input-kind real.",
        )
    return image.astype(np.uint16)


def _shares(image: NDArray[Any]) -> NDArray[np.float64]:
    values = image / BRIGHTEST if image.dtype == np.uint8 else np.asarray(image, np.float64)
    wrong = ~((values >= 0) & (values <= 1))
    if wrong.any():
        raise SnncError(
            BAD_SHAPE,
            f"rate and latency coding take values from 0 to 1, and {values[wrong].flat[0]:g} is "
            "none",
            hint="Scale the images, or give them as uint8.",
        )
    return values
