"""Qualia-CodeGen's C as a peer: a dense network in plain C, one call a time step.

Its environment is its own; SNNC_QUALIA_PYTHON names the interpreter that has
``qualia-codegen-plugin-snn``. Batch norms are folded into the layer before them first, as its
deployments do, and its C is compiled as ours is: ``-O3 -march=native``.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import cffi
import numpy as np
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from snnc.bench.peers import Run, Unavailable
from snnc.compiler.host.toolchain import c_compiler
from snnc.models.networks import Block, Network
from snnc.models.neurons import LIF, DecayLIF

FLAGS = ("-O3", "-march=native", "-ffp-contract=off", "-w", "-fPIC", "-shared")

Layer = tuple[str, dict[str, Any], dict[str, torch.Tensor]]


def codegen_c(module: nn.Module, x: torch.Tensor) -> Run:
    """Qualia-CodeGen's float32 C for a network of blocks without attention."""
    python = os.environ.get("SNNC_QUALIA_PYTHON")
    if not python:
        raise Unavailable("SNNC_QUALIA_PYTHON does not name an interpreter that has it")
    if not isinstance(module, Network) or module.hyper["attention"] != "none":
        raise Unavailable("it has no attention layers")
    layers = _one_flatten([layer for part in module.children() for layer in _layers(part)])
    shape = tuple(x.shape[2:])
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        torch.save({"input": shape, "layers": layers}, folder / "layers.pt")
        script = Path(__file__).parent / "qualia_export.py"
        command = [python, str(script), str(folder / "layers.pt"), str(folder / "c")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Unavailable((done.stderr.strip() or "it failed silently").splitlines()[-1])
        library = folder / "qualia.so"
        c = folder / "c"
        sources = [f"-I{c}", f"-I{c / 'include'}", str(c / "model.c")]
        subprocess.run([*c_compiler(), *FLAGS, *sources, "-o", str(library)], check=True)
        ffi = cffi.FFI()
        ffi.cdef("void cnn(const float *input, float *output); void reset(void);")
        lib: Any = ffi.dlopen(str(library))
    frames = np.ascontiguousarray(x[:, 0].permute(0, 2, 3, 1).numpy())
    width = int(str(module.hyper["classes"])) * int(str(module.hyper["votes"]))

    def run() -> torch.Tensor:
        lib.reset()
        step = np.zeros(width, np.float32)
        total = np.zeros(width, np.float32)
        for frame in frames:
            lib.cnn(ffi.from_buffer("float[]", frame), ffi.from_buffer("float[]", step))
            total += step
        rates = torch.from_numpy(total / len(frames))[None]
        scores: torch.Tensor = rates if module.vote is None else module.vote(rates)
        return scores

    return run


def _one_flatten(layers: list[Layer]) -> list[Layer]:
    """Without the flattening of what is flat already, which it does not take."""
    first = next(at for at, (kind, *_) in enumerate(layers) if kind == "Flatten")
    return [entry for at, entry in enumerate(layers) if entry[0] != "Flatten" or at == first]


def _layers(part: nn.Module) -> list[Layer]:
    """The layers of a block by name, batch norm folded away, dropout left out."""
    if not isinstance(part, Block):
        return []
    found: list[nn.Module] = []
    for layer in part.synapse.layers:
        if isinstance(layer, nn.BatchNorm2d) and isinstance(found[-1], nn.Conv2d):
            found[-1] = fuse_conv_bn_eval(found[-1], layer)
        elif not isinstance(layer, nn.Dropout):
            found.append(layer)
    return [*map(_described, found), _neuron(part.neuron)]


def _described(layer: nn.Module) -> Layer:
    if isinstance(layer, nn.Conv2d):
        constants = {
            "in_channels": layer.in_channels,
            "out_channels": layer.out_channels,
            "kernel_size": layer.kernel_size,
            "padding": layer.padding,
        }
        bias = layer.bias if layer.bias is not None else torch.zeros(layer.out_channels)
        return "Conv2d", constants, {"weight": layer.weight.detach(), "bias": bias.detach()}
    if isinstance(layer, nn.Linear):
        sizes = {"in_features": layer.in_features, "out_features": layer.out_features}
        tensors = {"weight": layer.weight.detach(), "bias": layer.bias.detach()}
        return "Linear", sizes, tensors
    if isinstance(layer, nn.AvgPool2d | nn.MaxPool2d):
        return type(layer).__name__, {"kernel_size": (2, 2), "stride": (2, 2)}, {}
    if isinstance(layer, nn.Flatten):
        return "Flatten", {}, {}
    raise Unavailable(f"it has no layer like {type(layer).__name__}")


def _neuron(neuron: nn.Module) -> Layer:
    if isinstance(neuron, DecayLIF):
        leak = float(neuron.rate().detach())
    elif isinstance(neuron, LIF) and neuron.beta < 1.0:
        leak = 1.0 - neuron.beta
    else:
        raise Unavailable(f"it has no neuron like {type(neuron).__name__}")
    constants = {
        "tau": 1.0 / leak,
        "decay_input": isinstance(neuron, DecayLIF),
        "v_threshold": neuron.v_threshold,
        "v_reset": neuron.v_reset,
    }
    return "LIFNode", constants, {}
