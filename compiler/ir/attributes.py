"""What an op's attributes and parameters may be: declared once, checked when an op is built.

An attribute is a field of the op's class, and the function that declares it says what it takes. A
wrong, missing or misspelt one is an error that names it, whoever builds the op: a pass, an
importer of ours, or a user's.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import MISSING, dataclass
from typing import Any, Literal, TypeVar, overload

from snnc.errors import BAD_ATTRIBUTE, SnncError

_REQUIRED: Any = MISSING
_Default = TypeVar("_Default")


@dataclass(frozen=True)
class Rule:
    """What an attribute takes, in words and as a test, and whether a parameter array of its name
    may stand for it."""

    takes: str
    valid: Callable[[Any], bool]
    or_parameter: bool = False


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


def attribute(takes: str, valid: Callable[[Any], bool], default: Any = _REQUIRED) -> Any:
    """An attribute of any kind: what it takes in words, the test of that, and the value that it
    has where none is given; by default one must be. A default is valid, also None."""
    return dataclasses.field(default=default, metadata={"rule": Rule(takes, valid)})


def whole(least: int = 0, *, default: _Default = _REQUIRED) -> int | _Default:
    """A whole number of at least ``least``."""
    made: int = attribute(
        f"a whole number of at least {least}", lambda v: _is_whole(v) and v >= least, default
    )
    return made


def constant(*, default: None = None) -> float | None:
    """A number, or None where a parameter array of the attribute's name stands for it: values that
    differ from element to element."""
    rule = Rule("a number", _is_real, or_parameter=True)
    made: float | None = dataclasses.field(default=default, metadata={"rule": rule})
    return made


def real(*, default: _Default = _REQUIRED) -> float | _Default:
    """A finite number, or an infinite one where a comparison may mean "never"."""
    made: float = attribute("a number", _is_real, default)
    return made


def flag(*, default: _Default = _REQUIRED) -> bool | _Default:
    """True or False."""
    made: bool = attribute("True or False", lambda v: isinstance(v, bool), default)
    return made


def text(*, default: _Default = _REQUIRED) -> str | _Default:
    """A string."""
    made: str = attribute("a string", lambda v: isinstance(v, str), default)
    return made


def one_of(*choices: str, default: _Default = _REQUIRED) -> str | _Default:
    """One of a few words."""
    words = f"{', '.join(choices[:-1])} or {choices[-1]}"
    made: str = attribute(words, lambda v: isinstance(v, str) and v in choices, default)
    return made


@overload
def sizes(count: Literal[2], least: int = 0) -> tuple[int, int]: ...
@overload
def sizes(count: Literal[4], least: int = 0) -> tuple[int, int, int, int]: ...
@overload
def sizes(count: None = None, least: int = 0) -> tuple[int, ...]: ...
def sizes(count: int | None = None, least: int = 0) -> tuple[int, ...]:
    """A tuple of ``count`` whole numbers (None: of any number), each of at least ``least``."""
    many = "whole numbers" if count is None else f"{count} whole numbers"

    def valid(value: Any) -> bool:
        fits = isinstance(value, tuple) and (count is None or len(value) == count)
        return fits and all(_is_whole(v) and v >= least for v in value)

    made: tuple[int, ...] = attribute(f"a tuple of {many} of at least {least}", valid)
    return made


def check(op: str, declared: Collection[dataclasses.Field[Any]], given: Mapping[str, Any]) -> None:
    """Raise SnncError (BAD_ATTRIBUTE) unless attributes are as an op's fields declare them."""
    known = {entry.name: entry for entry in declared}
    for name, value in given.items():
        if name not in known:
            raise _refusal(f"{op} has no attribute {name!r}{_meant(name, known)}", "", known)
        rule = known[name].metadata["rule"]
        if value is not known[name].default and not rule.valid(value):
            shown = " ".join(repr(value).split())[:80]
            raise _refusal(
                f"attribute {name!r} of {op} is {shown}, and it takes {rule.takes}", "", known
            )
    for name, entry in known.items():
        if entry.default is MISSING and name not in given:
            raise _needed(op, entry, "", known)


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


def check_constants(
    op: str,
    declared: Collection[dataclasses.Field[Any]],
    missing: Collection[str],
    given: Collection[str],
    where: str,
) -> None:
    """Raise SnncError (BAD_ATTRIBUTE) for a constant that neither its attribute says (it is
    ``missing``) nor a parameter."""
    known = {entry.name: entry for entry in declared}
    for name in missing:
        if name not in given:
            raise _needed(op, known[name], where, known)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_real(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and not math.isnan(value)


def _meant(name: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _refusal(what: str, where: str, known: Collection[str]) -> SnncError:
    listed = f"It takes {', '.join(known)}." if known else "It takes none."
    return SnncError(BAD_ATTRIBUTE, what, where=where, hint=listed)


def _needed(
    op: str, entry: dataclasses.Field[Any], where: str, known: Collection[str]
) -> SnncError:
    takes = entry.metadata["rule"].takes
    return _refusal(f"{op} needs the attribute {entry.name!r} ({takes})", where, known)
