"""Bytes that a microcontroller loads and stores for a model, beside those of the memory model.

The bytes are counted in QEMU by the plugin, in the build that marks the end of each node's work:
every load and store of the program, stack, constants in the code and loop variables too. The
memory model (:mod:`snnc.estimator.memory_access`) knows operands only: weights, potentials, events.
The ratio says how much of what a program moves that model sees.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from snnc.atomic import scratch_folder
from snnc.bench.target.instructions import EVENTS, MARKED_FLAGS, MARKS, REST, by_node, prepared, run
from snnc.compiler.compilation import Compilation
from snnc.compiler.deploy.firmware import Vector
from snnc.compiler.deploy.targets import Target
from snnc.estimator.layers import Layer
from snnc.estimator.memory_access import Accesses

WRITES = ("potentials_written", "outputs_written", "attention_written")
"""The accesses that store."""


@dataclass(frozen=True)
class Moved:
    """Bytes over all recordings."""

    loaded: int
    stored: int

    @property
    def both(self) -> int:
        """Loaded and stored."""
        return self.loaded + self.stored


@dataclass(frozen=True)
class Traffic:
    """What a program moved.

    Attributes:
        board: where.
        nodes: node → bytes.
        events: framing.
        rest: what is left after the last node.
    """

    board: str
    nodes: Mapping[str, Moved]
    events: Moved
    rest: Moved

    def of_layer(self, layer: Layer) -> Moved:
        """Bytes of all nodes of a layer."""
        found = [self.nodes[name] for name in layer.nodes if name in self.nodes]
        return Moved(sum(part.loaded for part in found), sum(part.stored for part in found))


def count_traffic(compilation: Compilation, target: Target, vectors: Sequence[Vector]) -> Traffic:
    """Run the recordings and count.

    Raises:
        SnncError: as :func:`snnc.bench.target.instructions.count`.
    """
    traces = compilation.generated.traces
    with scratch_folder() as folder:
        program = prepared(folder, compilation, target, vectors)
        sums = run(program, MARKED_FLAGS, memory=True)
    loaded, stored = (
        by_node(traces, [getattr(entry, kind) for entry in sums]) for kind in ("loaded", "stored")
    )
    others = {
        mark: Moved(entry.loaded, entry.stored)
        for mark, entry in zip(MARKS, sums[len(traces) :], strict=True)
    }
    nodes = {name: Moved(loaded[name], stored[name]) for name in loaded}
    return Traffic(program.board.name, nodes, others[EVENTS], others[REST])


def modelled(accesses: Accesses) -> dict[str, Moved]:
    """Layer → bytes over all recordings by the memory model."""
    found = {}
    for layer in accesses.network.executed_layers:
        memories, words = accesses.memories(layer), accesses.layers[layer.name]
        size = {kind: number * memories[kind].bits // 8 for kind, number in words.items()}
        stored = sum(size[kind] for kind in WRITES)
        found[layer.name] = Moved(sum(size.values()) - stored, stored)
    return found
