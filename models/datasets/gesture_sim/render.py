"""Capsules to images: anti-aliased by their signed distance, far parts first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, repeat

import numpy as np
from numpy.typing import NDArray

from snnc.models.datasets.gesture_sim.figure import SENSOR, Capsules

Image = NDArray[np.float32]


@dataclass(frozen=True)
class Wall:
    """A wall with soft patches of light, darker or brighter than any skin.

    Attributes:
        level: mean log reflectance.
        waves: [6, 3]: of each wave its cycles over the image's height and width, and its phase.
    """

    level: float
    waves: NDArray[np.float64]

    def image(self, down: float = 0.0, right: float = 0.0) -> Image:
        """The wall moved by so many pixels: reflectance [H, W]."""
        height, width = SENSOR
        row = np.linspace(0, 1, height)[:, None] - down / (height - 1)
        column = np.linspace(0, 1, width)[None, :] - right / (width - 1)
        level: float | NDArray[np.float64] = self.level
        for u, v, phase in self.waves:
            level = level + 0.12 * np.cos(2 * np.pi * (u * row + v * column + phase))
        return np.asarray(np.exp(level), dtype=np.float32)

    def moving(self, velocity: tuple[float, float], time: NDArray[np.float64]) -> Iterator[Image]:
        """The wall at each time [F] in seconds, as it moves at ``velocity`` (down, right) in
        pixels a second."""
        if not any(velocity):
            yield from repeat(self.image(), len(time))
            return
        for moment in time:
            yield self.image(velocity[0] * moment, velocity[1] * moment)


def draw_wall(rng: np.random.Generator) -> Wall:
    """A wall from the dice."""
    level = np.log(rng.uniform(0.1, 0.2) if rng.random() < 0.5 else rng.uniform(0.7, 0.95))
    waves = [[*rng.normal(0, 2.0, size=2), rng.random()] for _ in range(6)]
    return Wall(float(level), np.array(waves))


def render(capsules: Capsules, walls: Iterable[Image]) -> Iterator[Image]:
    """One image a frame, [H, W] reflectance, each a new array; ``walls`` has one a frame too."""
    boxes = _boxes(capsules.ends)
    ends = capsules.ends.astype(np.float32)
    colour = capsules.reflectance.astype(np.float32)
    height, width = SENSOR
    rows = np.arange(height, dtype=np.float32)[:, None]
    columns = np.arange(width, dtype=np.float32)[None, :]
    for frame, wall in enumerate(islice(walls, len(ends))):
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
