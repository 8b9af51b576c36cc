"""What compiles of other frameworks, measured row by row; docs/scripts/generate_coverage.py writes
the page."""
