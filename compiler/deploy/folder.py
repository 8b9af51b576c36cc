"""The folder that ``snnc compile`` writes: C, runtime headers, shared library, manifest.

It appears whole or not at all: everything is written beside it first and moved into place.
"""

from __future__ import annotations

import platform
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import torch

from snnc.atomic import scratch_folder
from snnc.compiler.codegen.binary_weights import BINARY, TEXT
from snnc.compiler.codegen.c_program import is_integer
from snnc.compiler.codegen.files import licence_files, write_files
from snnc.compiler.compilation import Compilation
from snnc.compiler.deploy import firmware, packages
from snnc.compiler.deploy.firmware import Vector
from snnc.compiler.deploy.footprint import Memory, check_object, choices_as_json, over_linked
from snnc.compiler.deploy.manifest import FORMAT, write_manifest
from snnc.compiler.deploy.output_folder import fresh_folder
from snnc.compiler.deploy.targets import Target, missing_tools
from snnc.compiler.frontend.source import SourceModel
from snnc.compiler.host.build import (
    ANY,
    HOST_FLAGS,
    compile_model,
    compile_sizes,
    march_flags,
)
from snnc.compiler.host.toolchain import (
    compiler_version,
    object_size,
)
from snnc.compiler.ir import layout
from snnc.compiler.ir.graph import Graph, Node
from snnc.compiler.ops.int8.fixed import unit_of
from snnc.compiler.ops.int8.synapses.rows import IntegerSynapse
from snnc.compiler.ops.readout.time_stack import axes_of
from snnc.compiler.ops.synapses.synapse import kernel_of
from snnc.compiler.passes.choose_kernels import choosable
from snnc.compiler.program.program import Program
from snnc.errors import OVER_BUDGET, SnncError
from snnc.version import __version__


@dataclass(frozen=True)
class Library:
    """How the shared library is built, and how large it may be.

    Attributes:
        march: which processors it is for (:data:`snnc.compiler.host.build.MARCHES`).
        instrument: count every executed operation.
        max_flash: most bytes of its code and constants.
    """

    march: str = ANY
    instrument: bool = False
    max_flash: int | None = None


@dataclass(frozen=True)
class Budget:
    """What a board has room for, in bytes; None where nothing is said.

    Attributes:
        max_flash: of code and constants.
        max_ram: of arena and stack.
    """

    max_flash: int | None = None
    max_ram: int | None = None


DEFAULT_LIBRARY, NO_BUDGET = Library(), Budget()


def write(
    out: Path,
    source: SourceModel,
    compilation: Compilation,
    library: Library = DEFAULT_LIBRARY,
    *,
    choice: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Write the compiled model to ``out`` and give its manifest.

    Args:
        out: the folder.
        source: the model.
        compilation: what to write.
        library: how its shared library is built.
        choice: from what the kernels were chosen, for the manifest; None where they were not.

    Raises:
        SnncError: BAD_OUTPUT where ``out`` cannot be written or holds something else;
            C_COMPILER_FAILED, NO_C_COMPILER; OVER_BUDGET.
    """
    with fresh_folder(out) as folder:
        name = compilation.graph.name
        compilation.generated.write(folder)
        write_files(folder, licence_files())
        with as_file(files("snnc") / "runtime_c" / "include" / "snn") as runtime:
            shutil.copytree(runtime, folder / "snn")
        file = f"lib{name}.so"
        defines = ["SNN_INSTRUMENT"] if library.instrument else []
        memory, levels = _compile(folder, compilation, file, defines, library.march)
        check_object(compilation, memory, library.max_flash)
        manifest = _manifest(source, compilation, memory)
        manifest |= {"target": "host", "library": file}
        manifest["options"] |= {
            "flags": [*HOST_FLAGS, *march_flags(library.march)],
            "march": library.march,
            "levels": levels,
            "instrument": library.instrument,
            "kernels": choice,
            "threads": compilation.generated.program.threads,
            "steps_at_once": compilation.generated.program.batch,
        }
        manifest["versions"] |= {"cc": compiler_version(), "vector": levels[0]}
        return write_manifest(folder, manifest)


def write_firmware(
    out: Path,
    source: SourceModel,
    compilation: Compilation,
    target: Target,
    vectors: Sequence[Vector],
    budget: Budget = NO_BUDGET,
) -> dict[str, Any]:
    """Write a firmware project to ``out`` and give its manifest.

    Its sizes are measured where the target's compiler is installed, and null where not.

    Raises:
        SnncError: BAD_OUTPUT, BAD_OPTION, OVER_BUDGET, C_COMPILER_FAILED.
    """
    with fresh_folder(out) as folder:
        board = firmware.write_project(
            folder, compilation, target, vectors, budget.max_flash, budget.max_ram
        )
        sizes = None
        if not missing_tools(target, board):
            try:
                sizes = firmware.build(folder)
            except SnncError as error:
                if error.code is not OVER_BUDGET:
                    raise
                raise over_linked(error, compilation) from error
            shutil.rmtree(folder / "build")
        flash = sizes["flash"] if sizes else None
        memory = Memory.of(compilation.generated, flash, firmware.STACK_BYTES)
        manifest = _manifest(source, compilation, memory)
        manifest |= {"target": target.name, "board": board.name, "vectors": len(vectors)}
        manifest |= {"owned_board": _owned(target)}
        manifest["options"] |= {"flags": list(target.flags)}
        manifest["options"] |= asdict(budget)
        return write_manifest(folder, manifest)


def write_package(
    out: Path,
    source: SourceModel,
    compilation: Compilation,
    kind: str,
    target: Target | None = None,
) -> dict[str, Any]:
    """Write a package for a build system (:mod:`snnc.compiler.deploy.packages`); give its manifest.

    Args:
        out: the folder.
        source: the model.
        compilation: what to write, for ``target``.
        kind: one of ``packages.LAYOUTS``.
        target: the core whose kernels and memory it was compiled for; None: any.

    Raises:
        SnncError: BAD_OUTPUT, BAD_OPTION.
    """
    with fresh_folder(out) as folder:
        core = None if target is None else target.name
        packages.write(folder, compilation, kind, core)
        manifest = _manifest(source, compilation, Memory.of(compilation.generated, None, None))
        manifest |= {"target": f"{kind} package{f' for {core}' if core else ''}"}
        manifest |= {"package": kind, "core": core, "owned_board": _owned(target)}
        return write_manifest(folder, manifest)


def _owned(target: Target | None) -> str | None:
    """The name of the board that was asked for, if one was."""
    return target.owned.name if target is not None and target.owned is not None else None


def _manifest(source: SourceModel, compilation: Compilation, memory: Memory) -> dict[str, Any]:
    graph = compilation.graph
    return {
        "format": FORMAT,
        "name": graph.name,
        "model": source.origin,
        "time_steps": graph.time_steps,
        "classes": graph[graph.outputs[0]].type.size,
        "streams": compilation.schedule.streams,
        "scores": _scores(graph[graph.outputs[0]]),
        "outputs": _outputs(graph),
        "memory": {
            **memory.as_json(),
            "recomputed": _recomputed(compilation),
            "choices": choices_as_json(compilation),
        },
        "input": {**_input(source), "buffer": _buffer(compilation)},
        "layers": _layers(graph, compilation.generated.program),
        "options": {
            "dtype": "int8" if is_integer(graph) else "f32",
            "weights": BINARY if compilation.generated.data else TEXT,
            **_int4(compilation),
            **source.options,
        },
        "proof": None,  # snnc verify --compiled says here what was proven
        "versions": {
            "snnc": __version__,
            "torch": str(torch.__version__),
            "python": platform.python_version(),
        },
    }


def _int4(compilation: Compilation) -> dict[str, Any]:
    """How the layers with int4 weights were chosen, where they were."""
    found = compilation.bearable
    if found is None:
        return {}
    trials = [asdict(trial) for trial in found.trials]
    return {"int4": {"recordings": found.recordings, "trials": trials}}


def _recomputed(compilation: Compilation) -> list[str]:
    """Nodes that run in more than one stage instead of being stored."""
    return sorted(name for name, times in compilation.schedule.runs.items() if times > 1)


def _outputs(graph: Graph) -> list[dict[str, Any]]:
    """Every output, the scores first."""
    return [
        {"name": name, "shape": list(graph[node].type.shape), **_unit(graph[node])}
        for name, node in zip(graph.output_names, graph.outputs, strict=True)
    ]


def _unit(output: Node) -> dict[str, Any]:
    """C type of an element, and what one unit of it is worth."""
    return {"type": layout.c_type(output.type), "unit": unit_of(output)}


def _scores(node: Node) -> dict[str, Any]:
    """What the numbers of the scores mean, and how the steps lie in them, if all are there."""
    axes = axes_of(node)
    return _unit(node) | ({} if axes is None else {"axes": list(axes)})


def _input(source: SourceModel) -> dict[str, Any]:
    described: dict[str, Any] = {"shape": list(source.input_shape), "kind": source.input_kind}
    if source.step_us is not None:
        described |= {"step_us": source.step_us}
    if source.input is not None:
        given = source.input
        described |= {
            "sensor": [given.height, given.width],
            "dt_us": given.dt_us,
            "downsample": given.downsample,
            "framing": given.framing,
        }
    return described


def _buffer(compilation: Compilation) -> dict[str, Any]:
    """How events wait for their step: frames or packed events held, and what of those outside."""
    interface = compilation.generated.interface
    carries = compilation.graph.held.carry
    return {
        "frames": interface.frames,
        "events": interface.max_events,
        "overrun": "carry" if carries else "drop",
    }


def _layers(graph: Graph, program: Program) -> list[dict[str, Any]]:
    return [
        {
            "name": node.name,
            "op": node.op.name,
            "module": node.loc.module,
            "shape": list(node.type.shape),
            "kind": node.type.kind.value,
            "temporal": node.type.temporal,
            "inputs": list(node.inputs),
            **_kernel_choice(graph, node),
            **_kernel(node.name, program),
        }
        for node in graph.nodes
    ]


def _kernel_choice(graph: Graph, node: Node) -> dict[str, Any]:
    """What passes chose for a layer: the variant of its kernel, the order of its weights."""
    variant = {"kernel": kernel_of(node)} if choosable(graph, node) else {}
    order = {"order": node.op.order} if isinstance(node.op, IntegerSynapse) else {}
    return {**variant, **order}


def _kernel(node: str, program: Program) -> dict[str, Any]:
    """The C function that computes a node, and the block of channels that its weights come in."""
    if node not in program.kernels:
        return {}
    shape = program.shapes.get(f"{node}_shape")
    fields = dict(shape.fields) if shape else {}
    blocked = {"co_block": fields["co_block"]} if "co_block" in fields else {}
    return {"function": program.kernels[node], **blocked}


def _compile(
    folder: Path, compilation: Compilation, library: str, defines: list[str], march: str
) -> tuple[Memory, list[str]]:
    """Build the shared library; gives the sizes of its object files, and its levels."""
    source, interface = folder / f"{compilation.graph.name}.c", compilation.generated.interface
    with scratch_folder() as scratch:
        objects = compile_model(source, scratch, interface, march, defines)
        objects.link(folder / library, compile_sizes(folder, scratch, interface))
        models = objects.models.values()
        usages = [model.with_suffix(".su") for model in models]
        stack = max((_stack_bound(u.read_text()) for u in usages if u.exists()), default=None)
        flash = sum(map(object_size, models))
    return Memory.of(compilation.generated, flash, stack), list(objects.models)


def _stack_bound(usage: str) -> int:
    """No function of the generated code recurses, so all frames together bound the stack."""
    return sum(int(line.split("\t")[1]) for line in usage.splitlines())
