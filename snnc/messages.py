"""Text of others in our messages: no control characters, and the first sentence alone."""

from __future__ import annotations

import re
import reprlib

_KEPT = "\n\t"


def printable(text: str) -> str:
    """``text`` with every character that is not shown as itself written as an escape.

    Names and paths come from users' files. Printed as they are, they could move the cursor, forge
    lines, end in an encoding error, or look like another name. Python's ``isprintable`` is false
    for controls, marks that turn or join text, spaces other than " ", halves of surrogate pairs
    (what Python makes of names that are no UTF-8), and characters that no font has. Line feeds and
    tabs stay.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in _KEPT else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def first_line(text: str) -> str:
    """The first line of what another program said, cut where it is long; "" for nothing."""
    lines = text.strip().splitlines()
    return lines[0][:_LONGEST] if lines else ""


def first_sentence(error: BaseException) -> str:
    """The type of an exception of another library, and the first sentence of what it says.

    torch appends the stack of its C++ functions, and h5py the whole chain of causes.
    """
    name = type(error).__name__
    line = first_line(str(error))
    text = re.split(r"(?<=[\w)'\"])\.\s", line)[0].strip().rstrip(".")
    return f"{name}: {text}" if text else name


_LONGEST = 300
"""Characters; a damaged file can make a library quote all of it."""


class _Repr(reprlib.Repr):
    """Short, and also of whole numbers with so many digits that Python does not write them."""

    def repr_int(self, x: int, level: int) -> str:
        return repr(x) if abs(x) < 10**18 else f"a number of {x.bit_length()} bits"


_REPR = _Repr()
_REPR.maxstring, _REPR.maxother, _REPR.maxlevel = 120, 60, 3


def shown(value: object) -> str:
    """A value of a user's file in a message: its repr, cut where it is long or deep."""
    return _REPR.repr(value)
