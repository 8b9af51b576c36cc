"""What a compiled folder takes, read from its manifest: enough to make windows of DATA for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from snnc.models.checkpoints import Framing, InputDescription
from snnc.models.encoders import ENCODERS, Encoder, InputKind


@dataclass(frozen=True)
class WrittenInput:
    """The input of a compiled folder; attributes as of
    :class:`snnc.compiler.frontend.source.SourceModel`."""

    origin: str
    input_shape: tuple[int, ...]
    time_steps: int
    input: InputDescription | None
    encoder: Encoder | None
    step_us: int | None
    input_kind: InputKind

    @classmethod
    def of(cls, manifest: Mapping[str, Any], folder: Path) -> WrittenInput:
        """From a manifest as it was read and checked.

        Raises:
            SnncError: BAD_OPTION where what it says of recordings cannot be.
        """
        given, kind = manifest["input"], cast("InputKind", manifest["input"]["kind"])
        described = _described(given, manifest["time_steps"], kind)
        said = manifest["options"].get("encoder") or given.get("framing")
        return cls(
            str(folder),
            tuple(given["shape"]),
            manifest["time_steps"],
            described,
            next((name for name in ENCODERS if name == said), None),
            given.get("step_us", given.get("dt_us")),
            kind,
        )


def _described(given: Mapping[str, Any], steps: int, kind: InputKind) -> InputDescription | None:
    """How recordings become frames; None where the folder does not say."""
    if "sensor" not in given:
        return None
    height, width = given["sensor"]
    return InputDescription(
        height,
        width,
        steps,
        given["dt_us"],
        given["downsample"],
        cast("Framing", given["framing"]),
        given["shape"][0],
        kind,
    )
