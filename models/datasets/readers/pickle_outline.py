"""What a pickle describes, without unpickling it.

``pickletools.genops`` lists the opcodes of a pickle; the stack machine here follows those that
arrays of numbers are made of. Constructors are noted, never called, and bytes are noted by
their place in the file, never kept. Opcodes: the documentation of ``pickletools``.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, BinaryIO, cast


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


class OutlineError(Exception):
    """A pickle that breaks off, or has an opcode that no array needs, at byte ``position``."""

    def __init__(self, position: int, reason: str) -> None:
        super().__init__(reason)
        self.position = position


_MARK = object()
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_VALUES = {"BININT", "BININT1", "BININT2", "LONG1", "LONG4"}
_VALUES |= {"BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"}
_BYTES = {"SHORT_BINBYTES": 2, "BINBYTES": 5, "BINBYTES8": 9}
"""Opcodes of bytes, and how many bytes (opcode and length) stand before them."""
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_IGNORED = {"PROTO", "FRAME"}


def outline(file: BinaryIO, size: int) -> object:
    """Plain values, lists and tuples, :class:`NotedBytes` and :class:`NotedObject`.

    Args:
        file: open at the pickle's first byte; read up to its end.
        size: bytes of the whole file.

    Raises:
        OutlineError: where the pickle is cut off, damaged, or not one of arrays.
    """
    machine = _Machine()
    position = file.tell()
    try:
        for opcode, argument, place in pickletools.genops(cast("BinaryIO", _Bounded(file, size))):
            position = place or 0
            if opcode.name == "STOP":
                return machine.stack.pop()
            machine.step(opcode.name, argument, position)
    except (ValueError, IndexError, KeyError, TypeError, AttributeError) as error:
        raise OutlineError(position, str(error)) from error
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
        raise ValueError("a constructor that no array has")
    return NotedObject(constructor, arguments)


class _Machine:
    """The stack and memo of an unpickler."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.actions: dict[str, Callable[[Any], None]] = {
            "MARK": lambda _: self.stack.append(_MARK),
            "EMPTY_LIST": lambda _: self.stack.append([]),
            "TUPLE": lambda _: self.stack.append(tuple(self.since_mark())),
            "APPEND": lambda _: self.extend([self.stack.pop()]),
            "APPENDS": lambda _: self.extend(self.since_mark()),
            "GLOBAL": lambda name: self.stack.append(name.replace(" ", ".")),
            "STACK_GLOBAL": lambda _: self.join("{0[0]}.{0[1]}".format),
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
        elif name in _BYTES:
            self.stack.append(NotedBytes(place + _BYTES[name], len(argument)))
        elif name in _TUPLES:
            count = _TUPLES[name]
            self.stack[-count:] = [tuple(self.stack[-count:])]
        elif name in self.actions:
            self.actions[name](argument)
        elif name not in _IGNORED:
            raise ValueError(f"arrays of numbers need no {name}")

    def since_mark(self) -> list[Any]:
        """Take what lies above the last mark, and the mark."""
        start = len(self.stack) - 1 - self.stack[::-1].index(_MARK)
        items = self.stack[start + 1 :]
        del self.stack[start:]
        return items

    def extend(self, items: list[Any]) -> None:
        """Append to the list on top."""
        self.stack[-1].extend(items)

    def join(self, make: Callable[[list[Any]], object]) -> None:
        """Replace the two on top by one made of them."""
        self.stack[-2:] = [make(self.stack[-2:])]

    def build(self) -> None:
        """Give the object below the state on top."""
        state = self.stack.pop()
        made = self.stack[-1]
        if not isinstance(made, NotedObject) or not isinstance(state, tuple):
            raise ValueError("a state that no array has")
        made.state = state

    def remember(self, key: int) -> None:
        """Keep what is on top under ``key``."""
        self.memo[key] = self.stack[-1]
