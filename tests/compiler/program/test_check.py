"""A program that cannot be right is refused before it is text, whatever is planted in it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable

import pytest

from snnc.compiler.frontend.torch_fx import import_module
from snnc.compiler.passes import pipeline
from snnc.compiler.plan.arena import ALIGNMENT
from snnc.compiler.plan.planned import Planned, planned
from snnc.compiler.plan.schedule import schedule
from snnc.compiler.program.check import check
from snnc.compiler.program.kernels import signatures
from snnc.compiler.program.program import Call, Clear, RowLoop
from snnc.compiler.program.values import NULL, ShapeRef, View
from snnc.errors import InternalError
from tests.support.networks.firing import SIZES, firing_network
from tests.support.places import KERNELS


@pytest.fixture
def plan() -> Planned:
    size, steps = SIZES["three-layer-narrow"]
    model = firing_network("three-layer-narrow", "asa1")
    graph = pipeline.optimised(import_module(model, size, steps))
    return planned(graph, schedule(graph))


def calls(plan: Planned) -> list[tuple[list, int]]:
    """Every call, as the list that holds it and its place there."""
    bodies = []
    for stage in plan.program.stages:
        bodies += [stage.begin, *stage.steps, stage.end, *stage.once]
    bodies += [
        statement.body
        for body in bodies
        for statement in body.statements
        if isinstance(statement, RowLoop)
    ]
    return [
        (body.statements, place)
        for body in bodies
        for place, statement in enumerate(body.statements)
        if isinstance(statement, Call)
    ]


def change_first(plan: Planned, wanted: str, change: Callable[[Call], Call]) -> None:
    for statements, place in calls(plan):
        if statements[place].kernel.startswith(wanted):
            statements[place] = change(statements[place])
            return
    raise AssertionError(f"no call of {wanted}")


def refused(plan: Planned, what: str) -> None:
    with pytest.raises(InternalError, match=re.escape(what)):
        check(plan.program, plan.arena)


def test_what_the_compiler_makes_passes(plan):
    check(plan.program, plan.arena)


def test_a_misspelt_kernel(plan):
    change_first(plan, "snn_linear", lambda c: dataclasses.replace(c, kernel="snn_linaer"))
    refused(plan, "no header declares this kernel")


def test_a_missing_argument(plan):
    change_first(plan, "snn_linear", lambda c: dataclasses.replace(c, arguments=c.arguments[:-1]))
    refused(plan, "arguments and is given")


def test_two_arguments_swapped(plan):
    def swapped(call: Call) -> Call:
        first, second, *rest = call.arguments
        return dataclasses.replace(call, arguments=(second, first, *rest))

    change_first(plan, "snn_linear", swapped)
    refused(plan, "it declares const snn_linear *")


def test_another_kernels_shape(plan):
    shapes = {shape.struct: shape for shape in plan.program.shapes.values()}

    def other(call: Call) -> Call:
        return dataclasses.replace(
            call, arguments=(ShapeRef(shapes["snn_conv2d"]), *call.arguments[1:])
        )

    change_first(plan, "snn_linear", other)
    refused(plan, "it declares const snn_linear *")


def test_spikes_where_reals_are_wanted(plan):
    def spikes(call: Call) -> Call:
        words = next(b for b in plan.program.buffers.values() if b.c_type == "snn_word")
        return dataclasses.replace(call, arguments=(*call.arguments[:-1], View("w", words)))

    change_first(plan, "snn_linear", spikes)
    refused(plan, "it declares float *")


def test_a_call_that_forgets_its_counters(plan):
    change_first(plan, "snn_linear", lambda c: dataclasses.replace(c, counter=None))
    refused(plan, "counted: False; declared: True")


def test_a_number_where_a_pointer_is_wanted(plan):
    change_first(
        plan, "snn_linear", lambda c: dataclasses.replace(c, arguments=(NULL, 3, *c.arguments[2:]))
    )
    refused(plan, "is given 3")


def test_state_that_nothing_clears(plan):
    for stage in plan.program.stages:
        stage.begin.statements[:] = [s for s in stage.begin.statements if not isinstance(s, Clear)]
    refused(plan, "read before anything writes it")


def test_clearing_beyond_a_buffer(plan):
    statements, place = next(
        (stage.begin.statements, place)
        for stage in plan.program.stages
        for place, statement in enumerate(stage.begin.statements)
        if isinstance(statement, Clear)
    )
    clear = statements[place]
    statements[place] = dataclasses.replace(
        clear, elements=1 + clear.view.buffer.elements * clear.view.buffer.slots
    )
    refused(plan, "elements are set")


def test_buffers_that_overlap_while_both_live(plan):
    offsets = dict.fromkeys(plan.arena.offsets, 0)
    refused(
        dataclasses.replace(plan, arena=dataclasses.replace(plan.arena, offsets=offsets)),
        "while both live",
    )


@pytest.mark.parametrize(
    "shift", [ALIGNMENT // 2, 1 << 30], ids=["not aligned", "outside the arena"]
)
def test_a_buffer_out_of_place(plan, shift):
    name = plan.arena.buffers[0].name
    offsets = {**plan.arena.offsets, name: plan.arena.offsets[name] + shift}
    refused(
        dataclasses.replace(plan, arena=dataclasses.replace(plan.arena, offsets=offsets)),
        "in an arena of",
    )


def test_a_life_that_is_too_short(plan):
    """The value of the last layer is read after the loop; its life must reach there."""
    buffers = tuple(dataclasses.replace(b, last=b.first) for b in plan.arena.buffers)
    refused(
        dataclasses.replace(plan, arena=dataclasses.replace(plan.arena, buffers=buffers)),
        "lives from",
    )


def shortened(plan: Planned, life: str, **ends: int) -> Planned:
    """The same with the life of the first buffer of a kind cut."""
    name = next(b.name for b in plan.program.buffers.values() if b.life == life)
    buffers = tuple(
        dataclasses.replace(b, **ends) if b.name == name else b for b in plan.arena.buffers
    )
    return dataclasses.replace(plan, arena=dataclasses.replace(plan.arena, buffers=buffers))


def test_a_state_that_does_not_live_through_its_loop(plan):
    refused(shortened(plan, "loop", last=0), "and is needed from")


def test_in_a_stream_everything_lives_throughout():
    """Between two steps the outputs may be asked for, which runs what follows the loop."""
    size, steps = SIZES["three-layer-narrow"]
    graph = pipeline.optimised(import_module(firing_network("three-layer-narrow"), size, steps))
    plan = planned(graph, schedule(graph))
    check(plan.program, plan.arena)
    last = max(buffer.last for buffer in plan.arena.buffers)
    refused(shortened(plan, "loop", last=last - 2), "and is needed from")
    refused(shortened(plan, "value", first=1), "and is needed from")


def test_every_prototype_of_the_headers_is_read():
    """A kernel that the pattern misses could not be called. Of types only pointers to pointers,
    which kernels pass among themselves, are not understood."""
    declared = {
        name
        for path in KERNELS
        for name in re.findall(r"^SNN_KERNEL[^;{]*?\b(snn_\w+)\(", path.read_text(), re.MULTILINE)
    }
    assert declared == set(signatures())
    types = {parameter.c_type for s in signatures().values() for parameter in s}
    assert all(re.fullmatch(r"(enum )?\w+|.*\*\*.*", c_type) for c_type in types), types


def test_a_batch_needs_its_steps_at_once():
    size, steps = SIZES["three-layer-narrow"]
    graph = pipeline.optimised(import_module(firing_network("three-layer-narrow"), size, steps))
    plan = planned(graph, schedule(graph), batch=steps)
    check(plan.program, plan.arena)
    (first, *_) = (f for stage in plan.program.stages for f in stage.steps if f.batch)
    view = first.batch.locals["fc1_linear"]
    narrow = dataclasses.replace(view, buffer=dataclasses.replace(view.buffer, slots=steps - 1))
    first.batch.locals["fc1_linear"] = narrow
    refused(plan, f"a batch takes {steps} steps at once")
