"""How much faster the C becomes with ``--threads``: the same windows, one core a thread."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from grid import TABLE, Case, prepare

from snnc.bench.contest import NAME, build
from snnc.bench.timing import Timing, time_in_turn
from snnc.compiler.compilation import Compilation, compile_graph
from snnc.compiler.frontend.torch_fx import import_module
from snnc.compiler.ir import layout
from snnc.compiler.plan.batches import MOST_STEPS

CASES = (TABLE[0], TABLE[1], TABLE[2], TABLE[3])
MOST = 4


def counts_of_threads() -> list[int]:
    """1, 2 and so on, up to the cores that this process may use and :data:`MOST`."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else os.cpu_count()
    return list(range(1, min(cores or 1, MOST) + 1))


def measured(rounds: int) -> list[dict[str, Any]]:
    """Median milliseconds of a window for each number of threads, float32 and int8, and whether
    all gave the same scores."""
    return [
        {
            "title": case.title,
            "density": case.density,
            "dtype": dtype,
            **_measured(case, dtype, rounds),
        }
        for case in CASES
        for dtype in ("f32", "int8")
    ]


def _measured(case: Case, dtype: str, rounds: int) -> dict[str, Any]:
    prepared = prepare(case)
    frames = prepared.frames
    graph = import_module(prepared.module, frames.shape[1:], len(frames), name=NAME)
    calibration = [frames] if dtype == "int8" else None
    with tempfile.TemporaryDirectory() as folder:
        runs, scores = {}, []
        for threads in counts_of_threads():
            made = compile_graph(graph, calibration=calibration, threads=threads, batch=MOST_STEPS)
            host = build(made, Path(folder) / str(threads))
            packed = _packed(made, frames)
            runs[str(threads)] = lambda host=host, packed=packed: host.classify(packed)
            scores.append(np.array(host.classify(packed)))
        timings = time_in_turn(runs, rounds)
    return {
        "ms": {threads: timing.median for threads, timing in timings.items()},
        "spread": {threads: _spread(timing) for threads, timing in timings.items()},
        "same_scores": all(np.array_equal(scores[0], others) for others in scores[1:]),
    }


def _packed(made: Compilation, frames: np.ndarray) -> np.ndarray:
    return layout.pack(made.graph["input"].type, frames).astype(np.uint16)


def _spread(timing: Timing) -> list[float]:
    return list(timing.spread)
