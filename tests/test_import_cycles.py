"""No module imports itself by way of others, not even for its types."""

from __future__ import annotations

import grimp
import networkx as nx


def test_no_two_modules_import_each_other() -> None:
    graph = grimp.build_graph("snnc", cache_dir=None)
    flow = nx.DiGraph(
        (module, imported)
        for module in graph.modules
        for imported in graph.find_modules_directly_imported_by(module)
    )
    assert len(flow) > 300
    cycles = [sorted(part) for part in nx.strongly_connected_components(flow) if len(part) > 1]
    assert cycles == []
