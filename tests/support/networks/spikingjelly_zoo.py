"""SpikingJelly's model zoo, in whichever release is installed, each network as that release has it.

Networks of its model zoo and of its Fashion-MNIST example, with random weights, and input for them.
"""

from __future__ import annotations

import importlib
import sys
import types
from importlib.metadata import version
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from torch import nn

from snnc.models.datasets.framing import frame_by_dt
from snnc.models.datasets.gesture_sim import draw_subject, simulate

pytest.importorskip("spikingjelly", reason="spikingjelly is not here: make test-environments")
CLOCK_DRIVEN = find_spec("spikingjelly.activation_based") is None
"""Whether it is a release before 0.0.0.0.14: classes of steps and of sequences are two."""
OLD = not version("spikingjelly").startswith("2.")
PACKAGE = "spikingjelly.clock_driven" if CLOCK_DRIVEN else "spikingjelly.activation_based"


def part(name: str) -> types.ModuleType:
    """A module of SpikingJelly, without what its zoo imports for downloads, logs and data sets."""
    unused = {
        "torchvision": {"transforms": None, "datasets": None},
        "torchvision._internally_replaced_utils": {"load_state_dict_from_url": None},
        "torch.utils.tensorboard": {"SummaryWriter": None},
    }
    absent = {key: value for key, value in unused.items() if key not in sys.modules}
    for key, names in absent.items():
        sys.modules[key] = types.ModuleType(key)
        vars(sys.modules[key]).update(names)
    try:
        return importlib.import_module(f"{PACKAGE}.{name}")
    finally:
        for key in absent:
            del sys.modules[key]


def _neuron(name: str, **options: object) -> dict[str, object]:
    neurons, surrogate = part("neuron"), part("surrogate")
    prefix, argument = (
        ("MultiStep", "multi_step_neuron") if CLOCK_DRIVEN else ("", "spiking_neuron")
    )
    cls = getattr(neurons, prefix + name)
    return {argument: cls, "surrogate_function": surrogate.ATan(), **options}


def _sequences(model: nn.Module) -> nn.Module:
    if not CLOCK_DRIVEN:
        part("functional").set_step_mode(model, "m")
    return model.eval()


def gesture_net(channels: int = 128) -> nn.Module:
    """The parametric-LIF network for DVS128 Gesture (Fang et al. 2021)."""
    networks = part("model.parametric_lif_net")
    cls = networks.MultiStepDVSGestureNet if CLOCK_DRIVEN else networks.DVSGestureNet
    return _sequences(cls(channels, **_neuron("ParametricLIFNode", init_tau=2.0)))


def sew_resnet(depth: int, connect: str) -> nn.Module:
    """SEW-ResNet (Fang et al. 2021) for ImageNet."""
    name = f"{'multi_step_' if CLOCK_DRIVEN else ''}sew_resnet{depth}"
    make = getattr(part("model.sew_resnet"), name)
    return _sequences(make(cnf=connect, **_neuron("IFNode")))


def spiking_vgg11() -> nn.Module:
    """VGG-11 with LIF neurons, for ImageNet."""
    name = f"{'multi_step_' if CLOCK_DRIVEN else ''}spiking_vgg11"
    make = getattr(part("model.spiking_vgg"), name)
    return _sequences(make(**_neuron("LIFNode", tau=2.0)))


def csnn(whole: bool = False) -> nn.Module:
    """The convolutional network of its Fashion-MNIST example, 128 channels, given whole frames.

    ``whole``: with the repetition of one image over 4 steps in front of it.
    """
    example = part("examples.conv_fashion_mnist")
    if not CLOCK_DRIVEN:
        made = example.CSNN(4, 128)
        return _sequences(made if whole else made.conv_fc)
    made = example.PythonNet(4)
    return nn.Sequential(made.static_conv, made.conv, made.fc).eval()


def lively(model: nn.Module) -> nn.Module:
    """Random weights, with batch norms or currents strong enough that all layers fire."""
    torch.manual_seed(0)
    normed = False
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            normed = True
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.05, 0.2)
            module.weight.data.uniform_(0.5, 2)
            module.bias.data.normal_(0, 0.6)
        elif isinstance(module, nn.Linear) or (isinstance(module, nn.Conv2d) and not normed):
            module.weight.data.mul_(3)
    return model


def simulated_frames(shape: tuple[int, ...], time_steps: int, sample: int) -> np.ndarray:
    """Event counts [T, *shape] of a simulated gesture of 128×128 pixels and 90 ms.

    Each cell of another size takes the nearest cell. One channel has the events of both polarities,
    three have OFF, ON and both.
    """
    recording = simulate(sample, draw_subject(24, seed=0), 0, seed=0, duration_us=90_000)
    events = frame_by_dt(recording, 90_000 // time_steps, time_steps).counts
    both = events.sum(1, keepdims=True)
    events = {1: both, 2: events, 3: np.concatenate([events, both], 1)}[shape[0]]
    rows, columns = (np.arange(size) * 128 // size for size in shape[1:])
    return events[:, :, rows[:, None], columns].astype(np.uint16)
