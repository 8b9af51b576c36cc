"""Files that appear whole or not at all, and temporary names that never outlive the next run.

A file is written beside its target, flushed to the disk, and renamed over it: whoever reads sees
the old content or the new, also after a kill -9. Until then its name is one of ours
(:data:`OWN_NAME`), and its writer holds a lock (``flock``) on it, which the system drops when the
writer ends in whatever way. So the next writer in the same folder knows what nobody works on any
more, and removes it: never what another process is writing, and never a name that is not ours.
Scratch folders in the system's temporary folder are kept tidy in the same way.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import re
import secrets
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

from snnc.errors import BAD_OUTPUT, SnncError

OWN_NAME = re.compile(r"\.snnc-[0-9a-f]{16}")
"""Names of our temporary files and folders, and of nothing else."""

DEBUG = "SNNC_DEBUG"
"""The environment variable that keeps scratch folders, logs everything and shows tracebacks."""

log = logging.getLogger(__name__)

ATTEMPTS = 20
"""How often a temporary name is made again that a sweep has taken at once."""


def write_atomically(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` whole or not at all, replacing the file that was there.

    A link is followed; a device or a pipe (``/dev/stdout``, ``>(jq)``) is written to as it is.

    Raises:
        SnncError: BAD_OUTPUT for a folder, a write-protected file, a folder that cannot be written,
            a full disk: the old file is then untouched and no temporary file is left.
    """
    try:
        target = Path(os.path.realpath(path))
        mode = _mode(target)
        if mode is not None and not stat.S_ISREG(mode):
            target.write_bytes(content)  # a folder raises, a device takes it
            return
        if mode is not None and not os.access(target, os.W_OK):
            raise PermissionError(0, "it is write-protected")
        sweep_once(target.parent)
        _replace(target, content, mode)
    except OSError as error:
        reason = error.strerror or str(error)
        raise SnncError(
            BAD_OUTPUT, f"the file cannot be written ({reason})", where=str(path)
        ) from error


def _mode(path: Path) -> int | None:
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return None


def _replace(target: Path, content: bytes, mode: int | None) -> None:
    temporary, handle = _claimed(target.parent, _create_file)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            if mode is not None:
                os.fchmod(file.fileno(), stat.S_IMODE(mode))
            temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def scratch_folder(parent: Path | None = None) -> Iterator[Path]:
    """A folder for the block, removed after it, or by the next run where this one was killed.

    With SNNC_DEBUG in the environment it is kept, under a name that is logged.

    Args:
        parent: where; default: the system's temporary folder.

    Raises:
        OSError: the folder cannot be made.
    """
    place = parent or Path(tempfile.gettempdir())
    sweep_once(place)
    folder, handle = _claimed(place, _create_folder)
    try:
        yield folder
    finally:
        if os.environ.get(DEBUG) and parent is None:
            _keep(folder)
        else:
            shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)


def _keep(folder: Path) -> None:
    """Give a scratch folder a name that no run sweeps."""
    kept = folder.with_name(f"snnc-kept-{folder.name.removeprefix('.snnc-')}")
    folder.rename(kept)
    log.debug("kept %s", kept)


def _create_file(path: Path) -> int:
    return os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o666)


def _create_folder(path: Path) -> int:
    path.mkdir(mode=0o700)
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def _claimed(parent: Path, create: Callable[[Path], int]) -> tuple[Path, int]:
    """A new path of ours and its locked handle.

    A sweep may lock and remove it between its creation and our lock; then another one is made.
    """
    for attempt in range(ATTEMPTS):
        path = parent / f".snnc-{secrets.token_hex(8)}"
        try:
            handle = create(path)
        except FileNotFoundError:  # swept between the two calls that make a folder
            if attempt == ATTEMPTS - 1 or not parent.exists():
                raise
            continue
        with contextlib.suppress(OSError):  # no locks on this file system: nothing is swept either
            fcntl.flock(handle, fcntl.LOCK_EX)
        if _still_there(path, handle):
            return path, handle
        os.close(handle)
    raise FileNotFoundError(errno.ENOENT, "temporary files vanish as they are made", str(parent))


def _still_there(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(path.lstat(), os.fstat(handle))
    except FileNotFoundError:
        return False


@lru_cache
def sweep_once(parent: Path) -> None:
    """:func:`sweep` a folder, once in the life of this process."""
    sweep(parent)


def sweep(parent: Path, remove: Callable[[Path], object] | None = None) -> None:
    """Remove what killed runs left in a folder.

    Args:
        parent: the folder; one that cannot be read is left alone.
        remove: how to remove a folder of ours that nobody works on; default: with its content.
    """
    try:
        found = [path for path in parent.iterdir() if OWN_NAME.fullmatch(path.name)]
    except OSError:
        return  # not ours to read: nothing of ours can be in it either
    for path in found:
        with contextlib.suppress(OSError):  # another process was faster, or it is another user's
            _remove_orphan(path, remove or shutil.rmtree)


def _remove_orphan(path: Path, remove: Callable[[Path], object]) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        status = os.fstat(handle)
        if status.st_uid != os.geteuid() or not _still_there(path, handle):
            return
        if stat.S_ISDIR(status.st_mode):
            remove(path)
        else:
            path.unlink()
    finally:
        os.close(handle)
