"""Operation counts, energy and redundancy of a network on real data."""
