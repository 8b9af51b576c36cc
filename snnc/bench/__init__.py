"""Timing the C against dense ways to run the same network, in one process, on one core."""
