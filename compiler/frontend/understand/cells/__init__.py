"""Elementwise recurrences, and functions of numbers, as the small programs of cells."""
