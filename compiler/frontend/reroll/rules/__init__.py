"""Rules: what a call of the captured graph does to each step, one module a kind of call."""
