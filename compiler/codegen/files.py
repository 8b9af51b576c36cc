"""Generated files: text that is rendered while it is written, and the arrays of a binary file.

Weights may be hundreds of megabytes, and as text two to three times as much.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Protocol

import jinja2

from snnc.compiler.program.constants import hex_float


class Rendered(Mapping[str, str]):
    """Files by name, each rendered from its template when it is asked for.

    Args:
        templates: by the file's name.
        context: what all of them are rendered with.
    """

    def __init__(
        self, templates: Mapping[str, jinja2.Template], context: Mapping[str, Any]
    ) -> None:
        self._templates, self._context = templates, context

    def __getitem__(self, name: str) -> str:
        return "".join(self.pieces(name))

    def __iter__(self) -> Iterator[str]:
        return iter(self._templates)

    def __len__(self) -> int:
        return len(self._templates)

    def pieces(self, name: str) -> Iterator[str]:
        """A file's text piece by piece."""
        return self._templates[name].generate(self._context)


class Data(Protocol):
    """The content of a binary file."""

    def write(self, path: Path) -> None:
        """Write it to a file."""


class Copied:
    """The content of a file that is there already."""

    def __init__(self, source: Path) -> None:
        self.source = source

    def write(self, path: Path) -> None:
        """Copy it."""
        shutil.copyfile(self.source, path)


def write_files(
    folder: Path, texts: Mapping[str, str], data: Mapping[str, Data] | None = None
) -> None:
    """Write files by their path in the folder."""
    for name, content in (data or {}).items():
        content.write(_made(folder / name))
    for name in texts:
        with _made(folder / name).open("w", encoding="utf-8") as file:
            file.writelines(texts.pieces(name) if isinstance(texts, Rendered) else [texts[name]])


def licence_files() -> dict[str, str]:
    """What goes with a copy of the runtime: its licence, and what of a folder that covers."""
    runtime = files("snnc") / "runtime_c"
    return {name: (runtime / name).read_text("utf-8") for name in ("LICENSE", "NOTICE")}


def _made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def number(value: int | float) -> str:
    """A field of a shape struct: an int as it is, a float exactly."""
    return str(value) if isinstance(value, int) else hex_float(value)


@cache
def template(name: str) -> jinja2.Template:
    """A template of compiler/codegen/templates by name."""
    folder = files("snnc") / "compiler" / "codegen" / "templates"
    environment: Any = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: (folder / name).read_text("utf-8")),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters["number"] = number
    found: jinja2.Template = environment.get_template(name)
    return found
