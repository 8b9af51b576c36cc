"""Reading a NIR file: a flat, ordered list of its nodes, or one sentence about what is wrong.

NIR (Neuromorphic Intermediate Representation, Pedersen et al. 2024) is HDF5: reading it runs no
code. It stores neither the reset rule nor the step of a discretisation, so both are options here;
nor whether a neuron may fire several spikes a step, and how low its potential may go.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import networkx as nx
import numpy as np

from snnc.compiler.frontend.nir.hdf5 import read_hdf5, unreadable
from snnc.compiler.frontend.nir.loops import FIRES, loops, neuron_shape, order
from snnc.errors import (
    BAD_CHECKPOINT,
    BAD_OPTION,
    BAD_SHAPE,
    BAD_WEIGHTS,
    MISSING_EXTRA,
    UNSUPPORTED_LAYER,
    SnncError,
)
from snnc.messages import first_sentence, shown
from snnc.user_files import open_file

log = logging.getLogger(__name__)

Reset = Literal["zero", "subtract"]
Spikes = Literal["one", "many"]

MOST_SPIKES = 1023
"""Of a neuron in one step, where there are several: a pool may still add them up in 16 bits."""

TIMED = ("I", "LI", "CubaLI", "Delay", *FIRES)


@dataclass(frozen=True)
class NirOptions:
    """What a NIR file leaves open.

    Attributes:
        reset: "zero": the potential becomes v_reset (0 unless the file says so) after a spike;
            "subtract": the threshold is taken off it.
        dt: length of a time step in the unit of the file's time constants; the equations are
            discretised by forward Euler with it.
        spikes: "one" at most in a step, where v > v_threshold; "many": one for each whole
            v_threshold in v, as sinabs' default is, up to :data:`MOST_SPIKES`. None: one, and a
            warning.
        floor: the least potential after a step; -inf: there is none. None: none, and a warning.
    """

    reset: Reset | None = None
    dt: float | None = None
    spikes: Spikes | None = None
    floor: float | None = None

    def __post_init__(self) -> None:
        if self.reset is not None and self.reset not in get_args(Reset):
            raise SnncError(BAD_OPTION, f"the reset is zero or subtract, not {self.reset!r}")
        if self.dt is not None and not (np.isfinite(self.dt) and self.dt > 0):
            raise SnncError(BAD_OPTION, f"the time step must be above 0, not {self.dt}")
        if self.spikes is not None and self.spikes not in get_args(Spikes):
            raise SnncError(BAD_OPTION, f"spikes a step are one or many, not {self.spikes!r}")
        if self.floor is not None and not self.floor <= 0:  # where potentials begin
            raise SnncError(BAD_OPTION, f"the floor is 0 or less, or -inf, not {self.floor}")

    @property
    def plain(self) -> bool:
        """Whether neurons fire one spike a step and have no floor."""
        return self.spikes != "many" and self.floor in (None, -np.inf)

    def as_json(self) -> dict[str, Any]:
        """The entry of the manifest, with the rules that follow from it."""
        return {
            "nir_reset": self.reset,
            "nir_dt": self.dt,
            "nir_spikes": self.spikes or "one",
            "nir_floor": None if self.floor in (None, -np.inf) else self.floor,
            "nir_rules": "numbers in float32; forward Euler; synapse before membrane; v = 0 at the "
            "start; fires where v > v_threshold, or floor(v / v_threshold) spikes, at most "
            f"{MOST_SPIKES}; the reset acts at the end of the step, and then the floor; a neuron's "
            "spikes return to itself a step later, and delays on the way come on top; scores are "
            "the mean of the output over time",
        }


@dataclass(frozen=True)
class NirNode:
    """A node of the file, with the keys of the nodes whose outputs are summed into it.

    Attributes:
        recurrent: keys of neurons whose spikes of the step before are added to that.
        loop: key of the neuron in whose recurrent loop the node lies, "" for none.
        neurons: of such a neuron, the shape of its spikes.
    """

    key: str
    type: str
    node: Any
    inputs: tuple[str, ...]
    recurrent: tuple[str, ...] = ()
    loop: str = ""
    neurons: tuple[int, ...] = ()

    def numbers(self, field: str) -> np.ndarray[Any, np.dtype[np.float64]]:
        """A field as float64. Raises SnncError (BAD_WEIGHTS) for NaN, infinity or no numbers."""
        value = np.asarray(getattr(self.node, field))
        if value.dtype.kind not in "fiub":
            raise SnncError(BAD_WEIGHTS, f"{field} is {value.dtype}, not real", where=self.key)
        value = value.astype(np.float64)
        if not np.isfinite(value).all():
            raise SnncError(BAD_WEIGHTS, f"{field} holds NaN or infinity", where=self.key)
        return value


@dataclass(frozen=True)
class NirFile:
    """A network: its nodes between Input and Output, in order, and the shape of one step (a signal
    (C, L) is handled as an image (C, 1, L); ``declared_shape`` is the file's own)."""

    nodes: tuple[NirNode, ...]
    input_key: str
    input_shape: tuple[int, ...]
    declared_shape: tuple[int, ...]
    outputs: tuple[str, ...]
    options: NirOptions


def read(path: str | Path, options: NirOptions) -> NirFile:
    """Read a file.

    Raises:
        SnncError: MISSING_EXTRA without the ``nir`` package; BAD_CHECKPOINT where the file cannot
            be read; BAD_OPTION where the file needs an option; UNSUPPORTED_LAYER for a graph with
            several inputs or with a loop over several layers; BAD_SHAPE where it has no input.
    """
    nir = nir_package()
    open_file(path, BAD_CHECKPOINT).close()
    try:
        graph = nir.dict2NIRNode(read_hdf5(path))
    except SnncError:
        raise
    except Exception as error:  # nir raises many types; each means: not readable as NIR
        raise unreadable(path, first_sentence(error)) from error
    if type(graph).__name__ != "NIRGraph":
        raise SnncError(
            BAD_CHECKPOINT, f"it holds a {type(graph).__name__}, not a graph", where=str(path)
        )
    return from_graph(graph, options, where=str(path))


def nir_package() -> Any:
    """The nir package. Raises SnncError (MISSING_EXTRA)."""
    try:
        return importlib.import_module("nir")
    except ImportError as error:
        raise SnncError(
            MISSING_EXTRA, "reading NIR needs the nir package", hint="pip install 'snnc[nir]'"
        ) from error


def from_graph(graph: Any, options: NirOptions, *, where: str = "NIR graph") -> NirFile:
    """The same from an ``nir.NIRGraph`` in memory. Raises SnncError as :func:`read` does."""
    nodes, edges = _inlined(graph, "")
    kinds = {key: type(node).__name__ for key, node in nodes.items()}
    inputs = [key for key, kind in kinds.items() if kind == "Input"]
    outputs = [key for key, kind in kinds.items() if kind == "Output"]
    _check_ends(inputs, outputs, edges, kinds, where)
    flow: nx.DiGraph[str] = nx.DiGraph()
    flow.add_nodes_from(nodes)
    flow.add_edges_from(edges)
    within = loops(flow, kinds, where)
    reached = nx.descendants(flow, inputs[0])
    needed = set(outputs).union(*(nx.ancestors(flow, key) for key in outputs))
    ordered = [
        _node(key, nodes, flow, within)
        for key in order(flow, within, _natural)
        if key in needed and kinds[key] not in ("Input", "Output")
    ]
    _check_reached(ordered, reached, where)
    _check_options({node.type for node in ordered}, options, where)
    _check_time_constants(ordered, options)
    _warn_of_defaults({node.type for node in ordered}, options, where)
    shape = _shape(nodes[inputs[0]], inputs[0])
    declared = tuple(int(size) for size in nodes[inputs[0]].input_type["input"])
    sources = tuple(sorted(flow.predecessors(outputs[0]), key=_natural))
    return NirFile(tuple(ordered), inputs[0], shape, declared, sources, options)


def _inlined(graph: Any, prefix: str) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Nodes and edges with every nested graph's own in its place, joined at its Input, Output."""
    nodes: dict[str, Any] = {}
    edges: list[tuple[str, str]] = []
    entries: dict[str, list[str]] = {}
    exits: dict[str, list[str]] = {}
    for key, node in graph.nodes.items():
        if type(node).__name__ != "NIRGraph":
            nodes[f"{prefix}{key}"] = node
            entries[key] = exits[key] = [f"{prefix}{key}"]
            continue
        inner, inner_edges = _inlined(node, f"{prefix}{key}/")
        ends = {end for end, at in inner.items() if type(at).__name__ in ("Input", "Output")}
        nodes |= {end: at for end, at in inner.items() if end not in ends}
        edges += [(a, b) for a, b in inner_edges if a not in ends and b not in ends]
        entries[key] = [b for a, b in inner_edges if type(inner[a]).__name__ == "Input"]
        exits[key] = [a for a, b in inner_edges if type(inner[b]).__name__ == "Output"]
    for a, b in graph.edges:
        for key in (a, b):
            if key not in exits:
                what = f"an edge names {shown(f'{prefix}{key}')}, which is no node"
                raise SnncError(BAD_CHECKPOINT, what)
        edges += [(source, target) for source in exits[a] for target in entries[b]]
    return nodes, edges


def _node(
    key: str, nodes: Mapping[str, Any], flow: nx.DiGraph[str], within: Mapping[str, str]
) -> NirNode:
    """A node with its edges in order, those that close a loop apart."""
    loop = within.get(key, "")
    sources = sorted(flow.predecessors(key), key=_natural)
    neurons = neuron_shape(nodes[key], [nodes[s] for s in sources], key) if key == loop else ()
    return NirNode(
        key,
        type(nodes[key]).__name__,
        nodes[key],
        tuple(source for source in sources if source != loop),
        tuple(source for source in sources if source == loop),
        loop,
        neurons,
    )


def _natural(key: str) -> tuple[int, str]:
    return (int(key), "") if key.isdigit() else (10**9, key)


def _check_ends(
    inputs: list[str],
    outputs: list[str],
    edges: list[tuple[str, str]],
    kinds: Mapping[str, str],
    where: str,
) -> None:
    for what, found in (("Input", inputs), ("Output", outputs)):
        if len(found) != 1:
            raise SnncError(
                UNSUPPORTED_LAYER,
                f"it has {len(found)} {what} nodes, and one is needed",
                where=where,
                hint="Export a network with one input and one output.",
            )
    unknown = sorted({key for edge in edges for key in edge if key not in kinds})
    if unknown:
        raise SnncError(
            BAD_CHECKPOINT, f"an edge names {unknown[0]!r}, which is no node", where=where
        )


def _check_reached(ordered: list[NirNode], reached: set[str], where: str) -> None:
    if not ordered:
        raise SnncError(BAD_SHAPE, "no path leads from Input to Output", where=where)
    for node in ordered:
        if node.key not in reached:
            raise SnncError(
                BAD_CHECKPOINT, f"node {node.key!r} ({node.type}) has no input", where=where
            )


def _check_options(types: set[str], options: NirOptions, where: str) -> None:
    if types & set(FIRES) and options.reset is None:
        raise SnncError(
            BAD_OPTION,
            "a NIR file does not say how its neurons reset",
            where=where,
            hint="Give --nir-reset zero or --nir-reset subtract, as it was trained.",
        )
    if types & set(TIMED) and options.dt is None:
        raise SnncError(
            BAD_OPTION,
            "a NIR file does not say how long a time step is",
            where=where,
            hint="Give --nir-dt in the unit of its time constants (1 where a step is the unit).",
        )


def _warn_of_defaults(types: set[str], options: NirOptions, where: str) -> None:
    """Say what is assumed where neither the file nor the user says it."""
    assumed = [
        (options.spikes, "at most one spike a step (--nir-spikes one or many)"),
        (options.floor, "no floor under the potential (--nir-floor NUMBER, or -inf for none)"),
    ]
    unsaid = [what for given, what in assumed if given is None]
    if types & set(FIRES) and unsaid:
        log.warning(
            "%s: a NIR file cannot say it, so this is assumed: %s. sinabs' default export means "
            "--nir-spikes many --nir-floor -1.",
            shown(where),
            "; ".join(unsaid),
        )


def _check_time_constants(ordered: list[NirNode], options: NirOptions) -> None:
    for node in ordered:
        for field in ("tau", "tau_syn", "tau_mem"):
            if hasattr(node.node, field) and options.dt is not None:
                shortest = node.numbers(field).min()
                if shortest < options.dt:
                    raise SnncError(
                        BAD_OPTION,
                        f"its {field} of {shortest:g} is shorter than the time step {options.dt:g}",
                        where=node.key,
                        hint="Choose a smaller --nir-dt, in the unit of the file's time constants.",
                    )


def _shape(node: Any, key: str) -> tuple[int, ...]:
    """Shape of one step; a signal (C, L) travels as an image (C, 1, L)."""
    given = np.asarray(node.input_type["input"])
    if given.dtype.kind not in "iu" or given.ndim != 1 or given.size == 0 or (given < 1).any():
        raise SnncError(BAD_SHAPE, f"the input has no fixed shape ({given})", where=key)
    shape = tuple(int(size) for size in given)
    if len(shape) > 3:
        raise SnncError(BAD_SHAPE, f"an input of {len(shape)} dimensions is unknown", where=key)
    return as_image(shape)


def as_image(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A signal (C, L) travels as an image (C, 1, L)."""
    return (shape[0], 1, shape[1]) if len(shape) == 2 else shape
