"""Fold average pooling into the convolution before it.

A convolution followed by the mean of k x k of its outputs is one convolution with a larger kernel
and stride: 3x3 then 2x2 is a 4x4 kernel at stride 2, so that a spike reaches a quarter of 16 taps
instead of 9: 2.25 times fewer accumulations.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from snnc.compiler.ir.graph import Array, Graph, Node, rewrite
from snnc.compiler.ops import AvgPool2d, Conv2d


@dataclass(frozen=True)
class _Folding:
    """A convolution and the pool that alone reads it."""

    node: Node
    conv: Conv2d
    reader: Node
    pool: AvgPool2d

    @property
    def stride(self) -> tuple[int, int]:
        """That of both together."""
        (high, wide), (rows, columns) = self.conv.stride, self.pool.stride
        return high * rows, wide * columns


def fold_avg_pool(graph: Graph) -> Graph:
    """Fold every average pool that covers only real outputs of a convolution it alone reads."""
    foldings = {found.node.name: found for found in _foldings(graph)}
    params: dict[str, Array] = dict(graph.params)
    for found in foldings.values():
        key = found.node.params["weight"]
        params[f"{key}+pool"] = _pooled_kernel(
            graph.params[key], found.conv.stride, found.pool.kernel_size
        )
    dropped = {found.reader.name for found in foldings.values()}

    def change(node: Node) -> Node | None:
        if node.name in dropped:
            return None
        if node.name not in foldings:
            return node
        found = foldings[node.name]
        top, left, _, _ = found.conv.padding
        # The original, since its input may be a convolution that has just taken its pool's size.
        padding = (top, left, *_far_padding(graph, found, params))
        return node.replace(
            op=replace(found.conv, stride=found.stride, padding=padding),
            type=found.reader.type,
            params={**node.params, "weight": f"{node.params['weight']}+pool"},
        )

    return rewrite(graph, change, params)


def _foldings(graph: Graph) -> Iterator[_Folding]:
    for node in graph.nodes:
        if not isinstance(node.op, AvgPool2d) or not _is_plain(node.op):
            continue
        source = graph[node.inputs[0]]
        alone = len(graph.users[source.name]) == 1 and source.name not in graph.outputs
        if isinstance(source.op, Conv2d) and alone and source.op.dilation == (1, 1):
            yield _Folding(source, source.op, node, node.op)


def _is_plain(pool: AvgPool2d) -> bool:
    """No padding, no clipped windows, the ordinary divisor."""
    return (
        pool.padding == (0, 0)
        and not pool.ceil_mode
        and pool.divisor in (0, int(np.prod(pool.kernel_size)))
    )


def _pooled_kernel(weight: Array, stride: tuple[int, int], window: tuple[int, int]) -> Array:
    """Sum of the kernel shifted by every position of the window, over the window's size."""
    out_c, in_c, kernel_h, kernel_w = weight.shape
    height = kernel_h + stride[0] * (window[0] - 1)
    width = kernel_w + stride[1] * (window[1] - 1)
    pooled = np.zeros((out_c, in_c, height, width))
    for y in range(window[0]):
        for x in range(window[1]):
            at_y, at_x = y * stride[0], x * stride[1]
            pooled[:, :, at_y : at_y + kernel_h, at_x : at_x + kernel_w] += weight
    return pooled / (window[0] * window[1])


def _far_padding(graph: Graph, found: _Folding, params: Mapping[str, Array]) -> tuple[int, int]:
    """Bottom and right padding that give exactly the pool's output size."""
    given = graph[found.node.inputs[0]].type
    kernel = params[f"{found.node.params['weight']}+pool"].shape[2:]
    far = []
    for axis in (0, 1):
        near = found.conv.padding[axis]
        reach = (found.reader.type.shape[1 + axis] - 1) * found.stride[axis] + kernel[axis]
        far.append(max(0, reach - given.shape[1 + axis] - near))
    return far[0], far[1]
