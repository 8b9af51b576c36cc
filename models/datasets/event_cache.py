"""Decoded recordings kept on disk, one file each, for data sets that are read again and again.

A text file of events takes ten times longer to read than an array of them (50,000 events: 48
and 5 ms), and a recording of many gestures has to be decoded whole for each. A file here is a
``.npy`` of :data:`EVENT_DTYPE`; its name is a hash of what the recording was read from (path,
size, time of the last change, part), so a changed source is decoded anew. The folder may be
removed at any time; nothing is removed from it here.
"""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from snnc.atomic import write_atomically
from snnc.errors import BAD_OPTION, BAD_OUTPUT, SnncError
from snnc.models.datasets.dataset import EventDataset, Sample
from snnc.models.datasets.events import EVENT_DTYPE, Recording
from snnc.models.datasets.published.listed import Listed
from snnc.user_files import kind_of

VERSION = 2
"""Part of every name: raise it when a reader gives other events for the same file."""


class CachedEvents:
    """A data set whose recordings are decoded once, into ``folder``.

    Args:
        dataset: a data set in files.
        folder: where to keep them; made if it is missing.

    Raises:
        SnncError: BAD_OPTION for a data set that is not in files; BAD_OUTPUT where the folder
            cannot be made, and, on reading, where a file cannot be written.
    """

    def __init__(self, dataset: EventDataset, folder: Path) -> None:
        if not isinstance(dataset, Listed):
            raise SnncError(
                BAD_OPTION,
                f"{type(dataset).__name__} has no files to decode",
                hint="Use a cache with a data set in a folder only.",
            )
        self.dataset = dataset
        self.folder = folder
        self.sensor = dataset.sensor
        self.class_names = dataset.class_names
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SnncError(BAD_OUTPUT, str(error.strerror), where=str(folder)) from error

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Sample:
        entry = self.dataset.entries[index]
        events = _kept(self._file(index))
        if events is None:
            return self._decode(index)
        return Sample(Recording(events, self.sensor, str(entry.path)), entry.label, entry.name)

    def fill(self) -> None:
        """Decode what is missing, with a bar on standard error.

        Raises:
            SnncError: whatever reading a recording raises, so that a bad file is found before
                training and not during it.
        """
        missing = [index for index in range(len(self)) if not kind_of(self._file(index))]
        bar = track(
            missing,
            "decoding recordings",
            console=Console(stderr=True),
            disable=not missing,
        )
        for index in bar:
            self._decode(index)

    def _decode(self, index: int) -> Sample:
        sample = self.dataset[index]
        content = io.BytesIO()
        np.save(content, sample.recording.events)
        write_atomically(self._file(index), content.getvalue())
        return sample

    def _file(self, index: int) -> Path:
        source = f"{VERSION}\n{self.dataset.entries[index].fingerprint()}"
        return self.folder / f"{hashlib.sha256(source.encode()).hexdigest()[:32]}.npy"


def _kept(path: Path) -> NDArray[np.void] | None:
    """The events in ``path``; None where there is no such file, or a damaged one."""
    if kind_of(path) != "regular file":
        return None
    try:
        events = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    fits = events.dtype == EVENT_DTYPE and events.ndim == 1
    return cast("NDArray[np.void]", events) if fits else None
