"""What is computed after the loop, number by number, as a cell reads it: values of a body."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from snnc.compiler.frontend.reroll.body import Late, Operand, Value
from snnc.compiler.frontend.reroll.steps import StepCall
from snnc.compiler.frontend.understand.regions import is_elementwise


def late_cell(call: StepCall, operands: Mapping[str, Any]) -> tuple[Value, dict[Late, Value]]:
    """An operation after the loop as a value of a body, and what stands for the values that it
    reads; :func:`compares` says which of these the same cell computes."""
    sources: dict[Late, Value] = {}
    return _value(call, operands, sources), sources


def compares(late: Late) -> bool:
    """Whether a value of the window is a truth value, made number by number."""
    call = late.call
    return call is not None and call.dtype is torch.bool and is_elementwise(Value(call))


def _value(call: StepCall, operands: Mapping[str, Any], sources: dict[Late, Value]) -> Value:
    value = Value(call)
    for name, read in operands.items():
        if not isinstance(read, Late):
            value.operands[name] = Operand(static={0: read})
            continue
        if read not in sources:
            within = read.call if compares(read) else None
            sources[read] = (
                Value(call) if within is None else _value(within, read.operands, sources)
            )
        value.operands[name] = Operand(sources[read])
    return value
