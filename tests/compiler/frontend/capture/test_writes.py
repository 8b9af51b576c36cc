"""Views and in-place writes become values: the graph computes what PyTorch computes."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.support.networks.capturing import held, refused

SHAPE = (4, 3, 5)


def aliased_relu(x: Tensor) -> Tensor:
    a = x * 1.0
    b = F.relu(a, inplace=True)
    return a + b


def shared_by_module(x: Tensor) -> Tensor:
    a = x + 0.0
    return nn.ReLU(inplace=True)(a) + a


def alias_grows(x: Tensor) -> Tensor:
    a = x * 2
    b = a
    b += 1.0
    return a - x


def step_by_step(x: Tensor) -> Tensor:
    y = torch.zeros_like(x)
    for t in range(len(x)):
        y[t] = x[t] * (t + 1)
    return y


def accumulated(x: Tensor) -> Tensor:
    total = x.new_zeros(x.shape[1:])
    for step in x:
        total.mul_(0.5).add_(step, alpha=3)
    return total


def columns(x: Tensor) -> Tensor:
    y = x.clone()
    y[..., 1] = 5.0
    y[:, 1:, 2:4] *= 2
    y[:, :, ::2] -= 1
    return y


def old_views(x: Tensor) -> Tensor:
    """Views from before a write show what was written."""
    y = x.clone()
    row, turned, flat, part = y[1], y.transpose(0, 2), y.view(-1), y.unbind(1)[2]
    y.mul_(3)
    row.add_(1)
    flat[7:9] = 0.25
    turned[2] += 10
    part.sub_(0.5)
    return torch.cat([y.flatten(), row.flatten(), turned.flatten(), flat, part.flatten()])


def views_of_views(x: Tensor) -> Tensor:
    y = x.clone()
    y.permute(2, 0, 1)[1:3].unsqueeze(0).squeeze(0)[0].t().fill_(2.0)
    y.split(2, dim=2)[1].neg_()
    y.chunk(2)[0].narrow(1, 1, 2).exp_()
    y.diagonal(0, 1, 2).zero_()
    y.movedim(0, -1).select(0, 1)[2].clamp_(min=0)
    return y


def through_expand(x: Tensor) -> Tensor:
    y = x.clone()
    y.expand(4, 3, 5).add_(1)
    y.unflatten(2, (5, 1)).expand(4, 3, 5, 1).mul_(2)
    return y


def out_arguments(x: Tensor) -> Tensor:
    made = torch.empty(0)
    torch.add(x, 1, out=made)
    reused = torch.zeros(4, 3, 5)
    torch.mul(made, x, out=reused)
    values, indices = torch.empty(4, 3), torch.empty(4, 3, dtype=torch.long)
    torch.max(x, dim=2, out=(values, indices))
    return reused.sum(2) + values + indices


def types_stay(x: Tensor) -> Tensor:
    whole = torch.zeros(x.shape, dtype=torch.int32)
    whole.copy_(x * 3)
    single = x.clone()
    single.add_(torch.ones(5, dtype=torch.float64) / 3)
    double = x.double()
    double.mul_(x)
    half = x.half()
    half += x
    return whole + single + double.float() + half


def by_strides(x: Tensor) -> Tensor:
    y = x.clone()
    odd = y[1].as_strided((4, 2), (15, 3), 1)
    windows = y.as_strided((19, 2), (3, 1))
    odd.mul_(2)
    return windows.sum() + odd + torch.as_strided(x, (4, 2), (15, 5))


def moved_in_place(x: Tensor) -> Tensor:
    y = x.clone()
    y.transpose_(0, 2).unsqueeze_(0).squeeze_(0).t  # noqa: B018
    y[0] += 1
    return y.detach_() * 2


def masks_and_indices(x: Tensor) -> Tensor:
    y = x.clone()
    y[x > 0] = -1.0
    y.masked_fill_(x < -1, 0.5)
    y[torch.tensor([0, 2])] = x[torch.tensor([1, 3])]
    y.index_add_(0, torch.tensor([1, 1]), x[:2])
    y.scatter_(2, torch.zeros(4, 3, 1, dtype=torch.long), 7.0)
    y.index_fill_(1, torch.tensor([2]), 3.0)
    return y


def overlapping(x: Tensor) -> Tensor:
    y = x.clone()
    y[1:] += y[:-1].clone()
    y[:, 0] = y[:, 1]
    return y


def data_is_an_alias(x: Tensor) -> Tensor:
    y = x.clone()
    y.data.clamp_(-1, 1)
    y.detach().add_(1)
    return y


def strided(x: Tensor) -> Tensor:
    """The order in memory decides the order of the sum."""
    y = x.permute(2, 0, 1).contiguous().permute(1, 2, 0)
    y += 1
    y.permute(2, 0, 1).mul_(1.1)
    y.copy_(x * 1.3)
    return y.sum() + y.view(-1).sum() if y.is_contiguous() else y.sum() + y.permute(2, 0, 1).sum()


def written_input(x: Tensor) -> Tensor:
    x.mul_(2)
    x[0] = 1
    return x + 1


def parameter_made_inside(x: Tensor) -> Tensor:
    p = nn.Parameter(x * 2)
    with torch.no_grad():
        p.add_(1)
    return p * 3


def in_inference_mode(x: Tensor) -> Tensor:
    with torch.inference_mode():
        y = F.linear(x, torch.ones(2, 5)).reshape(-1)
        y.add_(1)
    return y


FUNCTIONS = [
    *(aliased_relu, shared_by_module, alias_grows, step_by_step, accumulated, columns, old_views),
    *(views_of_views, through_expand, out_arguments, types_stay, moved_in_place),
    *(masks_and_indices, overlapping, data_is_an_alias, strided, written_input),
    *(by_strides, parameter_made_inside, in_inference_mode),
]


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
def test_writes_are_captured_as_values(function):
    captured = held(function, SHAPE)
    called = [node.target for node in captured.graph.nodes if node.op == "call_function"]
    assert all(not target._schema.is_mutable for target in called if hasattr(target, "_schema"))


def test_what_was_given_is_not_written():
    from snnc.compiler.frontend.capture import capture, compare
    from tests.support.networks.capturing import Function, drawn

    x = drawn(*SHAPE)
    before = x.clone()
    model = Function(written_input)
    compare(model, capture(model, x), x)
    assert torch.equal(x, before)


def test_a_write_through_overlapping_windows_is_refused_with_the_line():
    def windows(x):
        y = x.clone()
        y.unfold(0, 2, 1).mul_(2)
        return y

    message = refused(windows, SHAPE)
    assert "unfold" in message
    assert "test_writes.py" in message


def test_strides_that_look_beyond_the_tensor_are_refused():
    table = torch.arange(60.0)[10:25]
    message = refused(lambda x: x + table.as_strided((5,), (1,), 0), SHAPE)
    assert "beyond" in message


def test_a_type_that_does_not_fit_is_refused():
    def whole(x):
        y = torch.zeros(x.shape, dtype=torch.int32)
        y += x
        return y

    assert "cannot be written into torch.int32" in refused(whole, SHAPE)


def test_out_that_would_change_its_shape_is_refused():
    def grown(x):
        y = torch.zeros(1)
        torch.add(x, 1, out=y)
        return y

    assert "changes the shape" in refused(grown, SHAPE)
