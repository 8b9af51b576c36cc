"""Prices of the int8 kernels in instructions, for `snnc check --target`.

Reads what `snnc bench MODEL --target CORE --data DATA --json FILE` wrote for bundled models, and
writes runtime_c/targets/instruction_prices.json: for each core what its kernels' work takes.

    python benchmarks/instruction_prices.py FILE...
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from snnc.bench.target.cycles import model_for
from snnc.compiler.calibrate.expected_time import (
    INPUT,
    NEURON,
    OTHER,
    elementwise,
    expected,
    priced_as,
)
from snnc.compiler.calibrate.kernel_costs import as_json
from snnc.compiler.deploy.targets import target_named
from snnc.compiler.frontend.source import load_source
from snnc.compiler.ir.graph import Graph
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops.synapses.synapse import EVENT, LANES, Work
from snnc.compiler.passes import pipeline
from snnc.compiler.passes.choose_kernels import CostModel, fit, work_of

OUT = Path(__file__).resolve().parent.parent / "runtime_c" / "targets" / "instruction_prices.json"

Rows = dict[tuple[str, str], list[tuple[Work, float, float]]]


def graph_of(measured: Mapping[str, Any]) -> Graph:
    """The float graph of the model that was measured."""
    return pipeline.optimised(load_source(measured["model"]).graph())


def rows_of(measured: Mapping[str, Any], graph: Graph) -> Rows:
    """Work, density of the inputs and instructions of one step: of every weighted sum and neuron,
    of making a frame, and of all the rest together."""
    rows: Rows = defaultdict(list)
    layers = {entry["name"]: entry for entry in measured["instructions"]["layers"]}
    steps, elements, rest = graph.time_steps, 0, 0.0
    layers["input"]["instructions"] += measured["instructions"]["events"]
    for node in graph:
        entry = layers.pop(node.name, None)
        executed = entry["instructions"] / steps if entry else 0.0
        if node.plays(Role.SYNAPSE) and entry:
            work = work_of(graph, node)
            active = entry["synaptic_operations"] / steps / LANES
            rows[node.op.name, EVENT].append((work, active / work.vectors, executed))
        elif priced_as(node) in (INPUT, NEURON) and entry:
            rows[priced_as(node), EVENT].append((elementwise(node), 1.0, executed))
        else:
            elements += elementwise(node).pixels * (steps if node.type.temporal else 1)
            rest += executed * steps
    rest += sum(entry["instructions"] for entry in layers.values())  # nodes of int8 alone
    rows[OTHER, EVENT].append((Work(elements, 0, 0), 1.0, rest))
    return rows


def prices_of(core: str, files: list[dict[str, Any]]) -> dict[str, Any]:
    """The entry of one core."""
    rows: Rows = defaultdict(list)
    for measured in files:
        for key, found in rows_of(measured, graph_of(measured)).items():
            rows[key] += found
    model = CostModel(core, {key: fit(found, EVENT) for key, found in rows.items()})
    ends = [
        [end / each["instructions"]["total"] for end in each["estimate"]["cycles"]]
        for each in files
    ]
    for each in files:
        whole = expected(graph_of(each), model)
        counted = each["instructions"]["total"] / 1e6
        if whole is not None:
            said = f"{whole.least / 1e6:.1f} to {whole.most / 1e6:.1f}"
            print(f"{core}, {each['model']}: counted {counted:.1f} M instructions, expected {said}")
    names = sorted({Path(each["model"]).stem for each in files})
    return as_json(model) | {
        "unit": "instructions",
        "cycles_per_instruction": [min(e[0] for e in ends), max(e[1] for e in ends)],
        "counted_on": ", ".join(names),
    }


def main(paths: list[str]) -> None:
    """Write the file."""
    cores: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for path in paths:
        measured = json.loads(Path(path).read_text("utf-8"))
        model = model_for(target_named(measured["target"]))
        if model is not None:
            cores[model.core].append(measured)
    content = {core: prices_of(core, found) for core, found in sorted(cores.items())}
    OUT.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
