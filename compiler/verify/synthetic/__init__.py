"""Inputs that no recording gives: what they are, and running them."""
