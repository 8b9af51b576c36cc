"""Write docs/reference/dependencies.md: what ``pip install .`` brings, why, its licence, its size.

Licences come from the packages' own metadata. :func:`refused` says which are not known to be
permissive; a test fails where there is one.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import cast

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PAGE = Path(__file__).parents[1] / "reference" / "dependencies.md"

REASONS = {
    "torch": "models are PyTorch models; checkpoints; the reference",
    "numpy": "graphs, events and frames are its arrays",
    "cffi": "runs the compiled C on the host",
    "jinja2": "templates of the C, of projects and of the report",
    "networkx": "orders graphs and finds their loops",
    "click": "the command line",
    "rich": "tables and progress bars in the terminal",
    "matplotlib": "figures of the reports",
    "pillow": "event images of HAR-DVS",
}
"""Why each direct dependency is there."""

PERMISSIVE = {
    *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "ISC", "MIT"),
    *("MIT-0", "MIT-CMU", "PSF-2.0", "Python-2.0", "Unlicense", "Zlib", "HPND"),
}
"""SPDX names."""

PERMISSIVE_CLASSIFIERS = {
    "Apache Software License": "Apache",
    "BSD License": "BSD",
    "MIT License": "MIT",
    "ISC License (ISCL)": "ISC",
    "Python Software Foundation License": "PSF",
    "Historical Permission Notice and Disclaimer (HPND)": "HPND",
}
"""What stands last in a classifier, and how the page calls it."""

WORDS = {"AND", "OR", "WITH", "LLVM-exception"}
"""What else an SPDX expression is made of; LLVM's exception permits more."""

NOT_FOLLOWED = re.compile(r"nvidia-.*|cuda-.*")
"""What only a CUDA build of torch brings; the pins are of a CPU build."""

HEAD = """\
# Dependencies

Written by `make dependencies` from the packages' own metadata; change
`docs/scripts/generate_dependencies.py`, not this page.

`pip install .` without extras brings {count} packages, {megabytes:,.0f} MB, with the versions of
`constraints.txt` and a CPU build of torch. A test fails where one of their licences is not known
to be permissive.

| package | release | why | licence | MB |
| --- | --- | --- | --- | ---: |
"""

TAIL = """
Extras add to that: `aedat4` the package aedat (AEDAT 4.0 recordings), `nir` the packages nir and
h5py (NIR files), `tensorboard` TensorBoard. The C that snnc writes needs a C99 compiler and nothing
else.
"""


@dataclass(frozen=True)
class Package:
    """An installed package: name, release, who needs it, its licence, its bytes on disk."""

    name: str
    release: str
    needed_by: tuple[str, ...]
    licence: str
    size: int

    @property
    def reason(self) -> str:
        """Why it is there."""
        return REASONS.get(self.name) or f"needed by {', '.join(self.needed_by)}"


def direct() -> list[str]:
    """The names that pyproject.toml asks for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return [canonicalize_name(Requirement(each).name) for each in project["dependencies"]]


@cache
def needed(name: str) -> tuple[str, ...]:
    """What a package needs on this machine, without extras."""
    environment = {**cast("dict[str, str]", default_environment()), "extra": ""}
    asked = [Requirement(each) for each in metadata.requires(name) or []]
    names = (
        canonicalize_name(each.name)
        for each in asked
        if each.marker is None or each.marker.evaluate(environment)
    )
    return tuple(sorted(name for name in names if not NOT_FOLLOWED.fullmatch(name)))


def closure() -> list[Package]:
    """Every package that is needed, directly or not, by name."""
    found: dict[str, set[str]] = {}
    waiting = [(name, "snnc") for name in direct()]
    while waiting:
        name, by = waiting.pop()
        if name not in found:
            waiting += [(other, name) for other in needed(name)]
        found.setdefault(name, set()).add(by)
    return [_package(name, tuple(sorted(by))) for name, by in sorted(found.items())]


def _package(name: str, needed_by: tuple[str, ...]) -> Package:
    found = metadata.distribution(name)
    paths = [Path(str(file.locate())) for file in found.files or []]
    size = sum(path.stat().st_size for path in paths if path.is_file() and path.suffix != ".pyc")
    release = found.version.partition("+")[0]
    return Package(name, release, needed_by, licence_of(cast("Message", found.metadata)), size)


def licence_of(about: Message) -> str:
    """The licence that a package states: SPDX, else classifiers, else one line of text; or ""."""
    if expression := about.get("License-Expression"):
        return str(expression)
    classifiers = [str(each) for each in about.get_all("Classifier") or []]
    stated = [each.split(" :: ")[-1] for each in classifiers if each.startswith("License ::")]
    if stated:
        return " AND ".join(PERMISSIVE_CLASSIFIERS.get(each, each) for each in stated)
    text = str(about.get("License") or "").strip()
    return text if "\n" not in text else ""


def is_permissive(licence: str) -> bool:
    """Whether every part of a licence is known to be permissive, or one of those to choose from."""
    known = PERMISSIVE | set(PERMISSIVE_CLASSIFIERS.values()) | WORDS
    choices = re.split(r"\s+OR\s+", licence.replace("(", " ").replace(")", " "))
    return any(choice.split() and set(choice.split()) <= known for choice in choices)


def refused(packages: list[Package]) -> Iterator[str]:
    """A sentence for each package whose licence is not known to be permissive."""
    for package in packages:
        if not is_permissive(package.licence):
            yield f"{package.name}: the licence {package.licence!r} is not known to be permissive"


def render(packages: list[Package]) -> str:
    """The page."""
    megabytes = sum(package.size for package in packages) / 1e6
    rows = "".join(
        f"| {each.name} | {each.release} | {each.reason} | {each.licence} | {each.size / 1e6:.1f} |"
        "\n"
        for each in packages
    )
    return HEAD.format(count=len(packages), megabytes=megabytes) + rows + TAIL


if __name__ == "__main__":
    PAGE.write_text(render(closure()), encoding="utf-8")
    print(f"wrote {PAGE}")
