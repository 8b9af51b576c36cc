"""A manifest that readers accept, for folders that hold no real model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from snnc.compiler.deploy.manifest import FORMAT, write_manifest

CONTENT: dict[str, Any] = {
    "format": FORMAT,
    "name": "net",
    "model": "net.pt",
    "target": "host",
    "time_steps": 4,
    "streams": True,
    "scores": {"type": "float", "unit": 1.0},
    "outputs": [{"name": "scores", "shape": [10], "type": "float", "unit": 1.0}],
    "memory": {"ram": {"arena": 64}},
    "input": {"shape": [2, 3, 3], "kind": "count", "buffer": {"frames": 4, "events": None}},
    "options": {"dtype": "f32"},
    "layers": [{"name": "fc", "op": "linear", "shape": [10]}],
}


def write(folder: Path) -> dict[str, Any]:
    """Write it with the digests of the folder's files."""
    return write_manifest(folder, CONTENT)
