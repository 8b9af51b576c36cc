"""Still images as a network's input: direct, rate and latency coding.

========= ==================================================================================
direct    the image at every step; whole numbers, as a compiled model takes counts
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

SEED = 0
"""Of rate coding, together with an image's place in its data set."""

BRIGHTEST = 255
"""What images of whole numbers of 8 bits are divided by for rate and latency coding."""


def encode(
    image: NDArray[Any], encoder: Encoder, time_steps: int, place: int = 0
) -> NDArray[np.uint16]:
    """An image as a window.

    Args:
        image: of any shape; whole numbers for ``direct``; else numbers from 0 to 1, or uint8, which
            is divided by 255.
        encoder: how.
        time_steps: T.
        place: of the image in its data set, for ``rate``.

    Returns:
        uint16 [T, *shape].

    Raises:
        SnncError: BAD_SHAPE for a value outside of these.
    """
    image = np.asarray(image)
    if encoder == "direct":
        return np.repeat(_whole(image)[None], time_steps, axis=0)
    values = _shares(image)
    if encoder == "rate":
        drawn = np.random.default_rng((SEED, place)).random((time_steps, *values.shape))
        return (drawn < values).astype(np.uint16)
    steps = np.round((time_steps - 1) * (1 - values))
    each = np.arange(time_steps).reshape(-1, *([1] * values.ndim))
    fires: NDArray[np.bool_] = (each == steps) & (values > 0)
    return fires.astype(np.uint16)


def _whole(image: NDArray[Any]) -> NDArray[np.uint16]:
    most = np.iinfo(np.uint16).max
    with np.errstate(invalid="ignore"):
        wrong = ~((image >= 0) & (image <= most) & (image == np.floor(image)))
    if wrong.any():
        raise SnncError(
            BAD_SHAPE,
            f"direct coding gives the C a pixel as it is, and {image[wrong].flat[0]:g} is not a "
            f"whole number from 0 to {most}",
            mend="Give images of whole numbers (uint8), or use the encoder rate or latency.",
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
            mend="Scale the images, or give them as uint8.",
        )
    return values
