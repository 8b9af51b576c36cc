"""What an op's attributes may be: declared once, checked when a node is built.

An op lists its attributes and the roles of its parameters; a wrong, missing or misspelt one is an
error that names it, whoever built the node: a pass, an importer of ours, or a user's.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from snnc.errors import BAD_ATTRIBUTE, SnncError


@dataclass(frozen=True)
class Attribute:
    """An attribute: its name, what it takes in words, the test of that, and whether it must be
    there."""

    name: str
    takes: str
    valid: Callable[[Any], bool]
    required: bool = True

    @property
    def optional(self) -> Attribute:
        """The same, where an op has a meaning without it."""
        return Attribute(self.name, self.takes, self.valid, required=False)


@dataclass(frozen=True)
class Parameter:
    """The role of a parameter array, and whether it must be there."""

    role: str
    required: bool = True

    @property
    def optional(self) -> Parameter:
        """The same, where an op has a meaning without it."""
        return Parameter(self.role, required=False)


def arrays(*roles: str) -> tuple[Parameter, ...]:
    """Parameters that must be there."""
    return tuple(map(Parameter, roles))


def whole(name: str, least: int = 0) -> Attribute:
    """A whole number of at least ``least``."""
    return Attribute(
        name, f"a whole number of at least {least}", lambda v: _is_whole(v) and v >= least
    )


def real(name: str) -> Attribute:
    """A finite number, or an infinite one where a comparison may mean "never"."""
    return Attribute(name, "a number", lambda v: _is_number(v) and not math.isnan(v))


def flag(name: str) -> Attribute:
    """True or False."""
    return Attribute(name, "True or False", lambda v: isinstance(v, bool))


def text(name: str) -> Attribute:
    """A string."""
    return Attribute(name, "a string", lambda v: isinstance(v, str))


def one_of(name: str, *choices: str) -> Attribute:
    """One of a few words."""
    words = f"{', '.join(choices[:-1])} or {choices[-1]}"
    return Attribute(name, words, lambda v: isinstance(v, str) and v in choices)


def sizes(name: str, count: int | None, least: int = 0) -> Attribute:
    """A tuple of ``count`` whole numbers (None: of any number), each of at least ``least``."""
    many = "whole numbers" if count is None else f"{count} whole numbers"

    def valid(value: Any) -> bool:
        fits = isinstance(value, tuple) and (count is None or len(value) == count)
        return fits and all(_is_whole(v) and v >= least for v in value)

    return Attribute(name, f"a tuple of {many} of at least {least}", valid)


def check(
    op: str,
    declared: Collection[Attribute],
    given: Mapping[str, Any],
    arrays: Collection[str],
    where: str,
) -> None:
    """Raise SnncError (BAD_ATTRIBUTE) unless attributes are as an op declares them.

    A parameter (one of ``arrays``) of an attribute's name stands for it: then it may be None or
    missing.
    """
    known = {attribute.name: attribute for attribute in declared}
    for name, value in given.items():
        if value is None and name in arrays:
            continue
        if name not in known:
            raise _refusal(f"{op} has no attribute {name!r}{_meant(name, known)}", where, known)
        if not known[name].valid(value):
            shown = " ".join(repr(value).split())[:80]
            raise _refusal(
                f"attribute {name!r} of {op} is {shown}, and it takes {known[name].takes}",
                where,
                known,
            )
    for name, attribute in known.items():
        if attribute.required and name not in given and name not in arrays:
            raise _refusal(f"{op} needs the attribute {name!r} ({attribute.takes})", where, known)


def check_parameters(
    op: str, declared: Collection[Parameter], given: Collection[str], where: str
) -> None:
    """Raise SnncError (BAD_ATTRIBUTE) unless parameters have the roles that an op declares."""
    known = {parameter.role: parameter for parameter in declared}
    for role in given:
        if role not in known:
            raise _refusal(f"{op} has no parameter {role!r}{_meant(role, known)}", where, known)
    for role, parameter in known.items():
        if parameter.required and role not in given:
            raise _refusal(f"{op} needs the parameter {role!r}", where, known)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _meant(name: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _refusal(what: str, where: str, known: Collection[str]) -> SnncError:
    listed = f"It takes {', '.join(known)}." if known else "It takes none."
    return SnncError(BAD_ATTRIBUTE, what, where=where, mend=listed)
