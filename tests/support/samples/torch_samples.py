"""PyTorch's own samples (OpInfo): for each operator, captured and replayed is eager, or refused.

python -m tests.support.samples.torch_samples              # all operators, float32
python -m tests.support.samples.torch_samples add view     # some of them, with every outcome
"""

from __future__ import annotations

import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from snnc.compiler.frontend.capture import capture, compare
from snnc.errors import UNSUPPORTED_LAYER, SnncError

EQUAL, REFUSED, DIFFERENT, FAILED = "equal", "refused", "different", "failed"


class Called(nn.Module):
    """An operator as a model of the tensors among its arguments.

    ``in_place``: the first is copied, and the copy is given as well, as what it holds afterwards.
    """

    def __init__(self, function: Callable[..., Any], given: Any, in_place: bool) -> None:
        super().__init__()
        leaves, self.spec = pytree.tree_flatten(given)
        self.others = [None if isinstance(leaf, Tensor) else leaf for leaf in leaves]
        self.places = [at for at, leaf in enumerate(leaves) if isinstance(leaf, Tensor)]
        self.function, self.in_place = function, in_place

    def forward(self, *tensors: Tensor) -> Any:
        leaves = list(self.others)
        for place, tensor in zip(self.places, tensors, strict=True):
            leaves[place] = tensor
        first, args, kwargs = pytree.tree_unflatten(leaves, self.spec)
        if self.in_place:
            first = first.clone()
            return self.function(first, *args, **kwargs), first
        return self.function(first, *args, **kwargs)


def outcomes(op: Any, at_most: int | None = None) -> Iterator[tuple[str, str]]:
    """(outcome, what) for each float32 sample, or the first so many, and each form of an operator.

    A sample that PyTorch itself cannot run, or that gives other numbers each time without random
    numbers (what was never written), is left out.
    """
    forms = [(op.op, False), (op.method_variant, False), (op.inplace_variant, True)]
    forms += [(op.inplace_operator_variant, True)]
    for sample in islice(op.sample_inputs("cpu", torch.float32), at_most):
        for function, in_place in forms:
            if function is None or (in_place and sample.broadcasts_input):
                continue
            net = Called(function, (sample.input, list(sample.args), sample.kwargs), in_place)
            given = pytree.tree_leaves((sample.input, list(sample.args), sample.kwargs))
            tensors = tuple(x for x in given if isinstance(x, Tensor))
            if tensors and _repeatable(net, tensors):
                yield _outcome(net, tensors)


def _repeatable(net: nn.Module, tensors: tuple[Tensor, ...]) -> bool:
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            first, second = (_seeded(net, tensors) for _ in range(2))
    except Exception:  # a sample of another type, or an in-place form that does not fit
        return False
    return any(isinstance(x, Tensor) for x in first) and all(
        torch.equal(a.nan_to_num(), b.nan_to_num())
        for a, b in zip(first, second, strict=True)
        if isinstance(a, Tensor) and a.layout == torch.strided
    )


def _seeded(net: nn.Module, tensors: tuple[Tensor, ...]) -> list[Any]:
    torch.manual_seed(0)
    return pytree.tree_leaves(net(*(x.clone() for x in tensors)))


def _outcome(net: nn.Module, tensors: tuple[Tensor, ...]) -> tuple[str, str]:
    try:
        captured = capture(net, tensors)
        found = compare(net, captured, tensors)
        halved = tuple(x * 0.5 if x.is_floating_point() else x for x in tensors)
        if found.holds and _repeatable(net, halved):
            found = compare(net, captured, halved)
    except SnncError as error:
        return (REFUSED if error.code is UNSUPPORTED_LAYER else FAILED), str(error)
    except Exception as error:
        return FAILED, f"{type(error).__name__}: {error}"
    vacuous = not found.compared and not found.differ and not any(o.reason for o in found.outputs)
    return (EQUAL if found.holds or vacuous else DIFFERENT), str(found)


def main(names: list[str]) -> None:
    """Print the outcomes of all operators, or of those that are named."""
    from torch.testing._internal.common_methods_invocations import op_db

    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    total: Counter[str] = Counter()
    operators: Counter[str] = Counter()
    for op in op_db:
        if names and op.name not in names:
            continue
        try:
            found = list(outcomes(op)) if torch.float32 in op.dtypes else []
        except Exception as error:  # samples that this machine cannot make
            print(f"{op.name}: no samples ({type(error).__name__}: {error})"[:200], flush=True)
            continue
        kinds = Counter(outcome for outcome, _ in found)
        total += kinds
        operators[", ".join(sorted(kinds)) or "no sample"] += 1
        bad = [what for outcome, what in found if outcome in (DIFFERENT, FAILED) or names]
        if bad or kinds[REFUSED]:
            reasons = bad or [what for outcome, what in found if outcome == REFUSED]
            print(f"{op.name} {op.variant_test_name} {dict(kinds)}: {reasons[0][:300]}", flush=True)
    print(dict(total), dict(operators))


if __name__ == "__main__":
    main(sys.argv[1:])
