"""Firing over time as curves whose points say their values."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from snnc.estimator.page.svg import path, picture, rect, text, tipped
from snnc.estimator.redundancy.measures import Reals

WIDTH, HEIGHT, LEFT, BOTTOM, RIGHT, ABOVE = 260, 150, 40, 30, 8, 24
"""CSS pixels: of a panel, and around its axes."""


@dataclass(frozen=True)
class _Axes:
    """Where steps and shares lie on a panel."""

    steps: int
    top: float

    @property
    def column(self) -> float:
        """Width of a step."""
        return (WIDTH - LEFT - RIGHT) / self.steps

    def x(self, step: float) -> float:
        """The middle of a step, from 0."""
        return LEFT + self.column * (step + 0.5)

    def y(self, value: float) -> float:
        """The height of a share."""
        return ABOVE + (HEIGHT - BOTTOM - ABOVE) * (1 - value / self.top)


def curve(title: str, model: Reals, baseline: Reals | None, top: float) -> Markup:
    """T-SFR over time of one layer, or of the network.

    Args:
        title: what it shows.
        model: T-SFR of the model, [T].
        baseline: of the baseline, or None.
        top: upper end of the axis, above 0.
    """
    axes = _Axes(len(model), top)
    parts = [text("name", 2, 14, title), *_ticks(axes)]
    for name, values in (("base", baseline), ("model", model)):
        if values is not None:
            parts += _line(axes, name, values)
    parts += [_column(axes, step, model, baseline) for step in range(len(model))]
    return picture("curve", f"Firing rate over time, {title}", (WIDTH, HEIGHT), parts)


def _ticks(axes: _Axes) -> list[str]:
    parts = []
    for value in (0.0, axes.top / 2, axes.top):
        parts.append(path("grid", f"M{LEFT} {axes.y(value):.1f}H{WIDTH - RIGHT}"))
        parts.append(text("tick", LEFT - 5, axes.y(value) + 3, f"{value:.3g}", "end"))
    for step in sorted({0, axes.steps // 2, axes.steps - 1}):
        parts.append(text("tick", axes.x(step), HEIGHT - 14, str(step + 1), "middle"))
    middle = LEFT + (WIDTH - LEFT - RIGHT) / 2
    return [*parts, text("tick", middle, HEIGHT - 2, "time step", "middle")]


def _line(axes: _Axes, name: str, values: Reals) -> list[str]:
    """The curve; a lone step is a dot."""
    points = [(axes.x(step), axes.y(float(value))) for step, value in enumerate(values)]
    if len(points) == 1:
        ((x, y),) = points
        return [rect(f"dot {name}", (x - 2, y - 2), (4, 4), r=2)]
    way = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return [path(f"line {name}", f"M{way}")]


def _column(axes: _Axes, step: int, model: Reals, baseline: Reals | None) -> str:
    """What the pointer finds above a step."""
    tip = f"step {step + 1}: {model[step]:.4f}"
    tip += f", the baseline {baseline[step]:.4f}" if baseline is not None else ""
    corner = (axes.x(step - 0.5), ABOVE)
    return tipped(tip, rect("catch", corner, (axes.column, HEIGHT - ABOVE - BOTTOM)))
