"""The house: rooms, files and functions that a reader can take in, and arrows that go one way."""

from __future__ import annotations

import ast
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import grimp
import networkx as nx
import pytest

import snnc
from tests.support.places import ROOT

FILES, LINES, FUNCTION_LINES, PARAMETERS = 12, 400, 60, 6

SOURCES = {".py", ".c", ".h", ".cc", ".j2", ".js", ".css", ".html"}

LARGE_FOLDERS = {
    ".": "what tools look for at the top",
    "estimator/devices": "data: one device a file",
}

DATA = "tests/compiler/snapshots/"
"""C and graphs as they were written, to compare with."""

MANY_PARAMETERS = {
    ("compiler/frontend/driving.py", "Driven.__init__"): "says all of a forward, by name",
    (
        "models/networks.py",
        "ThreeLayer.__init__",
    ): "hyper-parameters, which snnc.build takes",
    ("models/networks.py", "FiveLayer.__init__"): "hyper-parameters, which snnc.build takes",
    ("models/residual.py", "ResSNN18.__init__"): "hyper-parameters, which snnc.build takes",
}

SAME_NAMES = {
    "compiler/ops": "int8 has the rooms and the ops of float32",
}


@cache
def tracked() -> tuple[str, ...]:
    """Files of the checkout that git does not ignore, symlinks left out."""
    if not (ROOT / ".git").exists():
        pytest.skip("no checkout: git says which files are the project's")
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    there = (name for name in listed if (ROOT / name).is_file())
    return tuple(name for name in there if not (ROOT / name).is_symlink())


def sources(suffixes: set[str]) -> Iterator[tuple[str, str]]:
    for name in tracked():
        if Path(name).suffix in suffixes and not name.startswith(DATA):
            yield name, (ROOT / name).read_text(encoding="utf-8")


def functions() -> Iterator[tuple[str, str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Every function with its file, and its name inside its classes."""

    def inside(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.FunctionDef]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                name = prefix + child.name
                if not isinstance(child, ast.ClassDef):
                    yield name, child
                yield from inside(child, f"{name}.")
            else:
                yield from inside(child, prefix)

    for file, text in sources({".py"}):
        for name, function in inside(ast.parse(text), ""):
            yield file, name, function


def test_a_folder_holds_about_a_dozen_files_beside_its_folders():
    """A package's own file and its marker for types do not count."""
    held = Counter(
        Path(name).parent.as_posix()
        for name in tracked()
        if Path(name).name not in ("__init__.py", "py.typed")
    )
    full = {folder: count for folder, count in held.items() if count > FILES}
    assert {folder: count for folder, count in full.items() if folder not in LARGE_FOLDERS} == {}
    assert full.keys() == LARGE_FOLDERS.keys(), "an exception that is none any more"


def test_a_file_is_read_in_one_go():
    lengths = {name: text.count("\n") for name, text in sources(SOURCES)}
    assert len(lengths) > 700
    assert {name: count for name, count in lengths.items() if count > LINES} == {}


def test_a_function_fits_on_a_screen():
    """Its docstring does not count: of a public function it may say more than its code."""
    long = {}
    for file, name, function in functions():
        length = function.end_lineno - function.lineno + 1
        first = function.body[0]
        if ast.get_docstring(function, clean=False) is not None:
            length -= first.end_lineno - first.lineno + 1
        if length > FUNCTION_LINES:
            long[file, name] = length
    assert long == {}


def public() -> set[tuple[str, str]]:
    """File and name of what ``snnc`` offers."""
    homes = {name: snnc._HOMES[name] for name in snnc.__all__ if name in snnc._HOMES}
    return {(_file_of(module), name) for name, module in homes.items()}


def _file_of(module: str) -> str:
    path = module.removeprefix("snnc.").replace(".", "/") + ".py"
    return path if (ROOT / path).exists() and not path.startswith("api") else f"snnc/{path}"


def test_what_is_passed_together_is_one_thing():
    """More than a handful of parameters only where a user gives them by name: the public API, the
    options of a command, and cases of a parametrised test."""
    offered = public()
    many = {}
    for file, name, function in functions():
        given = function.args
        names = [entry.arg for entry in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
        count = len([entry for entry in names if entry not in ("self", "cls")])
        command = file.startswith("snnc/commands/") and name == "command"
        case = file.startswith("tests/") and name.startswith("test_")
        if count > PARAMETERS and not command and not case:
            many[file, name] = count
    own = {place for place in many if (place[0], place[1].split(".")[0]) not in offered}
    assert own - MANY_PARAMETERS.keys() == set()
    assert MANY_PARAMETERS.keys() - own == set(), "an exception that is none any more"


def test_no_two_modules_import_each_other():
    """Not even by way of others, and not even for their types."""
    graph = grimp.build_graph("snnc", cache_dir=None)
    flow = nx.DiGraph(
        (module, imported)
        for module in graph.modules
        for imported in graph.find_modules_directly_imported_by(module)
    )
    assert len(flow) > 300
    cycles = [sorted(part) for part in nx.strongly_connected_components(flow) if len(part) > 1]
    assert cycles == []


def test_no_two_modules_of_a_room_have_one_name():
    """A room is a folder of the four, or of snnc, with all below it: a file that a reader looks for
    is there once. Rooms may use one word each for what they make of the same thing."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name, _ in sources({".py"}):
        top, *inner = Path(name).with_suffix("").parts
        if top in ("compiler", "estimator", "models", "snnc") and inner[-1][:2] != "__":
            found["/".join([top, *inner[:-1][:1]]), inner[-1]].append(name)
    twice = {place: files for place, files in found.items() if len(files) > 1}
    assert {place: files for place, files in twice.items() if place[0] not in SAME_NAMES} == {}
    assert {room for room, _ in twice} == SAME_NAMES.keys(), "an exception that is none any more"
