"""C source as tokens with exact positions, and what surrounds each of them.

Comments are skipped; a preprocessor line is one token. Nothing is expanded: a mutation must be made
where a person would make the mistake, in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

TOKEN = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<comment>//[^\n]*|/\*.*?\*/)
  | (?P<directive>^[ \t]*\#(?:\\\n|/\*.*?\*/|[^\n])*)
  | (?P<string>"(?:\\.|[^"\\])*")
  | (?P<char>'(?:\\.|[^'\\])*')
  | (?P<number>\.?[0-9](?:[eEpP][+-]|[A-Za-z0-9_.])*)
  | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<mark><<=|>>=|\.\.\.|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|[^\sA-Za-z0-9_])
    """,
    re.VERBOSE | re.MULTILINE | re.DOTALL,
)

OPENING = {"(": ")", "[": "]", "{": "}"}


class Region(Enum):
    """Where a token stands."""

    FILE = "file"
    FUNCTION = "function"
    INITIALISER = "initialiser"
    TYPE = "type"
    DIRECTIVE = "directive"


@dataclass(frozen=True)
class Token:
    """A token: its kind (a group of TOKEN), text, offset in the file, line from 1."""

    kind: str
    text: str
    start: int
    line: int

    @property
    def end(self) -> int:
        """The offset behind it."""
        return self.start + len(self.text)


class Source:
    """One C file.

    Attributes:
        text: its text.
        tokens: its tokens, without space and comments.
        partner: for the index of each bracket that of the other one.
        scope: for each token the function or the constant that it is part of, or "".
        region: for each token where it stands.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._lines = text.splitlines()
        self.tokens = list(_tokens(text))
        self.partner = _partners(self.tokens)
        self.scope = [""] * len(self.tokens)
        self.region = [Region.FILE] * len(self.tokens)
        self._find_regions()

    def is_mark(self, index: int, *texts: str) -> bool:
        """Whether a token is one of these punctuation marks."""
        token = self.tokens[index]
        return token.kind == "mark" and token.text in texts

    def text_of(self, first: int, last: int) -> str:
        """The text from one token to another, both included."""
        return self.text[self.tokens[first].start : self.tokens[last].end]

    def line_text(self, line: int) -> str:
        """A line, with runs of space made one."""
        return " ".join(self._lines[line - 1].split())

    def _find_regions(self) -> None:
        at = begun = 0  # `begun`: where the present top-level declaration begins
        while at < len(self.tokens):
            if self.tokens[at].kind == "directive":
                self.region[at] = Region.DIRECTIVE
            elif self.is_mark(at, ";") or self._is_linkage(at):
                begun = at + 1
            elif self.is_mark(at, "{"):
                region, name = self._kind_of_block(begun, at)
                end = self.partner[at]
                for index in range(begun, end + 1):
                    if self.tokens[index].kind != "directive":
                        self.scope[index] = name
                    if index >= at:
                        self.region[index] = region
                at = end
                begun = at + 1 if region is Region.FUNCTION else begun
            at += 1

    def _is_linkage(self, at: int) -> bool:
        """Whether a brace is one of extern "C", whose inside is the file's."""
        opens = self.is_mark(at, "{") and self.tokens[at - 1].kind == "string"
        return opens or self.is_mark(at, "}")

    def _kind_of_block(self, begun: int, brace: int) -> tuple[Region, str]:
        """What the block at ``brace`` is, and the name of what begins at ``begun``."""
        before = [i for i in range(begun, brace) if self.tokens[i].kind != "directive"]
        if before and self.is_mark(before[-1], ")"):
            return Region.FUNCTION, self.tokens[self.partner[before[-1]] - 1].text
        if before and self.is_mark(before[-1], "="):
            stops = [i for i in before if self.is_mark(i, "[", "=")]
            return Region.INITIALISER, self.tokens[stops[0] - 1].text
        return Region.TYPE, ""


def _tokens(text: str) -> Iterator[Token]:
    line, at = 1, 0
    while at < len(text):
        found = TOKEN.match(text, at)
        if found is None or found.lastgroup is None:
            raise ValueError(f"line {line}: no token at {text[at : at + 20]!r}")
        kind, said = found.lastgroup, found.group()
        if kind not in ("space", "comment"):
            indent = len(said) - len(said.lstrip()) if kind == "directive" else 0
            yield Token(kind, said[indent:], at + indent, line)
        line += said.count("\n")
        at = found.end()


def _partners(tokens: list[Token]) -> dict[int, int]:
    partner: dict[int, int] = {}
    waiting: list[int] = []
    for index, token in enumerate(tokens):
        if token.kind != "mark":
            continue
        if token.text in OPENING:
            waiting.append(index)
        elif token.text in OPENING.values():
            begin = waiting.pop()
            if OPENING[tokens[begin].text] != token.text:
                raise ValueError(f"line {token.line}: {token.text} closes {tokens[begin].text}")
            partner[begin], partner[index] = index, begin
    if waiting:
        raise ValueError(f"line {tokens[waiting[-1]].line}: a bracket is never closed")
    return partner
