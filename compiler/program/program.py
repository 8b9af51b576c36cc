"""The program: stages of functions, whose statements are calls, loops, and what clears memory.

The grammar::

    Program    (stages, buffers, constants, shapes, traces, threads, batch)
    Stage      (begin, steps, end, once): bodies and functions
    Function   (symbol, comment, locals, statements, part, batch)
    Statement  Call | Clear | Fill | Trace | RowLoop | Split

Planning reads it, :mod:`snnc.compiler.program.check` verifies it, and
:mod:`snnc.compiler.codegen.statements` prints it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby

from snnc.compiler.ir.graph import Node
from snnc.compiler.program.constants import Constant
from snnc.compiler.program.kernels import Signature
from snnc.compiler.program.values import Argument, Buffer, Shape, View


@dataclass(frozen=True)
class Call:
    """A kernel with its arguments; ``counter`` is the node whose counters it is given, last."""

    kernel: str
    arguments: tuple[Argument, ...]
    counter: int | None = None


@dataclass(frozen=True)
class Clear:
    """The first ``elements`` of a view become zeros."""

    view: View
    elements: int


@dataclass(frozen=True)
class Fill:
    """The first ``elements`` of a view become ``value``."""

    view: View
    elements: int
    value: float


@dataclass(frozen=True)
class Trace:
    """``size`` bytes of a view are shown to whoever traces, as part of entry ``entry``: those of
    the window, of the step at hand (each ``step_size``), or of its rows (each ``row_size``); in a
    ``batch`` those of all its steps."""

    entry: int
    view: View
    size: int
    step_size: int = 0
    row_size: int = 0
    batch: bool = False


@dataclass
class Body:
    """Statements, and the local pointers that they use in the order of their first use."""

    locals: dict[str, View] = field(default_factory=dict)
    statements: list[Statement] = field(default_factory=list)

    def uses(self, view: View) -> None:
        """Declare a view's pointer."""
        self.locals[view.name] = view.local

    def views(self) -> Iterator[View]:
        """The local pointers, in order."""
        yield from self.locals.values()


@dataclass(frozen=True)
class RowLoop:
    """A body for every ``step`` rows of ``height``; of one part of the rows if ``threads`` share
    them."""

    body: Body
    height: int
    step: int
    threads: int


@dataclass(frozen=True)
class Split:
    """The parts of a function, run by the network's team."""

    symbol: str
    threads: int


Statement = Call | Clear | Fill | Trace | RowLoop | Split


@dataclass
class Function(Body):
    """A node's (or a fused loop's) own function, with its name and its comment.

    ``part``: the body of the function that computes one of its parts, where threads share it.
    ``batch``: the body of the function that does the same for several steps at once.
    """

    symbol: str = ""
    comment: str = ""
    part: Body | None = None
    batch: Body | None = None


@dataclass
class Stage:
    """A stage: before its first step, its functions at each step, after its last step, and the
    functions that then run once."""

    begin: Body = field(default_factory=Body)
    steps: list[Function] = field(default_factory=list)
    end: Body = field(default_factory=Body)
    once: list[Function] = field(default_factory=list)

    @property
    def batched(self) -> bool:
        """Whether one of its functions works on several steps at once."""
        return any(function.batch for function in self.steps)

    def segments(self) -> list[list[Function]]:
        """Its functions at each step, those with a batch alone, the others as they follow each
        other: a batch runs after the steps of what stands before it, and before those behind."""
        return [list(some) for _, some in groupby(self.steps, lambda f: f.batch and f.symbol)]

    def step_views(self) -> Iterator[View]:
        """The pointers of its functions at each step."""
        for function in self.steps:
            yield from function.views()
            yield from function.part.views() if function.part else ()


@dataclass(frozen=True)
class NodeFunction:
    """A C function that belongs to a node and is called like a kernel: its text, its parameters."""

    text: str
    signature: Signature


@dataclass(frozen=True)
class Band:
    """Nodes that share a loop over ``height`` rows, ``turn`` rows at a time; of ``inner`` values
    only these rows exist."""

    nodes: tuple[Node, ...]
    inner: frozenset[str]
    height: int
    turn: int


@dataclass(frozen=True)
class TraceEntry:
    """One entry of the trace table: a node's value or its membrane potential.

    ``step_bytes`` of one step, ``steps`` 1 for a value of the whole window; ``c_type`` of an
    element.
    """

    node: str
    what: str
    step_bytes: int
    steps: int
    c_type: str


@dataclass
class Program:
    """Everything that a scheduled graph becomes before it is text."""

    stages: list[Stage]
    buffers: dict[str, Buffer] = field(default_factory=dict)
    bands: list[dict[str, Band]] = field(default_factory=list)
    constants: dict[str, Constant] = field(default_factory=dict)
    shapes: dict[str, Shape] = field(default_factory=dict)
    functions: dict[str, NodeFunction] = field(default_factory=dict)
    """C functions of single nodes by name."""
    kernels: dict[str, str] = field(default_factory=dict)
    """The first kernel that each node calls in a step, by the node's name."""
    traces: list[TraceEntry] = field(default_factory=list)
    threads: int = 1
    """How many parts the rows of a fused loop are split into."""
    batched: frozenset[str] = frozenset()
    """The nodes whose functions have a batch, and ..."""
    batch: int = 1
    """... how many steps such a function may be given at once."""
