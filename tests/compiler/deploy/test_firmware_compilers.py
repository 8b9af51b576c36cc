"""Firmware with other compilers than the one its Makefile names."""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from snnc.compiler.compilation import Compilation
from snnc.compiler.deploy import firmware
from snnc.compiler.deploy.targets import target_named, targets
from tests.compiler.deploy.test_firmware import compiled, need, vectors

TRIPLE = ("--target=thumbv8.1m.main-none-eabihf", "-mcpu=cortex-m55", "-mfloat-abi=hard")


@cache
def small(attention: str) -> Compilation:
    return compiled(attention, 10, channels=(4, 33, 8), hidden=12)


def clangs() -> list[str]:
    """The oldest and the newest clang of this machine."""
    found = {
        int(number[1]): path.name
        for path in Path("/usr/bin").glob("clang-*")
        if (number := re.fullmatch(r"clang-(\d+)", path.name))
    }
    return [found[number] for number in sorted({min(found), max(found)})] if found else ["clang"]


@pytest.mark.parametrize("optimisation", ["-O0", "-Os"])
@pytest.mark.parametrize("compiler", clangs())
def test_clang_builds_helium(compiler, optimisation, tmp_path):
    """The model by clang, the rest by gcc, on the board: every value equals the reference."""
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed (Debian: apt-get install clang)")
    need("cortex-m55")
    network = small("none")
    firmware.write_project(tmp_path, network, target_named("cortex-m55"), vectors(network, 10))
    (tmp_path / "build").mkdir()
    flags = ["-std=c99", optimisation, "-ffreestanding", "-ffp-contract=off", "-DSNN_OBSERVE"]
    warnings = ["-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror"]
    command = [compiler, *TRIPLE, *flags, *warnings, "-I.", "-Iboard", "-c", "net.c"]
    command += ["-o", "build/net.o"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    by_clang = (tmp_path / "build" / "net.o").read_bytes()
    result = firmware.run(tmp_path)
    assert (tmp_path / "build" / "net.o").read_bytes() == by_clang
    assert result.passed, result.output


@pytest.mark.parametrize("name", list(targets()))
def test_gcc_has_nothing_to_say(name, tmp_path):
    """Project and library, with and without attention, as far as the compiler can optimise."""
    need(name)
    target = target_named(name)
    for attention, optimisations in (("none", ("-O3",)), ("asa1", ("-O2", "-O3", "-Os"))):
        folder = tmp_path / attention
        network = small(attention)
        firmware.write_project(folder, network, target, vectors(network, 10, count=1))
        for optimisation in optimisations:
            strict = [f"CC={target.prefix}gcc -Werror", f"OPT={optimisation}"]
            command = ["make", "-s", "-B", "build/firmware.elf", "build/library.o", *strict]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
            assert done.returncode == 0, (optimisation, done.stderr)
            assert done.stderr == ""


@pytest.mark.parametrize("name", ["cortex-m4", "cortex-m55", "riscv32"])
def test_a_build_for_a_debugger_equals_the_reference(name, tmp_path, monkeypatch):
    """Code that is not optimised keeps everything on the stack, so that needs more room."""
    need(name)
    monkeypatch.setattr(firmware, "STACK_BYTES", 16 * 1024)
    network = small("none")
    firmware.write_project(tmp_path, network, target_named(name), vectors(network, 10, count=1))
    makefile = tmp_path / "Makefile"
    makefile.write_text(makefile.read_text().replace("OPT    ?= -O2", "OPT    ?= -O0"))
    assert firmware.run(tmp_path).passed
