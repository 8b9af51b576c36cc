"""Arm's CMSIS-NN, where the user has it: found, named by its version, and built for a target.

Nothing of it comes with snnc, and nothing is downloaded.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from snnc.compiler.deploy.targets import Target
from snnc.compiler.host import cache as build_cache
from snnc.errors import BAD_OPTION, MISSING_EXTRA, SnncError

BAKENN = "bakenn"
HEADER = Path("Include") / "arm_nnfunctions.h"
PLACES = (".", "CMSIS/NN", "vendor/cmsis_nn", "backend/cmsis_nn/vendor/cmsis_nn")
"""Where a checkout of it, CMSIS 5, and the package bakenn hold the library."""

CORES = ("cmsis_core", "Core", "../CMSIS_5/CMSIS/Core", "../CMSIS_6/CMSIS/Core", "CMSIS/Core")
"""Where CMSIS-Core lies beside it: releases before 5.0 include its cmsis_compiler.h."""

FOLDERS = ("ConvolutionFunctions", "FullyConnectedFunctions", "NNSupportFunctions")
FLOATING = re.compile(r"_(f16|f32|flt)(_|$)")

FLAGS = ("-std=gnu99", "-O3", "-ffunction-sections", "-fdata-sections", "-w")
"""Not freestanding: its kernels rely on memcpy of a word being one instruction."""

MEND = (
    "Give a checkout of github.com/ARM-software/CMSIS-NN, or `pip install bakenn` and its folder."
)


@dataclass(frozen=True)
class Library:
    """CMSIS-NN's ``root`` (Include/, Source/), the include folders it needs, its version."""

    root: Path
    includes: tuple[Path, ...]
    version: str

    @property
    def sources(self) -> list[Path]:
        """The C of its integer convolutions and linear layers, and what they call."""
        found = (path for name in FOLDERS for path in (self.root / "Source" / name).glob("*.c"))
        return sorted(path for path in found if not FLOATING.search(path.stem))


def library_at(place: str) -> Library:
    """The library in a folder, or in the installed package ``bakenn`` by its name.

    Raises:
        SnncError: BAD_OPTION where there is none or a part is missing, MISSING_EXTRA for ``bakenn``
            where it is not installed.
    """
    folder = Path(place)
    if place == BAKENN and not folder.is_dir():
        folder = _bakenn()
    roots = [folder / part for part in PLACES if (folder / part / HEADER).is_file()]
    if not roots:
        raise SnncError(
            BAD_OPTION,
            f"--cmsis-nn has no CMSIS-NN: there is no {HEADER} in it",
            where=str(folder),
            hint=MEND,
        )
    root = roots[0].resolve()
    library = Library(root, (root / "Include", *_core(root)), _version(root))
    if not library.sources:
        raise SnncError(
            BAD_OPTION,
            f"--cmsis-nn has CMSIS-NN's headers but no C in Source/{FOLDERS[0]}",
            where=str(root),
            hint=MEND,
        )
    return library


def _bakenn() -> Path:
    found = find_spec(BAKENN)
    if found is None or not found.submodule_search_locations:
        raise SnncError(
            MISSING_EXTRA, "--cmsis-nn bakenn needs that package", hint="Run `pip install bakenn`."
        )
    return Path(found.submodule_search_locations[0])


def _core(root: Path) -> tuple[Path, ...]:
    """CMSIS-Core's headers, where the library includes them and does not bring them."""
    wanted = "cmsis_compiler.h"
    headers = list((root / "Include").rglob("*.h"))
    if any(path.name == wanted for path in headers) or not any(
        f'#include "{wanted}"' in path.read_text("utf-8", "replace") for path in headers
    ):
        return ()
    for place in CORES:
        folder = root.parent / place / "Include"
        if (folder / wanted).is_file():
            return (folder,)
    raise SnncError(
        BAD_OPTION,
        f"this CMSIS-NN needs CMSIS-Core's {wanted}, which is not beside it",
        where=str(root),
        hint=f"Put CMSIS-Core into {root.parent / 'Core'}, or use CMSIS-NN 5 or later.",
    )


def _version(root: Path) -> str:
    """By what the copy says of itself: bakenn's record, git's description, the pack, the header."""
    record = root / "BAKENN_PROVENANCE.md"
    if record.is_file() and (found := re.search(r"Release version: (\S+)", record.read_text())):
        return f"{found[1]} ({_package(root)})"
    if (root / ".git").exists() and shutil.which("git"):
        command = ["git", "-C", str(root), "describe", "--tags", "--always", "--dirty"]
        described = subprocess.run(command, capture_output=True, text=True, check=False)
        if described.returncode == 0:
            return described.stdout.strip()
    for path in root.glob("*.pdsc"):
        found = re.search(r'<release version="([^"]+)"', path.read_text("utf-8"))
        if found and found[1] != "0.0.0":
            return found[1]
    header = (root / HEADER).read_text("utf-8", "replace")
    found = re.search(r"\$Revision:\s*(\S+)", header)
    return f"{HEADER.name} {found[1]}" if found else "unknown version"


def _package(root: Path) -> str:
    """``bakenn`` and, where it is installed as a package, its version."""
    for parent in root.parents:
        for record in parent.glob(f"{BAKENN}-*.dist-info"):
            return f"{BAKENN} {record.name.removesuffix('.dist-info').split('-')[1]}"
    return BAKENN


def archive(library: Library, target: Target, folder: Path, includes: tuple[Path, ...]) -> Path:
    """The library built for a target, in ``folder``; kept in the build cache.

    Args:
        library: what to build.
        target: the core.
        folder: where libcmsis_nn.a comes.
        includes: folders that stand in for those of a C library.

    Raises:
        SnncError: BAD_OPTION where the compiler refuses it.
    """
    built = folder / "libcmsis_nn.a"
    command = [f"{target.prefix}gcc", *target.flags, *FLAGS]
    headers = [path for place in library.includes for path in sorted(place.rglob("*.h"))]
    entry = f"{build_cache.key(command[:1], command[1:], library.sources + headers)}.cmsis_nn.a"
    if build_cache.fetch(entry, built):
        return built
    objects = folder / "objects"
    objects.mkdir()
    places = [f"-I{place}" for place in (*library.includes, *includes)]
    run(library, [*command, *places, "-c", *map(str, library.sources)], objects)
    run(library, [f"{target.prefix}ar", "rcs", str(built), *_names(objects)], objects)
    build_cache.keep(entry, built)
    return built


def _names(objects: Path) -> list[str]:
    return sorted(path.name for path in objects.iterdir())


def run(library: Library, command: list[str], folder: Path) -> None:
    """Run a tool on the library. Raises SnncError (BAD_OPTION) with its first error."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.splitlines()
        said = next((line for line in lines if "error" in line or "undefined" in line), "")
        raise SnncError(
            BAD_OPTION,
            f"CMSIS-NN {library.version} does not build: {said or done.stderr.strip()}",
            where=str(library.root),
            hint=MEND,
        )
