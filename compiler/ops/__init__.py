"""The operators, one file each with everything about it, and the table that lists them."""

from __future__ import annotations

from snnc.compiler.ir.graph import Node
from snnc.compiler.ir.operation import Operation
from snnc.compiler.ops.attention.asa import Asa as Asa
from snnc.compiler.ops.attention.complementary_mask import ComplementaryMask as ComplementaryMask
from snnc.compiler.ops.attention.gates import ChannelGate as ChannelGate
from snnc.compiler.ops.attention.gates import SpatialGate as SpatialGate
from snnc.compiler.ops.attention.gates import TemporalGate as TemporalGate
from snnc.compiler.ops.attention.masked_gate import MaskedGate as MaskedGate
from snnc.compiler.ops.attention.masked_statistics import MaskedStatistics as MaskedStatistics
from snnc.compiler.ops.attention.mlp import Mlp as Mlp
from snnc.compiler.ops.attention.statistics import Statistics as Statistics
from snnc.compiler.ops.base import Composite as Composite
from snnc.compiler.ops.base import Counts as Counts
from snnc.compiler.ops.base import Op as Op
from snnc.compiler.ops.base import Sample as Sample
from snnc.compiler.ops.cells.op import Cell as Cell
from snnc.compiler.ops.elementwise.add import Add as Add
from snnc.compiler.ops.elementwise.affine import Affine as Affine
from snnc.compiler.ops.elementwise.batch_norm import BatchNorm as BatchNorm
from snnc.compiler.ops.elementwise.relu import Relu as Relu
from snnc.compiler.ops.elementwise.rows import Softmax as Softmax
from snnc.compiler.ops.elementwise.rows import Standardize as Standardize
from snnc.compiler.ops.elementwise.scale import Scale as Scale
from snnc.compiler.ops.elementwise.sigmoid import Sigmoid as Sigmoid
from snnc.compiler.ops.elementwise.spike_logic import SpikeLogic as SpikeLogic
from snnc.compiler.ops.int8.attention.masked_gate import MaskedGateI8 as MaskedGateI8
from snnc.compiler.ops.int8.attention.masked_statistics import (
    MaskedStatisticsI8 as MaskedStatisticsI8,
)
from snnc.compiler.ops.int8.attention.mlp import MlpI8 as MlpI8
from snnc.compiler.ops.int8.attention.statistics import StatisticsI8 as StatisticsI8
from snnc.compiler.ops.int8.attention.weighted_rows import WeightedRowsI8 as WeightedRowsI8
from snnc.compiler.ops.int8.cells.cell import CellI8 as CellI8
from snnc.compiler.ops.int8.elementwise.add import AddI8 as AddI8
from snnc.compiler.ops.int8.elementwise.relu import ReluI8 as ReluI8
from snnc.compiler.ops.int8.elementwise.requantize import Requantize as Requantize
from snnc.compiler.ops.int8.elementwise.scale import ScaleI8 as ScaleI8
from snnc.compiler.ops.int8.elementwise.sigmoid import SigmoidI8 as SigmoidI8
from snnc.compiler.ops.int8.neuron import NeuronI8 as NeuronI8
from snnc.compiler.ops.int8.pooling.max_pool2d import MaxPool2dI8 as MaxPool2dI8
from snnc.compiler.ops.int8.readout.group_sum import GroupSum as GroupSum
from snnc.compiler.ops.int8.readout.of_steps import TimeLastI8 as TimeLastI8
from snnc.compiler.ops.int8.readout.of_steps import TimeMaxI8 as TimeMaxI8
from snnc.compiler.ops.int8.readout.of_steps import TimeStackI8 as TimeStackI8
from snnc.compiler.ops.int8.readout.time_sum import TimeSumI8 as TimeSumI8
from snnc.compiler.ops.int8.synapses.conv2d import Conv2dI8 as Conv2dI8
from snnc.compiler.ops.int8.synapses.conv2d_maps import Conv2dMaps as Conv2dMaps
from snnc.compiler.ops.int8.synapses.linear import LinearI8 as LinearI8
from snnc.compiler.ops.neurons.integrator import Integrator as Integrator
from snnc.compiler.ops.neurons.neuron import Neuron as Neuron
from snnc.compiler.ops.neurons.time_mix import TimeMix as TimeMix
from snnc.compiler.ops.pooling.avg_pool2d import AvgPool2d as AvgPool2d
from snnc.compiler.ops.pooling.max_pool2d import MaxPool2d as MaxPool2d
from snnc.compiler.ops.pooling.reduce import Reduce as Reduce
from snnc.compiler.ops.pooling.sum_pool2d import SumPool2d as SumPool2d
from snnc.compiler.ops.readout.group_mean import GroupMean as GroupMean
from snnc.compiler.ops.readout.time_last import TimeLast as TimeLast
from snnc.compiler.ops.readout.time_max import TimeMax as TimeMax
from snnc.compiler.ops.readout.time_mean import TimeMean as TimeMean
from snnc.compiler.ops.readout.time_stack import TimeStack as TimeStack
from snnc.compiler.ops.readout.time_sum import TimeSum as TimeSum
from snnc.compiler.ops.synapses.axis_linear import AxisLinear as AxisLinear
from snnc.compiler.ops.synapses.conv2d import Conv2d as Conv2d
from snnc.compiler.ops.synapses.linear import Linear as Linear
from snnc.compiler.ops.synapses.matmul import Matmul as Matmul
from snnc.compiler.ops.synapses.weighted_rows import WeightedRows as WeightedRows
from snnc.compiler.ops.wiring.arrange import Arrange as Arrange
from snnc.compiler.ops.wiring.concat import Concat as Concat
from snnc.compiler.ops.wiring.delay import Delay as Delay
from snnc.compiler.ops.wiring.feedback import Feedback as Feedback
from snnc.compiler.ops.wiring.feedback_write import FeedbackWrite as FeedbackWrite
from snnc.compiler.ops.wiring.flatten import Flatten as Flatten
from snnc.compiler.ops.wiring.input import Input as Input
from snnc.compiler.ops.wiring.pad import Pad as Pad
from snnc.errors import InternalError

# What is imported above and has a name is an operator: a line there adds one to the tables.
_CLASSES = [
    entry
    for entry in list(globals().values())
    if isinstance(entry, type) and issubclass(entry, Operation) and "name" in vars(entry)
]

OPS: dict[str, type[Op]] = {op.name: op for op in _CLASSES if issubclass(op, Op)}
COMPOSITES: dict[str, type[Composite]] = {
    op.name: op for op in _CLASSES if issubclass(op, Composite)
}


def op_of(node: Node) -> Op:
    """The operator of a node. Raises InternalError for one that a pass should have lowered."""
    if not isinstance(node.op, Op):
        raise InternalError(
            f"no operator is called {node.op.name!r} (was it lowered?)", where=node.name
        )
    return node.op
