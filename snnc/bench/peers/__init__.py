"""The peers: the same network, run densely in the ways that people run it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import nn

from snnc.bench.peers import mnn, ncnn, onnx_runtime, openvino, pytorch, spikingjelly
from snnc.bench.peers.pytorch import Run
from snnc.bench.peers.unavailable import Unavailable, at_most

Prepare = Callable[[nn.Module, torch.Tensor], Run]

PEERS: Mapping[str, Prepare] = {
    "pytorch_eager": pytorch.eager,
    "pytorch_eager_channels_first": pytorch.eager_channels_first,
    "pytorch_eager_step_by_step": pytorch.step_by_step,
    "torch_compile": pytorch.compiled,
    "torch_compile_max_autotune": pytorch.compiled_and_tuned,
    "onnxruntime_f32": onnx_runtime.float32,
    "onnxruntime_int8_qdq": onnx_runtime.int8,
    "openvino_f32": openvino.float32,
    "openvino_int8_qdq": openvino.int8,
    "mnn_f32": mnn.float32,
    "ncnn_f32": ncnn.float32,
    "spikingjelly_multi_step": spikingjelly.multi_step,
}
"""Every peer by name: from a network and its input [T, 1, C, H, W] to a run of one window."""

INT8 = frozenset({"onnxruntime_int8_qdq", "openvino_int8_qdq"})
"""Peers that compute in int8; the others in float32."""


@dataclass(frozen=True)
class Assembled:
    """Peers ready to run, those that are not and why, and how far each one's scores lie from the
    model's own (largest absolute difference; a float32 peer may flip a spike by rounding)."""

    runs: dict[str, Run]
    missing: dict[str, str]
    score_difference: dict[str, float]


def assemble(
    module: nn.Module,
    x: torch.Tensor,
    peers: Mapping[str, Prepare] = PEERS,
    limit_s: float | None = None,
) -> Assembled:
    """Build every peer, run it once, and compare its scores.

    Args:
        module: the network.
        x: its input [T, 1, C, H, W].
        peers: by name.
        limit_s: a peer that takes longer for this, in seconds, is left out and said to be slow.
            None: no limit. Main thread only, on systems with SIGALRM.
    """
    wanted = pytorch.eager(module, x)()
    runs: dict[str, Run] = {}
    missing: dict[str, str] = {}
    differences: dict[str, float] = {}
    for name, prepare in peers.items():
        try:
            with at_most(limit_s):
                run = prepare(module, x)
                scores = run()
        except Unavailable as reason:
            missing[name] = str(reason)
            continue
        except Exception as error:  # a peer's own failure is a result: it is shown, not hidden
            first = (str(error).strip() or "no message").splitlines()[0]
            missing[name] = f"{type(error).__name__}: {first}"
            continue
        runs[name] = run
        differences[name] = float((scores - wanted).abs().max())
    return Assembled(runs, missing, differences)


__all__ = ["INT8", "PEERS", "Assembled", "Prepare", "Run", "Unavailable", "assemble"]
