"""Cells: elementwise recurrences that are no linear recurrence, as small typed programs."""
