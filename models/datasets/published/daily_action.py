"""DailyAction-DVS (Liu et al. 2021, "Event-based Action Recognition Using Motion Information
and Spiking Neural Networks", IJCAI): ``DIR/<action>/*.aedat``, AEDAT 2.0 of a DVS128.

The data set has no split of its own: its authors train on 80% of each action's files, drawn at
random (https://github.com/qianhuiliu/SNN-action-recognition), the ASA-SNN authors on the first 96
of 120, in the order in which their file system lists them (https://github.com/BICLab/ASA-SNN,
``datasets/action``); here it is the order of the names.
Names begin with two letters for the person, so the last fifth are people never trained on.

That code also takes the files for a DAVIS's: of a DVS128's address it keeps 8 columns and one
row of pixels. Other readers of this data set, and this one, take a DVS128 (see
:mod:`snnc.models.datasets.readers.aedat2`), so accuracies cannot be compared with the paper's.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from snnc.models.datasets.dataset import Split, check_split
from snnc.models.datasets.published.listed import Entry, Listed, by_number, interleaved, missing
from snnc.models.datasets.readers import read_recording

ACTIONS: tuple[str, ...] = (
    "bend",
    "climb",
    "fall",
    "get up",
    "jump",
    "lie",
    "lift",
    "pick",
    "run",
    "sit",
    "stand",
    "walk",
)

SENSOR = (128, 128)


class DailyAction(Listed):
    """12 actions, 15 people, 1440 recordings of a few seconds, 128x128 pixels.

    Copies that a browser named ``<name>(1).aedat`` (the published archive holds some) are
    passed over.

    Args:
        root: the folder that holds a folder for each action.
        split: train (the first 4 of 5 files of each action) or test (the others).

    Raises:
        SnncError: ``BAD_DATA_SPEC`` where there is no recording of the split.
    """

    def __init__(self, root: str | Path, split: Split = "train") -> None:
        folder = Path(root)
        check_split(split)
        entries = [
            Entry(path, label, f"{action}/{path.stem}", partial(read_recording, path))
            for label, action in enumerate(ACTIONS)
            for path in _of_split(folder / action, split)
        ]
        if not entries:
            raise missing(
                "DailyAction-DVS",
                f"{folder}/<action>/*.aedat",
                "Ask for it at https://github.com/qianhuiliu/SNN-action-recognition; "
                "unpack it so that the folder holds bend, climb and the other ten actions.",
            )
        super().__init__(interleaved(entries), SENSOR, ACTIONS)


def _of_split(folder: Path, split: Split) -> list[Path]:
    files = [path for path in folder.glob("*.aedat") if "(1)" not in path.name]
    files.sort(key=by_number)
    first_test = len(files) * 4 // 5
    return files[:first_test] if split == "train" else files[first_test:]
