"""Attention modules against their equations, written here plainly in float64."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from snnc.errors import BAD_OPTION, SnncError
from snnc.models.attention import (
    ASA,
    ASA1,
    ASA2,
    ATTENTION_NAMES,
    CA,
    SA,
    TA,
    TCSA,
    ComplementaryMask,
    GatesInTurn,
    SpatialScore,
    TemporalMix,
    make_attention,
)
from snnc.models.grouping import GroupGate, GroupStatistics

NAMES = [name for name in ATTENTION_NAMES if name != "none"]
SHAPE = (6, 3, 8, 5, 7)  # T, N, C, H, W


def module_of(name: str, time_steps: int, channels: int) -> nn.Module:
    """An attention module with weights large enough that its scores differ clearly."""
    torch.manual_seed(1)
    module = make_attention(name, time_steps, channels)
    assert module is not None
    for parameter in module.parameters():
        nn.init.uniform_(parameter, -1.0, 1.0)
    return module.double()


def currents(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def mlp(statistic: Tensor, reduce: Tensor, expand: Tensor) -> Tensor:
    """W2 ReLU(W1 s) for ``statistic`` ``[features, N]``."""
    return expand @ torch.clamp(reduce @ statistic, min=0.0)


def spatial_map(mean: Tensor, maximum: Tensor, kernel: Tensor) -> Tensor:
    """sigmoid(conv([mean; max])) by shifting, for maps ``[N, H, W]``."""
    size = kernel.shape[-1]
    height, width = mean.shape[-2:]
    total = torch.zeros_like(mean)
    for channel, image in enumerate((mean, maximum)):
        padded = nn.functional.pad(image, [size // 2] * 4)
        for dy in range(size):
            for dx in range(size):
                window = padded[:, dy : dy + height, dx : dx + width]
                total = total + kernel[0, channel, dy, dx] * window
    return torch.sigmoid(total)


def temporal(module: GatesInTurn, x: Tensor) -> Tensor:
    weights = module.temporal.mlp.reduce.weight, module.temporal.mlp.expand.weight
    flat = x.flatten(2)
    score = torch.sigmoid(mlp(flat.mean(2), *weights) + mlp(flat.amax(2), *weights))
    return x * score[:, :, None, None, None]


def channel(module: GatesInTurn, x: Tensor) -> Tensor:
    weights = module.channel.mlp.reduce.weight, module.channel.mlp.expand.weight
    flat = x.permute(2, 1, 0, 3, 4).flatten(2)
    score = torch.sigmoid(mlp(flat.mean(2), *weights) + mlp(flat.amax(2), *weights))
    return x * score.t()[None, :, :, None, None]


def spatial(module: GatesInTurn, x: Tensor) -> Tensor:
    flat = x.transpose(1, 2).flatten(0, 1)
    score = spatial_map(flat.mean(0), flat.amax(0), module.spatial.score.conv.weight)
    return x * score[None, :, None]


def asa(module: ASA, x: Tensor) -> Tensor:
    """Eqs. 5, 6, 8-10 with Y_1 and Y_2 stored whole, differentiated by autograd."""
    mean, maximum = x.mean((3, 4)), x.amax((3, 4))
    m = (mean + maximum) / 2 + module.mix.alpha * mean + module.mix.gamma * maximum
    if isinstance(module.mix, TemporalMix):
        reduce, expand = module.mix.reduce.weight, module.mix.expand.weight
        m = torch.sigmoid(mlp(m.flatten(1), reduce, expand)).unflatten(1, m.shape[1:])
    mask1 = brute_force_mask(m)[:, :, :, None, None]
    total = torch.zeros_like(x)
    for mask, score in ((mask1, module.score1), (1 - mask1, module.score2)):
        y = x * mask
        area = spatial_map(y.mean((0, 2)) / 0.5, y.amax((0, 2)), score.conv.weight)
        total = total + y * area[None, :, None]
    return total


def brute_force_mask(m: Tensor) -> Tensor:
    """The mask M1 by sorting (value, index) pairs in Python."""
    steps, samples, channels = m.shape
    mask = torch.zeros_like(m)
    for n in range(samples):
        for t in range(steps):
            row = sorted(range(channels), key=lambda c: (-m[t, n, c].item(), c))
            mask[t, n, row[: channels // 2]] += 1
        for c in range(channels):
            column = sorted(range(steps), key=lambda t: (-m[t, n, c].item(), t))
            mask[column[: steps // 2], n, c] += 1
    return (mask == 1).to(m.dtype)


PLAIN = {
    "ta": lambda m, x: temporal(m, x).clamp(min=0.0),
    "ca": lambda m, x: channel(m, x).clamp(min=0.0),
    "tsa": lambda m, x: spatial(m, temporal(m, x)).clamp(min=0.0),
    "csa": lambda m, x: spatial(m, channel(m, x)).clamp(min=0.0),
    "tca": lambda m, x: channel(m, temporal(m, x)).clamp(min=0.0),
    "sa": lambda m, x: spatial(m, x).clamp(min=0.0),
    "tcsa": lambda m, x: spatial(m, channel(m, temporal(m, x))).clamp(min=0.0),
    "asa1": asa,
    "asa2": asa,
}


@pytest.mark.parametrize("name", NAMES)
def test_values_and_gradients_follow_the_equations(name: str) -> None:
    module = module_of(name, SHAPE[0], SHAPE[2])
    weights = currents(*SHAPE, seed=2)

    def run(function: object) -> tuple[Tensor, list[Tensor | None]]:
        module.zero_grad()
        x = currents(*SHAPE).requires_grad_()
        y = function(x)  # type: ignore[operator]
        (y * weights).sum().backward()
        return y.detach(), [x.grad, *(p.grad for p in module.parameters())]

    y, gradients = run(module)
    wanted, wanted_gradients = run(lambda x: PLAIN[name](module, x))
    torch.testing.assert_close(y, wanted, rtol=1e-12, atol=1e-14)
    for ours, theirs in zip(gradients, wanted_gradients, strict=True):
        assert (ours is None) == (theirs is None)
        if ours is not None and theirs is not None:
            assert theirs.abs().max() > 0.0
            torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("name", ["asa1", "asa2"])
def test_asa_gradients_reach_the_score_kernels_only(name: str) -> None:
    """The masks have no derivative, so nothing that only feeds them learns."""
    module = module_of(name, SHAPE[0], SHAPE[2])
    module(currents(*SHAPE)).sum().backward()
    learning = {path for path, p in module.named_parameters() if p.grad is not None}
    assert learning == {"score1.conv.weight", "score2.conv.weight"}


@given(
    shape=st.tuples(*[st.integers(1, 5)] * 5),
    name=st.sampled_from(NAMES),
    seed=st.integers(0, 99),
)
@settings(max_examples=150, deadline=None)
def test_any_shape_follows_the_equations(
    shape: tuple[int, int, int, int, int], name: str, seed: int
) -> None:
    module = module_of(name, shape[0], shape[2])
    x = currents(*shape, seed=seed)
    with torch.no_grad():
        y = module(x)
        assert y.shape == x.shape
        torch.testing.assert_close(y, PLAIN[name](module, x), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", NAMES)
def test_is_per_sample(name: str) -> None:
    module = module_of(name, SHAPE[0], SHAPE[2])
    x = currents(*SHAPE)
    with torch.no_grad():
        whole = module(x)
        for n in range(SHAPE[1]):
            alone = module(x[:, n : n + 1])
            torch.testing.assert_close(whole[:, n : n + 1], alone, rtol=1e-13, atol=1e-15)


@given(
    m=st.tuples(st.integers(1, 7), st.integers(1, 2), st.integers(1, 7)).flatmap(
        lambda shape: st.lists(st.integers(0, 3), min_size=shape[0] * shape[1] * shape[2]).map(
            lambda values: torch.tensor(values[: shape[0] * shape[1] * shape[2]]).view(shape)
        )
    )
)
@settings(max_examples=150, deadline=None)
def test_mask_breaks_ties_by_the_lowest_index(m: Tensor) -> None:
    """Few distinct values, so almost every choice meets ties."""
    m = m.float()
    assert torch.equal(ComplementaryMask()(m), brute_force_mask(m))


def test_mask_by_hand() -> None:
    """Two of four equal channels, one of three equal steps: the first ones."""
    mask = ComplementaryMask()(torch.zeros(3, 1, 4))
    assert mask[:, 0].tolist() == [[0.0, 0.0, 1.0, 1.0], [1.0, 1.0, 0.0, 0.0], [1.0, 1.0, 0.0, 0.0]]


@pytest.mark.parametrize("members", [0.0, 0.4, 1.0])
def test_group_statistics_share_a_tied_gradient_as_autograd_does(members: float) -> None:
    """Small whole numbers, zeros among them: ties inside a group and with its zeros."""
    generator = torch.Generator().manual_seed(3)
    x = torch.randint(-2, 3, SHAPE, generator=generator).double().requires_grad_()
    mask1 = (torch.rand(SHAPE[:3], generator=generator) < members).double()
    weights = currents(2, SHAPE[1], 2, *SHAPE[3:])
    ours = torch.stack(GroupStatistics()(x, mask1))
    (gradient,) = torch.autograd.grad((ours * weights).sum(), x)
    groups = [x * mask[:, :, :, None, None] for mask in (mask1, 1 - mask1)]
    plain = torch.stack([torch.stack((2 * y.mean((0, 2)), y.amax((0, 2))), dim=1) for y in groups])
    (wanted,) = torch.autograd.grad((plain * weights).sum(), x)
    torch.testing.assert_close(ours, plain, rtol=1e-13, atol=1e-14)
    torch.testing.assert_close(gradient, wanted, rtol=1e-12, atol=1e-14)


def test_group_gate_rounds_each_product_once() -> None:
    x = currents(*SHAPE).float()
    mask1 = (currents(*SHAPE[:3], seed=1) > 0).float()
    scores = [torch.sigmoid(currents(SHAPE[1], 1, *SHAPE[3:], seed=k)).float() for k in (2, 3)]
    out = GroupGate()(x, mask1, *scores)
    chosen = torch.where(mask1[:, :, :, None, None] == 1, scores[0][None], scores[1][None])
    assert torch.equal(out, x * chosen)


@pytest.mark.parametrize("name", NAMES)
def test_memory_layout_does_not_matter(name: str) -> None:
    module = module_of(name, SHAPE[0], SHAPE[2])
    x = currents(*SHAPE)
    channels_last = (
        x.flatten(0, 1).contiguous(memory_format=torch.channels_last).unflatten(0, SHAPE[:2])
    )
    weights = currents(*SHAPE, seed=1)
    results = []
    for laid_out in (x, channels_last):
        laid_out = laid_out.clone(memory_format=torch.preserve_format).requires_grad_()
        y = module(laid_out)
        (y * weights).sum().backward()
        results.append((y.detach(), laid_out.grad))
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-14)


def test_hooks_see_every_intermediate_of_asa() -> None:
    module = module_of("asa1", SHAPE[0], SHAPE[2])
    seen: dict[str, object] = {}
    for path, child in module.named_children():
        child.register_forward_hook(lambda _m, _i, out, path=path: seen.update({path: out}))
    x = currents(*SHAPE)
    y = module(x)
    assert set(seen) == {"statistics", "mix", "select", "pool", "score1", "score2", "gate"}
    assert torch.equal(y, seen["gate"])
    assert seen["select"].shape == SHAPE[:3]  # type: ignore[attr-defined]
    assert seen["score1"].shape == (SHAPE[1], 1, *SHAPE[3:])  # type: ignore[attr-defined]


def test_parameters_of_one_module() -> None:
    def count(module: nn.Module) -> int:
        return sum(parameter.numel() for parameter in module.parameters())

    assert count(SA()) == 2 * 7 * 7
    assert count(TA(60)) == 2 * 60 * 15
    assert count(CA(64)) == 2 * 64 * 16
    assert count(TCSA(60, 64)) == count(SA()) + count(TA(60)) + count(CA(64))
    assert count(ASA1(60)) == 3600 + 2 * 18 + 2
    assert count(ASA2()) == 2 * 18 + 2


def test_asa_starts_with_alpha_and_gamma_one_half() -> None:
    assert ASA2().mix.alpha.item() == ASA2().mix.gamma.item() == 0.5


def test_none_is_no_module_and_other_names_are_refused() -> None:
    assert make_attention("none", 10, 8) is None
    with pytest.raises(SnncError) as raised:
        make_attention("asa3", 10, 8)
    assert raised.value.code is BAD_OPTION
    assert "asa2" in raised.value.hint
    with pytest.raises(SnncError):
        SpatialScore(4)
