"""Images to events: the pixel of a dynamic vision sensor.

Model of Lichtsteiner et al. 2008 in the form of ESIM (Rebecq et al., CoRL 2018) and v2e
(Hu et al., CVPRW 2021): a pixel keeps the log intensity of its last event and fires ON or
OFF whenever the log intensity has moved a threshold away from it. Thresholds differ from
pixel to pixel; after an event a pixel is blind for the refractory period; and every pixel
fires now and then for no reason, some far more often than others.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from snnc.models.datasets.events import OFF, ON, pack_events

MIN_THRESHOLD = 0.05


@dataclass(frozen=True)
class Sensor:
    """A camera's constants; log intensities are natural logarithms.

    Attributes:
        threshold: mean change of log intensity for one event.
        mismatch: standard deviation of the threshold over pixels.
        refractory_us: blind time of a pixel after an event, in microseconds.
        noise_hz: mean rate of noise events of a pixel.
    """

    threshold: float = 0.25
    mismatch: float = 0.03
    refractory_us: int = 1000
    noise_hz: float = 0.15


def events_from_images(
    images: Iterable[NDArray[np.float32]],
    frame_us: int,
    sensor: Sensor,
    rng: np.random.Generator,
) -> NDArray[np.void]:
    """Events of a sequence of images ``frame_us`` microseconds apart, in time order.

    Args:
        images: intensities above 0, [H, W] each; at least two.
        frame_us: time from one image to the next; crossings are interpolated inside it.
        sensor: the camera.
        rng: draws thresholds and noise.
    """
    stream = iter(images)
    pixels = _Pixels(np.log(next(stream)).ravel(), sensor, rng)
    shape = None
    packets = []
    frame = 0
    for image in stream:
        shape = image.shape
        packets.append(pixels.step(np.log(image).ravel(), frame * frame_us, frame_us))
        frame += 1
    if shape is None:
        raise ValueError("events need at least two images")
    noise = _noise(shape[0] * shape[1], frame * frame_us, sensor, rng)
    t, pixel, p = (np.concatenate(column) for column in zip(*packets, noise, strict=True))
    events = pack_events(t, pixel % shape[1], pixel // shape[1], p)
    order = np.lexsort((events["p"], events["x"], events["y"], events["t"]))
    sorted_events: NDArray[np.void] = events[order]
    return sorted_events


Packet = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]
"""Times, pixel numbers and polarities of some events."""


class _Pixels:
    """The memory of all pixels: last log intensity, level and time of the last event."""

    def __init__(
        self, level: NDArray[np.float32], sensor: Sensor, rng: np.random.Generator
    ) -> None:
        count = len(level)
        spread = rng.normal(sensor.threshold, sensor.mismatch, size=(2, count))
        self.threshold = np.maximum(spread, MIN_THRESHOLD)
        self.now = level.astype(np.float64)
        # Before the recording began, the pixel may have gone any part of the way to an event.
        self.reference = self.now - rng.uniform(-self.threshold[OFF], self.threshold[ON])
        self.last_us = np.full(count, -sensor.refractory_us, dtype=np.int64)
        self.refractory_us = sensor.refractory_us

    def step(self, level: NDArray[np.float32], start_us: int, frame_us: int) -> Packet:
        """Move all pixels to ``level`` in a straight line and collect their events."""
        before, self.now = self.now, level.astype(np.float64)
        moved = self.now - self.reference
        up = np.flatnonzero(moved >= self.threshold[ON])
        down = np.flatnonzero(moved <= -self.threshold[OFF])
        pixel = np.concatenate([up, down])
        polarity = np.repeat(np.array([ON, OFF], np.uint8), [len(up), len(down)])
        change = np.where(polarity == ON, self.threshold[ON, pixel], -self.threshold[OFF, pixel])
        crossings = np.floor(moved[pixel] / change).astype(np.int64)
        slope = self.now[pixel] - before[pixel]
        found = []
        for nth in range(1, int(crossings.max(initial=0)) + 1):
            alive = crossings >= nth
            crossed = self.reference[pixel] + nth * change - before[pixel]
            share = np.zeros(int(alive.sum()))
            # A level that rounding left a hair past the threshold may fire without a slope.
            np.divide(crossed[alive], slope[alive], out=share, where=slope[alive] != 0)
            wait = (np.clip(share, 0.0, 1.0) * frame_us).astype(np.int64)
            time = start_us + np.minimum(wait, frame_us - 1)
            who = pixel[alive]
            rested = time - self.last_us[who] >= self.refractory_us
            self.last_us[who[rested]] = time[rested]
            found.append((time[rested], who[rested], polarity[alive][rested]))
        self.reference[pixel] += crossings * change
        if not found:
            return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.uint8)
        t, who, p = (np.concatenate(column) for column in zip(*found, strict=True))
        return t, who, p


def _noise(pixels: int, duration_us: int, sensor: Sensor, rng: np.random.Generator) -> Packet:
    """Background activity: a Poisson process a pixel, with log-normal rates (hot pixels)."""
    spread = 1.0
    rate = sensor.noise_hz * rng.lognormal(-(spread**2) / 2, spread, pixels)
    count = rng.poisson(rate * duration_us * 1e-6)
    pixel = np.repeat(np.arange(pixels), count)
    time = rng.integers(0, duration_us, len(pixel))
    return time, pixel, rng.integers(0, 2, len(pixel)).astype(np.uint8)
