"""Neurons: state over time, and spikes."""
