"""``--dump-ir``: what is written says what the compilation did."""

from __future__ import annotations

import numpy as np
import pytest

from snnc.compiler.compilation import compile_graph
from snnc.compiler.dump.recorder import Recorder
from snnc.compiler.frontend.torch_fx import import_module
from snnc.compiler.ir.graph import Location
from snnc.errors import BAD_OUTPUT, SnncError
from tests.support.networks.firing import SIZES, firing_network, frames_for

NAME = "three-layer-narrow"


@pytest.fixture(scope="module")
def graph():
    return import_module(firing_network(NAME, "asa1"), *SIZES[NAME], name="tiny")


@pytest.fixture(scope="module")
def dumped(graph, tmp_path_factory):
    folder = tmp_path_factory.mktemp("dump")
    recorder = Recorder()
    compilation = compile_graph(graph, calibration=[frames_for(NAME).numpy()], watch=recorder)
    recorder.write(folder, compilation.graph, compilation.planned)
    return compilation, {path.name: path.read_text("utf-8") for path in folder.iterdir()}


def test_a_graph_is_a_line_a_node(graph):
    lines = str(graph).splitlines()
    assert len(lines) == 1 + len(graph.nodes)
    assert lines[0] == f"graph tiny: T={graph.time_steps}, outputs scores={graph.outputs[0]}"
    for node, line in zip(graph.nodes, lines[1:], strict=True):
        assert line.split()[0] == node.name
        assert f"{node.op.name}({', '.join(node.inputs)})" in line
        assert str(node.type) in line


def test_there_is_a_text_for_every_pass_and_a_diff_where_it_changed_something(dumped):
    _, files = dumped
    passes = ["lower_composites", "fold_batch_norm", "fold_avg_pool", "absorb_flatten"]
    before = files["00_imported.txt"]
    for at, name in enumerate([*passes, "quantize", "order_weights"], 1):
        text = files[f"{at:02d}_{name}.txt"]
        assert (f"{at:02d}_{name}.diff" in files) == (before != text)
        before = text
    assert "batch_norm" in files["02_fold_batch_norm.diff"]


def test_the_texts_hold_every_function_buffer_and_stage(dumped):
    compilation, files = dumped
    for stage in compilation.planned.program.stages:
        for function in (*stage.steps, *stage.once):
            assert function.symbol in files["program.txt"]
    lines = files["arena.txt"].splitlines()
    assert f"{compilation.planned.arena.size:,} bytes" in lines[0]
    assert len(lines) == 1 + len(compilation.planned.arena.buffers)
    assert files["schedule.txt"].count("stage ") == len(compilation.schedule.stages)


def test_the_page_draws_every_node_and_needs_no_network(dumped):
    compilation, files = dumped
    page = files["index.html"]
    for node in compilation.graph:
        assert f">{node.name}</text>" in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "https://" not in page
    assert page.count("<rect") == len(compilation.graph.nodes) + len(
        compilation.planned.arena.buffers
    )


def test_names_of_the_users_modules_are_escaped(graph, tmp_path):
    """A module may be called anything; the page shows it and does not run it."""
    hostile = Location(module="</title><script>alert(1)</script>")
    nodes = tuple(node.replace(loc=hostile) for node in graph.nodes)
    recorder = Recorder()
    compilation = compile_graph(graph.replace(nodes=nodes), watch=recorder)
    recorder.write(tmp_path, compilation.graph, compilation.planned)
    page = (tmp_path / "index.html").read_text("utf-8")
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_operations_of_an_active_step_are_the_count_rule(dumped, graph):
    """A convolution of an input that is active everywhere: the page shows its own rule's figure."""
    compilation, files = dumped
    (conv,) = (n for n in compilation.graph if n.name == "layer1_conv")
    height, width = conv.type.shape[1:]
    taps = sum(min(y + 2, height) - max(y - 1, 0) for y in range(height)) * sum(
        min(x + 2, width) - max(x - 1, 0) for x in range(width)
    )
    channels = np.prod(conv.type.shape[0]) * compilation.graph["input"].type.channels
    assert f"{taps * channels:,} ops" in files["index.html"]


def test_a_folder_that_cannot_be_written_is_named(graph, tmp_path):
    (tmp_path / "file").write_text("")
    recorder = Recorder()
    compilation = compile_graph(graph, watch=recorder)
    with pytest.raises(SnncError) as refused:
        recorder.write(tmp_path / "file", compilation.graph, compilation.planned)
    assert refused.value.code is BAD_OUTPUT
    assert str(tmp_path / "file") in str(refused.value)
