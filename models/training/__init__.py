"""Training by backpropagation through time, resumable to the bit, on one process or many.

Loss: mean squared error between the class scores (time-mean of the last layer's spikes) and
the one-hot label, plus a firing-rate penalty where one is asked for. Adam; the learning rate
falls from its start to zero along half a cosine, step by step. Sources: Yao et al. 2023 (ICCV),
section on training.

``config`` says what a run computes, ``loop`` computes it, ``state`` keeps it between epochs,
``metrics`` writes and shows how it goes, ``parallel`` shares it among processes.
"""

from snnc.models.training.config import TrainConfig
from snnc.models.training.loop import TrainResult, train
from snnc.models.training.metrics import EpochMetrics

__all__ = ["EpochMetrics", "TrainConfig", "TrainResult", "train"]
