"""Rules: what an operation of the body is in the graph, one module a kind of operation."""
