"""The paper's residual network, Res-SNN-18: a SEW-ResNet-18 with ADD connections.

Source: Fang et al. 2021, "Deep Residual Learning in Spiking Neural Networks" (NeurIPS), as used by
Yao et al. 2023 on HAR-DVS (T 8, 2×128×128, 300 classes): 11,327,276 parameters: the
convolutions, batch norms and last layer of torchvision's ResNet-18 with two input channels.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence

from torch import Tensor, nn

from snnc.models.attention import PAPER_SIZES, make_attention
from snnc.models.blocks import Block, Network, OverTime
from snnc.models.hyper import check_channels, check_sizes, taken
from snnc.models.neurons import LIF
from snnc.models.surrogates import make_surrogate

MakeBlock = Callable[[int, int, int, int], Block]
"""(input channels, output channels, kernel, stride) → convolution, BN, attention, neuron."""


class SewBlock(nn.Module):
    """Two layers and a shortcut around them; its output is the sum of both, a small count.

    The shortcut is the input itself (spikes, or the count of the block before), or the spikes of a
    1×1 layer where the shape changes.
    """

    def __init__(self, make: MakeBlock, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.layer1 = make(inputs, outputs, 3, stride)
        self.layer2 = make(outputs, outputs, 3, 1)
        changes = stride != 1 or inputs != outputs
        self.shortcut = make(inputs, outputs, 1, stride) if changes else None

    def forward(self, x: Tensor) -> Tensor:
        """Counts ``[T, N, outputs, H/stride, W/stride]``."""
        around = x if self.shortcut is None else self.shortcut(x)
        return self.layer2(self.layer1(x)) + around  # type: ignore[no-any-return]


class ResSNN18(Network):
    """conv 7×7/2 → C1, MaxPool 3/2; 4 × 2 SEW blocks, C1 to C4 channels; mean over pixels; linear.

    Args:
        input_size: (2, height, width).
        time_steps: T.
        classes: number of classes.
        attention: a name in :data:`snnc.models.attention.ATTENTION_NAMES`, between the batch norm
            and the neuron of every convolution.
        channels: C1 to C4.
        v_threshold, v_reset, beta: see :class:`LIF`.
        surrogate, surrogate_width, attention_sizes: as in
            :class:`snnc.models.networks.ThreeLayer`.
    """

    def __init__(
        self,
        input_size: Sequence[int] = (2, 128, 128),
        time_steps: int = 8,
        classes: int = 300,
        attention: str = "none",
        channels: Sequence[int] = (64, 128, 256, 512),
        v_threshold: float = 0.3,
        v_reset: float | None = 0.0,
        beta: float = 0.3,
        surrogate: str = "rectangular",
        surrogate_width: float = 0.25,
        attention_sizes: Mapping[str, int] = PAPER_SIZES,
        name: str = "res-18",
    ) -> None:
        hyper = taken(ResSNN18, locals())
        check_sizes(input_size, time_steps=time_steps, classes=classes)
        check_channels(channels, 4)
        super().__init__(name, hyper, input_size, time_steps, classes, votes=1)
        slope = make_surrogate(surrogate, surrogate_width)

        def layer(inputs: int, outputs: int, kernel: int, stride: int) -> Block:
            conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
            layers = OrderedDict[str, nn.Module](conv=conv, bn=nn.BatchNorm2d(outputs))
            gate = make_attention(attention, time_steps, outputs, attention_sizes)
            return Block(OverTime(layers), gate, LIF(v_threshold, v_reset, beta, slope))

        self.stem = layer(self.input_size[0], channels[0], 7, 2)
        self.pool = OverTime(OrderedDict(pool=nn.MaxPool2d(3, 2, 1)))
        blocks: OrderedDict[str, nn.Module] = OrderedDict()
        before = channels[0]
        for stage, width in enumerate(channels):
            for number in range(2):
                stride = 2 if stage > 0 and number == 0 else 1
                blocks[f"block{stage + 1}{'ab'[number]}"] = SewBlock(layer, before, width, stride)
                before = width
        self.blocks = nn.Sequential(blocks)
        last = OrderedDict[str, nn.Module](pool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten())
        last["linear"] = nn.Linear(channels[-1], classes)
        self.fc = OverTime(last)

    def forward(self, x: Tensor) -> Tensor:
        """Class scores ``[N, classes]`` for event counts ``[T, N, 2, H, W]``."""
        return self.readout(self.fc(self.blocks(self.pool(self.stem(x)))))
