"""Calls of the C in random order, with an account of what each must answer, under sanitizers."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from snnc.compiler.host.build import write_team
from snnc.compiler.plan.input_buffer import WINDOW, Buffering
from tests.compiler.codegen.test_cplusplus import compile_with, generated
from tests.support.places import C_PROGRAMS

FLAGS = ("-std=c11", "-O1", "-g", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror")
FLAGS += ("-DSNN_KERNEL=static __attribute__((unused))", "-fno-sanitize-recover=all")
MEMORY, RACES = "-fsanitize=address,undefined", "-fsanitize=thread"
MODELS = {
    "float, window": {},
    "float, frame by frame": {"buffering": Buffering(frames=1)},
    "float, attention": {"attention": "asa1"},
    "int8, ring that drops": {"buffering": Buffering(frames=2), "integer": True},
    "int8, ring that carries": {"buffering": Buffering(frames=2, carry=True), "integer": True},
    "int8, packed": {"buffering": Buffering(events=400), "integer": True},
    "int8, packed, attention": {
        "attention": "asa1",
        "buffering": Buffering(events=400),
        "integer": True,
    },
    "float, threads": {"threads": 3},
}
ALWAYS = {0, -1, -2, -3, -4, -5, -6, -7}
"""Statuses that every model must have given."""


def exercised(name: str, folder: Path, sanitizer: Sequence[str], rounds: int) -> dict[int, int]:
    """How often each status was due, and given, in so many calls."""
    choice = MODELS[name]
    model = generated("model", **choice)
    model.write(folder)
    macros = [f"-DSCORE={model.interface.score_type}"]
    macros += [f"-DCARRY={int(choice.get('buffering', WINDOW).carry)}"]
    sources = [folder / "model.c", C_PROGRAMS / "hostile_calls.c"]
    if threads := choice.get("threads"):
        macros.append(f"-DTEAM={threads}")
        sources += [write_team(folder), "-pthread"]
    program = compile_with("clang", [*FLAGS, *sanitizer, *macros], folder, *sources)
    done = subprocess.run(
        [program, str(rounds), "7"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"ASAN_OPTIONS": "detect_leaks=0"},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stderr == ""
    return {int(a): int(b) for a, b in (line.split() for line in done.stdout.splitlines())}


@pytest.mark.parametrize("name", MODELS)
def test_every_call_answers_what_is_due(name, tmp_path):
    answered = exercised(name, tmp_path, [MEMORY], 3000)
    due = ALWAYS | ({-9} if "packed" in name else set()) | ({-8} if "int8" in name else set())
    assert {status for status, times in answered.items() if times} >= due


def test_threads_race_for_nothing(tmp_path):
    answered = exercised("float, threads", tmp_path, [RACES], 400)
    assert answered[0] > 100


def test_a_wrong_answer_is_found(tmp_path):
    """A model that accepts events of a pixel beside the sensor."""
    model = generated("model")
    model.write(tmp_path)
    source = tmp_path / "model.c"
    text = source.read_text()
    broken = text.replace("net->step >= MODEL_TIME_STEPS", "net->step > MODEL_TIME_STEPS")
    assert broken != text
    source.write_text(broken)
    macros = [f"-DSCORE={model.interface.score_type}", "-DCARRY=0"]
    sources = [source, C_PROGRAMS / "hostile_calls.c"]
    program = compile_with("clang", [*FLAGS, *macros], tmp_path, *sources)
    done = subprocess.run([program, "3000"], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "where -7 is due" in done.stderr
