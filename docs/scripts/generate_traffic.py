"""Count the bytes that firmware loads and stores beside the memory model's, into docs/results.md.

Run by `make traffic` (nmnist_none as int8 on an emulated Cortex-M4, two test recordings; several
minutes). SNNC_NMNIST names the folder of N-MNIST; default ../shared/data/nmnist.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import torch
from pages import write_section

from snnc.api.compile_settings import CompileSettings
from snnc.api.data.windows import events_behind, windows
from snnc.api.in_memory import compiled
from snnc.bench.target.traffic import Moved, Traffic, count_traffic, modelled
from snnc.compiler.deploy.firmware import arena_limit, vector
from snnc.compiler.deploy.targets import target_named
from snnc.compiler.frontend.source import load_source
from snnc.compiler.ir.graph import Graph
from snnc.compiler.verify import reference
from snnc.estimator.activity import Network, Values, observe
from snnc.estimator.memory_access import Accesses, count_accesses

ROOT = Path(__file__).resolve().parents[2]
MODEL = "nmnist_none"
TARGET = "cortex-m4"
NMNIST = f"nmnist:{os.environ.get('SNNC_NMNIST', ROOT / '../shared/data/nmnist')}"
RECORDINGS = 2


@dataclass(frozen=True)
class Beside:
    """Bytes of one layer, all recordings: as executed, and as the memory model has them."""

    name: str
    executed: Moved
    model: Moved


def main() -> None:
    """Count both ways and write the section."""
    source = load_source(str(ROOT / "models" / "zoo" / f"{MODEL}.pt"))
    target = target_named(TARGET)
    settings = CompileSettings(
        "int8", NMNIST, arena_bytes=arena_limit(target, None), order=target.order
    )
    compilation, _ = compiled(source, settings)
    chosen = list(windows(source, NMNIST, "test", RECORDINGS))
    vectors = [
        vector(compilation, window.frames, events_behind(compilation, window)) for window in chosen
    ]
    traffic = count_traffic(compilation, target, vectors)
    network = Network(compilation.source, compilation.graph, compilation.schedule.runs)
    frames = [window.frames for window in chosen]
    accesses = count_accesses(network, observe(network, frames, interpret))
    write_section(ROOT / "docs" / "results.md", "memory-traffic", section(traffic, accesses))


def interpret(graph: Graph, inputs: Values, forced: Values) -> Values:
    """The integer reference."""
    return reference.run(graph, inputs, dtype=torch.int64, forced=forced)


def rows(traffic: Traffic, accesses: Accesses) -> list[Beside]:
    """Every layer that has something to move."""
    model = modelled(accesses)
    found = [
        Beside(layer.name, traffic.of_layer(layer), model[layer.name])
        for layer in accesses.network.executed_layers
    ]
    return [row for row in found if row.executed.both]


def section(traffic: Traffic, accesses: Accesses) -> str:
    """The text of the section."""
    samples = accesses.samples
    layers = rows(traffic, accesses)
    events, rest = each(traffic.events.both, samples), each(traffic.rest.both, samples)
    executed = total([row.executed for row in layers])
    model = total([row.model for row in layers])
    lines = [
        "## Bytes that move, counted and modelled",
        "",
        f"Written by `make traffic` (docs/scripts/generate_traffic.py). {MODEL} as int8 on",
        f"{traffic.board}, an emulated {TARGET}, {samples} test recordings, bytes a recording.",
        "*Counted* is every load and store that the firmware executes (QEMU's plugin), stack, loop",
        "variables and constants in the code too. *Memory model* is what the view of memory "
        "traffic",
        "prices: events, weights and potentials.",
        "",
        "| layer | counted: loaded | stored | memory model: loaded | stored | counted / model |",
        "| --- | --: | --: | --: | --: | --: |",
        *(line(row.name, row.executed, row.model, samples) for row in layers),
        line("all layers", executed, model, samples),
        "",
        f"The firmware moves {executed.both / model.both:.2f} times the bytes of the memory "
        "model: it",
        f"loads {executed.loaded / model.loaded:.2f} times and stores "
        f"{executed.stored / model.stored:.2f} times as many.",
        f"Taking in events and framing them moves {events} bytes more,",
        f"and what comes after the last layer {rest}. The model fetches a",
        "potential for every sum and puts it back; kernels that add up several sums in a register",
        "do not. What makes the first layer dearer than it is modelled was not taken apart. So the",
        "view of memory traffic is one of event-driven hardware with a memory access for each sum,",
        "and not of this firmware.",
    ]
    return "\n".join(lines)


def total(parts: list[Moved]) -> Moved:
    """The sum."""
    return Moved(sum(part.loaded for part in parts), sum(part.stored for part in parts))


def each(number: int, samples: int) -> str:
    """A recording's share."""
    return f"{number / samples:,.0f}"


def line(name: str, executed: Moved, model: Moved, samples: int) -> str:
    """One row of the table."""
    numbers = (executed.loaded, executed.stored, model.loaded, model.stored)
    cells = [each(number, samples) for number in numbers]
    ratio = f"{executed.both / model.both:.2f}" if model.both else ""
    return f"| {' | '.join([name, *cells, ratio])} |"


if __name__ == "__main__":
    main()
