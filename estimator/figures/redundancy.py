"""Figures of redundancy: spike features, membrane potentials, QE."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes

from snnc.estimator.figures.style import COLOURS, drawing, grid, labelled
from snnc.estimator.redundancy import measures
from snnc.estimator.redundancy.analysis import busiest_channels, busiest_step
from snnc.estimator.redundancy.ghosts import Ghosts, ghosts
from snnc.estimator.redundancy.measures import Reals
from snnc.estimator.redundancy.records import LayerRecord

CHANNELS = 8
"""Channels that a feature card shows."""

CELL = 1.33
"""Width of a map in inches."""

PIXELS = 64
"""Larger maps are drawn at a whole fraction of their resolution, by the mean."""

Pair = tuple[LayerRecord, LayerRecord | None]
"""A layer of the model, and the same layer of the baseline if there is one."""


def mpd_panel(pair: Pair) -> Markup:
    """Distribution of a layer's membrane potentials over all channels, steps and samples."""
    with drawing(2.7, 1.6, (0.1, 0.42, 0.1, 0.25)) as (figure, result):
        axes = figure.subplots()
        _distributions(
            axes, [record and record.histogram.sum(axis=(0, 1)) for record in pair], pair
        )
        axes.set_title(pair[0].name)
        relative = pair[0].thresholds is not None
        axes.set_xlabel("membrane potential U" + " - Vth" * relative, labelpad=1)
    return labelled(result[0], f"Membrane potentials of {pair[0].name}, with the threshold")


def feature_card(pair: Pair) -> Markup:
    """The spike features of a layer's busiest channels at its busiest step, with what their
    membrane potentials say about them (as in the paper's Figures 2, 5 and 6).

    Top to bottom: the baseline's features, the model's, the distribution of U. A dashed frame
    marks a ghost and names the channel that it repeats.
    """
    model, baseline = pair
    leading = baseline or model
    step = busiest_step(leading)
    channels = busiest_channels(leading, step, CHANNELS)
    shown = [record for record in (baseline, model) if record is not None]
    top = max(float(measures.n_sfr(record)[step, channels].max()) for record in shown)
    rows = [CELL * min(1.6, max(0.5, model.shape[1] / model.shape[2]))] * len(shown) + [0.6]
    left, bottom, right, above = margins = (0.35, 0.42, 0.08, 0.5)
    size = (CELL * CHANNELS + left + right, sum(rows) + 0.28 * len(shown) + bottom + above)
    with drawing(*size, margins) as (figure, result):
        spacing = {"height_ratios": rows, "wspace": 0.08, "hspace": 0.28 / np.mean(rows)}
        cells = figure.subplots(len(rows), CHANNELS, squeeze=False, gridspec_kw=spacing)
        for row, record in enumerate(shown):
            found = ghosts(record, step)
            for column, channel in enumerate(channels):
                _feature(cells[row, column], record, step, channel, found, top)
            name = "model" if record is model else "baseline"
            cells[row, 0].set_ylabel(name, color=COLOURS[_colour(record, pair)])
        reach = _range(pair, [record and record.histogram[step, channels] for record in pair])
        for column, channel in enumerate(channels):
            _potential(cells[-1, column], pair, step, channel, reach)
        cells[-1, 0].set_ylabel("MPD", fontsize=7.5)
        for unused in cells[:, len(channels) :].flat:
            unused.set_visible(False)
        heading = f"{model.name}, step {step + 1} of {model.time_steps}; brightest = {top:.3g}"
        figure.text(
            0.1 / size[0], 1 - 0.2 / size[1], heading + _scale_note(model.shape[1:]),
            fontsize=9, fontweight="bold",
        )  # fmt: skip
    return labelled(result[0], f"Spike features and membrane potentials of {model.name}")


def _range(pair: Pair, histograms: Sequence[Any]) -> tuple[float, float]:
    """Where all but a thousandth of the closed bins' potentials lie, and the threshold."""
    bins = pair[0].bins
    counts = np.zeros(bins.count, np.int64)
    for record, histogram in zip(pair, histograms, strict=True):
        if record is not None and record.bins == bins:
            counts += (
                np.asarray(histogram).reshape(-1, bins.count + 2).sum(axis=0, dtype=np.int64)[1:-1]
            )
    share = np.cumsum(counts) / max(counts.sum(), 1)
    half = bins.count // 2
    low = min(int(np.searchsorted(share, 0.0005)), half - min(4, half))
    high = max(int(np.searchsorted(share, 0.9995)) + 1, half + min(4, half))
    return float(bins.edges[low]), float(bins.edges[min(high, bins.count)])


def reduction(shape: tuple[int, ...]) -> int:
    """By how much a map is reduced to be drawn."""
    return -(-max(shape) // PIXELS)


def _scale_note(shape: tuple[int, ...]) -> str:
    by = reduction(shape)
    return f"; drawn at 1/{by} of its resolution" if by > 1 else ""


def reduced(image: Reals, by: int) -> Reals:
    """Means over blocks of ``by`` times ``by``; what does not fill one at the far edges is left
    out. An image that is smaller than a block stays as it is."""
    if by == 1 or min(image.shape) < by:
        return image
    height, width = (length // by for length in image.shape)
    blocks = image[: height * by, : width * by].reshape(height, by, width, by)
    means: Reals = blocks.mean(axis=(1, 3))
    return means


def _feature(
    axes: Axes, record: LayerRecord, step: int, channel: int, found: Ghosts, top: float
) -> None:
    image = measures.n_sfr_map(record, step, channel)
    image = reduced(image, reduction(image.shape))
    axes.imshow(image, cmap="magma", vmin=0, vmax=top or 1, interpolation="none")
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(True)
        spine.set_color(COLOURS["grid"])
    original, label = int(found.of[channel]), f"c{channel}"
    if original >= 0:
        label += f" ≈ c{original}"
        for spine in axes.spines.values():
            spine.set(color=COLOURS["cost"], linewidth=1.8, linestyle=(0, (2, 1.5)))
    elif found.silent[channel]:
        label += " silent"
    axes.set_title(label, fontsize=7.5, fontweight="normal", pad=2, color=COLOURS["muted"])


def _potential(axes: Axes, pair: Pair, step: int, channel: int, reach: tuple[float, float]) -> None:
    histograms = [record and record.histogram[step, channel] for record in pair]
    _distributions(axes, histograms, pair)
    record = pair[0]
    distance = measures.ptd(record)[step, channel]
    spread = measures.variance(record)[step, channel]
    axes.set_xlabel(f"PTD {distance:+.2f}, σ² {spread:.2f}", fontsize=7, labelpad=1)
    axes.set_xlim(*reach)
    axes.tick_params(labelsize=7)


def _distributions(axes: Axes, histograms: Sequence[Any], pair: Pair) -> None:
    """Closed bins of one or two histograms (the open ones at the ends of the range), and Vth."""
    bins = pair[0].bins
    for record, histogram in zip(pair, histograms, strict=True):
        if record is None or histogram is None:
            continue
        counts = np.asarray(histogram, dtype=np.float64)
        shares = counts[1:-1] / max(counts.sum(), 1.0)
        colour = COLOURS[_colour(record, pair)]
        axes.stairs(shares, record.bins.edges, color=colour, fill=record is pair[0], alpha=0.75)
        if record is not pair[0]:
            axes.stairs(shares, record.bins.edges, color=colour, linewidth=1.0)
    axes.axvline(bins.threshold, color=COLOURS["cost"], linewidth=1.0, linestyle=(0, (3, 2)))
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.locator_params(axis="x", nbins=5)


def _colour(record: LayerRecord, pair: Pair) -> str:
    return "model" if record is pair[0] else "base"


def qe_bars(pairs: Sequence[Pair]) -> Markup:
    """Quantization error by layer."""
    both = pairs[0][1] is not None
    with drawing(5.7, 0.5 + (0.3 if both else 0.2) * len(pairs)) as (figure, result):
        axes = figure.subplots()
        for row, (model, baseline) in enumerate(pairs):
            error = measures.quantization_error(model).mean()
            if baseline is not None:
                axes.barh(
                    row - 0.2, measures.quantization_error(baseline).mean(), 0.36,
                    color=COLOURS["base"], linewidth=0,
                )  # fmt: skip
            axes.barh(row + 0.2 * both, error, 0.36, color=COLOURS["model"], linewidth=0)
        axes.set_yticks(range(len(pairs)), [model.name for model, _ in pairs])
        axes.set_ylim(len(pairs) - 0.5, -0.5)
        axes.set_xlabel("mean of (U - S)²")
        grid(axes, "x")
    return labelled(result[0], "Quantization error by layer")
