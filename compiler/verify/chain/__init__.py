"""The chain of proof: its links, its result, what was vacuous, how faithful int8 is."""
