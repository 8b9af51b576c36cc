"""Rules of writes into a part of a value: the rest stays as it was."""

from __future__ import annotations

import torch

from snnc.compiler.frontend.understand.body_values import Lowered, Operation, understood
from snnc.compiler.frontend.understand.rules.arithmetic import affine, constant
from snnc.compiler.frontend.understand.rules.composed import as_large_as
from snnc.compiler.frontend.understand.rules.indexing import entries, sample_axis
from snnc.compiler.ops import Concat, Pad

aten = torch.ops.aten


@understood(aten.slice_scatter.default, arguments="self src dim start end step", folds=True)
def slice_written(o: Operation) -> Lowered:
    """A value or constants, of which some entries along an axis are another value or constants."""
    base, given = o["self"], o["src"]
    known = base if isinstance(base, Lowered) else o.value("src")
    axis = sample_axis(o, known, int(o["dim"]))
    size = o.shape[axis]
    places = range(*slice(o["start"], o["end"], o["step"]).indices(size))
    if not places:
        return o.value("self")
    if not isinstance(given, Lowered):
        return _with_constants(o, known, places, given)
    if not isinstance(base, Lowered):
        return _around(o, given, axis, places, base)
    if places.step != 1:
        raise o.refused("writing every second entry of a value, or fewer, has no operator")
    ends = (range(places.start), range(places.stop, size))
    first, last = (entries(o, base, axis, list(end)) if end else None for end in ends)
    names = [o.shaped(part) for part in (first, given, last) if part is not None]
    return o.add(Concat(axis=axis), names) if len(names) > 1 else given


def _with_constants(o: Operation, base: Lowered, places: range, given: torch.Tensor) -> Lowered:
    """A value times 0 and constants where they are written, times 1 and nothing elsewhere."""
    window = (int(o["dim"]), places.start, places.stop, places.step)
    kept = aten.slice_scatter.default(
        torch.ones(o.call.shape), torch.zeros_like(given, dtype=torch.float32), *window
    )
    written = aten.slice_scatter.default(
        torch.zeros(o.call.shape), given.to(torch.float32), *window
    )
    return affine(o, base, constant(o, kept), constant(o, written))


def _around(o: Operation, given: Lowered, axis: int, places: range, base: torch.Tensor) -> Lowered:
    """A value between constants."""
    rank, size = len(o.shape), o.shape[axis]
    last = places[-1]
    op = Pad(
        before=tuple(places.start if at == axis else 0 for at in range(rank)),
        after=tuple(size - 1 - last if at == axis else 0 for at in range(rank)),
        step=tuple(places.step if at == axis else 1 for at in range(rank)),
        value=0.0,
    )
    inner = as_large_as(o, given)
    made = o.add(op, [inner.shaped(given)])
    window = (int(o["dim"]), places.start, places.stop, places.step)
    hidden = aten.slice.Tensor(base, *window)
    rest = aten.slice_scatter.default(base, torch.zeros_like(hidden), *window)
    return affine(o, made, 1.0, constant(o, rest)) if bool(rest.any()) else made
