"""The PyTorch frontend: trace a module with torch.fx and import it node by node.

The module takes ``[T, N, ...]`` (time first, then samples) as SpikingJelly's multi-step mode does;
a graph describes one sample.
"""

from __future__ import annotations

import operator
import re
import traceback
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import fx, nn

from snnc.compiler.frontend import layers as _layers  # registers importers
from snnc.compiler.frontend import ours as _ours  # registers importers
from snnc.compiler.frontend.importing import (
    Importing,
    Unsupported,
    check_dtype,
    importer_of,
    needed_importer,
)
from snnc.compiler.frontend.nir import nodes as _nir  # registers importers
from snnc.compiler.ir import Graph, Kind
from snnc.errors import BAD_SHAPE, UNSUPPORTED_LAYER, SnncError

__all__ = ["import_module", "survey"]
_REGISTERED = (_layers, _nir, _ours)


class LeafTracer(fx.Tracer):
    """Traces into every module for which no importer is registered, unless it is torch's own."""

    record_stack_traces = True

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Whether the module is imported as a whole."""
        return importer_of(m) is not None or super().is_leaf_module(m, module_qualified_name)


def import_module(
    model: nn.Module, input_shape: tuple[int, ...], time_steps: int, *, name: str = "model"
) -> Graph:
    """The graph of a model in evaluation mode.

    Args:
        model: takes [T, N, *input_shape] event counts, gives class scores [N, classes].
        input_shape: (C, H, W) or (features,) of one step.
        time_steps: T.
        name: name of the graph; becomes the prefix of the C symbols.

    Raises:
        SnncError: UNSUPPORTED_LAYER (all of them, see :func:`survey`), BAD_SHAPE, BAD_WEIGHTS.
    """
    importing, outputs = survey(model, input_shape, time_steps, name=name)
    return importing.graph(outputs)


def survey(
    model: nn.Module, input_shape: tuple[int, ...], time_steps: int, *, name: str = "model"
) -> tuple[Importing, list[str]]:
    """Import what can be imported and list everything that cannot (``importing.unsupported``)."""
    for key, parameter in model.named_parameters():
        check_dtype(parameter, key)
    training = {module: module.training for module in model.modules()}
    model.eval()
    importing = Importing(name, time_steps)
    whole = importer_of(model)
    if whole is not None:  # the model itself is a module that is imported as one
        output = whole(importing, model, "", [importing.input(input_shape, Kind.COUNT)])
        return importing, [] if output is None else [output]
    try:
        traced = _trace(model)
        _Shapes(model, graph=traced).record((time_steps, 1, *input_shape))
        walk = _Walk(importing, dict(model.named_modules()), input_shape)
        outputs = [walk.visit(node) for node in traced.nodes][-1]
    except _UntraceableError as error:
        importing.unsupported.append(error.entry)
        outputs = []
    finally:
        for module, mode in training.items():
            module.training = mode
    return importing, outputs


class _UntraceableError(Exception):
    def __init__(self, entry: Unsupported) -> None:
        super().__init__(entry.reason)
        self.entry = entry


def _trace(model: nn.Module) -> fx.Graph:
    try:
        traced = LeafTracer().trace(model)
    except Exception as error:  # whatever the user's forward does with a value that has no numbers
        raise _UntraceableError(
            Unsupported(
                module="",
                class_name=type(model).__name__,
                shape="",
                reason=f"torch.fx cannot trace its forward ({_first_line(error)})",
                suggestion="Make control flow independent of the data and its size.",
                source=_users_own(
                    (frame.f_code.co_filename, line)
                    for frame, line in traceback.walk_tb(error.__traceback__)
                ),
            )
        ) from error
    inputs = [node for node in traced.nodes if node.op == "placeholder"]
    if any(node.users or not node.args for node in inputs[1:]):  # args: its default value
        raise _UntraceableError(
            Unsupported(
                module="",
                class_name=type(model).__name__,
                shape="",
                reason=f"its forward takes {len(inputs)} inputs",
                suggestion="Let it take one tensor [T, N, ...].",
            )
        )
    return traced


def _users_own(frames: Iterable[tuple[str, int | str]]) -> str:
    """file:line of the innermost frame that belongs neither to torch nor to this compiler."""
    ours = (str(Path(torch.__file__).parent), str(Path(__file__).parents[1]))
    places = [f"{file}:{line}" for file, line in frames if not file.startswith(ours)]
    return places[-1] if places else ""


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


class _Shapes(fx.Interpreter):
    """Runs the traced model once and notes the shape of every value."""

    extra_traceback = False

    def record(self, shape: tuple[int, ...]) -> None:
        """Run on zeros. Raises SnncError (BAD_SHAPE) with the module that cannot take its input."""
        self.extra_traceback = False
        self.input_shape = list(shape)
        with torch.no_grad():
            self.run(torch.zeros(shape))

    def run_node(self, n: fx.Node) -> Any:
        """Run one node and note the shape of its result."""
        try:
            result = super().run_node(n)
        except SnncError:
            raise
        except Exception as error:  # any error of any layer: torch has no class of its own for it
            raise SnncError(
                BAD_SHAPE,
                f"the model cannot take an input of {self.input_shape}: {_first_line(error)}",
                where=str(n.target) if n.op == "call_module" else _line(n),
            ) from error
        if isinstance(result, torch.Tensor):
            n.meta["shape"] = tuple(result.shape)
        return result


class _Walk:
    """Visits the traced nodes in order; values are names of graph nodes."""

    def __init__(
        self, importing: Importing, modules: Mapping[str, nn.Module], input_shape: tuple[int, ...]
    ) -> None:
        self.importing = importing
        self.modules = modules
        self.input_shape = input_shape
        self.values: dict[fx.Node, str] = {}

    def visit(self, node: fx.Node) -> list[str]:
        """Import one traced node; returns the outputs' names at the output node, else []."""
        try:
            value = self._output(node) if node.op == "output" else self._import(node)
        except SnncError as error:
            self._refuse(node, error)
            value = None
        if value is not None:
            self.values[node] = value
        return [value] if value is not None and node.op == "output" else []

    def _output(self, node: fx.Node) -> str | None:
        """The model's result: one vector of real numbers, which the C copies out as scores."""
        if not isinstance(node.args[0], fx.Node):
            raise SnncError(
                UNSUPPORTED_LAYER,
                "the model gives something else than one tensor",
                mend="Return the class scores alone.",
            )
        inputs = self._inputs(node)
        if inputs is None:
            return None
        given = self.importing.type_of(inputs[0])
        if given.temporal or len(given.shape) != 1:
            raise SnncError(
                UNSUPPORTED_LAYER,
                f"the model gives {given}, not one vector of class scores",
                mend="End it with snnc.models.networks.TimeMean.",
            )
        return inputs[0]

    def _import(self, node: fx.Node) -> str | None:
        if node.op == "placeholder":
            # a second one is an argument with a default value that nobody reads
            return None if self.values else self.importing.input(self.input_shape, Kind.COUNT)
        if node.op == "call_module":
            return self._module(node)
        if node.op in ("call_function", "call_method"):
            return self._function(node)
        return None  # get_attr: its readers decide

    def _module(self, node: fx.Node) -> str | None:
        path = str(node.target)
        function = needed_importer(self.modules[path])
        inputs = self._inputs(node)
        if inputs is None:
            return None
        return function(self.importing, self.modules[path], path, inputs)

    def _function(self, node: fx.Node) -> str | None:
        function = FUNCTIONS.get(node.target)
        if function is None:
            called = getattr(node.target, "__name__", str(node.target))
            raise SnncError(
                UNSUPPORTED_LAYER,
                f"the function {called} is not supported in forward",
                mend="Use the nn.Module for it, or register an importer for the whole module.",
            )
        inputs = self._inputs(node)
        return None if inputs is None else function(self.importing, node, inputs)

    def _inputs(self, node: fx.Node) -> list[str] | None:
        """Names of the inputs; None where one of them could not be imported (already listed)."""
        sources: list[fx.Node] = []
        fx.node.map_arg((node.args, node.kwargs), sources.append)
        if any(source.op == "get_attr" for source in sources):
            raise SnncError(
                UNSUPPORTED_LAYER,
                "it reads a parameter or buffer directly in forward",
                mend="Put the parameter into a module, and register an importer for that.",
            )
        if any(source not in self.values for source in sources):
            return None
        return [self.values[source] for source in sources]

    def _refuse(self, node: fx.Node, error: SnncError) -> None:
        name = str(getattr(node.target, "__name__", node.target))
        shapes = [source.meta.get("shape", ()) for source in (*node.all_input_nodes, node)]
        self.importing.refuse(
            module=str(node.target) if node.op == "call_module" else _owner(node),
            class_name=type(self.modules[str(node.target)]).__name__
            if node.op == "call_module"
            else name,
            shape="×".join(map(str, shapes[0])),
            error=error,
            source=_line(node),
        )


def _owner(node: fx.Node) -> str:
    stack = node.meta.get("nn_module_stack") or {}
    return str(list(stack)[-1]) if stack else ""


def _line(node: fx.Node) -> str:
    return _users_own(re.findall(r'File "(.+?)", line (\d+)', node.stack_trace or ""))


def _add(importing: Importing, node: fx.Node, inputs: list[str]) -> str:
    if len(inputs) != 2:
        raise SnncError(
            UNSUPPORTED_LAYER, "adding a constant is not supported", mend="Put it into a bias."
        )
    if node.kwargs.get("alpha", 1) != 1:
        raise SnncError(
            UNSUPPORTED_LAYER, "add with a factor alpha is not supported", mend="Use a + b."
        )
    return importing.add(node.name, "add", inputs)


def _relu(importing: Importing, node: fx.Node, inputs: list[str]) -> str:
    return importing.add(node.name, "relu", inputs)


def _sigmoid(importing: Importing, node: fx.Node, inputs: list[str]) -> str:
    return importing.add(node.name, "sigmoid", inputs)


def _flatten(importing: Importing, node: fx.Node, inputs: list[str]) -> str:
    start = node.args[1] if len(node.args) > 1 else node.kwargs.get("start_dim", 0)
    end = node.args[2] if len(node.args) > 2 else node.kwargs.get("end_dim", -1)
    if not (isinstance(start, int) and isinstance(end, int)):
        raise SnncError(
            UNSUPPORTED_LAYER, "the dimensions to flatten depend on the data", mend="Write numbers."
        )
    _layers.check_flatten(importing, inputs[0], start, end)
    return importing.add(node.name, "flatten", inputs)


FunctionImporter = Callable[[Importing, fx.Node, list[str]], str]

FUNCTIONS: dict[Any, FunctionImporter] = {
    operator.add: _add,
    torch.add: _add,
    "add": _add,
    torch.relu: _relu,
    nn.functional.relu: _relu,
    "relu": _relu,
    torch.sigmoid: _sigmoid,
    "sigmoid": _sigmoid,
    torch.flatten: _flatten,
    "flatten": _flatten,
}
