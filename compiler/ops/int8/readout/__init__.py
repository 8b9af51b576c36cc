"""Readouts in integers."""
