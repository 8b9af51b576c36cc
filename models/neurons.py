"""Spiking neurons over whole sequences: LIF, IF, and the input-decaying LIF and PLIF.

Every neuron takes its whole input ``X`` with time first, ``[T, N, ...]`` (T time steps,
N samples), starts from rest at the first step, and returns its spikes, 0.0 or 1.0, in the
same shape. It keeps nothing between calls.

Arithmetic is float32 and part of the contract with the compiler: each membrane potential is
computed once, by the operations in the order that the class states, with no fused
multiply-add. "Choose" is exact: a potential is either kept or replaced, never blended.
Constants (beta, Vth, Vreset, 1/tau) are rounded to the nearest float32 first.
Inputs must be finite.

Training differentiates the whole sequence in one autograd function (backpropagation through
time, through the reset too) because autograd over T small operations costs several times more.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from snnc.errors import BAD_OPTION, SnncError
from snnc.models.surrogates import ArcTan, Rectangular, Surrogate

# Elements of one time step that are handled together: few enough that the handful of float32
# buffers of a step (256 KiB each) stays in the caches instead of streaming through memory, and
# enough that PyTorch's cost of a call does not show. Half of it takes 1.2 times as long.
_BLOCK = 65_536


class LIF(nn.Module):
    """Leaky integrate-and-fire neuron (Eqs. 1-4 of Yao et al. 2023).

    Hard reset, ``v_reset`` a number (``H[t-1]`` is computed lazily, when step t needs it)::

        U[0] = X[0]
        U[t] = choose(S[t-1], Vreset, beta * U[t-1]) + X[t]      one product, one sum
        S[t] = 1 if U[t] >= Vth else 0

    Soft reset, ``v_reset`` None::

        U[t] = beta * (U[t-1] - Vth * S[t-1]) + X[t]             difference, product, sum

    Args:
        v_threshold: Vth, the firing threshold.
        v_reset: Vreset, the potential after a spike; None subtracts Vth instead.
        beta: what is left of the potential after one step, 0 to 1.
        surrogate: the derivative of the firing step.
    """

    def __init__(
        self,
        v_threshold: float = 0.3,
        v_reset: float | None = 0.0,
        beta: float = 0.3,
        surrogate: Surrogate | None = None,
    ) -> None:
        super().__init__()
        _check_number("v_threshold", v_threshold)
        if v_reset is not None:
            _check_number("v_reset", v_reset)
        if not 0.0 <= beta <= 1.0:
            raise SnncError(BAD_OPTION, f"beta must lie between 0 and 1, not {beta}")
        self.v_threshold = v_threshold
        self.v_reset = v_reset
        self.beta = beta
        self.surrogate: Surrogate = surrogate or Rectangular()

    def forward(self, x: Tensor) -> Tensor:
        """Spikes, 0.0 or 1.0, for the input current ``x``; both ``[T, N, ...]``."""
        return _LeakySequence.apply(  # type: ignore[no-any-return, no-untyped-call]
            x, self.v_threshold, self.v_reset, self.beta, self.surrogate
        )

    @torch.no_grad()
    def membrane(self, x: Tensor) -> Tensor:
        """Potential U before firing and reset, ``[T, N, ...]``, for the input ``x``."""
        rows, restore = _time_rows(x)
        return restore(_leaky_membrane(rows, self.v_threshold, self.v_reset, self.beta))

    def extra_repr(self) -> str:
        """Constants, for printing."""
        return f"v_threshold={self.v_threshold}, v_reset={self.v_reset}, beta={self.beta}"


class IF(LIF):
    """Integrate-and-fire neuron: an :class:`LIF` that does not leak (beta = 1)."""

    def __init__(
        self,
        v_threshold: float = 1.0,
        v_reset: float | None = 0.0,
        surrogate: Surrogate | None = None,
    ) -> None:
        super().__init__(v_threshold, v_reset, beta=1.0, surrogate=surrogate)


class DecayLIF(nn.Module):
    """LIF whose input decays with the potential: SpikingJelly's ``LIFNode``.

    With k = 1/tau, hard reset::

        V[-1] = Vreset
        U[t]  = V[t-1] + ((X[t] - V[t-1]) + Vreset) * k     differences left to right
        S[t]  = 1 if U[t] >= Vth else 0
        V[t]  = choose(S[t], Vreset, U[t])

    At Vreset = 0 the addition of Vreset is left out. SpikingJelly divides by tau; this
    multiplies by k, which is the same number where tau is a power of two, as in the
    authors' five-layer networks (tau = 2).

    Args:
        tau: membrane time constant in steps, above 1.
        v_threshold: Vth, the firing threshold.
        v_reset: Vreset, the potential after a spike and at the start.
        surrogate: the derivative of the firing step.
    """

    def __init__(
        self,
        tau: float = 2.0,
        v_threshold: float = 1.0,
        v_reset: float = 0.0,
        surrogate: Surrogate | None = None,
    ) -> None:
        super().__init__()
        if not (tau > 1.0 and math.isfinite(tau)):
            raise SnncError(BAD_OPTION, f"tau must be a finite number above 1, not {tau}")
        _check_number("v_threshold", v_threshold)
        _check_number("v_reset", v_reset)
        self.v_threshold = v_threshold
        self.v_reset = v_reset
        self.surrogate: Surrogate = surrogate or ArcTan()
        self._set_tau(tau)

    def _set_tau(self, tau: float) -> None:
        self.tau = tau

    def rate(self) -> Tensor:
        """k = 1/tau, a scalar float32 tensor."""
        return torch.tensor(1.0 / self.tau)

    def forward(self, x: Tensor) -> Tensor:
        """Spikes, 0.0 or 1.0, for the input current ``x``; both ``[T, N, ...]``."""
        return _DecaySequence.apply(  # type: ignore[no-any-return, no-untyped-call]
            x, self.rate(), self.v_threshold, self.v_reset, self.surrogate
        )

    @torch.no_grad()
    def membrane(self, x: Tensor) -> Tensor:
        """Potential U before firing and reset, ``[T, N, ...]``, for the input ``x``."""
        rows, restore = _time_rows(x)
        return restore(_decay_membrane(rows, self.rate().item(), self.v_threshold, self.v_reset))

    def extra_repr(self) -> str:
        """Constants, for printing."""
        return (
            f"tau={1.0 / self.rate().item():g}, v_threshold={self.v_threshold}, "
            f"v_reset={self.v_reset}"
        )


class PLIF(DecayLIF):
    """:class:`DecayLIF` whose time constant is learned: SpikingJelly's ``ParametricLIFNode``.

    k = 1/tau = sigmoid(w); ``w`` is the only parameter, one number for the whole layer, and
    starts at -ln(tau - 1) (Fang et al. 2021, Eq. 8).
    """

    w: nn.Parameter

    def _set_tau(self, tau: float) -> None:
        self.w = nn.Parameter(torch.tensor(-math.log(tau - 1.0)))

    def rate(self) -> Tensor:
        """k = 1/tau = sigmoid(w), a scalar tensor."""
        return self.w.sigmoid()


SPIKING = (LIF, DecayLIF)
"""Classes of the modules whose outputs are spikes."""


def _check_number(name: str, value: float) -> None:
    if not math.isfinite(value):
        raise SnncError(BAD_OPTION, f"{name} must be a finite number, not {value}")


class _Layout:
    """Remembers how ``[T, ...]`` was flattened to rows, to lay results out alike."""

    def __init__(self, x: Tensor) -> None:
        inner = sorted(range(1, x.dim()), key=lambda d: x.stride(d), reverse=True)
        self.order = (0, *inner)
        self.shape = tuple(x.shape[d] for d in self.order)

    def rows(self, x: Tensor) -> Tensor:
        return x.permute(self.order).reshape(x.shape[0], -1)

    def __call__(self, rows: Tensor) -> Tensor:
        inverse = sorted(range(len(self.order)), key=self.order.__getitem__)
        return rows.view(self.shape).permute(inverse)


def _time_rows(x: Tensor) -> tuple[Tensor, _Layout]:
    """``x`` as ``[T, elements]`` in its own memory order (no copy where it is dense)."""
    if x.dim() < 2 or x.shape[0] == 0:
        raise SnncError(
            BAD_OPTION,
            f"a neuron takes [time steps, samples, ...] with at least one step, "
            f"not a tensor of shape {list(x.shape)}",
        )
    layout = _Layout(x)
    return layout.rows(x), layout


def _blocks(rows: Tensor) -> list[slice]:
    width = rows.shape[1]
    return [slice(start, min(start + _BLOCK, width)) for start in range(0, width, _BLOCK)]


def _leaky_membrane(x: Tensor, v_threshold: float, v_reset: float | None, beta: float) -> Tensor:
    """U of :class:`LIF` for rows ``x`` ``[T, elements]``.

    The choice is written ``keep * (beta * U)`` with keep 0 or 1: exact for finite U, and
    several times faster than ``torch.where``.
    """
    u = torch.empty_like(x, memory_format=torch.contiguous_format)
    for block in _blocks(x):
        u[0, block] = x[0, block]
        h = torch.empty_like(u[0, block])
        gate = torch.empty_like(h)
        for t in range(1, x.shape[0]):
            before = u[t - 1, block]
            if v_reset is None:
                torch.ge(before, v_threshold, out=gate).mul_(v_threshold)
                torch.sub(before, gate, out=h).mul_(beta)
            else:
                torch.lt(before, v_threshold, out=gate)
                torch.mul(before, beta, out=h).mul_(gate)
                if v_reset != 0.0:
                    h.add_(gate.neg_().add_(1.0).mul_(v_reset))
            torch.add(h, x[t, block], out=u[t, block])
    return u


def _decay_membrane(x: Tensor, rate: float, v_threshold: float, v_reset: float) -> Tensor:
    """U of :class:`DecayLIF` for rows ``x`` ``[T, elements]``."""
    u = torch.empty_like(x, memory_format=torch.contiguous_format)
    for block in _blocks(x):
        v = torch.full_like(u[0, block], v_reset)
        gate = torch.empty_like(v)
        for t in range(x.shape[0]):
            if t > 0:
                _after_reset(u[t - 1, block], v_threshold, v_reset, gate, v)
            now = u[t, block]
            torch.sub(x[t, block], v, out=now)
            if v_reset != 0.0:
                now.add_(v_reset)
            now.mul_(rate).add_(v)
    return u


def _after_reset(u: Tensor, v_threshold: float, v_reset: float, gate: Tensor, v: Tensor) -> None:
    """V = choose(U >= Vth, Vreset, U) into ``v``; ``gate`` is scratch."""
    torch.lt(u, v_threshold, out=gate)
    torch.mul(u, gate, out=v)
    if v_reset != 0.0:
        v.add_(gate.neg_().add_(1.0).mul_(v_reset))


def _fire(u: Tensor, v_threshold: float) -> Tensor:
    return torch.ge(u, v_threshold, out=torch.empty_like(u))


class _LeakySequence(torch.autograd.Function):
    """Spikes of :class:`LIF` over all steps, with its hand-written backward pass.

    With w = dS/dU (surrogate) and gU[t] the loss gradient at U[t]::

        hard: dH/dU = beta*(1 - S) + (Vreset - beta*U)*w     soft: dH/dU = beta*(1 - Vth*w)
        gU[t] = gS[t]*w[t] + gU[t+1]*dH/dU[t]                gX[t] = gU[t]
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        v_threshold: float,
        v_reset: float | None,
        beta: float,
        surrogate: Surrogate,
    ) -> Tensor:
        rows, layout = _time_rows(x)
        u = _leaky_membrane(rows, v_threshold, v_reset, beta)
        ctx.save_for_backward(u)
        ctx.layout = layout
        ctx.constants = (v_threshold, v_reset, beta, surrogate)
        return layout(_fire(u, v_threshold))

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        (u,) = ctx.saved_tensors
        v_threshold, v_reset, beta, surrogate = ctx.constants
        grad_s = ctx.layout.rows(grads[0])
        grad_x = torch.empty_like(u)
        for block in _blocks(u):
            w = torch.empty_like(u[0, block])
            dh = torch.empty_like(w)
            for t in range(u.shape[0] - 1, -1, -1):
                now = u[t, block]
                grad = grad_x[t, block]
                surrogate.derivative_(torch.sub(now, v_threshold, out=w))
                torch.mul(w, grad_s[t, block], out=grad)
                if t + 1 == u.shape[0]:
                    continue
                if v_reset is None:
                    torch.mul(w, -v_threshold, out=dh).add_(1.0).mul_(beta)
                else:
                    torch.lt(now, v_threshold, out=dh).addcmul_(now, w, value=-1.0).mul_(beta)
                    if v_reset != 0.0:
                        dh.add_(w, alpha=v_reset)
                grad.addcmul_(dh, grad_x[t + 1, block])
        return ctx.layout(grad_x), None, None, None, None


class _DecaySequence(torch.autograd.Function):
    """Spikes of :class:`DecayLIF` over all steps, with its hand-written backward pass.

    With w = dS/dU (surrogate) and gU[t] the loss gradient at U[t]::

        dV/dU = (1 - S) + (Vreset - U)*w            gX[t] = gU[t]*k
        gU[t] = gS[t]*w[t] + gU[t+1]*(1 - k)*dV/dU[t]
        gk    = sum over all t of gU[t]*(X[t] - V[t-1] + Vreset)
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        rate: Tensor,
        v_threshold: float,
        v_reset: float,
        surrogate: Surrogate,
    ) -> Tensor:
        rows, layout = _time_rows(x)
        u = _decay_membrane(rows, rate.item(), v_threshold, v_reset)
        ctx.save_for_backward(rows, u, rate)
        ctx.layout = layout
        ctx.constants = (v_threshold, v_reset, surrogate)
        return layout(_fire(u, v_threshold))

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        x, u, rate_tensor = ctx.saved_tensors
        v_threshold, v_reset, surrogate = ctx.constants
        rate = rate_tensor.item()
        grad_s = ctx.layout.rows(grads[0])
        grad_x = torch.empty_like(u)
        grad_rate = torch.zeros_like(rate_tensor)
        for block in _blocks(u):
            w = torch.empty_like(u[0, block])
            carried = torch.zeros_like(w)  # the gradient at V[t]
            gate = torch.empty_like(w)
            for t in range(u.shape[0] - 1, -1, -1):
                now = u[t, block]
                grad = grad_x[t, block]
                surrogate.derivative_(torch.sub(now, v_threshold, out=w))
                torch.mul(w, grad_s[t, block], out=grad)
                dv = torch.lt(now, v_threshold, out=gate).addcmul_(now, w, value=-1.0)
                if v_reset != 0.0:
                    dv.add_(w, alpha=v_reset)
                grad.addcmul_(dv, carried)  # now the gradient at U[t]
                torch.mul(grad, 1.0 - rate, out=carried)
                if ctx.needs_input_grad[1]:
                    if t > 0:
                        _after_reset(u[t - 1, block], v_threshold, v_reset, gate, w)
                    else:
                        w.fill_(v_reset)
                    drive = torch.sub(x[t, block], w, out=w).add_(v_reset)
                    grad_rate += torch.dot(grad, drive)
                grad.mul_(rate)
        return ctx.layout(grad_x), grad_rate, None, None, None
