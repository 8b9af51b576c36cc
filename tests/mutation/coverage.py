"""Which lines of a subject's C its recordings execute: by gcov here, by QEMU's log on a board."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePath

from snnc.compiler.deploy.targets import target_named
from snnc.compiler.host.build import NATIVE, c_compiler
from tests.mutation.mutator import Mutation
from tests.mutation.source import Region, Source
from tests.mutation.subjects import NAME, Bench

Lines = dict[str, dict[int, bool]]
"""For each file, by its path in the folder, the lines that hold code, and which of them ran."""

COVERED = ("-std=c99", "-O0", "-g", "--coverage", "-fPIC", "-ffp-contract=off", *NATIVE)
ROOT = Path(__file__).parents[2]


def executed(bench: Bench) -> Lines:
    """The lines of a subject's C that its recordings execute."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "out"
        shutil.copytree(bench.folder, folder)
        return _on_board(bench, folder) if bench.subject.on_board else _on_host(bench, folder)


def _on_host(bench: Bench, folder: Path) -> Lines:
    lines: Lines = {}
    for counted in ("plain", "counted"):
        build = folder / counted
        build.mkdir()
        defines = ["-DSNN_INSTRUMENT"] if counted == "counted" else []
        compiler, library = c_compiler(), build / "covered.so"
        _run([*compiler, *COVERED, *defines, "-I.", "-c", f"{NAME}.c", "-o", build / "m.o"], folder)
        _run([*compiler, "--coverage", "-shared", build / "m.o", "-o", library], folder)
        module = [sys.executable, "-m", "tests.mutation.exercise"]
        samples = bench.subject.samples
        _run([*module, library, folder, bench.model, bench.data, samples, counted], ROOT)
        _run(["gcov", "--json-format", "--object-directory", build, build / "m.o"], build)
        for report in build.glob("*.gcov.json.gz"):
            _add(lines, _reported(report))
    return lines


def _reported(report: Path) -> Iterator[tuple[str, int, bool]]:
    """File, line, and whether it was executed, of gcov's report."""
    with gzip.open(report, "rt", encoding="utf-8") as opened:
        for file in json.load(opened)["files"]:
            name = Path(file["file"]).as_posix().removeprefix("./")
            for line in file["lines"]:
                yield name, line["line_number"], line["count"] > 0


def _on_board(bench: Bench, folder: Path) -> Lines:
    """The firmware with its own recordings: the instructions that QEMU met, and whose they are."""
    core = target_named(bench.subject.target)
    log = folder / "executed.log"
    makefile = folder / "Makefile"  # a function that is left out has addresses of others
    makefile.write_text(makefile.read_text("utf-8").replace("-Wl,--gc-sections ", ""))
    emulator = f"QEMU={core.boards[0].emulator} -d in_asm -D {log}"
    _run(["make", "-s", "OPT=-O1 -g", emulator, "run"], folder)
    met = re.findall(r"^(0x[0-9a-f]+):", log.read_text(), re.MULTILINE)
    objdump = f"{core.prefix}objdump"
    table = _run([objdump, "--dwarf=decodedline", "build/firmware.elf"], folder)
    lines: Lines = {}
    _add(lines, _decoded(table, folder, {int(address, 16) for address in met}))
    return lines


def _decoded(table: str, folder: Path, met: set[int]) -> Iterator[tuple[str, int, bool]]:
    """File, line, and whether it was met, of each row of objdump's line table.

    A row holds the file's name alone; its path in the folder stands above the rows. Where a run of
    addresses ends, the next begins in the file that is compiled, and nothing says so.
    """
    path = compiled = ""
    for row in table.splitlines():
        if heading := re.fullmatch(r"(\S+\.[ch]):(?:\[\+\+\])?", row):
            path = os.path.relpath(folder / heading[1], folder)
        elif row.startswith("File name "):
            compiled = path
        elif re.match(r"\S+\.[ch]\s+-\s", row):
            path = compiled
        elif place := re.match(r"(\S+\.[ch])\s+(\d+)\s+(0x[0-9a-f]+|0)\b", row):
            if PurePath(path).name != place[1]:
                raise RuntimeError(f"objdump gives a row of {place[1]} under {path}")
            yield path, int(place[2]), int(place[3], 16) in met


def _add(lines: Lines, found: Iterable[tuple[str, int, bool]]) -> None:
    for file, line, ran in found:
        there = lines.setdefault(file, {})
        there[line] = there.get(line, False) or ran


def _run(command: Iterable[object], folder: Path) -> str:
    given = [str(part) for part in command]
    done = subprocess.run(given, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(given)}: {done.stderr or done.stdout}")
    return done.stdout


def ran(sources: Mapping[str, Source], lines: Lines) -> dict[str, set[int]]:
    """For each file the lines that a mistake would matter on.

    In functions these are the lines that were executed; a line without code of its own, such as the
    second one of a long call, goes with the line before it. Of constants and macros they are the
    lines of those whose names an executed line holds.
    """
    matter = {
        file: _executed_lines(source, lines.get(file, {})) for file, source in sources.items()
    }
    names = {
        token.text
        for file, source in sources.items()
        for token in source.tokens
        if token.kind == "name" and token.line in matter[file]
    }
    for file, source in sources.items():
        for index, token in enumerate(source.tokens):
            constant = source.region[index] is Region.INITIALISER and source.scope[index] in names
            if constant or (
                source.region[index] is Region.DIRECTIVE and _defines(token.text, names)
            ):
                matter[file].add(token.line)
    return matter


def _executed_lines(source: Source, lines: Mapping[int, bool]) -> set[int]:
    """Lines of statements that were executed, in part at least; a statement without code of its own
    goes with the one before it in the same function."""
    matter: set[int] = set()
    scope, running = "", False
    for name, statement in _statements(source):
        running = running and name == scope
        scope = name
        known = [lines[line] for line in statement if line in lines]
        running = any(known) if known else running
        if running:
            matter |= statement
    return matter


def _statements(source: Source) -> Iterator[tuple[str, set[int]]]:
    """The function and the lines of every statement, and of what stands before a brace."""
    statement: set[int] = set()
    at = 0
    while at < len(source.tokens):
        if source.region[at] is Region.FUNCTION:
            last = source.partner[at] if source.is_mark(at, "(") else at
            statement |= {token.line for token in source.tokens[at : last + 1]}
            at = last
            if source.is_mark(at, ";", "{", "}"):
                yield source.scope[at], statement
                statement = set()
        at += 1


def _defines(directive: str, names: set[str]) -> bool:
    found = re.match(r"#\s*define\s+(\w+)\b", directive)
    return found is not None and found[1] in names


def mattering(candidates: Iterable[Mutation], matter: Mapping[str, set[int]]) -> Iterator[Mutation]:
    """The mutations of lines that matter."""
    return (mutation for mutation in candidates if mutation.line in matter.get(mutation.file, ()))
