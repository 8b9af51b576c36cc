"""A compiled model at work on a recording, in a page of this machine's browser."""
