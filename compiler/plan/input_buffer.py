"""How events wait for their step: a whole window of frames, a few frames, or packed events.

The choice is kept in attributes of the graph's input node: ``frames``, how many steps have a frame
of their own (default: all); ``carry``, what becomes of an event outside of them; or ``events``, how
many packed events there is room for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from snnc.compiler.ir.graph import Graph, Kind
from snnc.compiler.ops import op_of
from snnc.compiler.ops.base import Most
from snnc.compiler.ops.view import NodeView
from snnc.compiler.plan.schedule import schedule
from snnc.errors import BAD_OPTION, NOT_CAUSAL, UNSUPPORTED_LAYER, SnncError

COUNT_LIMIT = 2**16 - 1
"""What a COUNT holds."""

EVENT_LIMIT = 2**32 - 1


@dataclass(frozen=True)
class Buffering:
    """What holds pushed events.

    Attributes:
        frames: frames of event counts, for the step at hand and those after it; None: the window.
        events: packed events of the window instead of frames; None: frames.
        carry: an event for which there is no frame any more, or not yet, goes into the nearest one
            there is; else it is dropped and counted.
    """

    frames: int | None = None
    events: int | None = None
    carry: bool = False


WINDOW = Buffering()


def buffered(graph: Graph, choice: Buffering) -> Graph:
    """The same graph with an input node that says how its events are held.

    Raises:
        SnncError: BAD_OPTION for a combination that means nothing; NOT_CAUSAL where fewer frames
            than a window, or packed events, were asked for and a layer needs the whole window.
    """
    if choice.events is not None and (choice.frames is not None or choice.carry):
        raise SnncError(
            BAD_OPTION,
            "--max-events cannot be combined with --max-frames or --overrun",
            hint="Packed events hold a whole window; --max-frames is for nets that stream.",
        )
    if choice.events is not None and graph["input"].type.kind is Kind.REAL:
        raise SnncError(
            BAD_OPTION,
            "--max-events holds events, which make counts, and the network takes real numbers",
            where=graph.name,
            hint="Use --max-frames, where the network streams.",
        )
    if choice.events is not None and not 0 < choice.events <= EVENT_LIMIT:
        raise SnncError(BAD_OPTION, f"--max-events {choice.events} is not from 1 to {EVENT_LIMIT}")
    plan = schedule(graph)
    frames = graph.time_steps if choice.frames is None else min(choice.frames, graph.time_steps)
    if not plan.streams and (frames < graph.time_steps or choice.carry):
        raise SnncError(
            NOT_CAUSAL,
            "--max-frames and --overrun need a network that streams, and this one needs the whole "
            "window before it can go on",
            where=graph.name,
            hint="Use --max-events N: the window is then held as packed events.",
        )
    if choice.events is not None:
        return _with_input(graph, events=choice.events, frames=1)
    return _with_input(graph, frames=frames, carry=choice.carry)


def _with_input(
    graph: Graph, frames: int, events: int | None = None, *, carry: bool = False
) -> Graph:
    whole = {
        name for stage in schedule(graph).stages for node in stage.once for name in node.inputs
    }
    if frames < graph.time_steps and "input" in whole:
        raise SnncError(
            NOT_CAUSAL,
            "a layer reads all frames of the input at once, so all must be held",
            where=graph.name,
            hint="Leave out --max-events and --max-frames.",
        )
    held = replace(graph.held, frames=frames, events=events, carry=carry)
    nodes = tuple(n.replace(op=held) if n.name == "input" else n for n in graph.nodes)
    return graph.replace(nodes=nodes)


def most_events(graph: Graph) -> int:
    """Events that a cell of a frame may hold so that no COUNT of the network can overflow.

    A COUNT is at most a times that number plus b, with a and b from the sums that make it.

    Raises:
        SnncError: UNSUPPORTED_LAYER where a count may exceed 65535 whatever the input.
    """
    bounds: dict[str, Most] = {}
    most = 255 if graph["input"].type.dtype == "uint8" else COUNT_LIMIT
    for node in graph.nodes:
        given = [bounds[name] for name in node.inputs if name in bounds]
        if node.type.kind is Kind.SPIKE:
            bounds[node.name] = Most(0, 1)
        if node.type.kind is not Kind.COUNT:
            continue
        bound = op_of(node).most(NodeView.of(graph, node), given)
        bounds[node.name], factor, rest = bound, bound.factor, bound.rest
        fits = (COUNT_LIMIT - rest) // factor if factor else most
        if fits < 1 or rest > COUNT_LIMIT:
            raise SnncError(
                UNSUPPORTED_LAYER,
                f"a sum of spikes and counts may reach {factor + rest:,}, and a count holds 65,535",
                where=node.loc.module or node.name,
                hint="Pool over smaller windows, or add fewer branches.",
            )
        most = min(most, fits)
    return most
