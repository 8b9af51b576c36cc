"""A graph as people speak of it: layers, each a synapse with what follows up to its neuron.

The same network has two graphs (as the source computes it, as the C computes it); folding removes
nodes but keeps synapses and neurons, so both give the same layers under the same names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import networkx as nx

from snnc.compiler.ir.graph import Graph, Node, fires
from snnc.compiler.ir.roles import Role

READOUT = "readout"
_NO_SYNAPSE = ""
"""Where the readout's nodes belong: no node has this name."""


@dataclass(frozen=True)
class Layer:
    """One layer.

    Attributes:
        name: the modules' common path ("layer1"), or the synapse's own.
        synapse: the convolution or linear node; None for the readout.
        neurons: its neuron nodes (one; none where the layer does not fire).
        nodes: all its nodes, in order.
        attention: those that belong to an attention module.
        input_kind: "spike", "count" or "real": what the synapse reads.
        from_input: whether it reads the network's input and no neurons.
        neuron_count: number of neurons.
    """

    name: str
    synapse: str | None
    neurons: tuple[str, ...]
    nodes: tuple[str, ...]
    attention: frozenset[str]
    input_kind: str
    from_input: bool
    neuron_count: int

    def part_of(self, node: Node) -> str:
        """Which part of the layer a node is: synapse, attention, neuron (also what integrates and
        never fires) or other."""
        if node.name in self.attention:
            return "attention"
        if node.name == self.synapse:
            return "synapse"
        return "neuron" if node.plays(Role.NEURON) else "other"


def layers_of(graph: Graph) -> tuple[Layer, ...]:
    """The layers of a lowered graph, in order; the readout last.

    A node belongs to the latest synapse that it reads without a neuron in between; one that reads
    only spikes or the input (a pool on spikes, a residual sum) belongs to the first synapse that
    reads it, or to the readout.
    """
    attention = attention_of(graph)
    home = _homes(graph, attention)
    groups: dict[str, list[Node]] = {}
    for node in graph.nodes:
        groups.setdefault(home[node.name], []).append(node)
    order = [node.name for node in graph.nodes if node.name in groups]
    order += [_NO_SYNAPSE] if _NO_SYNAPSE in groups else []
    names = _names(graph, {key: groups[key] for key in order})
    return tuple(_layer(graph, names[key], key, groups[key], attention) for key in order)


def attention_of(graph: Graph) -> frozenset[str]:
    """Nodes on a path from what a gate scales to the gate, with the gate and a ReLU on it.

    That is an attention module, whatever its modules are called: it computes a factor from X and
    multiplies X by it.
    """
    flow, users = graph.digraph(), graph.users
    found: set[str] = set()
    for gate in graph.nodes:
        if not gate.plays(Role.GATE):
            continue
        below = nx.descendants(flow, gate.inputs[0])
        found |= below & (nx.ancestors(flow, gate.name) | {gate.name})
        found |= {user.name for user in users[gate.name] if user.plays(Role.ACTIVATION)}
    return frozenset(found)


def _homes(graph: Graph, attention: frozenset[str]) -> dict[str, str]:
    """The synapse that each node belongs to, by name (_NO_SYNAPSE for none)."""
    index, users = graph.index, graph.users
    position = {node.name: place for place, node in enumerate(graph.nodes)}
    home: dict[str, str] = {}
    for node in graph.nodes:
        if node.plays(Role.SYNAPSE) and node.name not in attention:
            home[node.name] = node.name
            continue
        sources = [home.get(name) for name in node.inputs if not fires(index[name])]
        known = [source for source in sources if source is not None]
        if known:
            home[node.name] = max(known, key=position.__getitem__)
    for node in reversed(graph.nodes):
        if node.name not in home:
            readers = [home[user.name] for user in users[node.name] if not fires(user)]
            synapses = [name for name in readers if name != _NO_SYNAPSE]
            home[node.name] = min(synapses, key=position.__getitem__, default=_NO_SYNAPSE)
    return home | {write: home[read] for read, write in graph.feedback.items()}


def _layer(
    graph: Graph, name: str, key: str, nodes: list[Node], attention: frozenset[str]
) -> Layer:
    neurons = tuple(node for node in nodes if fires(node))
    read = graph[key] if key != _NO_SYNAPSE else nodes[0]
    kind = graph.input_types(read)[0].kind if read.inputs else read.type.kind
    return Layer(
        name=name,
        synapse=None if key == _NO_SYNAPSE else key,
        neurons=tuple(node.name for node in neurons),
        nodes=tuple(node.name for node in nodes),
        attention=frozenset(node.name for node in nodes) & attention,
        input_kind=kind.value,
        from_input=not any(fires(graph[above]) for above in _ancestors(graph, read)),
        neuron_count=sum(node.type.size for node in neurons),
    )


def _ancestors(graph: Graph, node: Node) -> set[str]:
    found: set[str] = nx.ancestors(graph.digraph(recurrent=True), node.name)
    return found


def _names(graph: Graph, groups: Mapping[str, list[Node]]) -> dict[str, str]:
    """Each layer's shortest name that no other layer could have, else its synapse's node."""
    forms = {key: _name_forms(graph, key, nodes) for key, nodes in groups.items()}
    times = Counter(form for found in forms.values() for form in set(found))
    return {
        key: next((form for form in found if form and times[form] == 1), found[-1])
        for key, found in forms.items()
    }


def _name_forms(graph: Graph, key: str, nodes: list[Node]) -> tuple[str, ...]:
    """What a layer may be called, shortest first; the last is no other layer's last."""
    if key == _NO_SYNAPSE:
        return READOUT, f"network {READOUT}"  # no module path or node has a space
    return _common_path(graph[key], nodes), graph[key].loc.module, key


def _common_path(synapse: Node, nodes: list[Node]) -> str:
    """The module path that a synapse and its neuron have in common; "" for none."""
    paths = [synapse.loc.module, *(node.loc.module for node in nodes if fires(node))]
    if len(paths) == 1:
        return ""
    common = []
    for parts in zip(*(path.split(".") for path in paths), strict=False):
        if len(set(parts)) > 1:
            break
        common.append(parts[0])
    return ".".join(common)
