"""The operators, one file each with everything about it, and the table that lists them."""

from __future__ import annotations

from snnc.compiler.ir.graph import Node
from snnc.compiler.ops.attention.asa import Asa
from snnc.compiler.ops.attention.complementary_mask import ComplementaryMask
from snnc.compiler.ops.attention.gates import ChannelGate, SpatialGate, TemporalGate
from snnc.compiler.ops.attention.masked_gate import MaskedGate
from snnc.compiler.ops.attention.masked_statistics import MaskedStatistics
from snnc.compiler.ops.attention.mlp import Mlp
from snnc.compiler.ops.attention.statistics import Statistics
from snnc.compiler.ops.base import Composite, Counts, Op, Sample
from snnc.compiler.ops.cells.op import Cell
from snnc.compiler.ops.elementwise.add import Add
from snnc.compiler.ops.elementwise.affine import Affine
from snnc.compiler.ops.elementwise.batch_norm import BatchNorm
from snnc.compiler.ops.elementwise.relu import Relu
from snnc.compiler.ops.elementwise.rows import Softmax, Standardize
from snnc.compiler.ops.elementwise.scale import Scale
from snnc.compiler.ops.elementwise.sigmoid import Sigmoid
from snnc.compiler.ops.elementwise.spike_logic import SpikeLogic
from snnc.compiler.ops.int8.attention.masked_gate import MaskedGateI8
from snnc.compiler.ops.int8.attention.masked_statistics import MaskedStatisticsI8
from snnc.compiler.ops.int8.attention.mlp import MlpI8
from snnc.compiler.ops.int8.attention.statistics import StatisticsI8
from snnc.compiler.ops.int8.attention.weighted_rows import WeightedRowsI8
from snnc.compiler.ops.int8.elementwise.add import AddI8
from snnc.compiler.ops.int8.elementwise.relu import ReluI8
from snnc.compiler.ops.int8.elementwise.requantize import Requantize
from snnc.compiler.ops.int8.elementwise.scale import ScaleI8
from snnc.compiler.ops.int8.elementwise.sigmoid import SigmoidI8
from snnc.compiler.ops.int8.neuron import NeuronI8
from snnc.compiler.ops.int8.pooling.max_pool2d import MaxPool2dI8
from snnc.compiler.ops.int8.readout.group_sum import GroupSum
from snnc.compiler.ops.int8.readout.of_steps import TimeLastI8, TimeMaxI8, TimeStackI8
from snnc.compiler.ops.int8.readout.time_sum import TimeSumI8
from snnc.compiler.ops.int8.synapses.conv2d import Conv2dI8
from snnc.compiler.ops.int8.synapses.conv2d_maps import Conv2dMaps
from snnc.compiler.ops.int8.synapses.linear import LinearI8
from snnc.compiler.ops.neurons.integrator import Integrator
from snnc.compiler.ops.neurons.neuron import Neuron
from snnc.compiler.ops.neurons.time_mix import TimeMix
from snnc.compiler.ops.pooling.avg_pool2d import AvgPool2d
from snnc.compiler.ops.pooling.max_pool2d import MaxPool2d
from snnc.compiler.ops.pooling.reduce import Reduce
from snnc.compiler.ops.pooling.sum_pool2d import SumPool2d
from snnc.compiler.ops.readout.group_mean import GroupMean
from snnc.compiler.ops.readout.time_last import TimeLast
from snnc.compiler.ops.readout.time_max import TimeMax
from snnc.compiler.ops.readout.time_mean import TimeMean
from snnc.compiler.ops.readout.time_stack import TimeStack
from snnc.compiler.ops.readout.time_sum import TimeSum
from snnc.compiler.ops.synapses.axis_linear import AxisLinear
from snnc.compiler.ops.synapses.conv2d import Conv2d
from snnc.compiler.ops.synapses.linear import Linear
from snnc.compiler.ops.synapses.matmul import Matmul
from snnc.compiler.ops.synapses.weighted_rows import WeightedRows
from snnc.compiler.ops.wiring.arrange import Arrange
from snnc.compiler.ops.wiring.concat import Concat
from snnc.compiler.ops.wiring.delay import Delay
from snnc.compiler.ops.wiring.feedback import Feedback
from snnc.compiler.ops.wiring.feedback_write import FeedbackWrite
from snnc.compiler.ops.wiring.flatten import Flatten
from snnc.compiler.ops.wiring.input import Input
from snnc.compiler.ops.wiring.pad import Pad
from snnc.errors import InternalError

_OPS: tuple[type[Op], ...] = (
    Input,
    Conv2d,
    Linear,
    BatchNorm,
    Neuron,
    AvgPool2d,
    MaxPool2d,
    Add,
    Relu,
    Sigmoid,
    Flatten,
    Scale,
    Statistics,
    WeightedRows,
    Mlp,
    ComplementaryMask,
    MaskedStatistics,
    MaskedGate,
    TimeMean,
    GroupMean,
    Conv2dI8,
    LinearI8,
    NeuronI8,
    Requantize,
    StatisticsI8,
    WeightedRowsI8,
    MlpI8,
    SigmoidI8,
    MaskedStatisticsI8,
    Conv2dMaps,
    MaskedGateI8,
    ScaleI8,
    ReluI8,
    TimeSumI8,
    TimeLastI8,
    TimeMaxI8,
    TimeStackI8,
    GroupSum,
    AddI8,
    MaxPool2dI8,
    SumPool2d,
    Integrator,
    Affine,
    Delay,
    Feedback,
    FeedbackWrite,
    SpikeLogic,
    TimeSum,
    Cell,
    Arrange,
    Concat,
    Pad,
    Reduce,
    AxisLinear,
    Matmul,
    Standardize,
    Softmax,
    TimeLast,
    TimeMax,
    TimeStack,
    TimeMix,
)

_COMPOSITES: tuple[type[Composite], ...] = (Asa, SpatialGate, TemporalGate, ChannelGate)

OPS: dict[str, Op] = {op.name: op() for op in _OPS}
COMPOSITES: dict[str, Composite] = {op.name: op() for op in _COMPOSITES}

__all__ = ["COMPOSITES", "OPS", "Composite", "Counts", "Op", "Sample", "op_of"]


def op_of(node: Node) -> Op:
    """The operator of a node. Raises InternalError for one that a pass should have lowered."""
    if node.op not in OPS:
        raise InternalError(f"no operator called {node.op!r} (was it lowered?)", where=node.name)
    return OPS[node.op]
