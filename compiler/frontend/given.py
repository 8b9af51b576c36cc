"""What a user says beside MODEL, about what a file or a factory leaves open."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from snnc.compiler.frontend.driving import Readout
from snnc.errors import BAD_OPTION, SnncError
from snnc.models.encoders import Encoder, InputKind


@dataclass(frozen=True)
class Given:
    """What was said beside MODEL.

    Attributes:
        weights: state dict for a factory's model (loaded without unpickling code).
        input_shape: of one time step; needed for a factory.
        time_steps: T; needed for a factory and for a NIR file.
        frame_us: length in microseconds of the frames that a factory's or NIR file's network
            takes; needed where recordings are its data.
        per_step: a factory's model takes one step [N, ...] and keeps its state between calls.
        batch_first: a factory's model takes [N, T, ...].
        still: a factory's model takes one image [N, ...] and repeats it over T steps itself.
        readout: what becomes of the steps of a factory's output, if it gives one for each.
        all_outputs: take each item of a tuple that a factory's model gives, not just the first.
        name: C identifier; default: from the file's name, or the factory's module and name.
        encoder: how still images, which are the data, become windows.
        input_kind: of the numbers that the model takes; default: counts.
    """

    weights: Path | None = None
    input_shape: tuple[int, ...] | None = None
    time_steps: int | None = None
    frame_us: int | None = None
    per_step: bool = False
    batch_first: bool = False
    still: bool = False
    readout: Readout | None = None
    all_outputs: bool = False
    name: str | None = None
    encoder: Encoder | None = None
    input_kind: InputKind | None = None

    @property
    def said(self) -> dict[str, Any]:
        """What was said at all, by name."""
        return {entry.name: value for entry in fields(self) if (value := getattr(self, entry.name))}

    def refuse(self, names: Collection[str], kind: str, spec: str, hint: str = "") -> None:
        """Raise SnncError (BAD_OPTION) if any of these was said of a MODEL of another kind."""
        if self.said.keys() & set(names):
            *most, last = (f"--{name.replace('_', '-')}" for name in names)
            what = f"{', '.join(most)} and {last} belong to {kind}"
            raise SnncError(BAD_OPTION, what, where=spec, hint=hint)


OF_FACTORIES = (
    *("weights", "input_shape", "per_step", "batch_first", "still", "readout", "all_outputs"),
)
"""What only a factory leaves open."""

LEFT_OPEN = (
    *("weights", "input_shape", "time_steps", "frame_us", "per_step", "batch_first", "still"),
    *("readout", "all_outputs"),
)
"""What a factory or a NIR file leaves open, and a checkpoint holds."""
