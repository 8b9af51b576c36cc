"""Folders of event images, the published form of HAR-DVS: pictures of events, without times.

A picture shows the events of one exposure of the camera on a bright background. Which colour
is which polarity is not documented; the paper's group tells two kinds of pixels apart by grey
level, 0 to 1 (HAR-DVS loader of "Spike-based dynamic computing with asynchronous
sensing-computing neuromorphic chip", Yao et al. 2024): below 0.12 the first channel, above 0.3
up to 0.78 the second. The same is done here, the first channel being OFF. Grey is
0.299 R + 0.587 G + 0.114 B (ITU-R 601-2, as ``Pillow`` converts).
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from snnc import limits
from snnc.errors import BAD_RECORDING, WRONG_SENSOR, SnncError
from snnc.messages import first_sentence
from snnc.models.datasets.events import EVENT_DTYPE, OFF, ON, Recording, pack_events
from snnc.models.datasets.published.listed import by_number
from snnc.user_files import read_file

SENSOR = (260, 346)
IMAGE_US = 1000
"""The time between two pictures, for want of a known one: frame them with this dt_us."""

DARK, MIDDLE = range(31), range(77, 199)
"""Grey levels, 0 to 255, of OFF and of ON pixels."""

SUFFIXES = {".png", ".bmp", ".jpg"}
FORMATS = ("PNG", "BMP", "JPEG")


def read_event_images(folder: Path) -> Recording:
    """The pictures of ``folder``, in the order of their numbers, as a recording.

    Picture k becomes one event for each of its OFF and ON pixels, at k * :data:`IMAGE_US`.

    Raises:
        SnncError: ``BAD_RECORDING`` for a folder without pictures, or a picture that is cut
            off or damaged; ``WRONG_SENSOR`` for one that is not 346x260 pixels.
    """
    try:
        paths = [path for path in folder.iterdir() if path.suffix in SUFFIXES]
    except OSError as error:
        what = f"cannot be read: {error.strerror}"
        raise SnncError(BAD_RECORDING, what, where=str(folder)) from error
    paths.sort(key=by_number)
    limits.check("images", len(paths), where=str(folder))
    if not paths:
        raise SnncError(BAD_RECORDING, "the folder holds no event images", where=str(folder))
    parts = [_events(_grey(path), index * IMAGE_US) for index, path in enumerate(paths)]
    return Recording(np.concatenate([np.empty(0, EVENT_DTYPE), *parts]), SENSOR, str(folder))


def _grey(path: Path) -> NDArray[np.uint8]:
    content = read_file(path, BAD_RECORDING)
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as image:
            _check_size(*image.size, path)  # before its pixels are decoded
            return np.asarray(image.convert("L"))
    except SnncError:
        raise
    except Exception as error:  # each of Pillow's decoders has its own types for damaged files
        raise SnncError(
            BAD_RECORDING,
            f"not a whole image of a known format ({first_sentence(error)})",
            where=f"{path} of {len(content)} bytes",
        ) from error


def _check_size(width: int, height: int, path: Path) -> None:
    if (height, width) != SENSOR:
        raise SnncError(
            WRONG_SENSOR, f"the image is {width}x{height} pixels, not 346x260", where=str(path)
        )


def _events(grey: NDArray[np.uint8], time_us: int) -> NDArray[np.void]:
    polarity = np.full(grey.shape, -1, np.int8)
    polarity[(grey >= DARK.start) & (grey < DARK.stop)] = OFF
    polarity[(grey >= MIDDLE.start) & (grey < MIDDLE.stop)] = ON
    y, x = np.nonzero(polarity >= 0)
    return pack_events(np.full(len(x), time_us), x, y, polarity[y, x])
