"""Conditions, arms, settings and order of the study (docs/study/plan.md)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Literal

Phase = Literal["choose", "final"]

THRESHOLDS = (0.3, 0.45, 0.6, 1.0)
SEEDS = (1, 2, 3, 4, 5)
FIRST_SEED = 0
"""The seed of the runs that choose a setting."""


@dataclass(frozen=True)
class Condition:
    """One kind of data.

    Attributes:
        name: how it is called.
        time_steps, dt_us, downsample: framing.
        noise: noise events to every real one (N-MNIST).
    """

    name: str
    time_steps: int
    dt_us: int
    downsample: int
    noise: int = 0

    @property
    def is_nmnist(self) -> bool:
        """Whether its recordings are N-MNIST's."""
        return self.name.startswith("nmnist")


def _nmnist(noise: int) -> Condition:
    return Condition(f"nmnist-{noise}", 10, 30_000, 2, noise)


CONDITIONS = {
    condition.name: condition
    for condition in (
        _nmnist(2),
        _nmnist(0),
        Condition("gesture-hard", 20, 45_000, 4),
        _nmnist(1),
        _nmnist(4),
    )
}
"""In the order in which they are run."""


@dataclass(frozen=True)
class Setting:
    """What is chosen on validation."""

    learning_rate: float
    threshold: float
    penalty: float = 0.0


@dataclass(frozen=True)
class Arm:
    """One kind of network.

    Attributes:
        name: how it is called.
        attention: a module of snnc.models.attention, or "none".
        settings: the four that are tried.
    """

    name: str
    attention: str
    settings: tuple[Setting, ...]

    @property
    def simple(self) -> bool:
        """Whether it is vanilla with a threshold: what the others are compared with."""
        return self.name.startswith("vanilla")


def _vanilla(threshold: float) -> Arm:
    rates = (1e-3, 2e-3, 3e-3, 6e-3)
    settings = tuple(Setting(rate, threshold) for rate in rates)
    return Arm(f"vanilla-{threshold:g}", "none", settings)


_RATES = (2e-3, 3e-3)
_BOTH = tuple(Setting(rate, threshold) for rate, threshold in product(_RATES, (0.3, 0.6)))
_PENALTIES = tuple(Setting(rate, 0.3, penalty) for rate, penalty in product(_RATES, (0.1, 0.4)))

ARMS = {
    arm.name: arm
    for arm in (
        *(_vanilla(threshold) for threshold in THRESHOLDS),
        Arm("asa1", "asa1", _BOTH),
        Arm("asa1-random", "asa1", _BOTH),
        Arm("penalty", "none", _PENALTIES),
        Arm("gain", "none", _BOTH),
        Arm("sa", "sa", _BOTH),
        Arm("asa2", "asa2", _BOTH),
        Arm("tcsa", "tcsa", _BOTH),
    )
}
"""Those that the primary question needs come first."""

OTHERS = tuple(arm.name for arm in ARMS.values() if not arm.simple)
SIMPLE = tuple(arm.name for arm in ARMS.values() if arm.simple)


@dataclass(frozen=True)
class Run:
    """One training.

    Attributes:
        condition, arm: names.
        phase: "choose" (seed 0, one of the settings) or "final" (the chosen one, a new seed).
        number: of the setting, or the seed.
    """

    condition: str
    arm: str
    phase: Phase
    number: int

    @property
    def name(self) -> str:
        """The name of its file."""
        return f"{self.condition}-{self.arm}-{self.phase}-{self.number}"


def choosing(condition: str, arm: str) -> list[Run]:
    """The runs that choose an arm's setting."""
    return [Run(condition, arm, "choose", place) for place in range(len(ARMS[arm].settings))]


def runs() -> Iterator[Run]:
    """All runs in their order."""
    for condition in CONDITIONS:
        for arm in ARMS:
            yield from choosing(condition, arm)
        for seed in SEEDS:
            for arm in ARMS:
                yield Run(condition, arm, "final", seed)
