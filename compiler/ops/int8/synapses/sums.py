"""What the integer convolution and linear layer share: exact sums, and their cases."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import product

import numpy as np
import torch

from snnc.compiler.ir.graph import Array, Kind
from snnc.compiler.ops.base import Sample
from snnc.compiler.ops.int8.synapses.rows import EIGHTS, FOURS, OWN, PLAIN, IntegerSynapse
from snnc.compiler.ops.view import NodeRun


def exact_sums(reference: Callable[[NodeRun], torch.Tensor], run: NodeRun) -> torch.Tensor:
    """Sums of whole numbers by a float operator's reference, int64.

    float64 holds every one of them exactly; PyTorch convolves no integers, and adds them slower.

    Args:
        reference: of the float operator.
        run: the integer node, its weights and bias, and its input.
    """
    exact = {role: value.to(torch.float64) for role, value in run.params.items()}
    return reference(run.on([run.inputs[0].to(torch.float64)], exact)).to(torch.int64)


def integer_samples(
    of: type[IntegerSynapse], samples: Iterable[Sample], seed: int
) -> Iterable[Sample]:
    """Cases of a float operator with integer weights, sums of both widths and every order."""
    rng = np.random.default_rng(seed)
    for sample in samples:
        if sample.inputs[0].kind is Kind.REAL:
            continue
        size = sample.params["weight"].shape
        params: dict[str, Array] = {"weight": rng.integers(-127, 128, size)}
        if "bias" in sample.params:
            params["bias"] = rng.integers(-500, 500, size[:1])
        for width, order in product(("int16", "int32"), (PLAIN, FOURS, OWN)):
            op = of.like(sample.op, width=width, order=order)
            yield Sample(op, sample.inputs, params, sample.time_steps)
        narrow = {**params, "weight": rng.integers(-8, 8, size)}
        for width in ("int16", "int32"):
            op = of.like(sample.op, width=width, order=EIGHTS)
            yield Sample(op, sample.inputs, narrow, sample.time_steps)
