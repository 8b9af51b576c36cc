"""What of a network was active in a window at all: the activity of its artificial counterpart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import torch

from snnc.compiler.ir.graph import Node
from snnc.compiler.ops import Conv2d
from snnc.errors import BAD_OPTION, SnncError
from snnc.estimator.activity import Activity, Network
from snnc.estimator.conventions.calls import Call
from snnc.estimator.layers import Layer


@dataclass(frozen=True)
class Active:
    """One layer in one window.

    Attributes:
        inputs: inputs of its synapse that were not 0 at one step or more.
        macs: pairs of such an input and an output that it reaches, borders excluded.
        outputs: outputs that were not 0 at one step or more.
    """

    inputs: int
    macs: int
    outputs: int


@dataclass(frozen=True)
class Shape:
    """What a layer has, whatever it does.

    Attributes:
        synapses: pairs of an input and an output that it reaches, borders excluded.
        inputs: numbers that its synapse reads in one step.
        sums: numbers that its synapse gives in one step.
        biased: whether each of them has a bias.
        outputs: its neurons; ``sums`` where it has none.
        from_input: whether it reads the network's input and no neurons.
    """

    synapses: int
    inputs: int
    sums: int
    biased: bool
    outputs: int
    from_input: bool

    @property
    def biases(self) -> int:
        """Biases that are added in one step."""
        return self.sums if self.biased else 0


@dataclass
class Windows:
    """The activity of every recording's window, layer by layer.

    Attributes:
        network: its graphs; the executed one is looked at.
        records: recording's place → layer → activity.

    Raises:
        SnncError: BAD_OPTION for a recurrent network.
    """

    network: Network
    records: dict[int, dict[str, Active]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        loops = self.network.executed.feedback
        if loops:
            raise SnncError(
                BAD_OPTION,
                "a recurrent network has no artificial counterpart that sees all of time at once",
                where=next(iter(loops)),
                hint="Leave out --ann.",
            )

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """The layers with a synapse."""
        return tuple(layer for layer in self.network.executed_layers if layer.synapse)

    @cached_property
    def shapes(self) -> Mapping[str, Shape]:
        """What each layer has."""
        return {layer.name: self._shape(layer) for layer in self.layers}

    def add(self, activity: Activity, place: int) -> None:
        """Take in one recording."""
        self.records[place] = {layer.name: self._active(layer, activity) for layer in self.layers}

    @property
    def each(self) -> list[dict[str, Active]]:
        """The recordings in order."""
        return [self.records[place] for place in sorted(self.records)]

    def _synapse(self, layer: Layer) -> Node:
        return self.network.executed[str(layer.synapse)]

    def _reached(self, node: Node, x: torch.Tensor) -> int:
        """Outputs that the inputs reach that are not 0, one for each pair; ``x`` is one step."""
        params = self.network.executed.params_of(node)
        conv = node.op if isinstance(node.op, Conv2d) else None
        call = Call(x[None].to(torch.float32), params["weight"], "bias" in params, conv)
        (pairs,) = call.uses(torch.ones(params["weight"].shape, dtype=torch.float64))
        return pairs

    def _shape(self, layer: Layer) -> Shape:
        node = self._synapse(layer)
        (given,) = self.network.executed.input_types(node)
        return Shape(
            synapses=self._reached(node, torch.ones(given.shape)),
            inputs=given.size,
            sums=node.type.size,
            biased="bias" in node.params,
            outputs=layer.neuron_count or node.type.size,
            from_input=layer.from_input,
        )

    def _active(self, layer: Layer, activity: Activity) -> Active:
        node = self._synapse(layer)
        read = (activity.executed[node.inputs[0]] != 0).any(dim=0)
        fired = [(activity.executed[name] != 0).any(dim=0).sum() for name in layer.neurons]
        outputs = int(sum(fired)) if fired else node.type.size
        return Active(int(read.sum()), self._reached(node, read), outputs)
