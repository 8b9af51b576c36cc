"""Memory accesses of a network on event-driven hardware: a second opinion on its energy.

Lemaire et al. 2022 (An Analytical Estimation of Spiking Neural Networks Energy Efficiency, ICONIP)
add to the operations what it costs to fetch and keep their operands: events in queues, weights and
membrane potentials in SRAM whose price grows with its size. The numbers here are derived from what
each layer reads and writes on the recordings, not from their formulas:

========== =================================== ============================================
memory     read                                written
========== =================================== ============================================
inputs     each active input once: an event    by the layer before
           leaves the queue once, whatever its
           fan-out; each value of a real input
weights    one for each AC or MAC of the       never
           synapse and for each bias
potentials one for each AC or MAC, one for     as often, and once more for each spike: the
           each neuron at each step (leak and  neuron is reset
           threshold)
outputs    by the layer after                  each spike once: an event enters the queue
========== =================================== ============================================

Two places where this is not their text: the accumulations of a linear layer as printed (Eq. 2.4)
are θ·N_in·N_out + T·N_out with θ the *number* of input spikes, which counts the inputs N_in times
over, and have no term for the reset; an input spike meets N_out weights, and each output spike
costs one reset, as in their own Eq. 1.4 for convolutions. Addressing is not counted: it depends on
the machine.

How much of this is on the chip is a parameter (:class:`~snnc.estimator.tables.MemoryPrices`): by
default everything, in memories as large as they must be, else what a stated SRAM holds, and DRAM
for the rest.

Attention is outside their model. Here each of its operations reads its inputs and writes its
output, element by element, since all T steps of the currents must be kept until the gate is known.
Delay lines are not counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from snnc.compiler.ir.graph import Graph, Kind, Node, TensorType, fires
from snnc.compiler.ops import NeuronI8, op_of
from snnc.compiler.ops.int8.fixed import IntegerOp
from snnc.compiler.ops.synapses import synapse
from snnc.compiler.ops.view import NodeRun
from snnc.estimator.activity import Activity, Network
from snnc.estimator.layers import Layer
from snnc.estimator.tables import EnergyTable, MemoryPrices, no_memory_prices

ACCESSES = (
    "inputs_read",
    "weights_read",
    "potentials_read",
    "potentials_written",
    "outputs_written",
    "attention_read",
    "attention_written",
)

WORD_BITS = 32
"""Floats are words, and so are events: an event is an address."""

WEIGHT_BITS = 8
"""Weights of quantized layers."""

QUEUE = 1000
"""Events that a queue holds, as in the experiments of Lemaire et al. 2022."""


@dataclass
class Accesses:
    """Accesses of each layer, summed over samples.

    Attributes:
        network: its graphs; the executed one is looked at.
        samples: how many samples have been added.
        layers: layer → access → how many.
    """

    network: Network
    samples: int = 0
    layers: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def graph(self) -> Graph:
        """The graph that is looked at."""
        return self.network.executed

    @property
    def _layers(self) -> tuple[Layer, ...]:
        return self.network.executed_layers

    def add(self, activity: Activity) -> None:
        """Count one more sample."""
        for layer in self._layers:
            sums = self.layers.setdefault(layer.name, dict.fromkeys(ACCESSES, 0))
            for name in layer.nodes:
                for access, words in self._of(layer, self.graph[name], activity).items():
                    sums[access] += words
        self.samples += 1

    def merged(self, other: Accesses) -> Accesses:
        """The accesses on both sets of samples."""
        merged = Accesses(self.network, self.samples + other.samples)
        for part in (self, other):
            for layer, words in part.layers.items():
                sums = merged.layers.setdefault(layer, dict.fromkeys(ACCESSES, 0))
                for access, number in words.items():
                    sums[access] += number
        return merged

    def _of(self, layer: Layer, node: Node, activity: Activity) -> Mapping[str, int]:
        values = activity.executed
        if node.name == layer.synapse:
            return self._synapse(node, values[node.inputs[0]])
        updates = node.type.size * _kept(node) * self.graph.time_steps
        if fires(node):
            spikes = int((values[node.name] != 0).sum())
            return {
                "potentials_read": updates,
                "potentials_written": updates + spikes,
                "outputs_written": spikes,
            }
        if _kept(node):
            return {"potentials_read": updates, "potentials_written": updates}
        if node.name in layer.attention:
            read = sum(values[name].numel() for name in node.inputs)
            return {"attention_read": read, "attention_written": values[node.name].numel()}
        return {}

    def _synapse(self, node: Node, x: torch.Tensor) -> Mapping[str, int]:
        (given,) = self.graph.input_types(node)
        counts = op_of(node).count(NodeRun.of(self.graph, node, {node.inputs[0]: x})).totals()
        sums = counts["ac"] + counts["mac"]
        biases = node.type.size * x.shape[0] if "bias" in node.params else 0
        return {
            "inputs_read": int(synapse.active_inputs(node, x, given).sum()),
            "weights_read": sums + biases,
            "potentials_read": sums + biases,
            "potentials_written": sums + biases,
        }

    def totals(self) -> dict[str, int]:
        """Accesses of the whole network."""
        return {access: sum(words[access] for words in self.layers.values()) for access in ACCESSES}

    def energies(self, prices: MemoryPrices) -> dict[str, dict[str, float]]:
        """Energy of each layer's accesses in pJ, by kind of access, over all samples."""
        per_word = self.prices_per_word(prices)
        return {
            layer: {access: words * per_word[layer][access] for access, words in counts.items()}
            for layer, counts in self.layers.items()
        }

    def prices_per_word(self, prices: MemoryPrices) -> dict[str, dict[str, float]]:
        """What one access of each kind costs in pJ in each layer, on the chip or beside it.

        Each memory is an SRAM of its own size as long as it fits: those with most bits accessed
        for each byte come first (a rule, not a proof that no other choice is cheaper). The rest is
        in DRAM. Event queues belong to the chip and are not placed.
        """
        memories = {layer.name: self.memories(layer) for layer in self._layers}
        outside = self._outside(memories, prices.on_chip_bytes)
        return {
            layer: {
                access: memory.bits
                * (
                    prices.dram_per_bit
                    if (layer, memory) in outside
                    else prices.sram_per_bit(memory.bytes)
                )
                for access, memory in kinds.items()
            }
            for layer, kinds in memories.items()
        }

    def _outside(
        self, memories: Mapping[str, Mapping[str, Memory]], room: int | None
    ) -> set[tuple[str, Memory]]:
        """The memories for which a chip with so much room has none left."""
        if room is None:
            return set()
        used: dict[tuple[str, Memory], int] = {}
        for layer, words in self.layers.items():
            for access, number in words.items():
                place = layer, memories[layer][access]
                used[place] = used.get(place, 0) + number * place[1].bits
        placed = [place for place in used if place[1].bytes and not place[1].queue]
        outside = set()
        for place in sorted(placed, key=lambda place: -used[place] / place[1].bytes):
            if place[1].bytes <= room:
                room -= place[1].bytes
            else:
                outside.add(place)
        return outside

    def memories(self, layer: Layer) -> dict[str, Memory]:
        """The memory that each kind of access of a layer goes to."""
        queue = Memory("queue", WORD_BITS, QUEUE)
        weights, read = Memory("weights", WORD_BITS, 0), queue
        if layer.synapse:
            node = self.graph[layer.synapse]
            values = self.graph.params_of(node).values()
            bits = WEIGHT_BITS if isinstance(node.op, IntegerOp) else WORD_BITS
            weights = Memory("weights", bits, sum(value.size for value in values))
            (given,) = self.graph.input_types(node)
            read = Memory("inputs", _bits(given), given.size) if given.kind is Kind.REAL else queue
        potentials = Memory(
            "potentials",
            max((_potential_bits(self.graph[name]) for name in layer.neurons), default=WORD_BITS),
            sum(self.graph[name].type.size * _kept(self.graph[name]) for name in layer.nodes),
        )
        attention = self._attention(layer)
        return {
            "inputs_read": read,
            "weights_read": weights,
            "potentials_read": potentials,
            "potentials_written": potentials,
            "outputs_written": queue,
            "attention_read": attention,
            "attention_written": attention,
        }

    def _attention(self, layer: Layer) -> Memory:
        """Everything that a layer's attention keeps, all steps of it."""
        kept = [self.graph[name].type for name in layer.attention]
        steps = self.graph.time_steps
        values = sum(entry.size * (steps if entry.temporal else 1) for entry in kept)
        return Memory("attention", max((_bits(entry) for entry in kept), default=WORD_BITS), values)


@dataclass(frozen=True)
class Memory:
    """A memory: what it holds, the width of an entry and how many there are."""

    name: str
    bits: int
    entries: int

    @property
    def bytes(self) -> int:
        """Its size."""
        return self.bits * self.entries // 8

    @property
    def queue(self) -> bool:
        """Whether it is a queue of events."""
        return self.name == "queue"


def _bits(given: TensorType) -> int:
    """Width of an element as the C stores it; a word where it is a float."""
    return int(given.dtype.removeprefix("int")) if given.dtype else WORD_BITS


def _potential_bits(node: Node) -> int:
    return int(node.op.width.removeprefix("int")) if isinstance(node.op, NeuronI8) else WORD_BITS


def _kept(node: Node) -> int:
    """How many potentials (or other states) a node keeps for each of its elements."""
    return op_of(node).states(node)


def count_accesses(network: Network, activities: Iterable[Activity]) -> Accesses:
    """Count the memory accesses of a network on its activities."""
    accesses = Accesses(network)
    for activity in activities:
        accesses.add(activity)
    return accesses


def memory_json(accesses: Accesses, table: EnergyTable) -> dict[str, Any]:
    """The ``memory`` key of the energy report: accesses and pJ by layer and in all.

    Raises:
        SnncError: BAD_OPTION for a table without memory prices.
    """
    if table.memory is None:
        raise no_memory_prices(table.name)
    energies = accesses.energies(table.memory)
    return {
        "model": "derived after Lemaire et al. 2022",
        "on_chip_bytes": table.memory.on_chip_bytes,
        "samples": accesses.samples,
        "layers": [
            {"name": name, **words, "energy_pj": sum(energies[name].values()), "by": energies[name]}
            for name, words in accesses.layers.items()
        ],
        "total": {
            **accesses.totals(),
            "energy_pj": sum(sum(entry.values()) for entry in energies.values()),
        },
    }
