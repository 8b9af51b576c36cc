"""Every build of the kernels prints the same checksums: compilers, vector units, sanitizers."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.kernels.kernel_harness import (
    INCLUDE,
    NOT_INLINED,
    VARIANTS,
    WARNINGS,
    Build,
    runs_here,
)
from tests.support.places import C_PROGRAMS as C

PROGRAMS = {"float": C / "kernel_checksums.c", "integer": C / "integer_checksums.c"}
CONSTANT_SHAPES = C / "kernel_specialised.c"
SANITIZERS = ("-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
COMPILERS = ("gcc", "clang")
FLAGS = ("-std=c99", "-ffp-contract=off", "-DSNN_INSTRUMENT", *WARNINGS, f"-I{INCLUDE}")


def checksums(
    folder: Path,
    command: tuple[str, ...],
    source: Path,
    *,
    extra: tuple[str, ...] = (),
    run: tuple[str, ...] = (),
) -> list[str]:
    """Lines that a program prints, built by ``command`` and started through ``run``."""
    if not shutil.which(command[0]):
        pytest.skip(f"{command[0]} is not installed")
    program = str(folder / "checksums")
    build = [*command, *FLAGS, *extra, str(source), "-o", program]
    made = subprocess.run(build, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr[-4000:]
    done = subprocess.run([*run, program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    lines = done.stdout.splitlines()
    assert lines[-1] == "done"
    assert len(set(lines)) > 10
    return lines


REFERENCE = ("gcc", "-O0", NOT_INLINED, "-DSNN_VEC_PORTABLE")
"""What every other build must agree with: gcc, portable C99, not optimised."""


@pytest.fixture(scope="module", params=PROGRAMS)
def source(request: pytest.FixtureRequest) -> Path:
    return PROGRAMS[request.param]


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory, source: Path) -> list[str]:
    return checksums(tmp_path_factory.mktemp("portable"), REFERENCE, source)


def built_for(build: Build) -> tuple[str, ...]:
    if not runs_here(build):
        pytest.skip(f"this CPU cannot run the {build.name} build: no {build.cpu_flag}")
    return build.flags


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("build", VARIANTS, ids=[build.name for build in VARIANTS])
def test_vector_units_and_compilers_agree(tmp_path, source, expected, compiler, build):
    flags = built_for(build)
    assert checksums(tmp_path, (compiler, "-O2", NOT_INLINED, *flags), source) == expected


@pytest.mark.parametrize("build", VARIANTS, ids=[build.name for build in VARIANTS])
def test_no_sanitizer_finds_anything(tmp_path, source, expected, build):
    flags = built_for(build)
    assert checksums(tmp_path, ("gcc", "-O1", NOT_INLINED, *SANITIZERS, *flags), source) == expected


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("instrument", [(), ("-USNN_INSTRUMENT",)], ids=["counting", "plain"])
def test_inlined_with_constant_shapes_as_in_generated_code(tmp_path, compiler, instrument):
    expected = checksums(tmp_path, REFERENCE, CONSTANT_SHAPES)
    command = (compiler, "-O3", "-march=native")
    assert checksums(tmp_path, command, CONSTANT_SHAPES, extra=instrument) == expected


def test_neon_under_emulation(tmp_path, source, expected):
    if not shutil.which("qemu-aarch64"):
        pytest.skip("qemu-aarch64 is not installed")
    command = ("aarch64-linux-gnu-gcc", "-O2", "-static", NOT_INLINED)
    assert checksums(tmp_path, command, source, run=("qemu-aarch64",)) == expected
