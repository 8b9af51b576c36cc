"""Elementwise operators on currents and spikes."""
