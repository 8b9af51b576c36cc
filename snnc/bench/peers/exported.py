"""The network as ONNX, which several peers read: float32, and int8 as a graph with QDQ nodes.

The neurons are plain operations, unrolled over the time steps, and everything without state is
batched over them: one graph, one call a window. int8: convolutions and matrix products quantised
statically (a scale per output channel), calibrated on the very window that is timed; the neurons
stay float32.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from snnc.atomic import scratch_folder
from snnc.bench.peers.plain import PlainNeuron, with_neurons
from snnc.bench.peers.pytorch import Run, _ours
from snnc.bench.peers.unavailable import Unavailable
from snnc.bench.timing import cpu_flags

VNNI = {"avx512_vnni", "avx_vnni"}
"""Flags of processors that add products of bytes in 32 bits. Others add pairs of them in 16, which
saturate: there weights get 7 bits, as ONNX Runtime advises."""


def float32(module: nn.Module, x: torch.Tensor, folder: Path) -> Path:
    """Export a network for the input x [T, 1, C, H, W].

    Raises:
        Unavailable: onnx is not installed.
    """
    try:
        import onnx  # noqa: F401  # the exporter needs it
    except ImportError as error:
        raise Unavailable(f"onnx is not installed ({error})") from error
    path = folder / "float32.onnx"
    plain = with_neurons(_ours(module), PlainNeuron, channels_last=False)
    with torch.inference_mode():
        torch.onnx.export(
            plain, (x,), str(path), input_names=["x"], output_names=["scores"], dynamo=False
        )
    return path


def int8(module: nn.Module, x: torch.Tensor, folder: Path) -> Path:
    """The exported network, quantised.

    Raises:
        Unavailable: onnx or onnxruntime is not installed.
    """
    exported = float32(module, x, folder)
    try:
        from onnxruntime import quantization
    except ImportError as error:
        raise Unavailable(f"onnxruntime is not installed ({error})") from error

    class Window(quantization.CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.left = [{"x": x.numpy()}]

        def get_next(self) -> dict[str, Any] | None:
            return self.left.pop() if self.left else None

    prepared, quantised = folder / "prepared.onnx", folder / "int8.onnx"
    logging.getLogger().setLevel(logging.ERROR)
    quantization.quant_pre_process(str(exported), str(prepared), skip_symbolic_shape=True)
    quantization.quantize_static(
        str(prepared),
        str(quantised),
        Window(),
        quant_format=quantization.QuantFormat.QDQ,
        op_types_to_quantize=["Conv", "Gemm", "MatMul"],
        per_channel=True,
        reduce_range=not VNNI & cpu_flags(),
        weight_type=quantization.QuantType.QInt8,
        activation_type=quantization.QuantType.QUInt8,
    )
    return quantised


Export = Callable[[nn.Module, torch.Tensor, Path], Path]
Start = Callable[[Path, torch.Tensor], Run]


def prepared(export: Export, start: Start) -> Callable[[nn.Module, torch.Tensor], Run]:
    """A peer: the network exported in some form, and what starts that file on an input."""

    def prepare(module: nn.Module, x: torch.Tensor) -> Run:
        with scratch_folder() as folder:
            return start(export(module, x, folder), x)

    return prepare
