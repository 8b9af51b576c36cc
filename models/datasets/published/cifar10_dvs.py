"""CIFAR10-DVS (Li et al. 2017, Frontiers in Neuroscience 11:309) in its published layout.

``DIR/<class>/cifar10_<class>_<number>.aedat``, AEDAT 2.0 of a DVS128, or the same names with
``.aedat4`` (the authors' own conversion). https://doi.org/10.6084/m9.figshare.4724671.
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

from snnc.models.datasets.dataset import Split, check_split
from snnc.models.datasets.published.listed import Entry, Listed, by_number, interleaved, missing
from snnc.models.datasets.readers import read_recording

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SENSOR = (128, 128)
TEST_BELOW = 100
"""The data set has no split of its own; the usual one tests on numbers 0 to 99 of each class
(Duan et al. 2022, "Temporal Effective Batch Normalization", NeurIPS)."""


class Cifar10Dvs(Listed):
    """Ten classes of 1000 moving images seen on a monitor, about 1.2 s, 128x128 pixels.

    Args:
        root: the folder that holds a folder for each class.
        split: train (numbers 100 to 999 of each class) or test (0 to 99).

    Raises:
        SnncError: ``BAD_DATA_SPEC`` where there is no recording of the split.
    """

    def __init__(self, root: str | Path, split: Split = "train") -> None:
        check_split(split)
        folder = Path(root)
        entries = [
            Entry(path, label, path.stem, partial(read_recording, path))
            for label, name in enumerate(CLASSES)
            for path in sorted((folder / name).glob("*.aedat*"), key=by_number)
            if _is_for_test(path) == (split == "test")
        ]
        if not entries:
            raise missing(
                "CIFAR10-DVS",
                f"{folder}/<class>/cifar10_<class>_<number>.aedat",
                "It is free at https://doi.org/10.6084/m9.figshare.4724671; unpack it so that "
                "the folder holds airplane, automobile and the other classes.",
            )
        super().__init__(interleaved(entries), SENSOR, CLASSES)


def _is_for_test(path: Path) -> bool:
    number = re.search(r"_(\d+)$", path.stem)
    return number is not None and int(number[1]) < TEST_BELOW
