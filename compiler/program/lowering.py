"""From a scheduled graph to a program: every node emitted where the schedule runs it."""

from __future__ import annotations

from snnc.compiler.codegen.escaping import c_comment
from snnc.compiler.ir import layout
from snnc.compiler.ir.graph import Graph, Node, Time, fires
from snnc.compiler.ops import op_of
from snnc.compiler.ops.base import Rows
from snnc.compiler.ops.view import NodeView
from snnc.compiler.plan.bands import bands
from snnc.compiler.plan.schedule import Schedule
from snnc.compiler.program.emitter import Emitter
from snnc.compiler.program.place import Place, RowBodies
from snnc.compiler.program.program import (
    Band,
    Body,
    Function,
    Program,
    RowLoop,
    Split,
    Stage,
    Trace,
    TraceEntry,
)
from snnc.compiler.program.values import View
from snnc.errors import InternalError


def lower(graph: Graph, schedule: Schedule, threads: int = 1) -> Program:
    """The program of a graph.

    Args:
        graph: an optimised graph.
        schedule: its schedule.
        threads: parts that the rows of each convolution are split into.
    """
    return _Lowering(graph, schedule, threads).program()


class _Lowering:
    """The program under construction."""

    def __init__(self, graph: Graph, schedule: Schedule, threads: int) -> None:
        self._graph = graph
        self._schedule = schedule
        self._program = Program(
            [Stage() for _ in schedule.stages],
            bands=bands(graph, schedule, threads),
            traces=[self._entry(node) for node in graph.nodes],
            threads=threads,
            batched=schedule.batched,
            batch=schedule.batch,
        )

    def program(self) -> Program:
        """The whole of it."""
        for index, stage in enumerate(self._schedule.stages):
            for node in stage.loop:
                band = self._program.bands[index].get(node.name)
                if band is None:
                    self._node(node, index, looped=True)
                elif node is band.nodes[0]:
                    self._fused(band, index)
            for node in stage.once:
                self._node(node, index, looped=False)
        return self._program

    def _node(self, node: Node, index: int, looped: bool) -> None:
        stage = self._program.stages[index]
        functions, when = (stage.steps, "step") if looped else (stage.once, "once")
        symbol = self._symbol(f"{node.name}_{when}{index}")
        function = Function(symbol=symbol, comment=_comment(node))
        functions.append(function)
        c = Emitter(self._graph, self._schedule.stored, self._program, node, Place(index, looped))
        output = c.output()
        op_of(node).emit(node, c)
        self._show_value(node, c, output, function, stage, looped)
        if c.batched:
            self._show_batch(node, c, output, function)
        u = c.existing_state("u") if fires(node) else None
        if u is not None:
            _show(function, self._add_potential(node, u), u, u.buffer.size, looped)

    def _show_value(
        self, node: Node, c: Emitter, output: View, function: Function, stage: Stage, looped: bool
    ) -> None:
        reduces = looped and op_of(node).time() is Time.REDUCE
        entry = self._program.traces[c.index]
        size = entry.step_bytes * (1 if looped else entry.steps)
        _show(stage.end if reduces else function, c.index, output, size, looped and not reduces)

    def _show_batch(self, node: Node, c: Emitter, output: View, function: Function) -> None:
        if function.batch is None:
            raise InternalError(
                f"{node.op.name} does not work on several steps at once", where=node.name
            )
        size = self._program.traces[c.index].step_bytes
        function.batch.uses(output)
        function.batch.statements.append(Trace(c.index, output, size, size, batch=True))

    def _fused(self, band: Band, index: int) -> None:
        """One loop over rows around the calls of all the band's nodes."""
        stage, threads = self._program.stages[index], self._program.threads
        comment = "\n".join(_comment(node) for node in band.nodes)
        symbol = self._symbol(f"{band.nodes[0].name}_step{index}")
        function = Function(symbol=symbol, comment=comment)
        stage.steps.append(function)
        body = Body({} if threads > 1 else function.locals)
        rows = RowBodies(band, Body(function.locals), body, Body(function.locals))
        for node in band.nodes:
            c = Emitter(
                self._graph, self._schedule.stored, self._program, node, Place(index, True, rows)
            )
            output = c.output()
            op_of(node).emit(node, c)
            self._show_fused(node, c, output, rows, stage)
        loop = RowLoop(body, band.height, band.turn, threads)
        if threads > 1:
            function.part = Body(body.locals, [loop])
        middle = [Split(symbol, threads) if threads > 1 else loop]
        function.statements += [*rows.before.statements, *middle, *rows.after.statements]

    def _show_fused(
        self, node: Node, c: Emitter, output: View, rows: RowBodies, stage: Stage
    ) -> None:
        entry = self._program.traces[c.index]
        if op_of(node).rows_of(NodeView.of(self._graph, node)) is not Rows.REDUCE:
            _show_rows(rows, c.index, c.row_output(), entry.step_bytes)
        elif op_of(node).time() is Time.REDUCE:
            _show(stage.end, c.index, output, entry.step_bytes, False)
        else:
            _show(rows.after, c.index, output, entry.step_bytes, True)
        u = c.existing_state("u") if fires(node) else None
        if u is not None:
            potential = self._add_potential(node, u)
            _show_rows(rows, potential, c.row(u, node.type.size), u.buffer.size)

    def _symbol(self, name: str) -> str:
        """The name of a node's function; no node, and so no local pointer, is called so."""
        while name in self._graph.index:
            name += "_"
        return name

    def _entry(self, node: Node) -> TraceEntry:
        steps = self._graph.time_steps if node.type.temporal else 1
        size = layout.step_bytes(node.type)
        return TraceEntry(node.name, "value", size, steps, layout.c_type(node.type))

    def _add_potential(self, node: Node, u: View) -> int:
        """A trace entry for a membrane potential; gives its number."""
        steps, buffer = self._graph.time_steps, u.buffer
        entry = TraceEntry(node.name, "membrane", buffer.size, steps, buffer.c_type)
        self._program.traces.append(entry)
        return len(self._program.traces) - 1


def _show(body: Body, entry: int, view: View, size: int, looped: bool) -> None:
    body.uses(view)
    body.statements.append(Trace(entry, view, size, size if looped else 0))


def _show_rows(rows: RowBodies, entry: int, view: View, size: int) -> None:
    """Show the rows at hand of a value that has ``size`` bytes a step."""
    rows.body.uses(view)
    row = size // rows.band.height
    rows.body.statements.append(Trace(entry, view, row * rows.band.turn, size, row))


def _comment(node: Node) -> str:
    origin = f" ({node.loc.module})" if node.loc.module else ""
    said = f"{node.name}: {node.op.name} -> {str(node.type).replace('×', 'x')}{origin}"
    return f"/* {c_comment(said)} */"
