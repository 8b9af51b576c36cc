"""What a pickle describes, without unpickling it.

``pickletools.genops`` lists the opcodes of a pickle; the stack machine here follows those that
arrays of numbers, tensors and plain values are made of. Constructors are noted, never called, and
bytes are noted by their place in the file, never kept. What dictionaries hold is passed over.
Opcodes: the documentation of ``pickletools``.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, BinaryIO, cast

from snnc.messages import first_sentence


@dataclass(frozen=True)
class NotedBytes:
    """Bytes of a pickle: where in the file, and how many."""

    offset: int
    length: int


@dataclass
class NotedObject:
    """What a constructor would have made: its dotted name, arguments, and state set later."""

    constructor: str
    arguments: tuple[Any, ...]
    state: tuple[Any, ...] = field(default=())


@dataclass(frozen=True)
class Outline:
    """A pickle's value, every name it would import, and what it refers to outside of itself."""

    top: object
    names: frozenset[str]
    references: tuple[object, ...]


class OutlineError(Exception):
    """A pickle that breaks off at byte ``position``, or has an opcode there that neither arrays
    nor tensors need."""

    def __init__(self, position: int, reason: str) -> None:
        super().__init__(reason)
        self.position = position


_MARK = object()
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_VALUES = {"BININT", "BININT1", "BININT2", "LONG1", "LONG4"}
_VALUES |= {"BINFLOAT", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"}
_BYTES = {"SHORT_BINBYTES": 2, "BINBYTES": 5, "BINBYTES8": 9}
"""Opcodes of bytes, and how many bytes (opcode and length) stand before them."""
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_EMPTY = {"EMPTY_LIST", "EMPTY_DICT", "EMPTY_SET"}
_IGNORED = {"PROTO", "FRAME"}


def outline(file: BinaryIO, size: int) -> Outline:
    """Plain values, lists and tuples, :class:`NotedBytes` and :class:`NotedObject`.

    A dictionary or a set is an empty list.

    Args:
        file: open at the pickle's first byte; read up to its end.
        size: bytes of the whole file.

    Raises:
        OutlineError: where the pickle is cut off, damaged, or of something else.
    """
    machine = _Machine()
    position = file.tell()
    try:
        for opcode, argument, place in pickletools.genops(cast("BinaryIO", _Bounded(file, size))):
            position = place or 0
            if opcode.name == "STOP":
                names = frozenset(machine.names)
                return Outline(machine.stack.pop(), names, tuple(machine.references))
            machine.step(opcode.name, argument, position)
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        raise OutlineError(position, first_sentence(error)) from error
    raise OutlineError(position, "no end")


class _Bounded:
    """A file that is never asked for more than it has: a damaged length may be any number."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.file = file
        self.size = size
        self.readline = file.readline
        self.tell = file.tell

    def read(self, count: int) -> bytes:
        """Up to ``count`` bytes."""
        return self.file.read(min(count, self.size - self.tell()))


def _noted(pair: list[Any]) -> NotedObject:
    constructor, arguments = pair
    if not isinstance(constructor, str) or not isinstance(arguments, tuple):
        raise ValueError("a constructor that neither arrays nor tensors have")
    return NotedObject(constructor, arguments)


class _Machine:
    """The stack and memo of an unpickler."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.names: set[str] = set()
        self.references: list[object] = []
        self.actions: dict[str, Callable[[Any], None]] = {
            "MARK": lambda _: self.stack.append(_MARK),
            "TUPLE": lambda _: self.stack.append(tuple(self.since_mark())),
            "APPEND": lambda _: self.extend([self.stack.pop()]),
            "APPENDS": lambda _: self.extend(self.since_mark()),
            "SETITEM": lambda _: self.pass_over([self.stack.pop(), self.stack.pop()]),
            "SETITEMS": lambda _: self.pass_over(self.since_mark()),
            "ADDITEMS": lambda _: self.pass_over(self.since_mark()),
            "BINPERSID": lambda _: self.refer(),
            "GLOBAL": lambda name: self.name(name.replace(" ", ".")),
            "STACK_GLOBAL": lambda _: self.join_name(),
            "REDUCE": lambda _: self.join(_noted),
            "BUILD": lambda _: self.build(),
            "MEMOIZE": lambda _: self.remember(len(self.memo)),
            "BINPUT": self.remember,
            "LONG_BINPUT": self.remember,
            "BINGET": lambda key: self.stack.append(self.memo[key]),
            "LONG_BINGET": lambda key: self.stack.append(self.memo[key]),
        }

    def step(self, name: str, argument: Any, place: int) -> None:
        """Follow the opcode at byte ``place``. Raises ValueError for one that is not known."""
        if name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name])
        elif name in _VALUES:
            self.stack.append(argument)
        elif name in _EMPTY:
            self.stack.append([])
        elif name in _BYTES:
            self.stack.append(NotedBytes(place + _BYTES[name], len(argument)))
        elif name in _TUPLES:
            count = _TUPLES[name]
            self.stack[-count:] = [tuple(self.stack[-count:])]
        elif name in self.actions:
            self.actions[name](argument)
        elif name not in _IGNORED:
            raise ValueError(f"arrays and tensors need no {name}")

    def since_mark(self) -> list[Any]:
        """Take what lies above the last mark, and the mark."""
        start = len(self.stack) - 1 - self.stack[::-1].index(_MARK)
        items = self.stack[start + 1 :]
        del self.stack[start:]
        return items

    def extend(self, items: list[Any]) -> None:
        """Append to the list on top."""
        self.stack[-1].extend(items)

    def pass_over(self, items: list[Any]) -> None:
        """What a dictionary takes in, and is already off the stack, is not kept."""

    def name(self, dotted: str) -> None:
        """A name that would be imported."""
        self.names.add(dotted)
        self.stack.append(dotted)

    def join_name(self) -> None:
        """The two on top are a module and a name in it."""
        module, name = self.stack[-2:]
        del self.stack[-2:]
        self.name(f"{module}.{name}")

    def refer(self) -> None:
        """What is on top says what lies outside of the pickle."""
        self.references.append(self.stack[-1])
        self.stack[-1] = NotedObject("reference", ())

    def join(self, make: Callable[[list[Any]], object]) -> None:
        """Replace the two on top by one made of them."""
        self.stack[-2:] = [make(self.stack[-2:])]

    def build(self) -> None:
        """Give the object below the state on top."""
        state = self.stack.pop()
        made = self.stack[-1]
        if not isinstance(made, NotedObject):
            raise ValueError("a state of something that has none")
        if isinstance(state, tuple):
            made.state = state

    def remember(self, key: int) -> None:
        """Keep what is on top under ``key``."""
        self.memo[key] = self.stack[-1]
