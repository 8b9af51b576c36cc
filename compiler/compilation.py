"""Everything that compiling one model yields, in memory: graphs, schedule, C."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from snnc.compiler.calibrate.int4_layers import Bearable
from snnc.compiler.calibrate.ranges import calibrate
from snnc.compiler.codegen import c_program
from snnc.compiler.codegen.c_program import Framing, Generated
from snnc.compiler.ir.graph import Array, Graph
from snnc.compiler.ops.int8.synapses.rows import LISTED, OWN, PLAIN
from snnc.compiler.ops.int8.weight_types import Int4, nowhere
from snnc.compiler.passes import pipeline
from snnc.compiler.passes.choose_kernels import with_kernels
from snnc.compiler.passes.order_weights import order_weights
from snnc.compiler.plan import recompute
from snnc.compiler.plan.input_buffer import WINDOW, Buffering, buffered
from snnc.compiler.plan.planned import Planned
from snnc.compiler.plan.schedule import Schedule


@dataclass(frozen=True)
class Compilation:
    """A compiled model.

    Attributes:
        source: the graph as the source model computes it, in primitive ops.
        graph: the graph as the C computes it; nodes with spikes or masks keep their names.
        schedule: its stages.
        generated: the C files, memory plan and trace table.
        framing: how events become frames, if the model takes events.
        choices: every plan between storing all and recomputing all, where a budget was given.
        bearable: how the layers with int4 weights were chosen, where they were.
    """

    source: Graph
    graph: Graph
    schedule: Schedule
    generated: Generated
    framing: Framing | None
    choices: tuple[recompute.Choice, ...] = ()
    bearable: Bearable | None = None

    @property
    def window_us(self) -> int | None:
        """How long a window is; None where no step has a length."""
        return None if self.framing is None else self.framing.dt_us * self.graph.time_steps

    @property
    def planned(self) -> Planned:
        """Its program in the arena."""
        return Planned(self.schedule, self.generated.program, self.generated.plan)


def compile_graph(
    graph: Graph,
    framing: Framing | None = None,
    *,
    calibration: Iterable[Array] | None = None,
    arena_bytes: int | None = None,
    kernels: pipeline.Pass | None = None,
    buffering: Buffering = WINDOW,
    threads: int = 1,
    batch: int = 1,
    order: str | None = None,
    weights: str | None = None,
    int4: Int4 = nowhere,
    bearable: Bearable | None = None,
    watch: pipeline.Watch | None = None,
) -> Compilation:
    """Run the passes, schedule, plan and emit.

    Args:
        graph: the imported graph.
        framing: how events become frames, if the model takes events.
        calibration: windows of event counts [T, C, H, W] of training data: the graph is quantized
            to int8 with the ranges they show. None: float32.
        arena_bytes: most bytes of arena: values are recomputed instead of stored until it fits.
        kernels: a pass that chooses kernels (:mod:`snnc.compiler.passes.choose_kernels`);
            default: event-driven everywhere.
        buffering: how events wait for their step.
        threads: parts that the rows of each convolution are split into; the result is the same
            for any number.
        batch: most steps that a layer works on at once where a whole window is run, which takes
            memory: 1 where ``arena_bytes`` limits it. The result is the same for any number.
        order: of int8 weights in memory, as the target's kernels want it (``Target.order``), or
            "own" for C that is compiled for any core.
            None: the host's, which lists events, or plain where ``arena_bytes`` leaves little room
            for lists.
        weights: "text" or "binary" (:mod:`snnc.compiler.codegen.binary_weights`); default: by
            their size.
        int4: layers whose weights are int4 where the graph is quantized
            (:mod:`snnc.compiler.ops.int8.weight_types`); default: none.
        bearable: how these layers were chosen, if by what the network bears.
        watch: is shown the graph after every pass, by the pass's name.

    Raises:
        SnncError: whatever a pass or an op refuses; OVER_BUDGET; BAD_OPTION, NOT_CAUSAL for a
            buffering that the graph cannot have.
    """
    optimised = pipeline.optimised(graph, kernels, watch)
    if calibration is not None:
        order = order or (LISTED if arena_bytes is None else PLAIN)
        ranges = calibrate(optimised, calibration)
        optimised = pipeline.quantized(optimised, ranges, order, watch, int4)
    if buffering != WINDOW:
        optimised = buffered(optimised, buffering)
    chosen, choices = recompute.fitting(optimised, arena_bytes, threads, batch)
    generated = c_program.generate(optimised, chosen.planned, framing, weights=weights)
    source = pipeline.lowered(graph)
    return Compilation(source, optimised, chosen.schedule, generated, framing, choices, bearable)


def for_any_core(compilation: Compilation, arena_bytes: int | None = None) -> Compilation:
    """The same network as C for any core: no kernel is a host's, no layer works on several steps at
    once, and the order of int8 weights is chosen by the macros of the compiler that compiles it.

    Args:
        compilation: of a network.
        arena_bytes: as for :func:`compile_graph`.

    Raises:
        SnncError: OVER_BUDGET.
    """
    graph = order_weights(compilation.graph, OWN)
    threads = compilation.generated.program.threads
    choice, choices = recompute.fitting(graph, arena_bytes, threads)
    return replace(_planned(replace(compilation, graph=graph), choice), choices=choices)


def varied(
    compilation: Compilation, kernels: Mapping[str, str], batch: int, threads: int
) -> Compilation:
    """The same network with other kernels ("event" or "dense", by layer), another most of steps at
    once and other threads."""
    graph = with_kernels(compilation.graph, kernels)
    choice = recompute.chosen(graph, frozenset(), threads, batch)
    return _planned(replace(compilation, graph=graph), choice)


def recomputing(compilation: Compilation, names: frozenset[str]) -> Compilation:
    """The same network with just these values computed again (:class:`recompute.Choice`)."""
    return _planned(compilation, recompute.chosen(compilation.graph, names))


def _planned(compilation: Compilation, choice: recompute.Choice) -> Compilation:
    generated = c_program.generate(compilation.graph, choice.planned, compilation.framing)
    return replace(compilation, schedule=choice.schedule, generated=generated)
