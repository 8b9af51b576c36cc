"""A traced call of a function or method, and what its importers are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from torch import fx

from snnc.compiler.frontend.fx.values import Layout, Total, Traced, Value
from snnc.compiler.frontend.importing import Importing
from snnc.compiler.ir.operation import Operation
from snnc.errors import UNSUPPORTED_LAYER, SnncError


class Walking(Protocol):
    """What the meaning of a call is told by the walk that met it.

    Attributes:
        importing: the graph under construction.
        samples: N of the trace.
    """

    importing: Importing
    samples: int

    def once(self, key: Any, step: int | None, make: Callable[[], str | None]) -> str:
        """The graph node of something that a loop does at every step: made at step 0."""

    def value(self, node: fx.Node, name: str, like: Value) -> Value:
        """The traced value that a graph node stands for."""

    def called_on(self, value: Value) -> AbstractContextManager[None]:
        """Tell importers which axes come before the features."""


@dataclass(frozen=True)
class Call:
    """A traced call of a function or method, with its arguments resolved."""

    walk: Walking
    node: fx.Node
    args: tuple[Traced, ...]
    kwargs: Mapping[str, Traced]

    def argument(self, place: int, name: str, default: Any = None) -> Traced:
        """An argument by place or name."""
        return self.args[place] if len(self.args) > place else self.kwargs.get(name, default)

    def tensor(self, place: int = 0, name: str = "input") -> Value:
        """An argument that must be a value of the network."""
        given = self.argument(place, name)
        if not isinstance(given, Value):
            raise refused("it reads something else than a value of the network")
        return given

    def emit(
        self,
        op: Operation,
        inputs: Sequence[Value],
        params: Mapping[str, Any] | None = None,
    ) -> Value:
        """Add a node (once for all steps of a loop) for this call."""
        names = [value.name for value in inputs]
        step = common_step(inputs)
        constants = tuple(
            (role, np.asarray(value).tobytes()) for role, value in (params or {}).items()
        )
        key = ("function", op, tuple(names), constants)
        g = self.walk.importing
        name = self.walk.once(key, step, lambda: g.add(self.node.name, op, names, params))
        return self.walk.value(self.node, name, inputs[0])


def refused(
    what: str, hint: str = "Register an importer for the module that does it."
) -> SnncError:
    """The error for a call without a meaning in the graph."""
    return SnncError(UNSUPPORTED_LAYER, what, hint=hint)


def summed(walk: Walking, total: Total, op: Operation, path: str) -> Value:
    """A sum over all steps as a node. Raises SnncError where the loop left steps out."""
    if total.step != walk.importing.time_steps - 1:
        raise refused(
            f"it sums {total.step + 1} of {walk.importing.time_steps} steps",
            "Run the loop over every step.",
        )
    return Value(walk.importing.add(path, op, [total.name]), Layout.WINDOW)


def common_step(values: Sequence[Value]) -> int | None:
    """The step that all values belong to; None outside loops. Raises SnncError where they mix."""
    if len({(value.layout, value.step) for value in values}) > 1:
        raise refused(
            "it mixes values of different steps or layouts",
            "Combine values of the same step only; state goes through neurons.",
        )
    return values[0].step


Handler = Callable[[Call], Traced]
