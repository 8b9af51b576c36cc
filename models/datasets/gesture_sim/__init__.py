"""A simulator of event-camera recordings of the 11 DVS128 gestures.

``subject`` who, ``gestures`` the hands' paths, ``figure`` the body in the image,
``render`` images, ``sensor`` events, ``simulate`` all of it for one recording, and
``gesture_set`` the data set.
"""

from snnc.models.datasets.gesture_sim.gesture_set import GestureSim
from snnc.models.datasets.gesture_sim.simulate import Scene, simulate
from snnc.models.datasets.gesture_sim.subject import Subject, draw_subject

__all__ = ["GestureSim", "Scene", "Subject", "draw_subject", "simulate"]
