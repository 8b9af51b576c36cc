"""The graph IR: typed values, nodes that say how they use time, and how values lie in memory."""
