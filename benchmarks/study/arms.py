"""The two arms that are not among the networks of snnc.models, and how they are counted.

They replace modules of a network that was built as usual. A network with a learned gain costs
what vanilla costs, since the gain is folded into the batch norm; one with fixed groups costs what
ASA-1 costs without the making of its masks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from snnc.compiler.ir.graph import Graph
from snnc.compiler.ir.roles import Role
from snnc.models.attention import ASA, ComplementaryMask
from snnc.models.networks import Block, Network

Change = Callable[[Network], None]


class LayerGain(nn.Module):
    """X · g with one learned number a layer, from 1."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        """Currents like ``x``."""
        return self.gain * x


class FixedGroups(ASA):
    """ASA whose groups do not depend on what it reads.

    Args:
        time_steps, channels: T and C; the two top-k choices are made of random numbers.
    """

    def __init__(self, time_steps: int, channels: int) -> None:
        super().__init__(nn.Identity())  # type: ignore[arg-type]
        self.mask: Tensor
        drawn = torch.rand(time_steps, 1, channels)
        self.register_buffer("mask", ComplementaryMask()(drawn))

    def forward(self, x: Tensor) -> Tensor:
        """Gated currents, ``[T, N, C, H, W]``."""
        mask = self.mask.expand(-1, x.shape[1], -1)
        pooled1, pooled2 = self.pool(x, mask)
        return self.gate(  # type: ignore[no-any-return]
            x, mask, self.score1(pooled1), self.score2(pooled2)
        )


def change_of(arm: str) -> Change | None:
    """What an arm does to the network that it is built of; None for nothing."""
    return {"gain": _with_gains, "asa1-random": _with_fixed_groups}.get(arm)


def convolutions(model: Network) -> Iterator[tuple[str, Block]]:
    """The layers that attention belongs to."""
    for name, child in model.named_children():
        if name.startswith("layer") and isinstance(child, Block):
            yield name, child


def _with_gains(model: Network) -> None:
    for _, block in convolutions(model):
        block.attention = LayerGain()


def _with_fixed_groups(model: Network) -> None:
    for _, block in convolutions(model):
        channels = block.synapse.layers.get_submodule("conv").out_channels
        block.attention = FixedGroups(model.time_steps, int(channels))  # type: ignore[arg-type]


def without_gains(model: Network) -> None:
    """Fold the gains into the batch norms: the same network, as vanilla."""
    for _, block in convolutions(model):
        if isinstance(block.attention, LayerGain):
            norm = block.synapse.layers.get_submodule("bn")
            assert isinstance(norm, nn.BatchNorm2d)
            norm.weight.data *= block.attention.gain.data
            norm.bias.data *= block.attention.gain.data
            block.attention = None


def as_asa1(model: Network, plain: Network) -> dict[str, Tensor]:
    """Give ``plain``, an ASA-1 network, the weights of one with fixed groups.

    Returns:
        Layer → its mask ``[T, C]``.
    """
    state = plain.state_dict()
    own = model.state_dict()
    masks = {name: block.attention for name, block in convolutions(model)}
    plain.load_state_dict({key: own.get(key, value) for key, value in state.items()})
    return {
        name: module.mask[:, 0] for name, module in masks.items() if isinstance(module, FixedGroups)
    }


def mask_nodes(graph: Graph) -> dict[str, str]:
    """Layer → the node of a graph that is its mask."""
    found = [node for node in graph.nodes if node.plays(Role.MASK)]
    return {node.loc.module.split(".")[0]: node.name for node in found}


def making_masks(graph: Graph) -> set[str]:
    """The nodes that compute masks and nothing else."""
    making = set(mask_nodes(graph).values())
    for node in reversed(graph.nodes):
        users = graph.users[node.name]
        if not node.plays(Role.INPUT) and users and all(user.name in making for user in users):
            making.add(node.name)
    return making
