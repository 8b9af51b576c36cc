"""The QEMU plugin that counts instructions and bytes between marks, and what it is told."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

from snnc.compiler.deploy.targets import Target
from snnc.compiler.host import cache as build_cache
from snnc.compiler.host.toolchain import c_compiler, compile_to
from snnc.errors import InternalError

PLUGIN_FLAGS = ("-std=c99", "-O2", "-D_POSIX_C_SOURCE=200809L", "-shared", "-fPIC")


def plugin(folder: Path) -> Path:
    """The counting plugin in ``folder``, compiled once and kept in the build cache.

    Raises:
        SnncError: C_COMPILER_FAILED, NO_C_COMPILER.
    """
    library = folder / "libcount.so"
    with as_file(files("snnc") / "runtime_c" / "targets" / "plugin") as sources:
        compiler, source = c_compiler(), sources / "count.c"
        key = build_cache.key(compiler, PLUGIN_FLAGS, sorted(sources.iterdir()))
        entry = f"{key}.plugin.so"
        if not build_cache.fetch(entry, library):
            compile_to(library, [*compiler, *PLUGIN_FLAGS, str(source)], source)
            build_cache.keep(entry, library)
    return library


@dataclass(frozen=True)
class Sums:
    """What was executed up to a mark: instructions, and bytes loaded and stored (0 where they
    were not counted)."""

    instructions: int
    loaded: int = 0
    stored: int = 0


def plugin_argument(
    library: Path, elf: Path, target: Target, entries: int, out: Path, **further: object
) -> str:
    """QEMU's ``-plugin`` value for a program with ``entries`` marks; the sums go to ``out``.

    ``further``: what else the plugin is told: ``memory`` (1: count the bytes that are loaded and
    stored too, which takes several times longer); ``classes`` (a file for the histogram of
    instructions) and ``outside`` (the entry whose instructions are not in it).
    """
    code, size = _symbol(elf, target, "snn_profile")
    marks, found = _symbol(elf, target, "snn_marks")
    if found != entries:
        raise InternalError(f"{found} marks instead of {entries}")
    given = {"code": code, "bytes": size, "marks": marks, "entries": entries, "out": out}
    words = [f"{name}={value}" for name, value in {**given, **further}.items()]
    return ",".join([str(library), *words])


def _symbol(elf: Path, target: Target, name: str) -> tuple[int, int]:
    """Address and bytes of a symbol of the ELF."""
    said = subprocess.run(
        [f"{target.prefix}nm", "-S", str(elf)], capture_output=True, text=True, check=True
    )
    for line in said.stdout.splitlines():
        match line.split():
            case [address, size, _, found] if found == name:
                return int(address, 16), int(size, 16)
    raise InternalError(f"{name} is not in the firmware")


def take_sums(out: Path) -> list[Sums]:
    """What every mark ended, as the plugin wrote it; the file is removed."""
    lines = out.read_text().splitlines()
    out.unlink()
    return [Sums(*(int(number) for number in line.split())) for line in lines]


def take_classes(out: Path) -> dict[str, int]:
    """The histogram of instructions that the plugin wrote; the file is removed."""
    lines = out.read_text().splitlines()
    out.unlink()
    return {name: int(executed) for name, executed in (line.split() for line in lines)}
