"""Would a layer save work by starting from its sums of the step before?

Sums of integers are exact in any order, so X[t] could be X[t-1] plus the weights of the spikes that
came and minus those of the spikes that went: one accumulation for every weight of a spike in
S[t] xor S[t-1], instead of one for every weight of a spike in S[t]. Both are counted here for every
convolution and linear layer of the bundled models in int8, on recordings, with the rules that the
executed counters obey (the ``count`` facet of the operators).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from snnc.api.data.windows import calibration_windows, windows
from snnc.compiler.compilation import Compilation, compile_graph
from snnc.compiler.frontend.source import load_source
from snnc.compiler.host.build import NATIVE
from snnc.compiler.host.observed import ObservedModel
from snnc.compiler.ir.graph import Node
from snnc.compiler.ops import op_of
from snnc.compiler.ops.int8.synapses.rows import IntegerSynapse
from snnc.compiler.ops.view import NodeRun

ROOT = Path(__file__).resolve().parents[2]
NMNIST = os.environ.get("SNNC_NMNIST", str(ROOT.parent / "shared" / "data" / "nmnist"))
MODELS: Mapping[str, str] = {
    "nmnist_none": f"nmnist:{NMNIST}",
    "nmnist_asa1": f"nmnist:{NMNIST}",
    "gesture_sim_none": "gesture-sim",
    "gesture_sim_asa1": "gesture-sim",
}
CALIBRATION = 16


@dataclass
class Work:
    """Accumulations of one layer over all recordings: from the spikes, and from their changes."""

    direct: int = 0
    changed: int = 0


def measured(samples: int) -> dict[str, Any]:
    """The content of results.json: for every model its layers, or why it was not measured."""
    return {name: _model(name, data, samples) for name, data in MODELS.items()}


def _model(name: str, data: str, samples: int) -> dict[str, Any]:
    kind, _, folder = data.partition(":")
    if folder and not Path(folder).is_dir():
        return {"missing": f"the recordings of {kind} are not on this machine"}
    source = load_source(str(ROOT / "models" / "zoo" / f"{name}.pt"))
    ranges = calibration_windows(source, data, CALIBRATION)
    compilation = compile_graph(source.graph(), calibration=ranges)
    works: dict[str, Work] = {}
    recordings = islice(windows(source, data, "test", None), samples)
    for values in _observed(compilation, (window.frames for window in recordings)):
        for node in _weighted_sums(compilation):
            _add(works.setdefault(node.name, Work()), compilation, node, values[node.inputs[0]])
    layers = [
        {"name": layer, "direct": work.direct, "changed": work.changed}
        for layer, work in works.items()
    ]
    return {"samples": samples, "layers": layers}


def _weighted_sums(compilation: Compilation) -> list[Node]:
    """Layers whose every step is a sum over spikes or event counts."""
    graph = compilation.graph
    return [
        node
        for node in graph.nodes
        if isinstance(node.op, IntegerSynapse) and graph.input_types(node)[0].temporal
    ]


def _observed(
    compilation: Compilation, recordings: Iterator[np.ndarray[Any, Any]]
) -> Iterator[dict[str, torch.Tensor]]:
    """What the layers read [T, C, H, W], recording by recording."""
    names = sorted({node.inputs[0] for node in _weighted_sums(compilation)})
    with tempfile.TemporaryDirectory() as folder:
        flags = (*NATIVE, "-O1")  # the spikes are the same, and it compiles faster
        model = ObservedModel(compilation.graph, compilation.generated, Path(folder), flags)
        for frames in recordings:
            seen = model.run(frames, observe=[(name, "value") for name in names])
            yield {
                name: torch.from_numpy(seen.values[name, "value"].astype(np.int64))
                for name in names
            }


def _add(work: Work, compilation: Compilation, node: Node, x: torch.Tensor) -> None:
    graph = compilation.graph
    before = torch.cat([torch.zeros_like(x[:1]), x[:-1]])
    for field, given in (("direct", x), ("changed", (x != before).to(x.dtype))):
        counts = op_of(node).count(NodeRun.of(graph, node, {node.inputs[0]: given})).totals()
        setattr(work, field, getattr(work, field) + counts["ac"] + counts["mac"])


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--samples", type=int, default=20)
    json.dump(measured(options.parse_args().samples), sys.stdout, indent=1)


if __name__ == "__main__":
    main()
