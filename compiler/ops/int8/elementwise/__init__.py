"""Elementwise operators in fixed point."""
