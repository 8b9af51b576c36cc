"""Frames that no recording gives: of event counts, or of real numbers of both signs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable

import numpy as np

from snnc.compiler.ir.graph import Array, Graph, Kind
from snnc.compiler.plan.input_buffer import most_events

Draw = Callable[[np.random.Generator, tuple[int, ...], float], tuple[Array, float]]
"""One frame of a shape, of which the largest number is given, and the density of the spikes."""

OWN = (0.05, 0.6)
"""How much there is in the steps on which the network fires its own spikes."""

LARGEST_REAL = 2.0**16
"""Far beyond what any normalised recording holds, and no sum of a float comes near its end."""


def spread(values: Array, shape: tuple[int, ...]) -> Array:
    """[T] over values [T, *shape]."""
    return values.reshape(-1, *[1] * len(shape))


def _silence(_: np.random.Generator, shape: tuple[int, ...], __: float) -> tuple[Array, float]:
    return np.zeros(shape), 0.0


def _full(_: np.random.Generator, shape: tuple[int, ...], __: float) -> tuple[Array, float]:
    return np.ones(shape), 1.0


def _largest(rng: np.random.Generator, shape: tuple[int, ...], most: float) -> tuple[Array, float]:
    return np.where(rng.random(shape) < 0.5, most, 0), 0.5


def _sparse(rng: np.random.Generator, shape: tuple[int, ...], _: float) -> tuple[Array, float]:
    return rng.poisson(0.02, shape), 0.02


def _burst(rng: np.random.Generator, shape: tuple[int, ...], _: float) -> tuple[Array, float]:
    density = float(rng.choice([0.05, 0.3, 0.9]))
    return rng.poisson(3.0 * density, shape), density


def _large_signed(
    rng: np.random.Generator, shape: tuple[int, ...], most: float
) -> tuple[Array, float]:
    return most * rng.integers(-1, 2, shape), 0.5


def _sparse_signed(
    rng: np.random.Generator, shape: tuple[int, ...], _: float
) -> tuple[Array, float]:
    return (rng.random(shape) < 0.02) * rng.normal(size=shape), 0.02


def _dense_signed(
    rng: np.random.Generator, shape: tuple[int, ...], _: float
) -> tuple[Array, float]:
    density = float(rng.choice([0.05, 0.3, 0.9]))
    return 3.0 * density * rng.normal(size=shape), density


class Frames(ABC):
    """What frames of one kind of number may hold.

    Args:
        shape: of one step.
        most: the largest number.
        rng: where everything is drawn from.
    """

    kinds: tuple[Draw, ...]
    """The kinds of steps."""

    def __init__(self, shape: tuple[int, ...], most: float, rng: np.random.Generator) -> None:
        self.shape = shape
        self.most = most
        self.rng = rng

    @abstractmethod
    def own(self, steps: int) -> Array:
        """A window on which the network fires its own spikes."""

    @abstractmethod
    def limited(self, frames: Array) -> Array:
        """The numbers of a window as the C can hold them."""

    @abstractmethod
    def favoured(self, slopes: Array) -> Array:
        """A window that makes grow what has these slopes."""

    def steps(self, kinds: Iterable[Draw], steps: int) -> list[tuple[Array, float]]:
        """A frame of each kind, with the density of the spikes beside it."""
        most = float(self.limited(np.full((steps, *self.shape), self.most)).max())
        return [kind(self.rng, self.shape, most) for kind in kinds]


class Counts(Frames):
    """Event counts.

    Args:
        held: events that the C holds in a window; None: any number.
    """

    kinds = (_silence, _full, _largest, _sparse, _burst)

    def __init__(
        self, shape: tuple[int, ...], most: float, rng: np.random.Generator, held: int | None
    ) -> None:
        super().__init__(shape, most, rng)
        self.held = held

    def own(self, steps: int) -> Array:
        """A few events a cell."""
        densities = spread(self.rng.choice(OWN, steps), self.shape)
        return self.limited(self.rng.poisson(densities, (steps, *self.shape)))

    def limited(self, frames: Array) -> Array:
        """Of packed events only so many in a window."""
        counts = np.minimum(frames, self.most).astype(np.uint16)
        share = 1.0
        while self.held is not None and int(counts.sum()) > self.held:
            share *= 0.9 * self.held / int(counts.sum())
            counts = self.rng.binomial(counts, min(share, 1.0)).astype(np.uint16)
        return counts

    def favoured(self, slopes: Array) -> Array:
        """The most where more of a cell helps, nothing elsewhere."""
        return self.limited(self.most * (slopes > 0))


class Reals(Frames):
    """Real numbers of both signs, such as normalised images and spectrograms hold."""

    kinds = (_silence, _full, _large_signed, _sparse_signed, _dense_signed)

    def __init__(self, shape: tuple[int, ...], rng: np.random.Generator) -> None:
        super().__init__(shape, LARGEST_REAL, rng)

    def own(self, steps: int) -> Array:
        """Numbers around zero."""
        scales = spread(self.rng.choice(OWN, steps), self.shape)
        return self.limited(scales * self.rng.normal(size=(steps, *self.shape)))

    def limited(self, frames: Array) -> Array:
        """As float32."""
        return np.asarray(frames, np.float32)

    def favoured(self, slopes: Array) -> Array:
        """As much as there may be, of the sign that helps."""
        return self.limited(self.most * np.sign(slopes))


def drawn_for(graph: Graph, held: int | None, rng: np.random.Generator) -> Frames:
    """What the frames of a graph's input may hold; of packed events ``held`` in a window."""
    given = graph["input"].type
    if given.kind is Kind.REAL:
        return Reals(given.shape, rng)
    return Counts(given.shape, most_events(graph), rng, held)
