"""The C on this machine: compile it, keep it, run it, watch it."""
