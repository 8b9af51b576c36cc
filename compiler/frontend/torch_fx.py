"""The PyTorch frontend: trace a module with torch.fx and import it node by node.

The module takes ``[T, N, ...]`` (time first, then samples) as SpikingJelly's multi-step mode does;
a graph describes one sample.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import fx, nn

from snnc.compiler.frontend import layers as _layers  # registers importers
from snnc.compiler.frontend import ours as _ours  # registers importers
from snnc.compiler.frontend.importing import Importing, Unsupported, importer_of
from snnc.compiler.ir import Graph, Kind
from snnc.errors import BAD_SHAPE, UNSUPPORTED_LAYER, SnncError

__all__ = ["import_module", "survey"]
_REGISTERED = (_layers, _ours)


class LeafTracer(fx.Tracer):
    """Traces into every module for which no importer is registered, unless it is torch's own."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Whether the module is imported as a whole."""
        return importer_of(m) is not None or super().is_leaf_module(m, module_qualified_name)


def import_module(
    model: nn.Module, input_shape: tuple[int, ...], time_steps: int, *, name: str = "model"
) -> Graph:
    """The graph of a model in evaluation mode.

    Args:
        model: takes [T, N, *input_shape] event counts, gives one tensor.
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
    was_training = model.training
    model.eval()
    importing = Importing(name, time_steps)
    try:
        traced = _trace(model)
        _propagate_shapes(traced, model, (time_steps, 1, *input_shape))
        walk = _Walk(importing, dict(model.named_modules()), input_shape)
        outputs = [walk.visit(node) for node in traced.nodes][-1]
    except _UntraceableError as error:
        importing.unsupported.append(error.entry)
        outputs = []
    finally:
        model.train(was_training)
    return importing, outputs


class _UntraceableError(Exception):
    def __init__(self, entry: Unsupported) -> None:
        super().__init__(entry.reason)
        self.entry = entry


def _trace(model: nn.Module) -> fx.Graph:
    try:
        return LeafTracer().trace(model)
    except (fx.proxy.TraceError, TypeError) as error:
        raise _UntraceableError(
            Unsupported(
                module="",
                class_name=type(model).__name__,
                shape="",
                reason=f"torch.fx cannot trace its forward ({error})",
                suggestion="Make control flow independent of the data.",
                source=_user_frame(error),
            )
        ) from error


def _user_frame(error: BaseException) -> str:
    """file:line of the innermost frame outside torch: the user's own line."""
    place = ""
    trace = error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if "/torch/" not in file and "/snnc/compiler/" not in file:
            place = f"{file}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


def _propagate_shapes(traced: fx.Graph, model: nn.Module, shape: tuple[int, ...]) -> None:
    from torch.fx.passes.shape_prop import ShapeProp

    try:
        with torch.no_grad():
            ShapeProp(fx.GraphModule(model, traced)).propagate(torch.zeros(shape))
    except RuntimeError as error:
        reason = str(error).split("\n\n")[0].splitlines()[-1]
        raise SnncError(
            BAD_SHAPE, f"the model cannot take an input of {list(shape)}: {reason}"
        ) from error


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
        if node.op == "output":
            results = node.args[0] if isinstance(node.args[0], tuple | list) else (node.args[0],)
            sources = [value for value in results if isinstance(value, fx.Node)]
            return [self.values[value] for value in sources if value in self.values]
        try:
            value = self._import(node)
        except SnncError as error:
            if error.code is not UNSUPPORTED_LAYER:
                raise
            self._refuse(node, error.what, error.mend)
            return []
        if value is not None:
            self.values[node] = value
        return []

    def _import(self, node: fx.Node) -> str | None:
        if node.op == "placeholder":
            return self._placeholder(node)
        if node.op == "call_module":
            return self._module(node)
        if node.op in ("call_function", "call_method"):
            return self._function(node)
        return None  # get_attr: its readers decide

    def _placeholder(self, node: fx.Node) -> str | None:
        if self.importing.nodes:
            if node.args:  # a further argument with a default value
                return None
            raise SnncError(
                UNSUPPORTED_LAYER, "the model has more than one input", mend="Use one input tensor."
            )
        return self.importing.input(self.input_shape, Kind.COUNT)

    def _module(self, node: fx.Node) -> str | None:
        path = str(node.target)
        module = self.modules[path]
        function = importer_of(module)
        if function is None:
            raise SnncError(
                UNSUPPORTED_LAYER,
                "no operator is registered for this class",
                mend="Replace it by a supported layer, or register an importer for it.",
            )
        inputs = self._inputs(node)
        return None if inputs is None else function(self.importing, module, path, inputs)

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
        sources = node.all_input_nodes
        if any(source not in self.values for source in sources):
            return None
        return [self.values[source] for source in sources]

    def _refuse(self, node: fx.Node, reason: str, suggestion: str) -> None:
        is_module = node.op == "call_module"
        meta = node.meta.get("tensor_meta")
        self.importing.unsupported.append(
            Unsupported(
                module=str(node.target) if is_module else _owner(node),
                class_name=type(self.modules[str(node.target)]).__name__
                if is_module
                else str(getattr(node.target, "__name__", node.target)),
                shape="×".join(map(str, getattr(meta, "shape", ()))),
                reason=reason,
                suggestion=suggestion,
                source=_line(node),
            )
        )


def _owner(node: fx.Node) -> str:
    stack = node.meta.get("nn_module_stack") or {}
    return str(list(stack)[-1]) if stack else ""


def _line(node: fx.Node) -> str:
    trace = (node.stack_trace or "").strip().splitlines()
    return trace[-2].strip() if len(trace) >= 2 else ""


def _add(importing: Importing, node: fx.Node, inputs: list[str]) -> str:
    if len(inputs) != 2:
        raise SnncError(
            UNSUPPORTED_LAYER, "adding a constant is not supported", mend="Put it into a bias."
        )
    return importing.add(node.name, "add", inputs)


def _relu(importing: Importing, node: fx.Node, inputs: list[str]) -> str:
    return importing.add(node.name, "relu", inputs)


def _sigmoid(importing: Importing, node: fx.Node, inputs: list[str]) -> str:
    return importing.add(node.name, "sigmoid", inputs)


def _flatten(importing: Importing, node: fx.Node, inputs: list[str]) -> str:
    start = node.args[1] if len(node.args) > 1 else node.kwargs.get("start_dim", 0)
    end = node.args[2] if len(node.args) > 2 else node.kwargs.get("end_dim", -1)
    rank = len(importing.type_of(inputs[0]).shape)
    if (start, end) not in ((2, -1), (2, rank + 1)):
        raise SnncError(
            UNSUPPORTED_LAYER,
            f"flatten({start}, {end}) would mix time steps or samples",
            mend="Flatten from dimension 2 of [T, N, C, H, W].",
        )
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
