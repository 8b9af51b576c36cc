"""Networks compiled for threads: the same bits for any number, with a team and without."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from snnc.compiler.codegen.c_program import Generated
from snnc.compiler.host.build import NATIVE, compile_object, compile_shared, link_shared, write_team
from snnc.compiler.host.model import HostModel
from snnc.compiler.ir import layout
from snnc.compiler.ir.graph import Graph
from tests.compiler.codegen.test_codegen import graph_of
from tests.support.networks.firing import frames_for
from tests.support.samples.graphs import c_of

NAME = "three-layer-narrow"
FLAGS = (*NATIVE, "-O1")
Opened = tuple[HostModel, Generated]


def opened(graph: Graph, threads: int, folder: Path, defines: tuple[str, ...] = ()) -> Opened:
    """The C of a graph for some threads, compiled and ready to run."""
    generated = c_of(graph, threads=threads)
    for name, text in generated.files.items():
        (folder / name).write_text(text)
    library, objects = folder / "model.so", [folder / "model.o"]
    compile_object(folder / f"{graph.name}.c", objects[0], defines=defines, flags=FLAGS)
    if threads > 1:
        objects.append(folder / "team.o")
        compile_object(write_team(folder), objects[1], flags=FLAGS)
    link_shared(objects, library)
    return HostModel(library, generated.interface), generated


def traced(graph: Graph, threads: int, folder: Path, *, team: bool) -> dict[str, bytes]:
    """Every value of every node over a window, and the scores, from the C for some threads."""
    host, generated = opened(graph, threads, folder, ("SNN_TRACE",))
    if threads > 1 and not team:
        host.net.team = host._ffi.NULL
    values = {
        index: np.zeros(trace.step_bytes * trace.steps, np.uint8)
        for index, trace in enumerate(generated.traces)
    }
    host.attach_taps(len(generated.traces), values, {})
    frames = layout.pack(graph["input"].type, frames_for(NAME).numpy()).astype(np.uint16)
    scores = host.classify(frames)
    named = {
        f"{trace.node} {trace.what}": values[index].tobytes()
        for index, trace in enumerate(generated.traces)
    }
    return named | {"scores": scores.tobytes()}


@pytest.mark.parametrize("attention", ["none", "asa1"])
def test_any_number_of_threads_gives_the_same_bits(attention, tmp_path):
    graph = graph_of(NAME, attention)
    found = {}
    for threads, team in ((1, False), (2, True), (3, True), (3, False), (5, True)):
        folder = tmp_path / f"{threads}{team}"
        folder.mkdir()
        found[threads, team] = traced(graph, threads, folder, team=team)
    alone = found.pop((1, False))
    assert any(alone["layer3_neuron value"])
    for values in found.values():
        assert values == alone


def test_a_second_window_is_the_same(tmp_path):
    """The helpers go on to the next task; none is left behind in the one before."""
    graph = graph_of(NAME)
    host, _ = opened(graph, 3, tmp_path)
    frames = layout.pack(graph["input"].type, frames_for(NAME).numpy()).astype(np.uint16)
    first = host.classify(frames)
    for _ in range(20):
        np.testing.assert_array_equal(host.classify(frames), first)


def test_no_part_of_a_layer_is_left_out_or_done_twice(tmp_path):
    """The traced rows of three parts cover odd heights too: a silent row would stay zero."""
    graph = graph_of(NAME)
    generated = c_of(graph, threads=7)
    text = generated.files[f"{graph.name}.c"]
    assert text.count("snn_split(net->team, ") == 3
    for node in ("layer1_conv", "layer2_conv", "layer3_conv"):
        assert f"{node}_step0_part, net, 7);" in text


def test_one_thread_needs_no_team(tmp_path):
    graph = graph_of(NAME)
    generated = c_of(graph)
    assert not any("team" in text for text in generated.files.values())
    for name, text in generated.files.items():
        (tmp_path / name).write_text(text)
    compile_shared(tmp_path / f"{graph.name}.c", tmp_path / "model.so", flags=("-O0",))
