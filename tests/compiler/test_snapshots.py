"""IR and C of six networks, as text under version control: a change of either shows as a diff.

`make snapshots` writes them again; a reviewer then reads what changed. Weights are left out.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from snnc.compiler.compilation import Compilation, compile_graph
from snnc.compiler.frontend.torch_fx import import_module
from tests.support.networks.firing import SIZES, firing_network, frames_for
from tests.support.places import ROOT

FOLDER = ROOT / "tests" / "compiler" / "snapshots"
WRITE = bool(os.environ.get("SNNC_WRITE_SNAPSHOTS"))

NETWORKS = {
    "three_layer": ("three-layer-narrow", "none", {}),
    "three_layer_asa1": ("three-layer-narrow", "asa1", {}),
    "three_layer_tcsa": ("three-layer-narrow", "tcsa", {}),
    "three_layer_threads": ("three-layer-narrow", "none", {"threads": 3}),
    "five_layer": ("five-layer", "none", {}),
    "three_layer_int8": ("three-layer-narrow", "none", {"calibration": True}),
}


def compilation_of(name: str) -> Compilation:
    network, attention, options = NETWORKS[name]
    graph = import_module(firing_network(network, attention), *SIZES[network], name=name)
    if "calibration" in options:
        options = {"calibration": [frames_for(network).numpy()]}
    return compile_graph(graph, **options)


@pytest.mark.parametrize("name", NETWORKS)
def test_ir_and_c_are_those_that_were_reviewed(name):
    compilation = compilation_of(name)
    texts = {f"{name}.c": compilation.generated.files[f"{name}.c"]}
    if "int8" not in name:  # its attributes are measured on data, to the last digit
        texts[f"{name}.ir.txt"] = f"{compilation.graph}\n"
    for file, text in texts.items():
        path = FOLDER / file
        if WRITE:
            write(path, text)
        assert path.read_text("utf-8") == text, f"{file} changed: read the diff, `make snapshots`"


def write(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
