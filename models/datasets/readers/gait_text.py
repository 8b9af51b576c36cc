"""DVS128-Gait text files: a line an event, ``time x y polarity``, whole numbers.

Source: Wang et al. 2019, "EV-Gait" (CVPR), and the code of its extension,
https://github.com/zhangxiann/TPAMI_Gait_Identification, which reads the files so and takes
every polarity but 1 for a darker pixel; both 0 and -1 are read as that.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from snnc.errors import BAD_RECORDING, SnncError
from snnc.models.datasets.events import Recording, check_count, pack_events
from snnc.user_files import read_file

SENSOR = (128, 128)
COLUMNS = 4


def read_gait_text(path: Path) -> Recording:
    """Read one text file.

    Raises:
        SnncError: ``BAD_RECORDING`` naming the byte of the first line that is not four
            whole numbers, or the event that makes no sense.
    """
    data = read_file(path, BAD_RECORDING)
    check_count(data.count(b"\n"), str(path))
    table = np.empty((0, COLUMNS), np.int64)
    if data.strip():
        try:
            table = np.loadtxt(BytesIO(data), np.int64, comments=None, ndmin=2)
        except (ValueError, OverflowError) as error:
            raise _bad_line(data, path) from error
        if table.shape[1] != COLUMNS:
            raise _bad_line(data, path)
    return gait_recording(table, str(path))


def gait_recording(table: NDArray[np.integer], path: str) -> Recording:
    """The recording whose events are the rows (time, x, y, polarity) of ``table`` [N, 4].

    Raises:
        SnncError: ``BAD_RECORDING`` naming the first event with a polarity other than 1, 0
            and -1 or a negative coordinate, or as :class:`Recording`.
    """
    t, x, y, p = table.T
    strange = (p < -1) | (p > 1) | (x < 0) | (y < 0) | (x >= SENSOR[1]) | (y >= SENSOR[0])
    if strange.any():
        index = int(np.argmax(strange))
        raise SnncError(
            BAD_RECORDING,
            f"x {x[index]}, y {y[index]}, polarity {p[index]} is no event of a 128x128 sensor",
            where=f"{path}, event {index}",
        )
    return Recording(pack_events(t, x, y, p == 1), SENSOR, path)


def _bad_line(data: bytes, path: Path) -> SnncError:
    """The error for the first line that is not four whole numbers."""
    position = 0
    for line in data.split(b"\n"):
        fields = line.split()
        if fields and not _is_event(fields):
            break
        position += len(line) + 1
    return SnncError(
        BAD_RECORDING,
        "this line is not `time x y polarity`, four whole numbers",
        where=f"{path}, byte {position}",
    )


def _is_event(fields: list[bytes]) -> bool:
    try:
        return len([int(field) for field in fields]) == COLUMNS
    except ValueError:
        return False
