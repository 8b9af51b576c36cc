"""MNN on the CPU in float32, from the exported network; see :mod:`snnc.bench.peers.exported`.

Its own tool converts ONNX, at its highest precision: its default rounds to 16 bits where the
processor can.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

from snnc.atomic import scratch_folder
from snnc.bench.peers import exported
from snnc.bench.peers.pytorch import Run
from snnc.bench.peers.unavailable import Unavailable

CONVERT = "import sys; from MNN.tools import mnnconvert; sys.exit(mnnconvert.main())"
CONFIG = {"backend": "CPU", "numThread": 1, "precision": "high"}


def float32(module: nn.Module, x: torch.Tensor) -> Run:
    """The exported network, converted.

    Raises:
        Unavailable: MNN is not installed, or its converter does not take the network.
    """
    try:
        import MNN
    except ImportError as error:
        raise Unavailable(f"MNN is not installed ({error})") from error
    with scratch_folder() as folder:
        path = _converted(exported.float32(module, x, folder), folder / "model.mnn")
        interpreter = MNN.Interpreter(str(path))
        session = interpreter.createSession(CONFIG)
    given = interpreter.getSessionInput(session)
    kept = MNN.Tensor(
        tuple(x.shape),
        MNN.Halide_Type_Float,
        np.ascontiguousarray(x.numpy()),
        MNN.Tensor_DimensionType_Caffe,
    )

    def run() -> torch.Tensor:
        given.copyFrom(kept)
        interpreter.runSession(session)
        output = interpreter.getSessionOutput(session)
        host = MNN.Tensor(output, MNN.Tensor_DimensionType_Caffe)
        output.copyToHostTensor(host)
        return torch.from_numpy(np.array(host.getNumpyData(), np.float32)).reshape(1, -1)

    return run


def _converted(onnx: Path, target: Path) -> Path:
    options = ["-f", "ONNX", "--modelFile", str(onnx), "--MNNModel", str(target)]
    command = [sys.executable, "-c", CONVERT, *options, "--bizCode", "snnc"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode or not target.exists():
        words = (done.stderr or done.stdout).strip().splitlines() or ["without a word"]
        raise Unavailable(f"its converter does not take the network ({words[-1][:200]})")
    return target
