"""Tracing a model with torch.fx while its values have concrete shapes.

Every proxy carries the tensor that the model computes for an input of zeros. Sizes are then plain
integers, so that loops over the steps of the input and arithmetic on shapes run as they stand. A
branch on the values themselves is refused with the line of the user's file.

A window of more than :data:`LARGE` numbers has no numbers: what depends on it is on torch's meta
device (:mod:`shapes`), and tracing takes no memory. A model with a layer that asks for numbers even
so is traced again on real zeros; what is refused is refused there.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import fx, nn

from snnc import messages
from snnc.compiler.frontend.capture import sites
from snnc.compiler.frontend.fx.shapes import Shapes, without_state
from snnc.compiler.frontend.importing import Unsupported, importer_of
from snnc.errors import BAD_SHAPE, SnncError

LARGE = 2**18
"""Computing on fewer zeros takes less time than loading what torch's meta device needs (1 s)."""

_LEAF_PACKAGES = ("spikingjelly", "snntorch")
"""Their layers and neurons are known by name; their models are traced into."""


class UntraceableError(Exception):
    """The forward pass is not one fixed flow of values; ``entry`` is what `snnc check` lists."""

    def __init__(self, entry: Unsupported) -> None:
        super().__init__(entry.reason)
        self.entry = entry


class _BranchError(Exception):
    """A decision that depends on the numbers in a tensor."""


def trace(model: nn.Module, shape: tuple[int, ...]) -> fx.Graph:
    """Trace a model on zeros of ``shape``.

    Each node's ``meta`` holds ``shape`` (of a tensor) or ``length`` (of a tuple).

    Raises:
        UntraceableError: the forward pass depends on numbers in its input, or needs more inputs.
        SnncError: BAD_SHAPE, with the module that cannot take what it is given.
    """
    if math.prod(shape) > LARGE:
        try:
            with torch.no_grad(), _left_as_it_was(model):
                return _ShapeTracer(shape).trace(model)
        except Exception:  # because there are no numbers, or it comes again with them
            pass
    return _traced_on_zeros(model, shape)


def _traced_on_zeros(model: nn.Module, shape: tuple[int, ...]) -> fx.Graph:
    try:
        with torch.no_grad(), _left_as_it_was(model):
            return _Tracer(shape).trace(model)
    except (SnncError, UntraceableError):
        raise
    except Exception as error:  # whatever the user's forward does with a value that has no numbers
        source = sites.line_of(error)
        depends = isinstance(error, (_BranchError, fx.proxy.TraceError))
        raise UntraceableError(
            Unsupported(
                module="",
                class_name=type(model).__name__,
                shape="×".join(map(str, shape)),
                reason="its forward decides by the numbers in a tensor"
                if depends
                else f"torch.fx cannot trace its forward ({first_line(error)})",
                suggestion="Make control flow independent of the data, or register an importer "
                "for the module that does it.",
                source=source,
            )
        ) from error


@contextmanager
def _left_as_it_was(model: nn.Module) -> Iterator[None]:
    """Undo what forward assigns to modules: traced values mean nothing after the trace."""
    tables = [vars(module) for module in model.modules()]
    tables += [table for own in tables for table in (own["_parameters"], own["_buffers"])]
    before = [(table, dict(table)) for table in tables]
    try:
        yield
    finally:
        for table, entries in before:
            table.clear()
            table.update(entries)


class _Tracer(fx.Tracer):
    """Traces into every module for which no importer is registered, unless it is torch's own."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.input_shape = list(shape)
        self.concrete: dict[fx.Node, Any] = {}
        self.evaluating = False

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Whether the module is imported as a whole."""
        if importer_of(m) is not None or super().is_leaf_module(m, module_qualified_name):
            return True
        package, *rest = type(m).__module__.split(".")
        traced = {"model", "examples"} & set(rest)
        return package in _LEAF_PACKAGES and not traced

    def create_node(self, kind: str, target: Any, *args: Any, **kwargs: Any) -> fx.Node:
        """Create a node and compute its value."""
        node = super().create_node(kind, target, *args, **kwargs)
        node.meta["source"] = sites.line(
            trace.__code__
        )  # torch's own stack traces cost a second and 100 MB
        if kind != "output":
            self.concrete[node] = self._evaluate(node)
            _describe(node, self.concrete[node])
        return node

    def create_proxy(self, kind: str, target: Any, args: Any, *rest: Any, **options: Any) -> Any:
        """A traced value; a further argument of forward is its default value as it stands."""
        if kind == "placeholder" and self.concrete and args:
            return args[0]
        return super().create_proxy(kind, target, args, *rest, **options)

    def proxy(self, node: fx.Node) -> fx.Proxy:
        """A proxy that knows its value's shape."""
        return _Concrete(node, self)

    def call_module(
        self,
        m: nn.Module,
        forward: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        """Trace a call, unless a leaf is being evaluated."""
        if self.evaluating:
            return forward(*args, **kwargs)
        return super().call_module(m, forward, args, kwargs)

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Any]) -> Any:
        """A parameter as a traced value, unless a leaf is being evaluated."""
        if self.evaluating:
            return attr_val
        return super().getattr(attr, attr_val, parameter_proxy_cache)

    def _evaluate(self, node: fx.Node) -> Any:
        if node.op == "placeholder":
            if self.concrete:
                raise _another_input(node)
            return self._input()
        args, kwargs = fx.node.map_arg((node.args, node.kwargs), lambda at: self.concrete[at])
        before, self.evaluating = self.evaluating, True
        try:
            if node.op == "get_attr":
                node.meta["constant"] = _attribute(self.root, str(node.target))  # as it is now
                return node.meta["constant"]
            with self._computing():
                if node.op == "call_module":
                    return self._leaf(str(node.target))(*args, **kwargs)
                if node.op == "call_method":
                    return getattr(args[0], str(node.target))(*args[1:], **kwargs)
                return node.target(*args, **kwargs)  # type: ignore[operator]
        except SnncError:
            raise
        except Exception as error:  # any error of any layer: torch has no class of its own for it
            raise SnncError(
                BAD_SHAPE,
                f"the model cannot take an input of {self.input_shape}: {first_line(error)}",
                where=str(node.target) if node.op == "call_module" else sites.line(trace.__code__),
            ) from error
        finally:
            self.evaluating = before

    def _input(self) -> torch.Tensor:
        return torch.zeros(self.input_shape)

    def _computing(self) -> AbstractContextManager[Any]:
        """Around every computation of a value."""
        return nullcontext()

    def _leaf(self, path: str) -> nn.Module:
        """The module at a path, ready to run."""
        return self.root.get_submodule(path)


class _ShapeTracer(_Tracer):
    """Computes shapes instead of values; the model's own modules do not run."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__(shape)
        self.leaves: dict[str, nn.Module] = {}

    def _input(self) -> torch.Tensor:
        return torch.empty(self.input_shape, device="meta")

    def _computing(self) -> AbstractContextManager[Any]:
        return Shapes()  # type: ignore[no-untyped-call]

    def _leaf(self, path: str) -> nn.Module:
        if path not in self.leaves:
            self.leaves[path] = without_state(super()._leaf(path))
        return self.leaves[path]


def _another_input(node: fx.Node) -> UntraceableError:
    return UntraceableError(
        Unsupported(
            module="",
            class_name="forward",
            shape="",
            reason=f"the forward takes another input, {node.target}",
            suggestion="Let it take one tensor.",
        )
    )


def _attribute(root: nn.Module, path: str) -> Any:
    value: Any = root
    for part in path.split("."):
        value = getattr(value, part)
    return value


def _describe(node: fx.Node, value: Any) -> None:
    if isinstance(value, torch.Tensor):
        node.meta["shape"], node.meta["dtype"] = tuple(value.shape), value.dtype
    elif isinstance(value, tuple):
        node.meta["length"] = len(value)
        node.meta["shape"] = tuple(getattr(value[0], "shape", ())) if value else ()


class _Concrete(fx.Proxy):
    """A traced value that answers every question about its size with a number."""

    tracer: _Tracer

    @property
    def value(self) -> Any:
        return self.tracer.concrete[self.node]

    @property
    def shape(self) -> torch.Size:
        return self.value.shape  # type: ignore[no-any-return]

    @property
    def ndim(self) -> int:
        return self.value.ndim  # type: ignore[no-any-return]

    @property
    def dtype(self) -> torch.dtype:
        return self.value.dtype  # type: ignore[no-any-return]

    @property
    def device(self) -> torch.device:
        return torch.device("cpu")  # where the model is, wherever it is traced

    def size(self, *axis: int) -> Any:
        return self.value.size(*axis)

    def dim(self) -> int:
        return self.value.dim()  # type: ignore[no-any-return]

    def numel(self) -> int:
        return self.value.numel()  # type: ignore[no-any-return]

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self) -> Iterator[Any]:
        return (operator.getitem(self, index) for index in range(len(self.value)))

    def __bool__(self) -> bool:
        if isinstance(self.value, torch.Tensor):
            raise _BranchError
        return bool(self.value)


def line_of(node: fx.Node) -> str:
    """file:line of the user's code that made a traced node."""
    return str(node.meta.get("source", ""))


def first_line(error: Exception) -> str:
    """What an exception says first; torch appends the stack of its C++ functions."""
    return messages.first_line(str(error)) or type(error).__name__
