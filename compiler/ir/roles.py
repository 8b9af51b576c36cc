"""What an op is to those who do not compute it: the roles that it plays.

Passes, the verifier, counting conventions and reports ask a node for roles and never for names of
ops, so that a new op is known to all of them at once. An op states its roles where it is defined
(:class:`snnc.compiler.ir.operation.Operation`).
"""

from __future__ import annotations

from enum import Enum


class Role(Enum):
    """One thing that an op can be; the value says it in words."""

    INPUT = "what the network is given"
    SYNAPSE = "a layer: sums spikes, counts or reals times weights"
    PRODUCT = "multiplies two matrices of the network"
    NEURON = "an elementwise recurrence: it integrates, and fires if its value is discrete"
    NORMALISATION = "a factor and an offset for each channel"
    ACTIVATION = "a function of each element, without state"
    POOL = "joins the pixels of windows"
    SUM = "adds values of one shape"
    LOGIC = "makes spikes of spikes"
    WIRING = "moves values in space or time, and changes none"
    READOUT = "makes scores of steps or groups"
    STATISTIC = "attention's own arithmetic, from a value to the factor that scales it"
    PERCEPTRON = "attention's two layers of weights"
    MASK = "chooses among real values, so that rounding can show"
    GATE = "scales a value by a factor computed from it"
