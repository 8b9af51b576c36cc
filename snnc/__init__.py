"""snnc compiles trained spiking neural networks from PyTorch to proven, event-driven C."""
