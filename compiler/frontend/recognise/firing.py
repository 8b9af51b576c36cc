"""Comparisons of a potential with a threshold: where spikes come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from snnc.compiler.frontend.reroll.body import Body, Operand, Value

aten = torch.ops.aten

_SENSE = {
    "gt": (True, False),
    "ge": (False, False),
    "lt": (False, True),
    "le": (True, True),
}
"""Whether the comparison, or its negation, is strict; whether it is negated."""

_COMPARISONS = {
    getattr(getattr(aten, name), overload): sense
    for name, sense in _SENSE.items()
    for overload in ("Scalar", "Tensor")
}
_ADDING = (aten.add.Tensor, aten.add.Scalar, aten.sub.Tensor, aten.sub.Scalar)


@dataclass(frozen=True, eq=False)
class Firing:
    """S = potential > threshold (or >=, where not ``strict``); the comparison gives 1 - S where
    ``negated``. ``threshold`` is what is compared with: a tensor or a number."""

    potential: Value
    threshold: Any
    strict: bool
    negated: bool

    def same_spikes(self, other: Firing) -> bool:
        """Whether both decide the same."""
        return (
            self.potential is other.potential
            and self.strict == other.strict
            and torch.equal(_tensor(self.threshold), _tensor(other.threshold))
        )


def _tensor(value: Any) -> torch.Tensor:
    return value if isinstance(value, torch.Tensor) else torch.tensor(float(value))


def firing_of(body: Body, value: Value) -> Firing | None:
    """What a comparison decides; None for anything else."""
    sense = _COMPARISONS.get(value.call.op)
    if sense is None:
        return None
    strict, negated = sense
    left, right = _side(body, value, "self"), _side(body, value, "other")
    if isinstance(left, Operand) == isinstance(right, Operand):
        return None
    if isinstance(right, Operand):  # threshold < potential
        left, right = right, left
        strict, negated = (not strict, not negated)
    assert isinstance(left, Operand)
    if left.delay or left.of is None or left.static or is_binary(left.of):
        return None
    potential, threshold = _unshifted(body, left.of, right)
    return Firing(potential, threshold, strict, negated)


def is_binary(value: Value) -> bool:
    """Whether a value is 0 or 1: a comparison, or one in another type."""
    if value.call.op in _COMPARISONS:
        return True
    source = value.operands.get("self")
    same = value.call.op is aten._to_copy.default and source is not None
    return same and source is not None and source.of is not None and is_binary(source.of)


def _side(body: Body, value: Value, name: str) -> Any:
    """An argument: an Operand of the network, a tensor, or a number."""
    operand = value.operands.get(name)
    if operand is None:
        return value.call.arguments[name]
    constant = operand.constant
    return operand if constant is None else body.graph.value(constant)


def _unshifted(body: Body, value: Value, threshold: Any) -> tuple[Value, Any]:
    """(u - c) > 0 is u > c, also in floating point (with gradual underflow)."""
    compared_with_zero = not bool(_tensor(threshold).any())
    if not compared_with_zero or value.call.op not in _ADDING:
        return value, threshold
    left, right = _side(body, value, "self"), _side(body, value, "other")
    plain = value.call.arguments["alpha"] == 1 and isinstance(left, Operand)
    if not plain or isinstance(right, Operand) or left.delay or left.static or left.of is None:
        return value, threshold
    adds = value.call.op in (aten.add.Tensor, aten.add.Scalar)
    return left.of, -right if adds else right
