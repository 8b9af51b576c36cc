"""Generated C as C++17, several models in one translation unit, and another order of bytes."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snnc.compiler.codegen.c_program import Framing, Generated
from snnc.compiler.compilation import compile_graph
from snnc.compiler.frontend.torch_fx import import_module
from snnc.compiler.plan.input_buffer import Buffering
from tests.support.networks.lively import lively_network
from tests.support.places import C_PROGRAMS, INCLUDE

FAST = ("-O0", "-DSNN_KERNEL=static __attribute__((unused))", "-ffp-contract=off")
"""Kernels that are not inlined compile many times faster."""

C = ("-std=c99", *FAST)
CXX = ("-x", "c++", "-std=c++17", *FAST, "-Wall", "-Wextra", "-pedantic", "-Werror")


@cache
def generated(
    name: str,
    attention: str = "none",
    *,
    integer: bool = False,
    hidden: int = 8,
    **options: Any,
) -> Generated:
    """C of a small network; ``options`` are those of :func:`compile_graph`."""
    size, steps = (2, 8, 8), 4
    sizes = {"channels": (3, 33, 4), "hidden": hidden, "classes": 5}
    network = lively_network(attention, input_size=size, time_steps=steps, **sizes)
    graph = import_module(network, size, steps, name=name)
    frames = np.random.default_rng(0).poisson(0.3, (steps, *size)).astype(np.uint16)
    return compile_graph(
        graph,
        Framing(8, 8, 50_000, 1),
        calibration=[frames] if integer else None,
        **options,
    ).generated


MODELS = {
    "float": {},
    "float, one frame, threads": {"buffering": Buffering(frames=1), "threads": 3},
    "float, attention": {"attention": "asa1"},
    "int8": {"integer": True},
    "int8, attention, packed events": {
        "attention": "asa1",
        "buffering": Buffering(events=200),
        "integer": True,
    },
    "weights in literals": {"weights": "text", "hidden": 4200},
    "weights in a file": {"weights": "binary", "hidden": 4200},
}


def compile_with(compiler: str, flags: Sequence[str], folder: Path, *more: object) -> Path:
    """The program of tests/c/every_value.c, or of what ``more`` says; nothing may be said."""
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed on this machine")
    program = folder / compiler
    command = [compiler, *flags, f"-I{folder}", f"-I{INCLUDE}", *map(str, more)]
    done = subprocess.run(
        [*command, "-o", program], capture_output=True, text=True, check=False, cwd=folder
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return program


def said(program: Path, *before: str) -> list[str]:
    done = subprocess.run([*before, program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def observing(model: Generated) -> list[str]:
    sizes = [f"-DSCORE={model.interface.score_type}", f"-DVALUES={len(model.traces)}"]
    return [*sizes, "-DSNN_OBSERVE"]


@pytest.mark.parametrize("name", MODELS)
def test_it_is_c_plus_plus_too(name, tmp_path):
    """The program as C and, by both compilers, as C++ prints the same digests of all values."""
    model = generated("model", **MODELS[name])
    model.write(tmp_path)
    sources = [tmp_path / "model.c", C_PROGRAMS / "every_value.c"]
    macros = observing(model)
    expected = said(compile_with("gcc", [*C, *macros], tmp_path, *sources))
    for compiler in ("g++", "clang++"):
        assert said(compile_with(compiler, [*CXX, *macros], tmp_path, *sources)) == expected


BOTH = """
#include <stdio.h>
#include "{a}.c"
#include "{b}.c"

static unsigned char memory_a[{A}_ARENA_BYTES] SNN_ALIGNED, memory_b[{B}_ARENA_BYTES] SNN_ALIGNED;

int main(void) {{
    {a}_net a;
    {b}_net b;
    {sa} first[{A}_NUM_CLASSES];
    {sb} second[{B}_NUM_CLASSES];
    int status = {a}_init(&a, memory_a, sizeof memory_a) | {b}_init(&b, memory_b, sizeof memory_b);
    for (uint32_t i = 0; i < 120; i++) {{
        snn_event event;
        event.t_us = i * 1600u;
        event.x = (uint16_t)(i * 5u % 8u);
        event.y = (uint16_t)(i * 3u % 7u);
        event.polarity = (uint8_t)(i / 3u % 2u);
        status |= {a}_push_events(&a, &event, 1) | {b}_push_events(&b, &event, 1);
    }}
    status |= {a}_run(&a) | {b}_run(&b) | {a}_scores(&a, first) | {b}_scores(&b, second);
    for (int i = 0; i < {A}_NUM_CLASSES; i++) {{
        printf("%.9g %.9g\\n", (double)first[i], (double)second[i]);
    }}
    return status;
}}
"""


def test_two_models_in_one_translation_unit(tmp_path):
    """An integer and a float model that have the names of all layers in common."""
    first = generated("first", integer=True)
    second = generated("second", "asa1")
    alone = generated("first_alone", "asa1"), generated("second_alone", integer=True)
    for model in (first, second, *alone):
        model.write(tmp_path)
    columns = []
    for pair in ((first, second), (alone[1], alone[0])):
        names = [model.interface.name for model in pair]
        text = BOTH.format(
            a=names[0],
            b=names[1],
            A=names[0].upper(),
            B=names[1].upper(),
            sa=pair[0].interface.score_type,
            sb=pair[1].interface.score_type,
        )
        for language, flags in (("c", C), ("cpp", CXX)):
            source = tmp_path / f"both.{language}"
            source.write_text(text)
            compiler = "gcc" if language == "c" else "g++"
            columns.append(said(compile_with(compiler, flags, tmp_path, source)))
    assert all(column == columns[0] for column in columns)
    assert len(set(columns[0])) > 1


BIG = ("s390x-linux-gnu-gcc", "qemu-s390x")


@pytest.mark.parametrize("integer", [False, True])
def test_another_order_of_bytes_gives_the_same_scores(integer, tmp_path):
    """Digests are of bytes and differ; the scores are numbers and do not."""
    if missing := [tool for tool in BIG if shutil.which(tool) is None]:
        pytest.skip(f"{' and '.join(missing)} not installed: gcc-s390x-linux-gnu, qemu-user")
    model = generated("model", integer=integer)
    model.write(tmp_path)
    sources = [tmp_path / "model.c", C_PROGRAMS / "every_value.c"]
    flags = [*C, *observing(model)]
    here = said(compile_with("gcc", flags, tmp_path, *sources))
    there = said(compile_with(BIG[0], [*flags, "-static"], tmp_path, *sources), BIG[1])
    assert [s for s in there if "status" in s] == [s for s in here if "status" in s]


def test_packed_weights_refuse_another_order_of_bytes(tmp_path):
    if shutil.which(BIG[0]) is None:
        pytest.skip(f"{BIG[0]} not installed: gcc-s390x-linux-gnu")
    generated("model", weights="text", hidden=4200).write(tmp_path)
    command = [BIG[0], *C, "-fsyntax-only", f"-I{tmp_path}", f"-I{INCLUDE}", tmp_path / "model.c"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode
    assert "the weights are laid out for a little-endian processor" in done.stderr
