"""What snnc needs at run time is permissive, and docs/reference/dependencies.md names it."""

from __future__ import annotations

import re
import runpy
from email.message import Message

import pytest

from tests.support.places import ROOT

DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def page() -> dict:
    return runpy.run_path(str(DOCS / "scripts" / "generate_dependencies.py"))


def test_every_licence_is_permissive(page: dict) -> None:
    packages = page["closure"]()
    assert len(packages) > 15
    assert list(page["refused"](packages)) == []


def test_the_page_names_every_package(page: dict) -> None:
    text = (DOCS / "reference" / "dependencies.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| ([a-z0-9-]+) \| [\d.]+ \|", text, re.MULTILINE)
    assert named == [package.name for package in page["closure"]()], "run `make dependencies`"


def test_every_direct_dependency_has_a_reason(page: dict) -> None:
    assert set(page["direct"]()) == set(page["REASONS"])


@pytest.mark.parametrize(
    ("licence", "permissive"),
    [
        ("MIT", True),
        ("Apache-2.0 AND BSD-3-Clause", True),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("GPL-3.0-only OR MIT", True),
        ("(MIT AND GPL-2.0-only) OR (BSD-2-Clause AND Zlib)", True),
        ("GPL-3.0-only", False),
        ("MIT AND GPL-2.0-only", False),
        ("LGPL-2.1-or-later", False),
        ("something of its own", False),
        ("", False),
    ],
)
def test_what_is_permissive(page: dict, licence: str, permissive: bool) -> None:
    assert page["is_permissive"](licence) is permissive
    package = page["Package"]("x", "1", ("snnc",), licence, 0)
    assert bool(list(page["refused"]([package]))) is not permissive


@pytest.mark.parametrize(
    ("entries", "licence"),
    [
        ([("License-Expression", "MIT"), ("License", "GPL")], "MIT"),
        ([("Classifier", "License :: OSI Approved :: BSD License"), ("License", "x")], "BSD"),
        (
            [("Classifier", "License :: OSI Approved :: GNU General Public License v3 (GPLv3)")],
            "GNU General Public License v3 (GPLv3)",
        ),
        ([("License", "MIT")], "MIT"),
        ([("License", "line\n  line")], ""),
        ([], ""),
    ],
)
def test_the_licence_is_what_the_metadata_state(page: dict, entries: list, licence: str) -> None:
    about = Message()
    for key, value in entries:
        about[key] = value
    assert page["licence_of"](about) == licence
