"""Which modules need time steps that have not happened yet, and what that costs in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from snnc.compiler.ir import layout
from snnc.compiler.ir.graph import Graph, Time
from snnc.compiler.ops import op_of
from snnc.compiler.passes import pipeline
from snnc.compiler.plan.schedule import Schedule, schedule


def causality(graph: Graph) -> dict[str, Any]:
    """Report on a graph.

    Returns:
        ``complete`` (True), ``streams`` (bool), ``stages`` (loops over the window),
        ``needs_future``: for each value that later loops read and that is therefore kept for all
        steps, its ``module``, the ``reason``, and ``bytes``; and ``bytes`` of all of them.
    """
    optimised = pipeline.optimised(graph)
    plan = schedule(optimised)
    return _report(_kept(optimised, plan), plan.streams, len(plan.stages), complete=True)


def causality_of_parts(fragments: Sequence[Graph]) -> dict[str, Any]:
    """Report on what is known of a model that has unsupported parts.

    Args:
        fragments: graphs of its supported parts, as
            :meth:`snnc.compiler.frontend.importing.Importing.fragments` gives them.

    Returns:
        As :func:`causality`; ``complete`` is False, ``stages`` None, and ``streams`` False, or None
        where no known module needs the future: an unknown one may.
    """
    entries = []
    for fragment in fragments:
        optimised = pipeline.optimised(fragment)
        entries += _kept(optimised, schedule(optimised))
    return _report(entries, False if entries else None, None, complete=False)


def _report(
    entries: list[dict[str, Any]], streams: bool | None, stages: int | None, *, complete: bool
) -> dict[str, Any]:
    return {
        "complete": complete,
        "streams": streams,
        "stages": stages,
        "needs_future": entries,
        "bytes": sum(entry["bytes"] for entry in entries),
    }


def _kept(graph: Graph, plan: Schedule) -> list[dict[str, Any]]:
    """The values that are kept for all steps, in the order of the graph."""
    if plan.streams:
        return []
    entries = []
    for node in graph.nodes:
        readers = graph.users[node.name]
        if node.name not in plan.stored or not readers:  # a fragment's end is kept for nobody
            continue
        whole = [user for user in readers if op_of(user).time() is not Time.STEP]
        reason = ", ".join(sorted({user.op.name for user in whole})) or "a later loop"
        entries.append(
            {
                "module": node.loc.module or node.name,
                "reason": f"kept for {reason}",
                "bytes": layout.step_bytes(node.type) * graph.time_steps,
            }
        )
    return entries
