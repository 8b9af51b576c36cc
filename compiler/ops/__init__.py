"""The operators, one file each with everything about it, and the table that lists them."""

from __future__ import annotations

from snnc.compiler.ir import Node
from snnc.compiler.ops.add import Add
from snnc.compiler.ops.affine import Affine
from snnc.compiler.ops.asa import Asa
from snnc.compiler.ops.avg_pool2d import AvgPool2d
from snnc.compiler.ops.base import Composite, Counts, Op, Sample
from snnc.compiler.ops.batch_norm import BatchNorm
from snnc.compiler.ops.cells.op import Cell
from snnc.compiler.ops.complementary_mask import ComplementaryMask
from snnc.compiler.ops.conv2d import Conv2d
from snnc.compiler.ops.delay import Delay
from snnc.compiler.ops.feedback import Feedback
from snnc.compiler.ops.feedback_write import FeedbackWrite
from snnc.compiler.ops.flatten import Flatten
from snnc.compiler.ops.gates import ChannelGate, SpatialGate, TemporalGate
from snnc.compiler.ops.group_mean import GroupMean
from snnc.compiler.ops.input import Input
from snnc.compiler.ops.int8.add import AddI8
from snnc.compiler.ops.int8.conv2d import Conv2dI8
from snnc.compiler.ops.int8.conv2d_maps import Conv2dMaps
from snnc.compiler.ops.int8.group_sum import GroupSum
from snnc.compiler.ops.int8.linear import LinearI8
from snnc.compiler.ops.int8.masked_gate import MaskedGateI8
from snnc.compiler.ops.int8.masked_statistics import MaskedStatisticsI8
from snnc.compiler.ops.int8.mlp import MlpI8
from snnc.compiler.ops.int8.neuron import NeuronI8
from snnc.compiler.ops.int8.relu import ReluI8
from snnc.compiler.ops.int8.requantize import Requantize
from snnc.compiler.ops.int8.scale import ScaleI8
from snnc.compiler.ops.int8.sigmoid import SigmoidI8
from snnc.compiler.ops.int8.statistics import StatisticsI8
from snnc.compiler.ops.int8.time_sum import TimeSumI8
from snnc.compiler.ops.int8.weighted_rows import WeightedRowsI8
from snnc.compiler.ops.integrator import Integrator
from snnc.compiler.ops.linear import Linear
from snnc.compiler.ops.masked_gate import MaskedGate
from snnc.compiler.ops.masked_statistics import MaskedStatistics
from snnc.compiler.ops.max_pool2d import MaxPool2d
from snnc.compiler.ops.mlp import Mlp
from snnc.compiler.ops.neuron import Neuron
from snnc.compiler.ops.relu import Relu
from snnc.compiler.ops.scale import Scale
from snnc.compiler.ops.sigmoid import Sigmoid
from snnc.compiler.ops.spike_logic import SpikeLogic
from snnc.compiler.ops.statistics import Statistics
from snnc.compiler.ops.sum_pool2d import SumPool2d
from snnc.compiler.ops.time_mean import TimeMean
from snnc.compiler.ops.time_sum import TimeSum
from snnc.compiler.ops.weighted_rows import WeightedRows
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
    GroupSum,
    AddI8,
    SumPool2d,
    Integrator,
    Affine,
    Delay,
    Feedback,
    FeedbackWrite,
    SpikeLogic,
    TimeSum,
    Cell,
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
