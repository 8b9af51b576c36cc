"""Generated C: whole networks against the reference, the functions of a model, the text itself."""

from __future__ import annotations

import re
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings

from snnc.compiler.codegen import c_program
from snnc.compiler.codegen.abi import EVENT_DTYPE
from snnc.compiler.codegen.c_program import Framing
from snnc.compiler.frontend.importing import Importing
from snnc.compiler.frontend.torch_fx import import_module
from snnc.compiler.host.observed import Observation, ObservedModel
from snnc.compiler.ir import layout
from snnc.compiler.ir.graph import Graph, Kind
from snnc.compiler.ops import TimeMean
from snnc.compiler.passes import pipeline
from snnc.compiler.verify import reference
from snnc.errors import BAD_SHAPE, InternalError, SnncError
from snnc.models.attention import ATTENTION_NAMES
from tests.support.networks.firing import SIZES, firing_network, frames_for
from tests.support.samples.graphs import (
    all_values,
    analytic_counts,
    as_tensors,
    assert_within_bounds,
    c_of,
    observed,
    random_values,
)
from tests.support.samples.random_graphs import random_graphs

NETWORKS = [(name, attention) for name in SIZES for attention in ATTENTION_NAMES]


@cache
def graph_of(name: str, attention: str = "none") -> Graph:
    size, steps = SIZES[name]
    return pipeline.optimised(import_module(firing_network(name, attention), size, steps))


@cache
def run_of(name: str, attention: str) -> Observation:
    graph = graph_of(name, attention)
    return observed(graph).run(frames_for(name).numpy(), observe=all_values(graph))


@pytest.mark.parametrize(("name", "attention"), NETWORKS)
def test_every_value_of_a_network_is_within_its_bound(name, attention):
    """Spikes and masks equal wherever they are decided; each layer goes on from the C's own."""
    graph, run = graph_of(name, attention), run_of(name, attention)
    own = as_tensors(run.values)
    assert_within_bounds(graph, {"input": frames_for(name).double()}, own)
    np.testing.assert_array_equal(run.scores, run.values[graph.outputs[0], "value"][0])
    for node in graph.nodes:
        if node.op.name in ("neuron", "complementary_mask"):
            assert 0 < own[node.name].mean() < 1, f"{node.name} is silent, and proves nothing"


@pytest.mark.parametrize(("name", "attention"), NETWORKS)
def test_every_node_executes_what_is_counted(name, attention):
    graph, run = graph_of(name, attention), run_of(name, attention)
    names = [node.name for node in graph.nodes if node.op.name != "input"]
    expected = analytic_counts(graph, as_tensors(run.values), names)
    assert {node: run.counts[node] for node in names} == expected
    assert sum(expected["layer1_conv"].values()) > 0


@settings(max_examples=5, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(random_graphs())
def test_any_graph_computes_and_counts_what_it_should(graph):
    x = random_values(graph["input"].type, graph.time_steps, np.random.default_rng(0))
    run = observed(graph).run(x.numpy(), observe=all_values(graph))
    own = as_tensors(run.values)
    assert_within_bounds(graph, {"input": x}, own)
    names = [node.name for node in graph.nodes if node.op.name != "input"]
    expected = analytic_counts(graph, own, names)
    assert {node: run.counts[node] for node in names} == expected


def test_the_ordinary_optimisation_gives_the_same_bits():
    graph, run = graph_of("three-layer-narrow", "asa1"), run_of("three-layer-narrow", "asa1")
    full = observed(graph, flags=("-march=native", "-O3")).run(
        frames_for("three-layer-narrow").numpy(), observe=all_values(graph)
    )
    np.testing.assert_array_equal(full.scores, run.scores)
    for key, value in full.values.items():
        np.testing.assert_array_equal(value, run.values[key], err_msg=str(key))


def test_input_is_traced_and_membranes_are_before_the_reset():
    graph, run = graph_of("three-layer-narrow"), run_of("three-layer-narrow", "none")
    x = frames_for("three-layer-narrow").numpy()
    np.testing.assert_array_equal(run.values["input", "value"], x)
    for node in graph.nodes:
        if node.op.name == "neuron":
            u, fired = (run.values[node.name, what] for what in ("membrane", "value"))
            threshold = np.float32(node.op.threshold)
            np.testing.assert_array_equal(fired, u >= threshold)
            assert (u[0] == run.values[node.inputs[0], "value"][0]).all()  # from rest, beta * 0


def test_forced_values_are_what_readers_see():
    graph = graph_of("three-layer-narrow")
    model = observed(graph)
    x = frames_for("three-layer-narrow").numpy()
    silence = {"layer2_neuron": np.zeros((5, 33, 4, 5))}
    run = model.run(x, observe=[("layer2_neuron", "value")], forced=silence)
    assert run.values["layer2_neuron", "value"].any()  # its own, before it is replaced
    assert run.counts["layer3_conv"]["ac"] == 0
    again = model.run(x)
    assert again.counts["layer3_conv"]["ac"] > 0


# the functions of a model ------------------------------------------------------------------

FRAMING = Framing(sensor_height=18, sensor_width=22, dt_us=1000, downsample=2)


@cache
def with_events() -> ObservedModel:
    graph = graph_of("three-layer-narrow")
    return observed(graph, generated=c_of(graph, FRAMING))


def events_of(*rows: tuple[int, int, int, int]) -> np.ndarray:
    return np.array(list(rows), EVENT_DTYPE)


def random_events(count: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    events = np.zeros(count, EVENT_DTYPE)
    events["t_us"] = 700 + np.sort(rng.integers(0, 5000, count))
    events["x"], events["y"] = rng.integers(0, 22, count), rng.integers(0, 18, count)
    events["polarity"] = rng.integers(0, 2, count)
    return events


def frames_from(events: np.ndarray) -> np.ndarray:
    """The same framing in numpy: cells of 2x2 pixels, steps of 1 ms from the first event."""
    frames = np.zeros((5, 2, 9, 11), np.uint16)
    step = (events["t_us"] - events["t_us"][0]) // 1000
    np.add.at(frames, (step, events["polarity"], events["y"] // 2, events["x"] // 2), 1)
    return frames


def test_events_become_the_frames_of_the_window():
    host = with_events().host
    events = random_events(4000)
    by_frames = with_events().run(frames_from(events)).scores
    host.reset()
    for part in np.array_split(events, 7):
        host.push_events(part)
    host.run()
    np.testing.assert_array_equal(host.scores(), by_frames)
    assert host.net.dropped == 0


@pytest.mark.parametrize(
    ("event", "status"),
    [
        ((10, 22, 0, 0), "SNN_ERR_EVENT_RANGE"),
        ((10, 0, 18, 0), "SNN_ERR_EVENT_RANGE"),
        ((10, 65535, 65535, 1), "SNN_ERR_EVENT_RANGE"),
        ((10, 0, 0, 2), "SNN_ERR_EVENT_RANGE"),
        ((10, 0, 0, 255), "SNN_ERR_EVENT_RANGE"),
        ((9, 0, 0, 0), "SNN_ERR_TIME_ORDER"),
    ],
)
def test_impossible_events_are_refused_and_those_before_them_kept(event, status):
    host = with_events().host
    host.reset()
    with pytest.raises(SnncError, match=status):
        host.push_events(events_of((10, 21, 17, 1), event, (10, 3, 3, 0)))
    host.run()
    kept = host.scores()
    one = np.zeros((5, 2, 9, 11), np.uint16)
    one[0, 1, 8, 10] = 1
    np.testing.assert_array_equal(kept, with_events().run(one).scores)


def test_events_after_the_window_are_dropped_and_counted():
    host = with_events().host
    host.reset()
    late = (5000, 1, 1, 0), (2**31 - 1, 0, 0, 1)
    host.push_events(events_of((0, 1, 1, 0), (4999, 1, 1, 0), *late))
    assert host.net.dropped == 2
    host.reset()
    assert host.net.dropped == 0


def test_a_full_cell_is_an_error_not_a_wrap():
    host = with_events().host
    host.reset()
    host.push_events(np.zeros(65535, EVENT_DTYPE))
    with pytest.raises(SnncError, match="SNN_ERR_COUNT_OVERFLOW"):
        host.push_events(np.zeros(1, EVENT_DTYPE))


def test_no_events_at_all_is_an_empty_window():
    host = with_events().host
    host.reset()
    host.push_events(np.zeros(0, EVENT_DTYPE))
    host.run()
    empty = with_events().run(np.zeros((5, 2, 9, 11))).scores
    np.testing.assert_array_equal(host.scores(), empty)


def test_steps_one_by_one_are_the_run():
    host, x = with_events().host, frames_for("three-layer-narrow").numpy()
    expected = with_events().run(x).scores
    host.reset()
    with_events().run(x)  # leaves the frames where they are
    frames = layout.pack(graph_of("three-layer-narrow")["input"].type, x)
    host.reset()
    host.push_frames(frames)
    partial = []
    for _ in range(5):
        host.step()
        partial.append(host.scores())
    np.testing.assert_array_equal(partial[-1], expected)
    values = reference.run(graph_of("three-layer-narrow"), {"input": torch.from_numpy(x)})
    rates = values["fc2_neuron"].cumsum(0) / torch.arange(1, 6)[:, None]
    np.testing.assert_allclose(partial, rates.numpy(), rtol=1e-7)
    with pytest.raises(SnncError, match="SNN_ERR_WINDOW"):
        host.step()
    # two steps, then the rest at once
    host.reset()
    host.push_frames(frames)
    host.step()
    host.step()
    host.run()
    np.testing.assert_array_equal(host.scores(), expected)


def test_a_step_sees_events_pushed_before_it():
    """A stream: the events of each step arrive just before the step is computed."""
    host, events = with_events().host, random_events(3000, seed=5)
    expected = with_events().run(frames_from(events)).scores
    host.reset()
    step = (events["t_us"] - events["t_us"][0]) // 1000
    for number in range(5):
        host.push_events(events[step == number])
        host.step()
    np.testing.assert_array_equal(host.scores(), expected)


@pytest.mark.parametrize("attention", ["none", "sa"])
def test_a_window_runs_once(attention):
    graph = graph_of("three-layer-narrow", attention)
    host = observed(graph).host
    with pytest.raises(SnncError, match="SNN_ERR_WINDOW"):
        host.scores()
    host.run()
    with pytest.raises(SnncError, match="SNN_ERR_WINDOW"):
        host.run()
    first = host.scores()
    np.testing.assert_array_equal(host.scores(), first)
    host.reset()
    with pytest.raises(SnncError, match="SNN_ERR_WINDOW"):
        host.scores()


def test_nothing_is_left_of_the_window_before():
    model = observed(graph_of("three-layer-narrow", "tcsa"))
    busy, quiet = frames_for("three-layer-narrow").numpy(), np.zeros((5, 2, 9, 11))
    first = model.run(busy).scores
    silent = model.run(quiet).scores
    np.testing.assert_array_equal(model.run(busy).scores, first)
    np.testing.assert_array_equal(model.run(quiet).scores, silent)
    assert not np.array_equal(first, silent)


# the text ------------------------------------------------------------------------------------

each_text = pytest.mark.parametrize(
    ("name", "attention"),
    [("three-layer-narrow", "none"), ("three-layer-narrow", "asa1"), ("five-layer", "tcsa")],
)
SOURCES = {"model.c", "model.h", "model_weights.h"}
FORBIDDEN = r"\b(malloc|calloc|realloc|free|printf|static (?!const|void|inline|int \w+\())\b"
NUMBER = r"\s*(-?0x[01](\.[0-9a-f]+)?p[+-]\d+f|0\.0f)"


@each_text
def test_code_is_the_same_every_time(name, attention):
    size, steps = SIZES[name]
    texts = []
    for _ in range(2):
        graph = pipeline.optimised(import_module(firing_network(name, attention), size, steps))
        texts.append(c_of(graph, FRAMING if size[1] == 9 else None))
    assert texts[0].files == texts[1].files
    assert texts[0].files.keys() > SOURCES


@each_text
def test_code_allocates_nothing_prints_nothing_and_keeps_nothing(name, attention):
    graph = graph_of(name, attention)
    files = c_of(graph).files
    text = "".join(files[name] for name in sorted(SOURCES))
    included = set(re.findall(r"#include [<\"](.+?)[>\"]", text))
    standard = {"stdint.h", "string.h"}
    own = {"snn/snn.h", "snn/trace.h", "snn/types.h", "snn/build_begin.h", "snn/build_end.h"}
    assert included - standard == own | {"model.h", "model_weights.h"}
    assert not re.search(FORBIDDEN, text)
    pattern = r"SNN_WEIGHTS const float (\w+)\[(\d+)\] SNN_ALIGNED = \{\n(.*?)\n\};"
    constants = re.findall(pattern, text, re.DOTALL)
    assert len(constants) == text.count("SNN_WEIGHTS const float")
    for symbol, size, body in constants:
        numbers = [value for value in body.replace("\n", " ").split(",") if value.strip()]
        assert len(numbers) == int(size), symbol
        assert all(re.fullmatch(NUMBER, value) for value in numbers)


def test_constants_are_the_parameters_rounded_once():
    graph = graph_of("three-layer-narrow")
    generated = c_of(graph)
    constant = generated.program.constants["fc2_linear_weight"]
    exact = graph.params_of(graph["fc2_linear"])["weight"]
    np.testing.assert_array_equal(
        np.sort(constant.values, axis=None), np.sort(exact.astype(np.float32), axis=None)
    )
    lines = ", ".join(c_program.literals(constant)).split(",")
    read = [float.fromhex(text.strip().rstrip("f")) for text in lines if text.strip()]
    np.testing.assert_array_equal(read, constant.values.ravel())
    total = sum(value.nbytes for value in (c.values for c in generated.program.constants.values()))
    assert generated.constant_bytes == total


def test_header_says_what_the_caller_needs():
    graph = graph_of("three-layer-narrow")
    generated = c_of(graph, FRAMING)
    header = generated.files["model.h"]
    defined = dict(re.findall(r"#define MODEL_(\w+) (?:\(\(uint32_t\))?(\d+)", header))
    assert defined == {
        "TIME_STEPS": "5",
        "NUM_CLASSES": "5",
        "FRAME_ELEMENTS": str(2 * 9 * 11),
        "MAX_COUNT": "65535",
        "MAX_FRAMES": "5",
        "SENSOR_HEIGHT": "18",
        "SENSOR_WIDTH": "22",
        "DOWNSAMPLE": "2",
        "STEP_US": "1000",
        "ARENA_BYTES": str(generated.plan.size),
        "ARENA_ALIGNMENT": "64",
        "STREAMS": "1",
    }
    assert "model_step" in generated.files["model.h"]
    whole = graph_of("three-layer-narrow", "sa")
    header = c_of(whole).files["model.h"]
    assert "#define MODEL_STREAMS 0" in header
    assert "model_step" not in header
    assert "push_events" not in header


def test_only_a_vector_of_scores_can_be_an_output():
    g = Importing("odd", 2)
    x = g.input((3,), Kind.COUNT)
    mean = g.add("mean", TimeMean(), [x])
    for outputs, says in [([x], "cannot be copied"), ([mean, mean], "2 outputs"), ([], "0 outp")]:
        graph = g.graph(outputs)
        with pytest.raises(InternalError, match=says):
            c_of(graph)


@pytest.mark.parametrize(
    "framing",
    [
        Framing(18, 22, 1000, 1),
        Framing(22, 18, 1000, 2),
        Framing(19, 22, 1000, 2),
        Framing(18, 23, 1000, 2),
        Framing(9, 11, 1000, 2),
    ],
)
def test_frames_that_are_not_the_input_are_refused(framing):
    """Event coordinates are checked against the sensor: a larger one would write past the arena."""
    graph = graph_of("three-layer-narrow")
    with pytest.raises(SnncError, match=f"sensor of {framing.sensor_height}x") as caught:
        c_of(graph, framing)
    assert caught.value.code is BAD_SHAPE
