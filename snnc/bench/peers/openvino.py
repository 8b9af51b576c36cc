"""OpenVINO on the CPU, float32 and int8, from the exported network; see
:mod:`snnc.bench.peers.exported`.

It computes in float32 where it is told to (on some processors its default is bfloat16), on one
thread, one window at a time.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from snnc.bench.peers import exported
from snnc.bench.peers.pytorch import Run
from snnc.bench.peers.unavailable import Unavailable

SETTINGS = {
    "INFERENCE_NUM_THREADS": 1,
    "NUM_STREAMS": 1,
    "PERFORMANCE_HINT": "LATENCY",
    "INFERENCE_PRECISION_HINT": "f32",
    "ENABLE_CPU_PINNING": False,
}


def _run(path: Path, x: torch.Tensor) -> Run:
    try:
        import openvino
    except ImportError as error:
        raise Unavailable(f"openvino is not installed ({error})") from error
    core = openvino.Core()
    request = core.compile_model(core.read_model(str(path)), "CPU", SETTINGS).create_infer_request()
    frames = np.ascontiguousarray(x.numpy())

    def run() -> torch.Tensor:
        request.infer([frames], share_inputs=True)
        return torch.from_numpy(request.get_output_tensor(0).data.copy())

    return run


float32 = exported.prepared(exported.float32, _run)
"""The exported network as it is."""
int8 = exported.prepared(exported.int8, _run)
"""The exported network, quantised."""
