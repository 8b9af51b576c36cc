"""Which tensors share memory, and what each of them holds now, as nodes of the graph.

PyTorch writes into memory; a graph has values only. So every tensor that the tracer meets is either
the *root* of a memory, whose value is a node, or a view: an operator on its parent. A write through
any of them gives the root a new value, and the others are then out of date: whoever reads one gets
its view computed again from the new value. Nothing here keeps a tensor alive.

    x = torch.zeros(4, 3)     root                       zeros
    y = x[1]                  view select(x, 0, 1)       select(zeros)
    y += 1                    y: add(select, 1)          root: select_scatter(zeros, add, 0, 1)
    x[1]                                                 select(select_scatter)
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, fx
from torch._ops import OpOverload
from torch.multiprocessing.reductions import StorageWeakRef


@dataclass(frozen=True)
class Geometry:
    """How a tensor lies in its memory."""

    shape: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int
    dtype: torch.dtype

    @classmethod
    def of(cls, tensor: Tensor) -> Geometry:
        """That of a tensor."""
        return cls(tuple(tensor.shape), tensor.stride(), int(tensor.storage_offset()), tensor.dtype)

    @property
    def fills_its_memory(self) -> bool:
        """Whether it begins where its memory begins and has neither gaps nor overlaps."""
        axes = [(n, step) for n, step in zip(self.shape, self.stride, strict=True) if n > 1]
        span = 1 + sum((n - 1) * step for n, step in axes)
        return self.offset == 0 and math.prod(self.shape) == span and all(s for _, s in axes)

    def lies_like(self, other: Geometry) -> bool:
        """Whether the numbers stand in the same order and type; an axis of one has no stride."""
        return (
            self.dtype == other.dtype
            and self.shape == other.shape
            and all(
                size < 2 or mine == theirs
                for size, mine, theirs in zip(self.shape, self.stride, other.stride, strict=True)
            )
        )


@dataclass
class Memory:
    """The memory behind tensors.

    Attributes:
        generation: how often it was written since the tracer met it.
        roots: the tensors that it was met through, each not as a view of another.
        given: a tensor that lived before the trace, through which it can be put back; None for
            memory that the model's own operators made.
    """

    weak: StorageWeakRef
    generation: int = 0
    roots: list[Alias] = field(default_factory=list)
    given: Tensor | None = None

    @property
    def is_gone(self) -> bool:
        """Whether nothing holds the memory any more."""
        return bool(self.weak.expired())  # type: ignore[no-untyped-call]


@dataclass
class Alias:
    """What one tensor stands for.

    Attributes:
        node: its value when the memory was at ``generation``.
        parent: the tensor that it is a view of; None for a root.
        view: the operator that makes it from its parent, with the arguments behind the parent;
            None where there is no such operator, and it cannot be read after a write.
    """

    memory: Memory
    node: fx.Node
    geometry: Geometry
    generation: int
    parent: Alias | None = None
    view: OpOverload | None = None
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)

    @property
    def root(self) -> Alias:
        """The tensor that it is, in the end, a view of."""
        return self if self.parent is None else self.parent.root

    @property
    def is_fresh(self) -> bool:
        """Whether the node still holds what the memory holds."""
        return self.generation == self.memory.generation

    def set(self, node: fx.Node) -> None:
        """Take ``node`` as the value at the memory's present generation."""
        self.node, self.generation = node, self.memory.generation


class Tensors:
    """The aliases of all tensors that are alive, and the memories behind them."""

    def __init__(self) -> None:
        self._aliases: dict[int, tuple[Any, Alias]] = {}
        self._memories: dict[int, Memory] = {}
        self._sweep_at = 4096

    def find(self, tensor: Tensor) -> Alias | None:
        """What a tensor stands for, if the tracer has met it."""
        entry = self._aliases.get(id(tensor))
        return None if entry is None or entry[0].expired() else entry[1]

    def add(self, tensor: Tensor, alias: Alias) -> Alias:
        """Remember what a tensor stands for."""
        if len(self._aliases) > self._sweep_at:
            self._sweep()
        weak = torch._C._WeakTensorRef(tensor)  # type: ignore[attr-defined]
        self._aliases[id(tensor)] = (weak, alias)
        return alias

    def memory(self, tensor: Tensor) -> Memory | None:
        """The memory behind a tensor, if the tracer has met it."""
        found = self._memories.get(tensor.untyped_storage()._cdata)
        return None if found is None or found.is_gone else found

    def root(self, tensor: Tensor, node: fx.Node, given: Tensor | None = None) -> Alias:
        """Remember a tensor as a way into memory that no known tensor is a way into."""
        storage = tensor.untyped_storage()
        memory = Memory(StorageWeakRef(storage), given=given)  # type: ignore[no-untyped-call]
        self._memories[storage._cdata] = memory
        return self.another_root(tensor, node, memory)

    def another_root(self, tensor: Tensor, node: fx.Node, memory: Memory) -> Alias:
        """Remember a second way into known memory. It may be read; neither may be written."""
        alias = Alias(memory, node, Geometry.of(tensor), memory.generation)
        memory.roots.append(alias)
        return self.add(tensor, alias)

    def _sweep(self) -> None:
        """Forget tensors and memories that are dead. An address is not used again before this:
        the weak references hold it."""
        self._aliases = {
            key: entry for key, entry in self._aliases.items() if not entry[0].expired()
        }
        self._memories = {
            key: memory for key, memory in self._memories.items() if not memory.is_gone
        }
        self._sweep_at = max(4096, 2 * len(self._aliases))
