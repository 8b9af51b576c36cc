"""Measure everything that docs/performance.md says, in one process on one core, and write it.

``make bench`` runs all of it in about a quarter of an hour; ``--only table`` and so on one part,
with the others as they were measured last on a machine with these vectors
(benchmarks/results-avx512.json, say, for docs/performance.md). A peer that is missing or
takes too long to be built is named as such; growth, the last part, stops when the time is up and
names what it left out. ``--only weights`` (how large constants are best written) is asked for only.

Peers of other projects: ``pip install --target build/peers -r
benchmarks/performance/peers.txt``, and PYTHONPATH=build/peers for the run.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np
import performance_page
import qualia
import redundancy
import threads
import torch
from grid import GROWTH, TABLE, Case, Prepared, chosen_kernels, prepare
from torch import nn

from snnc.bench.contest import Rules, compiled, contest
from snnc.bench.fit import fitted
from snnc.bench.layer_peers import layer_ratios
from snnc.bench.peers import PEERS, Run, Unavailable
from snnc.bench.roofline import roofline
from snnc.bench.timing import machine, one_core
from snnc.compiler.calibrate import kernel_costs
from snnc.compiler.host.build import HOST_FLAGS, NATIVE
from snnc.compiler.host.levels import vector_unit
from snnc.compiler.host.toolchain import c_compiler
from snnc.compiler.passes.choose_kernels import CostModel, choosable, work_of
from snnc.compiler.program import constants
from snnc.models.checkpoints import InputDescription, save
from snnc.models.networks import build

BUNDLED = Path(__file__).parents[2] / "compiler" / "calibrate" / "kernel_costs.json"
SLOW = {
    "torch_compile": "takes minutes to compile",
    "qualia_codegen_c": "takes seconds a window",
}
LIMIT_S = 120.0
"""Most seconds for a peer to be built and run once."""
GROWTH_ROUNDS = 5
RECORDINGS = 10
"""Recordings of each bundled model that the changes of spikes are counted on."""
"""Peers that only the first row of the table measures: dense time does not depend on density."""
ALL_PEERS = {**PEERS, "qualia_codegen_c": qualia.codegen_c}
GROWTH_PEERS = {
    who: PEERS[who] for who in ("pytorch_eager", "onnxruntime_f32", "onnxruntime_int8_qdq")
}


def _left_out(_module: nn.Module, _x: torch.Tensor) -> Run:
    raise Unavailable("left out of this run")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=7, help="timed rounds of each contestant")
    choices = ["fit", "table", "compile", "redundancy", "threads", "growth", "weights", "page"]
    options.add_argument("--only", choices=choices, help="one part")
    options.add_argument(
        "--minutes", type=float, default=14.0, help="growth begins no new row after so many"
    )
    options.add_argument(
        "--without", default="", help="leave out these peers, say torch_compile,qualia_codegen_c"
    )
    options.add_argument("--json", metavar="FILE", help="write the results here too; - for stdout")
    given = options.parse_args()
    for name in filter(None, given.without.split(",")):
        ALL_PEERS[name] = _left_out
    vector = vector_unit(NATIVE)
    kept = Path(__file__).parent / f"results-{vector}.json"
    results: dict[str, Any] = json.loads(kept.read_text()) if kept.exists() else {}
    deadline = time.monotonic() + 60.0 * given.minutes
    parts: dict[str, Callable[[int], dict[str, Any]]] = {
        "fit": prices,
        "table": table,
        "compile": compile_cost,
        "redundancy": changes_of_spikes,
        "threads": speed_of_threads,
        "growth": partial(growth, deadline=deadline),
        "weights": weights_text,
    }
    for name, part in parts.items():
        if given.only == name or (given.only is None and name != "weights"):
            with nullcontext() if name == "threads" else one_core() as core:
                who = machine() | {"core": str(core)}
                results[name] = {"machine": who, "rounds": given.rounds} | part(given.rounds)
                results[name]["machine"]["load_after"] = machine()["load"]
            kept.write_text(json.dumps(results, indent=1) + "\n")
            performance_page.write(results, vector)
    performance_page.write(results, vector)
    if given.json == "-":
        json.dump(results, sys.stdout, indent=1)
    elif given.json:
        Path(given.json).write_text(json.dumps(results, indent=1) + "\n")


def prices(rounds: int) -> dict[str, Any]:
    """The prices of kernels on this machine, which come with the package."""
    say("fit: both kernels at several densities")
    prepared = prepare(Case("three-layer wide", "three-layer", 0.1, {"time_steps": 20}))
    found = fitted(prepared.module, prepared.frames, rounds)
    content = kernel_costs.as_json(found.model)
    BUNDLED.write_text(json.dumps(content, indent=2) + "\n")
    errors = {" ".join(key): error for key, error in found.errors.items()}
    return {
        "prices": content["prices"],
        "errors": errors,
        "layers": _crossovers(prepared, found.model),
    }


def _crossovers(prepared: Prepared, model: CostModel) -> dict[str, float | None]:
    graph = compiled(prepared.module, prepared.frames, None).graph
    crossings = {
        node.name: model.crossover(node.op.name, work_of(graph, node))
        for node in graph.nodes
        if choosable(graph, node)
    }
    return {name: None if math.isinf(value) else value for name, value in crossings.items()}


def table(rounds: int) -> dict[str, Any]:
    """The cases that have a goal, with every peer."""
    roof = roofline()
    rows = []
    for index, case in enumerate(TABLE):
        say(f"table: {case.title} at {case.density}")
        prepared = prepare(case)
        peers = {who: ALL_PEERS[who] for who in ALL_PEERS if who not in SLOW or index == 0}
        kernels = chosen_kernels(prepared, case.density)
        row = contest(
            prepared.module,
            [prepared.frames],
            Rules(rounds, peers, kernels, limit_s=LIMIT_S),
            roof=roof,
        )
        if index > 0:
            row["missing"] |= {who: f"{why}: first row only" for who, why in SLOW.items()}
        row |= {"reached": prepared.forced.reached, **described(case)}
        row["layer_ratios"] = layer_ratios(prepared.module, prepared.frames, row["layers"], rounds)
        rows.append(row)
        say(f"   ratios {row['ratio']}, {row.get('ratio_int8_peers', {})}, wanted {case.wanted}")
    return {"roofline": roof, "rows": rows}


def growth(_rounds: int, deadline: float) -> dict[str, Any]:
    """Time against density, T, width and image size, as far as the time allows."""
    roof = roofline()
    result: dict[str, Any] = {"roofline": roof, "left_out": []}
    for axis, (title, points) in GROWTH.items():
        rows = []
        for at, (value, case) in enumerate(points):
            if time.monotonic() > deadline:
                result["left_out"].append(f"{axis} {value:g}")
                continue
            say(f"growth: {axis} {value}")
            # dense time does not depend on density: the slow exports only at the ends
            ends = axis != "density" or at in (0, len(points) - 1)
            peers = GROWTH_PEERS if ends else {"pytorch_eager": PEERS["pytorch_eager"]}
            prepared = prepare(case)
            kernels = chosen_kernels(prepared, case.density)
            row = contest(
                prepared.module,
                [prepared.frames],
                Rules(GROWTH_ROUNDS, peers, kernels, whole=False, limit_s=LIMIT_S),
                roof=roof,
            )
            rows.append({"value": value, "reached": prepared.forced.reached, **row})
        if rows:
            result[axis] = {"title": title, "rows": rows}
    return result


def speed_of_threads(rounds: int) -> dict[str, Any]:
    """Windows with 1, 2 and more threads."""
    say("threads: as many as there are cores")
    return {"rows": threads.measured(rounds)}


def changes_of_spikes(_rounds: int) -> dict[str, Any]:
    """Accumulations from spikes and from their changes, in the bundled models."""
    say("redundancy: the bundled models in int8 on recordings")
    return {"models": redundancy.measured(RECORDINGS)}


def compile_cost(_rounds: int) -> dict[str, Any]:
    """Seconds and peak memory of ``snnc compile``, and of its C compiler alone."""
    rows = []
    for name, steps, side in (("three-layer", 60, 32), ("five-layer", 20, 128), ("res-18", 8, 128)):
        say(f"compile: {name}")
        network = build(name, input_size=(2, side, side), time_steps=steps).eval()
        with tempfile.TemporaryDirectory() as folder:
            model, out = Path(folder) / "model.pt", Path(folder) / "out"
            save(network, model, input=InputDescription(side, side, steps, 10_000))
            load = "import sys, snnc; snnc.load(sys.argv[1])"
            loading = _child([sys.executable, "-c", load, str(model)])
            fresh = [
                "env",
                f"SNNC_CACHE={folder}/cache",
            ]  # an object file kept before costs nothing
            compile_ = [sys.executable, "-m", "snnc", "compile", str(model), "-o", str(out)]
            whole = _child([*fresh, *compile_])
            text = sum(file.stat().st_size for file in out.glob("*.[ch]"))
            c_file = next(out.glob("*.c"))
            flags = json.loads((out / "manifest.json").read_text())["options"]["flags"]
            target = str(Path(folder) / "model.o")
            command = [*c_compiler(), *flags, f"-I{out}", "-fPIC", "-c", str(c_file), "-o", target]
            c_alone = _child(command)
        rows.append(
            {
                "network": name,
                "parameters": sum(p.numel() for p in network.parameters()),
                "load": loading,
                "compile": whole,
                "c_compiler": c_alone,
                "c_text_bytes": text,
            }
        )
    help_cost = _child([sys.executable, "-m", "snnc", "--help"])
    return {"rows": rows, "help": help_cost}


def weights_text(_rounds: int) -> dict[str, Any]:
    """Each C compiler on the wide three-layer network, its weights written in either form."""
    module = build("three-layer").eval()
    window = np.zeros((60, 2, 32, 32), np.uint16)
    packed_above, rows = constants.PACKED_ABOVE, []
    for form, limit in (
        ("a hexadecimal float each", 10**9),
        ("bytes in string literals", packed_above),
    ):
        constants.PACKED_ABOVE = limit
        texts = compiled(module, window, None).generated.files
        constants.PACKED_ABOVE = packed_above
        with (
            tempfile.TemporaryDirectory() as folder,
            as_file(files("snnc") / "runtime_c" / "include") as include,
        ):
            for name, text in texts.items():
                (Path(folder) / name).write_text(text)
            for compiler in filter(shutil.which, ("gcc", "clang")):
                say(f"compile: {compiler}, {form}")
                flags = [*HOST_FLAGS, *NATIVE, f"-I{folder}", f"-I{include}"]
                unit, target = f"{folder}/net.c", f"{folder}/net.o"
                cost = _child([compiler, *flags, "-c", unit, "-o", target])
                rows.append({"compiler": compiler, "form": form, **cost})
    return {"rows": rows}


_MEASURE = """
import json, resource, subprocess, sys, time
start = time.perf_counter()
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps({"seconds": time.perf_counter() - start,
                  "cpu_seconds": used.ru_utime + used.ru_stime,
                  "peak_mib": used.ru_maxrss / 1024}))
"""


def _child(command: Sequence[str]) -> dict[str, float]:
    """Wall and processor seconds of a command with its children, and the largest resident memory
    of any one of these processes."""
    measure = [sys.executable, "-c", _MEASURE, *command]
    said = subprocess.run(measure, check=True, capture_output=True, text=True)
    result: dict[str, float] = json.loads(said.stdout)
    return result


def described(case: Case) -> dict[str, Any]:
    return {
        "title": case.title,
        "network": case.network,
        "density": case.density,
        "wanted": dataclasses.asdict(case.wanted),
        "hyper": {key: value for key, value in case.hyper.items()},
    }


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    torch.manual_seed(0)
    main()
