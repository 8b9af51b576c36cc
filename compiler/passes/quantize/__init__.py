"""Post-training quantization: a float graph becomes a graph of whole numbers.

Every value of the new graph is an integer times a *unit*: 1 for spikes and counts, a number per
output channel for the sums of convolutions and linear layers, one number for all channels inside
attention. Weights are int8, or int4 in layers that are named, with one scale per output channel;
batch norm has been folded before.
Sums are int16 where the weights prove that no partial sum can leave it, else int32.

Calibration (training data) only chooses units and fraction bits, never the width of a sum.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np

from snnc.compiler.ir.graph import Array, Graph, Kind, Node, prune
from snnc.compiler.ir.operation import Operation
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops import (
    Add,
    AddI8,
    Cell,
    ComplementaryMask,
    Conv2d,
    Conv2dI8,
    Conv2dMaps,
    Feedback,
    FeedbackWrite,
    Flatten,
    GroupMean,
    GroupSum,
    Input,
    Linear,
    LinearI8,
    MaskedGate,
    MaskedStatistics,
    MaxPool2d,
    MaxPool2dI8,
    Mlp,
    Neuron,
    NeuronI8,
    Relu,
    Scale,
    Sigmoid,
    Statistics,
    SumPool2d,
    TimeLast,
    TimeLastI8,
    TimeMax,
    TimeMaxI8,
    TimeMean,
    TimeStack,
    TimeStackI8,
    TimeSum,
    TimeSumI8,
    WeightedRows,
)
from snnc.compiler.ops.base import as_op, unsupported
from snnc.compiler.ops.inference import infer_types
from snnc.compiler.ops.int8.fixed import BETA_BITS, LIMITS, CountedIn, Form, narrowest
from snnc.compiler.ops.int8.scaling import (
    Ranges,
    Scaled,
    fractions,
    input_shift,
    membrane_bound,
    shifted_bound,
)
from snnc.compiler.ops.int8.synapses.rows import EIGHTS, PLAIN
from snnc.compiler.ops.int8.synapses.weight_scales import weight_scales
from snnc.compiler.ops.pooling.pool2d import Pool2d
from snnc.compiler.passes.quantize import attention, cells
from snnc.compiler.passes.quantize.building import ONE, Building
from snnc.errors import UNSUPPORTED_LAYER, SnncError

COUNT_LIMIT = 2**16 - 1
"""Events in one cell of a frame; more is an error at run time."""

_COMPARABLE = (Form.TOTAL, Form.SUMS, Form.CURRENT)
"""Values of which one channel has one unit, so that the largest integer is the largest value."""

NARROW_COUNT = 2**6 - 1
"""Counts are kept in 8 bits if calibration saw no more than this; above 255 is an error."""


def quantize(graph: Graph, ranges: Ranges, int4: Collection[str] = ()) -> Graph:
    """The integer twin of an optimised graph, with int4 weights in the layers that are named.

    The output node's attribute ``unit`` is what one unit of its scores is worth.

    Raises:
        SnncError: UNSUPPORTED_LAYER for an op, or a use of one, that has no integer twin.
    """
    return _Quantizer(graph, ranges, int4).run()


def faults(graph: Graph, ranges: Ranges) -> list[tuple[Node, SnncError]]:
    """Every node of an optimised graph that has no integer twin, and why; nothing is raised.

    Behind a node without one, values are taken as known again where they are spikes or counts;
    until there only ops are looked at that have no int8 form whatever they read.
    """
    return _Quantizer(graph, ranges).faults()


class _Quantizer(Building):
    """Conversions by op; those of attention are functions beside it."""

    def run(self) -> Graph:
        """Convert every node, in order."""
        for node in self.graph.nodes:
            self.convert(node)
        outputs = tuple(self.renamed.get(name, name) for name in self.graph.outputs)
        units = {name: float(self.scaled[name].unit.max()) for name in outputs}
        nodes = tuple(
            _counted_in(node, units[node.name]) if node.name in units else node
            for node in self.nodes
        )
        quantized = self.graph.replace(nodes=nodes, params=self.params, outputs=outputs)
        return prune(infer_types(quantized))

    def convert(self, node: Node) -> None:
        """Convert one node. Raises SnncError where it has no integer twin."""
        node = node.replace(inputs=tuple(self.renamed.get(i, i) for i in node.inputs))
        convert = _CONVERSIONS.get(type(node.op))
        if convert is None:
            raise _no_form(node)
        convert(self, node)

    def faults(self) -> list[tuple[Node, SnncError]]:
        """Convert what can be, and list what cannot."""
        found: list[tuple[Node, SnncError]] = []
        unknown: set[str] = set()
        for node in self.graph.nodes:
            try:
                if unknown.isdisjoint(node.inputs):
                    self.convert(node)
                    continue
                if type(node.op) not in _CONVERSIONS:
                    raise _no_form(node)
            except SnncError as error:
                if error.code is not UNSUPPORTED_LAYER:
                    raise
                found.append((node, error))
            if node.type.kind is Kind.REAL:
                unknown.add(node.name)
            else:
                self.keep(node, Scaled(ONE, 1 if node.type.kind is Kind.SPIKE else COUNT_LIMIT))
        return found

    # synapses ----------------------------------------------------------------------------

    def synapse(self, node: Node) -> None:
        """conv2d and linear: narrow weights, or the small convolution of attention's maps."""
        given = self.scaled[node.inputs[0]]
        own = self.graph.params_of(node)
        if self.graph_kind(node.inputs[0]) is Kind.REAL:
            self.maps(node, given, own)
            return
        weight = own["weight"]  # times spikes or counts, whose unit is 1
        bias = own.get("bias", np.zeros(len(weight)))
        packed = node.name in self.int4
        limit = LIMITS["int4" if packed else "int8"]
        scale = weight_scales(self.graph, node, self.int4)
        rows = weight.reshape(len(weight), -1) / scale[:, None]
        integer = np.clip(np.round(rows), -limit, limit)
        offset = np.round(bias / scale)
        # whatever the order and the inputs, a partial sum stays between these two
        most = np.maximum(integer, 0).sum(axis=1) * given.bound + np.abs(offset)
        least = np.maximum(-integer, 0).sum(axis=1) * given.bound + np.abs(offset)
        bound = int(max(most.max(), least.max()))
        params = {"weight": integer.reshape(weight.shape)}
        if "bias" in own:
            params["bias"] = offset
        twin = Conv2dI8 if isinstance(node.op, Conv2d) else LinearI8
        order = EIGHTS if packed else PLAIN
        op = twin.like(node.op, width=narrowest(bound), order=order)
        self.add(node, op, Scaled(scale, bound), params)

    def maps(self, node: Node, given: Scaled, own: Mapping[str, Array]) -> None:
        """A convolution without bias of maps in one unit; the result keeps that unit."""
        if not isinstance(node.op, Conv2d) or "bias" in own or len(given.unit) != 1:
            raise unsupported(
                node, f"{node.op.name} of real values has no int8 form", "Compile with --dtype f32."
            )
        weight, shift = fractions(own["weight"])
        rows = np.abs(weight.reshape(len(weight), -1)).sum(axis=1).max()
        scaled = Scaled(given.unit, shifted_bound(given.bound * int(rows), shift))
        self.add(node, Conv2dMaps.like(node.op, shift=shift), scaled, {"weight": weight})

    # neurons -----------------------------------------------------------------------------

    def neuron(self, node: Node) -> None:
        """A neuron in units of its sums, with as many fraction bits as its range allows."""
        given, op = self.scaled[node.inputs[0]], as_op(node, Neuron)
        channels = node.type.channels
        if node.params or op.reset_mode == "clear":
            raise unsupported(
                node,
                "a neuron with constants of its own per channel, or a clearing reset, has no int8 "
                "form",
                "Compile it with --dtype f32.",
            )
        unit = np.broadcast_to(given.unit * op.numbers["gain"], (channels,))
        if unit.min() <= 0:
            raise unsupported(node, "a neuron whose gain is not positive has no int8 form", "")
        values = {**op.numbers, "initial": op.initial}
        ends = {key: values[key] / unit for key in ("threshold", "reset", "drift", "initial")}
        largest = max(float(np.abs(end).max()) for end in ends.values())
        seen = float((self.ranges.membranes[node.name] / unit).max())
        shift = input_shift(largest, seen, given.bound)
        narrow = largest * 2**shift <= LIMITS["int16"]
        narrow = narrow and given.bound << shift < LIMITS["int32"] // 2
        threshold = ends["threshold"] * 2**shift
        strict = np.floor(threshold) + 1 if op.strict else np.ceil(threshold)
        params = {"threshold": np.clip(strict, -LIMITS["int32"], LIMITS["int32"])}
        for role in ("drift", "reset", "initial"):
            value = np.round(ends[role] * 2**shift)
            if value.any() and not (role == "reset" and op.reset_mode == "none"):
                params[role] = value
        width = "int16" if narrow else "int32"
        beta = round(op.numbers["beta"] * 2**BETA_BITS)
        drive = given.bound << shift
        bound = membrane_bound(op.reset_mode, beta, params, drive, self.graph.time_steps)
        integer = NeuronI8(
            beta=beta,
            input_shift=shift,
            reset_mode=op.reset_mode,
            width=width,
            saturate=bound > LIMITS[width],
            bound=given.bound,
        )
        self.add(node, integer, Scaled(ONE, 1), params)

    # the rest ----------------------------------------------------------------------------

    def input(self, node: Node) -> None:
        """Event counts are exact: 8 bits a cell where calibration is far from filling them."""
        if node.type.kind is Kind.REAL:
            raise unsupported(
                node,
                "an input of real numbers has no int8 form",
                "Compile with --dtype f32, or feed counts: images by rate or latency coding.",
            )
        if node.type.kind is Kind.SPIKE:
            self.keep(node, Scaled(ONE, 1))
            return
        narrow = self.ranges.values[node.name] <= NARROW_COUNT and all(
            user.plays(Role.SYNAPSE) for user in self.users[node.name]
        )
        stored = dataclasses.replace(node.type, dtype="uint8" if narrow else "")
        limit = 2**8 - 1 if narrow else COUNT_LIMIT
        self.keep(node.replace(type=stored), Scaled(ONE, limit))

    def whole(self, node: Node) -> None:
        """flatten, feedback_write and a maximum: spikes and counts as they are."""
        if node.type.kind is Kind.REAL:
            raise unsupported(
                node, f"{node.op.name} of real values has no int8 form", "Compile with --dtype f32."
            )
        self.keep(node, self.scaled[node.inputs[0]])

    def max_pool(self, node: Node) -> None:
        """max_pool2d: spikes and counts as they are; of sums and currents exact, in their unit."""
        if node.type.kind is not Kind.REAL or self.form(node.inputs[0]) not in _COMPARABLE:
            self.whole(node)
        else:
            self.add(node, MaxPool2dI8.like(node.op), self.scaled[node.inputs[0]])

    def add_sums(self, node: Node) -> None:
        """add: a count as :meth:`total`; of two layers' sums with one unit, exact."""
        if node.type.kind is not Kind.REAL:
            self.total(node)
            return
        first, second = (self.scaled[name] for name in node.inputs)
        forms = {self.form(name) for name in node.inputs}
        if not forms <= {Form.SUMS, Form.TOTAL} or not np.array_equal(first.unit, second.unit):
            raise unsupported(
                node, "this sum of real values has no int8 form", "Compile with --dtype f32."
            )
        bound = first.bound + second.bound
        self.add(node, AddI8(width=narrowest(bound)), Scaled(first.unit, bound))

    def total(self, node: Node) -> None:
        """add, sum_pool2d of spikes and counts: a count, exact."""
        if node.type.kind is Kind.REAL:
            raise unsupported(
                node, "the sum of real values has no int8 form", "Compile with --dtype f32."
            )
        terms = int(np.prod(node.op.kernel_size)) if isinstance(node.op, Pool2d) else 1
        bound = terms * sum(self.scaled[name].bound for name in node.inputs)
        if bound > COUNT_LIMIT:
            raise unsupported(
                node, f"a count may reach {bound:,}, more than 65,535", "Compile with --dtype f32."
            )
        self.keep(node, Scaled(ONE, bound))

    def _of_spikes_or_currents(self, node: Node) -> Node:
        """A readout, its real input in one unit for all channels; of counts it is refused."""
        kind = self.graph_kind(node.inputs[0])
        if kind is Kind.COUNT:
            raise unsupported(
                node, f"{node.op.name} of counts has no int8 form", "Compile with --dtype f32."
            )
        return self.current(node) if kind is Kind.REAL else node

    def time_total(self, node: Node) -> None:
        """time_sum, and time_mean as sums, which are T times as large for every class."""
        node = self._of_spikes_or_currents(node)
        given, steps = self.scaled[node.inputs[0]], self.graph.time_steps
        unit = given.unit / steps if isinstance(node.op, TimeMean) else given.unit
        self.add(node, TimeSumI8(), Scaled(unit, given.bound * steps))

    def of_steps(self, node: Node) -> None:
        """time_last, time_max, time_stack: integers as they are, real values in one unit."""
        node = self._of_spikes_or_currents(node)
        op = node.op
        given = self.scaled[node.inputs[0]]
        if isinstance(op, TimeStack):
            self.add(node, TimeStackI8(steps=op.steps, inner=op.inner), given)
        else:
            self.add(node, TimeMaxI8() if isinstance(op, TimeMax) else TimeLastI8(), given)

    def group_mean(self, node: Node) -> None:
        """Sums instead of means: as many times as large for every class."""
        source = self.made(node.inputs[0])
        if not isinstance(source.op, TimeSumI8):
            raise unsupported(
                node,
                "votes before the mean over time have no int8 form",
                "Vote after the mean: the scores are the same.",
            )
        given, size = self.scaled[node.inputs[0]], as_op(node, GroupMean).size
        scaled = Scaled(given.unit / size, given.bound * size)
        self.add(node, GroupSum(size=size), scaled)


def _no_form(node: Node) -> SnncError:
    return unsupported(
        node,
        f"{node.op.name} has no int8 form here",
        "Compile with --dtype f32, or train the model with batch norm and pooling "
        "next to a convolution, where they can be folded.",
    )


def _counted_in(node: Node, unit: float) -> Node:
    """An output that says what its whole numbers stand for."""
    return node.with_op(unit=unit) if isinstance(node.op, CountedIn) else node


_CONVERSIONS: dict[type[Operation], Callable[[_Quantizer, Node], None]] = {
    Input: _Quantizer.input,
    Conv2d: _Quantizer.synapse,
    Linear: _Quantizer.synapse,
    Neuron: _Quantizer.neuron,
    Cell: cells.cell,
    Statistics: attention.statistics,
    MaskedStatistics: attention.masked_statistics,
    WeightedRows: attention.weighted_rows,
    Mlp: attention.mlp,
    Sigmoid: attention.sigmoid,
    ComplementaryMask: attention.complementary_mask,
    MaskedGate: attention.gate,
    Scale: attention.gate,
    Relu: attention.gate,
    Flatten: _Quantizer.whole,
    MaxPool2d: _Quantizer.max_pool,
    Add: _Quantizer.add_sums,
    Feedback: lambda quantizer, node: quantizer.keep(node, Scaled(ONE, 1)),
    FeedbackWrite: _Quantizer.whole,
    SumPool2d: _Quantizer.total,
    TimeMean: _Quantizer.time_total,
    TimeSum: _Quantizer.time_total,
    TimeLast: _Quantizer.of_steps,
    TimeMax: _Quantizer.of_steps,
    TimeStack: _Quantizer.of_steps,
    GroupMean: _Quantizer.group_mean,
}

CONVERTED = frozenset(op.name for op in _CONVERSIONS)
"""The names of the operators that have an int8 form."""

__all__: Sequence[str] = ("CONVERTED", "Ranges", "faults", "quantize")
