"""Importers of the MA-SNN authors' own modules, recognised by their structure.

Their classes (ConvAttLIF, AttLIF and the attention TA, CA, SA, TSA, CSA, TCA, TCSA;
github.com/BICLab/Attention-SNN, MIT) take and give [N, T, ...]. A layer is convolution or linear,
batch norm, pool, attention, cell; attention is its gates in the order ta, ca, sa, then ReLU.

Source: Yao et al. 2023, "Attention Spiking Neural Networks" (TPAMI).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from snnc.compiler.frontend.adapters.asa_snn import cell, recognise_attention
from snnc.compiler.frontend.importing import (
    BATCH_FIRST,
    RECOGNISERS,
    Importer,
    Importing,
    needed_importer,
)
from snnc.compiler.ops import ChannelGate, Relu, SpatialGate, TemporalGate
from snnc.errors import UNSUPPORTED_LAYER, SnncError

_GATES = ("ta", "ca", "sa")
"""Attention along time, along channels and over the pixels, in this order."""
_LAYER = ("attention_flag", "network", "useBatchNorm")


def recognise(m: Any) -> Importer | None:
    """The importer of one of the authors' modules."""
    if all(hasattr(m, name) for name in _LAYER) and (hasattr(m, "conv2d") or hasattr(m, "linear")):
        return _layer
    children = dict(m.named_children()) if isinstance(m, nn.Module) else {}
    gates = {name: gate for name, gate in children.items() if name in _GATES}
    if gates and children.keys() - gates.keys() == {"relu"} and all(map(_is_gate, gates.values())):
        return _attention
    return None


def _is_gate(gate: nn.Module) -> bool:
    """Two convolutions of size 1 without biases shared by mean and maximum, or one over maps."""
    if not isinstance(getattr(gate, "sigmoid", None), nn.Sigmoid):
        return False
    if isinstance(mlp := getattr(gate, "sharedMLP", None), nn.Sequential):
        kinds = [type(part).__name__.rstrip("123d") for part in mlp]
        return kinds == ["Conv", "ReLU", "Conv"] and _is_plain(mlp[0]) and _is_plain(mlp[2])
    conv = getattr(gate, "conv", None)
    return isinstance(conv, nn.Conv2d) and conv.bias is None and conv.in_channels == 2


def _is_plain(conv: Any) -> bool:
    return conv.bias is None and conv.groups == 1 and set(conv.kernel_size) == {1}


def _attention(g: Importing, m: Any, path: str, inputs: Sequence[str]) -> str:
    x = inputs[0]
    for name in _GATES:
        gate = getattr(m, name, None)
        if gate is None:
            continue
        if name == "sa":
            weight = {"weight": gate.conv.weight}
            x = g.add(f"{path}.{name}", SpatialGate(mean_scale=1.0), [x], weight)
        else:
            first, last = gate.sharedMLP[0].weight, gate.sharedMLP[2].weight
            params = {"reduce": first.flatten(1), "expand": last.flatten(1)}
            op = TemporalGate() if name == "ta" else ChannelGate()
            x = g.add(f"{path}.{name}", op, [x], params)
    return g.add(f"{path}.relu", Relu(), [x])


def _layer(g: Importing, m: Any, path: str, inputs: Sequence[str]) -> str | None:
    """ConvAttLIF or AttLIF: synapse [BN] [pool] attention cell."""
    if getattr(m, "onlyLast", False):
        raise _refused("onlyLast gives the last step instead of all", "Set onlyLast=False.")
    parts = ["conv2d" if hasattr(m, "conv2d") else "linear", "BNLayer" if m.useBatchNorm else ""]
    parts.append("pooling" if getattr(m, "pooling_kernel_size", 1) > 1 else "")
    value: str | None = inputs[0]
    before, g.leading_axes = g.leading_axes, 1  # time and batch are merged around these
    try:
        for part in filter(None, parts):
            module = getattr(m, part)
            if value is not None:
                value = needed_importer(module)(g, module, f"{path}.{part}", [value])
    finally:
        g.leading_axes = before
    if value is not None and m.attention_flag != "no":
        attention = recognise_attention(m.attention)
        value = attention(g, m.attention, f"{path}.attention", [value])
    name, first = next(iter(m.network.named_children()))
    return None if value is None else cell(g, first, f"{path}.network.{name}", value)


def _refused(what: str, hint: str) -> SnncError:
    return SnncError(UNSUPPORTED_LAYER, what, hint=hint)


RECOGNISERS.append(recognise)
BATCH_FIRST.update((_attention, _layer))
