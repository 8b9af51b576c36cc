"""How rows of int8 and int4 weights lie in memory: the orders of snn/vec/rows.h."""

from __future__ import annotations

import numpy as np

from snnc.compiler.ir.attributes import one_of
from snnc.compiler.ir.graph import Array, Node
from snnc.compiler.ops.int8.fixed import Form, IntegerOp
from snnc.compiler.ops.view import NodeView
from snnc.compiler.program.emitter import Emitter
from snnc.compiler.program.values import ConstantRef, Name

PLAIN = "plain"
"""Channels ascending, unpadded."""

FOURS = "fours"
"""Channels 0, 2, 1, 3 of every four, padded with zeros: SXTAB16 adds them as pairs."""

LISTED = "listed"
"""As :data:`PLAIN`, for a host's kernel that lists the events of a step first and adds rows in wide
registers; it reads up to :data:`SLACK` bytes past the last row."""

OWN = "own"
"""As :data:`FOURS` or :data:`PLAIN`, as the macros of the C's compiler say: for any core."""

EIGHTS = "eights"
"""int4: eight weights a word, as nibbles of weight + 8; the one order of int4, for every core."""

NIBBLES = [0, 4, 2, 6, 1, 5, 3, 7]
"""Channels of eight by the nibbles of a word, the lowest first."""

NIBBLE_ZERO = 8
"""The nibble of weight 0 (SNN_EIGHTS_ZERO)."""

SLACK = 32
"""Bytes behind the weights that a listing kernel may read (SNN_LIST_WEIGHT_SLACK)."""

SWAPPED = [0, 2, 1, 3]


class IntegerSynapse(IntegerOp):
    """A layer of int8 or int4 weights, which lie in memory in one of the orders, int4 always in
    :data:`EIGHTS`; ``width`` is that of its sums, which a bound must justify."""

    form = Form.SUMS
    width: str = one_of("int16", "int32")
    order: str = one_of(PLAIN, FOURS, LISTED, OWN, EIGHTS, default=PLAIN)

    def can_list(self, view: NodeView) -> bool:
        """Whether there is a kernel that lists the events first; by default none."""
        return False


def by_fours(rows: Array) -> Array:
    """Rows [..., out] of int8 weights in :data:`FOURS`, as int32 words [..., ceil(out / 4)]."""
    *outer, channels = rows.shape
    padded = np.zeros((*outer, -(-channels // 4) * 4), np.int8)
    padded[..., :channels] = rows
    swapped = padded.reshape(*outer, -1, 4)[..., SWAPPED]
    words: Array = np.ascontiguousarray(swapped).view("<i4")[..., 0]
    return words


def by_eights(rows: Array) -> Array:
    """Rows [..., out] of int4 weights, -8 to 7, in :data:`EIGHTS`, as int32 words
    [..., ceil(out / 8)]."""
    *outer, channels = rows.shape
    nibbles = np.full((*outer, -(-channels // 8) * 8), NIBBLE_ZERO, np.uint32)
    nibbles[..., :channels] = rows + NIBBLE_ZERO
    ordered = nibbles.reshape(*outer, -1, 8)[..., NIBBLES]
    words = np.bitwise_or.reduce(ordered << np.arange(0, 32, 4, dtype=np.uint32), axis=-1)
    signed: Array = words.view(np.int32)
    return signed


def emit_weights(order: str, c: Emitter, rows: Array, axes: str) -> tuple[ConstantRef, Name]:
    """A node's weights [..., out] in an order, and the name of that."""
    plain = c.enumerator("SNN_ORDER_PLAIN", "enum snn_order")
    if order == LISTED:
        padded = np.concatenate([rows.ravel(), np.zeros(SLACK)])
        return c.constant("weight", padded, f"{axes} and slack,", "int8_t"), plain
    if order == PLAIN:
        return c.constant("weight", rows, axes, "int8_t"), plain
    if order == OWN:
        weights = c.constant("weight", rows, axes, "int8_t", own_order=True)
        return weights, c.enumerator("SNN_ORDER_OWN", "enum snn_order")
    if order == EIGHTS:
        eights = by_eights(rows)
        words = c.constant("weight", eights, f"{axes} by eights,", "int32_t", read_as="int8_t")
        return words, c.enumerator("SNN_ORDER_EIGHTS", "enum snn_order")
    fours = by_fours(rows)
    words = c.constant("weight", fours, f"{axes} by fours,", "int32_t", read_as="int8_t")
    return words, c.enumerator("SNN_ORDER_FOURS", "enum snn_order")


def emit_bias(node: Node, c: Emitter) -> ConstantRef | Name:
    """A node's bias, in the type of its sums."""
    if "bias" not in node.params:
        return c.null
    return c.constant("bias", c.param("bias"), "[out]", f"{node.type.dtype}_t")
