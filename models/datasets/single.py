"""One recording as a data set of one sample without a label."""

from __future__ import annotations

from pathlib import Path

from snnc.messages import printable
from snnc.models.datasets.dataset import Sample
from snnc.models.datasets.readers import read_recording


class SingleRecording:
    """The recording ``path`` alone.

    Raises:
        SnncError: as :func:`read_recording`.
    """

    class_names: tuple[str, ...] = ()

    def __init__(self, path: str | Path) -> None:
        self.recording = read_recording(path)
        self.sensor = self.recording.sensor

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> Sample:
        if index != 0:
            raise IndexError(index)
        return Sample(self.recording, None, printable(Path(self.recording.path).name))
