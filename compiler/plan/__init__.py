"""Planning: stages, row tiles, liveness, the arena, what to store and what to recompute."""
