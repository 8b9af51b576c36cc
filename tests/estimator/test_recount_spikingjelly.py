"""The counts of a SpikingJelly network again with other code: plain hooks on its own modules."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from snnc.compiler.frontend.driving import Driven
from snnc.compiler.frontend.torch_fx import import_module
from snnc.compiler.passes import pipeline
from snnc.estimator.activity import Network, observe
from snnc.estimator.conventions import EXECUTED
from snnc.estimator.counts import LayerCounts, count
from tests.support.counting import interpret
from tests.support.networks import spikingjelly_zoo as zoo

STEPS, SHAPE, CHANNELS, SAMPLES = 4, (2, 128, 128), 8, 2
WEIGHTED = (nn.Conv2d, nn.Linear)
Found = dict[str, int]


def reached(x: Tensor, module: nn.Conv2d | nn.Linear) -> int:
    """Pairs of a nonzero input and an output that it reaches."""
    active = (x != 0).to(torch.float64)
    if isinstance(module, nn.Linear):
        return int(active.sum()) * module.out_features
    assert module.groups == 1
    taps = torch.ones(1, 1, *module.kernel_size, dtype=torch.float64)
    maps = active.flatten(0, -4).sum(dim=1, keepdim=True)
    return (
        int(F.conv2d(maps, taps, None, module.stride, module.padding).sum()) * module.out_channels
    )


def watched(model: nn.Module) -> tuple[Found, Found]:
    """Where hooks put what they see: operations of weighted layers, spikes of neurons."""
    operations: Found = {}
    spikes: Found = {}
    base = zoo.part("neuron").BaseNode

    def reads(name: str, module: nn.Conv2d | nn.Linear) -> None:
        def hook(_: nn.Module, given: tuple[Tensor, ...]) -> None:
            operations[name] = operations.get(name, 0) + reached(given[0], module)

        module.register_forward_pre_hook(hook)

    def fires(name: str, module: nn.Module) -> None:
        def hook(_: nn.Module, __: tuple[Tensor, ...], fired: Tensor) -> None:
            assert bool(((fired == 0) | (fired == 1)).all())
            spikes[name] = spikes.get(name, 0) + int(fired.sum())

        module.register_forward_hook(hook)

    for name, module in model.named_modules():
        if isinstance(module, WEIGHTED):
            reads(name, module)
        elif isinstance(module, base):
            fires(name, module)
    return operations, spikes


def weighted(network: Network, layers: list[LayerCounts]) -> Iterator[tuple[str, LayerCounts]]:
    """The layers with a synapse, by its module in the model."""
    for entry in layers:
        if entry.layer.synapse:
            yield network.executed[entry.layer.synapse].loc.module, entry


def test_hooks_on_the_gesture_network_count_the_same_integers() -> None:
    torch.manual_seed(0)
    model = zoo.lively(zoo.gesture_net(CHANNELS))
    for module in model.modules():
        if isinstance(module, nn.Linear):
            module.weight.data.abs_().mul_(4)  # so that the last layers fire in a network so narrow
    driven = Driven(model, readout="mean")
    graph = import_module(driven, SHAPE, STEPS)
    network = Network(pipeline.lowered(graph), pipeline.optimised(graph))
    recordings = [zoo.simulated_frames(SHAPE, STEPS, sample) for sample in range(SAMPLES)]
    tally = count(network, observe(network, recordings, interpret), [EXECUTED])["executed"]
    ours = dict(weighted(network, tally.per_layer()))
    operations, spikes = watched(driven)
    for frames in recordings:
        zoo.part("functional").reset_net(model)
        with torch.no_grad():
            model(torch.from_numpy(frames.astype("float32"))[:, None])
    assert list(ours) == list(operations)
    assert len(spikes) == len(ours) == 7
    for (name, entry), fired in zip(ours.items(), spikes.values(), strict=True):
        first = entry.layer.from_input
        counted = entry.parts["synapse"]
        assert counted["mac" if first else "ac"] == operations[name], name
        assert counted["ac" if first else "mac"] == 0, name
        assert sum(entry.spikes) == fired > 0, name
