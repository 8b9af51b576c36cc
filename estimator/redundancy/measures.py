"""The redundancy measures of Yao et al. 2023 (Definitions 1-6), from gathered records.

Firing rates (N-SFR, C-SFR, T-SFR, NASFR) are Definition 1, the spike feature 2, ghosts 3, patterns
4, MPD 5 and PTD 6; the quantization error has no definition of its own (Section 5.5, Table 4).

All are exact ratios of integer counts until the one division at the end, except the mean, the
variance and the quantization error of the membrane potential, which are sums in float64.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from snnc.errors import BAD_OPTION, SnncError
from snnc.estimator.redundancy.records import LayerRecord

Reals = npt.NDArray[np.float64]

PEAKS = 3
"""PTD looks at this many of the fullest bins."""


def n_sfr(record: LayerRecord) -> Reals:
    """Neuron spike firing rate (Definition 1): the share of samples in which each neuron fires at
    step t, [T, *shape]. The map of one channel at one step is its *spike feature*
    (Definition 2)."""
    rates: Reals = record.fired / _samples(record)
    return rates


def n_sfr_map(record: LayerRecord, step: int, channel: int) -> Reals:
    """The spike feature of one channel at one step, [H, W] (or [1, F] for a linear layer)."""
    counts = record.fired[step]
    one = counts[channel] if record.channels > 1 or counts.ndim == 3 else counts[None]
    rates: Reals = one / _samples(record)
    return rates


def c_sfr(record: LayerRecord) -> Reals:
    """Channel spike firing rate (Definition 1): mean N-SFR of each channel, [T, C]."""
    maps = record.fired.reshape(record.time_steps, record.channels, -1)
    fired = maps.sum(axis=2, dtype=np.int64)
    rates: Reals = fired / (_samples(record) * record.neurons_per_channel)
    return rates


def t_sfr(records: Iterable[LayerRecord]) -> Reals:
    """Time spike firing rate (Definition 1): mean N-SFR of all neurons of some layers at each
    step, [T]. One layer gives that layer's curve, all layers the network's."""
    records = list(records)
    fired = sum(spikes_per_step(record) for record in records)
    places = sum(_samples(record) * record.neurons for record in records)
    return np.asarray(fired / places, dtype=np.float64)


def spikes_per_step(record: LayerRecord) -> npt.NDArray[np.int64]:
    """Spikes of a layer at each step, over all samples, [T]."""
    fired = record.fired.reshape(record.time_steps, -1)
    return np.asarray(fired.sum(axis=1, dtype=np.int64))


def spikes(record: LayerRecord) -> int:
    """Spikes of a layer over all steps and samples."""
    return int(spikes_per_step(record).sum())


def firing_rate(record: LayerRecord) -> float:
    """Mean of a layer's N-SFR over neurons and steps."""
    return spikes(record) / (_samples(record) * record.neurons * record.time_steps)


def nasfr(records: Iterable[LayerRecord]) -> float:
    """Network average spike firing rate (Definition 1): T-SFR of the network averaged over T.

    Every neuron counts alike, so a layer weighs as much as it has neurons: what the definition
    says and, with linear layers included, what the authors' code computes.
    """
    records = list(records)
    places = sum(_samples(entry) * entry.neurons * entry.time_steps for entry in records)
    return sum(spikes(entry) for entry in records) / places


def nasfr_of_layers(records: Iterable[LayerRecord]) -> float:
    """The plain mean of the layers' firing rates: each layer counts once, whatever its size."""
    return float(np.mean([firing_rate(record) for record in records]))


def mean_potential(record: LayerRecord) -> Reals:
    """Mean membrane potential of each channel at each step, [T, C]."""
    return record.potential / (_samples(record) * record.neurons_per_channel)


def variance(record: LayerRecord) -> Reals:
    """Variance of each channel's membrane potentials at each step, over its neurons and all
    samples (population variance), [T, C]."""
    squares = record.potential_squared / (_samples(record) * record.neurons_per_channel)
    return np.maximum(squares - np.square(mean_potential(record)), 0.0)


def quantization_error(record: LayerRecord) -> Reals:
    """QE (Section 5.5): mean of (U - S)² of each channel at each step, [T, C]."""
    return record.error_squared / (_samples(record) * record.neurons_per_channel)


def network_quantization_error(records: Iterable[LayerRecord]) -> float:
    """QE of all neurons of some layers at all steps (Table 4)."""
    records = list(records)
    places = sum(_samples(entry) * entry.neurons * entry.time_steps for entry in records)
    return float(sum(entry.error_squared.sum() for entry in records) / places)


def mpd(record: LayerRecord) -> Reals:
    """Membrane potential distribution (Definition 5): the share of a channel's potentials in each
    bin at each step, over all samples, [T, C, bins + 2]; the first and last bin are open."""
    return record.histogram / (_samples(record) * record.neurons_per_channel)


def ptd(record: LayerRecord) -> Reals:
    """Peak-to-threshold distance (Definition 6): mean of (bin's centre - Vth) over the three
    fullest bins of each channel's histogram at each step, [T, C].

    Near or above 0 means a noise pattern: most neurons sit at the threshold. Of equally full bins
    the lower counts. The open bins have no centre: they stand for one half a width outside, so a
    peak out there shows at the end of the range.

    It depends on the bins, which the paper does not fix: of layer 2 of the bundled nmnist_none the
    share of channels with a PTD of at least 0 is 0.097 with 10 bins over the range, 0.166 with this
    project's and 0.267 with 50. Compare PTDs of the same bins only.
    """
    fullest = np.argsort(-record.histogram.astype(np.int64), axis=2, kind="stable")[:, :, :PEAKS]
    width = record.bins.width
    first, last = record.bins.centres[[0, -1]]
    centres = np.concatenate([[first - width], record.bins.centres, [last + width]])
    distances: Reals = (centres - record.bins.threshold)[fullest].mean(axis=2)
    return distances


def _samples(record: LayerRecord) -> int:
    if record.samples < 1:
        raise SnncError(BAD_OPTION, "there is no firing rate of zero samples", where=record.name)
    return record.samples
