"""The graph IR: typed values, nodes that say how they use time, and nothing else.

The whole grammar::

    Kind        SPIKE 0/1 | COUNT small non-negative integer | REAL
    Time        STEP | STATE | REDUCE | SEQUENCE
    TensorType  (shape of one step, kind, temporal)
    Location    (module path in the user's model, source line)
    Operation   (name, roles, attributes as fields)
    Node        (name, op, inputs, params, type, loc)
    Graph       (name, time_steps, nodes in topological order, params, outputs, output_names)

A recurrent connection does not make the order cyclic: like a register in a circuit it is two nodes,
an ``EdgeRead`` that gives what the ``EdgeWrite`` of the same ``edge`` took a step before.

Everything is frozen; passes are pure functions ``Graph -> Graph``. A value's kind decides whether
a layer that reads it accumulates (AC) or multiplies (MAC); nobody looks at the numbers for that.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Any

import networkx as nx
import numpy as np
import numpy.typing as npt

from snnc.compiler.ir import printer
from snnc.compiler.ir.operation import EdgeRead, EdgeWrite, NetworkInput, Operation
from snnc.compiler.ir.roles import Role
from snnc.errors import InternalError

Array = npt.NDArray[Any]


class Kind(Enum):
    """What the numbers of a value can be."""

    SPIKE = "spike"
    COUNT = "count"
    REAL = "real"


class Time(Enum):
    """Which time steps an op needs before it can give step t.

    STEP needs step t only. STATE needs steps <= t, through explicit state. REDUCE eats one step
    at a time and gives one value after the last. SEQUENCE needs all steps at once.
    """

    STEP = "step"
    STATE = "state"
    REDUCE = "reduce"
    SEQUENCE = "sequence"


@dataclass(frozen=True)
class TensorType:
    """Type of a value: the ``shape`` of one step, of any rank, its kind, and whether there is one
    such tensor per time step (``temporal``) or one for the whole window.

    ``dtype`` is how the C stores an element ("int16", "int32"); empty for the kind's own way.
    ``packed`` is the axis whose elements lie side by side in memory, spikes as the bits of a word
    (:mod:`snnc.compiler.ir.layout`); left out, the :func:`usual` one.
    """

    shape: tuple[int, ...]
    kind: Kind
    temporal: bool = True
    dtype: str = ""
    packed: int = -1

    def __post_init__(self) -> None:
        if self.packed < 0:
            object.__setattr__(self, "packed", usual(self.shape))

    @property
    def size(self) -> int:
        """Number of elements of one step."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def channels(self) -> int:
        """Length of the packed axis: the first of a map or vector, the last of a matrix."""
        return self.shape[self.packed]

    @property
    def pixels(self) -> int:
        """Number of elements per channel: H*W, or 1 for a vector."""
        rest = (*self.shape[: self.packed], *self.shape[self.packed + 1 :])
        return int(np.prod(rest, dtype=np.int64))

    def of(self, kind: Kind) -> TensorType:
        """The same shape and time with another kind, stored that kind's own way."""
        return dataclasses.replace(self, kind=kind, dtype="")

    def lying(self, packed: int) -> TensorType:
        """The same value with another packed axis."""
        return dataclasses.replace(self, packed=packed)

    def seen_as(self, shape: tuple[int, ...], packed: int = -1) -> TensorType:
        """The same kind and time in another shape."""
        return dataclasses.replace(self, shape=shape, packed=packed)

    def stored_as(self, dtype: str) -> TensorType:
        """The same shape and time as a REAL in integers of a width."""
        return dataclasses.replace(self, kind=Kind.REAL, dtype=dtype)

    def __str__(self) -> str:
        steps = "T×" if self.temporal else ""
        kind = self.dtype or self.kind.value
        packed = "" if self.packed == usual(self.shape) else f" along {self.packed}"
        return f"{kind} {steps}{'×'.join(map(str, self.shape))}{packed}"


def usual(shape: tuple[int, ...]) -> int:
    """The packed axis that a value has unless its type names another: the last of a matrix, the
    first (the channels) of anything else."""
    return 1 if len(shape) == 2 else 0


@dataclass(frozen=True)
class Location:
    """Where a node comes from: module path in the user's model and, if known, file:line."""

    module: str = ""
    source: str = ""


@dataclass(frozen=True)
class Node:
    """One operation. ``params`` maps a role ("weight") to a key of ``Graph.params``."""

    name: str
    op: Operation
    inputs: tuple[str, ...]
    type: TensorType
    params: Mapping[str, str] = field(default_factory=dict)
    loc: Location = field(default_factory=Location)

    @property
    def roles(self) -> tuple[Role, ...]:
        """What the node's op is."""
        return self.op.roles

    def plays(self, *roles: Role) -> bool:
        """Whether the node's op has one of these roles."""
        return self.op.plays(*roles)

    def replace(self, **changes: Any) -> Node:
        """A copy with some fields changed."""
        return dataclasses.replace(self, **changes)

    def with_op(self, **attributes: object) -> Node:
        """A copy whose op has some attributes changed."""
        return self.replace(op=dataclasses.replace(self.op, **attributes))


def fires(node: Node) -> bool:
    """Whether a node decides at every step, so that its value of the step before is part of its
    state, and can be replaced from outside: a neuron whose value is spikes or counts."""
    discrete = node.type.kind is not Kind.REAL and node.type.temporal
    return node.plays(Role.NEURON) and discrete


@dataclass(frozen=True)
class Graph:
    """A network: nodes in topological order, float64 parameters, names of the output nodes, and
    what the outputs are called; the first is what the C gives as scores.

    Parameters are float64 so that folding does not round; emission rounds them once.
    """

    name: str
    time_steps: int
    nodes: tuple[Node, ...]
    params: Mapping[str, Array]
    outputs: tuple[str, ...]
    output_names: tuple[str, ...] = ("scores",)
    observer: Any = field(default=None, compare=False, repr=False)
    """Sees PyTorch's own values of the nodes where no module of the source model gives them
    (:class:`snnc.compiler.frontend.understand.observer.Observer`); None where modules do."""

    def __getitem__(self, name: str) -> Node:
        return self.index[name]

    def __str__(self) -> str:
        """The graph as a page of text, a line a node.

        A line says: name, type, ``op(inputs)``, attributes, shapes of parameters, and where in the
        user's model the node comes from. Parameters' numbers are left out.
        """
        pairs = zip(self.output_names, self.outputs, strict=False)
        outputs = ", ".join(f"{name}={node}" for name, node in pairs)
        head = f"graph {self.name}: T={self.time_steps}, outputs {outputs}"
        return printer.table(head, [self._row(node) for node in self.nodes])

    def _row(self, node: Node) -> tuple[str, str, str]:
        call = f"{node.op.name}({', '.join(node.inputs)})"
        shapes = [
            f"{role}[{'×'.join(map(str, self.params[key].shape)) or 'scalar'}]"
            for role, key in node.params.items()
            if key in self.params
        ]
        places = " ".join(place for place in (node.loc.module, node.loc.source) if place)
        origin = [f"<- {places}"] if places else []
        parts = [call, *printer.attributes(node.op.settings), *shapes, *origin]
        return node.name, str(node.type), "  ".join(parts)

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    @cached_property
    def index(self) -> dict[str, Node]:
        """Nodes by name."""
        return {node.name: node for node in self.nodes}

    @cached_property
    def positions(self) -> dict[str, int]:
        """Place of every node in the order: its number in counters and traces."""
        return {node.name: place for place, node in enumerate(self.nodes)}

    @cached_property
    def users(self) -> dict[str, list[Node]]:
        """For every node the nodes that read it, in order, each once."""
        users: dict[str, list[Node]] = {node.name: [] for node in self.nodes}
        for node in self.nodes:
            for name in dict.fromkeys(node.inputs):
                users[name].append(node)
        return users

    @cached_property
    def feedback(self) -> dict[str, str]:
        """For every node that reads a recurrent connection the one that writes it."""
        writes = {n.op.edge: n.name for n in self if isinstance(n.op, EdgeWrite)}
        return {n.name: writes[n.op.edge] for n in self if isinstance(n.op, EdgeRead)}

    @property
    def held(self) -> NetworkInput:
        """How the network's input is held until its steps are computed."""
        op = self["input"].op
        if not isinstance(op, NetworkInput):
            raise InternalError(f"the input is a {op.name}", where=self.name)
        return op

    def input_types(self, node: Node) -> list[TensorType]:
        """Types of a node's inputs, in order."""
        index = self.index
        return [index[name].type for name in node.inputs]

    def sources(self, node: Node) -> tuple[str, ...]:
        """The nodes whose values a node's facets are given: its inputs; of a reading end what was
        written (in earlier steps, so it comes later in the order)."""
        return (self.feedback[node.name],) if isinstance(node.op, EdgeRead) else node.inputs

    def params_of(self, node: Node) -> dict[str, Array]:
        """A node's own parameters by role."""
        return {role: self.params[key] for role, key in node.params.items()}

    def replace(self, **changes: Any) -> Graph:
        """A copy with some fields changed."""
        return dataclasses.replace(self, **changes)

    def digraph(self, *, recurrent: bool = False) -> nx.DiGraph[str]:
        """The data flow as a networkx graph (for order, lifetimes and drawings), without cycles
        unless it is to hold the ``recurrent`` connections too."""
        flow: nx.DiGraph[str] = nx.DiGraph()
        for node in self.nodes:
            flow.add_node(node.name, op=node.op.name, type=str(node.type))
            flow.add_edges_from((name, node.name) for name in node.inputs)
        if recurrent:
            flow.add_edges_from((write, read) for read, write in self.feedback.items())
        return flow


def rewrite(
    graph: Graph,
    change: Callable[[Node], Node | None],
    params: Mapping[str, Array] | None = None,
) -> Graph:
    """Rebuild a graph node by node, in order.

    Args:
        graph: the graph to rebuild.
        change: gives the new node, or None to drop it; a dropped node's readers then read its
            first input instead.
        params: the new parameter table; unused entries are removed. Default: the old one.
    """
    renamed: dict[str, str] = {}
    nodes: list[Node] = []
    for node in graph.nodes:
        node = node.replace(inputs=tuple(renamed.get(name, name) for name in node.inputs))
        new = change(node)
        if new is None:
            if len(node.inputs) < 1:
                raise InternalError(f"node {node.name} has no input to stand in for it")
            renamed[node.name] = node.inputs[0]
        else:
            nodes.append(new)
            if new.name != node.name:
                renamed[node.name] = new.name
    return prune(
        graph.replace(
            nodes=tuple(nodes),
            params=graph.params if params is None else params,
            outputs=tuple(renamed.get(name, name) for name in graph.outputs),
        )
    )


def prune(graph: Graph) -> Graph:
    """Drop nodes that no output needs (inputs stay) and parameters that no node names."""
    flow = graph.digraph(recurrent=True)
    needed = set(graph.outputs)
    for name in graph.outputs:
        needed |= nx.ancestors(flow, name)
    nodes = tuple(node for node in graph.nodes if node.name in needed or node.plays(Role.INPUT))
    used = {key for node in nodes for key in node.params.values()}
    params = {key: value for key, value in graph.params.items() if key in used}
    return graph.replace(nodes=nodes, params=params)
