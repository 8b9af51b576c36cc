"""Every small mistake that can be made in a C file: the kinds of mutation, and where they apply.

Each kind is a function that looks at one token of a :class:`Source` and gives edits. What an edit
does is left to the judge: most break the program, some do not compile, some change nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from tests.mutation.source import Region, Source, Token

REPLACED = {
    "+": "-", "-": "+", "*": "+", "/": "*", "%": "/", "<<": ">>", ">>": "<<", "&": "|", "|": "&",
    "^": "|", "&&": "||", "||": "&&", "+=": "-=", "-=": "+=", "*=": "+=", "/=": "*=", "|=": "&=",
    "&=": "|=", "^=": "|=", "<<=": ">>=", ">>=": "<<=", "++": "--", "--": "++",
}  # fmt: skip
COMPARISONS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="}

CONTROL = frozenset(["if", "for", "while", "switch", "return", "sizeof", "do", "else", "case"])
TYPES = frozenset(["int", "float", "double", "void", "char", "unsigned", "const", "static"])
TRACED = "TRACE"
DEFINE = re.compile(r"#\s*define\s+(\w+)\s+\(?(-?[0-9][\w.+-]*)\)?\s*(?:/\*|$)")


@dataclass(frozen=True)
class Mutation:
    """A change of a few characters in a file.

    Attributes:
        file: the file's path in the compiled folder.
        line: its line, from 1.
        scope: the function or constant that it is in, or "".
        kind: what sort of mistake.
        start: offset of the first character replaced.
        old: the characters replaced.
        new: what stands there instead.
        text: the line, with runs of space made one.
        nth: which of the places in that scope where all of this is the same.
    """

    file: str
    line: int
    scope: str
    kind: str
    start: int
    old: str
    new: str
    text: str
    nth: int

    def applied(self, text: str) -> str:
        """The file's text with the mistake in it."""
        end = self.start + len(self.old)
        if text[self.start : end] != self.old:
            raise ValueError(f"{self.file}:{self.line}: {self.old!r} is not there")
        return text[: self.start] + self.new + text[end:]

    @property
    def key(self) -> tuple[str, str, str, str, str, str, int]:
        """What names this mutation however lines move."""
        return (self.file, self.scope, self.kind, self.text, self.old, self.new, self.nth)


@dataclass(frozen=True)
class Edit:
    """Characters of a text, and what replaces them."""

    start: int
    end: int
    new: str


Kind = Callable[[Source, int], Iterator[Edit]]


def _token(token: Token, new: str) -> Edit:
    return Edit(token.start, token.end, new)


def _is_binary(source: Source, index: int) -> bool:
    """Whether the mark at ``index`` stands between two operands, not before one."""
    before, after = source.tokens[index - 1], source.tokens[index + 1]
    if after.text in ("const", ")", "*") or before.text in TYPES or before.text.endswith("_t"):
        return False  # the * of a pointer's type
    ends = before.kind in ("number", "char", "string") or source.is_mark(index - 1, ")", "]")
    return ends or (before.kind == "name" and before.text not in CONTROL)


def operators(source: Source, index: int) -> Iterator[Edit]:
    """Another operator; a negation left out."""
    token = source.tokens[index]
    if token.kind != "mark" or source.region[index] is not Region.FUNCTION:
        return
    if token.text in ("!", "~"):
        yield _token(token, "")
    elif token.text in REPLACED:
        unary = token.text in ("+", "-", "*", "&") and not _is_binary(source, index)
        if not unary:
            yield _token(token, REPLACED[token.text])


def comparisons(source: Source, index: int) -> Iterator[Edit]:
    """A comparison that includes the bound where it excluded it, or the other way round."""
    token = source.tokens[index]
    if token.text in COMPARISONS and source.region[index] is Region.FUNCTION:
        yield _token(token, COMPARISONS[token.text])


def conditions(source: Source, index: int) -> Iterator[Edit]:
    """The other branch of an if."""
    if source.tokens[index].text == "if" and source.region[index] is Region.FUNCTION:
        first, last = index + 1, source.partner[index + 1]
        inside = source.text_of(first, last)
        yield Edit(source.tokens[first].start, source.tokens[last].end, f"(!{inside})")


def bounds(source: Source, index: int) -> Iterator[Edit]:
    """A loop that begins one late, or ends one early or one late."""
    if source.tokens[index].text != "for" or source.region[index] is not Region.FUNCTION:
        return
    close = source.partner[index + 1]
    stops = [i for i in _outer(source, index + 1) if source.is_mark(i, ";")]
    compared = [i for i in range(stops[0], stops[1]) if source.is_mark(i, "<", "<=", ">", ">=")]
    if compared and stops[1] - compared[0] > 1 and stops[1] < close:
        first, last = source.tokens[compared[0] + 1], source.tokens[stops[1] - 1]
        for change in ("- 1", "+ 1"):
            yield Edit(first.start, last.end, f"({source.text[first.start : last.end]}) {change}")
    begins = [i for i in range(index, stops[0]) if source.is_mark(i, "=")]
    if begins:
        first, last = source.tokens[begins[0] + 1], source.tokens[stops[0] - 1]
        yield Edit(first.start, last.end, f"({source.text[first.start : last.end]}) + 1")


def indices(source: Source, index: int) -> Iterator[Edit]:
    """The element before or behind."""
    if not source.is_mark(index, "[") or source.region[index] is not Region.FUNCTION:
        return
    last = source.partner[index] - 1
    if last > index:
        first, end = source.tokens[index + 1].start, source.tokens[last].end
        for change in ("+ 1", "- 1"):
            yield Edit(first, end, f"({source.text[first:end]}) {change}")


def signs(source: Source, index: int) -> Iterator[Edit]:
    """A sign left out, or a number negated."""
    token = source.tokens[index]
    if source.region[index] not in (Region.FUNCTION, Region.INITIALISER):
        return
    if token.text == "-" and not _is_binary(source, index):
        yield _token(token, "")
    elif token.kind == "number" and _value(token.text) != 0 and not _signed(source, index):
        yield _token(token, f"-{token.text}")


def last_places(source: Source, index: int) -> Iterator[Edit]:
    """A constant one unit in the last place larger or smaller."""
    token = source.tokens[index]
    if token.kind == "number" and _holds_numbers(source, index):
        for direction in (1, -1):
            new = _one_unit(token.text, direction)
            if new is not None:
                yield _token(token, new)


def five_percent(source: Source, index: int) -> Iterator[Edit]:
    """A constant 5 % larger."""
    token = source.tokens[index]
    if token.kind == "number" and _holds_numbers(source, index):
        new = _scaled(token.text)
        if new is not None:
            yield _token(token, new)


def defined(source: Source, index: int) -> Iterator[Edit]:
    """A number that is a macro: one unit more, and 5 % more."""
    token = source.tokens[index]
    found = DEFINE.match(token.text) if token.kind == "directive" else None
    if found:
        start, end = (token.start + found.start(2), token.start + found.end(2))
        for new in (_one_unit(found[2], 1), _scaled(found[2])):
            if new is not None:
                yield Edit(start, end, new)


def statements(source: Source, index: int) -> Iterator[Edit]:
    """A statement left out."""
    if source.region[index] is not Region.FUNCTION or not _begins_statement(source, index):
        return
    if source.tokens[index].text in (CONTROL | TYPES) or source.is_mark(index, "{", "}", ";"):
        return
    last = _end_of_statement(source, index)
    if last is not None and not _declares(source, index):
        yield Edit(source.tokens[index].start, source.tokens[last].end, ";")


def arguments(source: Source, index: int) -> Iterator[Edit]:
    """Two neighbouring arguments of a call exchanged."""
    token = source.tokens[index]
    called = token.kind == "name" and token.text not in CONTROL
    if not called or source.region[index] is not Region.FUNCTION:
        return
    if not source.is_mark(index + 1, "("):
        return
    close = source.partner[index + 1]
    commas = [i for i in _outer(source, index + 1) if source.is_mark(i, ",")]
    edges = [index + 1, *commas, close]
    given = [(a + 1, b - 1) for a, b in pairwise(edges) if b - a > 1]
    for (first, end), (second, last) in pairwise(given):
        one, other = source.text_of(first, end), source.text_of(second, last)
        if one != other:
            start, stop = source.tokens[first].start, source.tokens[last].end
            yield Edit(start, stop, f"{other}, {one}")


KINDS: dict[str, Kind] = {
    "operator": operators,
    "comparison": comparisons,
    "condition": conditions,
    "bound": bounds,
    "index": indices,
    "sign": signs,
    "last place": last_places,
    "5 %": five_percent,
    "macro": defined,
    "dropped": statements,
    "arguments": arguments,
}


def mutations(file: str, text: str) -> Iterator[Mutation]:
    """Every mutation of a C file, in order of place and kind."""
    source = Source(text)
    traced = _traced(source)
    seen: Counter[tuple[str, ...]] = Counter()
    for index, token in enumerate(source.tokens):
        for kind, apply in KINDS.items() if index not in traced else ():
            for edit in apply(source, index):
                old = text[edit.start : edit.end]
                said = source.line_text(token.line)
                same = (source.scope[index], kind, said, old, edit.new)
                yield Mutation(
                    file, token.line, same[0], kind, edit.start, old, edit.new, said, seen[same]
                )
                seen[same] += 1


def _traced(source: Source) -> set[int]:
    """Tokens of what only verification builds compile: the copies out of and into a run."""
    calls = [i for i, token in enumerate(source.tokens) if token.text == TRACED]
    return {index for call in calls for index in range(call, source.partner[call + 1] + 1)}


def _outer(source: Source, bracket: int) -> Iterable[int]:
    """Tokens directly inside a bracket, not those of brackets within."""
    at, close = bracket + 1, source.partner[bracket]
    while at < close:
        yield at
        at = source.partner[at] + 1 if source.is_mark(at, "(", "[", "{") else at + 1


def _begins_statement(source: Source, index: int) -> bool:
    if source.is_mark(index - 1, ";"):
        return not _in_parentheses(source, index)
    if source.is_mark(index - 1, "{", "}") or source.tokens[index - 1].text == "else":
        return True
    if source.is_mark(index - 1, ")"):
        head = source.tokens[source.partner[index - 1] - 1].text
        return head in ("if", "for", "while")
    return source.tokens[index - 1].kind == "directive"


def _in_parentheses(source: Source, index: int) -> bool:
    depth = 0
    for at in range(index - 1, -1, -1):
        if source.is_mark(at, ")", "]"):
            depth -= 1
        elif source.is_mark(at, "(", "["):
            depth += 1
        elif source.is_mark(at, "{", "}"):
            break
    return depth > 0


def _end_of_statement(source: Source, index: int) -> int | None:
    """The semicolon of a statement; None where a block comes before it."""
    at = index
    while at < len(source.tokens):
        if source.is_mark(at, ";"):
            return at
        if source.is_mark(at, "{", "}") or source.tokens[at].kind == "directive":
            return None
        at = source.partner[at] + 1 if source.is_mark(at, "(", "[") else at + 1
    return None


def _declares(source: Source, index: int) -> bool:
    """Whether a statement is a declaration: a name followed by a name, or by * and a name."""
    first, second, third = source.tokens[index : index + 3]
    if first.kind != "name":
        return False
    return second.kind == "name" or (second.text == "*" and third.kind == "name")


def _holds_numbers(source: Source, index: int) -> bool:
    return source.region[index] in (Region.FUNCTION, Region.INITIALISER)


def _signed(source: Source, index: int) -> bool:
    return source.is_mark(index - 1, "-") and not _is_binary(source, index - 1)


def _is_float(text: str) -> bool:
    hexadecimal = text.lower().startswith("0x")
    return any(mark in text.lower() for mark in (".p" if hexadecimal else ".e"))


def _value(text: str) -> float:
    if _is_float(text):
        bare = text.rstrip("fFlL")
        return float.fromhex(bare) if bare.lower().startswith("0x") else float(bare)
    return int(text.rstrip("uUlL"), 0)


def _hexadecimal(value: np.float32) -> str:
    return f"{float(value).hex()}f"


def _one_unit(text: str, direction: int) -> str | None:
    if _is_float(text):
        value = np.float32(_value(text))
        return _hexadecimal(np.nextafter(value, np.float32(direction * np.inf)))
    suffix = text[len(text.rstrip("uUlL")) :]
    new = int(_value(text)) + direction
    return f"{new}{suffix}" if new >= 0 else None


def _scaled(text: str) -> str | None:
    """5 % more, where that is another number and more than one unit."""
    value = _value(text)
    if _is_float(text):
        return _hexadecimal(np.float32(value * 1.05)) if value else None
    suffix = text[len(text.rstrip("uUlL")) :]
    new = round(value * 1.05)
    return f"{new}{suffix}" if abs(new - value) > 1 else None
