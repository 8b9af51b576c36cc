"""The user's C compiler and its tools: which one, running it, and whose fault it is when it fails.

A compiler that cannot be run, fails on an empty program, writes nothing or was stopped is the
user's (NO_C_COMPILER). Only where it takes an empty program and refuses ours is it our fault.
"""

from __future__ import annotations

import logging
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from snnc.atomic import scratch_folder
from snnc.errors import C_COMPILER_FAILED, NO_C_COMPILER, SnncError

log = logging.getLogger(__name__)

PROBE = "int snnc_probe(void);\nint snnc_probe(void) { return 0; }\n"

LONGEST = 300
"""Characters of a compiler's words that are passed on."""

STOPPED = re.compile(
    r"no space left|disk quota|out of memory|cannot allocate|memory exhausted|\bkilled\b"
    r"|file size limit|internal compiler error",
    re.IGNORECASE,
)
"""What compilers say that could not do their work, whatever the source is."""


def c_compiler() -> list[str]:
    """The host's C compiler: $CC, which may hold options, else gcc, clang or cc.

    Raises:
        SnncError: NO_C_COMPILER where $CC names no program, or where there is none of the others.
    """
    if given := os.environ.get("CC"):
        try:
            program, *options = shlex.split(given)
        except ValueError:
            program, options = given, []
        if path := shutil.which(program):
            return [path, *options]
        raise SnncError(NO_C_COMPILER, f"CC is {given!r}, and no such program can be found")
    for name in ("gcc", "clang", "cc"):
        if path := shutil.which(name):
            return [path]
    raise SnncError(NO_C_COMPILER, "none of $CC, gcc, clang and cc can be found")


def run_tool(command: Sequence[str], text: str = "") -> subprocess.CompletedProcess[str]:
    """Run a program of the user's, with ``text`` as its input; its words are in English.

    Raises:
        SnncError: NO_C_COMPILER where it cannot be started.
    """
    log.debug("running %s", shlex.join(command))
    try:
        return subprocess.run(
            command,
            input=text,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            env={**os.environ, "LC_ALL": "C"},
        )
    except OSError as error:
        raise SnncError(
            NO_C_COMPILER, f"it cannot be run ({error.strerror or error})", where=command[0]
        ) from error


def compile_to(target: Path, command: Sequence[str], where: Path) -> None:
    """Run a compiler or linker that writes ``target`` (the last of its options, added here).

    Args:
        target: the file to write.
        command: program, options and sources, which begins with :func:`c_compiler`.
        where: what is compiled, for messages.

    Raises:
        SnncError: NO_C_COMPILER for a broken compiler, C_COMPILER_FAILED where it refuses this
            source; with its own words.
    """
    done = run_tool([*command, "-o", str(target)])
    if done.returncode == 0 and target.is_file():
        return
    said = _first_words(done)
    if done.returncode == 0:
        said = "it says that all went well, and wrote no file"
    elif done.returncode > 0:
        options = [part for part in command[1:] if part.startswith("-") and part != "-c"]
        compiler = [*c_compiler(), *options, "-fPIC", "-shared"]
        raise refusal(compiler, said, done.stderr, where)
    raise _failure(command[0], said)


def refusal(compiler: Sequence[str], said: str, words: str, where: Path) -> SnncError:
    """The error for a compiler that ended with a failure: ours, unless it fails at anything.

    Args:
        compiler: the program with its options, to which a source and -o are added to try it.
        said: the line that says what is wrong.
        words: everything it said.
        where: what was compiled.
    """
    if STOPPED.search(words):
        return _failure(compiler[0], said)
    with scratch_folder() as folder:
        source, target = folder / "probe.c", folder / "probe.o"
        source.write_text(PROBE, encoding="utf-8")
        done = run_tool([*compiler, str(source), "-o", str(target)])
        if done.returncode == 0 and target.is_file():
            return SnncError(C_COMPILER_FAILED, said, where=str(where))
    reason = f"it fails on an empty program too ({_first_words(done)})"
    return _failure(compiler[0], reason)


def _failure(compiler: str, said: str) -> SnncError:
    return SnncError(
        NO_C_COMPILER,
        f"the C compiler failed: {said}",
        where=compiler,
        hint="Mend it, or set CC to another one.",
    )


def _first_words(done: subprocess.CompletedProcess[str]) -> str:
    """The line of a tool's words that says what is wrong."""
    said = (done.stderr.strip() or done.stdout.strip()).splitlines()
    if not said:
        return f"exit status {done.returncode}, without a word"
    line = next((line for line in said if "error" in line.lower()), said[0]).strip()
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}…"


def compiler_version() -> str:
    """The first line of what the C compiler says about itself. Raises SnncError (NO_C_COMPILER)."""
    said = run_tool([*c_compiler(), "--version"]).stdout.splitlines()
    return said[0] if said else "unknown"


def object_size(path: Path) -> int:
    """Bytes of code and constants of an object file. Raises SnncError (NO_C_COMPILER)."""
    done = run_tool(["size", str(path)])
    found = re.search(r"^\s*(\d+)\s+(\d+)\s+\d+", done.stdout, re.MULTILINE)
    if found is None:
        raise SnncError(NO_C_COMPILER, f"it cannot read {path.name}", where="size (binutils)")
    return int(found[1]) + int(found[2])
