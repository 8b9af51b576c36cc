"""What ships: the files of a folder that ``snnc compile`` wrote, and the library made of them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from snnc.atomic import write_atomically
from snnc.compiler.codegen.abi import Interface
from snnc.compiler.compilation import Compilation
from snnc.compiler.deploy.compiled import is_package, own_library
from snnc.compiler.deploy.manifest import MANIFEST, sha256
from snnc.compiler.host.build import compile_object, link_shared, write_team
from snnc.compiler.host.library import check_sizes
from snnc.compiler.verify.chain.links import ARTEFACT
from snnc.compiler.verify.chain.proof import Verification
from snnc.compiler.verify.shipped.paths import Library

PACKAGE_FLAGS = ("-O3", "-ffp-contract=off")
"""What the build files of packages ask of a compiler, for any core."""


def check_files(folder: Path, manifest: Mapping[str, Any], result: Verification) -> None:
    """Compare every file that the manifest lists with its digest, and keep what was found.

    Files that the manifest does not list are none of ours.
    """
    link, found = result.chain[ARTEFACT], {}
    for path, digest in manifest["files"].items():
        there = folder / path
        found[path] = sha256(there) if there.is_file() else None
        link.check("files by their digests").add(1, int(found[path] != digest))
        if found[path] != digest:
            what = "is missing" if found[path] is None else "is not as snnc wrote it"
            link.report(f"{path} {what}")
    result.artefact = {
        "folder": str(folder),
        "target": manifest["target"],
        "files": found,
        "library": manifest.get("library"),
    }


def shipped_library(
    folder: Path, manifest: Mapping[str, Any], compilation: Compilation, scratch: Path
) -> Library:
    """The library to run: the folder's own; of a package, its sources built as it says.

    Args:
        folder: the folder.
        manifest: its manifest.
        compilation: with the folder's sources (:func:`snnc.compiler.deploy.compiled.with_c_of`).
        scratch: where a package is built.

    Raises:
        SnncError: NOT_COMPILED where the manifest names no library of the folder, or other sizes
            than the library has: it is then not run.
    """
    if not is_package(manifest):
        own = own_library(folder, manifest)
        # A copy: a process that has loaded a library of this path before would get that one again.
        copy = scratch / "shipped.so"
        shutil.copyfile(own, copy)
        interface = Interface.of(manifest)
        check_sizes(copy, interface, own)
        return Library(copy, interface)
    return built(compilation, scratch / "package", PACKAGE_FLAGS)


def built(compilation: Compilation, folder: Path, flags: tuple[str, ...]) -> Library:
    """A library of a compilation's sources, with no trace and no counters."""
    folder.mkdir()
    name, generated = compilation.graph.name, compilation.generated
    generated.write(folder)
    objects = [folder / "model.o"]
    compile_object(folder / f"{name}.c", objects[0], flags=flags)
    if generated.interface.threads > 1:
        objects.append(folder / "team.o")
        compile_object(write_team(folder), objects[1], flags=flags)
    library = folder / f"lib{name}.so"
    link_shared(objects, library)
    return Library(library, generated.interface)


def record(folder: Path, manifest: Mapping[str, Any], result: Verification, data: str) -> None:
    """Write what was proven into the folder's manifest, which replaces the old one at once.

    The entry ``proof`` holds the verdict, the links' numbers, the data, the digests of the files
    that were verified and the levels of the library that were run (first the one that it chose).
    Compiling anew leaves it null.

    Raises:
        SnncError: BAD_OUTPUT where the folder cannot be written.
    """
    proof = {
        "passed": result.passed,
        "verdict": result.verdict,
        "data": data,
        "samples": result.samples,
        "links": [link.total().as_json() for link in result.chain],
        "vacuous": [str(entry) for entry in result.vacuous],
        "files": None if result.artefact is None else result.artefact["files"],
        "levels": None if result.artefact is None else result.artefact.get("levels"),
    }
    text = json.dumps({**manifest, "proof": proof}, indent=2, sort_keys=False) + "\n"
    write_atomically(folder / MANIFEST, text.encode())
