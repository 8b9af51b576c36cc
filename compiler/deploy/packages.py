"""``snnc compile --package``: the model's C laid out as build systems of microcontrollers expect.

Layouts as documented: Arduino library specification 1.5, PlatformIO's ``library.json``, Zephyr
modules (``zephyr/module.yml``), and a CMake project that can be added, installed and found.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from snnc.compiler.codegen.files import licence_files, template, write_files
from snnc.compiler.compilation import Compilation
from snnc.errors import BAD_OPTION, SnncError
from snnc.version import __version__

EXAMPLE = "example.c"
"""The generated program that the example of most packages is."""

LAYOUTS: Mapping[str, Mapping[str, str]] = {
    "cmake": {
        "CMakeLists.txt": "cmake/CMakeLists.txt",
        "examples/classify/main.c": EXAMPLE,
    },
    "arduino": {
        "library.properties": "arduino/library.properties",
        "keywords.txt": "arduino/keywords.txt",
        "examples/classify/classify.ino": "arduino/classify.ino",
    },
    "platformio": {
        "library.json": "platformio/library.json",
        "examples/classify/main.c": EXAMPLE,
    },
    "zephyr": {
        "zephyr/module.yml": "zephyr/module.yml",
        "zephyr/Kconfig": "zephyr/Kconfig",
        "zephyr/CMakeLists.txt": "zephyr/CMakeLists.txt",
        "samples/classify/CMakeLists.txt": "zephyr/sample.CMakeLists.txt",
        "samples/classify/prj.conf": "zephyr/prj.conf",
        "samples/classify/sample.yaml": "zephyr/sample.yaml",
        "samples/classify/src/main.c": EXAMPLE,
    },
}
"""Files of each package beside the library: path, and the template or generated file behind it."""

FUNCTIONS = ("init", "reset", "start", "push_events", "run", "scores")


def package_files(compilation: Compilation, kind: str) -> dict[str, str]:
    """All files of a package by path.

    Args:
        compilation: the model.
        kind: one of :data:`LAYOUTS`.

    Raises:
        SnncError: BAD_OPTION for a model that takes no events as Arduino library.
    """
    if kind == "arduino":
        _check_arduino(compilation)
    name, generated = compilation.graph.name, compilation.generated
    headers = "src" if kind == "arduino" else "include"
    found = {
        **licence_files(),
        f"src/{name}.c": generated.files[f"{name}.c"],
        f"src/{name}_weights.h": generated.files[f"{name}_weights.h"],
        f"{headers}/{name}.h": generated.files[f"{name}.h"],
    }
    with as_file(files("snnc") / "runtime_c" / "include") as runtime:
        for header in sorted(runtime.rglob("*.h")):
            found[f"{headers}/{header.relative_to(runtime).as_posix()}"] = header.read_text("utf-8")
    context = _context(compilation)
    for path, source in LAYOUTS[kind].items():
        if source == EXAMPLE:
            found[path] = generated.files[EXAMPLE]
        else:
            found[path] = template(f"packages/{source}.j2").render(context)
    return found


def write(folder: Path, compilation: Compilation, kind: str) -> None:
    """Write the files of a package into a folder. Raises as :func:`package_files`."""
    data = {f"src/{name}": content for name, content in compilation.generated.data.items()}
    write_files(folder, package_files(compilation, kind), data)


def _check_arduino(compilation: Compilation) -> None:
    if compilation.framing is None:
        raise SnncError(
            BAD_OPTION,
            "the sketch of an Arduino library needs a model that takes events",
            where=compilation.graph.name,
            mend="Use a model framed by a step length, or --package cmake.",
        )


def _context(compilation: Compilation) -> dict[str, Any]:
    graph, generated = compilation.graph, compilation.generated
    interface, streams = generated.interface, compilation.schedule.streams
    room = interface.max_events or 50 * graph.time_steps
    return {
        "name": graph.name,
        "upper": graph.name.upper(),
        "version": __version__,
        "classes": interface.classes,
        "score_type": interface.score_type,
        "time_steps": graph.time_steps,
        "arena": interface.arena_bytes,
        "constants": generated.constant_bytes,
        "framing": compilation.framing,
        "streams": streams,
        "functions": [*FUNCTIONS, *(["step"] if streams else [])],
        "events_a_step": max(1, min(50, room // graph.time_steps)),
    }
