"""Child process of :mod:`aedat4`: decode one file with the ``aedat`` package.

Run as ``python aedat4_decode.py RECORDING OUT.npz EVENTS``, EVENTS being how many may be held.
It imports nothing of snnc, so that it
starts fast. OUT holds, with S event streams in the order of their numbers, ``sensors``
[S, 2] (height, width), ``counts`` [S], and the columns t, x, y, p of all their events.
Exit status 0, or 1 with the reason on standard output, or 3 with the number of events
where they are too many.
"""

from __future__ import annotations

import resource
import sys

import aedat
import numpy as np
from numpy.typing import NDArray

BYTES = 1 << 32
"""Of memory; a damaged length may ask for any amount."""


def main(recording: str, out: str, most: int) -> int:
    """Decode ``recording`` with at most ``most`` events into ``out``."""
    resource.setrlimit(resource.RLIMIT_DATA, (BYTES + 64 * most, BYTES + 64 * most))
    events = 0
    try:
        decoder = aedat.Decoder(recording)
        streams = {
            number: stream
            for number, stream in sorted(decoder.id_to_stream().items())
            if stream["type"] == "events"
        }
        packets: dict[int, list[NDArray[np.void]]] = {number: [] for number in streams}
        for packet in decoder:
            if "events" in packet:
                packets[packet["stream_id"]].append(packet["events"])
                events += len(packet["events"])
                if events > most:
                    print(events)
                    return 3
    except (RuntimeError, KeyError, MemoryError) as error:
        print(error)
        return 1
    if not streams:
        print("it has no stream of events")
        return 1
    parts = [part for number in streams for part in packets[number]]

    def column(name: str, kind: type[np.integer]) -> NDArray[np.integer]:
        return np.concatenate([np.empty(0, kind), *(part[name] for part in parts)]).astype(kind)

    np.savez(
        out,
        sensors=np.array([(stream["height"], stream["width"]) for stream in streams.values()]),
        counts=np.array([sum(len(part) for part in packets[number]) for number in streams]),
        t=column("t", np.int64),
        x=column("x", np.uint16),
        y=column("y", np.uint16),
        p=column("p", np.uint8),
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
