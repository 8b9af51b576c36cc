"""ncnn on the CPU in float32, one step after the other: its tensors have no axis for a batch.

One step of the network, its neurons' states among the inputs and outputs, is traced and converted
by ncnn's own converter (pnnx). ncnn compares no numbers, so a spike is written in arithmetic that
it has; a difference of two floats has the right sign, whatever its rounding.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from snnc.atomic import scratch_folder
from snnc.bench.peers.plain import PlainNeuron, with_neurons
from snnc.bench.peers.pytorch import Run, _ours
from snnc.bench.peers.unavailable import Unavailable
from snnc.models.networks import Block

STEEP = 2.0**60
"""Makes any difference of two potentials at least 1, but for those below 2^-60."""


class OneStep(nn.Module):
    """One step [1, ...]: the frame, then the potential and the spikes of each layer before it."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        plain = with_neurons(network, PlainNeuron, channels_last=False)
        self.blocks = nn.ModuleList(part for part in plain.children() if isinstance(part, Block))

    def rest(self, frame: Tensor) -> list[Tensor]:
        """The states before the first step."""
        states, value = [], frame
        for block in self.blocks:
            neuron: Any = block.neuron
            value = torch.zeros_like(block.synapse.layers(value))  # type: ignore[union-attr, operator]
            rest = float(neuron.reset or 0.0) if neuron.decays else 0.0
            states += [torch.full_like(value, rest), value]
        return states

    def forward(self, value: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        """The states after the step, in their order: the last one is the network's spikes."""
        given: list[Tensor] = []
        for index, block in enumerate(self.blocks):
            neuron: Any = block.neuron
            current = block.synapse.layers(value)  # type: ignore[union-attr, operator]
            u = _charged(neuron, states[2 * index], states[2 * index + 1], current)
            value = torch.clamp(torch.floor((u - neuron.threshold) * STEEP + 1.0), 0.0, 1.0)
            given += [u, value]
        return tuple(given)


def _charged(neuron: PlainNeuron, u: Tensor, fired: Tensor, x: Tensor) -> Tensor:
    """:meth:`PlainNeuron.charge` with products in place of choices; spikes are 0 or 1."""
    if neuron.reset is None:
        return (u - fired * neuron.threshold) * neuron.beta + x
    if not neuron.decays:
        return _reset(u * neuron.beta, fired, neuron.reset) + x
    kept = _reset(u, fired, neuron.reset)
    drive = x - kept if neuron.reset == 0.0 else x - kept + neuron.reset
    return kept + drive * neuron.gain


def _reset(u: Tensor, fired: Tensor, reset: float) -> Tensor:
    kept = u * (1.0 - fired)
    return kept if reset == 0.0 else kept + fired * reset


def float32(module: nn.Module, x: Tensor) -> Run:
    """The network, converted step by step.

    Raises:
        Unavailable: ncnn or pnnx is not installed, the network needs the whole window, or the
            converter does not take it.
    """
    try:
        import ncnn
        import pnnx
    except ImportError as error:
        raise Unavailable(f"ncnn or pnnx is not installed ({error})") from error
    network = _ours(module)
    if network.hyper["attention"] != "none":
        raise Unavailable("attention needs the whole window")
    step = OneStep(network).eval()
    with torch.inference_mode():
        states = step.rest(x[0])
    with scratch_folder() as folder:
        net = _loaded(ncnn, _converted(pnnx.EXEC_PATH, step, [x[0], *states], folder))
    frames = [ncnn.Mat(np.ascontiguousarray(frame[0].numpy())) for frame in x]
    first = [ncnn.Mat(np.ascontiguousarray(state[0].numpy())) for state in states]

    def run() -> Tensor:
        kept, outputs = first, []
        for frame in frames:
            with net.create_extractor() as extractor:
                for index, given in enumerate([frame, *kept]):
                    extractor.input(f"in{index}", given)
                kept = [extractor.extract(f"out{index}")[1] for index in range(len(first))]
            outputs.append(torch.from_numpy(np.array(kept[-1])))
        scores: Tensor = network.readout(torch.stack(outputs)[:, None])
        return scores

    return run


def _loaded(ncnn: Any, path: Path) -> Any:
    net = ncnn.Net()
    net.opt.num_threads = 1
    net.opt.lightmode = False  # every output is asked for, and they share what lies before
    for rounding in (
        "fp16_packed",
        "fp16_storage",
        "fp16_arithmetic",
        "bf16_packed",
        "bf16_storage",
    ):
        setattr(net.opt, f"use_{rounding}", False)
    if net.load_param(f"{path}.param") or net.load_model(f"{path}.bin"):
        raise Unavailable("it does not load what its converter wrote")
    return net


def _converted(converter: str, step: nn.Module, given: list[Tensor], folder: Path) -> Path:
    traced, path = folder / "step.pt", folder / "step.ncnn"
    with torch.inference_mode():
        torch.jit.trace(step, tuple(given), check_trace=False).save(str(traced))  # type: ignore[no-untyped-call]
    shapes = ",".join(str(list(tensor.shape)).replace(" ", "") for tensor in given)
    command = [converter, str(traced), f"inputshape={shapes}", "fp16=0"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    if done.returncode or not path.with_suffix(".ncnn.param").exists():
        words = (done.stderr or done.stdout).strip().splitlines() or ["without a word"]
        raise Unavailable(f"its converter does not take the network ({words[-1][:200]})")
    return path
