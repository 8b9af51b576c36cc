"""Errors that cross into Python speak of arguments, where the command line's speak of flags."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from snnc.errors import SnncError

P = ParamSpec("P")
R = TypeVar("R")

COMMANDS = {
    "`snnc check MODEL`": "`snnc.check(model, x)`",
    "`snnc compile MODEL -o OUT`": "`snnc.compile(model, x).write(folder)`",
    "`snnc compile`": "`snnc.compile`",
    "`snnc bench MODEL --data DATA --fit`": "`snnc bench --fit` in a shell",
}
"""What to type in Python instead of a command."""

_FLAG = re.compile(r"--(?:no-)?([a-z][a-z-]*)(?:[ =]([a-z0-9][\w.-]*|[A-Z][A-Z,]*)\b)?")
_WORDS = {"and", "or", "belong", "belongs", "is", "are", "needs", "need", "in", "to", "for", "that"}
_WORDS |= {"can", "cannot", "of", "measures", "would", "states", "with", "was", "time", "beside"}


def _argument(found: re.Match[str]) -> str:
    name, value = found[1].replace("-", "_"), found[2]
    if value is None:
        return f"{name}="
    if value in _WORDS:
        return f"{name}= {value}"
    number_or_name = value.isdigit() or value.isupper() or "," in value
    return f"{name}={value if number_or_name else repr(value)}"


def python_words(text: str) -> str:
    """A sentence of the command line, with arguments for its flags.

    >>> python_words("Add --dtype int8 --calibrate DATA, or leave out --max-ram.")
    "Add dtype='int8' calibrate=DATA, or leave out max_ram=."
    """
    for command, call in COMMANDS.items():
        text = text.replace(command, call)
    return _FLAG.sub(_argument, text)


def speaks_python(function: Callable[P, R]) -> Callable[P, R]:
    """Let a public function's errors name arguments."""

    @wraps(function)
    def speaking(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except SnncError as error:
            what, hint = python_words(error.what), python_words(error.hint)
            if (what, hint) == (error.what, error.hint):
                raise
            raise SnncError(error.code, what, where=error.where, hint=hint) from error

    return speaking
