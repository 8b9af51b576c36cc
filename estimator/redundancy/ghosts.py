"""Ghost features: channels whose spike features are nearly the same map.

Two maps a, b of counts are as similar as 2⟨a,b⟩ / (⟨a,a⟩ + ⟨b,b⟩): 1 only where they are equal in
every pixel, less where one is a multiple of the other, 0 where they never fire at the same place.
The paper shows ghosts and does not measure them; this measure and its limit are ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from snnc.errors import BAD_OPTION, SnncError
from snnc.estimator.redundancy.records import LayerRecord

ALIKE = 0.95
"""Maps at least this similar count as ghosts of each other."""


@dataclass(frozen=True)
class Ghosts:
    """The ghosts of one layer at one step.

    Attributes:
        step: the step.
        similarity: between channels, [C, C]; 0 for silent ones.
        of: for each channel the earlier channel that it repeats, or -1.
        silent: channels that never fired at the step, [C].
    """

    step: int
    similarity: npt.NDArray[np.float64]
    of: npt.NDArray[np.int64]
    silent: npt.NDArray[np.bool_]

    @property
    def share(self) -> float:
        """Ghosts among the channels that fire; 0 where none does."""
        firing = int((~self.silent).sum())
        return int((self.of >= 0).sum()) / firing if firing else 0.0


def ghosts(record: LayerRecord, step: int, alike: float = ALIKE) -> Ghosts:
    """Find the ghosts of a layer at one step.

    A channel is a ghost of the most similar earlier channel that is no ghost itself (the lowest of
    equally similar ones), if they are alike.

    Args:
        record: a layer of maps or of single neurons; a linear layer's neurons are one channel and
            have no ghosts.
        step: the step.
        alike: how similar ghosts are, above 0 and at most 1.

    Raises:
        SnncError: BAD_OPTION for another limit.
    """
    if not 0 < alike <= 1:
        raise SnncError(BAD_OPTION, f"ghosts are alike by a share in (0, 1], not {alike}")
    # sums of products of counts stay far below 2^53, so float64 holds them exactly
    maps = record.fired[step].reshape(record.channels, -1).astype(np.float64)
    products = maps @ maps.T
    energy = np.diag(products)
    both = energy[:, None] + energy[None]
    similarity = np.divide(2 * products, both, out=np.zeros_like(products), where=both > 0)
    of = np.full(record.channels, -1, np.int64)
    for channel in range(1, record.channels):
        earlier = np.where(of[:channel] < 0, similarity[channel, :channel], 0.0)
        nearest = int(earlier.argmax())
        if earlier[nearest] >= alike:
            of[channel] = nearest
    return Ghosts(step, similarity, of, energy == 0)
