"""What every tensor of the running model holds, as nodes; reads, views and writes of them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, fx, nn
from torch._ops import OpOverload

from snnc.compiler.frontend.capture import mends
from snnc.compiler.frontend.capture.recorder import Recorder
from snnc.compiler.frontend.capture.snapshot import Names
from snnc.compiler.frontend.capture.tensors import views
from snnc.compiler.frontend.capture.tensors.memory import Alias, Geometry, Memory, Tensors

aten = torch.ops.aten
_PLAIN = frozenset({Tensor, nn.Parameter, nn.Buffer})


class Heap:
    """The tensors of a run, each with the node that holds its value.

    Args:
        recorder: the graph.
        names: what the model's own tensors are called.

    Attributes:
        written: tensors from before the run that the model wrote into.
    """

    def __init__(self, recorder: Recorder, names: Names) -> None:
        self.written: list[Tensor] = []
        self._recorder = recorder
        self._names = names
        self._tensors = Tensors()
        self._before: list[tuple[Tensor, Tensor]] = []

    # -- reading ----------------------------------------------------------------------------

    def node(self, tensor: Tensor) -> fx.Node:
        """The value of a tensor now."""
        return self.value(self.alias(tensor))

    def known(self, tensor: Tensor) -> fx.Node | None:
        """The value of a tensor now, or None where the run has not met it."""
        alias = self._tensors.find(tensor)
        return None if alias is None else self.value(alias)

    def depends(self, tensor: Tensor) -> bool:
        """Whether the numbers of a tensor come from the input."""
        node = self.known(tensor)
        return node is not None and bool(node.meta["depends"])

    def alias(self, tensor: Tensor) -> Alias:
        """What a tensor stands for; one that is new here becomes an attribute of the graph."""
        known = self._tensors.find(tensor)
        if known is not None:
            return known
        self._check_is_plain(tensor)
        memory = self._tensors.memory(tensor)
        if memory is None:
            return self._tensors.root(tensor, self._attribute(tensor), given=tensor)
        return self._other_way_in(tensor, memory)

    def is_number(self, tensor: Tensor) -> bool:
        """Whether a tensor is one number that the model wrote in its code."""
        new = tensor.ndim == 0 and self._tensors.find(tensor) is None
        return new and self._names.of(tensor) is None

    def _check_is_plain(self, tensor: Tensor) -> None:
        own = type(tensor).__torch_dispatch__
        if type(tensor) not in _PLAIN and own is not torch._C._disabled_torch_dispatch_impl:
            what = f"{type(tensor).__name__} is a class of tensors with rules of its own"
        elif tensor.layout != torch.strided:
            what = f"a tensor is {tensor.layout}"
        elif tensor.device.type == "meta":
            what = "a tensor is on the meta device and has no numbers"
        else:
            return
        raise self._recorder.refused(what, mends.PLAIN)

    def _other_way_in(self, tensor: Tensor, memory: Memory) -> Alias:
        """A tensor that was made behind the dispatcher's back from one that is known, as
        ``nn.Parameter(x)`` is."""
        geometry = Geometry.of(tensor)
        for root in memory.roots:
            if root.geometry == geometry:
                return self._view_of(root, tensor, root.node, aten.alias.default, ())
        if memory.given is None or memory.generation:
            raise self._recorder.refused(
                "a tensor shows memory that the model computed, by a way that PyTorch's dispatcher "
                "does not see",
                mends.ESCAPE,
            )
        return self._tensors.another_root(tensor, self._attribute(tensor), memory)

    def _attribute(self, tensor: Tensor) -> fx.Node:
        found = self._names.of(tensor)
        name, kind = found or (f"constant_{len(self._recorder.attributes)}", "constant")
        return self._recorder.attribute(name, tensor, kind)

    def value(self, alias: Alias) -> fx.Node:
        """What an alias holds now. A view whose memory was written since is computed again."""
        if alias.is_fresh:
            return alias.node
        if alias.parent is None or alias.view is None:
            raise self._recorder.refused(
                "a view is read after its memory was written, and the view cannot be made again",
                mends.ALIASED,
            )
        node = self.value(alias.parent)
        if alias.view not in views.IDENTITIES:
            node = self._recorder.add(
                alias.view, (node, *alias.args), alias.kwargs, holds=alias.geometry
            )
        alias.set(node)
        return node

    # -- what operators give ------------------------------------------------------------------

    def add(self, tensor: Tensor, node: fx.Node) -> None:
        """Take a tensor in memory of its own that ``node`` gives."""
        if self._tensors.memory(tensor) is not None:
            raise self._recorder.refused(
                f"{node.target} gives memory that it was given, and its schema does not say so",
                mends.ALIASED,
            )
        self._tensors.root(tensor, node)

    def add_view(
        self,
        parent: Alias,
        tensor: Tensor,
        node: fx.Node,
        view: OpOverload | None,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> None:
        """Take a view of ``parent``: what ``view`` gives with these arguments behind the parent,
        or, if ``view`` is None, something that cannot be made again."""
        self._view_of(parent, tensor, node, view, args, kwargs)

    def _view_of(
        self,
        parent: Alias,
        tensor: Tensor,
        node: fx.Node,
        view: OpOverload | None,
        args: tuple[Any, ...],
        kwargs: dict[str, Any] | None = None,
    ) -> Alias:
        memory = parent.memory
        geometry = Geometry.of(tensor)
        return self._tensors.add(
            tensor,
            Alias(memory, node, geometry, memory.generation, parent, view, args, kwargs or {}),
        )

    # -- writing ------------------------------------------------------------------------------

    def store(self, writer: OpOverload, target: Tensor, value: Tensor, node: fx.Node) -> None:
        """Make ``value`` what ``target`` holds, for it and for all that share its memory.

        Raises:
            SnncError: UNSUPPORTED_LAYER where the memory or the types do not allow it.
        """
        if target.shape != value.shape:
            self._grow(writer, target, value, node)
            return
        if not torch.can_cast(value.dtype, target.dtype):
            raise self._recorder.refused(
                f"{writer} gives {value.dtype}, which cannot be written into {target.dtype}",
                "Convert the result, or write into a tensor of its type.",
            )
        alias = self.alias(target)
        if len(alias.memory.roots) > 1:
            raise self._recorder.refused(
                f"{writer} writes into memory that two tensors of the model share",
                mends.ALIASED,
            )
        node = self._as_it_lies(alias, Geometry.of(value), node)
        chain = self._written_chain(writer, alias, node)
        self._save(alias.memory)
        target.copy_(value)
        alias.memory.generation += 1
        for link, held in chain:
            link.set(held)

    def put_back(self) -> None:
        """Undo every write into tensors from before the run."""
        with torch.no_grad():
            for tensor, before in reversed(self._before):
                tensor.copy_(before)

    def _as_it_lies(self, alias: Alias, given: Geometry, node: fx.Node) -> fx.Node:
        """A value in the type of the tensor that takes it and in its order in memory, because
        later views and sums depend on the order."""
        fits = given.dtype == alias.geometry.dtype and views.is_part(alias.view)
        if fits or given.lies_like(alias.geometry):
            return node
        return self._recorder.add(
            aten.copy.default, (self.value(alias), node), holds=alias.geometry,
            depends=node.meta["depends"],
        )  # fmt: skip

    def _written_chain(
        self, writer: OpOverload, alias: Alias, node: fx.Node
    ) -> list[tuple[Alias, fx.Node]]:
        """The new values of ``alias`` and of everything that it is a view of."""
        chain = [(alias, node)]
        while alias.parent is not None:
            value = views.written_back(alias, self.value(alias.parent), node, self._recorder.add)
            if value is None:
                raise self._recorder.refused(f"{writer} writes through {alias.view}", mends.ALIASED)
            alias, node = alias.parent, value
            chain.append((alias, node))
        return chain

    def _grow(self, writer: OpOverload, target: Tensor, value: Tensor, node: fx.Node) -> None:
        """``out=torch.empty(0)``: an empty tensor takes the shape of the result."""
        alias = self._tensors.find(target)
        if target.numel() or alias is None or alias.parent is not None:
            raise self._recorder.refused(
                f"{writer} changes the shape of the tensor that it writes into from "
                f"{tuple(target.shape)} to {tuple(value.shape)}",
                "Leave out `out=`, or give a tensor of the result's shape.",
            )
        target.resize_(value.shape)
        target.copy_(value)
        if not Geometry.of(value).lies_like(Geometry.of(target)):
            contiguous = {"dtype": target.dtype, "memory_format": torch.contiguous_format}
            node = self._recorder.add(aten._to_copy.default, (node,), contiguous, holds=target)
        self._tensors.root(target, node)

    def _save(self, memory: Memory) -> None:
        """Keep what a tensor from before the run held before the first write."""
        if memory.given is not None and memory.generation == 0:
            self.written.append(memory.given)
            self._before.append((memory.given, memory.given.clone()))
