"""Builds the libFuzzer harness of tests/c/fuzz_model.c around small models, and runs it.

``python -m tests.fuzzing --seconds 600`` shares the time among the models.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from snnc.compiler.codegen.c_program import Framing
from snnc.compiler.compilation import Compilation, compile_graph
from snnc.compiler.frontend.torch_fx import import_module
from snnc.compiler.plan.input_buffer import WINDOW, Buffering
from tests.support.networks.lively import lively_network
from tests.support.places import ROOT

SIZE, STEPS, STEP_US = 10, 4, 1000

FLAGS = (
    *("-std=c11", "-O1", "-g", "-ffp-contract=off", "-DSNN_VEC_PORTABLE"),
    "-DSNN_KERNEL=static __attribute__((unused))",
    *("-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all"),
)
"""Kernels that are not inlined compile fast; the calls and the memory they touch are the same."""


def _model(attention: str, buffering: Buffering, *, integer: bool) -> Compilation:
    network = lively_network(
        attention, input_size=(2, SIZE, SIZE), channels=(4, 4, 4), hidden=8, time_steps=STEPS
    )
    graph = import_module(network, (2, SIZE, SIZE), STEPS, name="model")
    frames = np.random.default_rng(0).poisson(0.5, (STEPS, 2, SIZE, SIZE)).astype(np.uint16)
    framing = Framing(SIZE, SIZE, STEP_US, 1)
    calibration = [frames] if integer else None
    return compile_graph(graph, framing, calibration=calibration, buffering=buffering)


MODELS: dict[str, Callable[[], Compilation]] = {
    "window-f32": lambda: _model("none", WINDOW, integer=False),
    "ring-i8": lambda: _model("none", Buffering(frames=2, carry=True), integer=True),
    "events-i8": lambda: _model("asa1", Buffering(events=300), integer=True),
}
"""Every way to hold events, both number formats, with and without attention."""


@dataclass(frozen=True)
class Fuzzed:
    """Whether no input broke the model, how many were tried, and what libFuzzer said."""

    clean: bool
    executions: int
    output: str


def missing() -> str:
    """What is not here to fuzz with; empty where all is."""
    if shutil.which("clang") is None:
        return "clang is not installed (Debian: apt-get install clang libclang-rt-14-dev)"
    return ""


def build(name: str, folder: Path) -> Path:
    """The fuzzer of one of :data:`MODELS`."""
    compilation = MODELS[name]()
    for file, text in compilation.generated.files.items():
        (folder / file).write_text(text, encoding="utf-8")
    program = folder / "fuzz"
    score = compilation.generated.interface.score_type
    sources = [folder / "model.c", ROOT / "tests" / "c" / "fuzz_model.c"]
    includes = [f"-I{folder}", f"-I{ROOT / 'runtime_c' / 'include'}"]
    command = ["clang", *FLAGS, f"-DSCORE={score}", *includes, *sources, "-o", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return program


def run(program: Path, *, seconds: int | None = None, executions: int | None = None) -> Fuzzed:
    """Fuzz for a time, or for a number of inputs (seeded, so always the same ones)."""
    limits = [f"-max_total_time={seconds}"] if seconds else [f"-runs={executions}", "-seed=1"]
    corpus = program.parent / "corpus"
    corpus.mkdir(exist_ok=True)
    (corpus / "whole").write_bytes(bytes([0, 0, 2, 3, *range(30), 6, 7]))
    command = [program, *limits, "-max_len=600", "-timeout=30", corpus]
    environment = os.environ | {"ASAN_OPTIONS": "detect_leaks=0"}
    done = subprocess.run(
        command, cwd=program.parent, capture_output=True, text=True, check=False, env=environment
    )
    found = re.search(r"Done (\d+) runs", done.stderr)
    return Fuzzed(done.returncode == 0, int(found[1]) if found else 0, done.stderr)


def main() -> int:
    """Fuzz every model; exit status 1 where an input broke one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=600)
    seconds = parser.parse_args().seconds // len(MODELS)
    if absent := missing():
        print(absent, file=sys.stderr)
        return 2
    clean = True
    for name in MODELS:
        with tempfile.TemporaryDirectory() as folder:
            result = run(build(name, Path(folder)), seconds=seconds)
        clean &= result.clean
        verdict = "clean" if result.clean else "BROKEN"
        print(f"{name}: {verdict}, {result.executions:,} executions in {seconds} s", flush=True)
        if not result.clean:
            print(result.output, file=sys.stderr)
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main())
