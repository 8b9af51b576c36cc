"""Importers of the modules in :mod:`snnc.models`."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from snnc.compiler.frontend import built
from snnc.compiler.frontend.importing import Importing, importer, needed_importer
from snnc.compiler.ops import (
    Asa,
    ChannelGate,
    GroupMean,
    Neuron,
    SpatialGate,
    TemporalGate,
    TimeMean,
)
from snnc.errors import SnncError
from snnc.models import attention, gates, networks, neurons
from snnc.models.grouping import LAMBDA


@importer(networks.OverTime)
def _over_time(g: Importing, m: networks.OverTime, path: str, inputs: Sequence[str]) -> str | None:
    g.leading_axes = 1
    value = sequence(g, m.layers, f"{path}.layers", inputs[0])
    g.leading_axes = 2
    return value


def sequence(g: Importing, layers: nn.Module, path: str, value: str | None) -> str | None:
    """Import the children of a module, one after the other.

    All that cannot be taken are listed; the result is None then.
    """
    for name, layer in layers._modules.items():
        if isinstance(layer, nn.Sequential):
            value = sequence(g, layer, f"{path}.{name}", value)
        elif layer is not None:
            value = _layer(g, layer, f"{path}.{name}", value)
    return value


def _layer(g: Importing, layer: nn.Module, path: str, value: str | None) -> str | None:
    """Import one layer; None where it, or one before it, could not be taken."""
    try:
        function = needed_importer(layer)
        return None if value is None else function(g, layer, path, [value])
    except SnncError as error:
        shape = "" if value is None else "×".join(map(str, (g.time_steps, *g.type_of(value).shape)))
        g.refuse(path, type(layer).__name__, shape, error, built.line_of(layer))
        return None


@importer(neurons.LIF, neurons.IF)
def _lif(g: Importing, m: neurons.LIF, path: str, inputs: Sequence[str]) -> str:
    hard = m.v_reset is not None
    op = Neuron(
        beta=m.beta,
        drift=0.0,
        gain=1.0,
        reset_mode="hard" if hard else "soft",
        reset=m.v_reset if hard else m.beta * m.v_threshold,
        threshold=m.v_threshold,
        strict=False,
        initial=0.0,
    )
    return g.add(path, op, inputs)


@importer(neurons.DecayLIF, neurons.PLIF)
def _decay_lif(g: Importing, m: neurons.DecayLIF, path: str, inputs: Sequence[str]) -> str:
    rate = float(m.rate().detach())
    # After a reset the potential leaks towards Vreset, where it already is: the drift of the
    # leak and its decay cancel, so the value after a hard reset is Vreset itself.
    op = Neuron(
        beta=1.0 - rate,
        drift=rate * m.v_reset,
        gain=rate,
        reset_mode="hard",
        reset=m.v_reset,
        threshold=m.v_threshold,
        strict=False,
        initial=m.v_reset,
    )
    return g.add(path, op, inputs)


@importer(attention.ASA1, attention.ASA2)
def _asa(g: Importing, m: attention.ASA, path: str, inputs: Sequence[str]) -> str:
    params = {
        "alpha": m.mix.alpha,
        "gamma": m.mix.gamma,
        "score1": m.score1.conv.weight,
        "score2": m.score2.conv.weight,
    }
    if isinstance(m.mix, attention.TemporalMatrix):
        params |= {"expand": m.mix.expand.weight}
    elif isinstance(m.mix, attention.TemporalMix):
        params |= {"reduce": m.mix.reduce.weight, "expand": m.mix.expand.weight}
    return g.add(path, Asa(mean_scale=1.0 / LAMBDA), inputs, params)


@importer(gates.SpatialGate)
def _spatial(g: Importing, m: gates.SpatialGate, path: str, inputs: Sequence[str]) -> str:
    weight = {"weight": m.score.conv.weight}
    return g.add(path, SpatialGate(mean_scale=1.0), inputs, weight)


@importer(gates.TemporalGate)
def _temporal(g: Importing, m: gates.TemporalGate, path: str, inputs: Sequence[str]) -> str:
    params = {"reduce": m.mlp.reduce.weight, "expand": m.mlp.expand.weight}
    return g.add(path, TemporalGate(), inputs, params)


@importer(gates.ChannelGate)
def _channel(g: Importing, m: gates.ChannelGate, path: str, inputs: Sequence[str]) -> str:
    params = {"reduce": m.mlp.reduce.weight, "expand": m.mlp.expand.weight}
    return g.add(path, ChannelGate(), inputs, params)


@importer(networks.TimeMean)
def _time_mean(g: Importing, m: networks.TimeMean, path: str, inputs: Sequence[str]) -> str:
    return g.add(path, TimeMean(), inputs)


@importer(networks.Vote)
def _vote(g: Importing, m: networks.Vote, path: str, inputs: Sequence[str]) -> str:
    return g.add(path, GroupMean(size=m.votes), inputs)
