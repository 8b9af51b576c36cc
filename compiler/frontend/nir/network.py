"""What a NIR file computes, in plain PyTorch: the reference that the C is verified against.

One module per node, all over sequences ``[T, N, ...]``, in float32: over whole windows, or a step
at a time where spikes return to their own neuron. The equations of the NIR paper are discretised by
forward Euler; every rule that NIR leaves open is in
:class:`~snnc.compiler.frontend.nir.file.NirOptions`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from snnc.compiler.frontend.nir.file import MOST_SPIKES, NirFile, NirNode, NirOptions
from snnc.errors import BAD_WEIGHTS, UNSUPPORTED_LAYER, SnncError
from snnc.messages import first_sentence

WINDOW = ("kernel_size", "stride", "padding")

Rates = tuple[Any, Any, Any]
"""(beta, drift, gain) of a leak."""

Memory = dict[nn.Module, Tensor]
"""What each module keeps from a piece of a window to the next; empty at its start."""


class NirNetwork(nn.Module):
    """The network of a NIR file: ``[T, N, *input_shape]`` to class scores ``[N, classes]``.

    The scores are the mean over time of what reaches Output (spikes, or potentials).

    Attributes:
        file: the nodes and options it was made of.
        keys: for each node of the file the name of its submodule.
    """

    def __init__(self, file: NirFile) -> None:
        super().__init__()
        self.file = file
        self.keys: dict[str, str] = {}
        for node in file.nodes:
            name = "".join(c if c.isalnum() else "_" for c in node.key) or "node"
            while name in self._modules or hasattr(self, name):
                name += "_"
            self.keys[node.key] = name
            self.add_module(name, _made(node, file.options))

    def forward(self, x: Tensor) -> Tensor:
        """Class scores [N, classes] of event counts [T, N, *input_shape]."""
        values = {self.file.input_key: x.reshape(*x.shape[:2], *self.file.declared_shape)}
        memory: Memory = {}
        for loop, nodes in groupby(self.file.nodes, key=lambda node: node.loop):
            if loop:
                self._by_steps(list(nodes), values, memory)
            else:
                self._over(nodes, values, {}, memory)
        return sum_of([values[key] for key in self.file.outputs]).flatten(2).mean(dim=0)

    def _over(
        self,
        nodes: Iterable[NirNode],
        values: dict[str, Tensor],
        before: Mapping[str, Tensor],
        memory: Memory,
    ) -> None:
        """Add the nodes' values over a piece of a window; ``before``: of the piece before it."""
        for node in nodes:
            given = [values[key] for key in node.inputs] + [before[key] for key in node.recurrent]
            module = self.get_submodule(self.keys[node.key])
            values[node.key] = module(sum_of(given), memory)

    def _by_steps(self, nodes: list[NirNode], values: dict[str, Tensor], memory: Memory) -> None:
        """Add the values of a loop: each step hears its neuron's spikes of the step before."""
        (neuron,) = (node for node in nodes if node.key == node.loop)
        x = values[self.file.input_key]
        spikes = {neuron.key: x.new_zeros(1, x.shape[1], *neuron.neurons)}
        steps = []
        for t in range(len(x)):
            now = {key: value[t : t + 1] for key, value in values.items()}
            self._over(nodes, now, spikes, memory)
            spikes = {neuron.key: now[neuron.key]}
            steps.append(now)
        for node in nodes:
            values[node.key] = torch.cat([step[node.key] for step in steps])


def sum_of(values: list[Tensor]) -> Tensor:
    """All edges into a node are added, from left to right."""
    total = values[0]
    for value in values[1:]:
        total = total + value
    return total


class Unknown(nn.Module):
    """Stands for a node without a meaning here; the import lists it before anything runs."""

    def forward(self, x: Tensor, memory: Memory) -> Tensor:
        """Never defined."""
        raise SnncError(UNSUPPORTED_LAYER, "this NIR node has no meaning here")


def module_of(node: NirNode, options: NirOptions) -> nn.Module:
    """The PyTorch module of one node."""
    make = _MODULES.get(node.type)
    return Unknown() if make is None else make(node, options)


def _made(node: NirNode, options: NirOptions) -> nn.Module:
    try:
        return module_of(node, options)
    except SnncError:
        raise
    except Exception as error:  # values of any type in a file, where numbers and sizes are expected
        what = f"its values make no {node.type} ({first_sentence(error)})"
        raise SnncError(BAD_WEIGHTS, what, where=node.key) from error


class OverSteps(nn.Module):
    """A stateless function applied to every step: [T, N, ...] as one batch."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor, memory: Memory) -> Tensor:
        """Apply the function to [T*N, ...]."""
        y: Tensor = self.function(x.flatten(0, 1))
        return y.reshape(*x.shape[:2], *y.shape[1:])


class Leak(nn.Module):
    """u[t] = beta u[t-1] + drift + gain x[t], from 0."""

    def __init__(self, beta: Any, drift: Any, gain: Any) -> None:
        super().__init__()
        self.beta, self.drift, self.gain = tensor(beta), tensor(drift), tensor(gain)

    def forward(self, x: Tensor, memory: Memory) -> Tensor:
        """Potentials [T, N, ...] for inputs [T, N, ...]."""
        u = memory.get(self, torch.zeros_like(x[0]))
        potentials = []
        for step in x:
            u = self.beta * u + self.drift + self.gain * step
            potentials.append(u)
        memory[self] = u
        return torch.stack(potentials)


class Spiking(Leak):
    """A :class:`Leak` with a threshold and a reset."""

    def __init__(self, rates: Rates, node: NirNode, options: NirOptions) -> None:
        super().__init__(*rates)
        self.threshold = tensor(node.numbers("v_threshold"))
        self.v_reset = tensor(node.numbers("v_reset"))
        self.options = options

    def forward(self, x: Tensor, memory: Memory) -> Tensor:
        """Spikes [T, N, ...] for inputs [T, N, ...]."""
        v = memory.get(self, torch.zeros_like(x[0]))
        spikes = []
        for step in x:
            v = self.beta * v + self.drift + self.gain * step
            number = self._fired(v)
            spikes.append(number)
            reset = self.v_reset
            if self.options.reset == "subtract":
                reset = v - number * self.threshold
            v = torch.where(number > 0, reset, v)
            if self.options.floor is not None:
                v = v.clamp(min=self.options.floor)
        memory[self] = v
        return torch.stack(spikes)

    def _fired(self, v: Tensor) -> Tensor:
        """How many spikes a potential fires."""
        if self.options.spikes == "many":
            return (v / self.threshold).floor().clamp(0, MOST_SPIKES)
        return (v > self.threshold).to(v.dtype)


class Shift(nn.Module):
    """y[t] = x[t - steps]."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps = steps

    def forward(self, x: Tensor, memory: Memory) -> Tensor:
        """Delayed sequence, [T, N, ...]."""
        late = torch.cat([memory.get(self, x.new_zeros(self.steps, *x.shape[1:])), x])
        memory[self] = late[len(x) :]
        return late[: len(x)]


def tensor(value: Any) -> Tensor:
    """float32 of float64 numbers."""
    return torch.from_numpy(np.asarray(value, dtype=np.float64)).to(torch.float32)


def _convolution(node: NirNode, options: NirOptions) -> nn.Module:
    weight, bias = tensor(node.numbers("weight")), tensor(node.numbers("bias"))
    axes = weight.ndim - 2
    convolve = F.conv1d if axes == 1 else F.conv2d
    padding = padding_of(node, axes)
    stride, dilation = sizes_of(node, "stride", axes), sizes_of(node, "dilation", axes)
    groups = int(node.node.groups)
    return OverSteps(lambda x: convolve(x, weight, bias, stride, padding, dilation, groups))


def sizes_of(node: NirNode, field: str, axes: int) -> tuple[int, ...]:
    """A size option, given as one number or one for each axis."""
    return tuple(int(n) for n in np.broadcast_to(node.numbers(field), (axes,)))


def padding_of(node: NirNode, axes: int) -> str | tuple[int, ...]:
    """Padding as PyTorch takes it: "same", "valid", or one number for each axis."""
    given = node.node.padding
    if isinstance(given, bytes):
        given = given.decode()
    return given if isinstance(given, str) else sizes_of(node, "padding", axes)


def _linear(node: NirNode, options: NirOptions) -> nn.Module:
    weight = tensor(node.numbers("weight"))
    bias = tensor(node.numbers("bias")) if node.type == "Affine" else None
    return OverSteps(lambda x: F.linear(x, weight, bias))


def _sum_pool(node: NirNode, options: NirOptions) -> nn.Module:
    kernel, stride, padding = (
        sizes_of(node, key, 2) for key in ("kernel_size", "stride", "padding")
    )
    return OverSteps(lambda x: F.avg_pool2d(x, kernel, stride, padding, divisor_override=1))


def _avg_pool(node: NirNode, options: NirOptions) -> nn.Module:
    kernel, stride, padding = (
        sizes_of(node, key, 2) for key in ("kernel_size", "stride", "padding")
    )
    return OverSteps(lambda x: F.avg_pool2d(x, kernel, stride, padding))


def _scale(node: NirNode, options: NirOptions) -> nn.Module:
    scale = tensor(node.numbers("scale"))
    return OverSteps(lambda x: x * scale)


def _threshold(node: NirNode, options: NirOptions) -> nn.Module:
    threshold = tensor(node.numbers("threshold"))
    return OverSteps(lambda x: (x > threshold).to(x.dtype))


def _delay(node: NirNode, options: NirOptions) -> nn.Module:
    return Shift(int(np.rint(node.numbers("delay").flat[0] / (options.dt or 1))))


def _integrator(node: NirNode, options: NirOptions) -> nn.Module:
    return Leak(1.0, 0.0, (options.dt or 1) * node.numbers("r"))


def _if(node: NirNode, options: NirOptions) -> nn.Module:
    return Spiking((1.0, 0.0, (options.dt or 1) * node.numbers("r")), node, options)


def _rates(node: NirNode, options: NirOptions, tau: str) -> Rates:
    """(beta, drift, gain) of tau dv/dt = (v_leak - v) + R I."""
    k = (options.dt or 1) / node.numbers(tau)
    return 1 - k, k * node.numbers("v_leak"), k * node.numbers("r")


def _li(node: NirNode, options: NirOptions) -> nn.Module:
    return Leak(*_rates(node, options, "tau"))


def _lif(node: NirNode, options: NirOptions) -> nn.Module:
    return Spiking(_rates(node, options, "tau"), node, options)


class Cuba(nn.Module):
    """A synapse, itself a leak, before a membrane."""

    def __init__(self, synapse: Leak, membrane: Leak) -> None:
        super().__init__()
        self.synapse = synapse
        self.membrane = membrane

    def forward(self, x: Tensor, memory: Memory) -> Tensor:
        """What the membrane gives for the synapse's current."""
        y: Tensor = self.membrane(self.synapse(x, memory), memory)
        return y


def _cuba(node: NirNode, options: NirOptions) -> nn.Module:
    k = (options.dt or 1) / node.numbers("tau_syn")
    synapse = Leak(1 - k, 0.0, k * node.numbers("w_in"))
    rates = _rates(node, options, "tau_mem")
    if node.type == "CubaLI":
        return Cuba(synapse, Leak(*rates))
    return Cuba(synapse, Spiking(rates, node, options))


def _flatten(node: NirNode, options: NirOptions) -> nn.Module:
    return OverSteps(lambda x: x.flatten(1))


_MODULES: dict[str, Any] = {
    "Affine": _linear,
    "Linear": _linear,
    "Conv1d": _convolution,
    "Conv2d": _convolution,
    "SumPool2d": _sum_pool,
    "AvgPool2d": _avg_pool,
    "Flatten": _flatten,
    "Scale": _scale,
    "Threshold": _threshold,
    "Delay": _delay,
    "I": _integrator,
    "IF": _if,
    "LI": _li,
    "LIF": _lif,
    "CubaLI": _cuba,
    "CubaLIF": _cuba,
}
