"""``snnc compile --package``: the model's C laid out as build systems of microcontrollers expect.

Layouts as documented: Arduino library specification 1.5, PlatformIO's ``library.json``, Zephyr
modules (``zephyr/module.yml``), a CMake project that can be added, installed and found, components
of ESP-IDF (``idf_component.yml``, Kconfig), libraries of the Pico SDK, CMSIS-Packs (``.pdsc``), and
a folder with a page for STM32Cube.
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
    "esp-idf": {
        "CMakeLists.txt": "esp-idf/CMakeLists.txt",
        "Kconfig": "esp-idf/Kconfig",
        "idf_component.yml": "esp-idf/idf_component.yml",
        "examples/classify/CMakeLists.txt": "esp-idf/example.CMakeLists.txt",
        "examples/classify/main/CMakeLists.txt": "esp-idf/main.CMakeLists.txt",
        "examples/classify/main/idf_component.yml": "esp-idf/main.idf_component.yml",
        "examples/classify/main/app_main.c": "esp-idf/app_main.c",
        "examples/classify/main/classify.c": EXAMPLE,
    },
    "pico-sdk": {
        "CMakeLists.txt": "pico-sdk/CMakeLists.txt",
        "examples/classify/CMakeLists.txt": "pico-sdk/example.CMakeLists.txt",
        "examples/classify/main.c": "pico-sdk/main.c",
        "examples/classify/classify.c": EXAMPLE,
    },
    "cmsis-pack": {
        "snnc.{name}.pdsc": "cmsis-pack/model.pdsc",
        "examples/classify/main.c": EXAMPLE,
    },
    "stm32cube": {
        "README.md": "stm32cube/README.md",
        "examples/classify/main.c": EXAMPLE,
    },
}
"""Files of each package beside the library: path (with the model's name for ``{name}``), and the
template or generated file behind it."""

DCORES = {
    "cortex-m0": ("Cortex-M0", "Cortex-M0+"),
    "cortex-m3": ("Cortex-M3",),
    "cortex-m4": ("Cortex-M4",),
    "cortex-m7": ("Cortex-M7",),
    "cortex-m33": ("Cortex-M33",),
    "cortex-m55": ("Cortex-M55", "Cortex-M85"),
}
"""Cores as a CMSIS-Pack names them, by the target whose instructions they run."""

FUNCTIONS = ("init", "reset", "start", "push_events", "run", "scores")


def package_files(compilation: Compilation, kind: str, core: str | None = None) -> dict[str, str]:
    """All files of a package by path.

    Args:
        compilation: the model.
        kind: one of :data:`LAYOUTS`.
        core: the target it was compiled for; None: any.

    Raises:
        SnncError: BAD_OPTION for a model that takes no events as Arduino library, and for a core
            that is no Cortex-M as CMSIS-Pack.
    """
    if kind == "arduino":
        _check_arduino(compilation)
    if kind == "cmsis-pack" and core is not None and core not in DCORES:
        raise SnncError(
            BAD_OPTION,
            f"a CMSIS-Pack is for Cortex-M cores, and the target is {core}",
            hint="Use another --package, or leave --target out.",
        )
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
    context = {**_context(compilation), "core": core, "dcores": _dcores(core)}
    for place, source in LAYOUTS[kind].items():
        path = place.format(name=name)
        if source == EXAMPLE:
            found[path] = generated.files[EXAMPLE]
        else:
            found[path] = template(f"packages/{source}.j2").render(context)
    return found


def _dcores(core: str | None) -> list[str]:
    return [d for target, names in DCORES.items() if core in (None, target) for d in names]


def write(folder: Path, compilation: Compilation, kind: str, core: str | None = None) -> None:
    """Write the files of a package into a folder. Raises as :func:`package_files`."""
    data = {f"src/{name}": content for name, content in compilation.generated.data.items()}
    write_files(folder, package_files(compilation, kind, core), data)


def _check_arduino(compilation: Compilation) -> None:
    if compilation.framing is None:
        raise SnncError(
            BAD_OPTION,
            "the sketch of an Arduino library needs a model that takes events",
            where=compilation.graph.name,
            hint="Use a model framed by a step length, or --package cmake.",
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
