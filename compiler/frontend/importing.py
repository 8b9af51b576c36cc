"""What every frontend writes into: a graph under construction that names what it cannot take.

An *importer* turns one module of the source model into nodes. It is registered for a class with
:func:`importer`; a user's own class is registered the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from snnc.compiler import typing
from snnc.compiler.ir import Array, Graph, Kind, Location, Node, TensorType
from snnc.errors import BAD_WEIGHTS, UNSUPPORTED_LAYER, SnncError

Importer = Callable[["Importing", Any, str, Sequence[str]], str]

IMPORTERS: dict[type, Importer] = {}


def importer(*classes: type) -> Callable[[Importer], Importer]:
    """Register a function ``(importing, module, path, inputs) -> output name`` for classes."""

    def register(function: Importer) -> Importer:
        for cls in classes:
            IMPORTERS[cls] = function
        return function

    return register


def importer_of(module: object) -> Importer | None:
    """The importer registered for the module's own class (a subclass may mean something else)."""
    return IMPORTERS.get(type(module))


@dataclass(frozen=True)
class Unsupported:
    """One thing that the compiler cannot take, as ``snnc check`` lists it."""

    module: str
    class_name: str
    shape: str
    reason: str
    suggestion: str
    source: str = ""

    def as_json(self) -> dict[str, str]:
        """The entry of the JSON contract."""
        return {
            "module": self.module,
            "class": self.class_name,
            "shape": self.shape,
            "reason": self.reason,
            "suggestion": self.suggestion,
            "source": self.source,
        }


class Importing:
    """A graph under construction, and the list of what could not be taken."""

    def __init__(self, name: str, time_steps: int) -> None:
        self.name = name
        self.time_steps = time_steps
        self.nodes: dict[str, Node] = {}
        self.params: dict[str, Array] = {}
        self.unsupported: list[Unsupported] = []

    def input(self, shape: tuple[int, ...], kind: Kind) -> str:
        """Add the network's input."""
        node = Node("input", "input", (), TensorType(shape, kind))
        self.nodes[node.name] = node
        return node.name

    def add(
        self,
        path: str,
        op: str,
        inputs: Sequence[str],
        attrs: Mapping[str, Any] | None = None,
        params: Mapping[str, torch.Tensor | Array | None] | None = None,
        source: str = "",
    ) -> str:
        """Add a node for the module at ``path``; its type is inferred at once.

        Parameters that are None are left out. Raises SnncError (BAD_SHAPE, BAD_WEIGHTS).
        """
        name = self._fresh(node_name(path))
        arrays = {
            role: exact(value, f"{path}.{role}")
            for role, value in (params or {}).items()
            if value is not None
        }
        node = Node(
            name=name,
            op=op,
            inputs=tuple(inputs),
            type=TensorType((), Kind.REAL),
            attrs=dict(attrs or {}),
            params={role: f"{name}.{role}" for role in arrays},
            loc=Location(path, source),
        )
        given = [self.nodes[i].type for i in inputs]
        self.nodes[name] = node.replace(type=typing.infer(node, given, arrays))
        self.params |= {f"{name}.{role}": value for role, value in arrays.items()}
        return name

    def type_of(self, name: str) -> TensorType:
        """Type of a value added before."""
        return self.nodes[name].type

    def graph(self, outputs: Sequence[str]) -> Graph:
        """The finished graph. Raises SnncError if anything could not be taken."""
        if self.unsupported:
            raise unsupported_error(self.unsupported)
        nodes = tuple(self.nodes.values())
        return Graph(self.name, self.time_steps, nodes, self.params, tuple(outputs))

    def _fresh(self, name: str) -> str:
        number = 1
        candidate = name
        while candidate in self.nodes:
            number += 1
            candidate = f"{name}_{number}"
        return candidate


def unsupported_error(entries: Sequence[Unsupported]) -> SnncError:
    """One sentence for the first unsupported thing, with the number of the others."""
    first = entries[0]
    others = f" (and {len(entries) - 1} more)" if len(entries) > 1 else ""
    return SnncError(
        UNSUPPORTED_LAYER,
        f"{first.class_name}: {first.reason}{others}",
        where=first.module or first.source,
        mend=f"{first.suggestion} Run `snnc check` to see all of them.",
    )


def node_name(path: str) -> str:
    """A C identifier from a module path, without the words that every path of ours has."""
    words = [word for word in path.split(".") if word not in ("synapse", "layers")]
    name = "_".join(words) or "root"
    return name if name.isidentifier() else f"m_{name}"


def exact(value: torch.Tensor | Array, where: str) -> Array:
    """A parameter as float64, which holds every float32 and float16 exactly.

    Raises:
        SnncError: BAD_WEIGHTS for NaN or infinity, for complex numbers and for float64, whose
            rounding to float32 the source model does not do.
    """
    if isinstance(value, torch.Tensor):
        if value.is_complex() or value.dtype == torch.float64:
            raise SnncError(
                BAD_WEIGHTS,
                f"the parameter is {value.dtype}, and the C computes in float32",
                where=where,
                mend="Convert the model with model.float() and check its accuracy again.",
            )
        value = value.detach().to("cpu", torch.float64).numpy()
    value = np.asarray(value, dtype=np.float64)
    if not np.isfinite(value).all():
        bad = np.argwhere(~np.isfinite(value))
        place = f"[{', '.join(map(str, bad[0]))}]" if value.ndim else ""
        raise SnncError(
            BAD_WEIGHTS,
            f"{len(bad)} of {value.size} values are NaN or infinite, the first at {place}",
            where=where,
        )
    return value
