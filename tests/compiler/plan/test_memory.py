"""The arena: what lives together lies apart, nothing reads what another value has overwritten."""

from __future__ import annotations

import itertools

import cffi
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snnc.compiler.calibrate.ranges import calibrate
from snnc.compiler.frontend.torch_fx import import_module
from snnc.compiler.ir.graph import Graph, Time, fires
from snnc.compiler.ir.operation import EdgeWrite
from snnc.compiler.ops import op_of
from snnc.compiler.ops.base import Rows
from snnc.compiler.ops.int8.synapses.rows import LISTED
from snnc.compiler.passes import pipeline
from snnc.compiler.plan import arena as memory
from snnc.compiler.plan import liveness
from snnc.compiler.plan.arena import ALIGNMENT, Buffer, Plan
from snnc.compiler.plan.schedule import Schedule, in_loop, schedule
from snnc.compiler.program.lowering import lower
from snnc.models.attention import ATTENTION_NAMES
from tests.support.networks.firing import SIZES, firing_network, frames_for
from tests.support.samples.graphs import all_values, c_of, observed
from tests.support.samples.random_graphs import random_graphs

lives = st.tuples(st.integers(0, 12), st.integers(0, 5), st.integers(1, 700)).map(
    lambda drawn: (drawn[0], drawn[0] + drawn[1], drawn[2])
)
buffer_lists = st.lists(lives, max_size=14).map(
    lambda drawn: [
        Buffer(f"b{index}", "values", size, first, last)
        for index, (first, last, size) in enumerate(drawn)
    ]
)


@settings(max_examples=200, deadline=None)
@given(buffer_lists)
def test_buffers_alive_together_share_no_byte(buffers):
    plan = memory.plan(buffers)
    for one, other in itertools.combinations(buffers, 2):
        together = max(one.first, other.first) <= min(one.last, other.last)
        assert one.meets(other) is together
        if together:
            apart = [
                plan.offsets[a.name] + a.size <= plan.offsets[b.name]
                for a, b in ((one, other), (other, one))
            ]
            assert any(apart)


@settings(max_examples=200, deadline=None)
@given(buffer_lists)
def test_arena_holds_every_buffer_and_is_no_smaller_than_what_lives_at_once(buffers):
    plan = memory.plan(buffers)
    assert plan.buffers == tuple(buffers)
    assert plan.size % ALIGNMENT == 0
    assert all(offset % ALIGNMENT == 0 for offset in plan.offsets.values())
    assert all(plan.offsets[b.name] + b.size <= plan.size for b in buffers)
    alive = [
        sum(-(-b.size // ALIGNMENT) * ALIGNMENT for b in buffers if b.first <= at <= b.last)
        for at in range(20)
    ]
    assert plan.lower_bound == max(alive)
    assert (
        plan.lower_bound
        <= plan.size
        <= sum(memory.aligned(b.size) for b in buffers) + (0 if buffers else ALIGNMENT)
    )


def test_buffers_one_after_the_other_share_everything():
    buffers = [Buffer(f"b{i}", "values", 100 + i, i, i) for i in range(5)]
    plan = memory.plan(buffers)
    assert set(plan.offsets.values()) == {0}
    assert plan.size == plan.lower_bound == 128
    assert plan.by_role() == {"values": 510}


def test_plan_depends_on_the_buffers_alone():
    buffers = [Buffer(f"b{i}", "values", 64, 0, 3) for i in range(6)]
    assert memory.plan(buffers).offsets == memory.plan(buffers[::-1]).offsets


class Arena:
    """The arena byte by byte: which buffer wrote it last."""

    def __init__(self, plan: Plan) -> None:
        self.offsets = plan.offsets
        self.owner = np.full(plan.size, -1, np.int32)
        self.ids = {buffer.name: index for index, buffer in enumerate(plan.buffers)}

    def part(self, request, slot: int | None) -> np.ndarray:
        one = request.size // request.slots
        start = self.offsets[request.name] + (0 if slot is None else slot * one)
        return self.owner[start : start + (request.size if slot is None else one)]

    def write(self, request, slot: int | None = None) -> None:
        self.part(request, slot)[:] = self.ids[request.name]

    def read(self, request, slot: int | None = None) -> None:
        found = set(self.part(request, slot).tolist())
        assert found == {self.ids[request.name]}, f"{request.name} was overwritten"


class Execution:
    """A run of the schedule in which values are only written and read, never computed."""

    def __init__(self, graph: Graph, plan: Schedule) -> None:
        self.graph, self.plan = graph, plan
        self.program = lower(graph, plan)
        self.arena = Arena(memory.plan(liveness.buffers(graph, plan, self.program)))

    def request(self, name: str, stage: int):
        key = f"{name}@{stage}"
        return self.program.buffers[key if key in self.program.buffers else name]

    def own(self, name: str, stage: int, role: str):
        return [
            request
            for request in self.program.buffers.values()
            if (request.node, request.stage, request.role) == (name, stage, role)
        ]

    def run(self) -> None:
        self.arena.write(self.request("input", 0))
        for index, stage in enumerate(self.plan.stages):
            reduces = [n for n in stage.loop if op_of(n).time() is Time.REDUCE]
            for node in stage.loop:
                for state in self.own(node.name, index, "states"):
                    self.arena.write(state)
                if fires(node) or isinstance(node.op, EdgeWrite):
                    self.arena.write(self.request(node.name, index), 0)
                if node in reduces:
                    self.arena.write(self.request(node.name, index))
            for step in range(self.graph.time_steps):
                for node in stage.loop:
                    self.visit_row_by_row(node, index, step)
            for node in reduces:
                self.touch_states(node, index)
                self.arena.write(self.request(node.name, index))
            for node in stage.once:
                self.visit(node, index, None)
        self.arena.read(self.request(self.graph.outputs[0], len(self.plan.stages) - 1))

    def touch_states(self, node, stage: int) -> None:
        for state in self.own(node.name, stage, "states"):
            self.arena.read(state)

    def visit_row_by_row(self, node, stage: int, step: int) -> None:
        """One node; or, where the first of a band is met, all of the band, twice in turns."""
        band = self.program.bands[stage].get(node.name)
        if band is None:
            self.visit(node, stage, step)
            return
        if node is not band.nodes[0]:
            return
        for member in band.nodes:
            if op_of(member).rows is Rows.REDUCE and op_of(member).time() is Time.STEP:
                self.arena.write(*self.place(member, stage, step))
        for _ in range(2):
            for member in band.nodes:
                self.visit(member, stage, step)

    def visit(self, node, stage: int, step: int | None) -> None:
        """One node at one step (None: outside a loop)."""
        for scratch in self.own(node.name, stage, "scratch"):
            self.arena.write(scratch)
        for name in self.graph.sources(node):
            self.arena.read(*self.place(self.graph[name], stage, step))
        self.touch_states(node, stage)
        request, slot = self.place(node, stage, step)
        if fires(node):
            self.arena.read(request, slot - 1 if request.slots > 1 else None)
        if node.op.name != "input" and op_of(node).time() is Time.REDUCE:
            self.arena.read(request)
        elif node.op.name != "input":
            self.arena.write(request, slot)
        for scratch in self.own(node.name, stage, "scratch"):
            self.arena.read(scratch)

    def place(self, node, stage: int, step: int | None):
        """The buffer of a value, and its slot at this step (None: all of it)."""
        request = self.request(node.name, stage)
        if request.slots == 1 or step is None:
            return request, None
        return request, step + request.slots - self.graph.time_steps


@pytest.mark.parametrize("attention", ATTENTION_NAMES)
@pytest.mark.parametrize("name", SIZES)
@pytest.mark.parametrize("again", [False, True], ids=["stored", "recomputed"])
def test_no_value_is_overwritten_before_its_last_reader(name, attention, again):
    size, steps = SIZES[name]
    graph = pipeline.optimised(import_module(firing_network(name, attention), size, steps))
    convolutions = [
        node.name for node in graph.nodes if node.op.name == "conv2d" and in_loop(graph, node)
    ]
    Execution(graph, schedule(graph, convolutions if again else ())).run()


@pytest.mark.parametrize("attention", ATTENTION_NAMES)
@pytest.mark.parametrize("name", ["three-layer-narrow", "five-layer"])
@pytest.mark.parametrize("again", [False, True], ids=["stored", "recomputed"])
def test_no_integer_is_overwritten_before_its_last_reader(name, attention, again):
    """Quantized networks run bands of nodes row by row, with one row of a value between them."""
    graph = pipeline.optimised(import_module(firing_network(name, attention), *SIZES[name]))
    graph = pipeline.quantized(graph, calibrate(graph, [frames_for(name).numpy()]), LISTED)
    steps = [
        n.name
        for n in graph.nodes
        if n.op.name in ("conv2d_i8", "requantize") and in_loop(graph, n)
    ]
    execution = Execution(graph, schedule(graph, steps if again else ()))
    assert any(execution.program.bands)
    execution.run()


@settings(max_examples=100, deadline=None)
@given(random_graphs(), st.randoms(use_true_random=False))
def test_no_value_of_any_graph_is_overwritten(graph, chance):
    """Also the output, which other nodes may follow here."""
    again = [n.name for n in graph.nodes if n.op.name in ("relu", "add") and chance.random() < 0.5]
    Execution(graph, schedule(graph, again)).run()


GAP = 2 * ALIGNMENT
POISON = 0xFF


def far_apart(buffers: list[Buffer]) -> Plan:
    """A plan that shares nothing, with a gap behind every buffer."""
    starts = itertools.accumulate((memory.aligned(b.size) + GAP for b in buffers), initial=0)
    offsets = dict(zip((b.name for b in buffers), starts, strict=False))
    size = sum(memory.aligned(b.size) + GAP for b in buffers)
    return Plan(tuple(buffers), offsets, size, 0)


@pytest.mark.parametrize("attention", ["none", "tcsa", "asa1"])
def test_sharing_memory_changes_no_value_of_the_c(attention, monkeypatch):
    """Also with every byte NaN before the run, so that a value read before it is written shows."""
    name = "three-layer-narrow"
    size, steps = SIZES[name]
    graph = pipeline.optimised(import_module(firing_network(name, attention), size, steps))
    runs = []
    for planner in (memory.plan, far_apart):
        monkeypatch.setattr("snnc.compiler.plan.planned.arena.plan", planner)
        generated = c_of(graph)
        model = observed(graph, generated=generated)
        arena = np.frombuffer(
            cffi.FFI().buffer(model.host.net.arena, generated.plan.size), np.uint8
        )
        arena[:] = POISON
        runs.append(model.run(frames_for(name).numpy(), observe=all_values(graph)))
    assert runs[0].counts == runs[1].counts
    assert runs[0].values.keys() == runs[1].values.keys()
    for key, value in runs[0].values.items():
        np.testing.assert_array_equal(value, runs[1].values[key], err_msg=str(key))
    assert all(np.isfinite(value).all() for value in runs[0].values.values())
    for buffer in generated.plan.buffers:
        end = generated.plan.offsets[buffer.name] + buffer.size
        assert (arena[end : end + GAP] == POISON).all(), f"{buffer.name} was written beyond"
