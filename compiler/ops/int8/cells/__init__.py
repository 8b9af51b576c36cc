"""Cells in integer networks."""
