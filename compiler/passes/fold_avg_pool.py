"""Fold average pooling into the convolution before it.

A convolution followed by the mean of k x k of its outputs is one convolution with a larger kernel
and stride: 3x3 then 2x2 is a 4x4 kernel at stride 2, so that a spike reaches a quarter of 16 taps
instead of 9: 2.25 times fewer accumulations.
"""

from __future__ import annotations

import numpy as np

from snnc.compiler.ir.graph import Array, Graph, Node, rewrite


def fold_avg_pool(graph: Graph) -> Graph:
    """Fold every average pool that covers only real outputs of a convolution it alone reads."""
    index, users = graph.index, graph.users
    pools: dict[str, Node] = {}
    for node in graph.nodes:
        if node.op != "avg_pool2d":
            continue
        conv = index[node.inputs[0]]
        alone = len(users[conv.name]) == 1 and conv.name not in graph.outputs
        if conv.op == "conv2d" and alone and _is_plain(node) and conv.attrs["dilation"] == (1, 1):
            pools[conv.name] = node
    params: dict[str, Array] = dict(graph.params)
    for name, pool in pools.items():
        key = index[name].params["weight"]
        params[f"{key}+pool"] = _pooled_kernel(
            graph.params[key], index[name].attrs["stride"], pool.attrs["kernel_size"]
        )
    dropped = {pool.name for pool in pools.values()}

    def change(node: Node) -> Node | None:
        if node.name in dropped:
            return None
        if node.name not in pools:
            return node
        pool = pools[node.name]
        stride = tuple(np.multiply(node.attrs["stride"], pool.attrs["stride"]).tolist())
        top, left, _, _ = node.attrs["padding"]
        # The original, since its input may be a convolution that has just taken its pool's size.
        padding = (top, left, *_far_padding(index, index[node.name], pool, params, stride))
        folded = node.replace(
            type=pool.type,
            params={**node.params, "weight": f"{node.params['weight']}+pool"},
        )
        return folded.with_attrs(stride=stride, padding=padding)

    return rewrite(graph, change, params)


def _is_plain(pool: Node) -> bool:
    """No padding, no clipped windows, the ordinary divisor."""
    return (
        pool.attrs["padding"] == (0, 0)
        and not pool.attrs["ceil_mode"]
        and pool.attrs["divisor"] in (0, int(np.prod(pool.attrs["kernel_size"])))
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


def _far_padding(
    index: dict[str, Node],
    conv: Node,
    pool: Node,
    params: dict[str, Array],
    stride: tuple[int, ...],
) -> tuple[int, int]:
    """Bottom and right padding that give exactly the pool's output size."""
    given = index[conv.inputs[0]].type
    kernel = params[f"{conv.params['weight']}+pool"].shape[2:]
    far = []
    for axis in (0, 1):
        near = conv.attrs["padding"][axis]
        reach = (pool.type.shape[1 + axis] - 1) * stride[axis] + kernel[axis]
        far.append(max(0, reach - given.shape[1 + axis] - near))
    return far[0], far[1]
