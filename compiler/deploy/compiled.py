"""Reading a folder that ``snnc compile`` wrote: its manifest, its library, its C."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from snnc.compiler.codegen.abi import Interface
from snnc.compiler.codegen.c_program import is_integer
from snnc.compiler.codegen.files import Copied, Data
from snnc.compiler.compilation import Compilation
from snnc.compiler.deploy.manifest import MANIFEST, changed_files, read_manifest
from snnc.compiler.host.library import check_sizes
from snnc.compiler.host.model import HostModel
from snnc.errors import BAD_OPTION, NOT_COMPILED, SnncError


def open_compiled(out: Path, manifest: Mapping[str, Any]) -> HostModel:
    """The shared library of a compiled model, ready to run.

    Args:
        out: the folder.
        manifest: what :func:`snnc.compiler.deploy.manifest.read_manifest` gave.

    Raises:
        SnncError: NOT_COMPILED for a folder for another machine, and where the library is not the
            one that was written, or its sizes are not those of the manifest: it is then not run.
    """
    if manifest["target"] != "host":
        raise SnncError(
            NOT_COMPILED,
            f"the model was compiled for {manifest['target']}, not for this machine",
            where=str(out),
            hint="Use `make run` in the folder of a firmware, or compile with --target host.",
        )
    library = own_library(out, manifest).resolve()
    name = library.name
    if changed_files(out, {name: manifest["files"][name]}):
        raise SnncError(NOT_COMPILED, f"{name} is not the library that was written", where=str(out))
    interface = Interface.of(manifest)
    check_sizes(library, interface)
    return HostModel(library, interface)


def own_library(out: Path, manifest: Mapping[str, Any]) -> Path:
    """The path of the library that a folder's manifest names, which lies in the folder.

    Raises:
        SnncError: NOT_COMPILED where it names none, or one elsewhere, or one that is missing.
    """
    name = str(manifest.get("library", ""))
    if name not in manifest["files"] or PurePosixPath(name).name != name:
        raise SnncError(NOT_COMPILED, f"{MANIFEST} names no library of its own", where=str(out))
    if not (out / name).exists():
        raise SnncError(NOT_COMPILED, f"{name} is missing", where=str(out))
    return out / name


def with_c_of(
    compilation: Compilation, out: Path, manifest: Mapping[str, Any], target: str
) -> Compilation:
    """The compilation with the C, the runtime headers and the sizes of a compiled folder.

    Args:
        compilation: the same model, compiled afresh.
        out: the folder.
        manifest: its manifest.
        target: what the folder must have been compiled for; a package's C also runs on the host.

    Raises:
        SnncError: BAD_OPTION where the folder was compiled for something else, or from another
            model; NOT_COMPILED where a file is missing.
    """
    graph = compilation.graph
    dtype = "int8" if is_integer(graph) else "f32"
    built_for = _built_for(manifest, target)
    options = (("--target", built_for, target), ("--dtype", _dtype(manifest), dtype))
    for option, there, here in options:
        if there != here:
            raise SnncError(
                BAD_OPTION,
                f"the folder was compiled with {option} {there}, and {option} {here} was asked for",
                where=str(out),
                hint=f"Give {option} {there}.",
            )
    layers = [(node.name, node.op.name, list(node.type.shape)) for node in graph.nodes]
    if [(entry["name"], entry["op"], entry["shape"]) for entry in manifest["layers"]] != layers:
        raise SnncError(
            BAD_OPTION,
            f"the folder holds another model (from {manifest['model']}): its layers differ",
            where=str(out),
            hint="Name the model that the folder was compiled from.",
        )
    generated = dataclasses.replace(
        compilation.generated,
        files=_c_files(out, graph.name),
        data=_binary_weights(out, graph.name),
        interface=Interface.of(manifest),
    )
    if read_manifest(out) != manifest:
        raise SnncError(
            NOT_COMPILED,
            "the folder was replaced while it was read",
            where=str(out),
            hint="Run the command again.",
        )
    return dataclasses.replace(compilation, generated=generated)


def is_package(manifest: Mapping[str, Any]) -> bool:
    """Whether the folder is a package for a build system (``snnc compile --package``)."""
    return "package" in manifest


def _built_for(manifest: Mapping[str, Any], target: str) -> str:
    """``target`` where the folder's C is for it, else what it is for."""
    if not is_package(manifest):
        return str(manifest["target"])
    core = manifest.get("core")
    return target if core is None or target == "host" else str(core)


SOURCES, HEADERS = (".", "src"), (".", "include", "src")
"""Where the C of a folder lies: in itself, or in a package's folders."""


def _binary_weights(out: Path, name: str) -> dict[str, Data]:
    path = _place(out, SOURCES, f"{name}_weights.h.bin")
    return {path.name: Copied(path)} if path.exists() else {}


def _place(out: Path, folders: tuple[str, ...], name: str) -> Path:
    """Where a file of a folder is; where it should be if it is nowhere."""
    places = [out / folder / name for folder in folders]
    return next((path for path in places if path.exists()), places[0])


def _dtype(manifest: Mapping[str, Any]) -> str:
    return str(manifest["options"]["dtype"])


def _c_files(out: Path, name: str) -> dict[str, str]:
    """The model's C and the runtime's headers, by the path that the C includes them by."""
    sources = [_place(out, SOURCES, f"{name}{end}") for end in (".c", "_weights.h")]
    runtime = _place(out, HEADERS, "snn")
    paths = {path.name: path for path in (*sources, _place(out, HEADERS, f"{name}.h"))}
    for path in sorted(runtime.rglob("*.h")):
        paths[f"snn/{path.relative_to(runtime).as_posix()}"] = path
    try:
        return {place: path.read_text("utf-8") for place, path in paths.items()}
    except (OSError, ValueError) as error:
        raise SnncError(NOT_COMPILED, f"cannot read its C ({error})", where=str(out)) from error
