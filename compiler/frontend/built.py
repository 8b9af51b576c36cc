"""Where a user's code builds each module of a network.

A refusal names the line of forward that calls what it refuses. A Sequential has no such line: its
modules are called by PyTorch, and the line that tells them apart is the one that built them.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType
from typing import Any

from torch import nn

from snnc.compiler.frontend.capture import sites

_LINES: dict[int, tuple[weakref.ref[nn.Module], str]] = {}
"""By identity, since a user's class may compare and hash as it likes."""


@contextmanager
def noted(stop: CodeType) -> Iterator[None]:
    """Note the line that builds each module meanwhile; frames outside of ``stop`` are not looked
    at. What copies a module builds none."""
    initialise: Callable[..., None] = nn.Module.__init__

    def noting(module: nn.Module, *args: Any, **kwargs: Any) -> None:
        initialise(module, *args, **kwargs)
        key = id(module)
        reference = weakref.ref(module, lambda _: _LINES.pop(key, None))
        _LINES[key] = (reference, sites.line(stop))

    nn.Module.__init__ = noting  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        nn.Module.__init__ = initialise  # type: ignore[method-assign]


def line_of(module: nn.Module) -> str:
    """``file:line`` of the user's code that built a module, or "" where nobody noted it."""
    reference, line = _LINES.get(id(module), (None, ""))
    return line if reference is not None and reference() is module else ""
