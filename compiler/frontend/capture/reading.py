"""Link 1 of the proof: the captured graph computes what the model computes, bit for bit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.utils import _pytree as pytree

from snnc.compiler.frontend.capture import window
from snnc.compiler.frontend.capture.captured import Captured, Input
from snnc.errors import BAD_SHAPE, SnncError

_BITS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


@dataclass(frozen=True)
class OutputComparison:
    """One output of the graph beside the model's.

    Attributes:
        name: where it stands in the result, "" for the result itself.
        compared: how many numbers.
        differ: how many of them have other bits; NaN equals NaN.
        first: the first that differs: its index, the graph's number, the model's.
        reason: why the two cannot be compared number by number; "" where they can.
    """

    name: str
    compared: int
    differ: int
    first: tuple[tuple[int, ...], float, float] | None = None
    reason: str = ""

    @property
    def holds(self) -> bool:
        """Whether the two are the same."""
        return not self.differ and not self.reason

    def __str__(self) -> str:
        name = f"output {self.name}" if self.name else "the output"
        if self.reason:
            return f"{name}: {self.reason}"
        if self.first is None:
            return f"{name}: {self.compared} numbers, all equal"
        index, ours, theirs = self.first
        place = f"[{', '.join(map(str, index))}]"
        return (
            f"{name}: {self.differ} of {self.compared} numbers differ, the first at {place}: "
            f"{ours!r} as captured, {theirs!r} in PyTorch"
        )


@dataclass(frozen=True)
class Comparison:
    """What :func:`compare` found, for every output."""

    outputs: tuple[OutputComparison, ...]

    @property
    def holds(self) -> bool:
        """Whether every number of every output is the same, and there was one."""
        return all(output.holds for output in self.outputs) and self.compared > 0

    @property
    def compared(self) -> int:
        """How many numbers were compared."""
        return sum(output.compared for output in self.outputs)

    @property
    def differ(self) -> int:
        """How many of them differ."""
        return sum(output.differ for output in self.outputs)

    def __str__(self) -> str:
        return "; ".join(str(output) for output in self.outputs if not output.holds) or (
            f"{self.compared} numbers, all equal"
        )


def replay(captured: Captured, inputs: Any) -> Any:
    """What the captured graph gives for other inputs of the same shapes, in the structure of the
    model's result.

    Raises:
        SnncError: BAD_SHAPE where the inputs' structure, shapes, types or constants are others.
    """
    tensors = _tensors(captured, inputs)
    with _leaves_at_rest(captured), torch.no_grad():
        values = iter(fx.Interpreter(captured.root, graph=captured.graph).run(*tensors))
    leaves = [o.constant if o.node is None else next(values) for o in captured.outputs]
    return pytree.tree_unflatten(leaves, captured.output_spec)


def compare(model: nn.Module, captured: Captured, inputs: Any) -> Comparison:
    """Compare the graph with the model on other inputs of the same shapes, bit for bit.

    The model runs as :func:`capture` ran it (from rest, in eval mode, step by step if it is a model
    of steps) and is put back afterwards.

    Raises:
        SnncError: BAD_SHAPE where the inputs' structure, shapes, types or constants are others.
    """
    theirs = pytree.tree_leaves_with_path(_eager(model, captured, inputs))
    try:
        ours = pytree.tree_leaves_with_path(replay(captured, inputs))
    except RuntimeError as error:  # an operator of the graph refuses what it is given
        reason = f"the graph cannot run ({' '.join(str(error).split())})"
        return Comparison((OutputComparison("", 0, 0, reason=reason),))
    names = [pytree.keystr(path) for path, _ in theirs]
    if names != [output.name for output in captured.outputs]:
        reason = f"the model gives {len(names)} items ({', '.join(names)}), the graph others"
        return Comparison((OutputComparison("", 0, 0, reason=reason),))
    return Comparison(
        tuple(
            _compared(name, mine, its)
            for name, (_, mine), (_, its) in zip(names, ours, theirs, strict=True)
        )
    )


def _eager(model: nn.Module, captured: Captured, inputs: Any) -> Any:
    tensors = iter([x.clone() for x in _tensors(captured, inputs)])
    arguments = pytree.tree_map_only(Tensor, lambda _: next(tensors), window.arguments_of(inputs))
    steps = captured.steps if captured.per_step else None
    before = [(tensor, tensor.detach().clone()) for tensor in captured.written]
    with window.at_rest(model, captured.reset), torch.no_grad():
        try:
            return window.run(model, arguments, steps)
        finally:
            for tensor, held in before:
                tensor.copy_(held)


def _tensors(captured: Captured, inputs: Any) -> list[Tensor]:
    """The tensors of ``inputs``, laid out as they were when the model was captured."""
    leaves, spec = pytree.tree_flatten(window.arguments_of(inputs))
    constants = tuple(x for x in leaves if not isinstance(x, Tensor))
    if spec != captured.input_spec or constants != captured.input_constants:
        raise SnncError(
            BAD_SHAPE,
            "the inputs are built differently from those that the model was captured with",
            hint="Give the same arguments, with other numbers in the tensors.",
        )
    tensors = [x for x in leaves if isinstance(x, Tensor)]
    return [_laid_out(x, given) for x, given in zip(tensors, captured.inputs, strict=True)]


def _laid_out(x: Tensor, given: Input) -> Tensor:
    dtype = given.node.meta["dtype"]
    if tuple(x.shape) != given.shape or x.dtype != dtype:
        raise SnncError(
            BAD_SHAPE,
            f"an input is {x.dtype} {tuple(x.shape)}, and the model was captured with {dtype} "
            f"{given.shape}",
            where=given.name,
        )
    if x.stride() == given.stride and x.storage_offset() == 0:
        return x.detach()
    return torch.empty_strided(given.shape, given.stride, dtype=dtype).copy_(x.detach())


@contextmanager
def _leaves_at_rest(captured: Captured) -> Iterator[None]:
    """Modules that stay whole run as they are, from rest, and are put back."""
    if not any(node.op == "call_module" for node in captured.graph.nodes):
        yield
        return
    with window.at_rest(captured.model, captured.reset):
        yield


def _compared(name: str, ours: Any, theirs: Any) -> OutputComparison:
    if not isinstance(theirs, Tensor) or not isinstance(ours, Tensor):
        same = type(ours) is type(theirs) and ours == theirs
        reason = "" if same else f"{ours!r} as captured, {theirs!r} in PyTorch"
        return OutputComparison(name, 0, 0, reason=reason)
    if ours.shape != theirs.shape or ours.dtype != theirs.dtype:
        mine, its = (f"{x.dtype} {tuple(x.shape)}" for x in (ours, theirs))
        return OutputComparison(name, 0, 0, reason=f"{mine} as captured, {its} in PyTorch")
    other = ~_same(ours, theirs)
    differ = int(other.sum())
    if not differ:
        return OutputComparison(name, ours.numel(), 0)
    index = tuple(int(i) for i in other.nonzero()[0])
    return OutputComparison(
        name, ours.numel(), differ, (index, ours[index].item(), theirs[index].item())
    )


def _same(a: Tensor, b: Tensor) -> Tensor:
    """Where two tensors have the same bits, or both NaN."""
    if a.is_complex():
        return _same(*(torch.view_as_real(x.resolve_conj()) for x in (a, b))).all(-1)
    bits = _BITS[a.element_size()]
    equal = a.resolve_neg().contiguous().view(bits) == b.resolve_neg().contiguous().view(bits)
    return equal | (a.isnan() & b.isnan()) if a.is_floating_point() else equal
