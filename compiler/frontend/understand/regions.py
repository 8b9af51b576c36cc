"""Which values of a body belong together: recurrences, and the connections that close loops."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import networkx as nx
import torch
from torch.utils import _pytree as pytree

from snnc.compiler.frontend.reroll.body import Body, Late, Operand, Sequence, Value
from snnc.compiler.frontend.reroll.expand import POINTWISE
from snnc.compiler.frontend.reroll.steps import INPUT, Ref, refs_of, refused
from snnc.compiler.frontend.understand.cells.cell_functions import CHANNELWISE

aten = torch.ops.aten


def is_elementwise(value: Value) -> bool:
    """Whether an operation works number by number."""
    op = value.call.op
    if isinstance(op, str):
        return False
    return torch.Tag.pointwise in op.tags or op in POINTWISE or op is aten._to_copy.default


def has_cell(value: Value) -> bool:
    """Whether a cell may compute an operation."""
    return is_elementwise(value) or value.call.op in CHANNELWISE


class Regions:
    """The values that the outputs of a body need, in order, and the recurrences among them.

    Attributes:
        order: all values, each behind what it reads at the same step, and recurrences together.
        recurrence: for each value that depends on itself the values of its recurrence.
        readers: for each value those that read it.
        closing: operands that close a loop through a layer, with their values: what layers read of
            the step before.
    """

    def __init__(self, body: Body) -> None:
        self.body = body
        self.closing: dict[Operand, Value] = {}
        self._pushed: dict[tuple[Value, int], Value] = {}
        self._push()
        flow = self._flow(without=self.closing)
        parts = nx.condensation(flow)
        self.order: list[Value] = []
        self.recurrence: dict[Value, frozenset[Value]] = {}
        for part in nx.topological_sort(parts):
            members = parts.nodes[part]["members"]
            self.order.extend(members)
            (first, *others) = members
            if others or flow.has_edge(first, first):
                self.recurrence |= dict.fromkeys(members, frozenset(members))
        self.readers: dict[Value, set[Value]] = {value: set() for value in self.order}
        for read, reader in flow.edges:
            self.readers[read].add(reader)

    def _flow(self, without: Iterable[Operand] = ()) -> nx.DiGraph[Value]:
        flow: nx.DiGraph[Value] = nx.DiGraph()
        left_out = set(without)
        for value in reachable(self.body):
            flow.add_node(value)
            for operand in value.operands.values():
                if operand.of is not None and operand not in left_out:
                    flow.add_edge(operand.of, value)
        return flow

    def _push(self) -> None:
        """Let delays inside of loops stand before layers, where spikes are, not behind them."""
        flow = self._flow()
        parts = (part for part in nx.strongly_connected_components(flow) if len(part) > 1)
        loops = [part for part in parts if not all(has_cell(value) for value in part)]
        for loop in loops:
            for reader in list(loop):
                for operand in reader.operands.values():
                    if operand.of in loop and operand.delay:
                        self._before_layer(operand, loop)
        for value in reachable(self.body):
            if is_elementwise(value):
                continue
            for operand in value.operands.values():
                inside = any(value in loop or value in self._made for loop in loops)
                if operand.of is not None and operand.delay and inside:
                    self.closing[operand] = operand.of

    @property
    def _made(self) -> set[Value]:
        return set(self._pushed.values())

    def _before_layer(self, operand: Operand, loop: set[Value]) -> None:
        layer = operand.of
        if layer is None or is_elementwise(layer) or layer.call.op == INPUT or not operand.delay:
            return
        if operand.delay > self.body.graph.time_steps:  # it has gone round and round
            raise refused(
                f"{layer.name}: it depends on its own results of steps before, through no neuron",
                layer.call.source,
                "Let a neuron or a sum stand in the loop, or fix what the layer keeps.",
            )
        starts = [operand.static.get(step) for step in range(operand.delay)]
        key = (layer, operand.delay)
        if None in starts:
            return
        rest = all(start and self._starts_at_rest(layer, start, operand.item) for start in starts)
        if key not in self._pushed:
            moved = Value(layer.call, dict(layer.members))
            self._pushed[key] = moved
            for name, read in layer.operands.items():
                moved.operands[name] = self._later(layer, read, operand.delay)
                self._before_layer(moved.operands[name], loop)
        operand.of, operand.delay = self._pushed[key], 0
        if rest:
            operand.static = {}

    def _later(self, layer: Value, read: Operand, steps: int) -> Operand:
        """What a layer reads, ``steps`` before; zeros at first."""
        if read.of is None:
            return read
        graph = self.body.graph
        shape = read.of.call.shape
        zeros = graph.constant(torch.zeros(shape), layer.call.source)
        first = dict.fromkeys(range(read.delay + steps), zeros)
        return Operand(read.of, read.item, read.delay + steps, first)

    def _starts_at_rest(self, layer: Value, start: Ref, item: int) -> bool:
        """Whether a layer gives its initial value when it reads zeros."""
        graph = self.body.graph
        if any(ref.item and not graph.is_static(ref) for ref in refs_of(layer.call.arguments)):
            return False  # of several results the shape of the first is known

        def given(ref: Ref) -> torch.Tensor:
            call = graph[ref]
            static = graph.is_static(ref)
            return graph.value(ref) if static else torch.zeros(call.shape, dtype=call.dtype)

        arguments = pytree.tree_map_only(Ref, given, dict(layer.call.arguments))
        with torch.no_grad():
            made = layer.call.op(**arguments)
        made = made[item] if isinstance(made, tuple | list) else made
        return isinstance(made, torch.Tensor) and torch.equal(made, graph.value(start))


def reachable(body: Body) -> list[Value]:
    """The values that outputs need, in no particular order but always the same."""
    found: dict[Value, None] = {}
    waiting = [operand.of for operand in _ends(body) if operand.of is not None]
    while waiting:
        value = waiting.pop()
        if value in found:
            continue
        found[value] = None
        waiting.extend(o.of for o in value.operands.values() if o.of is not None)
    return list(found)


def _ends(body: Body) -> Iterator[Operand]:
    """What outputs read of the body."""
    waiting = list(body.outputs.values())
    while waiting:
        output = waiting.pop()
        if isinstance(output, Sequence):
            yield output.value
        elif isinstance(output, Late):
            if output.of is not None:
                yield output.of
            waiting.extend(o for o in output.operands.values() if isinstance(o, Late))
