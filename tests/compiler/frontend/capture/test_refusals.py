"""Whatever is not one fixed flow of values is refused, with the user's line."""

from __future__ import annotations

import copy
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from snnc.compiler.frontend.capture import capture
from snnc.errors import SnncError
from tests.support.networks.capturing import Function, held, refused

SHAPE = (4, 3)


def swapped(x: Tensor) -> Tensor:
    y = x.clone()
    y.data = x * 2
    return y


def by_backward(x: Tensor) -> Tensor:
    with torch.enable_grad():
        w = torch.ones(3, requires_grad=True)
        (x * w).sum().backward()
    return x * w.grad


def by_grad(x: Tensor) -> Tensor:
    with torch.enable_grad():
        w = torch.ones(3, requires_grad=True)
        (grad,) = torch.autograd.grad((x * w).sum(), w)
    return x * grad


def by_engine(x: Tensor) -> Tensor:
    with torch.enable_grad():
        w = torch.ones(3, requires_grad=True)
        torch.autograd.backward((x * w).sum())
    return x * w.grad


def in_a_thread(x: Tensor) -> Tensor:
    out: list[Tensor] = []
    thread = threading.Thread(target=lambda: out.append(x * 2))
    thread.start()
    thread.join()
    return out[0]


POOL = ThreadPoolExecutor(1)
POOL.submit(int).result()


class Odd(torch.Tensor):
    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return args[0]


def dropped_attention(x: Tensor) -> Tensor:
    q = x.view(1, 1, 4, 3)
    with sdpa_kernel(SDPBackend.MATH):
        return F.scaled_dot_product_attention(q, q, q, dropout_p=0.5)


RANDOM = {
    "dropout": lambda x: F.dropout(x, 0.5),
    "dropout_": lambda x: F.dropout(x * 1, 0.5, inplace=True),
    "alpha_dropout": lambda x: F.alpha_dropout(x, 0.5, training=True),
    "rand": lambda x: x + torch.rand(3),
    "randn_like": lambda x: x + torch.randn_like(x),
    "randint": lambda x: x + torch.randint(0, 2, (3,)),
    "randperm": lambda x: x[torch.randperm(4)],
    "bernoulli": lambda x: torch.bernoulli(x.sigmoid()),
    "bernoulli_": lambda x: x.clone().bernoulli_(0.5),
    "uniform_": lambda x: x * torch.empty(3).uniform_(),
    "normal_": lambda x: x * torch.empty(3).normal_(),
    "poisson": lambda x: torch.poisson(x.abs()),
    "multinomial": lambda x: torch.multinomial(x.softmax(1), 1),
    "rrelu": lambda x: F.rrelu(x, training=True),
    "gumbel_softmax": lambda x: F.gumbel_softmax(x),
    "attention": dropped_attention,
    "a module": nn.Dropout(0.5).train(),
}
DATA = {
    "if": lambda x: x if x.sum() > 0 else -x,
    "item": lambda x: x * x.max().item(),
    "float": lambda x: x * float(x[0, 0]),
    "int": lambda x: x[: int(x[0, 0].abs().clamp(1, 2))],
    "range": lambda x: sum(x[i] for i in range(x[0, 0].abs().ceil().int())),
    "bool": lambda x: x * bool((x > 0).any()),
    "nonzero": lambda x: x.flatten()[torch.nonzero(x.flatten() > 0)[:, 0]].sum(),
    "where": lambda x: torch.where(x > 0)[0].float().sum(),
    "mask": lambda x: x[x > 0].sum(),
    "masked_select": lambda x: x.masked_select(x > 0).sum(),
    "unique": lambda x: x.unique().sum(),
    "allclose": lambda x: x if torch.allclose(x, -x) else -x,
    "equal": lambda x: x if torch.equal(x, -x) else -x,
    "assert": lambda x: torch._assert_async((x > -100).all()) or x,
    "by count": lambda x: torch.repeat_interleave(x[:, 0], (x[:, 0] > 0).long()).sum(),
    "f-string": lambda x: x * len(f"{x.sum():.3f}"),
    "print": lambda x: x * len(str(x)),
}
ESCAPES = {
    "numpy": lambda x: x * torch.from_numpy(x.numpy()).sum(),
    "asarray": lambda x: x * float(np.asarray(x).sum()),
    "ufunc": lambda x: np.exp(x),
    "tolist": lambda x: x * x.tolist()[0][0],
    "detached": lambda x: x * float((x * 2).detach().cpu().numpy().max()),
    "data_ptr": lambda x: x * (x.data_ptr() % 3),
    "storage": lambda x: x * x.untyped_storage().tolist()[0],
    "typed storage": lambda x: x * x.storage()[0],
    "dlpack": lambda x: torch.from_dlpack(np.from_dlpack(x * 2)),
    "pickle": lambda x: pickle.loads(pickle.dumps(x)),
    "copy": lambda x: copy.copy(x) * 2,
    "set_": lambda x: x.clone().set_(x * 2),
    "resize_": lambda x: x.clone().resize_(2, 3),
    ".data =": swapped,
    "sparse": lambda x: x.to_sparse().to_dense(),
    "meta": lambda x: x + torch.empty(3, device="meta").cpu(),
    "subclass": lambda x: x + torch.ones(3).as_subclass(Odd),
    "backward": by_backward,
    "grad": by_grad,
    "engine": by_engine,
    "thread": in_a_thread,
    "pool": lambda x: POOL.submit(lambda: x * 2).result(),
    "fork": lambda x: torch.jit.wait(torch.jit.fork(torch.relu, x)),
}


@pytest.mark.parametrize("name", RANDOM)
def test_random_numbers_are_refused(name):
    assert "random" in refused(_net(RANDOM[name]), SHAPE)


@pytest.mark.parametrize("name", DATA)
def test_decisions_that_depend_on_data_are_refused(name):
    message = refused(DATA[name], SHAPE)
    assert "test_refusals.py:" in message


@pytest.mark.parametrize("name", ESCAPES)
def test_what_leaves_the_dispatcher_is_refused(name):
    message = refused(ESCAPES[name], SHAPE)
    assert "test_refusals.py:" in message


def _net(part):
    """The model is in eval mode, and one of its parts is not."""
    net = nn.Sequential(part if isinstance(part, nn.Module) else Function(part)).eval()
    net[0].train(isinstance(part, nn.Module))
    return net


def test_a_refusal_names_module_and_line_and_what_to_do():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.part = nn.Sequential(Function(lambda x: F.dropout(x, 0.5)))

        def forward(self, x):
            return self.part(x)

    with pytest.raises(SnncError) as error:
        capture(Net().eval(), torch.ones(2, 3))
    assert error.value.where.startswith("part.0, ")
    assert ".py:" in error.value.where
    assert "native_dropout" in error.value.what or "bernoulli" in error.value.what
    assert "self.training" in error.value.hint


def test_a_refusal_is_not_caught_by_the_models_own_code():
    def hiding(x):
        try:
            return x * x.max().item()
        except Exception:
            return x

    assert "asks for the value" in refused(hiding, SHAPE)


def test_what_does_not_depend_on_data_may_decide():
    weight = nn.Parameter(torch.tensor([1.0, 2.0, 3.0]))

    def fixed(x):
        if weight.sum() > 0 and (torch.zeros_like(x) == 0).all():
            x = x * weight.max().item()
        table = torch.from_numpy(weight.detach().numpy() * 2)
        x = x + table[torch.nonzero(weight > 1)[:, 0]].sum()
        return F.dropout(x, 0.5, training=False) if x.shape[0] == 4 else x

    held(fixed, SHAPE)


def test_switched_off_randomness_is_none():
    def off(x):
        q = x.view(1, 1, 4, 3)
        y = F.scaled_dot_product_attention(q, q, q, dropout_p=0.0).view(4, 3)
        return F.rrelu(y, training=False) + F.dropout(y, 0.3, False)

    held(nn.Sequential(Function(off), nn.Dropout(0.5)).eval(), SHAPE)


def test_an_operator_of_compiled_code_is_refused_and_one_of_python_is_read():
    library = torch.library.Library("snnc_tests", "FRAGMENT")
    library.define("doubled(Tensor x) -> Tensor")
    library.impl("doubled", lambda x: x * 2, "CPU")

    @torch.library.custom_op("snnc_tests::shifted", mutates_args=())
    def shifted(x: Tensor) -> Tensor:
        return x + 1

    def both(x):
        return shifted(torch.ops.snnc_tests.doubled(x))

    captured = held(both, SHAPE)
    assert [str(n.target) for n in captured.graph.nodes][1:-1] == [
        "aten.mul.Tensor",
        "aten.add.Tensor",
    ]
    compiled = torch.ops.mkldnn._linear_pointwise
    message = refused(lambda x: compiled(x, torch.ones(2, 3), None, "none", [], ""), SHAPE)
    assert "compiled code" in message


def test_a_forward_that_fails_says_where():
    net = nn.Sequential(nn.Linear(3, 2), nn.Linear(5, 2))
    message = refused(net, SHAPE)
    assert "1" in message
    assert "forward fails in PyTorch (RuntimeError: " in message


def test_a_result_without_tensors_is_refused():
    class Thing:
        pass

    assert "gives no tensor" in refused(lambda x: (1, 2), SHAPE)
    assert "Thing" in refused(lambda x: (x, Thing()), SHAPE)
