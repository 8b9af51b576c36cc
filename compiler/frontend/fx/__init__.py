"""The torch.fx frontend: trace a forward pass and read it call by call."""
