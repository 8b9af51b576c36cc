"""Processors whose ``int`` has 16 bits: every value of every kernel equals the host's.

The same program runs on this machine and on an emulated ATmega1284P (4 KB of constants and 5 KB of
arena fit its 16 KB of RAM), and both print digests of all values.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from snnc.compiler.codegen.c_program import Framing, Generated
from snnc.compiler.compilation import Compilation, compile_graph
from snnc.compiler.frontend.torch_fx import import_module
from snnc.compiler.ops import OPS, Sample
from snnc.compiler.ops.int8.fixed import IntegerOp
from snnc.compiler.plan.input_buffer import WINDOW, Buffering
from tests.support.networks.lively import lively_network
from tests.support.places import C_PROGRAMS, INCLUDE
from tests.support.samples.graphs import SampleGraph, c_of, samples_graph

PROGRAM = C_PROGRAMS / "every_value.c"
COMMON = ("-std=gnu99", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror", "-DSNN_OBSERVE")
HOST = ("gcc", "-O1")
AVR = ("avr-gcc", "-mmcu=atmega1284p", "-Os")
RAM = 12_000
"""Bytes of arena and constants that leave room for the program's own."""

KINDS = ("snn_word", "uint16_t", "int16_t", "int32_t", "float")
"""C types of operands, as every_value.c numbers them."""


def need_avr() -> None:
    if missing := [tool for tool in ("avr-gcc", "simavr") if shutil.which(tool) is None]:
        pytest.skip(f"{' and '.join(missing)} not installed: run `make firmware-tools`")


def model(attention: str, buffering: Buffering = WINDOW, *, integer: bool, **hyper) -> Compilation:
    """A network for a sensor of 8x8 pixels."""
    size, steps = (2, 8, 8), 4
    sizes = {"channels": (3, 33, 4), "hidden": 8, "classes": 5} | hyper
    network = lively_network(attention, input_size=size, time_steps=steps, **sizes)
    graph = import_module(network, size, steps, name="model")
    frames = np.random.default_rng(0).poisson(0.3, (steps, *size)).astype(np.uint16)
    calibration = [frames] if integer else None
    framing = Framing(8, 8, 50_000, 1)
    return compile_graph(graph, framing, calibration=calibration, buffering=buffering)


MODELS = {
    "int8": lambda: model("none", Buffering(frames=1), integer=True),
    "int8 with attention": lambda: model(
        "asa1", Buffering(events=200), integer=True, channels=(3, 9, 4)
    ),
    "float": lambda: model("none", Buffering(frames=2), integer=False, channels=(3, 4, 4)),
}


def build(generated: Generated, folder: Path, command: Iterable[str], operands: str = "") -> Path:
    """The program of a model for one processor."""
    generated.write(folder)
    program = folder / "program"
    macros = [f"-DSCORE={generated.interface.score_type}", f"-DVALUES={len(generated.traces)}"]
    macros += [f"-DOPERANDS={operands}"] if operands else []
    includes = [f"-I{folder}", f"-I{INCLUDE}"]
    sources = [folder / "model.c", PROGRAM]
    command = [*command, *COMMON, *macros, *includes, *sources, "-o", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return program


def printed(generated: Generated, folder: Path, operands: str = "") -> tuple[list[str], list[str]]:
    """What the program prints on this machine and on the AVR."""
    host = build(generated, folder, HOST, operands)
    said = subprocess.run([host], capture_output=True, text=True, check=True).stdout
    board = build(generated, folder, AVR, operands)
    command = ["simavr", "-m", "atmega1284p", "-f", "16000000", board]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    # simavr shows each line of the serial port in colour, its end as a full stop
    lines = re.findall(r"\x1b\[32m(.*)\.$", done.stdout + done.stderr, re.MULTILINE)
    return said.splitlines(), lines


@pytest.mark.parametrize("name", MODELS)
def test_networks_equal_the_host(name, tmp_path):
    need_avr()
    host, board = printed(MODELS[name]().generated, tmp_path)
    assert board == host
    assert board[-1] == "end 0"
    assert len({line.split()[-1] for line in board}) > len(board) / 2  # values differ


def chosen_samples() -> Iterator[Sample]:
    """A sample of every op on every kind of input: of those that fit, the one with most channels,
    since a pixel of more than 16 channels needs more bits than an int has."""
    best: dict[object, Sample] = {}
    for name, op in OPS.items():
        for sample in op.samples():
            kind = (
                name,
                *(given.kind for given in sample.inputs),
                getattr(sample.op, "over", None),
            )
            wider = kind in best and channels(sample) > channels(best[kind])
            if kind not in best or (wider and channels(sample) <= 40 and weight(sample) < RAM / 2):
                best[kind] = sample
    yield from best.values()


def channels(sample: Sample) -> int:
    return max((given.channels for given in sample.inputs), default=0)


def weight(sample: Sample) -> int:
    """About how many bytes it needs."""
    constants = sum(array.size for array in sample.params.values())
    return 4 * (constants + 4 * sum(given.size for given in sample.inputs))


def fitting(samples: list[Sample]) -> Iterator[tuple[SampleGraph, Generated]]:
    """The samples in as few graphs as fit the chip."""
    held: list[Sample] = []
    last = None
    for sample in samples:
        graph = samples_graph("model", [*held, sample], sample.time_steps)
        generated = c_of(graph.graph)
        if last is not None and generated.plan.size + generated.constant_bytes > RAM:
            yield last
            held = []
            graph = samples_graph("model", [sample], sample.time_steps)
            generated = c_of(graph.graph)
        held.append(sample)
        last = graph, generated
    if last is not None:
        yield last


@pytest.mark.parametrize("integer", [False, True], ids=["float", "integer"])
def test_every_op_equals_the_host(integer, tmp_path):
    need_avr()
    samples = [s for s in chosen_samples() if isinstance(s.op, IntegerOp) is integer]
    compared = set()
    for steps in sorted({sample.time_steps for sample in samples}):
        group = [s for s in samples if s.time_steps == steps]
        for number, (cases, generated) in enumerate(fitting(group)):
            folder = tmp_path / f"{steps}_{number}"
            folder.mkdir()
            host, board = printed(generated, folder, operands_of(cases, generated))
            differ = [a for a, b in zip(host, board, strict=True) if a != b]
            names = [generated.traces[int(line.split()[1])].node for line in differ]
            assert names == [], (folder, differ)
            assert board[-1] == "end 0"
            compared |= {node.op.name for node in cases.graph}
    assert compared >= {sample.op.name for sample in samples}


def operands_of(cases: SampleGraph, generated: Generated) -> str:
    """The initialisers of every_value.c's table."""
    entries = {trace.node: i for i, trace in enumerate(generated.traces) if trace.what == "value"}
    rows = []
    for node in cases.graph.nodes:
        if node.op.name == "input" and node.name != "input":
            kind = KINDS.index(generated.traces[entries[node.name]].c_type)
            rows.append(f"{{{entries[node.name]}, {kind}, {node.type.channels}}}")
    return ", ".join(rows)


def refused(generated: Generated, folder: Path) -> str:
    """The first thing that avr-gcc says about a model that it cannot compile."""
    generated.write(folder)
    command = [*AVR, *COMMON, "-fsyntax-only", f"-I{folder}", f"-I{INCLUDE}", folder / "model.c"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode
    return next(line for line in done.stderr.splitlines() if "error" in line)


def test_a_model_that_is_too_large_says_so(tmp_path):
    need_avr()
    sample = next(s for s in chosen_samples() if s.op.name == "neuron")
    large = replace(sample.inputs[0], shape=(4, 60, 70))
    cases = samples_graph("model", [replace(sample, inputs=(large,))], 1)
    generated = c_of(cases.graph)
    said = refused(generated, tmp_path)
    assert f"model needs an object of {generated.plan.size:,} bytes, more than this" in said


def test_a_model_that_counts_too_far_says_so(tmp_path):
    need_avr()
    (sample,) = [s for s in chosen_samples() if s.op.name == "relu"]
    cases = samples_graph("model", [sample], 40_000)
    nodes = (n.with_op(frames=1) if n.op.name == "input" else n for n in cases.graph)
    buffered = cases.graph.replace(nodes=tuple(nodes))
    generated = c_of(buffered)
    assert generated.plan.size < 2**15
    assert "model counts to 40,000, more than an int" in refused(generated, tmp_path)
