"""The NIR frontend: a ``.nir`` file as a PyTorch network (the reference) and as a graph."""
