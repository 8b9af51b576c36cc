"""The C of a cell: one function, with one loop that compilers make vectors of.

::

    void NAME(int pixels, int step, inputs, previous, kept, output, counts) {
        for each pixel:
            for every 32 channels (all channels where no value is packed bits):
                for each lane:      states from what is kept and the last decision; new values

Elements lie as in memory, [pixel][channel]. Where nothing depends on the channel and nothing is
packed, all elements are one row.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from snnc.compiler.ir.graph import Kind, TensorType
from snnc.compiler.ir.layout import WORD_BITS, c_type
from snnc.compiler.ops.cells.cost import cost_of
from snnc.compiler.ops.cells.lazy import Split
from snnc.compiler.ops.cells.program import BOOL, Instruction
from snnc.compiler.program.constants import hex_float

_FORMS: Mapping[str, str] = {
    **{"add": "{} + {}", "sub": "{} - {}", "mul": "{} * {}", "div": "{} / {}"},
    **{"lt": "snn_mask({} < {})", "le": "snn_mask({} <= {})", "gt": "snn_mask({} > {})"},
    **{"ge": "snn_mask({} >= {})", "eq": "snn_mask({} == {})", "ne": "snn_mask({} != {})"},
    **{"and": "{} & {}", "or": "{} | {}", "not": "~{}"},
    **{"square": "{0} * {0}", "reciprocal": "1.0f / {}"},
    **{"where": "snn_where_f32({}, {}, {})", "number": "snn_mask_number({})"},
    "clamp": "snn_minimum_f32(snn_maximum_f32({}, {}), {})",
    "sigmoid": "snn_sigmoid_scalar_f32({})",
    **{
        name: f"snn_{name}_f32({{}})"
        for name in (
            *("neg", "abs", "sign", "round", "floor", "ceil", "trunc"),
            *("sqrt", "exp", "log", "tanh", "erf"),
        )
    },
    **{name: f"snn_{name}_f32({{}}, {{}})" for name in ("minimum", "maximum", "pow")},
}


@dataclass(frozen=True)
class Array:
    """A constant array: ``stride`` channels a pixel, or 0 for one value a channel; ``entry``
    elements a step, or 0 for the same at every step."""

    symbol: str
    stride: int
    entry: int


@dataclass(frozen=True)
class Function:
    """What the C function of a cell is made from: its name, its program, the types of inputs and
    output, and the arrays of its parameters by role."""

    name: str
    cut: Split
    inputs: Sequence[TensorType]
    output: TensorType
    arrays: Mapping[str, Array]

    @property
    def fires(self) -> bool:
        """Whether the output is a decision, stored and read back at the next step."""
        return self.output.kind is not Kind.REAL

    @property
    def reads_decision(self) -> bool:
        """Whether the next step reads the decision of this one."""
        return self.fires and any(
            name == self.cut.decision
            for name in (
                *(name for entry in self.cut.after for name in entry.args),
                *(state.next for state in self.cut.program.states),
            )
        )

    @property
    def packed(self) -> bool:
        """Whether some value is packed bits."""
        return Kind.SPIKE in (self.output.kind, *(given.kind for given in self.inputs))

    @property
    def flat(self) -> bool:
        """Whether all elements are one row: nothing is packed, nothing depends on the channel."""
        return not self.packed and not self.arrays

    def text(self) -> str:
        """The C text."""
        return "\n".join(_indented(self._lines())) + "\n"

    def _lines(self) -> Iterator[str]:
        yield f"SNN_LAYER void {self.name}({', '.join(self.parameters)}) {{"
        if not self.cut.program.states and not self.cut.program.tables:
            yield "(void)step;"
        if self.cut.program.states:
            yield "const uint32_t first = snn_mask(step == 0);"
        for role in self.cut.program.tables:
            entry = self.arrays[role].entry
            yield f"const ptrdiff_t now_{role} = (ptrdiff_t)step * {entry};"
            yield f"const ptrdiff_t was_{role} = step ? now_{role} - {entry} : 0;"
            yield f"(void)was_{role};"
        yield from self._loops()
        yield "}"

    @property
    def parameters(self) -> list[str]:
        """The C declarations of its parameters."""
        inputs = zip(self.cut.program.inputs, self.inputs, strict=True)
        return [
            *("int pixels", "int step"),
            *(f"const {c_type(given)} *restrict in_{name}" for name, given in inputs),
            *((f"const {c_type(self.output)} *previous",) if self.reads_decision else ()),
            *(f"float *restrict kept_{name}" for name in self.cut.kept),
            *(f"{c_type(self.output)} *out", "snn_counts *counts"),
        ]

    def _loops(self) -> Iterator[str]:
        channels = self.output.channels
        length = f"pixels * {channels}" if self.flat else str(channels)
        if not self.flat:
            yield "for (int pixel = 0; pixel < pixels; pixel++) {"
        if self.packed:
            yield f"for (int c = 0; c < {channels}; c += {WORD_BITS}) {{"
            yield f"const int lanes = snn_min_int({WORD_BITS}, {channels} - c);"
        else:
            yield f"const int lanes = {length};"
        yield from self._words()
        yield "for (int i = 0; i < lanes; i++) {"
        yield from self._element()
        yield "}"
        yield from self._counted()
        yield from self._advanced()
        if self.packed:
            yield "}"
        if not self.flat:
            yield "}"

    def _words(self) -> Iterator[str]:
        """Packed bits, read before any is written: `previous` may be `out`."""
        for name, given in zip(self.cut.program.inputs, self.inputs, strict=True):
            if given.kind is Kind.SPIKE:
                yield f"const snn_word word_{name} = *in_{name}++;"
        if self.output.kind is Kind.SPIKE:
            if self.reads_decision:
                yield "const snn_word fired = *previous++;"
            yield "snn_word word = 0;"

    def _element(self) -> Iterator[str]:
        """One element: states, inputs, instructions, what is kept, the output."""
        program, names = self.cut.program, dict[str, str]()
        if program.states:
            yield from self._states(names)
        for name, given in zip(program.inputs, self.inputs, strict=True):
            yield f"const float v_{name} = {self._read(name, given)};"
            names[name] = f"v_{name}"
        names |= self._arrays_at("now")
        yield from self._body(self.cut.before, names, "v")
        for name in self.cut.kept:
            value = names[name]
            if program.types[name] == BOOL:
                value = f"snn_mask_number({value})"
            yield f"kept_{name}[i] = {value};"
        yield self._give(names[self.cut.decision])

    def _states(self, names: dict[str, str]) -> Iterator[str]:
        """States at the beginning of the step, from what the step before has kept."""
        program, before = self.cut.program, dict[str, str]()
        for name in self.cut.kept:
            value = f"kept_{name}[i]"
            truth = program.types[name] == BOOL
            value = f"snn_mask({value} != 0.0f)" if truth else value
            yield f"const {_local(program.types[name])} k_{name} = {value};"
            before[name] = f"k_{name}"
        if self.reads_decision:
            given = program.types[self.cut.decision]
            yield f"const {_local(given)} k_decision = {self._previous()};"
            before[self.cut.decision] = "k_decision"
        before |= self._arrays_at("was")
        yield from self._body(self.cut.after, before, "w")
        for state in program.states:
            initial = (
                self._element_of(state.initial, "now")
                if isinstance(state.initial, str)
                else hex_float(state.initial)
            )
            value = f"snn_where_f32(first, {initial}, {before[state.next]})"
            yield f"const float v_{state.name} = {value};"
            names[state.name] = f"v_{state.name}"

    def _previous(self) -> str:
        if self.output.kind is Kind.COUNT:
            return "(float)previous[i]"
        mask = "snn_mask_bit(fired, snn_lane_bits[i])"
        truth = self.cut.program.types[self.cut.decision] == BOOL
        return mask if truth else f"snn_mask_number({mask})"

    def _read(self, name: str, given: TensorType) -> str:
        if given.kind is Kind.SPIKE:
            return f"snn_mask_number(snn_mask_bit(word_{name}, snn_lane_bits[i]))"
        return f"in_{name}[i]" if c_type(given) == "float" else f"(float)in_{name}[i]"

    def _give(self, value: str) -> str:
        truth = self.cut.program.types[self.cut.decision] == BOOL
        if self.output.kind is Kind.SPIKE:
            mask = value if truth else f"snn_mask({value} != 0.0f)"
            return f"word |= {mask} & snn_lane_bits[i];"
        return f"out[i] = {'(uint16_t)' if self.output.kind is Kind.COUNT else ''}{value};"

    def _arrays_at(self, when: str) -> dict[str, str]:
        """How the constant arrays are read, "now" or as they "was" at the step before."""
        roles = (*self.cut.program.params, *self.cut.program.tables)
        return {role: self._element_of(role, when) for role in roles}

    def _element_of(self, role: str, when: str) -> str:
        array = self.arrays[role]
        start = f"{when}_{role} + " if array.entry else ""
        channel = "c + i" if self.packed else "i"
        pixel = f"(ptrdiff_t)pixel * {array.stride} + " if array.stride else ""
        return f"{array.symbol}[{start}{pixel}{channel}]"

    def _body(
        self, body: Sequence[Instruction], names: dict[str, str], prefix: str
    ) -> Iterator[str]:
        for entry in body:
            if entry.op == "constant":
                names[entry.name] = hex_float(entry.constant)
                continue
            text = _FORMS[entry.op].format(*(names[name] for name in entry.args))
            given = _local(self.cut.program.types[entry.name])
            yield f"const {given} {prefix}_{entry.name} = {text};"
            names[entry.name] = f"{prefix}_{entry.name}"

    def _counted(self) -> Iterator[str]:
        cost = cost_of((*self.cut.after, *self.cut.before))
        numbers = {counter: getattr(cost, counter) for counter in ("mul", "add", "cmp")}
        for counter, number in numbers.items():
            if number:
                yield f"SNN_COUNT(counts, {counter}, {number} * lanes);"
        if not any(numbers.values()):
            yield "(void)counts;"

    def _advanced(self) -> Iterator[str]:
        """The pointers, past the lanes."""
        if self.output.kind is Kind.SPIKE:
            yield "*out++ = word;"
        elif not self.flat:
            yield "out += lanes;"
        if self.flat:
            return
        for name, given in zip(self.cut.program.inputs, self.inputs, strict=True):
            if given.kind is not Kind.SPIKE:
                yield f"in_{name} += lanes;"
        if self.reads_decision and self.output.kind is Kind.COUNT:
            yield "previous += lanes;"
        yield from (f"kept_{name} += lanes;" for name in self.cut.kept)


def _local(truth: str) -> str:
    return "uint32_t" if truth == BOOL else "float"


def _indented(lines: Iterable[str]) -> Iterator[str]:
    """Lines of C by their depth, none longer than a screen is wide."""
    depth = 0
    for line in lines:
        depth -= line.startswith("}")
        margin = "    " * depth
        yield from textwrap.wrap(
            line,
            100,
            initial_indent=margin,
            subsequent_indent=margin + "    ",
            break_on_hyphens=False,
            break_long_words=False,
        )
        depth += line.endswith("{")
