"""Operators that turn steps or groups into scores."""
