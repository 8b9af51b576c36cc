"""Which convolution kernel the compiler calls, and how its weights and working memory lie."""

from __future__ import annotations

import re
import subprocess

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snnc.compiler.codegen.c_program import Generated
from snnc.compiler.host.build import compile_object
from snnc.compiler.ir.graph import Kind, TensorType
from snnc.compiler.ops import Conv2d
from snnc.compiler.ops.base import Sample
from snnc.compiler.ops.synapses.synapse import blocked, co_block
from tests.compiler.codegen.test_codegen import graph_of
from tests.support.samples.graphs import c_of, sample_graph

PLAIN = {"stride": (1, 1), "padding": (1, 1, 1, 1), "dilation": (1, 1)}


def convolution(
    kind: Kind, width: int, channels: int, out: int, *, groups: int = 1, kernel: str = "event"
) -> Generated:
    """The C of one 3x3 convolution of ``channels`` channels, 3 pixels high."""
    weight = np.random.default_rng(0).normal(size=(out, channels // groups, 3, 3))
    op = Conv2d(**PLAIN, groups=groups, kernel=kernel)
    sample = Sample(op, (TensorType((channels, 3, width), kind),), {"weight": weight})
    graph = sample_graph("conv2d", [sample]).graph
    return c_of(graph)


@pytest.mark.parametrize(
    ("kind", "width", "channels", "groups", "kernel", "function"),
    [
        (Kind.SPIKE, 4, 64, 1, "event", "snn_conv2d_spike_list_f32"),
        (Kind.COUNT, 4, 2, 1, "event", "snn_conv2d_count_list_f32"),
        (Kind.REAL, 4, 64, 1, "event", "snn_conv2d_real_f32"),
        (Kind.SPIKE, 4, 64, 1, "dense", "snn_conv2d_spike_dense_f32"),
        (Kind.SPIKE, 2048, 32, 1, "event", "snn_conv2d_spike_list_f32"),  # 65536 entries a row
        (Kind.SPIKE, 2049, 32, 1, "event", "snn_conv2d_spike_f32"),
        (Kind.COUNT, 2049, 64, 2, "event", "snn_conv2d_count_f32"),
        (Kind.SPIKE, 2048, 64, 2, "event", "snn_conv2d_spike_list_f32"),
    ],
)
def test_event_driven_convolutions_list_their_inputs_where_a_list_can(
    kind, width, channels, groups, kernel, function
):
    generated = convolution(kind, width, channels, 4, groups=groups, kernel=kernel)
    assert generated.program.kernels["s0"] == function


def test_working_memory_holds_an_input_that_is_active_everywhere():
    buffers = convolution(Kind.COUNT, 7, 6, 6, groups=3).program.buffers
    sizes = {role: buffers[f"s0_{role}@0"].elements for role in ("starts", "events", "values")}
    assert sizes == {"starts": 3 * 7 + 1, "events": 3 * 7 * 2 + 32, "values": 3 * 7 * 2 + 32}


@given(out=st.integers(1, 700), row=st.integers(1, 4000), event=st.booleans())
def test_blocks_are_whole_vectors_that_cover_the_channels(out, row, event):
    size = co_block(out, row, event=event)
    if out < 16:
        assert size == 0
        return
    blocks = -(-out // size)
    assert size % 16 == 0
    assert 16 <= size <= 64
    assert blocks * size - out < 16 * blocks  # less than a vector of padding a block
    assert not event or size <= 32 or row * 4 * 64 <= 65536


def test_blocks_hold_the_weights_in_order_and_zeros_behind_them():
    weight = np.arange(1.0, 2 * 3 * 5 * 40 + 1).reshape(2, 3, 1, 5, 40)
    inside = blocked(weight, 16)
    assert inside.shape == (2, 3, 3, 1, 5, 16)
    for channel in range(40):
        block = inside[:, channel // 16, ..., channel % 16]
        np.testing.assert_array_equal(block, weight[..., channel])
    assert not inside[:, 2, ..., 8:].any()
    np.testing.assert_array_equal(blocked(weight, 0)[:, 0], weight)


def test_weights_start_on_cache_lines(tmp_path):
    graph = graph_of("three-layer-narrow")
    for name, text in c_of(graph).files.items():
        (tmp_path / name).write_text(text)
    source = tmp_path / f"{graph.name}.c"
    target = tmp_path / "model.o"
    compile_object(source, target, flags=("-O0",))
    symbols = subprocess.run(["nm", str(target)], check=True, capture_output=True, text=True)
    found = re.findall(r"^([0-9a-f]+) r (\w+_weight)$", symbols.stdout, re.MULTILINE)
    weights = {f"{graph.name}_{name}_weight" for name in ("layer2_conv", "fc1_linear")}
    assert {name for _, name in found} >= weights
    assert [name for at, name in found if int(at, 16) % 64] == []
