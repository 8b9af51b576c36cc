"""N-MNIST (Orchard et al. 2015) in its published folder layout.

``DIR/Train/<digit>/*.bin`` and ``DIR/Test/<digit>/*.bin``; a subset of the files is a
valid data set. https://www.garrickorchard.com/datasets/n-mnist
"""

from __future__ import annotations

from pathlib import Path

from snnc.errors import BAD_DATA_SPEC, SnncError
from snnc.models.datasets.dataset import Sample, Split, check_split
from snnc.models.datasets.readers import read_recording
from snnc.models.datasets.readers.atis_bin import NMNIST_SENSOR


class NMNIST:
    """Ten digits, 34x34 pixels, about 300 ms and 4,000 events a sample.

    Samples are ordered by file name: the names are MNIST's sample numbers, so classes
    are mixed as they are in MNIST.

    Args:
        root: the folder that holds ``Train`` and ``Test``.
        split: train or test.

    Raises:
        SnncError: ``BAD_DATA_SPEC`` where the folder is missing or holds no ``.bin`` file.
    """

    sensor: tuple[int, int] = NMNIST_SENSOR
    class_names: tuple[str, ...] = tuple("0123456789")

    def __init__(self, root: str | Path, split: Split = "train") -> None:
        folder = Path(root) / check_split(split).capitalize()
        self.files = sorted(
            (path for digit in self.class_names for path in (folder / digit).glob("*.bin")),
            key=lambda path: (path.stem, path.parent.name),
        )
        if not self.files:
            raise SnncError(
                BAD_DATA_SPEC,
                "no N-MNIST recordings here",
                where=f"{folder}/<digit>/*.bin",
                mend="Unpack N-MNIST (https://www.garrickorchard.com/datasets/n-mnist) so "
                "that Train/0/ to Train/9/ and Test/0/ to Test/9/ hold its .bin files.",
            )

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Sample:
        path = self.files[index]
        label = int(path.parent.name)
        return Sample(read_recording(path), label, f"{label}/{path.stem}")
