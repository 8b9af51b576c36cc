"""Generated C as code: clean under strict compilers and sanitizers, re-entrant, without state."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections import OrderedDict
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from snnc.compiler.calibrate.ranges import calibrate
from snnc.compiler.codegen.c_program import Framing, Generated
from snnc.compiler.frontend.torch_fx import import_module
from snnc.compiler.ir import layout
from snnc.compiler.ir.graph import Graph, Kind, fires
from snnc.compiler.ops import OPS, Sample
from snnc.compiler.ops.int8.fixed import IntegerOp
from snnc.compiler.ops.int8.synapses.rows import LISTED
from snnc.compiler.passes import pipeline
from snnc.compiler.verify import reference
from snnc.models.attention import ASA1, TCSA
from snnc.models.networks import OverTime, TimeMean, Vote
from snnc.models.neurons import LIF, PLIF, DecayLIF
from tests.support.networks.firing import SIZES, firing_network, frames_for
from tests.support.places import C_PROGRAMS, INCLUDE
from tests.support.samples.graphs import (
    all_values,
    as_tensors,
    assert_within_bounds,
    c_of,
    observed,
    samples_graph,
)

STRICT = (
    *("-std=c99", "-ffp-contract=off", "-Werror", "-Wall", "-Wextra", "-pedantic"),
    *("-Wconversion", "-Wdouble-promotion", "-Wshadow", "-Wundef"),
    *("-Wstrict-prototypes", "-Wmissing-prototypes"),
)
NATIVE = ("-march=native", "-O1")
BUILDS = {
    "native": NATIVE,
    "observed": (*NATIVE, "-DSNN_INSTRUMENT", "-DSNN_TRACE"),
    # the front end alone: what is inlined here grows large (test_kernels_builds.py runs it)
    "avx2": ("-mavx2", "-DSNN_VEC_AVX2", "-fsyntax-only"),
    "sse2": ("-fsyntax-only",),
    "portable": ("-DSNN_VEC_PORTABLE", "-fsyntax-only"),
}
SANITIZE = ("-std=c11", "-ffp-contract=off", "-fsanitize=address,undefined")
SANITIZE += ("-fno-sanitize-recover=all",)
SHAPE, STEPS = (2, 9, 12), 4


class Everything(nn.Module):
    """A network with attention, residual sums, pools of both kinds and every neuron."""

    def __init__(self) -> None:
        super().__init__()
        self.first = over_time(conv=nn.Conv2d(2, 5, 3, padding=1), norm=nn.BatchNorm2d(5))
        self.asa = ASA1(STEPS)
        self.lif = LIF(0.05)
        self.soft = LIF(0.04, v_reset=None)
        self.second = over_time(conv=nn.Conv2d(5, 5, 3, padding="same", groups=5, bias=False))
        self.max = over_time(pool=nn.MaxPool2d(2, 2, 1))
        self.third = over_time(conv=nn.Conv2d(5, 33, (2, 3), (1, 2), bias=False))
        self.tcsa = TCSA(STEPS, 33)
        self.norm = over_time(norm=nn.BatchNorm2d(33), gate=nn.Sigmoid())
        self.plif = PLIF(2.5, 0.2)
        self.avg = over_time(pool=nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False))
        self.flat = over_time(flatten=nn.Flatten())
        self.fc = over_time(linear=nn.Linear(33 * 2 * 3, 6))
        self.last = DecayLIF(3.0, 0.1, v_reset=0.02)
        self.mean, self.vote = TimeMean(), Vote(2)

    def forward(self, x):
        x = self.lif(self.asa(self.first(x)))
        x = x + self.soft(self.second(x))  # counts 0, 1, 2
        x = self.third(self.max(x))
        x = self.plif(self.norm(self.tcsa(x)))
        x = self.flat(self.avg(x))
        x = self.fc(x.relu() + torch.relu(x))
        return self.vote(self.mean(self.last(x)))


class Stream(nn.Module):
    """A network that can go step by step."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = over_time(conv=nn.Conv2d(2, 6, 3, stride=2), norm=nn.BatchNorm2d(6))
        self.lif = LIF(0.1, v_reset=-0.05)
        self.fc = over_time(pool=nn.AvgPool2d(2), flatten=nn.Flatten(), linear=nn.Linear(24, 4))
        self.out, self.mean = LIF(0.02), TimeMean()

    def forward(self, x):
        return self.mean(self.out(self.fc(self.lif(self.conv(x)))))


def over_time(**layers: nn.Module) -> OverTime:
    return OverTime(OrderedDict(layers))


def graph_of(network: type[nn.Module]) -> Graph:
    """A network with the statistics of its own input, so that every layer fires."""
    with torch.random.fork_rng():
        torch.manual_seed(4)
        model = network()
        with torch.no_grad():
            model.train()(torch.poisson(torch.ones(STEPS, 3, *SHAPE)))
    return pipeline.optimised(import_module(model, SHAPE, STEPS))


def quantized() -> Graph:
    """A network of integers, with attention."""
    name = "three-layer-narrow"
    graph = pipeline.optimised(import_module(firing_network(name, "asa1"), *SIZES[name]))
    return pipeline.quantized(graph, calibrate(graph, [frames_for(name).numpy()]), LISTED)


def sampled(integer: bool) -> Graph:
    """No network: a sample of every float or integer op on every kind of input, of values that
    nobody sets."""
    chosen: dict[object, Sample] = {}
    steps = next(iter(OPS["mlp"].samples())).time_steps
    for name, op in OPS.items():
        if issubclass(op, IntegerOp) is integer:
            # Some ops say how many steps there are: theirs of so many come first.
            for sample in sorted(op.samples(), key=lambda sample: sample.time_steps != steps):
                kinds = (given.kind for given in sample.inputs)
                chosen.setdefault((name, *kinds, getattr(sample.op, "over", None)), sample)
    return samples_graph("model", list(chosen.values()), steps).graph


GRAPHS = {
    "everything": lambda: graph_of(Everything),
    "stream": lambda: graph_of(Stream),
    "quantized": quantized,
    "float samples": lambda: sampled(integer=False),
    "integer samples": lambda: sampled(integer=True),
}


@cache
def compiled(name: str) -> tuple[Graph, Generated]:
    """One of the graphs with its C; images take events of a sensor of twice their size."""
    graph = GRAPHS[name]()
    framing = None
    if len(graph["input"].type.shape) == 3:
        _, height, width = graph["input"].type.shape
        framing = Framing(2 * height, 2 * width, dt_us=500, downsample=2)
    return graph, c_of(graph, framing)


def written(name: str, folder: Path) -> Path:
    """The C files of a graph in a folder; returns the one to compile."""
    for file, text in compiled(name)[1].files.items():
        (folder / file).write_text(text, encoding="utf-8")
    return folder / "model.c"


def compile_c(compiler: str, flags: Sequence[str], *sources: Path, target: Path) -> str:
    """What the compiler says; it must succeed."""
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed on this machine")
    includes = [f"-I{sources[0].parent}", f"-I{INCLUDE}"]
    command = [compiler, *flags, *includes, *map(str, sources), "-o", str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_the_samples_are_of_every_op():
    names = ("float samples", "integer samples")
    assert {node.op.name for name in names for node in compiled(name)[0]} == set(OPS)


@pytest.mark.parametrize("build", BUILDS)
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("name", GRAPHS)
def test_strict_compilers_have_nothing_to_say(name, compiler, build, tmp_path):
    flags = [*STRICT, *BUILDS[build], "-c"]
    if compiler == "clang":
        flags.append("-fsyntax-only")  # all of its warnings come from the front end
    source = written(name, tmp_path)
    for file in (source, tmp_path / "example.c"):
        assert compile_c(compiler, flags, file, target=tmp_path / "model.o") == ""


FUNCTIONS = {"init", "reset", "start", "push_events", "push_frames", "run", "scores"}


@pytest.mark.parametrize("build", ["native", "observed"])
@pytest.mark.parametrize(
    ("name", "functions"),
    [
        ("everything", FUNCTIONS),
        ("stream", FUNCTIONS | {"step"}),
        ("quantized", FUNCTIONS),
    ],
)
def test_object_holds_functions_and_constants_only(name, functions, build, tmp_path):
    target = tmp_path / "model.o"
    source = written(name, tmp_path)
    compile_c("gcc", [*BUILDS[build], "-fPIC", "-c"], source, target=target)
    listed = subprocess.run(["nm", target], capture_output=True, text=True, check=True).stdout
    symbols = re.findall(r"^(?:[0-9a-f]+)?\s+(\w) (\S+)$", listed, re.MULTILINE)
    assert {kind for kind, _ in symbols} <= set("TtrRU")
    assert {name for kind, name in symbols if kind == "T"} == {f"model_{f}" for f in functions}
    needed = {name for kind, name in symbols if kind == "U"} - {"_GLOBAL_OFFSET_TABLE_"}
    assert needed <= {"memcpy", "memset"}
    sections = subprocess.run(["size", "-A", target], capture_output=True, text=True, check=True)
    sizes = dict(re.findall(r"^(\.(?:data|bss)\S*)\s+(\d+)", sections.stdout, re.MULTILINE))
    assert {name: int(size) for name, size in sizes.items()} == {".data": 0, ".bss": 0}


def random_frames(values: int) -> np.ndarray:
    """The frames that exercise_model.c makes for itself, in memory order."""
    state, frames = 1, []
    for _ in range(values):
        state = (state * 1664525 + 1013904223) % 2**32
        frames.append((state >> 8) % 3)
    return np.array(frames, np.uint16)


@cache
def scores_of(name: str) -> list[float]:
    """Class scores by the shared library, which computes what the graph says."""
    graph, generated = compiled(name)
    given = graph["input"].type
    frames = random_frames(graph.time_steps * given.size).reshape(graph.time_steps, -1)
    x = layout.unpack(given.of(Kind.COUNT), frames)
    run = observed(graph, generated=generated).run(x, observe=all_values(graph))
    own = as_tensors(run.values)
    if name == "quantized":
        values = reference.run(
            graph, {"input": torch.from_numpy(x.astype(np.int64))}, dtype=torch.int64
        )
        assert all(torch.equal(own[node], value.double()) for node, value in values.items())
    else:
        assert_within_bounds(graph, {"input": torch.from_numpy(x.astype(float))}, own)
    assert all(0 < own[n.name].mean() < 1 for n in graph.nodes if fires(n))
    return run.scores.tolist()


@pytest.mark.parametrize(
    ("name", "compiler", "flags"),
    [
        pytest.param("everything", "gcc", BUILDS["native"], id="everything-native"),
        # vector loads of a part of a row are out of the sanitizers' sight, plain C is not
        pytest.param("stream", "clang", ("-DSNN_VEC_PORTABLE", "-O0"), id="stream-portable"),
        pytest.param("quantized", "gcc", ("-O1", "-DSCORE=int32_t"), id="quantized"),
    ],
)
def test_every_call_is_clean_under_sanitizers(name, compiler, flags, tmp_path):
    """Wrong calls get their status, right ones the scores of the shared library, bit for bit."""
    program = tmp_path / "exercise"
    sources = written(name, tmp_path), C_PROGRAMS / "exercise_model.c"
    compile_c(compiler, [*SANITIZE, *flags], *sources, target=program)
    environment = os.environ | {"ASAN_OPTIONS": "detect_leaks=0"}
    done = subprocess.run(
        [program], capture_output=True, text=True, check=False, env=environment, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert [float.fromhex(line) for line in done.stdout.split()] == scores_of(name)
