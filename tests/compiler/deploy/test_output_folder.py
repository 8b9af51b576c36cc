"""Replacing a folder: nothing of the user's is lost, and a kill leaves the old one or the new."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from snnc import atomic
from snnc.compiler.deploy import output_folder
from snnc.compiler.deploy.manifest import FORMAT, MANIFEST, own_files, sha256
from snnc.compiler.deploy.output_folder import fresh_folder
from snnc.errors import SnncError
from tests.support import manifests as manifest
from tests.support.places import INCLUDE

OLD = {"net.c": "old", "net.h": "old", "snn/types.h": "old", "gone/only.h": "old"}
NEW = {"net.c": "new", "net.h": "new", "snn/types.h": "new", "board/main.c": "new"}
MINE = {"notes.txt": "mine", "build/deep/net.o": "mine", "snn/my.h": "mine", ".git/HEAD": "mine"}


def put(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def replace(out: Path, files: dict[str, str]) -> None:
    with fresh_folder(out) as folder:
        put(folder, files)
        manifest.write(folder)


def content(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in folder.rglob("*")
        if path.is_file() and path.name != MANIFEST
    }


@pytest.fixture
def out(tmp_path):
    replace(tmp_path / "out", OLD)
    put(tmp_path / "out", MINE)
    (tmp_path / "out" / "link").symlink_to("notes.txt")
    (tmp_path / "out" / "empty").mkdir()
    return tmp_path / "out"


def test_files_of_others_stay_and_ours_are_replaced(out):
    (out / "build").chmod(0o555)
    replace(out, NEW)
    assert content(out) == {**NEW, **MINE, "link": "mine"}
    assert (out / "link").is_symlink()
    assert (out / "empty").is_dir()
    assert not (out / "gone").exists()
    assert (out / "build").stat().st_mode & 0o777 == 0o555
    assert (out / "notes.txt").stat().st_nlink == 1
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def missing(*_: object, **__: object) -> None:
    """A call that the file system does not know."""
    raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))


def test_a_file_system_without_exchange_and_links(out, monkeypatch):
    monkeypatch.setattr(output_folder, "_renameat2", missing)
    monkeypatch.setattr(os, "link", missing)
    replace(out, NEW)
    assert content(out) == {**NEW, **MINE, "link": "mine"}
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def refused(out: Path, *words: str) -> None:
    before = content(out) if out.is_dir() else None
    with pytest.raises(SnncError, match="SNNC-E301") as stop:
        replace(out, NEW)
    assert all(word in str(stop.value) for word in words), str(stop.value)
    assert before is None or content(out) == before
    assert not [path for path in out.parent.iterdir() if atomic.OWN_NAME.fullmatch(path.name)]


@pytest.mark.parametrize("text", ["", "{}", '{"name": "a web app"}', f'{{"format": "{FORMAT}"}}'])
def test_a_folder_of_others_is_refused_with_what_it_holds(tmp_path, text):
    put(tmp_path / "app", {"manifest.json": text, "a.js": "", "b.js": "", "c.js": ""})
    refused(tmp_path / "app", "a.js", "and 1 more")


def test_an_edit_is_not_lost(out):
    (out / "net.c").write_text("edited")
    refused(out, "net.c", "changed")
    (out / "net.c").unlink()
    replace(out, NEW)
    assert (out / "net.c").read_text() == "new"


@pytest.mark.parametrize("name", ["board/main.c", "board"])
def test_a_file_in_the_way_is_not_lost(out, name):
    put(out, {name: "mine"})
    refused(out, name, "in the way")


def test_a_link_for_a_folder_of_ours_is_not_followed(out):
    (out / "snn").rename(out.parent / "elsewhere")
    (out / "snn").symlink_to("../elsewhere")
    refused(out, "snn")


def test_places_that_cannot_be_replaced(out, tmp_path, monkeypatch):
    put(tmp_path, {"file": ""})
    refused(tmp_path / "file", "a file")
    for place in (tmp_path / "file" / "inside", Path("/"), Path("/proc"), Path("/proc/new")):
        with pytest.raises(SnncError, match="SNNC-E301"):
            replace(place, NEW)
    monkeypatch.chdir(out / "build")
    refused(out, "your shell")


def test_a_link_to_a_folder_stays_a_link(out, tmp_path):
    (tmp_path / "current").symlink_to("out")
    replace(tmp_path / "current", NEW)
    assert (tmp_path / "current").is_symlink()
    assert (out / "net.c").read_text() == "new"
    (tmp_path / "fresh").symlink_to("later")
    replace(tmp_path / "fresh", NEW)
    assert (tmp_path / "later" / "net.c").read_text() == "new"


def test_a_name_as_long_as_names_can_be(tmp_path):
    replace(tmp_path / ("n" * 255), NEW)
    replace(tmp_path / ("n" * 255), OLD)
    assert content(tmp_path / ("n" * 255)) == OLD


def fail_halfway(out: Path) -> None:
    with fresh_folder(out) as folder:
        put(folder, NEW)
        raise ZeroDivisionError


def test_a_failure_leaves_the_folder_as_it_was(out):
    with pytest.raises(ZeroDivisionError):
        fail_halfway(out)
    assert content(out) == {**OLD, **MINE, "link": "mine"}
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def copy_runtime(out: Path) -> None:
    with fresh_folder(out) as folder:
        put(folder, NEW)
        shutil.copytree(INCLUDE, folder / "include")


def test_a_full_disk_is_a_sentence_and_leaves_the_folder_as_it_was(out):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(SnncError) as stop:
            copy_runtime(out)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert str(stop.value).startswith(f"SNNC-E301: {out}: File too large. ")
    assert content(out) == {**OLD, **MINE, "link": "mine"}
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_what_is_written_while_folders_change_places_is_kept(out, monkeypatch):
    exchange = output_folder._exchange

    def with_a_late_file(new, target, old):
        put(target, {"build/late.o": "late"})
        (target / "notes.txt").unlink()
        put(target, {"notes.txt": "newer"})
        exchange(new, target, old)

    monkeypatch.setattr(output_folder, "_exchange", with_a_late_file)
    replace(out, NEW)
    assert content(out) == {
        **NEW,
        **MINE,
        "notes.txt": "newer",
        "link": "newer",
        "build/late.o": "late",
    }


def test_two_runs_at_once_leave_the_folder_of_one(out):
    with fresh_folder(out) as first:
        put(first, OLD)
        manifest.write(first)
        replace(out, NEW)
    assert content(out) == {**OLD, **MINE, "link": "mine"}
    fresh = out.parent / "fresh"
    with fresh_folder(fresh) as first:
        put(first, OLD)
        manifest.write(first)
        replace(fresh, NEW)
    assert content(fresh) == OLD
    assert sorted(path.name for path in out.parent.iterdir()) == ["fresh", "out"]


# kills --------------------------------------------------------------------------------------------


def killed_at(call: int, work: Callable[[], object]) -> bool:
    """Run ``work`` in a child that is killed at its so-and-so-manieth audited call of the system;
    False where it ended before."""
    child = os.fork()
    if child == 0:
        left = call

        def count(event: str, _: object) -> None:
            nonlocal left
            left -= event != "os.kill"
            if left < 0 and event != "os.kill":
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        try:
            work()
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def whole(folder: Path) -> bool:
    """Whether a folder is one that was written, with every file of its manifest."""
    files = own_files(folder)
    return files is not None and all(sha256(folder / name) == files[name] for name in files)


@pytest.mark.parametrize("exchange", [True, False])
def test_a_kill_at_any_call_leaves_old_or_new_and_the_next_run_tidies_up(
    tmp_path, monkeypatch, exchange
):
    monkeypatch.setattr(os, "fsync", lambda _: None)  # no power is cut here, and it takes long
    if not exchange:
        monkeypatch.setattr(output_folder, "_renameat2", missing)
    call = 0
    seen = set()
    out = tmp_path / "out"
    replace(out, OLD)
    put(out, MINE)
    while killed_at(call, lambda: replace(out, NEW)):
        if exchange or out.exists():
            assert whole(out), call
            mine = {name: text for name, text in content(out).items() if name in MINE}
            assert mine == MINE, call
            seen.add((out / "net.c").read_text())
        replace(out, OLD)
        assert content(out) == {**OLD, **MINE}, call
        assert [path.name for path in tmp_path.iterdir()] == ["out"], call
        call += 1
    assert call > 100
    assert seen == {"old", "new"}


def test_a_sweep_leaves_what_others_work_on_and_other_names(tmp_path):
    others = (".snnc-cache", ".snnc-0123456789abcdeX", "snnc-0123456789abcdef", ".notes")
    for name in others:
        (tmp_path / name).write_text("mine")
    (tmp_path / ".snnc-0123456789abcdef").mkdir()
    (tmp_path / ".snnc-fedcba9876543210").write_text("half a file")
    with atomic.scratch_folder(tmp_path) as working:
        (working / "a").write_text("")
        atomic.sweep(tmp_path)
        assert {path.name for path in tmp_path.iterdir()} == {*others, working.name}
    assert {path.name for path in tmp_path.iterdir()} == set(others)
