"""HAR-DVS (Wang et al. 2024, "HARDVS", AAAI; https://github.com/Event-AHU/HARDVS).

``DIR/rawframes/action_<n>/<name>/<name>_dvs/*.png`` are event images (the last folder may be
left out); ``train_label.txt``, ``val_label.txt`` and ``test_label.txt``, in DIR or in one folder
of it, have a line ``action_<n>/<name> <images> <label>`` for each recording, labels 0 to 299.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from snnc.errors import BAD_RECORDING, SnncError
from snnc.messages import shown
from snnc.models.datasets.dataset import Split, check_split
from snnc.models.datasets.events import Recording
from snnc.models.datasets.published.listed import Entry, Listed, interleaved, missing
from snnc.models.datasets.readers.event_images import SENSOR, read_event_images
from snnc.user_files import kind_of, read_text

CLASSES = 300
WHERE_TO_ASK = (
    "Ask for its event images and label files at https://github.com/Event-AHU/HARDVS; unpack "
    "them so that the folder holds rawframes and train_label.txt."
)


class HarDvs(Listed):
    """300 actions, more than 100,000 recordings of event images, 346x260 pixels.

    Args:
        root: the folder that holds ``rawframes``.
        split: train or test, by the published lists; the validation list is not used.

    Raises:
        SnncError: ``BAD_DATA_SPEC`` where a list or ``rawframes`` is missing;
            ``BAD_RECORDING`` naming a line of a list that makes no sense.
    """

    def __init__(self, root: str | Path, split: Split = "train") -> None:
        folder = Path(root)
        name = f"{check_split(split)}_label.txt"
        lists = [folder / name, *sorted(folder.glob(f"*/{name}"))]
        found = next((path for path in lists if kind_of(path)), None)
        if found is None:
            raise missing("HAR-DVS", folder / name, WHERE_TO_ASK)
        if kind_of(folder / "rawframes") != "directory":
            raise missing("HAR-DVS", folder / "rawframes", WHERE_TO_ASK)
        lines = read_text(found, BAD_RECORDING, errors="replace").splitlines()
        entries = [
            _entry(folder / "rawframes", line, f"{found}, line {number}")
            for number, line in enumerate(lines, start=1)
            if line.strip()
        ]
        names = tuple(f"action {number:03}" for number in range(1, CLASSES + 1))
        super().__init__(interleaved(entries), SENSOR, names)


def _entry(frames: Path, line: str, where: str) -> Entry:
    fields = line.split()
    if len(fields) != 3 or not _is_class(fields[2]):
        raise SnncError(
            BAD_RECORDING,
            f"{shown(line)} is not `folder images label` with a label from 0 to {CLASSES - 1}",
            where=where,
        )
    folder = frames / fields[0]
    return Entry(folder, int(fields[2]), fields[0], partial(_read, folder))


def _is_class(text: str) -> bool:
    return text.isdecimal() and len(text) < 10 and int(text) < CLASSES


def _read(folder: Path) -> Recording:
    inner = folder / f"{folder.name}_dvs"
    if kind_of(inner) == "directory":
        return read_event_images(inner)
    if kind_of(folder) != "directory":
        raise missing("a recording of HAR-DVS", folder, WHERE_TO_ASK)
    return read_event_images(folder)
