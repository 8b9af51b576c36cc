"""DVS128-Gait-Day and DVS128-Gait-Night (Wang et al. 2019, "EV-Gait", CVPR), two layouts.

* The text files as published: ``DIR/train/<person>/*.txt`` and ``DIR/test/<person>/*.txt``, or
  the same under ``DIR/origin``; see https://github.com/zhangxiann/TPAMI_Gait_Identification.
* The arrays that the ASA-SNN authors train on (https://github.com/BICLab/ASA-SNN,
  ``datasets/gait``): ``DIR/train/train_data.npy`` and ``train_target.npy``, ``DIR/test/
  test_data.npy`` and ``test_target.npy``; an item of data is int64 [N, 4], rows time, x, y,
  polarity. They hold the same recordings, and are read without unpickling.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Literal

from snnc.errors import BAD_DATA_SPEC, BAD_RECORDING, SnncError
from snnc.models.datasets.dataset import SPLITS, Split, check_split
from snnc.models.datasets.events import Recording, check_count
from snnc.models.datasets.published.listed import Entry, Listed, by_number, interleaved, missing
from snnc.models.datasets.readers.gait_text import (
    COLUMNS,
    SENSOR,
    gait_recording,
    read_gait_text,
)
from snnc.models.datasets.readers.object_npy import StoredArray, stored_arrays, whole_numbers
from snnc.user_files import kind_of

Light = Literal["day", "night"]

PEOPLE = 20


class DvsGait(Listed):
    """20 people walking past, 128x128 pixels, a few seconds a sample; a class is a person.

    Folders and targets count people from 0 or from 1; a 0 anywhere means the former.

    Args:
        root: the folder in one of the layouts above.
        split: train or test, as published.
        light: day or night, for messages.

    Raises:
        SnncError: ``BAD_DATA_SPEC`` where neither layout is there; ``BAD_RECORDING`` where an
            array file is cut off or damaged, or a person is not one of 20.
    """

    def __init__(self, root: str | Path, split: Split = "train", light: Light = "day") -> None:
        folder = Path(root)
        if not _holds_samples(folder) and _holds_samples(folder / "origin"):
            folder = folder / "origin"
        listing = _arrays if kind_of(_array_files(folder, check_split(split))[0]) else _text_files
        first = min((person for each in SPLITS for person in _people(folder, each)), default=0)
        entries = listing(folder, split, 0 if first == 0 else 1)
        if not entries:
            raise missing(
                f"DVS128-Gait-{light.capitalize()}",
                f"{folder}/{split}/<person>/*.txt or {folder}/{split}/{split}_data.npy",
                "It is free at https://github.com/zhangxiann/TPAMI_Gait_Identification; unpack "
                "it so that the folder holds train and test.",
            )
        names = tuple(f"person {number}" for number in range(1, PEOPLE + 1))
        super().__init__(interleaved(entries), SENSOR, names)


def _holds_samples(folder: Path) -> bool:
    return any(kind_of(folder / split) == "directory" for split in SPLITS)


def _array_files(folder: Path, split: str) -> tuple[Path, Path]:
    return folder / split / f"{split}_data.npy", folder / split / f"{split}_target.npy"


def _people(folder: Path, split: Split) -> list[int]:
    """The numbers of people in a split, in either layout."""
    targets = _array_files(folder, split)[1]
    if kind_of(targets):
        return whole_numbers(targets)
    return [int(path.name) for path in (folder / split).glob("*/") if path.name.isdecimal()]


def _label(person: int, first: int, where: Path) -> int:
    if not 0 <= person - first < PEOPLE:
        raise SnncError(
            BAD_RECORDING,
            f"person {person} is not one of {PEOPLE}, counted from {first}",
            where=str(where),
        )
    return person - first


def _text_files(folder: Path, split: Split, first: int) -> list[Entry]:
    files = sorted((folder / split).glob("*/*.txt"), key=by_number)
    return [
        Entry(
            path,
            _label(int(path.parent.name), first, path.parent),
            f"{path.parent.name}/{path.stem}",
            partial(read_gait_text, path),
        )
        for path in files
        if path.parent.name.isdecimal()
    ]


def _arrays(folder: Path, split: Split, first: int) -> list[Entry]:
    data, target = _array_files(folder, split)
    if not kind_of(target):
        raise SnncError(
            BAD_DATA_SPEC, "the targets of a gait data set are missing", where=target.as_posix()
        )
    arrays, people = stored_arrays(data), whole_numbers(target)
    if len(arrays) != len(people):
        raise SnncError(
            BAD_RECORDING, f"{len(people)} targets for {len(arrays)} recordings", where=str(target)
        )
    return [
        Entry(
            data,
            _label(person, first, target),
            f"{split} {index}",
            partial(_read_array, data, index, array),
            part=str(index),
        )
        for index, (array, person) in enumerate(zip(arrays, people, strict=True))
    ]


def _read_array(path: Path, index: int, array: StoredArray) -> Recording:
    where = f"{path}, recording {index}"
    if len(array.shape) != 2 or array.shape[1] != COLUMNS or array.dtype.kind not in "iu":
        raise SnncError(
            BAD_RECORDING,
            f"{array.shape} of {array.dtype} instead of rows of four whole numbers",
            where=f"{where}, byte {array.offset}",
        )
    check_count(array.shape[0], where)
    return gait_recording(array.read(path), where)
