"""Writing down what PyTorch executes: every call that reaches the dispatcher becomes a node.

The tracer stands below autograd, where a call has its whole schema and every argument, so that
nothing is left to guess: in-place operators, views, casts and defaults are what they are. A call
that writes is executed in its functional form, and the result is copied into the tensor that the
model wrote: what the graph says is what was computed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch._ops import OpOverload
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes

from snnc.compiler.frontend.capture import mends, schema
from snnc.compiler.frontend.capture.recorder import Recorder, held
from snnc.compiler.frontend.capture.tensors import views
from snnc.compiler.frontend.capture.tensors.heap import Heap
from snnc.compiler.frontend.capture.tensors.memory import Alias, Geometry

aten = torch.ops.aten
Args = tuple[Any, ...]
Kwargs = dict[str, Any]
_MASK_TYPES = (torch.bool, torch.uint8)


class Tracer(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """A dispatch mode that writes each ATen call into the recorder's graph."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Importing torch._dynamo takes a second, and nothing compiles while a mode is on."""
        return False

    def __init__(self, recorder: Recorder, heap: Heap) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.recorder = recorder
        self.heap = heap

    def __torch_dispatch__(
        self,
        func: OpOverload,
        types: Sequence[type],
        args: Args = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Execute one call and write it down."""
        with torch._C.DisableTorchFunction():
            return self._dispatch(func, args, dict(kwargs or {}))

    def _dispatch(self, func: OpOverload, args: Args, kwargs: Kwargs) -> Any:
        if func.namespace not in ("aten", "prims"):
            return self._foreign(func, args, kwargs)
        if schema.is_composite(func):
            with self:
                return func.decompose(*args, **kwargs)
        facts = schema.facts(func)
        self._check(func, facts, args, kwargs)
        if facts.gives_numbers:
            return func(*args, **kwargs)
        if facts.moves_view:
            return self._move(func, args, kwargs)
        if facts.written:
            return self._write(func, facts, args, kwargs)
        if facts.name == "native_batch_norm" and _updates_statistics(func, args, kwargs):
            return self._update_statistics(func, args, kwargs)
        if facts.is_view:
            return self._view(func, args, kwargs)
        return self._compute(func, facts, args, kwargs)

    # -- what cannot be written down ----------------------------------------------------------

    def _check(self, func: OpOverload, facts: schema.Facts, args: Args, kwargs: Kwargs) -> None:
        if facts.is_random and not schema.switched_off(schema.bound(func, args, kwargs)):
            raise self.recorder.refused(f"{func} draws random numbers", mends.RANDOM)
        if facts.gives_numbers and self._any_depends(args, kwargs):
            raise self.recorder.refused(
                f"the model asks for the value of a tensor ({func}), and what follows would depend "
                "on data",
                mends.BRANCH,
            )
        if facts.dynamic_shape:
            chosen = _masks(args[1]) if facts.name == "index" else args
            if self._any_depends(chosen, kwargs):
                raise self.recorder.refused(
                    f"the shape of the result of {func} depends on data", mends.BRANCH
                )

    def _any_depends(self, args: Any, kwargs: Kwargs) -> bool:
        return any(self.heap.depends(tensor) for tensor in tensors_in((args, kwargs)))

    def _foreign(self, func: OpOverload, args: Args, kwargs: Kwargs) -> Any:
        """An operator of somebody else: its implementation is traced if it is Python."""
        for key in ("CompositeImplicitAutograd", "CPU", "CompositeExplicitAutograd"):
            if schema.implemented_in_python(func, key):
                keys = torch._C.DispatchKeySet(getattr(torch._C.DispatchKey, key))
                with self:
                    return func.redispatch(keys, *args, **kwargs)
        raise self.recorder.refused(f"{func} is compiled code that cannot be read", mends.OPAQUE)

    # -- what can -----------------------------------------------------------------------------

    def _compute(self, func: OpOverload, facts: schema.Facts, args: Args, kwargs: Kwargs) -> Any:
        out = func(*args, **kwargs)
        if next(tensors_in(out), None) is None:
            return out
        if facts.shape_only:
            func, args, kwargs = schema.alone(func, out, args, kwargs)
        node = self.recorder.add(func, self._in_graph(args), self._in_graph(kwargs))
        self._take(node, out)
        return out

    def _take(self, node: fx.Node, out: Any) -> None:
        """Remember the tensors that a node gives, each in memory of its own."""
        if isinstance(out, Tensor):
            self.heap.add(out, held(node, Geometry.of(out)))
        elif isinstance(out, tuple | list | dict):
            values = list(out.values()) if isinstance(out, dict) else out
            for item, value in zip(self.recorder.items(node, out), values, strict=True):
                self._take(item, value)

    def _view(self, func: OpOverload, args: Args, kwargs: Kwargs) -> Any:
        out = func(*args, **kwargs)
        base = args[0]
        if out is base:
            return out
        parent = self.heap.alias(base)
        if func is aten.as_strided.default:
            return self._strided(parent.root, out)
        if isinstance(out, Tensor):
            if func in views.IDENTITIES:
                node = self.heap.node(base)
            else:
                node = self.recorder.add(
                    func, self._in_graph(args), self._in_graph(kwargs), holds=out
                )
            self.heap.add_view(parent, out, node, func, args[1:], kwargs)
            return out
        node = self.recorder.add(func, self._in_graph(args), self._in_graph(kwargs))
        items = self.recorder.items(node, out)
        cuts = views.pieces(func, args, kwargs, out)
        for part, item, (view, rest) in zip(out, items, cuts, strict=True):
            self.heap.add_view(parent, part, item, view, rest)
        return out

    def _strided(self, root: Alias, out: Tensor) -> Tensor:
        """as_strided looks at the memory behind a tensor, of which the graph has what the first
        tensor there shows."""
        if not root.geometry.fills_its_memory:
            raise self.recorder.refused("as_strided looks beyond the tensor", mends.ESCAPE)
        rest = (list(out.shape), list(out.stride()), int(out.storage_offset()))
        view = aten.as_strided.default
        node = self.recorder.add(view, (self.heap.value(root), *rest), holds=out)
        self.heap.add_view(root, out, node, view, rest)
        return out

    def _move(self, func: OpOverload, args: Args, kwargs: Kwargs) -> Any:
        """transpose_ and its like: the tensor becomes a view of what it was."""
        view = schema.moved(func)
        if view is None:
            raise self.recorder.refused(f"{func} gives a tensor other memory", mends.SWAP)
        before = self.heap.alias(args[0])
        in_args = self._in_graph(args)
        out = func(*args, **kwargs)
        if view not in views.IDENTITIES:
            node = self.recorder.add(view, in_args, self._in_graph(kwargs), holds=out)
            self.heap.add_view(before, args[0], node, view, args[1:], kwargs)
        return out

    def _write(self, func: OpOverload, facts: schema.Facts, args: Args, kwargs: Kwargs) -> Any:
        if func is aten.copy_.default and _same_kind(args[0], args[1]):
            self.heap.store(func, args[0], args[1], self.heap.node(args[1]))
            return args[0]
        functional = schema.functional(func)
        targets = [kwargs[at] if isinstance(at, str) else args[at] for at in facts.written]
        if functional is None or not all(isinstance(target, Tensor) for target in targets):
            raise self.recorder.refused(f"{func} has no form that writes nothing", mends.ALIASED)
        rest = {name: value for name, value in kwargs.items() if name not in facts.written}
        if functional is aten.fill.Tensor and self.heap.is_number(args[1]):
            functional, args = aten.fill.Scalar, (args[0], args[1].item())
        results = self._executed(functional, args, rest)
        for target, (value, node) in zip(targets, results[-len(targets) :], strict=True):
            self.heap.store(func, target, value, node)
        return _returned(func, targets, self._keep(results[: -len(targets)]))

    def _update_statistics(self, func: OpOverload, args: Args, kwargs: Kwargs) -> Any:
        """Batch normalisation in training mode writes its running statistics, and its schema does
        not say so."""
        functional = schema.functional(func)
        assert functional is not None
        results = self._executed(functional, args, kwargs)
        for target, (value, node) in zip(args[3:5], results[3:], strict=True):
            self.heap.store(func, target, value, node)
        return self._keep(results[:3])

    def _executed(
        self, func: OpOverload, args: Args, kwargs: Kwargs
    ) -> list[tuple[Tensor, fx.Node]]:
        """Run an operator that writes nothing: its results with their nodes."""
        in_args, in_kwargs = self._in_graph(args), self._in_graph(kwargs)
        out = func(*args, **kwargs)
        if isinstance(out, Tensor):
            return [(out, self.recorder.add(func, in_args, in_kwargs, holds=out))]
        node = self.recorder.add(func, in_args, in_kwargs)
        return list(zip(out, self.recorder.items(node, out), strict=True))

    def _keep(self, results: list[tuple[Tensor, fx.Node]]) -> tuple[Tensor, ...]:
        for value, node in results:
            self.heap.add(value, node)
        return tuple(value for value, _ in results)

    def leaf(self, path: str, module: nn.Module, call: Callable[..., Any], given: Any) -> Any:
        """Call a module as one node; ``given`` are its arguments and its keywords.

        What it gives is copied, so that what the module does to its own memory later does not
        change it.
        """
        args, kwargs = pytree.tree_map_only(Tensor, self.heap.node, given)
        read = list(tensors_in(pytree.tree_leaves(given)))
        versions = [tensor._version for tensor in read]
        with _disable_current_modes(), torch._C.DisableTorchFunction():
            out = call(module, *given[0], **given[1])
            out = pytree.tree_map_only(Tensor, torch.clone, out)
        if versions != [tensor._version for tensor in read]:
            raise self.recorder.refused(
                "the module stays whole and writes into its input", mends.ALIASED
            )
        self._take(self.recorder.leaf(path, module, args, kwargs), out)
        return out

    def _in_graph(self, given: Any) -> Any:
        """Arguments of an operator with nodes in place of tensors."""
        if isinstance(given, Tensor):
            return self.heap.node(given)
        if isinstance(given, tuple | list):
            return type(given)(self._in_graph(item) for item in given)
        if isinstance(given, dict):
            return {key: self._in_graph(value) for key, value in given.items()}
        return given


def tensors_in(given: Any) -> Iterator[Tensor]:
    """The tensors in the arguments or results of an operator: nested lists, tuples and dicts."""
    if isinstance(given, Tensor):
        yield given
    elif isinstance(given, tuple | list):
        for item in given:
            yield from tensors_in(item)
    elif isinstance(given, dict):
        yield from tensors_in(list(given.values()))


def _masks(indices: Sequence[Tensor | None]) -> list[Tensor]:
    return [index for index in indices if index is not None and index.dtype in _MASK_TYPES]


def _returned(func: OpOverload, targets: Sequence[Tensor], others: Sequence[Tensor]) -> Any:
    """What an operator gives: the arguments that it wrote, and results of its own."""
    written, own = iter(targets), iter(others)
    given = [next(own if r.alias_info is None else written) for r in func._schema.returns]
    return given[0] if len(given) == 1 else tuple(given)


def _same_kind(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and a.dtype == b.dtype


def _updates_statistics(func: OpOverload, args: Args, kwargs: Kwargs) -> bool:
    values = schema.bound(func, args, kwargs)
    return bool(values["training"]) and values["running_mean"] is not None
