"""Which modules need time steps that have not happened yet, and what that costs in memory."""

from __future__ import annotations

from typing import Any

from snnc.compiler import layout, pipeline
from snnc.compiler.ir import Graph, Time
from snnc.compiler.ops import op_of
from snnc.compiler.schedule import schedule


def causality(graph: Graph) -> dict[str, Any]:
    """Report on a graph.

    Returns:
        ``streams`` (bool), ``stages`` (loops over the window), ``needs_future``: for each value
        that later loops read and that is therefore kept for all steps, its ``module``, the
        ``reason``, and ``bytes``; and ``bytes`` of all of them.
    """
    optimised = pipeline.optimised(graph)
    plan = schedule(optimised)
    if plan.streams:
        return {"streams": True, "stages": 1, "needs_future": [], "bytes": 0}
    users = optimised.users
    entries = []
    for name in sorted(plan.stored, key=[node.name for node in optimised.nodes].index):
        node = optimised[name]
        readers = [user for user in users[name] if op_of(user).time(user) is not Time.STEP]
        reason = ", ".join(sorted({user.op for user in readers})) or "a later loop"
        entries.append(
            {
                "module": node.loc.module or name,
                "reason": f"kept for {reason}",
                "bytes": layout.step_bytes(node.type) * optimised.time_steps,
            }
        )
    return {
        "streams": False,
        "stages": len(plan.stages),
        "needs_future": entries,
        "bytes": sum(entry["bytes"] for entry in entries),
    }
