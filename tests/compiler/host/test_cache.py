"""The cache of compiled files: damaged entries, other people's files, other processes."""

from __future__ import annotations

import os
import threading

import pytest

from snnc.compiler.host import cache

ENTRIES = [f"{number:064x}.o" for number in range(6)]


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """The folder of a cache, and a file to keep."""
    monkeypatch.setenv("SNNC_CACHE", str(tmp_path / "cache"))
    (tmp_path / "object").write_bytes(b"content")
    return tmp_path / "cache", tmp_path / "object"


def fetched(entry: str, tmp_path) -> bytes | None:
    found = cache.fetch(entry, tmp_path / "copy")
    return (tmp_path / "copy").read_bytes() if found else None


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:10],
        lambda content: content[:-1],
        lambda content: content + b"more",
        lambda content: content[:-1] + b"X",
        lambda content: bytes([content[0] ^ 1]) + content[1:],
    ],
)
def test_a_damaged_entry_is_a_miss_and_replaced(kept, tmp_path, damage):
    folder, source = kept
    cache.keep(ENTRIES[0], source)
    assert fetched(ENTRIES[0], tmp_path) == b"content"
    entry = folder / ENTRIES[0]
    entry.write_bytes(damage(entry.read_bytes()))
    assert fetched(ENTRIES[0], tmp_path) is None
    assert not entry.exists()
    cache.keep(ENTRIES[0], source)
    assert fetched(ENTRIES[0], tmp_path) == b"content"


def test_a_bounded_number_of_entries_and_no_other_file_is_touched(kept, monkeypatch):
    folder, source = kept
    monkeypatch.setattr(cache, "ENTRIES", 3)
    folder.mkdir()
    others = ["notes.txt", "0.o", f"{'0' * 63}g.o", f"{'0' * 64}.txt", f"{'0' * 64}", ".new-abc"]
    for name in others:
        (folder / name).write_text("mine")
        os.utime(folder / name, (0, 0))
    for number, entry in enumerate(ENTRIES):
        cache.keep(entry, source)
        os.utime(folder / entry, (number, number))
    assert {path.name for path in folder.iterdir()} == {*others, *ENTRIES[3:]}
    assert all((folder / name).read_text() == "mine" for name in others)


@pytest.mark.parametrize("place", ["/dev/null", "/proc/no-such", "file", "file/inside"])
def test_without_a_folder_it_does_nothing(kept, tmp_path, monkeypatch, place):
    _, source = kept
    (tmp_path / "file").write_text("mine")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SNNC_CACHE", place)
    cache.keep(ENTRIES[0], source)
    assert fetched(ENTRIES[0], tmp_path) is None
    assert (tmp_path / "file").read_text() == "mine"


def test_many_at_once_read_whole_entries_or_none(kept, tmp_path, monkeypatch):
    _, source = kept
    monkeypatch.setattr(cache, "ENTRIES", 2)
    monkeypatch.setattr(os, "fsync", lambda _: None)
    source.write_bytes(b"content" * 5000)
    wrong = []

    def work(number: int) -> None:
        copy = tmp_path / f"copy{number}"
        for entry in ENTRIES * 10:
            cache.keep(entry, source)
            if cache.fetch(entry, copy) and copy.read_bytes() != b"content" * 5000:
                wrong.append(entry)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
