"""The body: joints in metres, arms by inverse kinematics, projected into the image.

World axes: x to the image's right, y up from the floor, z towards the camera. The person
faces the camera, so the right arm is at negative x. Everything is a tapered capsule: a
line from one joint to another with a radius at each end.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from snnc.models.datasets.gesture_sim.gestures import Motion, Path3
from snnc.models.datasets.gesture_sim.subject import Subject

SENSOR = (128, 128)
"""(height, width): a DVS128."""

FOCAL_PX = 200.0
"""Focal length in pixels: 1.28 m fill the image at a distance of 2 m."""

CAMERA_HEIGHT = 1.18
"""Metres above the floor: the camera looks level at the chest."""


TINY = 1e-7
"""Metres below which two joints coincide."""


@dataclass(frozen=True)
class Capsules:
    """All body parts over time, ready to draw.

    Attributes:
        ends: [F, P, 2, 3]: for both ends of part p in frame f column, row and radius, in
            pixels (pixel centres at whole numbers).
        reflectance: [P].
        order: [F, P]: part numbers from the farthest to the nearest.
    """

    ends: NDArray[np.float64]
    reflectance: NDArray[np.float64]
    order: NDArray[np.int64]


def pose(subject: Subject, motion: Motion, sway: Path3) -> Capsules:
    """The body over time.

    Args:
        subject: sizes, clothes and place.
        motion: both hands' paths, [F, 3] each.
        sway: how the trunk strays from its place, [F, 3] in metres.
    """
    trunk = _Trunk(subject, sway)
    parts = trunk.parts()
    arms = {}
    for side, path in ((-1.0, motion.right), (1.0, motion.left)):
        shoulder = trunk.joint(side * trunk.half_shoulders, 0.815)
        arms[side] = _arm(subject, shoulder, path, side, motion.elbows_out)
    still = len(parts)
    for side in (-1.0, 1.0):
        parts += arms[side].parts
    ends = np.stack([_project(subject, part) for part in parts], axis=1)
    reflectance = np.array([part.reflectance for part in parts])
    right_first = arms[-1.0].nearness <= arms[1.0].nearness
    return Capsules(ends, reflectance, _drawing_order(still, right_first))


@dataclass(frozen=True)
class _Part:
    start: Path3
    end: Path3
    start_radius: float
    end_radius: float
    reflectance: float


@dataclass(frozen=True)
class _Arm:
    parts: list[_Part]
    nearness: NDArray[np.float64]  # [F]: mean z of elbow and wrist


class _Trunk:
    """Everything but the arms; heights as shares of the stature."""

    def __init__(self, subject: Subject, sway: Path3) -> None:
        self.subject = subject
        self.sway = sway
        self.half_shoulders = 0.112 * subject.stature

    def joint(self, x: float, height: float, z: float = 0.0) -> Path3:
        """A joint over time; it sways in proportion to its height."""
        place = np.array([x + self.subject.offset, height * self.subject.stature, z])
        return np.asarray(place + self.sway * height)

    def parts(self) -> list[_Part]:
        s, g = self.subject, self.subject.girth
        shoulder, hip = self.half_shoulders, 0.055 * s.stature
        joint = self.joint
        legs = [
            _Part(joint(x, 0.49), joint(1.3 * x, 0.25), 0.085 * g, 0.06 * g, s.trousers)
            for x in (-hip, hip)
        ]
        pelvis = _Part(joint(-hip, 0.50), joint(hip, 0.50), 0.10 * g, 0.10 * g, s.trousers)
        waist = _Part(joint(0, 0.56), joint(0, 0.75), 0.14 * g, 0.155 * g, s.shirt)
        shoulders = _Part(
            joint(-0.85 * shoulder, 0.80), joint(0.85 * shoulder, 0.80), 0.06, 0.06, s.shirt
        )
        neck = _Part(joint(0, 0.81), joint(0, 0.88), 0.05 * g, 0.05 * g, s.skin)
        hair = _Part(joint(0, 0.945, -0.05), joint(0, 0.955, -0.05), 0.105, 0.10, s.hair)
        face = _Part(joint(0, 0.90), joint(0, 0.935), 0.07, 0.085, s.skin)
        return [*legs, pelvis, waist, shoulders, neck, hair, face]


def _arm(subject: Subject, shoulder: Path3, path: Path3, side: float, elbows_out: float) -> _Arm:
    """Upper arm, forearm and hand for a wrist path relative to the shoulder."""
    to_world = np.array([side, 1.0, 1.0])
    upper, fore = 0.53 * subject.arm, 0.47 * subject.arm
    hint = np.array([0.3 + elbows_out, -1.0 + 0.7 * elbows_out, -0.3]) * to_world
    elbow, wrist = two_links(shoulder, shoulder + path * to_world * subject.arm, upper, fore, hint)
    along = (wrist - elbow) / fore
    fingertips = wrist + along * 0.10
    g = subject.girth
    sleeve = subject.shirt if subject.long_sleeves else subject.skin
    parts = [
        _Part(shoulder, elbow, 0.058 * g, 0.045 * g, subject.shirt * 0.92),
        _Part(elbow, wrist, 0.045 * g, 0.033 * g, sleeve),
        _Part(wrist + along * 0.03, fingertips, 0.042, 0.036, subject.skin),
    ]
    return _Arm(parts, (elbow[:, 2] + wrist[:, 2]) / 2)


def two_links(
    root: Path3, target: Path3, first: float, second: float, hint: NDArray[np.float64]
) -> tuple[Path3, Path3]:
    """Middle joint and end of a two-link limb that reaches for ``target``.

    The law of cosines gives the middle joint's distance along and off the line to the
    target; ``hint`` says to which side it bends. A target out of reach is reached towards; one at
    the root counts as below it.
    """
    line = target - root
    distance = np.linalg.norm(line, axis=1, keepdims=True)
    direction = np.where(distance < TINY, [0.0, -1.0, 0.0], line / np.maximum(distance, TINY))
    reach = np.clip(distance, abs(first - second) + 1e-3, first + second - 1e-3)
    along = (first**2 - second**2 + reach**2) / (2 * reach)
    off = np.sqrt(np.maximum(first**2 - along**2, 0.0))
    sideways = _unit_normal(direction, hint)
    return root + along * direction + off * sideways, root + reach * direction


def _unit_normal(direction: Path3, hint: NDArray[np.float64]) -> Path3:
    """Unit vectors at right angles to ``direction``, towards ``hint`` as far as they can.

    Where the hint lies along the direction, the axis farthest from it serves instead.
    """
    normal = hint - (direction @ hint)[:, None] * direction
    lost = np.linalg.norm(normal, axis=1) < TINY
    axis = np.eye(3)[np.abs(direction[lost]).argmin(axis=1)]
    across = np.sum(direction[lost] * axis, axis=1, keepdims=True)
    normal[lost] = axis - across * direction[lost]
    return np.asarray(normal / np.linalg.norm(normal, axis=1, keepdims=True))


def _project(subject: Subject, part: _Part) -> NDArray[np.float64]:
    """A part's two ends in the image: [F, 2, 3] of column, row, radius in pixels."""
    height, width = SENSOR
    ends = []
    for point, radius in ((part.start, part.start_radius), (part.end, part.end_radius)):
        scale = FOCAL_PX / (subject.distance - point[:, 2])
        column = (width - 1) / 2 + scale * point[:, 0]
        row = (height - 1) / 2 - scale * (point[:, 1] - CAMERA_HEIGHT)
        ends.append(np.stack([column, row, scale * radius], axis=1))
    return np.stack(ends, axis=1)


def _drawing_order(still: int, right_first: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The trunk, then the farther arm, then the nearer one: [F, P]."""
    trunk = np.arange(still)
    right, left = still + np.arange(3), still + 3 + np.arange(3)
    right_then_left = np.concatenate([trunk, right, left])
    left_then_right = np.concatenate([trunk, left, right])
    return np.where(right_first[:, None], right_then_left, left_then_right)
