"""N-MNIST (Orchard et al. 2015) in its published folder layout.

``DIR/Train/<digit>/*.bin`` and ``DIR/Test/<digit>/*.bin``; a subset of the files is a
valid data set. https://www.garrickorchard.com/datasets/n-mnist
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from snnc.models.datasets.dataset import Split, check_split
from snnc.models.datasets.published.listed import Entry, Listed, missing
from snnc.models.datasets.readers import read_recording
from snnc.models.datasets.readers.atis_bin import NMNIST_SENSOR

DIGITS = tuple("0123456789")


class NMNIST(Listed):
    """Ten digits, 34x34 pixels, about 300 ms and 4,000 events a sample.

    Samples are ordered by file name: the names are MNIST's sample numbers, so classes
    are mixed as they are in MNIST.

    Args:
        root: the folder that holds ``Train`` and ``Test``.
        split: train or test.

    Raises:
        SnncError: ``BAD_DATA_SPEC`` where the folder is missing or holds no ``.bin`` file.
    """

    def __init__(self, root: str | Path, split: Split = "train") -> None:
        folder = Path(root) / check_split(split).capitalize()
        files = sorted(
            (path for digit in DIGITS for path in (folder / digit).glob("*.bin")),
            key=lambda path: (path.stem, path.parent.name),
        )
        if not files:
            raise missing(
                "N-MNIST",
                f"{folder}/<digit>/*.bin",
                "Unpack N-MNIST (https://www.garrickorchard.com/datasets/n-mnist) so "
                "that Train/0/ to Train/9/ and Test/0/ to Test/9/ hold its .bin files.",
            )
        entries = [
            Entry(
                path,
                int(path.parent.name),
                f"{path.parent.name}/{path.stem}",
                partial(read_recording, path),
            )
            for path in files
        ]
        super().__init__(entries, NMNIST_SENSOR, DIGITS)
