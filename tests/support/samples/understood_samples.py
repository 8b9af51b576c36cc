"""PyTorch's own samples (OpInfo) as operations of a network: the graph gives what PyTorch gives, or
the sample is refused.

python -m tests.support.samples.understood_samples              # all operators
python -m tests.support.samples.understood_samples add view     # some of them, with every outcome

A sample's input, with its first axis as the batch (a vector with a batch in front), becomes a value
of each step: an affine function of the counts that the network is given. Its other tensors are the
network's.
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

from snnc.compiler.frontend.capture import capture
from snnc.compiler.frontend.understand.captured_model import import_captured
from snnc.compiler.verify import meaning
from snnc.errors import BAD_SHAPE, BAD_WEIGHTS, UNSUPPORTED_LAYER, SnncError
from tests.support.samples.torch_samples import DIFFERENT, EQUAL, FAILED, REFUSED

STEPS, SAMPLES = 3, 2


class Applied(nn.Module):
    """An operator on every step of a network, and the mean of what it gives."""

    def __init__(self, function: Callable[..., Any], sample: Any) -> None:
        super().__init__()
        given = tuple(sample.input.shape)
        self.function, self.shape = function, given[1:] if len(given) > 1 else given
        self.args = pytree.tree_map_only(Tensor, self._constant, tuple(sample.args))
        self.kwargs = pytree.tree_map_only(Tensor, self._constant, dict(sample.kwargs))
        self.eval()

    def _constant(self, given: Tensor) -> Tensor:
        """A tensor of the network: the same for each sample of the batch."""
        given = given.detach()
        like_input = given.ndim == len(self.shape) + 1 and given.shape[1:] == self.shape
        return given[:1].clone() if like_input and given.shape[0] else given

    def forward(self, x: Tensor) -> Tensor:
        """[T, N, *shape] to [N, numbers]."""
        steps = [self.function(0.37 * step - 0.9, *self.args, **self.kwargs) for step in x]
        mean = torch.stack([_first(step).to(torch.float32) for step in steps]).mean(0)
        return mean.reshape(x.shape[1], -1)


def _first(given: Any) -> Tensor:
    return given if isinstance(given, Tensor) else next(iter(given))


def outcomes(op: Any, at_most: int | None = None) -> Iterator[tuple[str, str]]:
    """(outcome, what) for each float32 sample that has a batch, or the first so many."""
    samples = (s for s in op.sample_inputs("cpu", torch.float32) if _has_batch(s))
    for sample in islice(samples, at_most):
        net = Applied(op.op, sample)
        if _runs(net):
            yield _outcome(net)


def _has_batch(sample: Any) -> bool:
    """Whether a sample can be a value of a network; one with indices among its tensors cannot,
    since they fit no other batch (and PyTorch writes outside of memory for some)."""
    given = sample.input
    others = pytree.tree_leaves((sample.args, sample.kwargs))
    indices = any(isinstance(x, Tensor) and not x.is_floating_point() for x in others)
    plain = isinstance(given, Tensor) and given.ndim > 0 and given.numel() > 0
    return plain and not indices


def _runs(net: Applied) -> bool:
    """Whether PyTorch takes the sample for any number of samples of a batch."""
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            return all(net(torch.ones(STEPS, n, *net.shape)).shape[0] == n for n in (1, SAMPLES))
    except Exception:  # of PyTorch, for what the sample was not made for
        return False


def _outcome(net: Applied) -> tuple[str, str]:
    try:
        captured = capture(net, (torch.ones(STEPS, SAMPLES, *net.shape),), steps=STEPS)
        found = meaning.difference(net, import_captured(captured, net.shape, STEPS))
    except SnncError as error:
        known = error.code in (UNSUPPORTED_LAYER, BAD_WEIGHTS, BAD_SHAPE)
        return (REFUSED if known else FAILED), str(error)
    except Exception as error:
        return FAILED, f"{type(error).__name__}: {error}"
    return (DIFFERENT if found else EQUAL), found


def main(names: list[str]) -> None:
    """Print the outcomes of all operators, or of those that are named."""
    from torch.testing._internal.common_methods_invocations import op_db

    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    total: Counter[str] = Counter()
    for op in op_db:
        if (names and op.name not in names) or torch.float32 not in op.dtypes:
            continue
        print(f"{op.name} {op.variant_test_name} ", end="", flush=True)
        try:
            found = list(outcomes(op, 8 if not names else None))
        except Exception as error:  # samples that this machine cannot make
            print(f"no samples ({type(error).__name__}: {error})"[:200], flush=True)
            continue
        kinds = Counter(outcome for outcome, _ in found)
        total += kinds
        wrong = [what for outcome, what in found if outcome in (DIFFERENT, FAILED) or names]
        print(f"{dict(kinds)}: {wrong[:1]}"[:400], flush=True)
    print(dict(total))


if __name__ == "__main__":
    main(sys.argv[1:])
