"""Folding steps into the body of a loop: values that are the same at every step become one.

Two calls are copies of each other if they are the same operation with the same settings and their
operands are copies of each other. That is checked from the outputs down, for every step: nothing is
assumed from names or order. An operand that stands ``d`` steps back at every step is a delay, and
what the first ``d`` steps read instead is its initial value.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from typing import Any

from snnc.compiler.frontend.reroll.body import Body, Late, Operand, Output, Sequence, Value
from snnc.compiler.frontend.reroll.calls import Traced
from snnc.compiler.frontend.reroll.sequences import Seq
from snnc.compiler.frontend.reroll.steps import (
    REDUCE,
    STATIC,
    Ref,
    Source,
    StepCall,
    StepGraph,
    refs_of,
    refused,
)
from snnc.errors import SnncError

SAME = "Let each step do the same, from the first on."


def fold(graph: StepGraph, outputs: Mapping[str, Traced]) -> Body:
    """The body whose T copies a step graph holds.

    Raises:
        SnncError: UNSUPPORTED_LAYER where steps differ, with the user's lines.
    """
    folding = _Folding(graph)
    found = {name: folding.output(value) for name, value in outputs.items()}
    folding.place_first()
    values = {index: folding.now(value) for index, value in folding.values.items()}
    for value in set(values.values()):
        for operand in value.operands.values():
            operand.of = None if operand.of is None else folding.now(operand.of)
    for late in folding.late.values():
        if late.of is not None and late.of.of is not None:
            late.of.of = folding.now(late.of.of)
    for output in found.values():
        if isinstance(output, Sequence) and output.value.of is not None:
            output.value.of = folding.now(output.value.of)
    return Body(graph, found, values)


class _Folding:
    def __init__(self, graph: StepGraph) -> None:
        self.graph = graph
        self.values: dict[int, Value] = {}
        self.merged: dict[Value, Value] = {}
        self.late: dict[Ref, Late] = {}
        self.waiting: list[tuple[int, int, Operand, Ref]] = []
        """What operands read, by step: last steps first, since first steps may be special."""
        self.pushed = 0
        self.alike: dict[int, dict[Any, list[int]]] = {}
        self.within: dict[int, Any] = {}

    def output(self, value: Traced) -> Output:
        """The body's value behind an output of the model."""
        if isinstance(value, Seq) and len(value.steps) != self.graph.time_steps:
            raise refused(
                f"an output has {len(value.steps)} steps where the network has "
                f"{self.graph.time_steps}",
                self.graph[value.steps[0]].source,
                "Cut the sequence to its own steps before.",
            )
        if isinstance(value, Seq):
            return Sequence(self.stream(dict(enumerate(value.steps))), value.shape, value.place)
        if not isinstance(value, Ref):
            raise refused(
                "the model gives something else than tensors",
                Source(),
                "Return tensors of the network.",
            )
        return self.of_window(value, self.graph[value].source)

    def of_window(self, ref: Ref, reader: Source) -> Late:
        """A value of the whole window: a reduction, a value of the last step, or what is made of
        such after the loop."""
        if ref not in self.late:
            self.late[ref] = self._of_window(ref, reader)
        return self.late[ref]

    def _of_window(self, ref: Ref, reader: Source) -> Late:
        call = self.graph[ref]
        if call.op == REDUCE:
            return Late(call, self.stream(dict(enumerate(call.arguments["steps"]))))
        if call.step not in (self.graph.late, STATIC):
            found = self._copies(ref)
            if found is not None:
                return Late(None, self.stream(found))
        if call.step not in (self.graph.time_steps - 1, self.graph.late, STATIC):
            raise refused(
                f"{call.name}: the value of step {call.step} alone is used after the loop",
                call.source if call.source.line else reader,
                "Use the last step, or a mean, sum or maximum over time.",
            )
        operands = {
            name: read if self.graph.is_static(read) else self.of_window(read, call.source)
            for name, read in operands_of(call)
        }
        return Late(call, None, operands)

    # steps of one value -----------------------------------------------------------------

    def stream(self, refs: dict[int, Ref]) -> Operand:
        """The operand that reads ``refs``, by step."""
        operand = Operand()
        for step, ref in sorted(refs.items(), reverse=True):
            self._push(operand, step, ref)
        self._follow()
        return operand

    def _push(self, operand: Operand, step: int, ref: Ref) -> None:
        self.pushed += 1
        heapq.heappush(self.waiting, (-step, self.pushed, operand, ref))

    def _follow(self) -> None:
        while self.waiting:
            step, _, reader, ref = heapq.heappop(self.waiting)
            self._extend(reader, -step, ref)

    def now(self, value: Value) -> Value:
        """What a value was merged into."""
        while value in self.merged:
            value = self.merged[value]
        return value

    def _extend(self, operand: Operand, step: int, ref: Ref) -> None:
        """Let an operand read a value at a further step."""
        call = self.graph[ref]
        if call.step == STATIC:
            operand.static[step] = ref
        elif operand.of is None:
            known = self.values.get(ref.index)
            operand.of = Value(call) if known is None else self.now(known)
            operand.item, operand.delay = ref.item, step - call.step
        elif (operand.item, operand.delay) != (ref.item, step - call.step):
            raise self._differ(call, operand.of.call, step)
        self._check_static(operand)
        if call.step != STATIC and operand.of is not None:
            self._join(self.now(operand.of), Ref(ref.index), call.step)

    def _check_static(self, operand: Operand) -> None:
        """A constant may stand for what there is not yet: only in the first steps."""
        late = [step for step in operand.static if step >= max(operand.delay, 1)]
        if operand.of is None or not late:
            return
        constant = self.graph[operand.static[late[0]]]
        raise refused(
            f"{operand.of.name}: some steps read what the network computes here, and others (step "
            f"{late[0]}) a constant from {constant.source}",
            operand.of.call.source,
            SAME,
        )

    def _join(self, value: Value, ref: Ref, step: int) -> None:
        """Make a call one of the copies of a value."""
        known = self.values.get(ref.index)
        if known is not None:
            known = self.now(known)
        shared = value.members.get(step) == ref
        if known is value or shared or (value.first == ref and step == 0):
            return
        call = self.graph[ref]
        fits = self._same(call, value.call) and not self._begins_another(call, value, step)
        if known is not None and fits and not (known.members.keys() & value.members.keys()):
            self._merge(value, known)
            return
        taken = step in value.members or (step == 0 and value.first is not None)
        if (
            not taken
            and known is not None
            and fits
            and step == 0
            and self._begins_alike(call, value)
        ):
            self._read(value, ref, 0)  # two values that begin alike are one call there
            return
        if not taken and (known is not None or not fits) and step == 0 < self.graph.time_steps - 1:
            value.first = ref
            return
        if taken or known is not None or not fits:
            raise self._differ(call, value.call, step)
        self.values[ref.index] = value
        self._read(value, ref, step)

    def _read(self, value: Value, ref: Ref, step: int) -> None:
        """Let a value be a call at a step, and read what that reads."""
        value.members[step] = ref
        for name, read in operands_of(self.graph[ref]):
            self._push(value.operands.setdefault(name, Operand()), step, read)

    def _begins_another(self, call: StepCall, value: Value, step: int) -> bool:
        """Whether a call of the first step does what a value does, but on what another value reads:
        a recurrence that begins with its input itself, which is a sum as it is one."""
        if step or self.graph.time_steps == 1 or self._begins_alike(call, value):
            return False
        others = {self.now(other): None for other in self.values.values()}
        return any(
            other is not value
            and self._same(call, other.call)
            and 0 not in other.members
            and self._begins_alike(call, other)
            for other in others
        )

    def _begins_alike(self, call: StepCall, value: Value) -> bool:
        """Whether the operands of a call of step 0 are made as those of a value are."""
        for name, read in operands_of(call):
            operand, made = value.operands.get(name), self.graph[read]
            if operand is None or operand.of is None or made.step == STATIC:
                continue
            if operand.delay or operand.item != read.item:
                return False
            if not self._same(made, self.now(operand.of).call):
                return False
        return True

    def _merge(self, value: Value, into: Value) -> None:
        """Two values that turned out to be different steps of one."""
        self.merged[value] = into
        moved = dict(value.members)
        if value.first is not None:
            moved[0] = value.first
        for step, ref in moved.items():
            if self.values.get(ref.index) is value:
                del self.values[ref.index]
            self._join(into, ref, step)

    def _same(self, call: StepCall, other: StepCall) -> bool:
        if call is other:
            return True
        names = [[name for name, _ in operands_of(one)] for one in (call, other)]
        same_op = call.op == other.op and call.dtype == other.dtype and names[0] == names[1]
        return same_op and _settings(call) == _settings(other)

    def _differ(self, call: StepCall, other: StepCall, step: int) -> SnncError:
        what = f"the loop over time does at step {step} something else ({call.name})"
        line = call.source if call.source.line else other.source
        return refused(f"{what} than at others ({other.name} at {other.source})", line, SAME)

    def place_first(self) -> None:
        """Find the values that first steps read which later ones do not make: what a call reads
        comes before the call, which it may tell apart from others that do the same."""
        self._look_within()
        waiting = [value.first for value in set(self.values.values()) if value.first is not None]
        opened: set[Ref] = set()
        while waiting:
            ref = waiting[-1]
            call = self.graph[ref]
            if ref.index in self.values or call.step != 0:
                waiting.pop()
            elif ref not in opened:
                opened.add(ref)
                waiting.extend(refs_of(call.arguments))
            else:
                waiting.pop()
                value = self._value_like(ref)
                if value is not None:
                    self._join(value, Ref(ref.index), 0)
                    self._follow()

    def _value_like(self, ref: Ref) -> Value | None:
        """The one value that does what a call of step 0 does, with the same constants, on the
        values that it reads; None where there is none, or several."""
        call = self.graph[ref]
        found = []
        for value in {self.now(value): None for value in self.values.values()}:
            free = 0 not in value.members and value.first is None
            if free and self._same(call, value.call) and self._reads_alike(call, value):
                found.append(value)
        return found[0] if len(found) == 1 else None

    def _reads_alike(self, call: StepCall, value: Value) -> bool:
        """Whether the operands of a call of step 0 can be those of a value at that step."""
        if self._constants(call) != self._constants(value.call):
            return False
        for name, read in operands_of(call):
            made, operand = self.values.get(read.index), value.operands.get(name)
            if made is None or operand is None or operand.of is None or operand.delay:
                continue
            if self.now(operand.of) is not self.now(made) or operand.item != read.item:
                return False
        return True

    def _constants(self, call: StepCall) -> dict[str, Ref]:
        return {name: read for name, read in operands_of(call) if self.graph.is_static(read)}

    # a value of the last step ----------------------------------------------------------

    def _copies(self, ref: Ref) -> dict[int, Ref] | None:
        """A call that is used after the loop with its copies at earlier steps, by the steps that
        read them; None where there are none."""
        own, last = self.graph[ref].step, self.graph.time_steps - 1
        late = last - own
        found = {last: ref}
        if ref.index in self.values or own == 0:
            return found if not late else None
        self._look_within()
        later = ref
        for step in range(own - 1, -1, -1):
            candidates = self.alike.get(step, {}).get(self.within[ref.index], [])
            if len(candidates) > 1:  # two sums of the same terms: what the later copy goes on from
                read = {operand.index for _, operand in operands_of(self.graph[later])}
                candidates = [index for index in candidates if index in read]
            if len(candidates) != 1:
                break
            later = Ref(candidates[0])
            found[step + late] = Ref(candidates[0], ref.item)
        return found if min(found) - late <= min(max(1, own // 2), own - 1) else None

    def _look_within(self) -> None:
        """For every call what it does within its step: the same for copies."""
        for index in range(len(self.within), len(self.graph.calls)):
            call = self.graph.calls[index]
            reads: list[Any] = []
            for name, read in operands_of(call):
                made = self.graph[read]
                back = call.step - made.step
                place = self.within[read.index] if back == 0 else -back
                reads.append((name, read.item, read if made.step == STATIC else place))
            self.within[index] = hash((str(call.op), repr(_settings(call)), tuple(reads)))
            self.alike.setdefault(call.step, {}).setdefault(self.within[index], []).append(index)


def operands_of(call: StepCall) -> Iterator[tuple[str, Ref]]:
    """The values that a call reads, by the names of its arguments."""
    for name, argument in call.arguments.items():
        if isinstance(argument, Ref):
            yield name, argument
        elif isinstance(argument, list | tuple):
            for place, item in enumerate(argument):
                if isinstance(item, Ref):
                    yield f"{name}[{place}]", item


def _settings(call: StepCall) -> dict[str, Any]:
    """The arguments that are no values."""
    return {name: argument for name, argument in call.arguments.items() if not refs_of(argument)}
