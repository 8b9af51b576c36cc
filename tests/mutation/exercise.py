"""Run a compiled library the ways a user can: by frames, by events, by steps, for a second window.

``python -m tests.mutation.exercise LIBRARY FOLDER MODEL DATA SAMPLES COUNTED``, in a process of its
own, so that gcov's counters are written when it ends.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from snnc.api.data.windows import c_events, windows
from snnc.compiler.codegen.abi import Interface
from snnc.compiler.deploy.compiled import read_manifest
from snnc.compiler.frontend.source import load_source
from snnc.compiler.host.model import HostModel
from snnc.compiler.ir import layout
from snnc.compiler.ir.graph import Kind, TensorType


def run(
    library: Path, folder: Path, model: Path, data: str, samples: int, *, counted: bool
) -> None:
    """Run every recording by frames, by events, and step by step where the model streams."""
    manifest = read_manifest(folder)
    host = HostModel(library, Interface.of(manifest))
    if counted:
        host.attach_counters(len(manifest["layers"]))
    source = load_source(str(model))
    shape = TensorType(source.input_shape, Kind.COUNT)
    read = windows(source, data, "test", samples)
    for index, window in zip(read.indices, read, strict=True):
        _window(host, layout.pack(shape, window.frames).astype(np.uint16), manifest["streams"])
        host.reset()
        host.run_events(c_events(read.dataset[index].recording))
        host.scores()


def _window(host: HostModel, frames: Any, streams: bool) -> None:
    host.classify(frames)
    if streams:
        host.reset()
        host.push_frames(frames)
        for _ in range(host.interface.time_steps):
            host.step()
            host.scores()


if __name__ == "__main__":
    library, folder, model = map(Path, sys.argv[1:4])
    run(library, folder, model, sys.argv[4], int(sys.argv[5]), counted=sys.argv[6] == "counted")
