"""ONNX Runtime on the CPU, float32 and int8 (QDQ); see :mod:`snnc.bench.peers.exported`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from snnc.bench.peers import exported
from snnc.bench.peers.pytorch import Run
from snnc.bench.peers.unavailable import Unavailable


def _run(path: Path, x: torch.Tensor) -> Run:
    try:
        import onnxruntime
    except ImportError as error:
        raise Unavailable(f"onnxruntime is not installed ({error})") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    frames = np.ascontiguousarray(x.numpy())

    def run() -> torch.Tensor:
        return torch.from_numpy(session.run(["scores"], {"x": frames})[0])

    return run


float32 = exported.prepared(exported.float32, _run)
"""The exported network as it is."""
int8 = exported.prepared(exported.int8, _run)
"""The exported network, quantised."""
