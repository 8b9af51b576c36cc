"""What convolution and linear layers share: a weighted sum over active inputs."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from snnc.compiler.ir.attributes import one_of
from snnc.compiler.ir.graph import Array, Kind, Node, TensorType
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops.base import Op
from snnc.compiler.ops.rounding import (
    SMALLEST,
    SMALLEST_NORMAL,
    UNIT,
    carries,
    gamma,
    gamma_of,
    parameter_rounding,
)
from snnc.compiler.ops.view import BoundedRun, NodeView

Apply = Callable[[torch.Tensor, torch.Tensor, torch.Tensor | None], torch.Tensor]

EVENT = "event"
DENSE = "dense"

WORD_BITS = 32
"""Spikes of a word."""


@dataclass(frozen=True)
class Work:
    """What one step of a layer could have to do: vectors of outputs begun and stored, spike words
    looked at, and vectors of weights that a full input would add."""

    pixels: int
    words: int
    vectors: int


class Synapse(Op):
    """A layer that has an event-driven and a dense kernel for spikes, with the same values."""

    roles = (Role.SYNAPSE,)
    kernel: str = one_of(EVENT, DENSE, default=EVENT)

    @abstractmethod
    def work(self, view: NodeView) -> Work:
        """The work of one step, from which the faster kernel follows."""


def kernel_of(node: Node) -> str:
    """The kernel variant that a pass chose for the node (event-driven unless it says dense)."""
    return node.op.kernel if isinstance(node.op, Synapse) else EVENT


def kernel_suffix(node: Node, given: TensorType) -> str:
    """The part of the C kernel's name that says what it reads."""
    if given.kind is Kind.SPIKE:
        return "spike_dense" if kernel_of(node) == DENSE else "spike"
    suffix: str = given.kind.value
    return f"{suffix}8" if given.dtype == "uint8" else suffix


LANES = 16
"""Channels of a vector of the kernels (SNN_LANES)."""
TILE = 4
"""Vectors of output channels that a kernel keeps in registers together (SNN_TILE_VECTORS)."""
L1_BYTES = 65536
"""Most bytes of a kernel row of a block: twice a first-level cache, as it is swept in order."""


def co_block(out_c: int, row_inputs: int, *, event: bool) -> int:
    """Output channels of a block of weights; 0 where blocks would only add padding.

    Within a block the weights of all taps lie together. An event-driven kernel sweeps a kernel row
    of one block at a time, which must stay in the first-level cache; a dense one uses each weight
    for several pixels and only wants whole tiles.

    Args:
        out_c: output channels of a group.
        row_inputs: inputs under one kernel row, kernel_w * in_c of a group.
        event: whether the kernel is event-driven.
    """
    if out_c < LANES:
        return 0
    vectors = -(-out_c // LANES)
    fits = row_inputs * 4 * TILE * LANES <= L1_BYTES or not event
    blocks = -(-vectors // (TILE if fits else TILE // 2))
    return LANES * -(-vectors // blocks)


def blocked(weight: Array, size: int) -> Array:
    """Weights [group, ky, kx, in, out] as [group, block, ky, kx, in, out of the block], the last
    block padded with zeros; ``size`` is that of a block, 0 for the whole group."""
    groups, *taps, out_c = weight.shape
    size = size or out_c
    blocks = -(-out_c // size)
    padded = weight  # large layers have whole blocks, and need no copy
    if blocks * size != out_c:
        padded = np.zeros((groups, *taps, blocks * size), weight.dtype)
        padded[..., :out_c] = weight
    return np.moveaxis(padded.reshape(groups, *taps, blocks, size), -2, 1)


def weighted_sum_error(
    apply: Apply,
    run: BoundedRun,
    more: int = 0,
) -> torch.Tensor:
    """Bound on a float32 weighted sum: the inputs' errors, the weights' rounding, the additions.

    With n active inputs the additions cost gamma_n and the products one rounding more; adding
    a zero term is exact, so only active inputs count, in whatever order they are summed, and
    ``more`` terms that may stand in the same sum.
    """
    weight, bias = run.params["weight"], run.params.get("bias")
    (x,), (x_error,) = run.inputs, run.errors
    carried = carries(x_error)
    size = x.abs() + x_error if carried else x.abs()
    terms = _active_terms(apply, weight, size) + 2.0 + more
    # Rounding the parameters costs at most the same share of each, but for subnormal ones.
    share = 0.0 if _is_float32(weight) and (bias is None or _is_float32(bias)) else UNIT
    lost = 1.0 + 2.0 * gamma_of(weight[0].numel() + 3.0)  # by summing the magnitude in float32
    relative = (gamma(terms) + share) * ((1.0 + share) * lost)
    error = _magnitude(apply, size, weight, bias).to(torch.float64).mul_(relative)
    error.add_((2.0 * terms + weight[0].numel() + 3.0) * SMALLEST)
    if carried:
        error += apply(x_error, weight.abs(), None)
    for value in (weight, bias):
        if value is None or share == 0.0:
            continue
        rounding = parameter_rounding(value) * (value.abs() < SMALLEST_NORMAL)
        if bool(rounding.any()):  # more of itself than UNIT
            error += apply(size, rounding, None) if rounding.ndim > 1 else rounding.max()
    return error


def _active_terms(apply: Apply, weight: torch.Tensor, size: torch.Tensor) -> torch.Tensor:
    """How many active inputs each output sums, [T, 1, ...] or, in groups, [T, groups, ...].

    Outputs of a group read the same inputs, so one of each is enough. Whole numbers are exact in
    float32 up to 2^24, more than any layer sums.
    """
    active = (size > 0).to(torch.float32)
    if weight.ndim == 2:
        return active.flatten(1).sum(dim=1, keepdim=True, dtype=torch.float64)
    groups = size.shape[1] // weight.shape[1]
    of_group = active.reshape(len(active), groups, -1, *active.shape[2:]).sum(dim=2)
    terms = apply(of_group, torch.ones((groups, 1, *weight.shape[2:])), None).to(torch.float64)
    return terms.repeat_interleave(len(weight) // groups, dim=1) if groups > 1 else terms


def _magnitude(
    apply: Apply, size: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None
) -> torch.Tensor:
    """The sum of |weight| times ``size`` and |bias| in float32, which is twice as fast: terms that
    are all positive lose no more than gamma of their number, and their underflow."""
    absolute = None if bias is None else bias.abs().to(torch.float32)
    return apply(size.to(torch.float32), weight.abs().to(torch.float32), absolute)


def _is_float32(value: torch.Tensor) -> bool:
    return torch.equal(value, value.to(torch.float32).to(torch.float64))


def active_inputs(node: Node, x: torch.Tensor, given: TensorType) -> torch.Tensor:
    """1 for every input that the kernel multiplies or adds, as int64."""
    dense_spikes = given.kind is Kind.SPIKE and kernel_of(node) == DENSE
    event_driven = given.kind is not Kind.REAL and not dense_spikes
    return (x != 0).to(torch.int64) if event_driven else torch.ones_like(x, dtype=torch.int64)


def counted_as(node: Node, given: TensorType) -> str:
    """An event-driven sum over spikes accumulates; everything else multiplies too."""
    return "ac" if given.kind is Kind.SPIKE and kernel_of(node) == EVENT else "mac"
