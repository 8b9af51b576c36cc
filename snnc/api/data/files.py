"""Data in files of arrays (.npy, .npz, .h5, .pt), and from a factory in the user's own code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from snnc.api.data.held import ChannelSpikes, Data
from snnc.compiler.frontend.source import call_factory
from snnc.errors import BAD_DATA_SPEC, MISSING_EXTRA, SnncError

LABELS = ("labels", "label", "y", "targets", "target")
"""What labels are called in a file of several arrays."""

ENDINGS = (".npy", ".npz", ".h5", ".hdf5", ".pt")
_FACTORY = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


def is_held(spec: str) -> bool:
    """Whether DATA names a file of arrays or a factory, not recordings."""
    path = Path(spec)
    if path.suffix.lower() in ENDINGS:
        return True
    from snnc.models.datasets.spec import DATA_SETS

    name = spec.partition(":")[0]
    return bool(_FACTORY.fullmatch(spec)) and name not in DATA_SETS and name != "gesture-sim"


def opened(spec: str) -> Data:
    """What DATA names, as :func:`snnc.api.data.held.held` takes it; no code in a file is run.

    Args:
        spec: a file of arrays (a file of several holds its labels as ``labels`` or ``y``), or
            ``package.module:factory``, which is imported and called.

    Raises:
        SnncError: BAD_DATA_SPEC, MISSING_EXTRA; for a factory BAD_OPTION.
    """
    path = Path(spec)
    if path.suffix.lower() not in ENDINGS:
        return call_factory(spec)
    if not path.is_file():
        raise SnncError(BAD_DATA_SPEC, "there is no such file", where=spec)
    read = {".npy": _npy, ".npz": _npz, ".pt": _pt}.get(path.suffix.lower(), _h5)
    try:
        return read(path)
    except SnncError:
        raise
    except Exception as error:  # the readers raise many types for damaged files
        reason = str(error).split("\n")[0]
        raise SnncError(BAD_DATA_SPEC, f"the file cannot be read ({reason})", where=spec) from error


def _npy(path: Path) -> Data:
    return np.load(path, mmap_mode="r", allow_pickle=False)


def _npz(path: Path) -> Data:
    with np.load(path, allow_pickle=False) as archive:
        return _inputs_and_labels(dict(archive), path)


def _pt(path: Path) -> Data:
    import torch

    content = torch.load(path, map_location="cpu", weights_only=True)
    if isinstance(content, Mapping):
        return _inputs_and_labels(content, path)
    return tuple(content) if isinstance(content, list) and _is_pair(content) else content


def _is_pair(content: list[Any]) -> bool:
    """Whether a list of two tensors is inputs and labels."""
    return len(content) == 2 and np.ndim(content[1]) == 1 and np.ndim(content[0]) > 1


def _h5(path: Path) -> Data:
    try:
        import h5py
    except ImportError as error:
        raise SnncError(
            MISSING_EXTRA,
            "an HDF5 file needs h5py",
            where=str(path),
            hint="Install snnc[hdf5]: pip install 'snnc[hdf5]'.",
        ) from error
    with h5py.File(path, "r") as file:
        if _holds_channel_spikes(file):
            spikes = file["spikes"]
            labels = file["labels"][()] if "labels" in file else None
            return ChannelSpikes(list(spikes["times"][()]), list(spikes["units"][()]), labels)
        groups = [name for name, entry in file.items() if isinstance(entry, h5py.Group)]
        if groups:
            raise SnncError(
                BAD_DATA_SPEC,
                f"the file holds the groups {', '.join(sorted(groups))}, not arrays of samples",
                where=str(path),
                hint="Frame its events first, and give arrays [samples, T, ...].",
            )
        return _inputs_and_labels({name: entry[()] for name, entry in file.items()}, path)


def _holds_channel_spikes(file: Any) -> bool:
    """Whether a file is laid out as SHD and SSC are: ``spikes/times`` and ``spikes/units``, an
    array of each for every sample (Cramer et al. 2022, The Heidelberg Spiking Data Sets)."""
    spikes = file.get("spikes")
    return hasattr(spikes, "keys") and {"times", "units"} <= set(spikes.keys())


def _inputs_and_labels(arrays: Mapping[str, Any], path: Path) -> Data:
    """The lone array, or the one beside the labels."""
    labels = [name for name in arrays if name in LABELS]
    inputs = [name for name in arrays if name not in labels]
    if len(inputs) != 1 or len(labels) > 1:
        raise SnncError(
            BAD_DATA_SPEC,
            f"the file holds {', '.join(map(str, arrays)) or 'nothing'}: which are the inputs?",
            where=str(path),
            hint="Keep one array of inputs, and labels beside it as labels or y.",
        )
    if not labels:
        return arrays[inputs[0]]
    return arrays[inputs[0]], arrays[labels[0]]
