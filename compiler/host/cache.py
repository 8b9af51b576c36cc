"""Compiled object files, kept between runs: the same source, flags and compiler compile once.

The cache lives in $SNNC_CACHE, else in $XDG_CACHE_HOME/snnc, else in ~/.cache/snnc. It can be
removed at any time; the newest :data:`ENTRIES` files of ours are kept. Several processes may use
it at once: an entry appears whole, and one that vanishes while it is read counts as missing.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from snnc.atomic import write_atomically
from snnc.compiler.host.toolchain import run_tool
from snnc.errors import InternalError, SnncError

ENTRIES = 64

OWN = re.compile(r"[0-9a-f]{64}\.(o|su|classes|plugin\.so|cmsis_nn\.a)")
"""Names of entries: a key, and what it is. Nothing else in the folder is ever touched."""

CHECKSUM = hashlib.sha256().digest_size
"""Bytes before the content of each entry: its SHA-256. An entry that was cut or damaged has
another one, counts as missing, and is made anew."""

LARGEST = 64 * 1024**2
"""Bytes of the largest file that is kept: one with more weights mostly holds those."""


def folder() -> Path:
    """Where the cache is."""
    if chosen := os.environ.get("SNNC_CACHE"):
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "snnc"


def key(compiler: Sequence[str], options: Sequence[str], sources: Iterable[Path]) -> str:
    """What a compilation depends on: compiler, flags, this processor, and every source file.

    Args:
        compiler: the program, with the options that belong to it.
        options: those that change what is compiled; not where headers lie.
        sources: all files that are read.

    Raises:
        SnncError: NO_C_COMPILER.
    """
    digest = hashlib.sha256()
    digest.update(_about(tuple(compiler), tuple(part for part in options if part.startswith("-m"))))
    digest.update("\0".join([*compiler[1:], *options]).encode())
    for path in sources:
        digest.update(path.name.encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def fetch(entry: str, target: Path) -> bool:
    """Copy a kept file to ``target``; False where there is none, or a damaged one, which goes.

    Raises:
        OSError: ``target`` cannot be written.
    """
    kept = folder() / entry
    try:
        content = kept.read_bytes()
    except OSError:
        return False
    checksum, content = content[:CHECKSUM], content[CHECKSUM:]
    if hashlib.sha256(content).digest() != checksum:
        with suppress(OSError):  # a cache that cannot be written
            kept.unlink()
        return False
    target.write_bytes(content)
    with suppress(OSError):
        os.utime(kept)
    return True


def keep(entry: str, source: Path) -> None:
    """Keep a copy of a file under a name of :data:`OWN`, and drop the oldest ones.

    A cache that cannot be written (a full disk, a file in the way) is left alone: only speed is
    lost, as the file itself lies where it is needed.
    """
    if not OWN.fullmatch(entry):
        raise InternalError(f"{entry} is no name for the cache")
    if source.stat().st_size > LARGEST:
        return
    content = source.read_bytes()
    place = folder()
    with suppress(OSError, SnncError):
        place.mkdir(parents=True, exist_ok=True)
        write_atomically(place / entry, hashlib.sha256(content).digest() + content)
        own = [path for path in place.iterdir() if OWN.fullmatch(path.name)]
        for old in sorted(own, key=_age)[ENTRIES:]:
            old.unlink(missing_ok=True)


def _age(path: Path) -> float:
    """Negative time of the last use; a file that another process has just removed is the oldest."""
    try:
        return -path.stat().st_mtime
    except OSError:
        return 0.0


@lru_cache
def _about(compiler: tuple[str, ...], machine_flags: tuple[str, ...]) -> bytes:
    """Version of a compiler and the macros that it defines for the target (with -march=native
    that is this very processor)."""
    version = run_tool([*compiler, "--version"]).stdout
    macros = run_tool([*compiler, *machine_flags, "-dM", "-E", "-x", "c", os.devnull]).stdout
    return (version + macros).encode()
