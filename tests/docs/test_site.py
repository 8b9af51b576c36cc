"""The site builds without a warning, and its tutorials run as it is built."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import snnc
from snnc.cli import COMMANDS
from tests.support.places import ROOT

DOCS = ROOT / "docs"
TUTORIALS = sorted(path.stem for path in (DOCS / "tutorials").glob("*.md"))


def test_every_public_name_has_an_entry_and_every_tutorial_is_linked() -> None:
    entries = re.findall(r"\.\. auto\w+:: snnc\.(\w+)", (DOCS / "reference/python.rst").read_text())
    assert sorted([*entries, "__version__"]) == sorted(snnc.__all__)
    index = (DOCS / "index.md").read_text("utf-8")
    for name in TUTORIALS:
        assert index.count(f"tutorials/{name}") == 2  # in the text, and in the tree


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if find_spec("myst_nb") is None:
        pytest.skip("Sphinx is not here: make test-environments")
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q"]
    command += ["-c", str(DOCS / "site"), str(DOCS), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1800, cwd=ROOT)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return out


@pytest.mark.slow
def test_it_builds_without_a_warning_and_loads_nothing_from_afar(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 30
    for page in pages:
        text = page.read_text("utf-8")
        for tag in re.findall(r"<(?:script|link|img)[^>]*>", text):
            assert not re.search(r'(?:src|href)="(?:https?:)?//', tag), f"{page.name}: {tag}"
    assert (site / "searchindex.js").stat().st_size > 10_000  # the search works offline


@pytest.mark.slow
def test_tutorials_show_what_their_cells_gave(site: Path) -> None:
    said = {name: (site / "tutorials" / f"{name}.html").read_text("utf-8") for name in TUTORIALS}
    assert len(said) == 6
    for name, text in said.items():
        assert "cell_output" in text, name
        assert "Traceback" not in text, name
    for name in ("snntorch", "spikingjelly", "spikformer", "nir", "microcontroller"):
        assert "PROVEN" in said[name], name
    assert "device total" in said["energy"]


@pytest.mark.slow
def test_references_hold_every_command_and_every_public_name(site: Path) -> None:
    commands = (site / "reference" / "commands.html").read_text("utf-8")
    for name in COMMANDS:
        assert f'id="snnc-{name}"' in commands
    python = (site / "reference" / "python.html").read_text("utf-8")
    for name in ("check", "compile", "energy"):
        assert f'id="snnc.{name}"' in python
    assert "picojoules" in python
