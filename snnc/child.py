"""Reading a user's file in a process of its own, for formats that are decoded by others' libraries.

A damaged file can make such a library abort the process, loop in C for ever, or ask for all the
memory there is; no ``except`` stops that. So the library runs in a child with limits, and a child
that dies is an unreadable file. What comes back is arrays in a ``.npz`` file, no pickled objects.

A decoder is a Python file with a function ``decode(path) -> dict[str, NDArray]``. It imports the
library and the light modules of snnc, so that the child starts fast. It raises SnncError, or
whatever the library raises; before it holds data of a size that it has checked, it calls
:func:`allow`.
"""

from __future__ import annotations

import json
import os
import resource
import runpy
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnc.errors import CODES, SnncError
from snnc.messages import first_sentence

PROCESSOR_S = 1.0
"""Processor time of a decoder for a small file; the libraries have been imported by then."""

BYTES_A_SECOND = 1 << 20
"""Of the file. A decoder that is slower, on the slowest machine, has lost its way in it."""

HELD_BYTES_A_SECOND = 1 << 24
"""Of the data that the file unpacks to."""

MEMORY_BYTES = 1 << 30
"""Of memory beside the data that are allowed; a damaged length may ask for any amount."""

PATIENCE_S = 120.0
"""Time on the wall for a decoder that waits and computes nothing."""

_ARRAYS = "arrays.npz"
_REFUSAL = "refusal.json"


def read_in_child(
    decoder: Path, path: str | Path, refusal: Callable[[str], SnncError]
) -> dict[str, NDArray[Any]]:
    """What ``decoder`` makes of the file at ``path``.

    Args:
        decoder: the Python file of a decoder.
        path: a regular file.
        refusal: makes the error from the reason why the file cannot be read.

    Raises:
        SnncError: what the decoder raises; ``refusal`` where its library cannot read the file,
            breaks down, or comes to no end within the limits of this module.
    """
    with tempfile.TemporaryDirectory(prefix="snnc-child-") as folder:
        _run(decoder, Path(path), folder, refusal)
        if (Path(folder) / _REFUSAL).exists():
            raise _raised(json.loads((Path(folder) / _REFUSAL).read_text()), refusal)
        with np.load(Path(folder) / _ARRAYS) as arrays:
            return dict(arrays)


def allow(held: int) -> None:
    """In the child: more memory and time, for ``held`` bytes of data whose size is in order."""
    _limit(resource.RLIMIT_DATA, resource.getrlimit(resource.RLIMIT_DATA)[0] + held)
    left, _ = signal.getitimer(signal.ITIMER_PROF)
    signal.setitimer(signal.ITIMER_PROF, left + held / HELD_BYTES_A_SECOND)


def _run(decoder: Path, path: Path, folder: str, refusal: Callable[[str], SnncError]) -> None:
    """Run the child to its end."""
    seconds = path.stat().st_size / BYTES_A_SECOND
    # The modules that are found here are found there, and a library starts no threads.
    found = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    environment = os.environ | {"PYTHONPATH": found, "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-P", "-m", "snnc.child", str(decoder), str(path), folder]
    try:
        child = subprocess.run(
            [*command, str(PROCESSOR_S + seconds)],
            capture_output=True,
            check=False,
            env=environment,
            timeout=PATIENCE_S + seconds,
        )
    except subprocess.TimeoutExpired as error:
        raise refusal("the decoder comes to no end") from error
    if child.returncode == -signal.SIGPROF:
        raise refusal("the decoder comes to no end")
    if child.returncode != 0:
        raise refusal("the decoder broke down on it")


def _raised(answer: dict[str, str], refusal: Callable[[str], SnncError]) -> SnncError:
    """The error that the decoder ended with."""
    if "code" not in answer:
        return refusal(answer["what"])
    return SnncError(
        CODES[answer["code"]], answer["what"], where=answer["where"], hint=answer["hint"]
    )


def _limit(kind: int, amount: int) -> None:
    """Set a limit of the process, as far as it may."""
    most = resource.getrlimit(kind)[1]
    resource.setrlimit(
        kind, (amount if most == resource.RLIM_INFINITY else min(amount, most), most)
    )


def _main(decoder: str, path: str, folder: str, seconds: float) -> None:
    """The child: write what the decoder gives, or why it gives nothing."""
    decode = runpy.run_path(decoder)["decode"]
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_DATA, MEMORY_BYTES)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        np.savez(Path(folder) / _ARRAYS, **decode(path))
        return
    except SnncError as error:
        answer = {
            "code": error.code.code,
            "what": error.what,
            "where": error.where,
            "hint": error.hint,
        }
    except Exception as error:  # libraries raise many types; each means: not readable
        answer = {"what": first_sentence(error)}
    (Path(folder) / _REFUSAL).write_text(json.dumps(answer))


if __name__ == "__main__":
    _main(sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4]))
