"""Frontends: each turns one kind of source model into the graph IR."""
