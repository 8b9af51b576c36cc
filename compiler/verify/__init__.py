"""The proof: what a graph means, and whether the C computes it."""
