"""The HDF5 file that a NIR graph is in, as dictionaries that the ``nir`` package makes it from.

libhdf5 does not come to an end on some damaged files, and the ``nir`` package follows every link
and reads every array whole; so :mod:`hdf5_decode` reads the file in a child process with limits.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnc.child import read_in_child
from snnc.errors import BAD_CHECKPOINT, SnncError

DECODER = Path(__file__).with_name("hdf5_decode.py")
TREE = "tree"
"""Name of the array that holds the groups, as JSON."""

MEND = "Write it again with the current nir package."


def read_hdf5(path: str | Path) -> dict[str, Any]:
    """The group ``node`` of a file: dictionaries, arrays, numbers and strings, as h5py gives them.

    Raises:
        SnncError: BAD_CHECKPOINT where the file is damaged, or holds other links than plain ones,
            an object twice, or data that are neither numbers nor text; OVER_LIMIT for more nodes
            or numbers than the limits allow.
    """
    arrays = read_in_child(DECODER, path, lambda reason: unreadable(path, reason))
    content = _value(json.loads(arrays[TREE].tobytes()), arrays)
    if not isinstance(content, dict) or "type_check" in content:  # an argument of nir's, no data
        raise unreadable(path, "its node is no graph")
    return content


def unreadable(path: str | Path, reason: str) -> SnncError:
    """The error for a file from which no graph can be made."""
    return SnncError(
        BAD_CHECKPOINT,
        f"the nir package cannot read it ({reason})",
        where=str(path),
        hint=MEND,
    )


def _value(tree: Any, arrays: dict[str, NDArray[Any]]) -> Any:
    """A group, numbers or text of the form that the decoder describes."""
    if isinstance(tree, dict):
        return {name: _value(item, arrays) for name, item in tree.items()}
    if isinstance(tree, int):
        value = arrays[str(tree)][()]
    else:
        shape, texts = tree
        value = np.array([text.encode("latin-1") for text in texts], object).reshape(shape)[()]
    return value.decode() if isinstance(value, bytes) else value
