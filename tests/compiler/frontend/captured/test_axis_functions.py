"""Statistics over axes, entries in another order, attention: made of operators that there are."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from snnc.compiler.compilation import compile_graph
from snnc.compiler.passes import pipeline
from snnc.compiler.verify import reference
from snnc.compiler.verify.float_judge import Verifier
from snnc.estimator.activity import Network
from tests.support.counting import counted
from tests.support.networks.captured_models import refused, same

T, SHAPE = 3, (4, 6)
INF = float("inf")
ORDER = torch.tensor([5, 0, 0, 3, 1, 2])
attention = F.scaled_dot_product_attention


def heads(x):
    """[N, 4, 6] as two heads of four tokens."""
    return x.unflatten(-1, (2, 3)).transpose(-2, -3)


def attended(x, **options):
    q = heads(x)
    return attention(q, q * 0.5, q - 1.0, **options)


EACH = {
    "var": lambda x: x.var(-1),
    "var of all": lambda x: x.var((-1, -2), correction=0, keepdim=True),
    "std": lambda x: x.std(1, keepdim=True) + x,
    "std and mean": lambda x: torch.cat(torch.std_mean(x, -1), -1),
    "norm": lambda x: torch.linalg.vector_norm(x, dim=-1),
    "norm 1": lambda x: torch.linalg.vector_norm(x, 1, dim=-2),
    "norm 3": lambda x: torch.linalg.vector_norm(x, 3, dim=-1),
    "largest": lambda x: torch.linalg.vector_norm(x, INF, dim=-1),
    "smallest": lambda x: torch.linalg.vector_norm(x, -INF, dim=-1),
    "normalized": lambda x: F.normalize(x + 3.0, dim=-1),
    "amin": lambda x: x.amin(-1),
    "log shares": lambda x: F.log_softmax(x, dim=1),
    "running sum": lambda x: x.cumsum(-2),
    "gated": lambda x: F.glu(x, -1),
    "rms norm": lambda x: F.rms_norm(x, (6,), torch.linspace(0.5, 2.0, 6)),
    "layer norm of equal values": lambda x: F.layer_norm(x[..., :1].expand(-1, -1, 6), (6,)),
    "roll": lambda x: x.roll((1, -2), (1, 2)),
    "entries": lambda x: x[..., ORDER],
    "entries of the first axis": lambda x: x.index_select(1, torch.tensor([3, 1, 2])),
    "chosen entries": lambda x: x[..., ORDER > 1],
    "entries in two axes": lambda x: x[..., ORDER.reshape(2, 3)],
    "triangle": lambda x: x.tril(1) - x.triu(),
    "reflected": lambda x: F.pad(x, (2, 3), mode="reflect"),
    "replicated": lambda x: F.pad(x, (1, 2), mode="replicate"),
    "shuffled": lambda x: F.channel_shuffle(x.unsqueeze(-1), 2),
    "pixels": lambda x: F.pixel_unshuffle(F.pixel_shuffle(x.unflatten(-1, (2, 3)), 2), 2),
    "fewer pixels": lambda x: F.interpolate(x.unsqueeze(1), size=(3, 4)),
    "exact pixels": lambda x: F.interpolate(x, size=9, mode="nearest-exact"),
    "largest of windows": lambda x: F.adaptive_max_pool2d(x.unsqueeze(1), (2, 3)),
    "one number": lambda x: x.flatten(1) @ torch.linspace(-1, 1, 24),
    "attention": attended,
    "attention backwards": lambda x: attended(x, is_causal=True),
    "attention with a mask": lambda x: attended(x, attn_mask=torch.eye(4) - 0.5, scale=0.3),
    "attention with chosen pairs": lambda x: attended(x, attn_mask=torch.eye(4) < torch.ones(4)),
}
OVER_TIME = {
    "running sum over time": lambda x: x.cumsum(0),
    "least over time": lambda x: x.amin(0).expand_as(x[0]),
    "variance of each step": lambda x: x.var(-1, keepdim=True) * x,
    "rolled steps": lambda x: x.roll(1, -1),
    "entries of each step": lambda x: x[:, :, ORDER[:4] % 4],
    "attention of all steps": lambda x: attention(heads(x), heads(x), heads(x)),
    "attention of folded steps": lambda x: attended(x.flatten(0, 1)).unflatten(0, x.shape[:2]),
    "normalized steps": lambda x: F.normalize(x, dim=-1),
}


class Applied(nn.Module):
    """A function of weighted sums, for each step or over them, seen as vectors."""

    def __init__(self, functions, over_time=False):
        super().__init__()
        torch.manual_seed(5)
        self.functions, self.over_time = functions, over_time
        self.given = nn.Linear(6, 6)
        self.eval()

    def forward(self, x):
        """[T, N, 4, 6] to [N, numbers]."""
        x = self.given(x)
        found = [function(x) if self.over_time else self.each(function, x)
                 for function in self.functions]  # fmt: skip
        return torch.cat([self.vector(y, x) for y in found], -1)

    def each(self, function, x):
        return torch.stack([function(step) for step in x])

    def vector(self, y, x):
        """The mean over time, if that is still there."""
        y = y.mean(0) if len(y) == T and y.shape[1] == x.shape[1] else y
        return y.reshape(x.shape[1], -1)


def frames():
    drawn = np.random.default_rng(1).poisson(0.8, (T, *SHAPE))
    return torch.from_numpy(drawn.astype(np.float32))


@pytest.mark.parametrize("name", [*EACH, *OVER_TIME])
def test_it_means_what_pytorch_computes_within_a_bound(name):
    over_time = name in OVER_TIME
    model = Applied([(OVER_TIME if over_time else EACH)[name]], over_time)
    graph = same(model, SHAPE, T)
    judged = reference.judge(pipeline.lowered(graph), {"input": frames()}, {}, set(graph.outputs))[
        graph.outputs[0]
    ]
    assert bool(judged.error.isfinite().all())


def test_all_together_are_the_same_in_c_and_counted_as_executed(tmp_path):
    model = Applied(list(EACH.values()))
    graph = same(model, SHAPE, T)
    verifier = Verifier(model, compile_graph(graph), tmp_path, ("-O1",))
    verifier.verify(frames().numpy().astype(np.uint16))
    assert verifier.result.passed
    network = Network(pipeline.lowered(graph), pipeline.optimised(graph))
    counted(network, [frames().numpy()], "executed")


class Plain(nn.Module):
    """A function of a sequence [T, N, 4, 6]."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x).flatten(1)


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (lambda x: x.var(0), "it works along time"),
        (lambda x: x.roll(1, 0)[-1], "it works along time"),
        (lambda x: x[torch.tensor([1, 0, 2, 3, 4])].mean(0), "it takes some of the steps"),
        (lambda x: x.std(1).mean(0), "samples of a batch"),
        (lambda x: x[:, :, :1].var(2).mean(0), "less the correction is no number"),
        (lambda x: torch.linalg.vector_norm(x, 0, dim=-1).mean(0), "how many elements are not 0"),
        (lambda x: x[..., torch.arange(600) ** 2 % 6].mean(0), "evenly spaced pieces"),
        (lambda x: x[:, :, ORDER[:4] % 4, ORDER[:4]].mean(0), "it indexes several axes at once"),
        (
            lambda x: (
                F.adaptive_max_pool2d(x.flatten(0, 1)[:, None], (3, 4))
                .unflatten(0, x.shape[:2])
                .mean(0)
            ),
            "different sizes",
        ),
    ],
)
def test_what_has_no_meaning_here_is_refused(function, says):
    refused(Plain(function), says, SHAPE)


def test_joined_vectors_are_a_value_whoever_reads_them():
    def halves(x):
        x = x.flatten(2)
        return torch.cat([x[..., ::2], x[..., 1::2]], -1).mean(0)

    same(Plain(halves), SHAPE, T)
