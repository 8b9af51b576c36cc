"""Neurons, attention modules, networks, training, checkpoints and data sets."""
