"""Event-camera data: recordings, framing, data sets and a gesture simulator.

:func:`open_data` names a data set by a string, :func:`frame_dataset` turns it into frames
[N, T, 2, H, W]; :func:`read_recording` and :func:`frame_by_dt` do so for one file.
"""

from snnc.models.datasets.dataset import (
    EventDataset,
    FramedDataset,
    Sample,
    Split,
    check_sensor,
    frame_dataset,
)
from snnc.models.datasets.events import EVENT_DTYPE, OFF, ON, Recording
from snnc.models.datasets.framing import (
    Frames,
    frame_by_count,
    frame_by_dt,
    frame_by_time,
    frame_shape,
)
from snnc.models.datasets.gesture_sim import GestureSim
from snnc.models.datasets.published.cifar10_dvs import Cifar10Dvs
from snnc.models.datasets.published.daily_action import DailyAction
from snnc.models.datasets.published.dvs_gesture import DvsGesture
from snnc.models.datasets.published.gait import DvsGait
from snnc.models.datasets.published.har_dvs import HarDvs
from snnc.models.datasets.published.ncaltech101 import NCaltech101
from snnc.models.datasets.published.nmnist import NMNIST
from snnc.models.datasets.readers import read_recording
from snnc.models.datasets.single import SingleRecording
from snnc.models.datasets.spec import open_data

__all__ = [
    "EVENT_DTYPE",
    "NMNIST",
    "OFF",
    "ON",
    "Cifar10Dvs",
    "DailyAction",
    "DvsGait",
    "DvsGesture",
    "EventDataset",
    "FramedDataset",
    "Frames",
    "GestureSim",
    "HarDvs",
    "NCaltech101",
    "Recording",
    "Sample",
    "SingleRecording",
    "Split",
    "check_sensor",
    "frame_by_count",
    "frame_by_dt",
    "frame_by_time",
    "frame_dataset",
    "frame_shape",
    "open_data",
    "read_recording",
]
