"""The folder that ``snnc compile`` writes: C, runtime headers, shared library, manifest.

It appears whole or not at all: everything is written beside it first and moved into place.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import torch

from snnc.compiler import firmware, layout
from snnc.compiler.build import (
    HOST_FLAGS,
    NATIVE,
    HostModel,
    c_compiler,
    compile_object,
    link_shared,
)
from snnc.compiler.codegen import is_integer
from snnc.compiler.compilation import Compilation
from snnc.compiler.firmware import Vector
from snnc.compiler.frontend.source import SourceModel
from snnc.compiler.ir import Graph
from snnc.compiler.targets import Target, missing_tools
from snnc.errors import BAD_OUTPUT, NOT_COMPILED, SnncError

MANIFEST = "manifest.json"
FORMAT = "snnc-compiled"


@dataclass(frozen=True)
class Memory:
    """Bytes that the compiled model needs.

    ``flash`` code and constants of the object file (None: not measured); ``weights`` the constants
    alone; ``arena`` the caller's memory, of which ``states`` survive from step to step; ``stack``
    the sum of all frames of the object file, an upper bound (None where the compiler does not
    report frames), or what firmware reserves.
    """

    flash: int | None
    weights: int
    states: int
    arena: int
    arena_lower_bound: int
    stack: int | None

    def as_json(self) -> dict[str, Any]:
        """The entry of the JSON contract."""
        return {
            "flash": self.flash,
            "weights": self.weights,
            "ram": {"states": self.states, "arena": self.arena, "stack": self.stack},
            "arena_lower_bound": self.arena_lower_bound,
        }


def write(
    out: Path,
    source: SourceModel,
    compilation: Compilation,
    *,
    instrument: bool = False,
    choice: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Write the compiled model to ``out`` and give its manifest.

    Args:
        out: the folder.
        source: the model.
        compilation: what to write.
        instrument: count every executed operation.
        choice: from what the kernels were chosen, for the manifest; None where they were not.

    Raises:
        SnncError: BAD_OUTPUT where ``out`` cannot be written or holds something else;
            C_COMPILER_FAILED, NO_C_COMPILER.
    """
    with _fresh_folder(out) as folder:
        name = compilation.graph.name
        for file, text in compilation.generated.files.items():
            (folder / file).write_text(text, encoding="utf-8")
        with as_file(files("snnc") / "runtime_c" / "include" / "snn") as runtime:
            shutil.copytree(runtime, folder / "snn")
        library = f"lib{name}.so"
        defines = ["SNN_INSTRUMENT"] if instrument else []
        memory = _compile(folder, compilation, library, defines)
        manifest = _manifest(source, compilation, memory)
        manifest |= {"target": "host", "library": library}
        manifest["options"] |= {
            "flags": [*HOST_FLAGS, *NATIVE],
            "instrument": instrument,
            "kernels": choice,
        }
        manifest["versions"] |= {"cc": _version_of(c_compiler()), "vector": _vector_unit()}
        manifest["files"] = _hashes(folder)
        text = json.dumps(manifest, indent=2, sort_keys=False) + "\n"
        (folder / MANIFEST).write_text(text, encoding="utf-8")
    return manifest


def write_firmware(
    out: Path,
    source: SourceModel,
    compilation: Compilation,
    target: Target,
    vectors: Sequence[Vector],
    max_flash: int | None = None,
    max_ram: int | None = None,
) -> dict[str, Any]:
    """Write a firmware project to ``out`` and give its manifest.

    Its sizes are measured where the target's compiler is installed, and null where not.

    Raises:
        SnncError: BAD_OUTPUT, BAD_OPTION, OVER_BUDGET, C_COMPILER_FAILED.
    """
    with _fresh_folder(out) as folder:
        board = firmware.write_project(folder, compilation, target, vectors, max_flash, max_ram)
        sizes = None
        if not missing_tools(target, board):
            sizes = firmware.build(folder)
            shutil.rmtree(folder / "build")
        plan = compilation.generated.plan
        memory = Memory(
            flash=sizes["flash"] if sizes else None,
            weights=compilation.generated.constant_bytes,
            states=plan.by_role().get("states", 0),
            arena=plan.size,
            arena_lower_bound=plan.lower_bound,
            stack=firmware.STACK_BYTES,
        )
        manifest = _manifest(source, compilation, memory)
        manifest |= {"target": target.name, "board": board.name, "vectors": len(vectors)}
        manifest["options"] |= {"flags": list(target.flags)}
        manifest["options"] |= {"max_flash": max_flash, "max_ram": max_ram}
        manifest["files"] = _hashes(folder)
        text = json.dumps(manifest, indent=2, sort_keys=False) + "\n"
        (folder / MANIFEST).write_text(text, encoding="utf-8")
    return manifest


def _hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of every file by its path in the folder."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def read_manifest(out: Path) -> dict[str, Any]:
    """The manifest of a compiled model. Raises SnncError (NOT_COMPILED)."""
    path = out / MANIFEST
    try:
        manifest: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise SnncError(
            NOT_COMPILED, f"no readable {MANIFEST} ({error})", where=str(out)
        ) from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise SnncError(NOT_COMPILED, f"{MANIFEST} was not written by snnc", where=str(out))
    return manifest


def open_compiled(out: Path, manifest: dict[str, Any]) -> HostModel:
    """The shared library of a compiled model, ready to run."""
    if manifest["target"] != "host":
        raise SnncError(
            NOT_COMPILED,
            f"the model was compiled for {manifest['target']}, not for this machine",
            where=str(out),
            mend="Use `make run` in the folder, or compile with --target host.",
        )
    library = out / manifest["library"]
    if not library.exists():
        raise SnncError(NOT_COMPILED, f"{manifest['library']} is missing", where=str(out))
    arena = manifest["memory"]["ram"]["arena"]
    score_type = manifest["scores"]["type"]
    return HostModel(library.resolve(), manifest["name"], arena, manifest["classes"], score_type)


@contextmanager
def _fresh_folder(out: Path) -> Iterator[Path]:
    """A folder to fill, moved to ``out`` when the block ends well and removed when it does not."""
    if out.exists() and not _is_ours(out):
        raise SnncError(
            BAD_OUTPUT,
            "the folder exists and was not written by snnc",
            where=str(out),
            mend="Choose another folder, or remove it.",
        )
    folder = None
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
        yield folder
        folder.chmod(0o755)
        _swap(folder, out)
    except OSError as error:
        raise SnncError(
            BAD_OUTPUT, f"{error.strerror or error}", where=str(error.filename or out)
        ) from error
    finally:
        if folder is not None and folder.exists():
            shutil.rmtree(folder, ignore_errors=True)


def _is_ours(out: Path) -> bool:
    return out.is_dir() and (not any(out.iterdir()) or (out / MANIFEST).exists())


def _swap(folder: Path, out: Path) -> None:
    if not out.exists():
        folder.rename(out)
        return
    old = folder.with_name(f"{folder.name}.old")
    out.rename(old)
    folder.rename(out)
    shutil.rmtree(old, ignore_errors=True)


def _manifest(source: SourceModel, compilation: Compilation, memory: Memory) -> dict[str, Any]:
    graph = compilation.graph
    return {
        "format": FORMAT,
        "name": graph.name,
        "model": source.origin,
        "time_steps": graph.time_steps,
        "classes": graph[graph.outputs[0]].type.size,
        "streams": compilation.schedule.streams,
        "scores": _scores(graph),
        "memory": {**memory.as_json(), "recomputed": _recomputed(compilation)},
        "input": _input(source),
        "layers": _layers(graph),
        "options": {"dtype": "int8" if is_integer(graph) else "f32", **source.options},
        "versions": {
            "snnc": metadata.version("snnc"),
            "torch": str(torch.__version__),
            "python": platform.python_version(),
        },
    }


def _recomputed(compilation: Compilation) -> list[str]:
    """Nodes that run in more than one stage instead of being stored."""
    runs = [node.name for stage in compilation.schedule.stages for node in stage.loop]
    return sorted({name for name in runs if runs.count(name) > 1})


def _scores(graph: Graph) -> dict[str, Any]:
    """C type of a score, and what one unit of it is worth."""
    output = graph[graph.outputs[0]]
    return {"type": layout.c_type(output.type), "unit": output.attrs.get("unit", 1.0)}


def _input(source: SourceModel) -> dict[str, Any]:
    described: dict[str, Any] = {"shape": list(source.input_shape), "kind": "count"}
    if source.input is not None:
        given = source.input
        described |= {
            "sensor": [given.height, given.width],
            "dt_us": given.dt_us,
            "downsample": given.downsample,
            "framing": given.framing,
        }
    return described


def _layers(graph: Graph) -> list[dict[str, Any]]:
    return [
        {
            "name": node.name,
            "op": node.op,
            "module": node.loc.module,
            "shape": list(node.type.shape),
            "kind": node.type.kind.value,
            "temporal": node.type.temporal,
            "inputs": list(node.inputs),
            **{key: node.attrs[key] for key in ("kernel", "order") if key in node.attrs},
        }
        for node in graph.nodes
    ]


def _compile(folder: Path, compilation: Compilation, library: str, defines: list[str]) -> Memory:
    """Build the shared library and measure its object file."""
    source = folder / f"{compilation.graph.name}.c"
    with tempfile.TemporaryDirectory() as scratch:
        object_file = Path(scratch) / "model.o"
        compile_object(source, object_file, defines=defines)
        link_shared([object_file], folder / library)
        usage = object_file.with_suffix(".su")
        stack = _stack_bound(usage.read_text()) if usage.exists() else None
        sizes = subprocess.run(
            ["size", str(object_file)], check=True, capture_output=True, text=True
        ).stdout.splitlines()[1]
    text, data, _ = map(int, sizes.split()[:3])
    plan = compilation.generated.plan
    return Memory(
        flash=text + data,
        weights=compilation.generated.constant_bytes,
        states=plan.by_role().get("states", 0),
        arena=plan.size,
        arena_lower_bound=plan.lower_bound,
        stack=stack,
    )


def _stack_bound(usage: str) -> int:
    """No function of the generated code recurses, so all frames together bound the stack."""
    return sum(int(line.split("\t")[1]) for line in usage.splitlines())


def _version_of(compiler: str) -> str:
    said = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True)
    return said.stdout.splitlines()[0]


def _vector_unit() -> str:
    """Name of the vector code that the kernels chose (SNN_VEC_NAME), asked of the preprocessor."""
    with as_file(files("snnc") / "runtime_c" / "include") as runtime:
        said = subprocess.run(
            [c_compiler(), *NATIVE, f"-I{runtime}", "-E", "-x", "c", "-"],
            input='#include "snn/vec.h"\nvector = SNN_VEC_NAME\n',
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "LC_ALL": "C"},
        )
    found = re.search(r'^vector = "(.*)"$', said.stdout, re.MULTILINE)
    return found.group(1) if found else "unknown"
