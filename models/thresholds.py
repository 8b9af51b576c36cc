"""One firing threshold a layer: setting them, and raising them after training to save spikes.

Training leaves every layer with the same threshold. A layer whose threshold can rise without
costing accuracy fires less, and so everything behind it computes less.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from torch import nn

from snnc.errors import BAD_OPTION, SnncError
from snnc.messages import shown
from snnc.models.hyper import Hyper, finite
from snnc.models.neurons import LIF, SPIKING, DecayLIF


def thresholds_of(model: nn.Module) -> list[float]:
    """The threshold of every layer of neurons, in the order of the modules."""
    return [neuron.v_threshold for neuron in _neurons(model).values()]


def set_thresholds(model: nn.Module, hyper: Hyper, thresholds: object) -> None:
    """Give every layer of neurons its threshold, and note them in the hyper-parameters.

    Args:
        model: the network.
        hyper: its hyper-parameters, from which :func:`snnc.models.networks.build` builds it again.
        thresholds: a list of finite numbers, one a layer in the order of the modules.

    Raises:
        SnncError: BAD_OPTION for anything else.
    """
    neurons = list(_neurons(model).values())
    fitting = isinstance(thresholds, list | tuple) and len(thresholds) == len(neurons)
    if not fitting or not all(finite(value) for value in thresholds):  # type: ignore[attr-defined]
        raise SnncError(
            BAD_OPTION,
            f"v_thresholds is a list of {len(neurons)} finite numbers, one a layer of neurons, "
            f"not {shown(thresholds)}",
        )
    values = [float(value) for value in thresholds]  # type: ignore[attr-defined]
    for neuron, value in zip(neurons, values, strict=True):
        neuron.v_threshold = value
    hyper["v_thresholds"] = values


@dataclass(frozen=True)
class Raise:
    """A threshold that was raised: which layer's, to what, and the network's figures then."""

    layer: str
    threshold: float
    accuracy: float
    nasfr: float


def raise_thresholds(
    model: nn.Module,
    measure: Callable[[], tuple[float, float]],
    *,
    tolerance: float = 0.0,
    factor: float = 1.25,
    rounds: int = 8,
) -> Iterator[Raise]:
    """Raise thresholds one layer at a time, for as long as accuracy bears it.

    Each round tries every layer once; a raise stays where the accuracy is at most ``tolerance``
    below that before the first raise, and fewer neurons fire. A layer that cannot be raised is
    left alone from then on.

    Args:
        model: the network; changed in place.
        measure: gives (accuracy, NASFR) of it as it is, on data that are not the test data.
        tolerance: how much accuracy may be lost in all, as a share.
        factor: what a threshold is multiplied by.
        rounds: how often a layer is raised at most.

    Yields:
        The raises that stayed.

    Raises:
        SnncError: BAD_OPTION for a factor that does not raise, or a threshold at or below 0.
    """
    neurons = _neurons(model)
    if not factor > 1.0 or min(entry.v_threshold for entry in neurons.values()) <= 0.0:
        raise SnncError(BAD_OPTION, "thresholds above 0 are raised by a factor above 1")
    accuracy, nasfr = measure()
    least = accuracy - tolerance
    movable = dict(neurons)
    for _ in range(rounds):
        for path, neuron in list(movable.items()):
            before = neuron.v_threshold
            neuron.v_threshold = before * factor
            now, firing = measure()
            if now < least or firing >= nasfr:
                neuron.v_threshold = before
                del movable[path]
                continue
            nasfr = firing
            yield Raise(path, neuron.v_threshold, now, firing)


def _neurons(model: nn.Module) -> dict[str, LIF | DecayLIF]:
    return {path: entry for path, entry in model.named_modules() if isinstance(entry, SPIKING)}
