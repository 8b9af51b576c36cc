"""Compiled object files, kept between runs: the same source, flags and compiler compile once.

The cache lives in $SNNC_CACHE, else in $XDG_CACHE_HOME/snnc, else in ~/.cache/snnc. It can be
removed at any time; the newest :data:`ENTRIES` files are kept.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

ENTRIES = 64

LARGEST = 64 * 1024**2
"""Bytes of the largest file that is kept: one with more weights mostly holds those."""


def folder() -> Path:
    """Where the cache is."""
    if chosen := os.environ.get("SNNC_CACHE"):
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "snnc"


def key(command: Sequence[str], sources: Iterable[Path]) -> str:
    """What a compilation depends on: compiler, flags, this processor, and every source file."""
    digest = hashlib.sha256()
    digest.update(_compiler(command[0], tuple(part for part in command if part.startswith("-m"))))
    digest.update("\0".join(part for part in command[1:] if not part.startswith("-I")).encode())
    for path in sources:
        digest.update(path.name.encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def fetch(entry: str, target: Path) -> bool:
    """Copy a kept file to ``target``; False if there is none."""
    kept = folder() / entry
    if not kept.is_file():
        return False
    shutil.copyfile(kept, target)
    os.utime(kept)
    return True


def keep(entry: str, source: Path) -> None:
    """Keep a copy of a file. A cache that cannot be written (a full disk) is left alone."""
    if source.stat().st_size > LARGEST:
        return
    place = folder()
    temporary = None
    try:
        place.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=place, prefix=".new-")
        os.close(handle)
        shutil.copyfile(source, temporary)
        os.replace(temporary, place / entry)
        for old in sorted(place.iterdir(), key=lambda path: -path.stat().st_mtime)[ENTRIES:]:
            old.unlink(missing_ok=True)
    except OSError:
        # Only speed is lost: the object file itself has been written where it is needed.
        if temporary:
            Path(temporary).unlink(missing_ok=True)


@lru_cache
def _compiler(program: str, machine_flags: tuple[str, ...]) -> bytes:
    """Version of a compiler and the macros that it defines for the target (with -march=native
    that is this very processor)."""
    version = subprocess.run([program, "--version"], capture_output=True, check=False).stdout
    command = [program, *machine_flags, "-dM", "-E", "-x", "c", os.devnull]
    return version + subprocess.run(command, capture_output=True, check=False).stdout
