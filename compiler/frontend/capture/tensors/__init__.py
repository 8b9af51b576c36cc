"""What the tensors of a running model hold: memory, views of it, and writes through them."""
