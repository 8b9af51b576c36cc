"""Operators of quantized graphs: whole numbers in, whole numbers out, nothing left to rounding."""
