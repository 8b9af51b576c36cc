"""What rules that are made of several operators share: values between them, and programs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from snnc.compiler import ops
from snnc.compiler.frontend.understand.body_values import FIRST, Lowered, Operation
from snnc.compiler.frontend.understand.cells.cell_operations import Cell, Named
from snnc.compiler.frontend.understand.rules.wiring import broadcast
from snnc.compiler.ir.graph import Kind
from snnc.compiler.ops import Affine, Reduce
from snnc.compiler.ops.cells.kinds import kind_of
from snnc.compiler.ops.cells.program import REAL
from snnc.compiler.ops.cells.writing import Writing


def as_large_as(o: Operation, value: Lowered) -> Operation:
    """An operation at the same place whose result is as large as a value."""
    shape, samples = list(value.shape), o.g.samples
    if value.folded:
        shape[0] *= samples
    else:
        shape.insert(value.batch, samples)
    return replace(o, call=replace(o.call, shape=tuple(shape)), batch=value.batch)


def computed(o: Operation, function: Callable[..., Named], *values: Lowered) -> Lowered:
    """A cell of one program, which ``function`` writes of a :class:`Cell` and the names of the
    values; these are repeated along axes of length 1 until they are as large as the result."""
    names = [f"x{place}" for place in range(len(values))]
    writing = Writing(*names)
    output = function(Cell(writing, dict.fromkeys(names, REAL)), *names)
    nodes = [o.shaped(broadcast(o, value)) for value in values]
    program = writing.program(str(output))
    if kind_of(program, [o.g.type_of(node).kind for node in nodes]) is not Kind.REAL:
        nodes = [as_real(o, node) for node in nodes]
    return o.add(ops.Cell(program=program), nodes)


def as_real(o: Operation, name: str) -> str:
    """A node whose value is real: PyTorch's number, of which nothing is decided."""
    given = o.g.type_of(name)
    if given.kind is Kind.REAL:
        return name
    same = {"scale": np.ones(given.shape), "shift": np.zeros(given.shape)}
    return o.add(Affine(), [name], same).name


def axes_of(o: Operation, value: Lowered, dims: Sequence[int] | None) -> tuple[int, ...]:
    """Axes of PyTorch's tensor (none: all of them) as those of a step, in order.

    Raises:
        SnncError: UNSUPPORTED_LAYER for one that holds samples.
    """
    found = [value.axis(int(dim)) for dim in dims or range(value.rank)]
    axes = sorted(axis for axis in found if axis is not None and not (value.folded and axis == 0))
    if len(axes) < len(found):
        raise o.refused("it reduces the samples of a batch", FIRST)
    return tuple(axes)


def over_axes(o: Operation, value: Lowered, axes: Sequence[int], function: str) -> Lowered:
    """A value reduced over some of its axes, which stay, of length 1."""
    shape = tuple(1 if axis in axes else size for axis, size in enumerate(value.shape))
    inner = as_large_as(o, value)
    op = Reduce(function=function, axes=tuple(axes))
    return inner.add(op, [inner.shaped(value)], shape=shape)
