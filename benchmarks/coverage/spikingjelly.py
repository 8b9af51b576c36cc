"""Every neuron and layer of SpikingJelly, in networks of its own layers, multi-step mode."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from spikingjelly.activation_based import functional, layer, neuron
from torch import nn

from benchmarks.coverage.rows import Row, Shaped

PACKAGE = "spikingjelly"
T = 5


def _few_spikes(largest: float) -> nn.Module:
    """A table of a code of T spikes, each worth half of the one before."""
    values = [largest / 2**k for k in range(T)]
    return neuron.few_spike.FewSpikeTable(values, values, values)


NEURONS: dict[str, dict[str, Any]] = {
    **{name: {} for name in ("IFNode", "LIFNode", "ParametricLIFNode", "QIFNode", "EIFNode")},
    **{name: {} for name in ("IzhikevichNode", "KLIFNode", "CUBALIFNode", "ComplementaryLIFNode")},
    **{name: {} for name in ("ILIFNode", "SLTTLIFNode", "OTTTLIFNode", "HalfThresholdIFNode")},
    **{
        name: {} for name in ("ActivationAwareIFNode", "TernaryIFNode", "TernaryLIFNode", "RAFNode")
    },
    "SimpleIFNode": {},
    "NonSpikingIFNode": {"decode": "last_mem"},
    "NonSpikingLIFNode": {"decode": "max-mem"},
    **{name: {} for name in ("DSRIFNode", "DSRLIFNode")},
    "SimpleLIFNode": {"tau": 2.0, "decay_input": True},
    "LIAFNode": {"act": torch.relu, "threshold_related": False},
    "MPBNLIFNode": {"out_features": 8},
    "STBIFNode": {"q_threshold": torch.tensor(0.5), "level": 4},
    "OutlierAwareThresholdNode": {
        "table": _few_spikes(0.5),
        "outlier_table": _few_spikes(1.0),
        "split_threshold": 2.0,
    },
    **{"PSN": {"T": T}, "MaskedPSN": {"k": 2, "T": T}, "SlidingPSN": {"k": 2}},
    "GatedLIFNode": {"T": T},
    **{name: {"act_dim": 4, "dec_pop_dim": 2} for name in ("ILCIFNode", "ILCLIFNode")},
    "ILCCUBALIFNode": {"act_dim": 4, "dec_pop_dim": 2},
    "NoisyCUBALIFNode": {"num_node": 8, "T": T, "is_training": False},
    "NoisyILCCUBALIFNode": {"act_dim": 4, "dec_pop_dim": 2, "T": T, "is_training": False},
    "NoisyNonSpikingIFNode": {
        **{"num_node": 8, "T": T, "is_training": False, "decode": "mean-mem"},
    },
}


def linear(inputs: int, outputs: int) -> nn.Module:
    """A linear layer whose neurons fire."""
    made = layer.Linear(inputs, outputs)
    nn.init.normal_(made.weight, 0.3, 0.6)
    return made


def multi_step(net: nn.Module) -> nn.Module:
    """In multi-step mode, to be evaluated, with statistics of norms that change something."""
    functional.set_step_mode(net, "m")
    for module in net.modules():
        if isinstance(getattr(module, "running_var", None), torch.Tensor):
            nn.init.uniform_(module.running_var, 0.5, 2.0)
            nn.init.normal_(module.running_mean, 0.0, 0.2)
    return net.eval()


ON_MAPS = ("GatedLIFNode",)
SINGLE_STEP = ("OTTTLIFNode",)
GIVES_POTENTIAL = ("NonSpikingIFNode", "NonSpikingLIFNode", "NoisyNonSpikingIFNode")


def _neuron(name: str) -> Row:
    if name in GIVES_POTENTIAL:
        return Row("neurons", name, lambda: multi_step(_Window(linear(6, 8), _made(name))), (6,), T)
    if name in ON_MAPS:
        on_maps = _layer(lambda: _made(name), MAP)
        return Row("neurons", name, on_maps, MAP, T)
    if name in SINGLE_STEP:
        by_mean = (("per_step", True), ("readout", "mean"))
        parts = lambda: (linear(6, 8), _made(name), linear(8, 3))  # noqa: E731
        return Row("neurons", name, lambda: _in_steps(*parts()), (6,), T, by_mean)
    return Row(
        "neurons",
        name,
        lambda: multi_step(Shaped((6,), linear(6, 8), _made(name), linear(8, 3))),
        (6,),
        T,
    )


class _Window(nn.Module):
    """A layer, and a neuron that gives something of the whole window."""

    def __init__(self, first: nn.Module, node: nn.Module) -> None:
        super().__init__()
        self.first, self.node = first, node

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[T, N, features] to [N, features]."""
        given: torch.Tensor = self.node(self.first(x))
        return given


def _made(name: str) -> nn.Module:
    made: nn.Module = getattr(neuron, name)(**NEURONS[name])
    return made


def _in_steps(*parts: nn.Module) -> nn.Module:
    return nn.Sequential(*parts).eval()


def _layer(make: Callable[[], nn.Module], shape: tuple[int, ...]) -> Callable[[], nn.Module]:
    """Spikes into the layer, and a neuron behind it."""
    return lambda: multi_step(
        Shaped(shape, neuron.IFNode(), make(), neuron.LIFNode(v_threshold=0.4))
    )


FLAT, LINE, MAP, CUBE = (8,), (4, 6), (4, 6, 6), (2, 4, 4, 4)
TOKENS = (8, 4)
LAYERS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "Linear": (lambda: layer.Linear(8, 5), FLAT),
    "WSLinear": (lambda: layer.WSLinear(8, 5), FLAT),
    "Flatten": (lambda: layer.Flatten(), MAP),
    "Conv1d": (lambda: layer.Conv1d(4, 3, 3, padding=1), LINE),
    "Conv2d": (lambda: layer.Conv2d(4, 3, 3, padding=1), MAP),
    "WSConv2d": (lambda: layer.WSConv2d(4, 3, 3, padding=1), MAP),
    "Conv3d": (lambda: layer.Conv3d(2, 3, 3, padding=1), CUBE),
    "ConvTranspose1d": (lambda: layer.ConvTranspose1d(4, 3, 3, stride=2), LINE),
    "ConvTranspose2d": (lambda: layer.ConvTranspose2d(4, 3, 3, stride=2), MAP),
    "ConvTranspose3d": (lambda: layer.ConvTranspose3d(2, 3, 3, stride=2), CUBE),
    "BatchNorm1d": (lambda: layer.BatchNorm1d(4), LINE),
    "BatchNorm2d": (lambda: layer.BatchNorm2d(4), MAP),
    "BatchNorm3d": (lambda: layer.BatchNorm3d(2), CUBE),
    "GroupNorm": (lambda: layer.GroupNorm(2, 4), MAP),
    "NeuNorm": (lambda: layer.NeuNorm(4, 6, 6), MAP),
    "ThresholdDependentBatchNorm1d": (
        lambda: layer.ThresholdDependentBatchNorm1d(1.0, 1.0, 4), LINE),
    "ThresholdDependentBatchNorm2d": (
        lambda: layer.ThresholdDependentBatchNorm2d(1.0, 1.0, 4), MAP),
    "ThresholdDependentBatchNorm3d": (
        lambda: layer.ThresholdDependentBatchNorm3d(1.0, 1.0, 2), CUBE),
    "TemporalEffectiveBatchNorm1d": (lambda: layer.TemporalEffectiveBatchNorm1d(T, 4), LINE),
    "TemporalEffectiveBatchNorm2d": (lambda: layer.TemporalEffectiveBatchNorm2d(T, 4), MAP),
    "TemporalEffectiveBatchNorm3d": (lambda: layer.TemporalEffectiveBatchNorm3d(T, 2), CUBE),
    "BatchNormThroughTime1d": (lambda: layer.BatchNormThroughTime1d(T, 4), LINE),
    "BatchNormThroughTime2d": (lambda: layer.BatchNormThroughTime2d(T, 4), MAP),
    "BatchNormThroughTime3d": (lambda: layer.BatchNormThroughTime3d(T, 2), CUBE),
    "MaxPool1d": (lambda: layer.MaxPool1d(2), LINE),
    "MaxPool2d": (lambda: layer.MaxPool2d(2), MAP),
    "MaxPool3d": (lambda: layer.MaxPool3d(2), CUBE),
    "AvgPool1d": (lambda: layer.AvgPool1d(2), LINE),
    "AvgPool2d": (lambda: layer.AvgPool2d(2), MAP),
    "AvgPool3d": (lambda: layer.AvgPool3d(2), CUBE),
    "AdaptiveAvgPool1d": (lambda: layer.AdaptiveAvgPool1d(3), LINE),
    "AdaptiveAvgPool2d": (lambda: layer.AdaptiveAvgPool2d(2), MAP),
    "AdaptiveAvgPool3d": (lambda: layer.AdaptiveAvgPool3d(2), CUBE),
    "Upsample": (lambda: layer.Upsample(scale_factor=2), MAP),
    "Dropout": (lambda: layer.Dropout(0.5), FLAT),
    "Dropout2d": (lambda: layer.Dropout2d(0.5), MAP),
    "DropConnectLinear": (lambda: layer.DropConnectLinear(8, 5), FLAT),
    "SynapseFilter": (lambda: layer.SynapseFilter(tau=3.0), FLAT),
    "PrintShapeModule": (lambda: layer.PrintShapeModule(), FLAT),
    "VotingLayer": (lambda: layer.VotingLayer(2), FLAT),
    "Delay": (lambda: layer.Delay(2), FLAT),
    "SpikeCountToBinary": (lambda: layer.SpikeCountToBinary(3), FLAT),
    "TemporalBinSum": (lambda: layer.TemporalBinSum(3), FLAT),
    "ElementWiseRecurrentContainer": (
        lambda: layer.ElementWiseRecurrentContainer(neuron.IFNode(), lambda x, y: x + y), FLAT),
    "LinearRecurrentContainer": (
        lambda: layer.LinearRecurrentContainer(neuron.IFNode(), 8, 8), FLAT),
    "MultiStepContainer": (
        lambda: layer.MultiStepContainer(nn.Linear(8, 5), neuron.IFNode()), FLAT),
    "SeqToANNContainer": (
        lambda: layer.SeqToANNContainer(nn.Conv2d(4, 3, 3), nn.BatchNorm2d(3)), MAP),
    "StepModeContainer": (lambda: layer.StepModeContainer(False, "m", nn.Linear(8, 5)), FLAT),
    "TLastSeqToANNContainer": (lambda: _t_last(), FLAT),
    "TemporalWiseAttention": (lambda: layer.TemporalWiseAttention(T, 1, 4), MAP),
    "MultiDimensionalAttention": (lambda: layer.MultiDimensionalAttention(T, 4, 1, 2), MAP),
    "SpikingSelfAttention": (lambda: layer.SpikingSelfAttention(8, 2), TOKENS),
    "TokenQKAttention": (lambda: layer.TokenQKAttention(8, 2), TOKENS),
    "ChannelQKAttention": (lambda: layer.ChannelQKAttention(8, 2), TOKENS),
    "SpikeDrivenSelfAttention": (lambda: layer.SpikeDrivenSelfAttention(4, 2), MAP),
}  # fmt: skip


class _TimeLast(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = layer.TLastSeqToANNContainer(nn.Linear(8, 5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.inner(x.permute(1, 2, 0))
        return y.permute(2, 0, 1)


def _online() -> nn.Module:
    return layer.OTTTSequential(linear(6, 8), neuron.OTTTLIFNode(), linear(8, 3))


def _t_last() -> nn.Module:
    return _TimeLast()


def rows() -> Iterator[Row]:
    """What this release has."""
    for name in NEURONS:
        if hasattr(neuron, name):
            yield _neuron(name)
    by_mean = (("per_step", True), ("readout", "mean"))
    yield Row("layers", "OTTTSequential", lambda: _online().eval(), (6,), T, by_mean)
    for name, (make, shape) in LAYERS.items():
        if hasattr(layer, name):
            given = shape if len(shape) == 3 else (int(torch.Size(shape).numel()),)
            yield Row("layers", name, _layer(make, shape), given, T)
