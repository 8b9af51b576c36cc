"""What only one framework can know: the classes of its layers and neurons."""
