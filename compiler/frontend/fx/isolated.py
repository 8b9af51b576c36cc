"""A module behind something unsupported, imported apart from the rest.

The graph ends where something cannot be taken. What stands behind it still has known inputs, in
the shapes of the trace, and so can tell whether it needs the whole window.
"""

from __future__ import annotations

from typing import Any

from torch import fx

from snnc.compiler.frontend.importing import Importing, Unsupported, importer_of
from snnc.compiler.ir.graph import Graph, Kind
from snnc.errors import SnncError


def isolated(
    node: fx.Node, module: Any, path: str, time_steps: int, samples: int
) -> tuple[Graph | None, list[Unsupported]]:
    """The graph of one module call by itself, its input real numbers, and what it lists.

    Args:
        node: the traced call.
        module: what it calls.
        path: the module's path, which its nodes are called after.
        time_steps: T of the trace.
        samples: N of the trace.

    Returns:
        The graph; None for a call that sees no time axis (of merged axes, or of single steps), and
        for a module that cannot be imported either. What is listed may be true of real numbers
        only.
    """
    importer = importer_of(module)
    shapes = [source.meta.get("shape", ()) for source in node.all_input_nodes]
    if importer is None or len(shapes) != 1 or {*shapes[0][:2]} != {time_steps, samples}:
        return None, []
    importing = Importing(path, time_steps)
    given = importing.input(tuple(shapes[0][2:]), Kind.REAL, path)
    try:
        output = importer(importing, module, path, [given])
    except SnncError:
        return None, importing.unsupported
    if output is None or importing.unsupported:
        return None, importing.unsupported
    return importing.graph([output]), []
