"""Weighted sums over the inputs of a layer."""
