"""Child process of :mod:`aedat4`: decode one file with the ``aedat`` package.

Of snnc only light modules are imported, so that the child starts fast.
"""

from __future__ import annotations

import aedat
import numpy as np
from numpy.typing import NDArray

from snnc import limits
from snnc.child import allow
from snnc.errors import BAD_RECORDING, SnncError

HELD_BYTES = 64
"""For an event, with its copies."""


def decode(recording: str) -> dict[str, NDArray[np.generic]]:
    """All events of a file.

    Returns:
        With S event streams in the order of their numbers, ``sensors`` [S, 2] (height, width),
        ``counts`` [S], and the columns ``t``, ``x``, ``y``, ``p`` of all their events.

    Raises:
        SnncError: OVER_LIMIT for too many events, BAD_RECORDING for no stream of them.
            RuntimeError and KeyError of ``aedat`` where the file is damaged.
    """
    decoder = aedat.Decoder(recording)
    streams = {
        number: stream
        for number, stream in sorted(decoder.id_to_stream().items())
        if stream["type"] == "events"
    }
    if not streams:
        raise SnncError(BAD_RECORDING, "it has no stream of events", where=recording)
    packets: dict[int, list[NDArray[np.void]]] = {number: [] for number in streams}
    events = 0
    for packet in decoder:
        if "events" in packet:
            packets[packet["stream_id"]].append(packet["events"])
            events += len(packet["events"])
            limits.check("events", events, where=recording)
            allow(HELD_BYTES * len(packet["events"]))
    parts = [part for number in streams for part in packets[number]]

    def column(name: str, kind: type[np.integer]) -> NDArray[np.integer]:
        return np.concatenate([np.empty(0, kind), *(part[name] for part in parts)]).astype(kind)

    return {
        "sensors": np.array([(each["height"], each["width"]) for each in streams.values()]),
        "counts": np.array([sum(len(part) for part in packets[number]) for number in streams]),
        "t": column("t", np.int64),
        "x": column("x", np.uint16),
        "y": column("y", np.uint16),
        "p": column("p", np.uint8),
    }
