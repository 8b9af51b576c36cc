"""Files that once broke a reader, kept so that they never do again.

Each lies in ``tests/file_fuzzing/corpus`` as ``KIND~PATH~DIGEST``, PATH with ``~`` for ``/``.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from tests.file_fuzzing.running import Failure

FOLDER = Path(__file__).with_name("corpus")


@dataclass(frozen=True)
class Kept:
    """A file of the corpus: what kind it is of, and its path in that kind's folder."""

    kind: str
    name: str
    file: Path


def kept() -> list[Kept]:
    """The whole corpus."""
    found = []
    for path in sorted(FOLDER.glob("*~*")):
        kind, *name, _ = path.name.split("~")
        found.append(Kept(kind, "/".join(name), path))
    return found


def keep(failure: Failure) -> None:
    """Add the file of a failure."""
    digest = hashlib.sha256(failure.content).hexdigest()[:8]
    name = failure.name.replace("/", "~")
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{failure.kind}~{name}~{digest}").write_bytes(failure.content)
