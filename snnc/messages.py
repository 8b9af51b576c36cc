"""Text of others in our messages: no control characters, and the first sentence alone."""

from __future__ import annotations

import re
import reprlib
import unicodedata

_KEPT = "\n\t"

_NOT_PRINTED = {"Cc", "Cs", "Zl", "Zp"}
"""Unicode categories that a terminal obeys or cannot show: controls, halves of surrogate pairs
(what Python makes of file names that are no UTF-8), separators of lines and paragraphs."""

_TURNS_TEXT = set("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Marks that change the order in which the characters around them are shown."""


def printable(text: str) -> str:
    """``text`` with every character that is not shown as itself written as an escape.

    Names and paths come from users' files. Printed as they are, they could move the cursor, forge
    lines, or end in an encoding error. Line feeds and tabs stay.
    """
    if text.isprintable():
        return text
    return "".join(_escaped(c) if _is_control(c) else c for c in text)


def _is_control(character: str) -> bool:
    if character in _KEPT:
        return False
    return unicodedata.category(character) in _NOT_PRINTED or character in _TURNS_TEXT


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
