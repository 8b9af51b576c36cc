"""Figures of the report: inline SVG that follows the page's light or dark theme."""
