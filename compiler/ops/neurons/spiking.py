"""What a firing op says of its membrane potential, in the units of the source model."""

from __future__ import annotations

from abc import abstractmethod

import torch

from snnc.compiler.ir.graph import Array
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops.base import Op
from snnc.compiler.ops.view import NodeRun, NodeView


class Spiking(Op):
    """A float neuron whose potential can be measured against its threshold."""

    roles = (Role.NEURON,)

    @abstractmethod
    def potentials(self, run: NodeRun, spikes: torch.Tensor) -> torch.Tensor:
        """The membrane potential before the reset in a run that fired ``spikes``, [T, *shape].

        Raises:
            InternalError: the node keeps none.
        """

    @abstractmethod
    def fixed_threshold(self, view: NodeView) -> Array | None:
        """What the potential is compared with: 0-D, or as the parameter lies; None where it is
        no constant, or no potential is kept."""
