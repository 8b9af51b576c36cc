"""The parts of a generated program: shapes, functions, the layers they call, bands of rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from snnc.compiler.ir.graph import Node

if TYPE_CHECKING:
    from snnc.compiler.codegen.emitter import Pointer


@dataclass(frozen=True)
class Shape:
    """A constant shape struct of the generated code."""

    symbol: str
    struct: str
    fields: tuple[tuple[str, int | float], ...]


@dataclass
class Section:
    """The body of one generated function: local pointers, then lines grouped by node."""

    pointers: dict[str, Pointer] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)


@dataclass
class Layer(Section):
    """The body of a node's (or a band's) own function, with its name and its comment.

    ``part``: the body of the function that computes one of its parts, where threads share it.
    """

    symbol: str = ""
    comment: str = ""
    part: Section | None = None


@dataclass
class StageCode:
    """The code of a stage: before its first step, its layers at each step, after its last step,
    and the layers that then run once."""

    begin: Section = field(default_factory=Section)
    steps: list[Layer] = field(default_factory=list)
    end: Section = field(default_factory=Section)
    once: list[Layer] = field(default_factory=list)


@dataclass(frozen=True)
class Band:
    """Nodes that share a loop over ``height`` rows, ``turn`` rows at a time; of ``inner`` values
    only these rows exist."""

    nodes: tuple[Node, ...]
    inner: frozenset[str]
    height: int
    turn: int


@dataclass
class RowLoop:
    """Code of a band: before its loop over rows, in it, and after it."""

    band: Band
    before: Section
    body: Section
    after: Section
