"""Comparing the C's numbers with exact ones: within the bound, beyond it, and where."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from snnc.compiler.ir.graph import Array
from snnc.compiler.verify.chain.links import Check, Divergence
from snnc.compiler.verify.exact import Decision
from snnc.compiler.verify.reference import Verdict


@dataclass(frozen=True)
class Beyond:
    """The elements of one value that no rounding explains.

    Attributes:
        node: its name.
        what: "spike", "mask", "membrane", "value" or "output".
        bad: where [T, *shape].
        margin: how far the C is from the exact value (of a spike: the exact potential from the
            threshold).
        bound: how far it may be.
    """

    node: str
    what: str
    bad: torch.Tensor
    margin: torch.Tensor | None = None
    bound: torch.Tensor | None = None

    def first(self, sample: int) -> Divergence:
        """The first of them."""
        step, *where = (int(i) for i in self.bad.nonzero()[0])
        place = (step, *where)
        return Divergence(
            sample,
            self.node,
            step,
            tuple(where),
            None if self.margin is None else float(self.margin[place]),
            None if self.bound is None else float(self.bound[place]),
            self.what,
        )


def as_tensor(values: Array) -> torch.Tensor:
    """What the C gave as a tensor of a type that PyTorch calculates with."""
    return torch.from_numpy(values.astype(np.int32) if values.dtype == np.uint16 else values)


def compare_real(
    check: Check, node: str, what: str, own: torch.Tensor, exact: Verdict
) -> Beyond | None:
    """Compare real numbers: they differ where they are not the exact value rounded to float32, and
    are explained within the bound. Where there is no bound, since a correct float32 run may leave
    its range, nothing is compared."""
    margin = own - exact.value  # in float64
    different, within = own != exact.value.to(own.dtype), margin.abs() <= exact.error
    compared = own.numel()
    lost = unbounded(exact)
    if bool(lost.any()):
        different, within = different & ~lost, within | lost
        compared -= int(lost.expand(exact.value.shape).sum())
    count = int(torch.count_nonzero(different))
    if bool(within.all()):  # what is not a number is not
        check.add(compared, count, count)
        return None
    bad = different & ~within
    beyond = int(bad.sum())
    check.add(compared, count, count - beyond)
    error = exact.error.expand(exact.value.shape)
    return Beyond(node, what, bad, margin, error) if beyond else None


def unbounded(exact: Verdict) -> torch.Tensor:
    """Where a value has no bound; in the shape of the bound."""
    return torch.isposinf(exact.error)


def compare_decisions(
    check: Check, node: str, own: torch.Tensor, decision: Decision
) -> Beyond | None:
    """Compare decisions: explained where a correct float32 run may decide either way."""
    different = decision.differs(own)
    count = int(torch.count_nonzero(different))
    if not count:
        check.add(own.numel())
        return None
    bad = different & ~(decision.distance(own) <= decision.leeway)
    beyond = int(bad.sum())
    check.add(own.numel(), count, count - beyond)
    if not beyond:
        return None
    what = "mask" if decision.margin is None else "spike"
    return Beyond(node, what, bad, decision.margin, decision.bound)
