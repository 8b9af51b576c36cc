"""ONNX Runtime on the CPU, float32 and int8 (QDQ).

The network is exported with its neurons as plain operations, unrolled over the time steps, and
everything without state batched over them: one graph, one call a window. int8: convolutions and
matrix products quantised statically (QDQ, a scale per output channel), calibrated on the very
window that is timed; the neurons stay float32.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from snnc.atomic import scratch_folder
from snnc.bench.peers.plain import PlainNeuron, with_neurons
from snnc.bench.peers.pytorch import Run, _ours
from snnc.bench.peers.unavailable import Unavailable


def float32(module: nn.Module, x: torch.Tensor) -> Run:
    """The exported network as it is."""
    with scratch_folder() as folder:
        return _run(_export(module, x, folder), x)


def int8(module: nn.Module, x: torch.Tensor) -> Run:
    """The exported network, quantised."""
    with scratch_folder() as folder:
        exported = _export(module, x, folder)
        from onnxruntime import quantization

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
            weight_type=quantization.QuantType.QInt8,
            activation_type=quantization.QuantType.QUInt8,
        )
        return _run(quantised, x)


def _export(module: nn.Module, x: torch.Tensor, folder: Path) -> Path:
    try:
        import onnx  # noqa: F401  # the exporter needs it
        import onnxruntime  # noqa: F401
    except ImportError as error:
        raise Unavailable(f"onnx or onnxruntime is not installed ({error})") from error
    path = folder / "float32.onnx"
    plain = with_neurons(_ours(module), PlainNeuron, channels_last=False)
    with torch.inference_mode():
        torch.onnx.export(
            plain, (x,), str(path), input_names=["x"], output_names=["scores"], dynamo=False
        )
    return path


def _run(path: Path, x: torch.Tensor) -> Run:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    frames = np.ascontiguousarray(x.numpy())

    def run() -> torch.Tensor:
        return torch.from_numpy(session.run(["scores"], {"x": frames})[0])

    return run
