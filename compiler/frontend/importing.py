"""What every frontend writes into: a graph under construction that names what it cannot take.

An *importer* turns one module of the source model into nodes. It is registered for a class with
:func:`importer`; a user's own class is registered the same way. It raises SnncError
(UNSUPPORTED_LAYER) for what it cannot take, or lists that itself and gives None.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from snnc.compiler.frontend.identifiers import node_name
from snnc.compiler.frontend.outputs import SCORES
from snnc.compiler.ir.graph import Array, Graph, Kind, Location, Node, TensorType
from snnc.compiler.ir.operation import Operation
from snnc.compiler.ops import Input, inference
from snnc.errors import BAD_ATTRIBUTE, BAD_WEIGHTS, UNSUPPORTED_LAYER, SnncError

Importer = Callable[["Importing", Any, str, Sequence[str]], str | None]

IMPORTERS: dict[type, Importer] = {}

NAMED: dict[tuple[str, str], Importer] = {}
"""Importers for classes of packages that are never imported: (top package, class name)."""

BATCH_FIRST: set[Importer] = set()
"""Importers of modules that take and give [N, T, ...]; all others take time first."""

EITHER_FIRST: set[Importer] = set()
"""Importers of modules that look at one number at a time, so that the order is the same to them."""

TAKES_SPIKES: set[Importer] = set()
"""Importers of neurons that are called with (input, all that they gave at the step before), spikes
first; others leave the spikes out."""

Recogniser = Callable[[Any], Importer | None]

RECOGNISERS: list[Recogniser] = []
"""Functions that know a module by its structure, for code that people copy into their own."""


def importer(*classes: type) -> Callable[[Importer], Importer]:
    """Register a function ``(importing, module, path, inputs) -> output name`` for classes."""

    def register(function: Importer) -> Importer:
        for cls in classes:
            IMPORTERS[cls] = function
        return function

    return register


def importer_named(package: str, *names: str) -> Callable[[Importer], Importer]:
    """Register an importer for classes of a package that is not imported, by their names."""

    def register(function: Importer) -> Importer:
        for name in names:
            NAMED[package, name] = function
        return function

    return register


def importer_of(module: object) -> Importer | None:
    """The importer of a module: by its own class (a subclass may mean something else), by package
    and name of the class, or by structure."""
    cls = type(module)
    function = IMPORTERS.get(cls) or NAMED.get((cls.__module__.split(".")[0], cls.__name__))
    if function is None:
        found = (recognise(module) for recognise in RECOGNISERS)
        function = next((importer for importer in found if importer is not None), None)
    return function


def has_importer(module: nn.Module) -> bool:
    """Whether a module's class has an importer that is not this project's own."""
    importer = importer_of(module)
    return importer is not None and not importer.__module__.startswith("snnc.")


def needed_importer(module: object) -> Importer:
    """The module's importer. Raises SnncError (UNSUPPORTED_LAYER) where there is none."""
    function = importer_of(module)
    if function is None:
        raise SnncError(
            UNSUPPORTED_LAYER,
            "no operator is registered for this class",
            hint="Replace it by a supported layer, or register an importer for it.",
        )
    return function


@dataclass(frozen=True)
class Unsupported:
    """One thing that the compiler cannot take, as ``snnc check`` lists it.

    ``shape`` is that of its input, "" where it is not known; ``source`` the line of the user's own
    code that calls it, or that built it where only PyTorch does.
    """

    module: str
    class_name: str
    shape: str
    reason: str
    suggestion: str
    source: str = ""

    @property
    def place(self) -> str:
        """Module and line, as far as they are known."""
        if self.module and self.source:
            return f"{self.module} ({self.source})"
        return self.module or self.source

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
        self.other_graphs: list[Graph] = []
        """What stands behind something unsupported, each module by itself."""
        self.output_names: tuple[str, ...] = (SCORES,)
        self.arranged: dict[tuple[Any, ...], str] = {}
        """Nodes that only see another one in another shape or layout, by what they are."""
        self.samples = 1
        """N of the trace, where a model is read by what PyTorch executes."""
        self.observer: Any = None
        self.executed: SnncError | None = None
        """Why what PyTorch executes cannot be read either, where that was tried."""
        """Sees PyTorch's values of nodes that no module gives (:class:`Graph`)."""
        self.leading_axes = 2
        """Axes before the features of one step: [T, N, ...], or [T*N, ...] inside OverTime."""
        self.stepwise = False
        """Whether modules are called once for each time step, on [N, ...], and keep their state."""

    def input(self, shape: tuple[int, ...], kind: Kind, path: str = "") -> str:
        """Add the network's input, or that of the module at ``path`` alone."""
        node = Node("input", Input(), (), TensorType(shape, kind), loc=Location(path))
        self.nodes[node.name] = node
        return node.name

    def imported(
        self, function: Importer, module: object, path: str, inputs: Sequence[str]
    ) -> str | None:
        """What an importer adds for a module; an op that it cannot build is that module's."""
        try:
            return function(self, module, path, inputs)
        except SnncError as error:
            if error.code is not BAD_ATTRIBUTE or error.where:
                raise
            place = path or type(module).__name__
            raise SnncError(error.code, error.what, where=place, hint=error.hint) from error

    def add(
        self,
        path: str,
        op: Operation,
        inputs: Sequence[str],
        params: Mapping[str, torch.Tensor | Array | None] | None = None,
        source: str = "",
    ) -> str:
        """Add a node for the module at ``path``; its type is inferred at once.

        Parameters that are None are left out. Raises SnncError (BAD_SHAPE, BAD_WEIGHTS, or
        BAD_ATTRIBUTE for parameters that the op does not take).
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
            params={role: f"{name}.{role}" for role in arrays},
            loc=Location(path, source),
        )
        given = [self.nodes[i].type for i in inputs]
        self.nodes[name] = node.replace(type=inference.infer(node, given, arrays))
        self.params |= {f"{name}.{role}": value for role, value in arrays.items()}
        return name

    def type_of(self, name: str) -> TensorType:
        """Type of a value added before."""
        return self.nodes[name].type

    def refuse(
        self, module: str, class_name: str, shape: str, error: SnncError, source: str = ""
    ) -> None:
        """List what ``error`` (UNSUPPORTED_LAYER) says about a module or function.

        Raises:
            SnncError: the error itself, if it is of another kind.
        """
        if error.code is not UNSUPPORTED_LAYER:
            raise error
        self.unsupported.append(
            Unsupported(module, class_name, shape, error.what, error.hint, source)
        )

    def graph(self, outputs: Sequence[str]) -> Graph:
        """The finished graph. Raises SnncError if anything could not be taken."""
        if self.unsupported:
            raise unsupported_error(self.unsupported, self.executed)
        return self._graph(outputs, self.output_names)

    def fragments(self) -> list[Graph]:
        """What could be taken of a model with unsupported parts: the graph up to them, its ends as
        outputs, and each module behind them by itself."""
        read = {name for node in self.nodes.values() for name in node.inputs}
        ends = [name for name in self.nodes if name not in read]
        return [*([self._graph(ends, ends)] if ends else []), *self.other_graphs]

    def _graph(self, outputs: Sequence[str], names: Sequence[str]) -> Graph:
        nodes = tuple(self.nodes.values())
        return Graph(
            self.name,
            self.time_steps,
            nodes,
            self.params,
            tuple(outputs),
            tuple(names),
            self.observer,
        )

    def _fresh(self, name: str) -> str:
        number = 1
        candidate = name
        while candidate in self.nodes:
            number += 1
            candidate = f"{name}_{number}"
        return candidate


def not_executed(error: SnncError) -> str:
    """The end of a refusal: why what PyTorch executes cannot be read either."""
    return f"; nor can what it executes be read: {error.what} ({error.where})"


def unsupported_error(
    entries: Sequence[Unsupported], executed: SnncError | None = None
) -> SnncError:
    """One sentence for the first unsupported thing, with the number of the others, and what keeps
    the model from being read by what PyTorch executes."""
    first = entries[0]
    others = f" (and {len(entries) - 1} more)" if len(entries) > 1 else ""
    also = not_executed(executed) if executed else ""
    return SnncError(
        UNSUPPORTED_LAYER,
        f"{first.class_name}: {first.reason}{others}{also}",
        where=first.place,
        hint=f"{first.suggestion} Run `snnc check` to see all of them.",
    )


def check_dtype(value: torch.Tensor, where: str) -> None:
    """Raise SnncError (BAD_WEIGHTS) unless the parameter is float32."""
    if value.dtype != torch.float32:
        raise SnncError(
            BAD_WEIGHTS,
            f"the parameter is {value.dtype}, and the C computes in float32",
            where=where,
            hint="Convert the model with model.float() and check its accuracy again.",
        )


def exact(value: torch.Tensor | Array, where: str) -> Array:
    """A parameter as float64, which holds every float32 exactly.

    Raises:
        SnncError: BAD_WEIGHTS for NaN or infinity, and for any other type than float32: the source
            model rounds in that type, and the C does not.
    """
    if isinstance(value, torch.Tensor):
        check_dtype(value, where)
        value = value.detach().to("cpu", torch.float64).numpy()  # float32 before, so a copy
    else:
        value = np.array(value, dtype=np.float64)  # its own, and writable
    if not np.isfinite(value).all():
        bad = np.argwhere(~np.isfinite(value))
        place = f"[{', '.join(map(str, bad[0]))}]" if value.ndim else ""
        raise SnncError(
            BAD_WEIGHTS,
            f"{len(bad)} of {value.size} values are NaN or infinite, the first at {place}",
            where=where,
        )
    return value
