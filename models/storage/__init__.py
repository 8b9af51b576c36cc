"""``.pt`` files of anybody, read without trust, and checkpoints of the paper authors' code."""
