"""How figures look, and how a matplotlib figure becomes an SVG that belongs to the page.

Colours are drawn as placeholders and replaced by the page's CSS variables, so that one figure
serves light, dark and print; text stays text, in the page's font.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from itertools import count
from typing import Any, Literal

import matplotlib
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

LIGHT = {
    "ink": "#1c2024",
    "muted": "#60656c",
    "grid": "#e6e6e2",
    "ac": "#3f6fd8",
    "mac": "#e08a33",
    "attention": "#b0467f",
    "other": "#b3b8bf",
    "base": "#8b929b",
    "model": "#148a86",
    "save": "#2c9163",
    "cost": "#cf4a4a",
}
"""Colour name → its value where no page gives one, as in a notebook: the page's in light."""

COLOURS = {name: f"#0{place:x}0b0c" for place, name in enumerate(LIGHT)}
"""Colour name → placeholder."""

STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "snnc",
    "text.parse_math": False,
    "font.family": "sans-serif",
    "font.size": 8.5,
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 8.5,
    "axes.edgecolor": COLOURS["muted"],
    "axes.labelcolor": COLOURS["muted"],
    "axes.titlecolor": COLOURS["ink"],
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "axes.axisbelow": True,
    "grid.color": COLOURS["grid"],
    "grid.linewidth": 0.6,
    "text.color": COLOURS["ink"],
    "xtick.color": COLOURS["muted"],
    "ytick.color": COLOURS["muted"],
    "xtick.labelcolor": COLOURS["muted"],
    "ytick.labelcolor": COLOURS["ink"],
    "xtick.major.width": 0.7,
    "ytick.major.width": 0,
    "xtick.major.size": 3,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.4,
    "hatch.linewidth": 0.6,
    "hatch.color": COLOURS["muted"],
}

_number = count()


@contextmanager
def drawing(
    width: float, height: float, margins: tuple[float, float, float, float] | None = None
) -> Iterator[tuple[Figure, list[Markup]]]:
    """A figure to draw on; its SVG is appended to the list when the block ends.

    Args:
        width, height: size in inches (96 CSS pixels on the page).
        margins: left, bottom, right, top in inches; None to fit them to the labels, which takes
            much longer.
    """
    result: list[Markup] = []
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout=None if margins else "constrained")
        if margins:
            left, bottom, right, top = margins
            figure.subplots_adjust(
                left / width, bottom / height, 1 - right / width, 1 - top / height
            )
        yield figure, result
        text = io.StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    result.append(_belonging(text.getvalue()))


def labelled(svg: Markup, label: str) -> Markup:
    """The SVG with a description for those who do not see it."""
    return Markup(str(svg).replace("<svg ", f'<svg role="img" aria-label="{escape(label)}" ', 1))


def grid(axes: Axes, axis: Literal["x", "y"]) -> None:
    """Faint lines along one axis ("x" or "y"), and no spine across them."""
    axes.grid(visible=True, axis=axis)
    axes.spines["left" if axis == "x" else "bottom"].set_visible(axis == "y")


def _belonging(text: str) -> Markup:
    """An SVG document as an element of the page: no prologue, no unused ids, no fixed colours."""
    svg = text[text.index("<svg ") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->\s*", "", svg, flags=re.DOTALL)
    for name, placeholder in COLOURS.items():
        svg = svg.replace(placeholder, f"var(--{name}, {LIGHT[name]})")
    width, height = (
        float(n) for n in re.findall(r'(?:width|height)="([\d.]+)pt"', svg[: svg.index(">")])
    )
    svg = re.sub(r' width="[\d.]+pt"', f' style="--natural:{width / 0.75:.0f}px"', svg, count=1)
    svg = re.sub(r' height="[\d.]+pt"', "", svg, count=1)
    if "viewBox" not in svg[: svg.index(">")]:
        svg = svg.replace("<svg ", f'<svg viewBox="0 0 {width} {height}" ', 1)
    svg = re.sub(r"<[^>]+>", _rounded, svg)
    # the page's font decides, not matplotlib's list of families
    svg = re.sub(r"font: ([^;\"]*?)px [^;\"]*", r"font: \1px var(--sans, sans-serif)", svg)
    return Markup(_own_ids(svg))


def _rounded(tag: re.Match[str]) -> str:
    """A tag with coordinates to a hundredth of a point; what stands between tags is left alone."""
    return re.sub(r"(\d\.\d\d)\d+", r"\1", tag[0])


def _own_ids(svg: str) -> str:
    """Drop ids that nothing refers to, and make the others unlike those of other figures."""
    used = set(re.findall(r"(?:url\(#|href=\"#)([^)\"]+)", svg))
    prefix = f"f{next(_number)}-"

    def change(found: re.Match[str]) -> str:
        return f' id="{prefix}{found[1]}"' if found[1] in used else ""

    svg = re.sub(r' id="([^"]+)"', change, svg)
    return re.sub(r"(url\(#|href=\"#)", rf"\1{prefix}", svg)
