"""DVS128 Gesture (Amir et al., CVPR 2017) in its published folder layout.

``DIR/trials_to_train.txt`` and ``DIR/trials_to_test.txt`` name the recordings of a split,
one ``<name>.aedat`` (AEDAT 3.1) a line; ``DIR/<name>_labels.csv`` has a row
``class,startTime_usec,endTime_usec`` for each gesture in the recording, class 1 to 11.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import partial
from io import StringIO
from pathlib import Path

import numpy as np

from snnc.errors import BAD_DATA_SPEC, BAD_RECORDING, EMPTY_RECORDING, SnncError
from snnc.messages import shown
from snnc.models.datasets.dataset import Split, check_split
from snnc.models.datasets.events import Recording
from snnc.models.datasets.published.listed import Entry, Listed
from snnc.models.datasets.readers import read_recording
from snnc.user_files import kind_of, read_text

GESTURE_NAMES: tuple[str, ...] = (
    "hand clapping",
    "right hand wave",
    "left hand wave",
    "right arm clockwise",
    "right arm counter-clockwise",
    "left arm clockwise",
    "left arm counter-clockwise",
    "arm roll",
    "air drums",
    "air guitar",
    "other gestures",
)
"""Class names by label: class 1 of the label files is label 0."""

SENSOR = (128, 128)

LABEL_COLUMNS = ("class", "startTime_usec", "endTime_usec")

WHERE_TO_ASK = (
    "DVS128 Gesture is IBM's, free on request at https://research.ibm.com/interactive/dvsgesture; "
    "unpack it so that the folder holds trials_to_train.txt, trials_to_test.txt, the .aedat "
    "files and their _labels.csv files."
)


@dataclass(frozen=True)
class Trial:
    """One labelled stretch of a recording: from ``start_us`` up to before ``end_us``."""

    path: Path
    row: int
    label: int
    start_us: int
    end_us: int


class DvsGesture(Listed):
    """11 gestures, 29 people, 128x128 pixels, a few seconds a sample.

    Samples follow the list of recordings and the rows of their label files; a recording
    holds every class. The last recording read is kept, since its samples come in a row.

    Args:
        root: the folder with the lists, recordings and label files.
        split: train (23 people) or test (6 others).

    Raises:
        SnncError: ``BAD_DATA_SPEC`` where a list, recording or label file is missing;
            ``BAD_RECORDING`` naming the line of a label file that makes no sense.
    """

    def __init__(self, root: str | Path, split: Split = "train") -> None:
        folder = Path(root)
        listing = _existing(folder / f"trials_to_{check_split(split)}.txt")
        trials = read_text(listing, BAD_RECORDING, errors="replace")
        names = [line.strip() for line in trials.splitlines() if line.strip()]
        self.trials = [trial for name in names for trial in _trials(folder / name)]
        if not self.trials:
            raise SnncError(
                BAD_DATA_SPEC,
                "DVS128 Gesture lists no labelled gestures",
                where=str(folder / f"trials_to_{split}.txt"),
                hint=WHERE_TO_ASK,
            )
        self._last_read: Recording | None = None
        super().__init__([self._entry(trial) for trial in self.trials], SENSOR, GESTURE_NAMES)

    def _entry(self, trial: Trial) -> Entry:
        return Entry(
            trial.path,
            trial.label,
            f"{trial.path.stem} row {trial.row}",
            partial(self._cut, trial),
            part=f"{trial.start_us} to {trial.end_us} us",
        )

    def _cut(self, trial: Trial) -> Recording:
        return _cut(self._read(trial.path), trial)

    def _read(self, path: Path) -> Recording:
        if self._last_read is None or self._last_read.path != str(path):
            self._last_read = read_recording(path)
        return self._last_read


def _existing(path: Path) -> Path:
    if not kind_of(path):
        raise SnncError(
            BAD_DATA_SPEC,
            "this file of DVS128 Gesture is missing",
            where=str(path),
            hint=WHERE_TO_ASK,
        )
    return path


def _trials(recording: Path) -> list[Trial]:
    """The rows of a recording's label file."""
    path = _existing(_existing(recording).with_name(f"{recording.stem}_labels.csv"))
    text = read_text(path, BAD_RECORDING, errors="replace")
    rows = csv.DictReader(StringIO(text, newline=""))
    try:
        if tuple(rows.fieldnames or ()) != LABEL_COLUMNS:
            raise SnncError(
                BAD_RECORDING,
                f"the columns are {shown(rows.fieldnames)}, not {', '.join(LABEL_COLUMNS)}",
                where=f"{path}, line 1",
            )
        return [
            _trial(recording, path, rows.line_num, number, row) for number, row in enumerate(rows)
        ]
    except csv.Error as error:
        what = f"not a table of labels ({error})"
        raise SnncError(BAD_RECORDING, what, where=f"{path}, line {rows.line_num + 1}") from error


def _trial(
    recording: Path, labels: Path, line: int, number: int, row: dict[str, str | None]
) -> Trial:
    try:
        gesture, start, end = (int(row[column] or "") for column in LABEL_COLUMNS)
    except ValueError as error:
        raise SnncError(
            BAD_RECORDING,
            f"{', '.join(LABEL_COLUMNS)} must be three whole numbers",
            where=f"{labels}, line {line}",
        ) from error
    if not 1 <= gesture <= len(GESTURE_NAMES) or not 0 <= start < end:
        raise SnncError(
            BAD_RECORDING,
            f"class {gesture} from {start} to {end} us: the class must be 1 to "
            f"{len(GESTURE_NAMES)}, and the end after the start",
            where=f"{labels}, line {line}",
        )
    return Trial(recording, number, gesture - 1, start, end)


def _cut(recording: Recording, trial: Trial) -> Recording:
    """The events of one trial; times stay those of the whole recording."""
    first, last = np.searchsorted(recording.events["t"], (trial.start_us, trial.end_us))
    if first == last:
        raise SnncError(
            EMPTY_RECORDING,
            f"no events from {trial.start_us} to {trial.end_us} us",
            where=f"{trial.path}, row {trial.row} of its labels",
        )
    path = f"{recording.path}, {trial.start_us} to {trial.end_us} us"
    return Recording(recording.events[first:last], recording.sensor, path)
