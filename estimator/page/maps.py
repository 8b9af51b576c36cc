"""Spike features as small pictures: one channel over time, and all channels on demand.

The paper's Figure 2 shows a channel's feature at every step, and its Figures 5 and 6 the features
of many channels; here each is the channel's N-SFR map (Definitions 1 and 2).
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from PIL import Image

from snnc.estimator.figures.redundancy import Pair, reduced, reduction
from snnc.estimator.redundancy import measures
from snnc.estimator.redundancy.analysis import busiest_channels, busiest_step
from snnc.estimator.redundancy.measures import Reals
from snnc.estimator.redundancy.records import LayerRecord

STEPS, CHANNELS = 12, 256
"""Steps of a strip, channels of a sheet, at most."""

SHEET_STEPS = 8
"""Steps that a sheet can be leafed through."""

PIXELS = 3_000_000
"""Pixels of all sheets of a page together: larger maps are drawn by the means of blocks."""

_PALETTE = (np.asarray(colormaps["magma"](np.arange(256)))[:, :3] * 255).round().astype(np.uint8)


@dataclass(frozen=True)
class Picture:
    """A picture, and what it says: PNG in base64, its step (from 1), a tip."""

    data: str
    step: int
    tip: str


@dataclass(frozen=True)
class Strip:
    """One channel over time.

    Attributes:
        layer: its layer.
        channel: its number.
        brightest: the share of recordings that is drawn brightest.
        rows: (role, pictures), the baseline's first.
    """

    layer: str
    channel: int
    brightest: float
    rows: tuple[tuple[str, tuple[Picture, ...]], ...]


@dataclass(frozen=True)
class Sheet:
    """All channels of a layer, step by step.

    Attributes:
        layer: the layer.
        channels: how many are shown, of how many.
        width: pixels of a sheet.
        brightest: the share of recordings that is drawn brightest.
        rows: (role, a picture a step).
    """

    layer: str
    channels: tuple[int, int]
    width: int
    brightest: float
    rows: tuple[tuple[str, tuple[Picture, ...]], ...]


def strips(pairs: Sequence[Pair]) -> list[Strip]:
    """The busiest channel of each layer of maps, over time (Figure 2)."""
    return [_strip(pair) for pair in pairs if len(pair[0].shape) == 3]


def sheets(pairs: Sequence[Pair]) -> list[Sheet]:
    """All channels of each layer of maps (Figures 5 and 6)."""
    mapped = [pair for pair in pairs if len(pair[0].shape) == 3]
    values = [min(pair[0].channels, CHANNELS) * pair[0].neurons_per_channel for pair in mapped]
    wanted = sum(
        number * SHEET_STEPS * len(_both(pair)) for number, pair in zip(values, mapped, strict=True)
    )
    by = max(1, int(np.ceil(np.sqrt(wanted / PIXELS))))
    return [_sheet(pair, by) for pair in mapped]


def _both(pair: Pair) -> list[tuple[str, LayerRecord]]:
    model, baseline = pair
    return [*([("baseline", baseline)] if baseline is not None else []), ("model", model)]


def _strip(pair: Pair) -> Strip:
    leading = pair[1] or pair[0]
    (channel,) = busiest_channels(leading, busiest_step(leading), 1)
    steps = _spread(pair[0].time_steps, STEPS)
    rates = {
        role: [measures.n_sfr_map(record, step, channel) for step in steps]
        for role, record in _both(pair)
    }
    top = max(float(rate.max()) for row in rates.values() for rate in row) or 1.0
    rows = tuple(
        (
            role,
            tuple(
                Picture(
                    _png(reduced(rate, reduction(rate.shape)) / top),
                    step + 1,
                    f"the {role}, step {step + 1}: channel {channel} fires at {rate.mean():.4f}",
                )
                for step, rate in zip(steps, row, strict=True)
            ),
        )
        for role, row in rates.items()
    )
    return Strip(pair[0].name, channel, top, rows)


def _sheet(pair: Pair, by: int) -> Sheet:
    channels = min(pair[0].channels, CHANNELS)
    steps = _spread(pair[0].time_steps, SHEET_STEPS)
    top = max(float(measures.n_sfr(record)[steps].max()) for _, record in _both(pair)) or 1.0
    rows, width = [], 0
    for role, record in _both(pair):
        pictures = []
        for step in steps:
            maps = [reduced(measures.n_sfr_map(record, step, c), by) for c in range(channels)]
            sheet = _side_by_side(maps)
            width = sheet.shape[1]
            rate = float(np.mean([image.mean() for image in maps]))
            tip = f"the {role}, step {step + 1}: these channels fire at {rate:.4f}"
            pictures.append(Picture(_png(sheet / top), step + 1, tip))
        rows.append((role, tuple(pictures)))
    return Sheet(pair[0].name, (channels, pair[0].channels), width, top, tuple(rows))


def _spread(number: int, most: int) -> list[int]:
    return [int(step) for step in np.linspace(0, number - 1, min(number, most)).round()]


def _side_by_side(maps: Sequence[Reals]) -> Reals:
    """Maps in rows of about as many as there are rows, a pixel apart; apart is negative."""
    height, width = maps[0].shape
    across = min(len(maps), max(8, int(np.ceil(np.sqrt(2 * len(maps) * height / width)))))
    down = -(-len(maps) // across)
    sheet = np.full((down * (height + 1) - 1, across * (width + 1) - 1), -1.0)
    for place, image in enumerate(maps):
        row, column = divmod(place, across)
        top, left = row * (height + 1), column * (width + 1)
        sheet[top : top + height, left : left + width] = image
    return sheet


def _png(shares: npt.NDArray[np.float64]) -> str:
    """A picture of shares, 0 to 1, in the colours of magma; what is negative is clear."""
    places = np.clip(np.round(shares * 254), -1, 254).astype(np.int16)
    image = Image.fromarray(np.where(places < 0, 255, places).astype(np.uint8), "P")
    palette = np.vstack([_PALETTE[np.linspace(0, 255, 255).round().astype(int)], [[127, 127, 127]]])
    image.putpalette(palette.astype(np.uint8).tobytes())
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True, transparency=255)
    return base64.b64encode(file.getvalue()).decode()
