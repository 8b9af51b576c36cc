"""LIF-SNNs: the paper's three-layer network and two five-layer networks, and MA-SNN's deeper one.

Tensors are time first. A network takes event counts ``[T, N, 2, H, W]`` (T time steps,
N samples, two polarities) and returns class scores ``[N, classes]``: the mean over time of
the last layer's spikes. Source: Yao et al. 2023, "Inherent Redundancy in Spiking Neural
Networks" (ICCV), and its released code; parameter counts are those of the authors' networks.

A network is built from a name and plain hyper-parameters with :func:`build` and remembers
both, so that a checkpoint can rebuild it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise

from torch import Tensor, nn

from snnc.errors import BAD_OPTION, SnncError
from snnc.models.attention import PAPER_SIZES, make_attention
from snnc.models.blocks import Block, Network, OverTime, TimeMean, Vote
from snnc.models.hyper import (
    check_channels,
    check_hyper,
    check_sizes,
    pixels_after_pools,
    taken,
)
from snnc.models.neurons import LIF, PLIF, DecayLIF
from snnc.models.residual import ResSNN18
from snnc.models.surrogates import make_surrogate
from snnc.models.thresholds import set_thresholds

__all__ = [
    "NETWORKS",
    "Block",
    "FiveLayer",
    "Network",
    "OverTime",
    "ThreeLayer",
    "TimeMean",
    "Vote",
    "build",
]

KERNEL = 3
POOL = 2


class ThreeLayer(Network):
    """The three-layer network: 3 convolutions, 2 linear layers, LIF after each.

    conv 2→C1; conv C1→C2, AvgPool 2; conv C2→C3, AvgPool 2 (3×3, padding 1, bias; BN; the
    pool after BN and before attention and LIF); linear → hidden; linear → classes·votes;
    mean over time. With C = 64, 128, 128 at 2×32×32 and 11 classes: 2,323,531 parameters.

    ``ma-five-layer`` (Yao et al. 2023, "Attention Spiking Neural Networks", TPAMI; for Gait and
    CIFAR10-DVS) is of the same kind: C = 32, 64, 128, 256, 512, AvgPool 2, 2, 2, 2, 4.

    Args:
        input_size: (2, height, width); any size of which the pools leave at least one pixel.
        time_steps: T; attention along time has weights for exactly this many steps.
        classes: number of classes.
        attention: a name in :data:`snnc.models.attention.ATTENTION_NAMES`, after every
            convolution.
        channels: C1, C2, C3.
        hidden: width of the first linear layer.
        votes: output neurons per class, averaged (1 in the paper).
        pools: side of the AvgPool of each convolution, 1 for none.
        attention_sizes: names and values of :class:`snnc.models.attention.AttentionSizes`.
        fc_attention: ``ta`` for temporal attention after the linear layers too, as in MA-SNN.
        fc_batch_norm: BatchNorm after the linear layers too (not in the paper; trains
            far better where data or epochs are few).
        dropout: probability that an input of a layer is zeroed in training.
        dropout_layers: the layers, from 1, that this holds for (in the authors' code 3 to 5).
        v_threshold, v_reset, beta: see :class:`LIF`; ``v_reset`` None is the soft reset.
        surrogate: ``rectangular`` (a = ``surrogate_width``) or ``arctan``
            (alpha = 1/``surrogate_width``).
        surrogate_width: see ``surrogate``.
    """

    def __init__(
        self,
        input_size: Sequence[int] = (2, 32, 32),
        time_steps: int = 60,
        classes: int = 11,
        attention: str = "none",
        channels: Sequence[int] = (64, 128, 128),
        hidden: int = 256,
        votes: int = 1,
        fc_batch_norm: bool = False,
        dropout: float = 0.0,
        dropout_layers: Sequence[int] = (1, 2, 3, 4, 5),
        v_threshold: float = 0.3,
        v_reset: float | None = 0.0,
        beta: float = 0.3,
        surrogate: str = "rectangular",
        surrogate_width: float = 0.25,
        pools: Sequence[int] = (1, POOL, POOL),
        attention_sizes: Mapping[str, int] = PAPER_SIZES,
        fc_attention: str = "none",
        name: str = "three-layer",
    ) -> None:
        hyper = taken(ThreeLayer, locals())
        check_sizes(input_size, time_steps=time_steps, votes=votes, hidden=hidden, classes=classes)
        last = _checked_layers(channels, pools, dropout_layers, fc_attention)
        check_sizes(input_size, pools=min(pools, default=0))
        super().__init__(name, hyper, input_size, time_steps, classes, votes)
        slope = make_surrogate(surrogate, surrogate_width)

        def neuron() -> nn.Module:
            return LIF(v_threshold, v_reset, beta, slope)

        def dropped(layer: int) -> OrderedDict[str, nn.Module]:
            return _dropout(dropout if layer in dropout_layers else 0.0)

        def convolution(layer: int, inputs: int, outputs: int, pool: int) -> Block:
            layers = dropped(layer)
            layers["conv"] = nn.Conv2d(inputs, outputs, KERNEL, padding=1)
            layers["bn"] = nn.BatchNorm2d(outputs)
            if pool > 1:
                layers["pool"] = nn.AvgPool2d(pool)
            gate = make_attention(attention, time_steps, outputs, attention_sizes)
            return Block(OverTime(layers), gate, neuron())

        def linear(layer: int, inputs: int, outputs: int) -> Block:
            layers = dropped(layer)
            layers["flatten"] = nn.Flatten()
            layers["linear"] = nn.Linear(inputs, outputs)
            if fc_batch_norm:
                layers["bn"] = nn.BatchNorm1d(outputs)
            gate = make_attention(fc_attention, time_steps, outputs, attention_sizes)
            return Block(OverTime(layers), gate, neuron())

        polarities, height, width = self.input_size
        pixels = pixels_after_pools(height, width, pools)
        widths = pairwise((polarities, *channels))
        for layer, ((inputs, outputs), pool) in enumerate(zip(widths, pools, strict=True), 1):
            self.add_module(f"layer{layer}", convolution(layer, inputs, outputs, pool))
        self.fc1 = linear(last - 1, channels[-1] * pixels, hidden)
        self.fc2 = linear(last, hidden, classes * votes)

    def forward(self, x: Tensor) -> Tensor:
        """Class scores ``[N, classes]`` for event counts ``[T, N, 2, H, W]``."""
        return self.readout(self.fc2(self.fc1(self.convolutions(x))))


def _checked_layers(
    channels: Sequence[int],
    pools: Sequence[int],
    dropout_layers: Sequence[int],
    fc_attention: str,
) -> int:
    """The number of layers. Raises SnncError (BAD_OPTION) for what no layer can have."""
    check_channels(channels, len(pools))
    last = len(channels) + 2
    if not set(dropout_layers) <= set(range(1, last + 1)):
        raise SnncError(BAD_OPTION, f"dropout_layers are 1 to {last}, not {dropout_layers}")
    if fc_attention not in ("none", "ta"):
        raise SnncError(BAD_OPTION, f"fc_attention is none or ta, not {fc_attention!r}")
    return last


class FiveLayer(Network):
    """The five-layer network: 5 convolutions and 2 linear layers, neurons with decaying input.

    conv 2→C1, then four times pool 2, conv (3×3, padding 1, no bias, BN); MaxPool 2; linear
    → hidden; linear → classes·votes; mean over time, then over each class's votes. Pools act
    on spikes.

    ``five-layer`` (Fang et al. 2021, PLIF): C = 128 five times, MaxPool, PLIF; 1,698,933
    parameters at 2×128×128 with 11 classes. ``five-layer-avg``: C1 = 64, AvgPool between the
    convolutions (its output is k/4; the pool before the linear layers stays a MaxPool, as in
    the authors' code), tau fixed at 2; 1,623,918 parameters.

    Args:
        input_size: (2, height, width); any size that five halvings leave at least one pixel.
        time_steps, classes, attention, attention_sizes, hidden, votes, dropout: see
            :class:`ThreeLayer`.
        channels: C1 to C5.
        pool: ``max`` or ``avg``: the four pools between the convolutions.
        learn_tau: PLIF (one learned time constant a layer) or fixed tau.
        tau: membrane time constant in steps, where it starts or stays.
        v_threshold: firing threshold; the reset is hard, to 0.
        surrogate_width: the arctan surrogate has alpha = 1/``surrogate_width``.
    """

    def __init__(
        self,
        input_size: Sequence[int] = (2, 128, 128),
        time_steps: int = 20,
        classes: int = 11,
        attention: str = "none",
        channels: Sequence[int] = (128, 128, 128, 128, 128),
        hidden: int = 512,
        votes: int = 10,
        pool: str = "max",
        learn_tau: bool = True,
        tau: float = 2.0,
        v_threshold: float = 1.0,
        dropout: float = 0.0,
        surrogate_width: float = 0.5,
        attention_sizes: Mapping[str, int] = PAPER_SIZES,
        name: str = "five-layer",
    ) -> None:
        hyper = taken(FiveLayer, locals())
        check_sizes(input_size, time_steps=time_steps, votes=votes, hidden=hidden, classes=classes)
        check_channels(channels, 5)
        super().__init__(name, hyper, input_size, time_steps, classes, votes)
        slope = make_surrogate("arctan", surrogate_width)
        kind = PLIF if learn_tau else DecayLIF

        def neuron() -> nn.Module:
            return kind(tau, v_threshold, surrogate=slope)

        def convolution(inputs: int, outputs: int, pooled: bool) -> Block:
            layers = _dropout(dropout)
            if pooled:
                layers["pool"] = _pool(pool)
            layers["conv"] = nn.Conv2d(inputs, outputs, KERNEL, padding=1, bias=False)
            layers["bn"] = nn.BatchNorm2d(outputs)
            gate = make_attention(attention, time_steps, outputs, attention_sizes)
            return Block(OverTime(layers), gate, neuron())

        def linear(inputs: int, outputs: int, pooled: bool) -> Block:
            layers = _dropout(dropout)
            if pooled:
                layers["pool"] = _pool("max")
            layers["flatten"] = nn.Flatten()
            layers["linear"] = nn.Linear(inputs, outputs)
            return Block(OverTime(layers), None, neuron())

        polarities, height, width = self.input_size
        pixels = pixels_after_pools(height, width, [POOL] * 5)
        for layer, (inputs, outputs) in enumerate(pairwise((polarities, *channels))):
            self.add_module(f"layer{layer + 1}", convolution(inputs, outputs, pooled=layer > 0))
        self.fc1 = linear(channels[4] * pixels, hidden, pooled=True)
        self.fc2 = linear(hidden, classes * votes, pooled=False)

    def forward(self, x: Tensor) -> Tensor:
        """Class scores ``[N, classes]`` for event counts ``[T, N, 2, H, W]``."""
        return self.readout(self.fc2(self.fc1(self.convolutions(x))))


NETWORKS: dict[str, Callable[..., Network]] = {
    "three-layer": ThreeLayer,
    "three-layer-narrow": partial(ThreeLayer, channels=(32,) * 3, name="three-layer-narrow"),
    "five-layer": FiveLayer,
    "five-layer-avg": partial(
        FiveLayer,
        channels=(64, 128, 128, 128, 128),
        pool="avg",
        learn_tau=False,
        name="five-layer-avg",
    ),
    "ma-five-layer": partial(
        ThreeLayer,
        input_size=(2, 128, 128),
        time_steps=8,
        channels=(32, 64, 128, 256, 512),
        pools=(POOL, POOL, POOL, POOL, 4),
        fc_batch_norm=True,
        name="ma-five-layer",
    ),
}


def build(name: str, **hyper: object) -> Network:
    """The network called ``name`` in :data:`NETWORKS`, with its defaults where none is given.

    Every network also takes ``v_thresholds``, one threshold a layer of neurons
    (:mod:`snnc.models.thresholds`).

    Raises:
        SnncError: BAD_OPTION for an unknown name, an unknown hyper-parameter or a value that
            cannot be used; BAD_SHAPE for an input too small for the pools.
    """
    factories: dict[str, Callable[..., Network]] = {**NETWORKS, "res-18": ResSNN18}
    factory = factories.get(name)
    if factory is None:
        raise SnncError(
            BAD_OPTION,
            f"there is no network called {name!r}",
            hint=f"Choose one of {', '.join(factories)}.",
        )
    thresholds = hyper.pop("v_thresholds", None)
    check_hyper(name, factory, hyper)
    network = factory(**hyper)
    if thresholds is not None:
        set_thresholds(network, network.hyper, thresholds)
    return network


def _pool(name: str) -> nn.Module:
    if name == "max":
        return nn.MaxPool2d(POOL)
    if name == "avg":
        return nn.AvgPool2d(POOL)
    raise SnncError(BAD_OPTION, f"pool is max or avg, not {name!r}")


def _dropout(probability: float) -> OrderedDict[str, nn.Module]:
    if not 0.0 <= probability < 1.0:
        raise SnncError(BAD_OPTION, f"dropout must lie in [0, 1), not {probability}")
    return OrderedDict(dropout=nn.Dropout(probability)) if probability > 0.0 else OrderedDict()
