"""Pieces of an SVG drawing; classes give colours and fonts in report.css."""

from __future__ import annotations

from html import escape

from markupsafe import Markup


def picture(kind: str, label: str, size: tuple[float, float], parts: list[str]) -> Markup:
    """A drawing.

    Args:
        kind: its class.
        label: what it shows, for those who do not see it.
        size: its width and height in CSS pixels.
        parts: its pieces, the lowest first.
    """
    width, height = size
    return Markup(
        f'<svg class="{kind}" role="img" aria-label="{escape(label)}" '
        f'viewBox="0 0 {width} {height}" style="--natural:{width}px">{"".join(parts)}</svg>'
    )


def text(kind: str, x: float, y: float, words: str, anchor: str = "start") -> str:
    """Words at a place."""
    return f'<text class="{kind}" x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escape(words)}</text>'


def rect(kind: str, corner: tuple[float, float], size: tuple[float, float], *, r: int = 0) -> str:
    """A rectangle, with round corners of radius ``r``."""
    (x, y), (width, height) = corner, size
    return (
        f'<rect class="{kind}" x="{x:g}" y="{y:g}" width="{width:.4g}" height="{height:.4g}" '
        f'rx="{r}"/>'
    )


def path(kind: str, way: str) -> str:
    """A line along an SVG path."""
    return f'<path class="{kind}" d="{way}"/>'


def tipped(tip: str, *parts: str) -> str:
    """Pieces that say something under the pointer."""
    return f'<g data-tip="{escape(tip)}">{"".join(parts)}</g>'
