"""Cells in integer networks: float32 on dequantized sums, the same bits on every core."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
import torch

from snnc.compiler.ir.attributes import attribute
from snnc.compiler.ir.graph import Kind, TensorType
from snnc.compiler.ops.base import Rows, Sample, unsupported
from snnc.compiler.ops.cells.lazy import Split
from snnc.compiler.ops.cells.op import Cell
from snnc.compiler.ops.cells.program import Program
from snnc.compiler.ops.cells.running import Running
from snnc.compiler.ops.cells.writing import Writing
from snnc.compiler.ops.int8.cells.exact_math import Array, apply
from snnc.compiler.ops.int8.fixed import IntegerOp
from snnc.compiler.ops.view import NodeRun, NodeView


class CellI8(IntegerOp, Cell):
    """A :class:`Cell` that reads integers and gives spikes or counts.

    The program itself multiplies the whole numbers that it reads by their unit. Every operation is
    one of IEEE single precision in the program's order, so that the reference and every core
    agree bit for bit. attributes: ``program``. params: as :class:`Cell`, real numbers.
    """

    name = "cell_i8"
    real_params = True
    program: Program = attribute("a cell's program", lambda value: isinstance(value, Program))

    def rows_of(self, view: NodeView) -> Rows:
        return Cell.rows_of(self, view)

    def infer(self, view: NodeView) -> TensorType:
        plain = [replace(given, dtype="") for given in view.types]
        found = Cell.infer(self, NodeView(view.node, plain, view.params))
        if found.kind is Kind.REAL:
            raise unsupported(
                view.node,
                "a cell that gives real numbers has no int8 form",
                "Compile with --dtype f32, or let the neuron give spikes.",
            )
        return found

    def advance(self, run: NodeRun) -> torch.Tensor:
        cut, t = self._cut(run.type), run.memory.get("t", 0)
        cell = run.memory.setdefault("cell", _running(cut, run))
        values = cell.step(t, [_real(x[0]) for x in run.inputs], run.memory.get("values", {}))
        run.memory.update({"t": t + 1, "values": values})
        return _whole(values[cut.decision], run.type)[None]

    def forced_values(self, run: NodeRun, output: torch.Tensor) -> Iterator[dict[str, Array]]:
        """All values at each step of a cell that goes on from decisions ``output`` [T, *shape]."""
        cut, values = self._cut(run.type), dict[str, Array]()
        cell, truth = _running(cut, run), cut.program.types[cut.decision] == "bool"
        for t in range(len(output)):
            given = [_real(x[t] if len(x) > 1 else x[0]) for x in run.inputs]
            values = cell.step(t, given, values)
            yield values
            taken = output[t].numpy() != 0 if truth else _real(output[t])
            values = values | {cut.decision: taken}

    def decisions(self, run: NodeRun, output: torch.Tensor) -> torch.Tensor:
        decision = self._cut(run.type).decision
        steps = self.forced_values(run, output)
        return torch.stack([_whole(values[decision], run.type) for values in steps])

    def potentials(self, run: NodeRun, spikes: torch.Tensor) -> torch.Tensor:
        """As :meth:`Cell.potentials`: float32, as the C keeps them."""
        name, shape = self._cut(run.type).membrane, run.type.shape
        found = [np.broadcast_to(v[name], shape) for v in self.forced_values(run, spikes)]
        return torch.from_numpy(np.stack(found).astype(np.float32))

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for shape in ((5,), (33, 2, 3)):
            unit = np.linspace(1e-5, 4e-4, shape[0]).reshape(-1, *[1] * (len(shape) - 1))
            for width in ("int16", "int32"):
                given = TensorType(shape, Kind.REAL, dtype=width)
                for program in (_adapting(), _counting()):
                    yield Sample(cls(program=program), (given,), {"unit": unit}, time_steps=7)


def _running(cut: Split, run: NodeRun) -> Running[Array]:
    program = cut.program
    values = {role: value.numpy().astype(np.float32) for role, value in run.params.items()}
    return Running(
        cut,
        apply,
        lambda value: np.asarray(value, np.float32),
        {role: values[role] for role in program.params},
        {role: tuple(values[role]) for role in program.tables},
    )


def _real(value: torch.Tensor) -> Array:
    """Whole numbers as the C converts them: to the nearest float32, halves to even."""
    return value.numpy().astype(np.float32)


def _whole(value: Array, made: TensorType) -> torch.Tensor:
    return torch.from_numpy(np.broadcast_to(value, made.shape).astype(np.int64))


def _adapting() -> Program:
    """A neuron whose threshold rises with its spikes."""
    w = Writing("x", params=("unit",))
    u = w("add", w("mul", w.state("v"), 0.9), w("mul", "x", "unit"))
    a = w.state("a")
    s = w("number", w("ge", u, w("add", 0.5, w("mul", 1.8, a))))
    w.next("v", w("sub", u, w("mul", s, 0.5)))
    w.next("a", w("add", w("mul", a, 0.96), w("mul", s, 0.04)))
    return w.program(s)


def _counting() -> Program:
    """A neuron that fires up to four times a step."""
    w = Writing("x", params=("unit",))
    u = w("add", w("div", w.state("v"), 3.0), w("mul", "x", "unit"))
    n = w("clamp", w("floor", u), 0.0, 4.0)
    w.next("v", w("sub", u, n))
    return w.program(n)
