"""How far the integer network is from PyTorch's float network, on the same recordings.

The other links say that the C computes the integer network. Whether that network still is the
model is a question of its own: quantization may lose what the classes hang on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from snnc.compiler.ir.graph import Array
from snnc.compiler.ops.readout.time_stack import scores_of_classes
from snnc.compiler.verify.chain.links import FIDELITY
from snnc.compiler.verify.chain.proof import Verification

MIN_AGREEMENT = 0.95
"""Share of recordings that must get PyTorch's class, unless the user says otherwise."""


@dataclass
class Fidelity:
    """Scores of both networks, over recordings.

    Attributes:
        unit: what one unit of an integer score is worth.
        axes: how the steps lie in scores for each step; None for scores of the window.
        largest: the largest difference of a score.
        span: the largest score of PyTorch's, in absolute value.
        wrong: recordings of another class than PyTorch's.
    """

    unit: float
    axes: tuple[int, int, int] | None = None
    largest: float = 0.0
    span: float = 0.0
    samples: int = 0
    wrong: int = 0

    def add(self, pytorch: Array, integers: Array) -> None:
        """Add one recording's scores."""
        floats = pytorch.astype(np.float64).reshape(-1)
        scaled = integers.astype(np.float64).reshape(-1) * self.unit
        self.samples += 1
        classes = [scores_of_classes(each, self.axes).argmax() for each in (floats, scaled)]
        self.wrong += int(classes[0]) != int(classes[1])
        self.largest = max(self.largest, float(np.abs(floats - scaled).max()))
        self.span = max(self.span, float(np.abs(floats).max()))

    @property
    def agreement(self) -> float:
        """Share of the recordings with PyTorch's class."""
        return 1.0 - self.wrong / self.samples if self.samples else 0.0

    def judge(self, result: Verification, least: float) -> None:
        """Add the link to a result: other classes are borne while at least ``least`` agree."""
        link = result.chain[FIDELITY]
        enough = self.agreement >= least
        link.check("classes").add(self.samples, self.wrong, self.wrong if enough else 0)
        if not enough:
            link.report(
                f"int8 gives PyTorch's class on {self.samples - self.wrong} of {self.samples} "
                f"recordings ({self.agreement:.1%}), and at least {least:.1%} are asked for"
            )

    def as_json(self, least: float) -> dict[str, Any]:
        """The entry of the JSON contract."""
        return {
            "class_agreement": self.agreement,
            "min_agreement": least,
            "largest_score_difference": self.largest,
            "largest_score": self.span,
        }
