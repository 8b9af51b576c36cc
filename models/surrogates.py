"""Surrogate gradients: what stands in for the derivative of the firing step.

The forward pass fires with the exact step ``S = 1 if U >= Vth else 0``. Its derivative is
zero almost everywhere, so the backward pass uses one of these smooth or boxed stand-ins,
a function of the distance ``U - Vth`` (Neftci et al. 2019, "Surrogate gradient learning in
spiking neural networks").
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from snnc.errors import BAD_OPTION, SnncError


class Surrogate(Protocol):
    """A stand-in for dS/dU, as a function of the distance ``U - Vth``."""

    def derivative_(self, distance: Tensor) -> Tensor:
        """Overwrite ``distance`` (any shape, ``U - Vth``) with dS/dU and return it."""
        ...


@dataclass(frozen=True)
class Rectangular:
    """dS/dU = 1/(2a) where \\|U - Vth\\| < a, else 0; ``a`` is :attr:`width`.

    The surrogate of the authors' three-layer networks, with a = 0.25 (Wu et al. 2018,
    "Spatio-temporal backpropagation", curve h1).
    """

    width: float = 0.25

    def derivative_(self, distance: Tensor) -> Tensor:
        """See :meth:`Surrogate.derivative_`."""
        return distance.abs_().lt_(self.width).mul_(0.5 / self.width)


@dataclass(frozen=True)
class ArcTan:
    """dS/dU = (alpha/2) / (1 + (pi/2 * alpha * (U - Vth))^2).

    The derivative of a scaled arctangent, the surrogate of PLIF networks (Fang et al. 2021,
    "Incorporating learnable membrane time constant"); SpikingJelly's default has alpha = 2.
    """

    alpha: float = 2.0

    def derivative_(self, distance: Tensor) -> Tensor:
        """See :meth:`Surrogate.derivative_`."""
        squared = distance.mul_(0.5 * math.pi * self.alpha).square_()
        return squared.add_(1.0).reciprocal_().mul_(0.5 * self.alpha)


def make_surrogate(name: str, width: float) -> Surrogate:
    """The surrogate gradient called ``name``; ``width`` is a, or 1/alpha, above 0.

    Raises:
        SnncError: BAD_OPTION for another name or width.
    """
    if not width > 0.0:
        raise SnncError(BAD_OPTION, f"surrogate_width must be above 0, not {width}")
    if name == "rectangular":
        return Rectangular(width)
    if name == "arctan":
        return ArcTan(1.0 / width)
    raise SnncError(BAD_OPTION, f"surrogate is rectangular or arctan, not {name!r}")
