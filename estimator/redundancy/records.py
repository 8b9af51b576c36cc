"""What the redundancy measures are made of, gathered in one pass and in bounded memory.

One accumulator a layer: how often each neuron fired at each step, a histogram of the membrane
potential of each channel at each step, and sums of U, U² and (U - S)². Its size depends on the
network and the number of steps, not on the number of samples. Accumulators of parts of a data set
merge into that of the whole: integers exactly, sums of reals to float64's rounding.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from snnc.compiler.ir.graph import Array, Graph, Node, fires
from snnc.compiler.ops import op_of
from snnc.compiler.ops.neurons.spiking import Spiking
from snnc.compiler.ops.view import NodeRun, NodeView
from snnc.errors import BAD_OPTION, InternalError, SnncError
from snnc.estimator.activity import Activity
from snnc.estimator.layers import layers_of

Counts = npt.NDArray[np.unsignedinteger[Any]]
Reals = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Bins:
    """Bins of a membrane histogram: equal widths around the threshold, which is one of the edges,
    and one open bin at either end.

    Attributes:
        threshold: Vth.
        reach: how far the closed bins go below and above it.
        count: number of closed bins, even.
    """

    threshold: float
    reach: float = 2.0
    count: int = 120

    def __post_init__(self) -> None:
        if self.reach <= 0 or self.count < 2 or self.count % 2:
            raise SnncError(
                BAD_OPTION,
                f"a histogram needs a positive reach and an even number of bins, not {self.reach} "
                f"and {self.count}",
            )

    @property
    def width(self) -> float:
        """Width of a closed bin."""
        return 2 * self.reach / self.count

    @property
    def edges(self) -> Reals:
        """The ``count + 1`` edges; the middle one is the threshold itself."""
        half = self.count // 2
        return np.asarray(self.threshold + np.arange(-half, half + 1) * self.width, np.float64)

    @property
    def centres(self) -> Reals:
        """Centres of the closed bins."""
        return (self.edges[:-1] + self.edges[1:]) / 2

    def of(self, values: Array) -> npt.NDArray[np.int64]:
        """Bin of each value: 0 and ``count + 1`` are the open ones. A value on an edge belongs to
        the bin above, as U = Vth fires."""
        edges = self.edges.astype(values.dtype)
        return np.searchsorted(edges, values, side="right").astype(np.int64)


@dataclass
class LayerRecord:
    """Accumulator of one neuron layer.

    Attributes:
        name: the layer.
        shape: of one step: (C, H, W) or (F,).
        time_steps: T.
        bins: of the membrane histogram.
        thresholds: None where all neurons share the threshold that is in ``bins``; else each
            neuron's, broadcasting over a step, and the histogram is of U - Vth.
        samples: how many samples have been added.
        fired: in how many samples each neuron fired at each step, [T, *shape].
        histogram: membrane potentials by step, channel and bin, [T, C, bins + 2].
        potential, potential_squared, error_squared: sums of U, U² and (U - S)² by step and
            channel, [T, C].
    """

    name: str
    shape: tuple[int, ...]
    time_steps: int
    bins: Bins
    thresholds: Array | None = None
    samples: int = 0
    fired: Counts = field(init=False)
    histogram: Counts = field(init=False)
    potential: Reals = field(init=False)
    potential_squared: Reals = field(init=False)
    error_squared: Reals = field(init=False)

    def __post_init__(self) -> None:
        places = (self.time_steps, self.channels)
        self.fired = np.zeros((self.time_steps, *self.shape), np.uint16)
        self.histogram = np.zeros((*places, self.bins.count + 2), np.uint32)
        self.potential, self.potential_squared, self.error_squared = np.zeros((3, *places))

    @property
    def channels(self) -> int:
        """C, or 1: the neurons of a linear layer share one histogram."""
        return self.shape[0] if len(self.shape) == 3 else 1

    @property
    def neurons(self) -> int:
        """Neurons of the layer."""
        return int(np.prod(self.shape))

    @property
    def neurons_per_channel(self) -> int:
        """H·W, or all neurons of a linear layer."""
        return self.neurons // self.channels

    @property
    def bytes(self) -> int:
        """Memory that the accumulator takes."""
        reals = self.potential.nbytes + self.potential_squared.nbytes + self.error_squared.nbytes
        return self.fired.nbytes + self.histogram.nbytes + reals

    def add(self, spikes: Array, membrane: Array) -> None:
        """Add one sample.

        Args:
            spikes: S, 0 or 1, [T, *shape].
            membrane: U before the reset, [T, *shape].
        """
        expected = (self.time_steps, *self.shape)
        if spikes.shape != expected or membrane.shape != expected:
            raise InternalError(
                f"expected spikes and membranes of {expected}, got {spikes.shape} and "
                f"{membrane.shape}",
                where=self.name,
            )
        self.samples += 1
        self._make_room()
        fired = spikes != 0
        self.fired += fired
        for step, potential in enumerate(membrane):
            self._add_step(step, potential, fired[step])

    def _add_step(self, step: int, potential: Array, fired: npt.NDArray[np.bool_]) -> None:
        slots = self.bins.count + 2
        # in floating point U - Vth >= 0 exactly where U >= Vth
        binned = potential if self.thresholds is None else potential - self.thresholds
        by_channel = (self.channels, -1)
        potential, fired = potential.reshape(by_channel), fired.reshape(by_channel)
        rows = np.arange(self.channels)[:, None] * slots
        places = self.bins.of(binned.reshape(by_channel)) + rows
        found = np.bincount(places.ravel(), minlength=self.channels * slots)
        self.histogram[step] += found.reshape(self.channels, slots).astype(self.histogram.dtype)
        exact = potential.astype(np.float64)
        self.potential[step] += exact.sum(axis=1)
        self.potential_squared[step] += np.square(exact).sum(axis=1)
        self.error_squared[step] += np.square(exact - fired).sum(axis=1)

    def merged(self, other: LayerRecord) -> LayerRecord:
        """The accumulator of both sets of samples."""
        mine = (self.name, self.shape, self.time_steps, self.bins)
        if mine != (other.name, other.shape, other.time_steps, other.bins):
            raise InternalError("records of different layers cannot be merged", where=self.name)
        both = LayerRecord(*mine, self.thresholds, self.samples + other.samples)
        both._make_room()
        for record in (self, other):
            both.fired += record.fired
            both.histogram += record.histogram
            both.potential += record.potential
            both.potential_squared += record.potential_squared
            both.error_squared += record.error_squared
        return both

    def _make_room(self) -> None:
        """Widen the counters before they could overflow."""
        self.fired = self.fired.astype(_holding(self.samples, np.uint16), copy=False)
        most = self.samples * self.neurons_per_channel
        self.histogram = self.histogram.astype(_holding(most, np.uint32), copy=False)


def _holding(largest: int, least: type[np.unsignedinteger[Any]]) -> np.dtype[Any]:
    """The smallest unsigned type, from ``least`` up, that holds a number."""
    return np.promote_types(np.min_scalar_type(largest), least)


@dataclass
class Redundancy:
    """Accumulators of the neuron layers of one network.

    Attributes:
        layers: node → its record.
        unmeasured: layer → why its potentials cannot be measured, in words.
    """

    layers: dict[str, LayerRecord]
    unmeasured: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, graph: Graph, *, reach: float = 2.0, bins: int = 120) -> Redundancy:
        """Empty accumulators for the neurons of a graph, by node.

        Args:
            graph: a lowered graph.
            reach: how far the membrane histograms go below and above the threshold.
            bins: number of their bins, even.
        """
        names = {node: layer.name for layer in layers_of(graph) for node in layer.neurons}
        records, unmeasured = {}, {}
        for node in filter(fires, graph.nodes):
            own = _threshold(graph, node)
            if isinstance(own, str):
                unmeasured[names[node.name]] = own
                continue
            thresholds = own.astype(np.float32) if own.ndim else None
            centre = 0.0 if own.ndim else float(own)
            bins_of_node = Bins(centre, reach, bins)
            records[node.name] = LayerRecord(
                names[node.name], node.type.shape, graph.time_steps, bins_of_node, thresholds
            )
        return cls(records, unmeasured)

    @property
    def samples(self) -> int:
        """How many samples have been added."""
        return next(iter(self.layers.values())).samples if self.layers else 0

    @property
    def bytes(self) -> int:
        """Memory that the accumulators take, whatever the number of samples."""
        return sum(record.bytes for record in self.layers.values())

    def add(self, recorded: Mapping[tuple[str, str], Array]) -> None:
        """Add one sample.

        Args:
            recorded: (node, "value") and (node, "membrane") of every neuron, [T, *shape]: from
                :func:`recorded` or from an observed build of the C.
        """
        for node, record in self.layers.items():
            record.add(recorded[node, "value"], recorded[node, "membrane"])

    def merged(self, other: Redundancy) -> Redundancy:
        """The accumulators of both sets of samples."""
        if list(self.layers) != list(other.layers):
            raise InternalError("records of different networks cannot be merged")
        return Redundancy(
            {node: record.merged(other.layers[node]) for node, record in self.layers.items()},
            self.unmeasured,
        )


def recorded(activity: Activity) -> dict[tuple[str, str], Array]:
    """Spikes and membrane potentials of every neuron whose potentials can be measured, on one
    sample of a reference run."""
    graph, values = activity.network.executed, activity.executed
    found: dict[tuple[str, str], Array] = {}
    for node in filter(fires, graph.nodes):
        op = op_of(node)
        if not isinstance(op, Spiking) or isinstance(_threshold(graph, node), str):
            continue
        spikes = values[node.name]
        run = NodeRun.of(graph, node, values).to(spikes.dtype)
        found[node.name, "value"] = spikes.numpy()
        found[node.name, "membrane"] = op.potentials(run, spikes).numpy()
    return found


def _threshold(graph: Graph, node: Node) -> Array | str:
    """What a neuron's potential is compared with: 0-D, or one a channel or neuron; in words why
    there is no such threshold."""
    op = op_of(node)
    if not isinstance(op, Spiking):
        return "a quantized network's potentials have a unit of their own a channel"
    own = op.fixed_threshold(NodeView.of(graph, node))
    if own is None:
        return "it fires by more than one potential and a constant threshold"
    return own


def gather(redundancy: Redundancy, samples: Iterable[Mapping[tuple[str, str], Array]]) -> None:
    """Add samples one at a time (:meth:`Redundancy.add`)."""
    for sample in samples:
        redundancy.add(sample)
