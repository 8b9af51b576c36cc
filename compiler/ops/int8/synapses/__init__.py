"""Weighted sums in integers."""
