"""The graph under construction: nodes with where they come from and what they hold."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import CodeType
from typing import Any

import torch
from torch import Tensor, fx, nn

from snnc.compiler.frontend.capture import sites
from snnc.compiler.frontend.capture.tensors.memory import Geometry
from snnc.errors import UNSUPPORTED_LAYER, SnncError


class Recorder:
    """Writes an ``fx.Graph`` whose nodes all carry the same metadata.

    Every node's ``meta`` holds ``module`` (path of the innermost module that runs), ``source``
    (``file:line`` of the user's own code), ``call`` (which call of a per-step model), ``depends``
    (whether its numbers come from the input), ``kind`` (input, parameter, buffer, attribute,
    constant or value) and, for a tensor, ``shape``, ``dtype`` and ``stride``.

    Args:
        stop: frames outside of this function's are not the model's.
    """

    def __init__(self, stop: CodeType) -> None:
        self.graph = fx.Graph()
        self.attributes: dict[str, Tensor | nn.Module] = {}
        self.refusal: SnncError | None = None
        self.call = 0
        self._path = [""]
        self._failure: tuple[str, Exception | None] = ("", None)
        self._stop = stop

    @contextmanager
    def inside(self, module: str) -> Iterator[None]:
        """What runs in this context belongs to the module of that path."""
        self._path.append(module)
        try:
            yield
        except Exception as error:
            if error is not self._failure[1]:
                self._failure = (module, error)
            raise
        finally:
            self._path.pop()

    def refused(self, what: str, hint: str) -> SnncError:
        """The error that says where the model left the fixed flow of values.

        It is kept, because the model's own code might catch it.
        """
        where = ", ".join(place for place in (self._path[-1], sites.line(self._stop)) if place)
        self.refusal = SnncError(UNSUPPORTED_LAYER, what, where=where, hint=hint)
        return self.refusal

    def failed(self, error: Exception) -> SnncError:
        """The error for a forward that raised ``error``."""
        if self.refusal is not None:
            return self.refusal
        if isinstance(error, SnncError):
            return error
        module = self._failure[0] if error is self._failure[1] else ""
        where = ", ".join(place for place in (module, sites.line_of(error)) if place)
        reason = " ".join(str(error).split()) or "no message"
        return SnncError(
            UNSUPPORTED_LAYER,
            f"forward fails in PyTorch ({type(error).__name__}: {reason})",
            where=where,
            hint="Call the model on an input of the declared shape in Python first.",
        )

    def input(self, name: str, tensor: Tensor) -> fx.Node:
        """Add an input of the graph."""
        node = self._placed(self.graph.placeholder(name), "input", depends=True)
        return held(node, Geometry.of(tensor))

    def attribute(self, name: str, tensor: Tensor, kind: str) -> fx.Node:
        """Add a tensor that the model has and did not compute."""
        self.attributes[name] = tensor
        node = self._placed(self.graph.create_node("get_attr", name), kind, depends=False)
        return held(node, Geometry.of(tensor))

    def leaf(
        self, path: str, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> fx.Node:
        """Add a call of a whole module."""
        self.attributes[path] = module
        return self._placed(self.graph.call_module(path, args, kwargs), "value", depends=True)

    def add(
        self,
        func: Any,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any] | None = None,
        *,
        holds: Geometry | Tensor | None = None,
        depends: bool | None = None,
    ) -> fx.Node:
        """Add a call of an operator on nodes.

        Args:
            holds: the tensor that it gives, or how that lies; None for several.
            depends: whether the result's numbers come from the input; by default, whether those of
                an argument do.
        """
        node = self.graph.call_function(func, args, dict(kwargs or {}))
        if depends is None:
            depends = any(argument.meta["depends"] for argument in node.all_input_nodes)
        self._placed(node, "value", depends)
        if holds is not None:
            held(node, Geometry.of(holds) if isinstance(holds, Tensor) else holds)
        return node

    def items(self, node: fx.Node, results: Sequence[Any] | dict[Any, Any]) -> list[fx.Node]:
        """One node for each of several results of ``node``."""
        pairs = results.items() if isinstance(results, dict) else enumerate(results)
        return [
            self.add(
                operator.getitem, (node, key), holds=value if isinstance(value, Tensor) else None
            )
            for key, value in pairs
        ]

    def without_dead_nodes(self) -> set[fx.Node]:
        """Remove what no output needs, and give what is left. Leaves stay: they may remember."""
        for node in reversed(self.graph.nodes):
            if not node.users and node.op in ("call_function", "get_attr"):
                self.graph.erase_node(node)
        live = set(self.graph.nodes)
        read = {str(node.target) for node in live if node.op in ("get_attr", "call_module")}
        self.attributes = {name: x for name, x in self.attributes.items() if name in read}
        return live

    def keep_numbers(self) -> None:
        """Let the graph own what its buffers and attributes hold at rest: the model's may hold
        something else when it is put back."""
        for node in self.graph.nodes:
            if node.op == "get_attr" and node.meta["kind"] in ("buffer", "attribute"):
                tensor = self.attributes[str(node.target)]
                assert isinstance(tensor, Tensor)
                self.attributes[str(node.target)] = _copied(tensor)

    def root(self) -> nn.Module:
        """A module that has everything the graph names."""
        root = nn.Module()
        for path in sorted(self.attributes, key=lambda path: path.count(".")):
            *parents, name = path.split(".")
            owner = root
            for parent in parents:
                if not hasattr(owner, parent):
                    setattr(owner, parent, nn.Module())
                owner = getattr(owner, parent)
            if not hasattr(owner, name):  # a leaf has its own tensors
                setattr(owner, name, self.attributes[path])
        return root

    def _placed(self, node: fx.Node, kind: str, depends: bool) -> fx.Node:
        node.meta["module"] = self._path[-1]
        node.meta["source"] = sites.line(self._stop)
        node.meta["call"] = self.call
        node.meta["kind"] = kind
        node.meta["depends"] = depends
        return node


def held(node: fx.Node, geometry: Geometry) -> fx.Node:
    """Note what a node's tensor looks like."""
    node.meta["shape"] = torch.Size(geometry.shape)
    node.meta["dtype"] = geometry.dtype
    node.meta["stride"] = geometry.stride
    return node


def _copied(tensor: Tensor) -> Tensor:
    """A copy that lies in memory as the tensor does, gaps and overlaps included."""
    if not tensor.numel():
        return tensor.detach().clone()
    pairs = zip(tensor.shape, tensor.stride(), strict=True)
    span = 1 + sum((size - 1) * stride for size, stride in pairs)
    flat = tensor.detach().as_strided((span,), (1,)).clone()
    return flat.as_strided(tensor.shape, tensor.stride(), 0)
