"""Operators that move values and compute nothing: input, flatten, delay, recurrent connections."""
