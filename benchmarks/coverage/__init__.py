"""What compiles of other frameworks, measured row by row; docs/generate_coverage.py writes the
page."""
