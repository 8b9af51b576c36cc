"""Who performs: one person's body, clothes and settings, drawn once from a seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Subject:
    """One simulated person. Lengths in metres, reflectances from 0 (black) to 1 (white).

    Attributes:
        index: which person; part of the seed of everything this person does.
        stature: height.
        arm: shoulder to wrist.
        girth: thickness of torso and limbs, 1 is average.
        offset: where the person stands, to the right of the image's centre.
        distance: from the camera to the shoulders.
        left_handed: the left arm moves wider; the air guitar is held the other way round.
            Never changes a label.
        tempo: speed of all gestures, 1 is average.
        amplitude: width of all gestures, 1 is average.
        looseness: how much hands stray and the body sways, 1 is average.
        skin, hair, shirt, trousers: reflectances.
        long_sleeves: forearms have the shirt's reflectance instead of the skin's.
    """

    index: int
    stature: float
    arm: float
    girth: float
    offset: float
    distance: float
    left_handed: bool
    tempo: float
    amplitude: float
    looseness: float
    skin: float
    hair: float
    shirt: float
    trousers: float
    long_sleeves: bool


def draw_subject(index: int, seed: int) -> Subject:
    """Person number ``index`` of the population that ``seed`` defines."""
    rng = np.random.default_rng(np.random.SeedSequence([seed, 0, index]))
    stature = rng.normal(1.70, 0.09)
    return Subject(
        index=index,
        stature=stature,
        arm=stature * rng.uniform(0.30, 0.335),
        girth=rng.uniform(0.85, 1.2),
        offset=rng.uniform(-0.10, 0.10),
        distance=rng.uniform(1.85, 2.25),
        # Every eighth person, not a coin: so that no split lacks them (about 10% of people).
        left_handed=index % 8 == 5,
        tempo=rng.uniform(0.85, 1.2),
        amplitude=rng.uniform(0.8, 1.15),
        looseness=rng.uniform(0.5, 1.5),
        skin=rng.uniform(0.3, 0.5),
        hair=rng.uniform(0.05, 0.4),
        shirt=rng.uniform(0.08, 0.9),
        trousers=rng.uniform(0.06, 0.4),
        long_sleeves=bool(rng.random() < 0.5),
    )
