"""``snnc verify`` as a user meets it: the chain, what ships, what is vacuous, what is kept."""

from __future__ import annotations

import hashlib
import json

import pytest

from snnc.compiler.codegen.abi import Interface
from snnc.compiler.host import build


@pytest.fixture(autouse=True)
def quick_builds(monkeypatch):
    monkeypatch.setattr(build, "HOST_FLAGS", ("-std=c99", "-O1", "-ffp-contract=off"))


@pytest.fixture(scope="module")
def model(vanilla):
    return vanilla


@pytest.fixture
def proven(snnc, model, data):
    """Run verify; gives exit status and JSON."""

    def run(*options):
        command = ("verify", model, "--data", data, "--samples", 2, "--json", "-", *options)
        status, out, err = snnc(*command)
        assert out, err
        return status, json.loads(out)

    return run


def broken(result):
    return {link["name"] for link in result["links"] if link["unexplained"]}


def rewritten(folder, name, text=None):
    """Put a file's text and digest into a folder, as if snnc had written it so."""
    if text is not None:
        (folder / name).write_text(text)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_every_link_compares_something_and_the_proof_is_kept(snnc, model, proven, tmp_path):
    out = tmp_path / "out"
    assert snnc("compile", model, "-o", out)[0] == 0
    before = json.loads((out / "manifest.json").read_text())
    assert before["proof"] is None
    status, result = proven("--compiled", out, "-o", tmp_path / "proof.html")
    assert status == 0
    assert result["passed"] is True
    names = ["reading", "values", "paths", "artefact", "counts", "stress"]
    assert [link["name"] for link in result["links"]] == names
    assert all(link["compared"] > 0 and link["unexplained"] == 0 for link in result["links"])
    paths = next(link for link in result["links"] if link["name"] == "paths")
    levels = result["artefact"]["levels"]
    assert levels[0] in before["options"]["levels"]
    assert set(levels) <= set(before["options"]["levels"])
    assert {check["name"] for check in paths["checks"]} == {
        *(f"level {level}" for level in levels[1:]),
        "events from step 1 on",
        "memory beside the arena",
        "frames made of events", "a second window after reset", "events", "step by step",
        "two instances",
    }  # fmt: skip
    after = json.loads((out / "manifest.json").read_text())
    proof = after.pop("proof")
    assert {**after, "proof": None} == before
    assert proof["passed"] is True
    assert proof["files"] == before["files"]
    assert proof["levels"] == levels
    page = (tmp_path / "proof.html").read_text()
    assert all(f'id="{name}"' in page for name in names)
    assert before["files"]["libnet.so"] in page


def test_a_file_that_snnc_did_not_write_so_breaks_the_artefact(snnc, model, proven, tmp_path):
    out = tmp_path / "out"
    snnc("compile", model, "-o", out)
    header = out / "snn" / "readout" / "readout.h"
    header.write_text(header.read_text() + "/* a note */\n")
    untouched = out / "snn" / "pooling" / "pool.h"
    untouched.write_text(untouched.read_text())
    (out / "notes.txt").write_text("mine")
    status, result = proven("--compiled", out, "--no-stress")
    assert status == 1
    assert broken(result) == {"artefact"}
    link = next(link for link in result["links"] if link["name"] == "artefact")
    assert link["problems"] == ["snn/readout/readout.h is not as snnc wrote it"]
    assert json.loads((out / "manifest.json").read_text())["proof"]["passed"] is False


def test_a_library_of_other_sources_is_found_by_what_it_computes(snnc, model, proven, tmp_path):
    out = tmp_path / "out"
    snnc("compile", model, "-o", out)
    text = (out / "snn" / "readout" / "readout.h").read_text()
    wrong = text.replace("y[i] = (float)sum[i] /", "y[i] = 2.0f * (float)sum[i] /")
    rewritten(out, "snn/readout/readout.h", wrong)
    status, result = proven("--compiled", out)
    assert status == 1
    assert broken(result) == {"values", "artefact", "stress"}
    (out / "snn" / "readout" / "readout.h").write_text(wrong)
    interface = Interface.of(json.loads((out / "manifest.json").read_text()))
    build.compile_object(out / "net.c", tmp_path / "net.o")
    sizes = build.compile_sizes(out, tmp_path, interface)
    build.link_shared([tmp_path / "net.o", sizes], out / "libnet.so")
    rewritten(out, "libnet.so")
    status, result = proven("--compiled", out, "--no-stress")
    assert status == 1
    assert broken(result) == {"values"}
    first = result["first_divergence"]
    assert (first["what"], first["layer"]) == ("output", "scores")


@pytest.mark.parametrize("kind", ["cmake", "platformio"])
def test_a_package_is_built_as_it_says_and_verified(kind, snnc, model, proven, tmp_path):
    out = tmp_path / "package"
    assert snnc("compile", model, "-o", out, "--package", kind)[0] == 0
    status, result = proven("--compiled", out, "--no-stress")
    assert status == 0
    assert result["artefact"]["target"] == f"{kind} package"
    header = out / "include" / "snn" / "readout" / "readout.h"
    text = header.read_text().replace("(float)time_steps;", "(float)(time_steps + 1);", 1)
    rewritten(out, "include/snn/readout/readout.h", text)
    status, result = proven("--compiled", out, "--no-stress")
    assert status == 1
    assert broken(result) == {"values"}


def test_threads_are_verified_against_one(snnc, model, proven, tmp_path):
    status, result = proven("--threads", 3, "--no-stress")
    assert status == 0
    paths = next(link for link in result["links"] if link["name"] == "paths")
    threads = next(check for check in paths["checks"] if check["name"] == "threads")
    assert threads["compared"] == 20
    assert threads["differ"] == 0
    snnc("compile", model, "-o", tmp_path / "out", "--threads", 2)
    assert proven("--compiled", tmp_path / "out", "--no-stress")[0] == 0


def test_buffers_take_every_path(proven):
    for options in (("--max-frames", 2), ("--max-events", 20_000)):
        status, result = proven(*options)
        assert status == 0, result["links"]


def test_the_terminal_names_the_links(snnc, model, data):
    status, out, _ = snnc("verify", model, "--data", data, "--samples", 1)
    assert status == 0
    assert "PROVEN" in out.splitlines()[-1]
    assert all(name in out for name in ("reading", "values", "paths", "artefact", "counts"))
