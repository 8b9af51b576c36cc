"""CMSIS-NN beside the C on emulated boards: which one, what it costs, what it cannot express."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest

from snnc.bench.target import cmsis_nn
from snnc.bench.target.cmsis_layers import layer_of, measure
from snnc.bench.target.cmsis_nn import library_at
from snnc.compiler.deploy.targets import target_named
from snnc.compiler.ir.graph import Graph, Kind, Node, TensorType
from snnc.compiler.ops import Conv2dI8, Conv2dMaps, Input, LinearI8
from snnc.errors import InternalError, SnncError
from tests.compiler.deploy.test_firmware import need
from tests.support.networks.lively import lively_checkpoint, write_nmnist

STEPS = 6

# A stand-in with the interface of CMSIS-NN that the programs use, and the plainest loops behind it.
HEADER = """
#include <stdint.h>
typedef struct { int32_t w, h; } cmsis_nn_tile;
typedef struct { void *buf; int32_t size; } cmsis_nn_context;
typedef struct { int32_t n, h, w, c; } cmsis_nn_dims;
typedef struct { int32_t *multiplier, *shift; } cmsis_nn_per_channel_quant_params;
typedef struct { int32_t multiplier, shift; } cmsis_nn_per_tensor_quant_params;
typedef struct { int32_t min, max; } cmsis_nn_activation;
typedef struct {
    int32_t input_offset, output_offset;
    cmsis_nn_tile stride, padding, dilation;
    cmsis_nn_activation activation;
} cmsis_nn_conv_params;
typedef struct {
    int32_t input_offset, filter_offset, output_offset;
    cmsis_nn_activation activation;
} cmsis_nn_fc_params;
typedef cmsis_nn_dims D;
int arm_convolve_wrapper_s8(const cmsis_nn_context *, const cmsis_nn_conv_params *,
    const cmsis_nn_per_channel_quant_params *, const D *, const int8_t *, const D *,
    const int8_t *, const D *, const int32_t *, const D *, int8_t *);
int32_t arm_convolve_wrapper_s8_get_buffer_size(const cmsis_nn_conv_params *, const D *,
    const D *, const D *);
int arm_fully_connected_s8(const cmsis_nn_context *, const cmsis_nn_fc_params *,
    const cmsis_nn_per_tensor_quant_params *, const D *, const int8_t *, const D *,
    const int8_t *, const D *, const int32_t *, const D *, int8_t *);
int32_t arm_fully_connected_s8_get_buffer_size(const D *);
/* $Revision: V.0.1.2 */
"""

CONVOLUTION = """
#include "arm_nnfunctions.h"
int32_t arm_convolve_wrapper_s8_get_buffer_size(const cmsis_nn_conv_params *p, const D *x,
    const D *k, const D *y) { return SCRATCH; }
int arm_convolve_wrapper_s8(const cmsis_nn_context *context, const cmsis_nn_conv_params *p,
    const cmsis_nn_per_channel_quant_params *q, const D *x, const int8_t *in, const D *k,
    const int8_t *weights, const D *channels, const int32_t *bias, const D *y, int8_t *out)
{
    for (int i = 0; i < y->h * y->w * y->c; i++) {
        const int o = i % y->c, column = i / y->c % y->w, row = i / y->c / y->w;
        int32_t sum = bias[o];
        for (int t = 0; t < k->h * k->w; t++) {
            const int v = row * p->stride.h - p->padding.h + t / k->w * p->dilation.h;
            const int u = column * p->stride.w - p->padding.w + t % k->w * p->dilation.w;
            if (v < 0 || v >= x->h || u < 0 || u >= x->w) continue;
            for (int c = 0; c < x->c; c++)
                sum += in[(v * x->w + u) * x->c + c] * weights[(o * k->h * k->w + t) * x->c + c];
        }
        sum = (int32_t)((int64_t)sum * q->multiplier[o] >> (31 - q->shift[o]));
        out[i] = (int8_t)(sum > p->activation.max ? p->activation.max
                          : sum < p->activation.min ? p->activation.min : sum);
    }
    return STATUS;
}
"""

LINEAR = """
#include "arm_nnfunctions.h"
int32_t arm_fully_connected_s8_get_buffer_size(const D *k) { return 0; }
int arm_fully_connected_s8(const cmsis_nn_context *context, const cmsis_nn_fc_params *p,
    const cmsis_nn_per_tensor_quant_params *q, const D *x, const int8_t *in, const D *k,
    const int8_t *weights, const D *channels, const int32_t *bias, const D *y, int8_t *out)
{
    for (int o = 0; o < y->c; o++) {
        int32_t sum = bias[o];
        for (int i = 0; i < k->n; i++) sum += in[i] * weights[o * k->n + i];
        sum = (int32_t)((int64_t)sum * q->multiplier >> (31 - q->shift));
        out[o] = (int8_t)(sum > 127 ? 127 : sum < -128 ? -128 : sum);
    }
    return 0;
}
"""


def stand_in(folder, status="0", scratch="64"):
    """A library of plain loops in the layout of CMSIS-NN."""
    sources = {
        "Include/arm_nnfunctions.h": HEADER,
        "Source/ConvolutionFunctions/arm_convolve_wrapper_s8.c": CONVOLUTION.replace(
            "STATUS", status
        ).replace("SCRATCH", scratch),
        "Source/ConvolutionFunctions/arm_convolve_f16.c": "#error not for integers",
        "Source/FullyConnectedFunctions/arm_fully_connected_s8.c": LINEAR,
    }
    for name, text in sources.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def network(given=(3, 7, 6), weight=(5, 3, 3, 2), op=Conv2dI8, **attrs) -> Graph:
    """An input and one layer of the compiled graph, ``conv`` or ``linear``."""
    x = Node("x", Input(), (), TensorType(given, Kind.SPIKE))
    name = op.name.split("_")[0].removesuffix("2d")
    attrs = (
        {"stride": (1, 1), "dilation": (1, 1), "padding": (0, 0, 0, 0), "groups": 1}
        | {"width": "int32", "shift": 0}
        | attrs
    )
    shape = weight[:1]
    if name == "conv":
        top, left, bottom, right = attrs["padding"]
        sizes = given[1] + top + bottom, given[2] + left + right
        reach = [d * (k - 1) + 1 for d, k in zip(attrs["dilation"], weight[2:], strict=True)]
        shape += tuple(
            (n - r) // s + 1 for n, r, s in zip(sizes, reach, attrs["stride"], strict=True)
        )
    given = {name: value for name, value in attrs.items() if name in {f.name for f in op.fields()}}
    layer = Node(name, op(**given), ("x",), TensorType(shape, Kind.REAL), {"weight": "weight"})
    return Graph("net", STEPS, (x, layer), {"weight": np.zeros(weight)}, (name,))


LAYERS = {
    "odd sizes": network(),
    "padded on all sides": network(padding=(1, 1, 1, 1)),
    "unequal padding, stride": network(padding=(1, 0, 2, 1), stride=(2, 1)),
    "dilated": network(padding=(2, 1, 2, 1), dilation=(2, 2)),
    "one by one": network((8, 5, 4), (6, 8, 1, 1)),
    "one by one, stride": network((8, 5, 4), (6, 8, 1, 1), stride=(2, 2)),
    "wide": network((33, 6, 6), (17, 33, 3, 3), padding=(1, 1, 1, 1)),
    "linear": network((4, 3, 3), (10, 36), LinearI8),
    "linear, odd": network((67,), (5, 67), LinearI8),
}


@pytest.fixture(scope="module")
def real() -> cmsis_nn.Library:
    place = os.environ.get("SNNC_CMSIS_NN", cmsis_nn.BAKENN)
    try:
        return library_at(place)
    except SnncError:
        pytest.skip("no bakenn, no folder in SNNC_CMSIS_NN: make test-environments")


@pytest.mark.parametrize("core", ["cortex-m0", "cortex-m4", "cortex-m55"])
@pytest.mark.parametrize("graph", LAYERS.values(), ids=list(LAYERS))
def test_cmsis_nn_computes_the_values_of_pytorch(graph, core, real):
    need(core)
    result = measure(graph, real, target_named(core), 1)
    assert result["version"] == real.version
    (layer,) = result["layers"]
    taps = graph.params["weight"].size * graph.nodes[-1].type.pixels
    assert layer["call"] > taps / 16  # a vector instruction multiplies at most 16
    assert layer["instructions"] == STEPS * layer["call"] == result["total"]


@pytest.mark.parametrize("graph", LAYERS.values(), ids=list(LAYERS))
def test_programs_give_every_layer_its_own_sizes(graph, tmp_path):
    need("cortex-m4")
    library = library_at(str(stand_in(tmp_path)))
    once, twice = (measure(graph, library, target_named("cortex-m4"), n) for n in (1, 2))
    assert once["layers"][0]["call"] > graph.params["weight"].size
    assert twice["total"] == 2 * once["total"] == 2 * STEPS * once["layers"][0]["call"]
    assert once["version"] == "arm_nnfunctions.h V.0.1.2"


def test_wrong_values_are_never_counted(tmp_path):
    need("cortex-m4")
    wrong = stand_in(tmp_path)
    source = next(wrong.rglob("arm_convolve_wrapper_s8.c"))
    source.write_text(source.read_text().replace("u >= x->w", "u > x->w"))
    graph = network(padding=(1, 1, 1, 1))
    with pytest.raises(InternalError, match="conv: CMSIS-NN on the board said: FAIL: values"):
        measure(graph, library_at(str(wrong)), target_named("cortex-m4"), 1)


def test_scratch_memory_that_is_too_small_is_said(tmp_path):
    need("cortex-m4")
    greedy = library_at(str(stand_in(tmp_path, scratch="1 << 20")))
    with pytest.raises(InternalError, match="scratch memory"):
        measure(network(), greedy, target_named("cortex-m4"), 1)


@pytest.mark.parametrize(
    ("graph", "reason"),
    [
        (network((4, 5, 5), (4, 2, 3, 3), groups=2), "2 groups"),
        (network((2, 5, 5), (1, 2, 3, 3), op=Conv2dMaps), "32-bit fixed point"),
        (network((3000,), (2000, 3000), LinearI8), "bytes of flash"),
    ],
)
def test_what_it_cannot_express_is_named(graph, reason, tmp_path):
    need("cortex-m4")
    result = measure(graph, library_at(str(stand_in(tmp_path))), target_named("cortex-m4"), 1)
    assert result["layers"] == []
    assert result["total"] == 0
    (missing,) = result["not_expressible"]
    assert missing["name"] == graph.nodes[-1].name
    assert reason in missing["reason"]


def test_a_refusal_of_the_library_is_named(tmp_path):
    need("cortex-m4")
    result = measure(
        network(), library_at(str(stand_in(tmp_path, "-2"))), target_named("cortex-m4"), 1
    )
    assert result["not_expressible"] == [
        {"name": "conv", "reason": "the library returned an error"}
    ]


def test_expected_values_are_not_all_saturated():
    layer = layer_of(LAYERS["wide"], LAYERS["wide"].nodes[-1])
    assert len(np.unique(layer.expected)) > 20
    assert np.abs(layer.expected.astype(int)).max() < 127


def test_the_command_shows_it_beside_the_others(snnc, tmp_path):
    need("cortex-m4")
    data = f"nmnist:{write_nmnist(tmp_path / 'data')}"
    model = lively_checkpoint(tmp_path / "model.pt")
    library = stand_in(tmp_path / "library")
    arguments = ["bench", model, "--target", "cortex-m4", "--data", data, "--samples", 1]
    status, out, _ = snnc(*arguments, "--cmsis-nn", library, "--json", tmp_path / "result.json")
    assert status == 0
    peer = json.loads((tmp_path / "result.json").read_text())["cmsis_nn"]
    assert [layer["name"] for layer in peer["layers"]] == [
        "layer1_conv",
        "layer2_conv",
        "layer3_conv",
        "fc1_linear",
        "fc2_linear",
    ]
    assert peer["not_expressible"] == []
    assert peer["total"] == sum(layer["instructions"] for layer in peer["layers"])
    assert peer["ratio"] == peer["total"] / peer["same_layers"]
    line = next(line for line in out.splitlines() if line.strip().startswith("layer2_conv"))
    assert line.split()[-1] == f"{peer['layers'][1]['instructions']:,}"
    assert "CMSIS-NN arm_nnfunctions.h V.0.1.2" in out


def test_a_folder_without_it_is_refused(snnc, tmp_path):
    need("cortex-m4")
    arguments = ["bench", "model.pt", "--data", "nmnist:x", "--target", "cortex-m4"]
    status, _, err = snnc(*arguments, "--cmsis-nn", tmp_path)
    assert status == 2
    assert f"SNNC-E305: {tmp_path}: --cmsis-nn has no CMSIS-NN" in err
    assert "pip install bakenn" in err


def test_another_core_is_refused(snnc, tmp_path):
    need("riscv32")
    arguments = ["bench", "model.pt", "--data", "nmnist:x", "--target", "riscv32"]
    status, _, err = snnc(*arguments, "--cmsis-nn", stand_in(tmp_path))
    assert status == 2
    assert "--cmsis-nn is for Arm Cortex-M" in err


def test_it_needs_a_target(snnc):
    status, _, err = snnc("bench", "model.pt", "--data", "nmnist:x", "--cmsis-nn", "x")
    assert status == 2
    assert "--cmsis-nn need a --target" in err


def test_a_package_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setattr(cmsis_nn, "find_spec", lambda name: None)
    with pytest.raises(SnncError, match=r"SNNC-E501: --cmsis-nn bakenn needs that package"):
        library_at("bakenn")


def test_a_library_without_sources_is_refused(tmp_path):
    for path in stand_in(tmp_path).rglob("*.c"):
        path.unlink()
    with pytest.raises(SnncError, match="no C in Source"):
        library_at(str(tmp_path))


def test_a_library_that_does_not_build_is_refused(tmp_path):
    need("cortex-m4")
    source = next(stand_in(tmp_path).rglob("arm_fully_connected_s8.c"))
    source.write_text("#error broken on purpose")
    with pytest.raises(SnncError, match=r"SNNC-E305.* does not build: .*broken on purpose"):
        measure(network(), library_at(str(tmp_path)), target_named("cortex-m4"), 1)


def test_core_headers_are_found_beside_it(tmp_path):
    root = stand_in(tmp_path / "NN")
    (root / "Include" / "arm_nn_math_types.h").write_text('#include "cmsis_compiler.h"\n')
    with pytest.raises(SnncError, match=r"needs CMSIS-Core's cmsis_compiler\.h"):
        library_at(str(root))
    core = tmp_path / "Core" / "Include"
    core.mkdir(parents=True)
    (core / "cmsis_compiler.h").write_text("")
    assert library_at(str(root)).includes == (root / "Include", core)


def test_versions_are_what_a_copy_says_of_itself(tmp_path, monkeypatch):
    root = stand_in(tmp_path / "bakenn" / "backend" / "cmsis_nn" / "vendor" / "cmsis_nn")
    (root / "ARM.CMSIS-NN.pdsc").write_text('<release version="0.0.0"></release>')
    assert library_at(str(root)).version == "arm_nnfunctions.h V.0.1.2"
    (root / "ARM.CMSIS-NN.pdsc").write_text('<release version="4.1.0" date="2023"></release>')
    assert library_at(str(root)).version == "4.1.0"
    (root / "BAKENN_PROVENANCE.md").write_text("- Release version: 4.0.0\n")
    assert library_at(str(tmp_path / "bakenn")).version == "4.0.0 (bakenn)"
    (tmp_path / "bakenn-1.2.3.dist-info").mkdir()
    assert library_at(str(tmp_path / "bakenn")).version == "4.0.0 (bakenn 1.2.3)"
    (tmp_path / "bakenn" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    assert library_at("bakenn").root == root
