"""The C runtime: kernels and public headers that generated code includes."""
