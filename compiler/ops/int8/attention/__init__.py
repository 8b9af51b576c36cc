"""Attention in fixed point."""
