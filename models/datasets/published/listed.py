"""Data sets that are a list of recordings in files: what they share."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from snnc.errors import BAD_DATA_SPEC, EMPTY_RECORDING, SnncError
from snnc.messages import printable
from snnc.models.datasets.dataset import Sample, check_sensor
from snnc.models.datasets.events import Recording


@dataclass(frozen=True)
class Entry:
    """One labelled recording that is not read yet.

    Attributes:
        path: the file (or folder of images) that it is in.
        label: its class.
        name: unique in the data set.
        read: reads it.
        part: which part of ``path`` it is, where that holds several recordings.
    """

    path: Path
    label: int
    name: str
    read: Callable[[], Recording]
    part: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", printable(self.name))  # it is a file's

    def fingerprint(self) -> str:
        """Text that changes when the file does: path, size, time of the last change, part."""
        status = self.path.stat()
        return f"{self.path.resolve()}\n{status.st_size}\n{status.st_mtime_ns}\n{self.part}"


class Listed:
    """A data set of :class:`Entry` in a fixed order; see :class:`EventDataset`.

    Reading a sample raises SnncError: EMPTY_RECORDING for one without events, WRONG_SENSOR for
    one of another sensor, and whatever its reader raises.
    """

    def __init__(
        self, entries: Sequence[Entry], sensor: tuple[int, int], class_names: tuple[str, ...]
    ) -> None:
        self.entries = tuple(entries)
        self.sensor = sensor
        self.class_names = tuple(map(printable, class_names))

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, index: int) -> Sample:
        entry = self.entries[index]
        recording = entry.read()
        if len(recording) == 0:
            raise SnncError(EMPTY_RECORDING, "the recording has no events", where=recording.path)
        check_sensor(recording, self.sensor)
        return Sample(recording, entry.label, entry.name)


def missing(dataset: str, where: Path | str, hint: str) -> SnncError:
    """The error for a data set, or a part of it, that is not where it should be."""
    return SnncError(BAD_DATA_SPEC, f"{dataset} is not here", where=str(where), hint=hint)


def interleaved(entries: Iterable[Entry]) -> list[Entry]:
    """One entry of each class in turn, so that the first n are a fair choice of n.

    Entries of a class keep their order.
    """
    by_class: dict[int, list[Entry]] = {}
    for entry in entries:
        by_class.setdefault(entry.label, []).append(entry)
    turns = zip_longest(*(by_class[label] for label in sorted(by_class)))
    return [entry for turn in turns for entry in turn if entry is not None]


def by_number(path: Path) -> tuple[list[tuple[int, str]], str]:
    """Sort key that puts ``a2`` before ``a10``."""
    parts = re.findall(r"(\d+)|(\D+)", path.name)
    return [(int(digits) if digits else -1, text) for digits, text in parts], path.name
