"""What convolution and linear layers share: a weighted sum over active inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from snnc.compiler.ir import Kind, Node, TensorType
from snnc.compiler.ops.base import Params, unsupported
from snnc.compiler.ops.rounding import SMALLEST, gamma, parameter_rounding

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


def weighted_sum_error(
    apply: Apply, params: Params, inputs: Sequence[torch.Tensor], errors: Sequence[torch.Tensor]
) -> torch.Tensor:
    """Bound on a float32 weighted sum: the inputs' errors, the weights' rounding, the additions.

    With n active inputs the additions cost gamma_n and the products one rounding more; adding
    a zero term is exact, so only active inputs count, in whatever order they are summed.
    """
    weight, bias = params["weight"], params.get("bias")
    size = inputs[0].abs() + errors[0]
    active = (size > 0).to(weight.dtype)
    terms = apply(active, torch.ones_like(weight), None) + 2.0
    weight_rounding = parameter_rounding(weight)
    bias_size = bias.abs() + parameter_rounding(bias) if bias is not None else None
    magnitude = apply(size, weight.abs() + weight_rounding, bias_size)
    error = gamma(terms) * magnitude + terms * SMALLEST
    if bool(errors[0].any()):
        error = error + apply(errors[0], weight.abs(), None)
    if bool(weight_rounding.any()) or bias is not None:
        bias_rounding = parameter_rounding(bias) if bias is not None else None
        error = error + apply(size, weight_rounding, bias_rounding)
    return error


def active_inputs(node: Node, x: torch.Tensor, given: TensorType) -> torch.Tensor:
    """1 for every input that the kernel multiplies or adds, as int64."""
    dense_spikes = given.kind is Kind.SPIKE and kernel_of(node) == DENSE
    event_driven = given.kind is not Kind.REAL and not dense_spikes
    return (x != 0).to(torch.int64) if event_driven else torch.ones_like(x, dtype=torch.int64)


def counted_as(node: Node, given: TensorType) -> str:
    """An event-driven sum over spikes accumulates; everything else multiplies too."""
    return "ac" if given.kind is Kind.SPIKE and kernel_of(node) == EVENT else "mac"
