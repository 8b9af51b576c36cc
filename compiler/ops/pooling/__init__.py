"""Pooling over windows of a map."""
