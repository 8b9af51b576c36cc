"""The page: one HTML file that loads nothing, for energy, redundancy, or both.

Energies and counts are of one inference throughout; the sums over all recordings are one click
away. Every figure of energy says which view it belongs to.
"""
