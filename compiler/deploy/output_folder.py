"""Putting a compiled model where a folder is already: whole or not at all, and nothing else lost.

What may be replaced: nothing, an empty folder, or a folder that snnc wrote. Of the last, the files
that its manifest lists are ours; all others (build products, notes, ``.git``) stay where they are.
A listed file that was edited since is refused, so that no edit is lost, and so is a file of the
user's in the way of a new one.

How, so that a kill -9 at any point leaves the old folder or the new one:

1. The new files are made in ``.snnc-*/new`` beside OUT and flushed to the disk.
2. The user's files are linked into it (copied where the file system knows no hard links). From
   here on both folders are whole.
3. ``.snnc-*/record`` says which folder is the new one; then both change places in one step of the
   file system (Linux: ``renameat2`` with RENAME_EXCHANGE).
4. What lies in the old folder and is not ours is compared with OUT: it is the same file, unless
   someone wrote it between 2 and 3, and then it is moved over. The rest is removed.

The next run with the same parent folder does step 4 for a run that was killed behind 3, and
removes what one killed before 3 had begun (:func:`snnc.atomic.sweep`). Where no such exchange
exists (NFS, other systems), OUT is moved aside and the new folder in its place: killed between
these two renames, the next run moves the old folder back. Two runs at once that write one OUT
replace each other's folder, whole.

As the folder is another one afterwards, a shell or a mount that stands in it would stay behind in
the old one: both are refused.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from snnc.atomic import OWN_NAME, scratch_folder, sweep
from snnc.compiler.deploy.manifest import MANIFEST, changed_files, own_files
from snnc.errors import BAD_OUTPUT, SnncError

NEW, OLD, RECORD = "new", "old", "record"
"""Names in a staging folder."""

ATTEMPTS = 5
"""How often a folder is looked at again that another run fills at the same time."""

SHOWN = 3
"""How many names a message lists."""

_NO_EXCHANGE = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EPERM)
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


@contextmanager
def fresh_folder(out: Path) -> Iterator[Path]:
    """A folder to fill, which takes the place of ``out`` when the block ends well.

    Raises:
        SnncError: BAD_OUTPUT where ``out`` cannot be written or must not be replaced.
    """
    try:
        target = Path(os.path.realpath(out))
        check_replaceable(target, out)
        target.parent.mkdir(parents=True, exist_ok=True)
        sweep(target.parent, _finish)
        with scratch_folder(target.parent) as staging:
            (staging / NEW).mkdir()
            yield staging / NEW
            _flush(staging / NEW)
            _commit(staging, target, out)
    except OSError as error:
        raise SnncError(BAD_OUTPUT, _reason(error), where=_place(error, out)) from error


def _reason(error: OSError) -> str:
    """Why something failed, in the system's words: of a tree, why the first of its files did."""
    if isinstance(error, shutil.Error):
        first = str(error.args[0][0][-1])
        return re.sub(r"^\[Errno \d+\] ([^:]*).*", r"\1", first, flags=re.DOTALL)
    return error.strerror or str(error)


def _place(error: OSError, out: Path) -> str:
    """The file that failed, or the folder where that is one of ours."""
    file = str(error.filename or out)
    return str(out) if any(map(OWN_NAME.fullmatch, Path(file).parts)) else file


def check_replaceable(target: Path, out: Path) -> set[str]:
    """The files of a folder that snnc wrote, none where there is no folder, or an empty one.

    Args:
        target: the folder, without links.
        out: how the user calls it.

    Raises:
        SnncError: BAD_OUTPUT where a new folder must not take its place.
        OSError: it cannot be read.
    """
    if not os.path.lexists(target):
        return set()
    if not target.is_dir():
        raise _refused(out, "a file is there", "Choose another folder, or remove it.")
    found = sorted(os.listdir(target))
    own = own_files(target)
    if found and own is None:
        raise _refused(
            out,
            f"the folder was not written by snnc and holds {_some(found)}",
            "Choose another folder, or empty it.",
        )
    if Path.cwd().is_relative_to(target):
        raise _refused(
            out,
            "snnc runs in that folder, and as it is replaced whole your shell would be left in the "
            "old one",
            "Go up first: cd .., then name the folder with -o.",
        )
    if os.path.ismount(target):
        raise _refused(
            out,
            "a file system is mounted there, and only a folder in it can be replaced whole",
            f"Name one: -o {out / 'NAME'}.",
        )
    edited = changed_files(target, own or {})
    if edited:
        raise _refused(
            out,
            f"{_some(edited)} changed since snnc wrote the folder, and would be lost",
            "Move or delete what you changed, or choose another folder.",
        )
    return set() if own is None else {*own, MANIFEST}


def _refused(out: Path, what: str, hint: str) -> SnncError:
    return SnncError(BAD_OUTPUT, what, where=str(out), hint=hint)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _flush(folder: Path) -> None:
    """Have the content of all files on the disk before they get their place."""
    for path in folder.rglob("*"):
        if path.is_file() or path.is_dir():
            handle = os.open(path, os.O_RDONLY)
            os.fsync(handle)
            os.close(handle)


def _commit(staging: Path, target: Path, out: Path) -> None:
    new = staging / NEW
    for attempt in range(ATTEMPTS):
        own = check_replaceable(target, out)
        if own:
            _take_along(target, new, own, out)
            shutil.copystat(target, new)
            os.utime(new)
            record = {"target": target.name, "inode": new.stat().st_ino}
            (staging / RECORD).write_text(json.dumps(record), encoding="utf-8")
            _exchange(new, target, staging / OLD)
            _discard(staging / OLD, target)
            return
        try:
            new.rename(target)  # also over an empty folder
            return
        except OSError as error:
            # Another run filled the folder after we looked: then it is to be replaced.
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST) or attempt == ATTEMPTS - 1:
                raise


def _others(folder: Path, own: set[str]) -> Iterator[tuple[str, bool]]:
    """Everything in a folder that is not ours: its path in it, and whether it is a folder."""
    homes = {parent.as_posix() for name in own for parent in Path(name).parents}
    for home, folders, files in os.walk(folder):
        for name in [*folders, *files]:
            path = Path(home) / name
            inside = path.relative_to(folder).as_posix()
            is_folder = name in folders and not path.is_symlink()
            if inside not in (homes if is_folder else own):
                yield inside, is_folder


def _take_along(target: Path, new: Path, own: set[str], out: Path) -> None:
    """Link what is not ours from the folder that is there into the new one."""
    others = list(_others(target, own))
    in_the_way = [
        name
        for name, is_folder in others
        if os.path.lexists(new / name) and not (is_folder and (new / name).is_dir())
    ]
    if in_the_way:
        raise _refused(
            out,
            f"{_some(in_the_way)} is not of snnc and in the way of a new file",
            "Move it, or choose another folder.",
        )
    for name, is_folder in others:
        if is_folder:
            (new / name).mkdir(parents=True, exist_ok=True)
        else:
            (new / name).parent.mkdir(parents=True, exist_ok=True)
            _link(target / name, new / name)
    for name, is_folder in reversed(others):
        if is_folder:
            shutil.copystat(target / name, new / name)


def _link(source: Path, copy: Path) -> None:
    try:
        os.link(source, copy, follow_symlinks=False)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK):
            raise
        shutil.copy2(source, copy, follow_symlinks=False)


def _exchange(new: Path, target: Path, old: Path) -> None:
    """Put ``new`` in the place of ``target``, and that at ``old``."""
    try:
        _renameat2(new, target)
    except OSError as error:
        if error.errno not in _NO_EXCHANGE:
            raise
        _exchange_in_two(new, target, old)
        return
    new.rename(old)


def _exchange_in_two(new: Path, target: Path, old: Path) -> None:
    target.rename(old)
    try:
        new.rename(target)
    except OSError:
        old.rename(target)
        raise


def _renameat2(one: Path, other: Path) -> None:
    """Let two paths change places in one step. Raises OSError (ENOSYS where there is no such)."""
    call = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if call is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    paths = (_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other))
    if call(*paths, _RENAME_EXCHANGE):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), str(other))


def _discard(old: Path, target: Path) -> None:
    """Remove a folder that was replaced, after what is not ours is safe in its successor."""
    own = own_files(old)
    if own is not None:  # else the run before got as far as removing the manifest, its last file
        for name, is_folder in _others(old, {*own, MANIFEST}):
            if not is_folder:
                _rescue(old / name, target / name)
    for path in old.iterdir():
        if path.name != MANIFEST:
            _remove(path)
    _remove(old)


def _rescue(old: Path, home: Path) -> None:
    """Move a file over that someone wrote while the folders changed places."""
    if not os.path.lexists(home):
        home.parent.mkdir(parents=True, exist_ok=True)
        old.rename(home)
        return
    here, there = old.lstat(), home.lstat()
    if not os.path.samestat(here, there) and here.st_mtime_ns > there.st_mtime_ns:
        old.replace(home)


def _remove(path: Path) -> None:
    """Remove a file or a tree, also one whose folders are write-protected."""
    if path.is_symlink() or not path.is_dir():
        path.unlink()
        return
    for home, folders, _ in os.walk(path):
        for folder in (home, *(os.path.join(home, name) for name in folders)):
            if not os.path.islink(folder):
                os.chmod(folder, 0o700)
    shutil.rmtree(path)


def _finish(staging: Path) -> None:
    """Bring to its end what a killed run had begun in its staging folder."""
    new, old = staging / NEW, staging / OLD
    try:
        record = json.loads((staging / RECORD).read_text("utf-8"))
        target, inode = staging.parent / record["target"], record["inode"]
    except (OSError, ValueError):
        _remove(staging)  # killed before it had anything of the user's
        return
    if old.is_dir() and not os.path.lexists(target):
        old.rename(target)
    elif new.is_dir() and target.is_dir() and target.stat().st_ino == inode:
        _discard(new, target)
    elif old.is_dir() and target.is_dir():
        _discard(old, target)
    _remove(staging)
