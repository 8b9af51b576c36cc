"""Reading back a compiled folder: a damaged manifest or library is refused before it is run."""

from __future__ import annotations

import copy
import json
import shutil
from contextlib import suppress

import pytest

from snnc.compiler.compilation import compile_graph
from snnc.compiler.deploy import folder as artifact
from snnc.compiler.deploy.compiled import open_compiled
from snnc.compiler.deploy.manifest import digests, read_manifest, sha256
from snnc.compiler.frontend.source import load_source
from snnc.compiler.verify.shipped.artefact import shipped_library
from snnc.errors import SnncError
from tests.support import manifests
from tests.support.networks.lively import lively_checkpoint


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compiled")
    source = load_source(str(lively_checkpoint(folder / "net.pt")))
    artifact.write(folder / "out", source, compile_graph(source.graph(), source.framing))
    return folder / "out"


@pytest.fixture
def out(written, tmp_path):
    return shutil.copytree(written, tmp_path / "out")


def change(folder, edit) -> None:
    path = folder / "manifest.json"
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))


def refused(folder, word: str) -> None:
    with pytest.raises(SnncError, match="SNNC-E306") as stop:
        open_compiled(folder, read_manifest(folder))
    assert word in str(stop.value)


def refused_by_the_proof(folder, scratch) -> None:
    """The same where the folder's library is verified: a changed file is a finding there, but no
    library runs that lies elsewhere or has other sizes."""
    with pytest.raises(SnncError, match="SNNC-E306"):
        shipped_library(folder, read_manifest(folder), None, scratch)


def test_a_whole_folder_opens(out):
    assert open_compiled(out, read_manifest(out)).interface.classes == 10


@pytest.mark.parametrize(
    "edit",
    [
        lambda m: m["outputs"][0].update(shape=[1]),
        lambda m: m["outputs"][0].update(shape=[11]),
        lambda m: m["outputs"][0].update(type="int32_t"),
        lambda m: m["outputs"].append({"name": "more", "shape": [1], "type": "float"}),
        lambda m: m["memory"]["ram"].update(arena=64),
        lambda m: m["input"].update(shape=[2, 34, 35]),
        lambda m: m["input"].update(dt_us=1),
        lambda m: m["input"].pop("dt_us"),
        lambda m: m["input"]["buffer"].update(frames=1),
        lambda m: m["input"]["buffer"].update(events=5),
        lambda m: m.update(time_steps=7),
        lambda m: m.update(streams=False),
        lambda m: m.update(name="other"),
        lambda m: m["options"].update(threads=2),
    ],
)
def test_sizes_that_the_library_does_not_have(out, edit, tmp_path):
    change(out, edit)
    refused(out, "library")
    refused_by_the_proof(out, tmp_path)


def test_a_library_of_elsewhere_or_another_one(out, tmp_path):
    shutil.copy(out / "libnet.so", tmp_path / "x.so")
    change(out, lambda m: m.update(library="../x.so"))
    refused(out, "library")
    refused_by_the_proof(out, tmp_path)
    change(out, lambda m: m.update(library="net.c"))
    refused(out, "net.c")
    change(out, lambda m: m.update(library="libnet.so"))
    with (out / "libnet.so").open("ab") as file:
        file.write(b"\0")
    refused(out, "libnet.so")
    (out / "libnet.so").write_bytes(b"no library")
    change(out, lambda m: m["files"].update({"libnet.so": sha256(out / "libnet.so")}))
    refused(out, "no library for this machine")
    (out / "libnet.so").unlink()
    refused(out, "missing")


def leaves(value, path=()):
    """Every place in a JSON value."""
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in inside:
        yield (*path, key)
        if isinstance(inner, dict | list):
            yield from leaves(inner, (*path, key))


def with_value(content, path, value):
    changed = copy.deepcopy(content)
    place = changed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return changed


@pytest.mark.parametrize("path", list(leaves(manifests.CONTENT)), ids=str)
def test_every_entry_is_checked(tmp_path, path):
    for value in ({}, [], -1, 0, 1e400, 2**70, True, None, "../x", "a;b", [[]], {"a": 1}):
        content = with_value(manifests.CONTENT, path, value)
        (tmp_path / "manifest.json").write_text(json.dumps({**content, "files": {}}))
        with suppress(SnncError):  # and nothing else
            read_manifest(tmp_path)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"format": "other"}', "[" * 100_000, '{"format": "snnc-compiled"}', "\0"],
)
def test_a_manifest_that_is_none(tmp_path, text):
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(SnncError, match="SNNC-E306"):
        read_manifest(tmp_path)


@pytest.mark.parametrize(
    "name", ["../x", "/etc/passwd", "a/../b", "./a", "a//b", "", ".", "manifest.json", "a\0b"]
)
def test_files_outside_the_folder_are_not_ours(tmp_path, name):
    content = {**manifests.CONTENT, "files": {name: "0" * 64}}
    (tmp_path / "manifest.json").write_text(json.dumps(content))
    with pytest.raises(SnncError, match="files"):
        read_manifest(tmp_path)


def test_two_compilations_are_the_same_to_the_byte(written, tmp_path):
    source = load_source(str(written.parent / "net.pt"))
    again = tmp_path / "again"
    artifact.write(again, source, compile_graph(source.graph(), source.framing))
    assert digests(again) == digests(written)
