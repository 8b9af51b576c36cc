"""The integer graph under construction, and what every conversion does to it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from snnc.compiler.ir.graph import Array, Graph, Kind, Node
from snnc.compiler.ops import Op, Requantize, op_of
from snnc.compiler.ops.base import UNTYPED, unsupported
from snnc.compiler.ops.int8.fixed import LIMITS, Form, IntegerOp, multiplier
from snnc.compiler.ops.int8.scaling import Ranges, Scaled

HEADROOM = 2.0
"""Currents may exceed what calibration saw by this factor before they saturate."""

ONE = np.ones(1)


class Building:
    """The integer graph as far as it is made, with the unit and bound of each value."""

    def __init__(self, graph: Graph, ranges: Ranges, int4: Collection[str] = ()) -> None:
        self.graph = graph
        self.int4 = int4
        self.ranges = ranges
        self.users = graph.users
        self.nodes: list[Node] = []
        self.params: dict[str, Array] = {}
        self.scaled: dict[str, Scaled] = {}
        self.renamed: dict[str, str] = {}

    def add(
        self,
        node: Node,
        op: Op,
        scaled: Scaled,
        params: Mapping[str, Array] | None = None,
        *,
        reals: Mapping[str, Array] | None = None,
    ) -> None:
        """Append a node with another op and integer parameters, or, of a cell, ``reals``."""
        limit = LIMITS["int32"]
        if scaled.bound > limit:
            raise unsupported(
                node,
                f"its sums may reach {scaled.bound:,}, more than 32 bits hold ({limit:,})",
                "Use smaller weights, or compile this model with --dtype f32.",
            )
        keys = {role: f"{node.name}.{role}+int8" for role in {**(params or {}), **(reals or {})}}
        for role, value in (params or {}).items():
            self.params[keys[role]] = np.asarray(value).round().astype(np.int64)
        for role, value in (reals or {}).items():
            self.params[keys[role]] = np.asarray(value, np.float64)
        self.nodes.append(node.replace(op=op, params=keys, type=UNTYPED))
        self.scaled[node.name] = scaled

    def keep(self, node: Node, scaled: Scaled) -> None:
        """Append a node that computes on spikes and counts already."""
        self.nodes.append(node)
        self.scaled[node.name] = scaled

    def made(self, name: str) -> Node:
        """The integer node of that name."""
        return next(entry for entry in self.nodes if entry.name == name)

    def form(self, name: str) -> Form | None:
        """The form of a value's whole numbers; None where they are spikes, counts or scores."""
        node = self.made(name)
        op = op_of(node)
        own = op.form if isinstance(op, IntegerOp) else None
        return self.form(node.inputs[0]) if own is Form.KEPT else own

    def require(self, node: Node, name: str, form: Form) -> None:
        """Raise SnncError (UNSUPPORTED_LAYER) unless a value that a node reads has the form that
        the integer twin of the node takes."""
        if self.form(name) is not form:
            raise unsupported(
                node,
                f"{node.op.name} of {self.made(name).op.name} has no int8 form",
                "Compile with --dtype f32.",
            )

    def current(self, node: Node, index: int = 0) -> Node:
        """The node with input ``index`` as int16 in one unit for all channels."""
        name = node.inputs[index]
        if self.form(name) is Form.CURRENT:
            return node
        self.require(node, name, Form.SUMS)
        wanted = f"{name}_current"
        if wanted not in self.scaled:
            self._requantize(self.made(name), wanted)
        inputs = (*node.inputs[:index], wanted, *node.inputs[index + 1 :])
        return node.replace(inputs=inputs)

    def _requantize(self, source: Node, name: str) -> None:
        given = self.scaled[source.name]
        largest = self.ranges.values[source.name]
        unit = HEADROOM * largest / LIMITS["int16"] if largest else 1.0
        ratio = given.unit / unit
        top, shift = multiplier(float(ratio.max()), 15)
        factor = np.round(ratio * 2.0**shift)
        rounding = 1 << max(shift - 1, 0)
        fits = given.bound * top + rounding <= LIMITS["int32"] and shift <= 30
        op = Requantize(shift=shift, wide_product=not fits)
        node = source.replace(name=name, inputs=(source.name,))
        scaled = Scaled(np.array([unit]), LIMITS["int16"] + 1)
        self.add(node, op, scaled, {"factor": factor})

    def graph_kind(self, name: str) -> Kind:
        """Kind of a value of the float graph; what this pass adds is REAL."""
        index = self.graph.index
        return index[name].type.kind if name in index else Kind.REAL
