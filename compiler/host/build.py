"""Compile generated C on the host."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from importlib.resources import as_file, files
from pathlib import Path

from snnc.compiler.host import cache as build_cache
from snnc.errors import (
    C_COMPILER_FAILED,
    NO_C_COMPILER,
    SnncError,
)

WARNINGS = ("-Wall", "-Wextra", "-pedantic", "-Wconversion", "-Wdouble-promotion")
NATIVE = ("-march=native",)
HOST_FLAGS = ("-std=c99", "-O3", "-ffp-contract=off", *WARNINGS)

TEAM_SOURCES = ("team_posix.c", "team_posix.h")
"""The files of runtime_c/src that run a model's parts on threads of this machine."""


def c_compiler() -> str:
    """The host's C compiler: $CC, else gcc, clang or cc. Raises SnncError (NO_C_COMPILER)."""
    for name in filter(None, (os.environ.get("CC"), "gcc", "clang", "cc")):
        if path := shutil.which(name):
            return path
    raise SnncError(NO_C_COMPILER, "none of $CC, gcc, clang and cc can be found")


def compile_object(
    source: Path,
    target: Path,
    *,
    defines: Iterable[str] = (),
    flags: Sequence[str] = NATIVE,
) -> None:
    """Compile one generated .c file into a position-independent object file.

    The compiler also leaves the stack usage of each function beside it (.su).

    Args:
        source: the .c file; its folder is searched for headers.
        target: the object file to write.
        defines: macros to define (SNN_INSTRUMENT, SNN_TRACE).
        flags: further compiler flags.

    Raises:
        SnncError: NO_C_COMPILER, C_COMPILER_FAILED with the compiler's own words.
    """
    with as_file(files("snnc") / "runtime_c" / "include") as runtime:
        includes = [f"-I{source.parent}", f"-I{runtime}"]
        macros = [f"-D{name}" for name in defines]
        command = [c_compiler(), *HOST_FLAGS, "-fPIC", "-fstack-usage", *flags, *macros, *includes]
        own = sorted(source.parent.glob(f"{source.stem}*.[ch]"))
        own += sorted(source.parent.glob(f"{source.stem}*.bin"))
        own += sorted((source.parent / "snn").rglob("*.h"))
        entry = build_cache.key(command, [*own, *sorted(runtime.rglob("*.h"))])
        outputs = {f"{entry}.o": target, f"{entry}.su": target.with_suffix(".su")}
        if all(build_cache.fetch(name, path) for name, path in outputs.items()):
            return
        _run([*command, "-c", str(source), "-o", str(target)], source)
        for name, path in outputs.items():
            if path.exists():
                build_cache.keep(name, path)


def link_shared(objects: Sequence[Path], library: Path) -> None:
    """Link object files into a shared library. Raises SnncError (C_COMPILER_FAILED)."""
    _run([c_compiler(), "-shared", "-pthread", *map(str, objects), "-o", str(library)], library)


def compile_shared(
    source: Path,
    library: Path,
    *,
    defines: Iterable[str] = (),
    flags: Sequence[str] = NATIVE,
) -> None:
    """Compile one generated .c file into a shared library; see :func:`compile_object`."""
    target = library.with_suffix(".o")
    compile_object(source, target, defines=defines, flags=flags)
    link_shared([target], library)
    target.unlink()
    target.with_suffix(".su").unlink(missing_ok=True)


def write_team(folder: Path) -> Path:
    """Write the threads of :data:`TEAM_SOURCES` beside a model; gives the C file."""
    with as_file(files("snnc") / "runtime_c" / "src") as sources:
        for name in TEAM_SOURCES:
            shutil.copyfile(sources / name, folder / name)
    return folder / TEAM_SOURCES[0]


def _run(command: Sequence[str], where: Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["the compiler said nothing"]
        first = next((line for line in said if "error" in line.lower()), said[0])
        raise SnncError(C_COMPILER_FAILED, first, where=str(where))
