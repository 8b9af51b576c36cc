"""Capsules to images: anti-aliased by their signed distance, far parts first."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from snnc.models.datasets.gesture_sim.figure import SENSOR, Capsules

Image = NDArray[np.float32]


def background(rng: np.random.Generator) -> Image:
    """A still wall with soft patches of light, darker or brighter than any skin: [H, W]."""
    height, width = SENSOR
    row = np.linspace(0, 1, height)[:, None]
    column = np.linspace(0, 1, width)[None, :]
    level = np.log(rng.uniform(0.1, 0.2) if rng.random() < 0.5 else rng.uniform(0.7, 0.95))
    for _ in range(6):
        u, v = rng.normal(0, 2.0, size=2)
        level = level + 0.12 * np.cos(2 * np.pi * (u * row + v * column + rng.random()))
    return np.asarray(np.exp(level), dtype=np.float32)


def render(capsules: Capsules, wall: Image) -> Iterator[Image]:
    """One image a frame, [H, W] reflectance; each a new array."""
    boxes = _boxes(capsules.ends)
    ends = capsules.ends.astype(np.float32)
    colour = capsules.reflectance.astype(np.float32)
    height, width = SENSOR
    rows = np.arange(height, dtype=np.float32)[:, None]
    columns = np.arange(width, dtype=np.float32)[None, :]
    for frame in range(len(ends)):
        image = wall.copy()
        for part in capsules.order[frame]:
            top, bottom, left, right = boxes[frame, part]
            if top < bottom and left < right:
                _draw(
                    image[top:bottom, left:right],
                    rows[top:bottom],
                    columns[:, left:right],
                    ends[frame, part],
                    colour[part],
                )
        yield image


def _draw(
    image: Image, rows: Image, columns: Image, ends: NDArray[np.float32], colour: np.float32
) -> None:
    """Blend one tapered capsule into a window of the image.

    The distance to the axis, less the radius there, is the signed distance to the edge;
    within half a pixel of the edge it is the share of the pixel that is covered. The
    surface darkens towards its edge like a lit cylinder.
    """
    (x0, y0, r0), (x1, y1, r1) = ends
    dx, dy = x1 - x0, y1 - y0
    length2 = max(dx * dx + dy * dy, np.float32(1e-6))
    px, py = columns - x0, rows - y0
    share = np.clip((px * dx + py * dy) / length2, 0.0, 1.0)
    radius = r0 + share * (r1 - r0)
    distance = np.sqrt((px - share * dx) ** 2 + (py - share * dy) ** 2)
    cover = np.clip(radius - distance + np.float32(0.5), 0.0, 1.0)
    shade = colour * (1 - np.float32(0.3) * np.minimum(distance / radius, 1.0) ** 2)
    image += cover * (shade - image)


def _boxes(ends: NDArray[np.float64]) -> NDArray[np.int64]:
    """Windows that hold each part: [F, P, 4] of top, bottom, left, right, inside the image."""
    height, width = SENSOR
    low = (ends[..., :2] - ends[..., 2:]).min(axis=2)
    high = (ends[..., :2] + ends[..., 2:]).max(axis=2)
    first = np.floor(low).astype(np.int64)
    last = np.ceil(high).astype(np.int64) + 1
    return np.stack(
        [
            np.clip(first[..., 1], 0, height),
            np.clip(last[..., 1], 0, height),
            np.clip(first[..., 0], 0, width),
            np.clip(last[..., 0], 0, width),
        ],
        axis=-1,
    )
