"""Compile generated C on the host."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

from snnc.compiler.codegen.abi import Interface
from snnc.compiler.host import cache as build_cache
from snnc.compiler.host import levels
from snnc.compiler.host.toolchain import c_compiler, compile_to

WARNINGS = ("-Wall", "-Wextra", "-pedantic", "-Wconversion", "-Wdouble-promotion")
NATIVE = ("-march=native",)
ERRORS = ("-Werror=implicit-function-declaration",)
"""What C99 forbids and compilers only warn of: a kernel that an op misspells is an error where it
is called, not when the library is loaded."""

HOST_FLAGS = ("-std=c99", "-O3", "-ffp-contract=off", *WARNINGS, *ERRORS)

TEAM_SOURCES = ("team_posix.c", "team_posix.h")
"""The files of runtime_c/src that run a model's parts on threads of this machine."""


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
        compiler = c_compiler()
        options = [*HOST_FLAGS, "-fPIC", "-fstack-usage", *flags, *macros]
        own = sorted(source.parent.glob(f"{source.stem}*.[ch]"))
        own += sorted(source.parent.glob(f"{source.stem}*.bin"))
        own += sorted((source.parent / "snn").rglob("*.h"))
        entry = build_cache.key(compiler, options, [*own, *sorted(runtime.rglob("*.h"))])
        outputs = {f"{entry}.o": target, f"{entry}.su": target.with_suffix(".su")}
        if all(build_cache.fetch(name, path) for name, path in outputs.items()):
            return
        compile_to(target, [*compiler, *options, *includes, "-c", str(source)], source)
        for name, path in outputs.items():
            if path.exists():
                build_cache.keep(name, path)


ANY, NATIVE_ONLY = "any", "native"
MARCHES = (ANY, NATIVE_ONLY)
"""Which processors a library is for: any of this architecture (:mod:`snnc.compiler.host.levels`),
or the kind that it is compiled on."""


def march_flags(march: str) -> tuple[str, ...]:
    """Options of the C compiler for what a library holds once."""
    return NATIVE if march == NATIVE_ONLY else ()


@dataclass(frozen=True)
class Objects:
    """The object files of a model's library.

    Attributes:
        models: the model's C by the name of its vector code, the best first.
        more: what chooses among them, threads.
    """

    models: Mapping[str, Path]
    more: tuple[Path, ...]

    def link(self, library: Path, *others: Path) -> None:
        """Make the shared library of them and others. Raises as :func:`compile_object`."""
        link_shared([*self.models.values(), *self.more, *others], library)


def compile_model(
    source: Path,
    folder: Path,
    interface: Interface,
    march: str = ANY,
    defines: Sequence[str] = (),
) -> Objects:
    """Compile a model's C, with its threads where it has some, for the processors of ``march``.

    Args:
        source: the .c file; the threads' C is written beside it.
        folder: where the object files are written.
        interface: of the model.
        march: one of :data:`MARCHES`.
        defines: macros to define.

    Raises:
        SnncError: as :func:`compile_object`.
    """
    if march == NATIVE_ONLY:
        models, more = {levels.vector_unit(NATIVE): folder / "model.o"}, []
        compile_object(source, folder / "model.o", defines=defines)
    else:
        chosen = levels.levels()
        models = {level.name: folder / f"{level.name}.o" for level in chosen}
        for level in chosen:
            macros = [*defines, *levels.defines(level, chosen, interface)]
            compile_object(source, models[level.name], defines=macros, flags=level.flags)
        more = [_compile_chooser(source, folder, levels.dispatcher(interface, chosen))]
    if interface.threads > 1:
        more.append(folder / "team.o")
        compile_object(write_team(source.parent), more[-1], flags=march_flags(march))
    return Objects(models, tuple(more))


def _compile_chooser(model: Path, folder: Path, text: str) -> Path:
    """The object file of the functions that choose a level."""
    source, target = folder / "choosing.c", folder / "choosing.o"
    source.write_text(text, encoding="utf-8")
    with as_file(files("snnc") / "runtime_c" / "include") as runtime:
        includes = [f"-I{model.parent}", f"-I{runtime}"]
        command = [*c_compiler(), *HOST_FLAGS, "-fPIC", *includes, "-c", str(source)]
        compile_to(target, command, source)
    return target


def compile_sizes(folder: Path, scratch: Path, interface: Interface) -> Path:
    """The object file by which a library says its sizes.

    Args:
        folder: where the model's header is.
        scratch: where the object file is written.
        interface: of the model.

    Raises:
        SnncError: as :func:`compile_object`.
    """
    source, target = scratch / "sizes.c", scratch / "sizes.o"
    source.write_text(interface.sizes_source(), encoding="utf-8")
    options = [*HOST_FLAGS, "-fPIC", f"-I{folder}"]
    compile_to(target, [*c_compiler(), *options, "-c", str(source)], source)
    return target


def link_shared(objects: Sequence[Path], library: Path) -> None:
    """Link object files into a shared library. Raises as :func:`compile_object`."""
    compile_to(library, [*c_compiler(), "-shared", "-pthread", *map(str, objects)], library)


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
