"""Pooling in integers."""
