"""N-Caltech101 (Orchard et al. 2015) in its published layout: ``DIR/<class>/*.bin``.

https://www.garrickorchard.com/datasets/n-caltech101; CC BY 4.0. Events keep the
pixel that they were recorded at; some readers shift each recording to the corner of its own
bounding box.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from snnc.models.datasets.dataset import Split, check_split
from snnc.models.datasets.published.listed import Entry, Listed, by_number, interleaved, missing
from snnc.models.datasets.readers.atis_bin import NCALTECH101_SENSOR, read_ncaltech101_bin
from snnc.user_files import kind_of

TEST_EVERY = 10


class NCaltech101(Listed):
    """100 kinds of objects and a background class, 8,709 recordings of about 300 ms.

    The data set has no split of its own: every tenth file of a class, by name, is for test.

    Args:
        root: the folder that holds a folder for each class, or one called ``Caltech101`` that
            does.
        split: train or test.

    Raises:
        SnncError: ``BAD_DATA_SPEC`` where there is no recording of the split.
    """

    def __init__(self, root: str | Path, split: Split = "train") -> None:
        check_split(split)
        folder = Path(root)
        if kind_of(folder / "Caltech101") == "directory":
            folder = folder / "Caltech101"
        classes = sorted({path.parent.name for path in folder.glob("*/*.bin")})
        entries = [
            Entry(path, label, f"{name}/{path.stem}", partial(read_ncaltech101_bin, path))
            for label, name in enumerate(classes)
            for index, path in enumerate(sorted((folder / name).glob("*.bin"), key=by_number))
            if (index % TEST_EVERY == TEST_EVERY - 1) == (split == "test")
        ]
        if not entries:
            raise missing(
                "N-Caltech101",
                f"{folder}/<class>/*.bin",
                "It is free at https://www.garrickorchard.com/datasets/n-caltech101; unpack it so "
                "that the folder holds airplanes, anchor and the other classes.",
            )
        super().__init__(interleaved(entries), NCALTECH101_SENSOR, tuple(classes))
