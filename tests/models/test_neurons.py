"""Neurons: the stated float32 arithmetic bit for bit, and gradients as autograd gives them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from snnc.errors import BAD_OPTION, SnncError
from snnc.models import neurons
from snnc.models.neurons import IF, LIF, PLIF, DecayLIF
from snnc.models.surrogates import ArcTan, Rectangular, Surrogate, make_surrogate

f32 = np.float32


def leaky_reference(
    x: np.ndarray, v_threshold: float, v_reset: float | None, beta: float
) -> tuple[np.ndarray, np.ndarray]:
    """Eqs. 1-4 of Yao et al. 2023, one float32 operation at a time: (U, S)."""
    threshold, leak = f32(v_threshold), f32(beta)
    u, s = np.empty_like(x), np.empty_like(x)
    h = np.zeros_like(x[0])
    for t in range(len(x)):
        u[t] = h + x[t]
        s[t] = u[t] >= threshold
        if v_reset is None:
            h = (u[t] - threshold * s[t]) * leak
        else:
            h = np.where(s[t] == 1, f32(v_reset), u[t] * leak)
    assert u.dtype == np.float32
    return u, s


def decay_reference(
    x: np.ndarray, rate: np.float32, v_threshold: float, v_reset: float
) -> tuple[np.ndarray, np.ndarray]:
    """SpikingJelly's charge with decaying input, fire and hard reset: (U, S)."""
    u, s = np.empty_like(x), np.empty_like(x)
    v = np.full_like(x[0], v_reset)
    for t in range(len(x)):
        difference = x[t] - v
        if v_reset != 0.0:
            difference = difference + f32(v_reset)
        u[t] = v + difference * rate
        s[t] = u[t] >= f32(v_threshold)
        v = np.where(s[t] == 1, f32(v_reset), u[t])
    assert u.dtype == np.float32
    return u, s


def currents(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


LEAKY = [
    LIF(),
    LIF(v_threshold=1.0, beta=0.5),
    LIF(v_threshold=0.7, v_reset=-0.2, beta=0.9),
    LIF(v_threshold=0.3, v_reset=None, beta=0.3),
    IF(v_threshold=1.0),
    IF(v_threshold=0.6, v_reset=None),
    LIF(beta=0.0),
]
DECAY = [DecayLIF(), DecayLIF(tau=3.0, v_threshold=0.4, v_reset=0.1), PLIF(), PLIF(tau=1.7)]


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of seven elements, so that small tensors cross many seams."""
    monkeypatch.setattr(neurons, "_BLOCK", 7)


@pytest.mark.parametrize("shape", [(1, 1), (5, 3, 4), (9, 2, 3, 5, 4)])
@pytest.mark.parametrize("neuron", LEAKY, ids=repr)
@pytest.mark.usefixtures("small_blocks")
def test_lif_computes_the_stated_operations_bit_for_bit(
    neuron: LIF, shape: tuple[int, ...]
) -> None:
    x = currents(*shape)
    u, s = leaky_reference(x.numpy(), neuron.v_threshold, neuron.v_reset, neuron.beta)
    assert np.array_equal(neuron.membrane(x).numpy(), u)
    assert np.array_equal(neuron(x).detach().numpy(), s)
    assert neuron(x).dtype == torch.float32


@pytest.mark.parametrize("shape", [(1, 1), (5, 3, 4), (9, 2, 3, 5, 4)])
@pytest.mark.parametrize("neuron", DECAY, ids=repr)
@pytest.mark.usefixtures("small_blocks")
def test_decay_lif_computes_the_stated_operations_bit_for_bit(
    neuron: DecayLIF, shape: tuple[int, ...]
) -> None:
    x = 2.0 * currents(*shape)
    rate = f32(neuron.rate().item())
    u, s = decay_reference(x.numpy(), rate, neuron.v_threshold, neuron.v_reset)
    assert np.array_equal(neuron.membrane(x).numpy(), u)
    assert np.array_equal(neuron(x).detach().numpy(), s)


@pytest.mark.parametrize("neuron", [*LEAKY, *DECAY], ids=repr)
def test_reference_inputs_make_some_fire_and_some_stay_silent(neuron: nn.Module) -> None:
    rate = neuron(2.0 * currents(9, 2, 3, 5, 4)).mean()
    assert 0.05 < rate < 0.95


def test_hard_and_soft_reset_by_hand() -> None:
    x = torch.tensor([[0.5], [0.5], [0.5], [0.25]])
    hard = LIF(v_threshold=0.75, v_reset=0.0, beta=0.5)
    assert hard.membrane(x).flatten().tolist() == [0.5, 0.75, 0.5, 0.5]
    assert hard(x).flatten().tolist() == [0.0, 1.0, 0.0, 0.0]
    soft = LIF(v_threshold=0.5, v_reset=None, beta=0.5)
    assert soft.membrane(x).flatten().tolist() == [0.5, 0.5, 0.5, 0.25]
    assert soft(x).flatten().tolist() == [1.0, 1.0, 1.0, 0.0]


def test_plif_by_hand() -> None:
    x = torch.tensor([[1.0], [1.5], [1.0]])
    assert PLIF().membrane(x).flatten().tolist() == [0.5, 1.0, 0.5]
    assert PLIF()(x).flatten().tolist() == [0.0, 1.0, 0.0]


@pytest.mark.parametrize("threshold", [0.3, 1.0, 0.1, 0.7])
def test_fires_at_the_float32_threshold_and_not_one_step_below(threshold: float) -> None:
    at = f32(threshold)
    below = np.nextafter(at, f32(-1.0))
    x = torch.from_numpy(np.array([[at, below]]))
    assert LIF(v_threshold=threshold)(x).tolist() == [[1.0, 0.0]]


def test_plif_has_one_parameter_and_starts_at_tau() -> None:
    assert sum(p.numel() for p in PLIF().parameters()) == 1
    assert PLIF().rate().item() == 0.5
    assert PLIF(tau=5.0).rate().item() == pytest.approx(0.2)
    assert not list(DecayLIF().parameters())


def test_if_does_not_leak() -> None:
    x = torch.full((4, 1), 0.25)
    assert IF(v_threshold=1.0).membrane(x).flatten().tolist() == [0.25, 0.5, 0.75, 1.0]


@pytest.mark.parametrize("neuron", [LIF(), LIF(v_reset=None), PLIF()], ids=repr)
def test_keeps_nothing_between_calls(neuron: nn.Module) -> None:
    x = currents(6, 2, 5)
    first = neuron(x)
    neuron(currents(6, 2, 5, seed=1))
    assert torch.equal(neuron(x), first)


@pytest.mark.parametrize("neuron", [LIF(), LIF(v_reset=None), PLIF()], ids=repr)
def test_memory_layout_does_not_matter(neuron: nn.Module) -> None:
    x = currents(4, 3, 5, 6, 7)
    layouts = (
        x.flatten(0, 1).contiguous(memory_format=torch.channels_last).unflatten(0, (4, 3)),
        x.transpose(0, 1).contiguous().transpose(0, 1),
        torch.stack((x, x), dim=-1)[..., 0],
        x[:, :, :1].expand(4, 3, 5, 6, 7),
    )
    for laid_out in layouts:
        copy = laid_out.detach().contiguous().requires_grad_()
        laid_out = laid_out.detach().requires_grad_()
        assert torch.equal(neuron(laid_out), neuron(copy))
        weights = currents(4, 3, 5, 6, 7, seed=2)
        (neuron(laid_out) * weights).sum().backward()
        (neuron(copy) * weights).sum().backward()
        assert laid_out.grad is not None
        assert torch.equal(laid_out.grad, copy.grad)


class Spike(torch.autograd.Function):
    """One firing step whose derivative is the surrogate, for plain autograd over time."""

    @staticmethod
    def forward(ctx: Any, distance: Tensor, surrogate: Surrogate) -> Tensor:
        ctx.save_for_backward(distance)
        ctx.surrogate = surrogate
        return (distance >= 0).to(distance.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        (distance,) = ctx.saved_tensors
        if isinstance(ctx.surrogate, Rectangular):
            a = ctx.surrogate.width
            slope = torch.where(distance.abs() < a, 1.0 / (2.0 * a), 0.0)
        else:
            alpha = ctx.surrogate.alpha
            slope = alpha / 2.0 / (1.0 + (torch.pi / 2.0 * alpha * distance) ** 2)
        return grads[0] * slope, None


def autograd_lif(x: Tensor, neuron: LIF) -> Tensor:
    h = torch.zeros_like(x[0])
    spikes = []
    for t in range(len(x)):
        u = h + x[t]
        s = Spike.apply(u - neuron.v_threshold, neuron.surrogate)
        if neuron.v_reset is None:
            h = neuron.beta * (u - neuron.v_threshold * s)
        else:
            h = neuron.v_reset * s + neuron.beta * u * (1.0 - s)
        spikes.append(s)
    return torch.stack(spikes)


def autograd_decay(x: Tensor, neuron: DecayLIF) -> Tensor:
    rate = neuron.rate()
    v = torch.full_like(x[0], neuron.v_reset)
    spikes = []
    for t in range(len(x)):
        u = v + (x[t] - (v - neuron.v_reset)) * rate
        s = Spike.apply(u - neuron.v_threshold, neuron.surrogate)
        v = neuron.v_reset * s + (1.0 - s) * u
        spikes.append(s)
    return torch.stack(spikes)


SURROGATES = [Rectangular(0.25), Rectangular(1.0), ArcTan(2.0), ArcTan(0.8)]


@pytest.mark.parametrize("surrogate", SURROGATES, ids=repr)
@pytest.mark.parametrize(
    "make",
    [
        lambda s: LIF(surrogate=s),
        lambda s: LIF(0.6, -0.3, 0.8, surrogate=s),
        lambda s: LIF(0.5, None, 0.7, surrogate=s),
        lambda s: IF(0.9, surrogate=s),
        lambda s: DecayLIF(2.0, surrogate=s),
        lambda s: DecayLIF(3.0, 0.4, 0.2, surrogate=s),
        lambda s: PLIF(2.0, surrogate=s),
        lambda s: PLIF(1.5, 0.5, -0.1, surrogate=s),
    ],
)
@pytest.mark.usefixtures("small_blocks")
def test_gradient_is_that_of_autograd_over_time(
    make: Callable[[Surrogate], nn.Module], surrogate: Surrogate
) -> None:
    """In float64, where both orders of summation agree to about 1e-15."""
    neuron = make(surrogate).double()
    plain = autograd_decay if isinstance(neuron, DecayLIF) else autograd_lif
    x = currents(8, 3, 2, 5).double().requires_grad_()
    weights = currents(8, 3, 2, 5, seed=1).double()
    (neuron(x) * weights).sum().backward()
    gradients = [x.grad, *(p.grad for p in neuron.parameters())]
    x.grad = None
    neuron.zero_grad()
    (plain(x, neuron) * weights).sum().backward()  # type: ignore[arg-type]
    plainly = [x.grad, *(p.grad for p in neuron.parameters())]
    for ours, wanted in zip(gradients, plainly, strict=True):
        assert wanted.abs().max() > 0.0
        torch.testing.assert_close(ours, wanted, rtol=1e-9, atol=1e-11)


def test_surrogates_by_hand() -> None:
    distance = torch.tensor([-0.25, -0.2, 0.0, 0.24, 0.25])
    assert Rectangular(0.25).derivative_(distance.clone()).tolist() == [0.0, 2.0, 2.0, 2.0, 0.0]
    peak = ArcTan(2.0).derivative_(torch.tensor([0.0, 1.0 / torch.pi]))
    assert peak.tolist() == pytest.approx([1.0, 0.5])
    assert make_surrogate("arctan", 0.5) == ArcTan(2.0)
    assert make_surrogate("rectangular", 0.5) == Rectangular(0.5)


@pytest.mark.parametrize(
    "make",
    [
        lambda: LIF(beta=1.1),
        lambda: LIF(beta=-0.1),
        lambda: LIF(v_threshold=float("nan")),
        lambda: LIF(v_reset=float("inf")),
        lambda: DecayLIF(tau=1.0),
        lambda: PLIF(tau=float("inf")),
        lambda: make_surrogate("boxcar", 0.5),
        lambda: make_surrogate("arctan", 0.0),
        lambda: LIF()(torch.zeros(3)),
        lambda: PLIF()(torch.zeros(0, 2)),
    ],
)
def test_refuses_what_cannot_be(make: Callable[[], object]) -> None:
    with pytest.raises(SnncError) as raised:
        make()
    assert raised.value.code is BAD_OPTION
