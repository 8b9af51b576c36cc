"""Instructions that CMSIS-NN executes for the layers of a model, one layer in a program of its own.

Sizes are those of the compiled graph. Inputs of 0 and 1 and int8 weights of -4, 0, 4 are random: a
quarter of their sums is exact in whatever way a release rounds, so that the values can be compared
with PyTorch's. A call includes scaling to int8; neurons and pooling are not part of it.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from snnc.atomic import scratch_folder
from snnc.bench.target import cmsis_nn, counting
from snnc.bench.target.cmsis_nn import Library
from snnc.compiler.deploy import firmware
from snnc.compiler.deploy.targets import Board, Target, board_for
from snnc.compiler.ir.graph import Array, Graph, Node
from snnc.compiler.ops import Conv2dI8, Conv2dMaps, LinearI8, MlpI8
from snnc.compiler.ops.base import as_op
from snnc.errors import BAD_OPTION, OVER_BUDGET, InternalError, SnncError

FIXED_POINT = (Conv2dMaps, MlpI8)
"""Attention's own layers: 32-bit maps, which CMSIS-NN has no kernel for."""

SCALE = 4
"""The programs divide sums by it (QUARTER_MULTIPLIER, QUARTER_SHIFT)."""

STACK_BYTES, CODE_BYTES, MARGIN_BYTES = 8192, 48 * 1024, 4096
MARKS = ("OUTSIDE", "CALL", "END")
PROGRAM_FLAGS = ("-std=c99", "-O2")


class NotExpressibleError(Exception):
    """CMSIS-NN cannot compute the layer; the message says why."""


@dataclass(frozen=True)
class Layer:
    """What a program is made of: a C file's name, macros, and int8 values in CMSIS-NN's order."""

    source: str
    sizes: dict[str, int]
    input: Array
    weights: Array
    expected: Array

    @property
    def scratch(self) -> int:
        """Bytes: two columns of int16 or four of int8, and a sum for each output channel."""
        column = self.weights.size // self.sizes["OUTPUT_C"]
        return 8 * (column + 8) + 4 * self.sizes["OUTPUT_C"]


def measure(graph: Graph, library: Library, target: Target, recordings: int) -> dict[str, Any]:
    """The ``cmsis_nn`` entry of ``snnc bench --target``.

    Args:
        graph: the compiled int8 graph.
        library: CMSIS-NN.
        target: an Arm Cortex-M.
        recordings: a layer's ``instructions`` are those of one call, for every step of so many.

    Raises:
        SnncError: BAD_OPTION for another target or where the library does not build,
            NO_C_COMPILER.
        InternalError: the values are not those of PyTorch.
    """
    require_cortex_m(target)
    layers, missing = [], []
    with scratch_folder() as name:
        folder = name
        bench = _Bench(folder, library, target)
        for node in graph.nodes:
            if not isinstance(node.op, (Conv2dI8, LinearI8, *FIXED_POINT)):
                continue
            try:
                call = bench.count(layer_of(graph, node), node.name)
            except NotExpressibleError as reason:
                missing.append({"name": node.name, "reason": str(reason)})
                continue
            calls = recordings * (graph.time_steps if node.type.temporal else 1)
            layers.append({"name": node.name, "instructions": call * calls, "call": call})
    return {
        "version": library.version,
        "flags": " ".join(cmsis_nn.FLAGS),
        "layers": layers,
        "not_expressible": missing,
        "total": sum(layer["instructions"] for layer in layers),
    }


def require_cortex_m(target: Target) -> None:
    """Raise SnncError (BAD_OPTION) for a core that CMSIS-NN is not for."""
    if target.family != "cortex_m":
        raise SnncError(
            BAD_OPTION,
            f"--cmsis-nn is for Arm Cortex-M, and {target.name} is none",
            hint="Leave it out, or choose another --target.",
        )


def layer_of(graph: Graph, node: Node) -> Layer:
    """The layer of a node of the compiled graph. Raises NotExpressibleError."""
    if isinstance(node.op, FIXED_POINT):
        raise NotExpressibleError("32-bit fixed point")
    shape = graph.params_of(node)["weight"].shape
    rng = np.random.default_rng(0)
    weights = (SCALE * rng.integers(-1, 2, shape)).astype(np.int8)
    (given,) = graph.input_types(node)
    x = rng.integers(0, 2, given.shape).astype(np.int8)
    if isinstance(node.op, LinearI8):
        sizes = {"INPUT_C": shape[1], "OUTPUT_C": shape[0]}
        sums = weights.astype(np.int64) @ x.reshape(-1).astype(np.int64)
        return Layer("fully_connected", sizes, x, weights, _saturated(sums))
    op = as_op(node, Conv2dI8)
    if op.groups != 1:
        raise NotExpressibleError(f"{op.groups} groups")
    top, left, bottom, right = op.padding
    padded = F.pad(torch.from_numpy(x)[None].double(), (left, right, top, bottom))
    stride, dilation = op.stride, op.dilation
    convolved = F.conv2d(padded, torch.from_numpy(weights).double(), None, stride, 0, dilation)[0]
    sizes = {"PADDING_H": top, "PADDING_W": left}
    for name, pair in (
        ("INPUT", given.shape[1:]),
        ("KERNEL", shape[2:]),
        ("OUTPUT", node.type.shape[1:]),
        ("STRIDE", stride),
        ("DILATION", dilation),
    ):
        sizes |= {f"{name}_H": pair[0], f"{name}_W": pair[1]}
    sizes |= {"INPUT_C": given.channels, "OUTPUT_C": shape[0]}
    expected = _saturated(convolved.numpy().transpose(1, 2, 0))
    return Layer("convolve", sizes, x.transpose(1, 2, 0), weights.transpose(0, 2, 3, 1), expected)


def _saturated(sums: Array) -> Array:
    values: Array = np.clip(sums // SCALE, -128, 127).astype(np.int8)
    return values


class _Bench:
    """A folder with the library built for a target, and programs that call it."""

    def __init__(self, folder: Path, library: Library, target: Target) -> None:
        self.folder, self.library, self.target = folder, library, target
        self.plugin = counting.plugin(folder)
        with as_file(files("snnc") / "runtime_c" / "targets") as sources:
            self.programs = folder / "programs"
            shutil.copytree(sources / "cmsis_nn", self.programs)
            for name in ("mark.c", "mark.h"):
                shutil.copy(sources / "bench" / name, self.programs)
            self.standard = folder / "standard"  # headers of a C library that may be missing
            self.standard.mkdir()
            shutil.copy(self.programs / "math.h", self.standard)
            shutil.copy(sources / "common" / "string.h", self.standard)
        marks = [f"#define MARK_{name} {i}" for i, name in enumerate(MARKS)]
        marks.append(f"#define MARKS {len(MARKS)}\n")
        (self.programs / "marks.h").write_text("\n".join(marks))
        self.archive = cmsis_nn.archive(library, target, folder, (self.standard,))

    def count(self, layer: Layer, name: str) -> int:
        """Instructions of one call, from before its arguments to its return."""
        folder = self.folder / name
        folder.mkdir()
        board = self._board(layer)
        budget = firmware.Budget(board.flash[1], board.ram[1], STACK_BYTES)
        firmware.write_board(folder, self.target, board, budget)
        _write_layer(folder, layer)
        elf = self._build(folder, layer.source)
        out = folder / "counts"
        argument = counting.plugin_argument(self.plugin, elf, self.target, len(MARKS), out)
        said = _emulated(board, elf, argument)
        if said == "REFUSED":
            raise NotExpressibleError("the library returned an error")
        if said != "PASS":
            raise InternalError(f"CMSIS-NN on the board said: {said}", where=name)
        return counting.take_sums(out)[MARKS.index("CALL")].instructions

    def _board(self, layer: Layer) -> Board:
        flash = layer.input.size + layer.weights.size + layer.expected.size + CODE_BYTES
        per_channel = 12 * layer.sizes["OUTPUT_C"]
        ram = layer.expected.size + layer.scratch + per_channel + STACK_BYTES + MARGIN_BYTES
        try:
            return board_for(self.target, flash, ram)
        except SnncError as error:
            if error.code is not OVER_BUDGET:
                raise
            raise NotExpressibleError(error.what) from error

    def _build(self, folder: Path, source: str) -> Path:
        """The program of a layer. Freestanding like the model's own, but for the library."""
        places = (folder, folder / "board", self.programs, *self.library.includes, self.standard)
        command = [
            *(f"{self.target.prefix}gcc", *self.target.flags, *PROGRAM_FLAGS),
            *("-ffreestanding", "-fno-tree-loop-distribute-patterns", "-w"),
            *("-nostdlib", "-nostartfiles", "-Wl,--gc-sections", "-Wl,-T,board/board.ld"),
            *(f"-I{place}" for place in places),
            *(str(self.programs / f"{name}.c") for name in ("main", "mark", source)),
            *(f"board/{name}.c" for name in ("startup", "semihosting", "memory")),
            *("data.S", str(self.archive), "-lgcc", "-o", "layer.elf"),
        ]
        cmsis_nn.run(self.library, command, folder)
        return folder / "layer.elf"


def _write_layer(folder: Path, layer: Layer) -> None:
    """layer.h with the sizes, and data.S with the values."""
    sizes = {**layer.sizes, "OUTPUT_BYTES": layer.expected.size, "SCRATCH_BYTES": layer.scratch}
    text = "".join(f"#define {name} {value}\n" for name, value in sizes.items())
    (folder / "layer.h").write_text(text)
    lines = [".section .rodata"]
    for name in ("input", "weights", "expected"):
        getattr(layer, name).tofile(folder / f"{name}.bin")
        label = f"layer_{name}"
        lines += [".balign 4", f".global {label}", f"{label}:", f'.incbin "{name}.bin"']
    (folder / "data.S").write_text("\n".join(lines) + "\n")


def _emulated(board: Board, elf: Path, plugin: str) -> str:
    command = [
        *(board.emulator, *board.machine, "-kernel", str(elf), "-plugin", plugin),
        *("-nographic", "-serial", "null", "-monitor", "none"),
        *("-semihosting-config", "enable=on,target=native"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stderr + done.stdout).strip()
