"""``manifest.json`` of a folder that snnc wrote: which files are ours, and with what content."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from snnc.errors import NOT_COMPILED, SnncError

Check = Callable[[object], bool]

MANIFEST = "manifest.json"
FORMAT = "snnc-compiled"

LARGEST = 64 * 1024**2
"""Bytes of the largest manifest that is read; one of 1,000 layers takes half a megabyte."""

_DIGEST = re.compile(r"[0-9a-f]{64}")
_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}")
_OUTPUT_NAME = re.compile(r"[A-Za-z0-9_]{1,1000}")

MOST = 2**40
"""The largest size or count that a manifest may state."""


def _text(value: object) -> bool:
    return isinstance(value, str)


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MOST


def _sensor(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_size, value))


def _or_null(check: Check) -> Check:
    return lambda value: value is None or check(value)


SCHEMA: Mapping[str, Any] = {
    "name": _IDENTIFIER,
    "model": _text,
    "target": _text,
    "package?": _text,
    "core?": _or_null(_text),
    "library?": _text,
    "time_steps": _size,
    "streams": lambda value: isinstance(value, bool),
    "scores": {"unit": _number, "axes?": [_size]},
    "outputs": [{"name": _OUTPUT_NAME, "shape": [_size], "type": re.compile("float|int32_t")}],
    "memory": {"ram": {"arena": _size}},
    "input": {
        "shape": [_size],
        "kind": re.compile("count|real"),
        "sensor?": _sensor,
        "dt_us?": _or_null(_size),
        "step_us?": _size,
        "downsample?": _size,
        "framing?": _text,
        "buffer": {"frames": _size, "events": _or_null(_size)},
    },
    "options": {"dtype": _text, "threads?": _size},
    "layers": [{"name": _text, "op": _text, "shape": [_size]}],
}
"""What readers of a folder rely on: a pattern, a check, fields (? where they may be missing), or a
list of at least one of these."""


def write_manifest(folder: Path, content: dict[str, Any]) -> dict[str, Any]:
    """Write the manifest of a folder that holds all other files; gives it with their digests."""
    manifest = {**content, "files": digests(folder)}
    text = json.dumps(manifest, indent=2, sort_keys=False) + "\n"
    (folder / MANIFEST).write_text(text, encoding="utf-8")
    return manifest


def read_manifest(out: Path) -> dict[str, Any]:
    """The manifest of a compiled model, every entry that is read checked.

    Raises:
        SnncError: NOT_COMPILED where there is none, or one that cannot be.
    """
    manifest = _of_ours(out)
    if wrong := _first_wrong(manifest, SCHEMA, ""):
        raise _damaged(out, wrong)
    return manifest


@dataclass(frozen=True)
class Written:
    """A folder that ``snnc compile`` wrote, with its manifest as it was when it was read: whoever
    asks later what is in the folder is told of one and the same."""

    folder: Path
    manifest: Mapping[str, Any]

    @classmethod
    def read(cls, folder: Path) -> Written:
        """Read its manifest. Raises as :func:`read_manifest`."""
        return cls(folder, read_manifest(folder))


def _of_ours(out: Path) -> dict[str, Any]:
    """A manifest that snnc wrote, and that lists files."""
    path = out / MANIFEST
    try:
        if not path.is_file() or path.stat().st_size > LARGEST:
            raise OSError(0, "no such file of its size")
        manifest: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise SnncError(
            NOT_COMPILED, f"no readable {MANIFEST} ({reason})", where=str(out)
        ) from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise SnncError(NOT_COMPILED, f"{MANIFEST} was not written by snnc", where=str(out))
    if not _lists_files(manifest.get("files")):
        raise _damaged(out, "files")
    return manifest


def _damaged(out: Path, entry: str) -> SnncError:
    what = f"{MANIFEST} is damaged: its entry {entry} cannot be"
    return SnncError(NOT_COMPILED, what, where=str(out))


def _first_wrong(value: Any, expected: Any, place: str) -> str | None:
    """Where a value is not as expected, as ``outputs[0].shape``; None where all of it is."""
    if isinstance(expected, Mapping):
        if not isinstance(value, Mapping):
            return place
        for field, inner in expected.items():
            key = field.removesuffix("?")
            inside = f"{place}.{key}".lstrip(".")
            if key in value:
                if wrong := _first_wrong(value[key], inner, inside):
                    return wrong
            elif not field.endswith("?"):
                return inside
        return None
    if isinstance(expected, list):
        if not isinstance(value, list) or not value:
            return place
        each = (_first_wrong(item, expected[0], f"{place}[{i}]") for i, item in enumerate(value))
        return next(filter(None, each), None)
    if isinstance(expected, re.Pattern):
        return None if isinstance(value, str) and expected.fullmatch(value) else place
    return None if expected(value) else place


def _lists_files(files: object) -> bool:
    return isinstance(files, dict) and all(
        _is_inside(path) and isinstance(digest, str) and _DIGEST.fullmatch(digest)
        for path, digest in files.items()
    )


def _is_inside(path: str) -> bool:
    """Whether a path names a file in the folder, in one way only."""
    pure = PurePosixPath(path)
    plain = pure.as_posix() == path and "\0" not in path and path not in (".", MANIFEST)
    return plain and not pure.is_absolute() and ".." not in pure.parts


def own_files(folder: Path) -> dict[str, str] | None:
    """SHA-256 of our files by path in a folder that snnc wrote; None for any other folder."""
    try:
        files: dict[str, str] = _of_ours(folder)["files"]
    except SnncError:
        return None
    return files


def changed_files(folder: Path, files: Mapping[str, str]) -> list[str]:
    """Which files are there and have another content than was written.

    Raises:
        OSError: a file cannot be read.
    """
    return [name for name in files if not _is_as_written(folder / name, files[name])]


def _is_as_written(path: Path, digest: str) -> bool:
    if path.is_symlink() or path.is_dir():
        return False
    return not path.exists() or (path.is_file() and sha256(path) == digest)


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file by its path in the folder."""
    return {
        path.relative_to(folder).as_posix(): sha256(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
