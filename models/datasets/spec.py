"""DATA on the command line: one string that names a data set."""

from __future__ import annotations

from pathlib import Path

from snnc.errors import BAD_DATA_SPEC, SnncError
from snnc.models.datasets.dataset import EventDataset, Split, check_split
from snnc.models.datasets.dvs_gesture import DvsGesture
from snnc.models.datasets.gesture_sim import GestureSim
from snnc.models.datasets.nmnist import NMNIST
from snnc.models.datasets.single import SingleRecording

FORMS = "nmnist:DIR, dvsgesture:DIR, gesture-sim, gesture-sim:seed=N, or the path of a recording"


def open_data(spec: str, split: Split = "test") -> EventDataset:
    """The data set that ``spec`` names.

    Args:
        spec: ``nmnist:DIR``, ``dvsgesture:DIR``, ``gesture-sim`` (with options:
            ``gesture-sim:seed=1,per_class=5``), or the path of a recording.
        split: train or test; a single recording is the same in both.

    Raises:
        SnncError: ``BAD_DATA_SPEC`` listing the forms where it is none of them or a folder
            is missing; for a recording as :func:`read_recording`.
    """
    check_split(split)
    name, colon, rest = spec.partition(":")
    if name == "gesture-sim":
        return _gesture_sim(spec, rest if colon else None, split)
    if name in ("nmnist", "dvsgesture") and colon:
        if not rest:
            raise _wrong(spec, "the folder after the colon is missing")
        return NMNIST(rest, split) if name == "nmnist" else DvsGesture(rest, split)
    if Path(spec).is_file():
        return SingleRecording(spec)
    if Path(spec).is_dir():
        raise _wrong(spec, "a folder alone does not say which data set it holds")
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
    return SnncError(BAD_DATA_SPEC, what, where=f"DATA {spec!r}", mend=f"Write {FORMS}.")
