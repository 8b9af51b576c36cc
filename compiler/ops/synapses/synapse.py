"""What convolution and linear layers share: a weighted sum over active inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from snnc.compiler.ir.graph import Array, Kind, Node, TensorType
from snnc.compiler.ops.base import Params, unsupported
from snnc.compiler.ops.rounding import SMALLEST, UNIT, gamma, parameter_rounding

Apply = Callable[[torch.Tensor, torch.Tensor, torch.Tensor | None], torch.Tensor]

EVENT = "event"
DENSE = "dense"


def kernel_of(node: Node) -> str:
    """The kernel variant that a pass chose for the node (event-driven unless it says dense)."""
    variant: str = node.attrs.get("kernel", EVENT)
    if variant not in (EVENT, DENSE):
        raise unsupported(node, f"kernel {variant!r} is not known", "Use event or dense.")
    return variant


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
    padded = np.zeros((groups, *taps, blocks * size), weight.dtype)
    padded[..., :out_c] = weight
    return np.moveaxis(padded.reshape(groups, *taps, blocks, size), -2, 1)


def weighted_sum_error(
    apply: Apply,
    params: Params,
    inputs: Sequence[torch.Tensor],
    errors: Sequence[torch.Tensor],
    more: int = 0,
) -> torch.Tensor:
    """Bound on a float32 weighted sum: the inputs' errors, the weights' rounding, the additions.

    With n active inputs the additions cost gamma_n and the products one rounding more; adding
    a zero term is exact, so only active inputs count, in whatever order they are summed, and
    ``more`` terms that may stand in the same sum.
    """
    weight, bias = params["weight"], params.get("bias")
    size = inputs[0].abs() + errors[0]
    terms = _active_terms(apply, weight, size) + 2.0 + more
    # Rounding the parameters costs at most the same share of each, but for subnormal ones.
    share = 0.0 if _is_float32(weight) and (bias is None or _is_float32(bias)) else UNIT
    error = (gamma(terms) + share) * (1.0 + share) * _magnitude(apply, size, weight, bias)
    error = error + terms * SMALLEST
    if bool(errors[0].any()):
        error = error + apply(errors[0], weight.abs(), None)
    beyond = _beyond(weight, share), None if bias is None else _beyond(bias, share)
    if any(value is not None and bool(value.any()) for value in beyond):
        error = error + apply(size, *beyond)
    return error


def _active_terms(apply: Apply, weight: torch.Tensor, size: torch.Tensor) -> torch.Tensor:
    """How many active inputs each output sums, [T, 1, ...] or, in groups, [T, groups, ...].

    Outputs of a group read the same inputs, so one of each is enough. Whole numbers are exact in
    float32 up to 2^24, more than any layer sums.
    """
    groups = 1 if weight.ndim == 2 else size.shape[1] // weight.shape[1]
    ones = torch.ones((groups, *weight.shape[1:]), dtype=torch.float32)
    terms = apply((size > 0).to(torch.float32), ones, None).to(torch.float64)
    return terms.repeat_interleave(len(weight) // groups, dim=1) if groups > 1 else terms


def _magnitude(
    apply: Apply, size: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None
) -> torch.Tensor:
    """Bound on the sum of |weight| times ``size`` and |bias|.

    It is summed in float32, which is twice as fast, and raised by what that may lose: terms that
    are all positive lose no more than gamma of their number.
    """
    terms = weight[0].numel() + 3.0
    absolute = None if bias is None else bias.abs().to(torch.float32)
    found = apply(size.to(torch.float32), weight.abs().to(torch.float32), absolute)
    return found.to(torch.float64) * (1.0 + 2.0 * float(gamma(terms))) + terms * SMALLEST


def _is_float32(value: torch.Tensor) -> bool:
    return not bool(parameter_rounding(value).any())


def _beyond(value: torch.Tensor, share: float) -> torch.Tensor:
    """What rounding a parameter to float32 may change beyond a share of it."""
    return (parameter_rounding(value) - share * value.abs()).clamp(min=0.0)


def active_inputs(node: Node, x: torch.Tensor, given: TensorType) -> torch.Tensor:
    """1 for every input that the kernel multiplies or adds, as int64."""
    dense_spikes = given.kind is Kind.SPIKE and kernel_of(node) == DENSE
    event_driven = given.kind is not Kind.REAL and not dense_spikes
    return (x != 0).to(torch.int64) if event_driven else torch.ones_like(x, dtype=torch.int64)


def counted_as(node: Node, given: TensorType) -> str:
    """An event-driven sum over spikes accumulates; everything else multiplies too."""
    return "ac" if given.kind is Kind.SPIKE and kernel_of(node) == EVENT else "mac"
