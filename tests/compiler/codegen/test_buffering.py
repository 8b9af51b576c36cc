"""How events wait for their step: whole windows, a few frames that drop or carry, packed events."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snnc.compiler.codegen.abi import EVENT_DTYPE
from snnc.compiler.codegen.c_program import Framing
from snnc.compiler.frontend.importing import Importing
from snnc.compiler.frontend.torch_fx import import_module
from snnc.compiler.host.observed import ObservedModel
from snnc.compiler.ir import layout
from snnc.compiler.ir.graph import Graph, Kind, Node, TensorType
from snnc.compiler.ops import Add, ComplementaryMask, Flatten, SumPool2d, TimeMean
from snnc.compiler.passes import pipeline
from snnc.compiler.plan.input_buffer import WINDOW, Buffering, buffered, most_events
from snnc.errors import BAD_OPTION, BAD_SHAPE, NOT_CAUSAL, UNSUPPORTED_LAYER, SnncError
from tests.support.networks.firing import SIZES, firing_network
from tests.support.samples.graphs import c_of, observed

STEPS, STEP_US, SENSOR = 5, 1000, (18, 22)
FRAMING = Framing(*SENSOR, STEP_US, 2)


@cache
def graph_of(attention: str = "none") -> Graph:
    size, steps = SIZES["three-layer-narrow"]
    return pipeline.optimised(
        import_module(firing_network("three-layer-narrow", attention), size, steps)
    )


@cache
def model(
    choice: Buffering = WINDOW, attention: str = "none", framed: bool = True
) -> ObservedModel:
    graph = buffered(graph_of(attention), choice)
    framing = FRAMING if framed else None
    return observed(graph, generated=c_of(graph, framing))


def random_events(count: int, seed: int = 0, first: int = 700) -> np.ndarray:
    rng = np.random.default_rng(seed)
    events = np.zeros(count, EVENT_DTYPE)
    times = np.sort(rng.integers(0, STEPS * STEP_US, count))
    events["t_us"] = (first + times - times[0]) % 2**32
    events["x"], events["y"] = rng.integers(0, 22, count), rng.integers(0, 18, count)
    events["polarity"] = rng.integers(0, 2, count)
    return events


def steps_of(events: np.ndarray) -> np.ndarray:
    return (events["t_us"] - events["t_us"][0]) // STEP_US


def frames_from(events: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Counts of the events in frames of the steps that are named."""
    frames = np.zeros((STEPS, 2, 9, 11), np.uint16)
    kept = steps >= 0
    where = steps[kept], events["polarity"][kept], events["y"][kept] // 2, events["x"][kept] // 2
    np.add.at(frames, where, 1)
    return frames


def scores_of_frames(frames: np.ndarray, attention: str = "none") -> np.ndarray:
    return model(attention=attention).run(frames).scores


# a few frames --------------------------------------------------------------------------------


@pytest.mark.parametrize("frames", [1, 2, 4])
def test_a_stream_gives_the_scores_of_the_window_in_less_memory(frames):
    events = random_events(3000)
    expected = scores_of_frames(frames_from(events, steps_of(events)))
    small = model(Buffering(frames=frames))
    host = small.host
    host.reset()
    for step in range(STEPS):
        host.push_events(events[steps_of(events) == step])
        host.step()
    np.testing.assert_array_equal(host.scores(), expected)
    assert (host.net.dropped, host.net.carried) == (0, 0)
    saved = model().host.interface.arena_bytes - host.interface.arena_bytes
    assert saved >= (STEPS - frames) * 2 * 9 * 11 * 2 - 64


class Sink:
    """What a ring of frames does with events, in plain Python."""

    def __init__(self, frames: int, carry: bool) -> None:
        self.frames, self.carry, self.next = frames, carry, 0
        self.dropped = self.carried = 0

    def place(self, step: int) -> int:
        """Step whose frame takes an event, or -1."""
        last = min(self.next + self.frames, STEPS) - 1
        if step >= STEPS or self.next >= STEPS:
            place = -1
        elif self.next <= step <= last:
            place = step
        else:
            place = (self.next if step < self.next else last) if self.carry else -1
        self.dropped += place < 0
        self.carried += place >= 0 and place != step
        return place


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    st.sampled_from([1, 2, 5]),
    st.booleans(),
    st.lists(st.one_of(st.just("step"), st.integers(0, 7)), min_size=1, max_size=40),
)
def test_overrun_drops_or_carries_and_counts(frames, carry, actions):
    """Events of any step in any order between the calls of step."""
    host, sink = model(Buffering(frames=frames, carry=carry)).host, Sink(frames, carry)
    rng = np.random.default_rng(len(actions))
    host.reset()
    host.start(2**32 - 1500)  # the clock wraps in the window
    pushed, places = [], []
    for action in actions:
        if action == "step":
            if sink.next < STEPS:
                host.step()
                sink.next += 1
            continue
        event = np.zeros(1, EVENT_DTYPE)
        event["t_us"] = (2**32 - 1500 + action * STEP_US + int(rng.integers(STEP_US))) % 2**32
        event["x"], event["y"], event["polarity"] = (int(rng.integers(n)) for n in (22, 18, 2))
        host.push_events(event)
        pushed.append(event)
        places.append(sink.place(action))
    assert (host.net.dropped, host.net.carried) == (sink.dropped, sink.carried)
    for _ in range(STEPS - sink.next):
        host.step()
    events = np.concatenate(pushed) if pushed else np.zeros(0, EVENT_DTYPE)
    expected = scores_of_frames(frames_from(events, np.array(places, int)))
    np.testing.assert_array_equal(host.scores(), expected)


def test_without_a_start_the_first_event_begins_the_step_at_hand():
    host = model(Buffering(frames=1)).host
    host.reset()
    host.step()
    host.step()
    event = np.array([(5, 3, 3, 1)], EVENT_DTYPE)
    host.push_events(event)
    for _ in range(3):
        host.step()
    assert host.net.dropped == 0
    frames = frames_from(event, np.array([2]))
    np.testing.assert_array_equal(host.scores(), scores_of_frames(frames))


def test_a_window_has_one_beginning():
    host = model().host
    host.reset()
    host.start(10)
    for late in (lambda: host.start(10), lambda: host.push_events(np.zeros(1, EVENT_DTYPE))):
        with pytest.raises(SnncError, match=r"SNN_ERR_(WINDOW|TIME_ORDER)"):
            late()


def test_events_of_a_computed_step_are_counted_not_lost_in_silence():
    host = model().host
    events = random_events(400)
    host.reset()
    host.push_events(events[:1])
    host.step()
    host.push_events(events[1:])
    late = int((steps_of(events)[1:] == 0).sum())
    assert late > 10
    assert host.net.dropped == late


# packed events -------------------------------------------------------------------------------


@pytest.mark.parametrize("attention", ["none", "asa1"])
def test_packed_events_give_the_scores_of_the_window(attention):
    events = random_events(3000, seed=3)
    expected = scores_of_frames(frames_from(events, steps_of(events)), attention)
    packed = model(Buffering(events=3000), attention)
    host = packed.host
    for attempt in range(2):  # nothing is left of the window before
        host.reset()
        for part in np.array_split(events, 5 + attempt):
            host.push_events(part)
        host.run()
        np.testing.assert_array_equal(host.scores(), expected)
        host.push_events(events[-1:])
        assert host.net.dropped == 1
    by_frames = packed.run(frames_from(events, steps_of(events)))
    np.testing.assert_array_equal(by_frames.scores, expected)


def test_one_event_too_many_is_an_error_and_the_others_stay():
    host = model(Buffering(events=100), "asa1").host
    events = random_events(101)
    expected = scores_of_frames(frames_from(events[:100], steps_of(events[:100])), "asa1")
    host.reset()
    with pytest.raises(SnncError, match="SNN_ERR_EVENT_SPACE"):
        host.push_events(events)
    assert host.net.pushed == 100
    host.run()
    np.testing.assert_array_equal(host.scores(), expected)


def test_packed_events_must_come_in_the_order_of_their_steps():
    host = model(Buffering(events=100), "asa1").host
    host.reset()
    host.push_events(np.array([(0, 1, 1, 0), (2500, 1, 1, 0), (2100, 2, 2, 0)], EVENT_DTYPE))
    with pytest.raises(SnncError, match="SNN_ERR_TIME_ORDER"):
        host.push_events(np.array([(1999, 1, 1, 0)], EVENT_DTYPE))
    assert host.net.pushed == 3


def test_a_full_cell_of_packed_events_stops_the_run_with_an_error():
    host = model(Buffering(events=70_000), "asa1").host
    host.reset()
    host.push_events(np.zeros(65_536, EVENT_DTYPE))
    for _ in range(2):
        with pytest.raises(SnncError, match="SNN_ERR_COUNT_OVERFLOW"):
            host.run()
        with pytest.raises(SnncError, match="SNN_ERR_WINDOW"):
            host.scores()
    host.reset()
    host.run()


def test_two_bytes_an_event():
    sizes = [
        model(Buffering(events=n), "asa1").host.interface.arena_bytes for n in (32_000, 60_800)
    ]
    assert sizes[1] - sizes[0] == pytest.approx(2 * 28_800, abs=128)


# what cannot be ------------------------------------------------------------------------------


@pytest.mark.parametrize("choice", [Buffering(frames=2), Buffering(carry=True)])
def test_attention_cannot_stream(choice):
    with pytest.raises(SnncError, match="--max-events") as caught:
        buffered(graph_of("asa1"), choice)
    assert caught.value.code is NOT_CAUSAL


@pytest.mark.parametrize("other", [{"frames": 1}, {"carry": True}])
def test_events_and_frames_exclude_each_other(other):
    with pytest.raises(SnncError, match="cannot be combined") as caught:
        buffered(graph_of(), Buffering(events=10, **other))
    assert caught.value.code is BAD_OPTION


def test_an_input_that_is_read_as_a_whole_is_held_as_a_whole():
    """No operator does so today; one that comes must not be given a ring of frames."""
    g = Importing("odd", 3)
    given = g.input((12,), Kind.COUNT)
    spikes = TensorType((12,), Kind.SPIKE)
    g.nodes["mask"] = Node("mask", ComplementaryMask(), (given,), spikes)
    graph = g.graph([g.add("mean", TimeMean(), ["mask"])])
    with pytest.raises(SnncError, match="reads all frames") as caught:
        buffered(graph, Buffering(events=10))
    assert caught.value.code is NOT_CAUSAL


def test_windows_longer_than_the_clock_are_refused():
    graph = graph_of()
    with pytest.raises(SnncError, match="35 minutes"):
        c_of(graph, Framing(*SENSOR, 500_000_000, 2))


# wrong calls from Python ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "frames",
    [np.zeros((STEPS, 197), np.uint16), np.zeros(3, np.uint16), np.full((STEPS, 198), 65_536)],
)
def test_frames_of_another_size_or_range_are_refused(frames):
    with pytest.raises(SnncError, match="takes 990 counts of 16 bits and was given") as caught:
        model().host.push_frames(frames)
    assert caught.value.code is BAD_SHAPE


def test_events_for_a_model_of_frames_are_refused_with_a_sentence():
    with pytest.raises(SnncError, match="does not take events") as caught:
        model(framed=False).host.push_events(np.zeros(1, EVENT_DTYPE))
    assert caught.value.code is BAD_OPTION


def test_a_ring_takes_frame_by_frame():
    host = model(Buffering(frames=2)).host
    with pytest.raises(SnncError, match="a window of frames"):
        host.push_frames(np.zeros((STEPS, 198), np.uint16))
    with pytest.raises(SnncError, match="takes 198 counts"):
        host.push_frame(np.zeros(3, np.uint16))
    with pytest.raises(SnncError, match="single frames"):
        model().host.push_frame(np.zeros(198, np.uint16))


# counts that add up -----------------------------------------------------------------------------


def summed(pool: int, branches: int) -> Graph:
    """Event counts pooled over windows and added to themselves."""
    g = Importing("sums", 2)
    x = g.input((1, 8, 8), Kind.COUNT)
    size = {"kernel_size": (pool, pool), "stride": (pool, pool), "padding": (0, 0)}
    total = x = g.add("pool", SumPool2d(**size, dilation=(1, 1), ceil_mode=False), [x])
    for number in range(branches):
        total = g.add(f"sum{number}", Add(), [total, x])
    return g.graph([g.add("mean", TimeMean(), [g.add("flat", Flatten(), [total])])])


@pytest.mark.parametrize(("pool", "branches", "most"), [(1, 1, 32767), (2, 2, 5461), (8, 3, 255)])
def test_no_count_can_overflow_because_events_stop_before(pool, branches, most):
    graph = summed(pool, branches)
    assert most_events(graph) == most
    host = observed(graph, flags=("-O1",)).host
    full = np.full((2, 64), most, np.uint16)
    np.testing.assert_array_equal(host.classify(full), np.float32(most * pool**2 * (branches + 1)))
    full[1, 63] += 1
    with pytest.raises(SnncError, match="SNN_ERR_COUNT_OVERFLOW"):
        host.classify(full)


def test_counts_that_overflow_on_any_input_are_refused():
    with pytest.raises(SnncError, match="may reach") as caught:
        most_events(summed(8, 1100))
    assert caught.value.code is UNSUPPORTED_LAYER


def test_layouts_agree():
    """The frame of the C is the one that layout.pack writes."""
    events = random_events(500)
    frames = frames_from(events, steps_of(events))
    given = graph_of()["input"].type
    assert layout.pack(given, frames).shape == (STEPS, model().host.interface.frame_elements)
