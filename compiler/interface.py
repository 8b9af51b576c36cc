"""What a caller of a compiled model must know: the constants of its header."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from snnc.errors import NOT_COMPILED, SnncError


@dataclass(frozen=True)
class Interface:
    """Sizes of a compiled model.

    Attributes:
        name: C prefix.
        arena_bytes: size of its arena.
        classes: number of scores.
        score_type: their C type, "float" or "int32_t".
        time_steps: T.
        frame_elements: counts in the frame of one step.
        dt_us: length of a step where there is a ``push_events``, else None.
        frames: steps whose frames are held at a time; T is the whole window.
        max_events: packed events that are held instead of frames, or None.
        threads: parts that each convolution is split into.
    """

    name: str
    arena_bytes: int
    classes: int
    score_type: str
    time_steps: int
    frame_elements: int
    dt_us: int | None
    frames: int
    max_events: int | None
    threads: int

    @property
    def takes_events(self) -> bool:
        """Whether there is a ``push_events``."""
        return self.dt_us is not None

    @property
    def takes_window(self) -> bool:
        """Whether ``push_frames`` takes all frames at once; else ``push_frame`` takes one."""
        return self.max_events is not None or self.frames == self.time_steps

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> Interface:
        """From the manifest of a compiled folder. Raises SnncError (NOT_COMPILED)."""
        try:
            given, memory = manifest["input"], manifest["memory"]
            elements = 1
            for size in given["shape"]:
                elements *= size
            return cls(
                name=manifest["name"],
                arena_bytes=memory["ram"]["arena"],
                classes=manifest["classes"],
                score_type=manifest["scores"]["type"],
                time_steps=manifest["time_steps"],
                frame_elements=elements,
                dt_us=given.get("dt_us"),
                frames=given["buffer"]["frames"],
                max_events=given["buffer"]["events"],
                threads=manifest["options"].get("threads", 1),
            )
        except KeyError as error:
            raise SnncError(
                NOT_COMPILED, f"manifest.json has no entry {error}", where=str(manifest.get("name"))
            ) from error
