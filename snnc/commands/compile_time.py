"""What ``snnc compile --target`` says of time: cycles, latency and energy of its recordings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from snnc.bench.target.cycles import estimate, model_for, said, shown, why_none
from snnc.bench.target.instructions import by_class
from snnc.compiler.compilation import Compilation
from snnc.compiler.deploy.firmware import Vector
from snnc.compiler.deploy.targets import Target, missing_tools
from snnc.errors import InternalError


def time_of(compilation: Compilation, target: Target, vectors: Sequence[Vector]) -> dict[str, Any]:
    """``estimate`` (None where there is none) and ``said``, the sentences to print.

    Args:
        compilation: of an int8 model that takes events.
        target: the core or board it was compiled for.
        vectors: the recordings in the firmware.

    Raises:
        SnncError, InternalError: as :func:`snnc.bench.target.instructions.count`.
    """
    why, core = _why_not(target, vectors), replace(target, owned=None)
    if why is not None:
        return {"estimate": None, "said": [f"no cycles: {why}"]}
    classes = by_class(compilation, core, vectors)
    found = estimate(target, classes, len(vectors), compilation.window_us)
    if found is None:
        raise InternalError(f"{target.name} has a model of cycles and no estimate")
    a_step = shown(
        found.cycles.times(1e-3 / compilation.graph.time_steps), "thousand cycles a step on average"
    )
    return {"estimate": found.as_json(), "said": [*said(found), a_step]}


def _why_not(target: Target, vectors: Sequence[Vector]) -> str | None:
    """Why there are no cycles, if there are none."""
    if model_for(target) is None:
        return why_none(target)
    if not vectors:
        return "there is no recording in the firmware"
    missing = [name for board in target.boards for name in missing_tools(target, board)]
    return f"{missing[0]} cannot be found (make firmware-tools)" if missing else None
