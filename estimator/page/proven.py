"""What a verification said, for a page."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Proven:
    """What a verification of the model's C said.

    Attributes:
        passed: whether every link held.
        verdict: in words.
        samples: recordings that were compared.
    """

    passed: bool
    verdict: str
    samples: int
