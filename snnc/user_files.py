"""The one way in which files that a user names are opened.

Opening a named pipe waits for a writer, reading a device may never end, and a file may be larger
than the memory. So only regular files are opened, and none is read whole beyond a limit.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

from snnc import limits
from snnc.errors import ErrorCode, SnncError

_KINDS = {
    stat.S_IFREG: "regular file",
    stat.S_IFDIR: "directory",
    stat.S_IFIFO: "named pipe",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "device",
    stat.S_IFBLK: "device",
}


def kind_of(path: str | Path) -> str:
    """What is at ``path``, links followed: "regular file", "directory", …; "" for nothing."""
    try:
        return _KINDS.get(stat.S_IFMT(os.stat(path).st_mode), "special file")
    except (OSError, ValueError):  # ValueError: a null character in the name
        return ""


def open_file(path: str | Path, code: ErrorCode, *, hint: str = "") -> BinaryIO:
    """Open a regular file for reading bytes.

    Args:
        path: as the user gave it; links are followed.
        code: the kind of the error where it cannot be opened.
        hint: what to do then, instead of the code's own advice.

    Raises:
        SnncError: ``code`` where there is no such file, where it may not be read, or where it is a
            directory, a named pipe, a socket or a device.
    """
    kind = kind_of(path)
    if kind not in ("", "regular file"):
        raise _refusal(path, code, f"it is a {kind}, and snnc reads regular files only", hint)
    try:
        # Without waiting, for the case that a pipe has taken the file's place since.
        file = os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb")
    except OSError as error:
        raise _refusal(path, code, f"cannot be opened: {error.strerror}", hint) from error
    except ValueError as error:
        raise _refusal(path, code, f"cannot be opened: {error}", hint) from error
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise _refusal(path, code, "it is no regular file any more", hint)
    return file


def read_file(path: str | Path, code: ErrorCode, *, hint: str = "") -> bytes:
    """The whole content of a regular file.

    Raises:
        SnncError: as :func:`open_file`; OVER_LIMIT for more bytes than the limit ``file_bytes``.
    """
    with open_file(path, code, hint=hint) as file:
        size = os.fstat(file.fileno()).st_size
        limits.check("file_bytes", size, where=str(path))
        try:
            return file.read(size)
        except OSError as error:
            raise _refusal(path, code, f"cannot be read: {error.strerror}", hint) from error


def read_text(path: str | Path, code: ErrorCode, *, hint: str = "", errors: str = "strict") -> str:
    """The whole content of a regular file in UTF-8; ``errors`` as for ``bytes.decode``.

    Raises:
        SnncError: as :func:`read_file`, and ``code`` for other encodings.
    """
    try:
        return read_file(path, code, hint=hint).decode("utf-8-sig", errors)
    except UnicodeDecodeError as error:
        what = f"cannot be read: it is not text in UTF-8 (byte {error.start})"
        raise _refusal(path, code, what, hint) from error


def _refusal(path: str | Path, code: ErrorCode, what: str, hint: str) -> SnncError:
    return SnncError(code, what, where=str(path), hint=hint)
