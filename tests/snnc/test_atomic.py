"""Single files: whole or not at all, and what is no file."""

from __future__ import annotations

import os
import resource
import stat
import subprocess
import sys

import pytest

from snnc.atomic import write_atomically
from snnc.errors import SnncError


def names(folder) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_file_keeps_its_mode_and_a_link_stays_one(tmp_path):
    (tmp_path / "file").write_text("old")
    (tmp_path / "file").chmod(0o640)
    (tmp_path / "link").symlink_to("file")
    write_atomically(tmp_path / "link", b"new")
    assert (tmp_path / "file").read_bytes() == b"new"
    assert (tmp_path / "link").is_symlink()
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640
    os.umask(0o027)
    write_atomically(tmp_path / "fresh", b"new")
    os.umask(0o022)
    assert stat.S_IMODE((tmp_path / "fresh").stat().st_mode) == 0o640
    assert names(tmp_path) == {"file", "link", "fresh"}


def test_devices_and_pipes_are_written_to_as_they_are(tmp_path):
    (tmp_path / "link").symlink_to("/dev/null")
    write_atomically(tmp_path / "link", b"new")
    write_atomically(tmp_path.__class__("/dev/null"), b"new")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    os.mkfifo(tmp_path / "pipe")
    reader = subprocess.Popen(["cat", tmp_path / "pipe"], stdout=subprocess.PIPE)
    write_atomically(tmp_path / "pipe", b"new")
    assert reader.communicate()[0] == b"new"
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_what_cannot_be_written_is_a_sentence(tmp_path):
    (tmp_path / "file").write_text("old")
    for path in (tmp_path, tmp_path / "file" / "inside", tmp_path / "no" / "folder"):
        with pytest.raises(SnncError, match="SNNC-E301"):
            write_atomically(path, b"new")
    assert names(tmp_path) == {"file"}


def test_a_full_disk_leaves_the_old_file(tmp_path):
    (tmp_path / "file").write_text("old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        with pytest.raises(SnncError, match="SNNC-E301"):
            write_atomically(tmp_path / "file", b"n" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (tmp_path / "file").read_text() == "old"
    assert names(tmp_path) == {"file"}


def test_the_next_writer_removes_what_a_killed_one_left(tmp_path):
    script = (
        "import os, pathlib, snnc.atomic as a; os.fsync = lambda _: os.kill(os.getpid(), 9); "
        f"a.write_atomically(pathlib.Path({str(tmp_path / 'file')!r}), b'half')"
    )
    killed = subprocess.run([sys.executable, "-c", script])
    assert killed.returncode == -9
    assert len(names(tmp_path)) == 1
    write_atomically(tmp_path / "file", b"new")
    assert names(tmp_path) == {"file"}
