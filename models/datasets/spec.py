"""DATA on the command line: one string that names a data set."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from snnc.errors import BAD_DATA_SPEC, SnncError
from snnc.models.datasets.dataset import EventDataset, Split, check_split
from snnc.models.datasets.gesture_sim import GestureSim
from snnc.models.datasets.published.cifar10_dvs import Cifar10Dvs
from snnc.models.datasets.published.daily_action import DailyAction
from snnc.models.datasets.published.dvs_gesture import DvsGesture
from snnc.models.datasets.published.gait import DvsGait
from snnc.models.datasets.published.har_dvs import HarDvs
from snnc.models.datasets.published.ncaltech101 import NCaltech101
from snnc.models.datasets.published.nmnist import NMNIST
from snnc.models.datasets.single import SingleRecording
from snnc.user_files import kind_of

DATA_SETS: dict[str, Callable[[str, Split], EventDataset]] = {
    "nmnist": NMNIST,
    "dvsgesture": DvsGesture,
    "gait-day": partial(DvsGait, light="day"),
    "gait-night": partial(DvsGait, light="night"),
    "dailyaction": DailyAction,
    "har-dvs": HarDvs,
    "ncaltech101": NCaltech101,
    "cifar10dvs": Cifar10Dvs,
}
"""Data sets in a folder, by the name before the colon."""

FORMS = (
    ", ".join(f"{name}:DIR" for name in DATA_SETS)
    + ", gesture-sim, gesture-sim:seed=N, or the path of a recording"
)


def open_data(spec: str, split: Split = "test") -> EventDataset:
    """The data set that ``spec`` names.

    Args:
        spec: a name of :data:`DATA_SETS` and a folder, as ``nmnist:DIR``; ``gesture-sim``
            (with options: ``gesture-sim:seed=1,per_class=5``); or the path of a recording.
        split: train or test; a single recording is the same in both.

    Raises:
        SnncError: ``BAD_DATA_SPEC`` listing the forms where it is none of them or a folder
            is missing; for a recording as :func:`read_recording`.
    """
    check_split(split)
    name, colon, rest = spec.partition(":")
    if name == "gesture-sim":
        return _gesture_sim(spec, rest if colon else None, split)
    if name in DATA_SETS and colon:
        if not rest:
            raise _wrong(spec, "the folder after the colon is missing")
        return DATA_SETS[name](rest, split)
    kind = kind_of(spec)
    if kind == "directory":
        raise _wrong(spec, "a folder alone does not say which data set it holds")
    if kind:
        return SingleRecording(spec)
    raise _wrong(spec, "neither the name of a data set nor an existing file")


def _gesture_sim(spec: str, options: str | None, split: Split) -> GestureSim:
    """``seed=N`` and ``per_class=N``, in any order, each at most once."""
    values: dict[str, int] = {}
    for option in [] if options is None else options.split(","):
        key, _, value = option.partition("=")
        if key not in ("seed", "per_class") or key in values or not value.isdecimal():
            raise _wrong(spec, f"the option {option!r} is not seed=N or per_class=N")
        values[key] = int(value)
    return GestureSim(split, **values)


def _wrong(spec: str, what: str) -> SnncError:
    return SnncError(BAD_DATA_SPEC, what, where=f"DATA {spec!r}", hint=f"Write {FORMS}.")
