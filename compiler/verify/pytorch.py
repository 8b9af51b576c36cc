"""What the model itself computes: its outputs, and what its modules fire on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from snnc.compiler.frontend.adapters import asa_snn
from snnc.compiler.frontend.capture.snapshot import Snapshot
from snnc.compiler.frontend.capture.window import at_rest
from snnc.compiler.ir.graph import Array, Graph, Node, fires
from snnc.compiler.ir.roles import Role
from snnc.compiler.verify.outputs import pytorch_outputs
from snnc.errors import InternalError

Reader = Callable[[Any], torch.Tensor]


def is_discrete(node: Node) -> bool:
    """Whether a node turns real numbers into whole ones: where rounding can show."""
    return fires(node) or node.plays(Role.MASK)


def discrete_nodes(graph: Graph) -> list[Node]:
    """The nodes that give whole numbers from real ones, in order."""
    return [node for node in graph.nodes if is_discrete(node)]


def run_pytorch(
    model: nn.Module,
    source: Graph,
    nodes: Sequence[Node],
    x: torch.Tensor,
    given: Snapshot | None = None,
) -> tuple[dict[str, Array], dict[str, torch.Tensor]]:
    """A model's outputs by name and its own discrete values, by node, [T, *shape], for one window
    [T, C, H, W]; ``source`` is the graph that was read from it. The model is left as it was; as
    it was when ``given`` was taken, where that is kept for many windows.

    Raises:
        InternalError: a module gives something other than was read from it.
    """
    if source.observer is not None:
        seen: tuple[dict[str, Array], dict[str, torch.Tensor]]
        seen = source.observer.observe(model, x, [node.name for node in nodes], given)
        return seen
    with at_rest(model, None, given), captured(model, nodes, source.time_steps) as values:
        outputs = pytorch_outputs(model, x)
        spikes = {
            node.name: _first_sample(node, value)
            for node, value in zip(nodes, values(), strict=True)
        }
    return outputs, spikes


def _first_sample(node: Node, value: torch.Tensor) -> torch.Tensor:
    """A module's values [T, N, ...] as a node's [T, *shape]."""
    if value.numel() % (len(value) * node.type.size):
        raise InternalError(f"it gives {list(value.shape)}", where=node.loc.module)
    return value.reshape(len(value), -1, *node.type.shape)[:, 0]


def _observed(model: nn.Module, node: Node) -> tuple[str, Reader]:
    """The module whose result holds a discrete node's value, and how to read it from there."""
    path = node.loc.module
    if node.plays(Role.MASK) and path not in dict(model.named_modules()):
        return asa_snn.mixing_of(path), asa_snn.mask_of
    return path, _spikes


def _spikes(output: Any) -> torch.Tensor:
    """What a module fired: its result, or the first of several (spikes before states)."""
    spikes: torch.Tensor = output[0] if isinstance(output, tuple) else output
    return spikes.detach()


@contextmanager
def captured(model: nn.Module, nodes: Sequence[Node], time_steps: int) -> Iterator[Any]:
    """Record what the modules behind nodes give, in a forward pass inside the block.

    Yields a function that gives the values in the nodes' order; the nth node of a module that is
    called more than once has the nth call's value, and a module that is called once a step has its
    steps stacked.
    """
    observed = [_observed(model, node) for node in nodes]
    calls: dict[str, list[torch.Tensor]] = {path: [] for path, _ in observed}
    sharing = Counter(path for path, _ in observed)
    hooks = [
        model.get_submodule(path).register_forward_hook(
            lambda _module, _inputs, output, path=path, read=read: calls[path].append(read(output))
        )
        for path, read in dict(observed).items()
    ]

    def values() -> list[torch.Tensor]:
        seen = dict.fromkeys(calls, 0)
        result = []
        for path, _ in observed:
            nodes_there, calls_there = sharing[path], calls[path]
            if len(calls_there) == nodes_there:
                result.append(calls_there[seen[path]])
            elif len(calls_there) == nodes_there * time_steps:  # one call a step, [N, ...]
                result.append(torch.stack(calls_there[seen[path] :: nodes_there]))
            else:
                raise InternalError(
                    f"the module was called {len(calls_there)} times, and {nodes_there} nodes "
                    f"over {time_steps} steps were traced",
                    where=path,
                )
            seen[path] += 1
        return result

    try:
        yield values
    finally:
        for hook in hooks:
            hook.remove()
