"""Run by the Python of Qualia-CodeGen's own environment: layers in a file to its C.

Qualia-CodeGen is AGPL and only a peer of the benchmark: nothing of snnc imports it, and this file
is started as a program with the interpreter that has it (see qualia.py).

    python qualia_export.py LAYERS.pt OUT

LAYERS.pt is written by qualia.py: the input shape, T, and layers as (kind, constants, tensors).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch
from qualia_codegen_core.graph.Quantization import Quantization
from qualia_codegen_core.graph.RoundMode import RoundMode
from qualia_codegen_plugin_snn.Converter import Converter
from qualia_codegen_plugin_snn.graph import TorchModelGraph
from spikingjelly.activation_based.neuron import LIFNode
from torch import nn


def main(source: Path, out: Path) -> None:
    described = torch.load(source, weights_only=True)
    network = nn.Sequential(*(layer(*entry) for entry in described["layers"])).eval()
    channels, height, width = described["input"]
    network.input_shape = (height, width, channels)  # type: ignore[assignment]
    graph = TorchModelGraph(network).convert()
    if graph is None:
        raise SystemExit("Qualia-CodeGen cannot convert the network")
    for node in graph.nodes:
        node.q = Quantization(
            number_type=float,
            width=32,
            long_width=32,
            weights_width=32,
            bias_width=32,
            output_width=32,
            weights_scale_factor=0,
            output_scale_factor=0,
            weights_round_mode=RoundMode.NONE,
            output_round_mode=RoundMode.NONE,
        )
    if not Converter(output_path=out).convert_model(graph):
        raise SystemExit("Qualia-CodeGen cannot generate C for the network")


def layer(kind: str, constants: dict[str, Any], tensors: dict[str, torch.Tensor]) -> nn.Module:
    made: nn.Module = {
        "Conv2d": nn.Conv2d,
        "AvgPool2d": nn.AvgPool2d,
        "MaxPool2d": nn.MaxPool2d,
        "Flatten": nn.Flatten,
        "Linear": nn.Linear,
        "LIFNode": LIFNode,
    }[kind](**constants)
    for name, value in tensors.items():
        setattr(made, name, nn.Parameter(value))
    return made


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
