"""The whole chain: a model, its compilation, the folder that ships, and recordings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from torch import nn

from snnc.compiler.codegen.c_program import is_integer
from snnc.compiler.compilation import Compilation
from snnc.compiler.deploy.compiled import with_c_of
from snnc.compiler.deploy.manifest import Written
from snnc.compiler.host.build import NATIVE
from snnc.compiler.host.model import Pushed
from snnc.compiler.host.observed import Observation
from snnc.compiler.ir.graph import Array
from snnc.compiler.verify.chain.fidelity import MIN_AGREEMENT
from snnc.compiler.verify.chain.links import STRESS
from snnc.compiler.verify.chain.proof import Verification
from snnc.compiler.verify.float_judge import Verifier
from snnc.compiler.verify.integer import IntegerVerifier
from snnc.compiler.verify.shipped.artefact import built, check_files, shipped_library
from snnc.compiler.verify.shipped.events import events_of
from snnc.compiler.verify.shipped.paths import Library, Paths
from snnc.compiler.verify.synthetic.stress import Stress
from snnc.threads import one_thread


class Window(Protocol):
    """One recording."""

    @property
    def frames(self) -> Array:
        """Event counts [T, *shape]."""

    @property
    def label(self) -> int | None:
        """Its class, if it is known."""

    @property
    def events(self) -> npt.NDArray[np.void] | None:
        """The events that the frames were made of (EVENT_DTYPE); None where there are only frames:
        then events are made that give them."""


@dataclass(frozen=True)
class ProofSettings:
    """How thoroughly to verify.

    Attributes:
        stress: synthetic inputs beside the recordings.
        min_agreement: share of recordings of which int8 must give PyTorch's class.
        single: the same model for one thread, where the folder's is for more.
    """

    stress: bool = True
    min_agreement: float = MIN_AGREEMENT
    single: Compilation | None = None


@one_thread()
def prove(
    model: nn.Module,
    compilation: Compilation,
    written: Written,
    windows: Iterable[Window],
    scratch: Path,
    settings: ProofSettings | None = None,
) -> Verification:
    """Check every link on every recording.

    Args:
        model: the PyTorch model, takes [T, 1, C, H, W].
        compilation: its compilation.
        written: what ``snnc compile`` wrote for this machine, or a package.
        windows: the recordings.
        scratch: an empty folder.
        settings: how thoroughly.

    Raises:
        SnncError: as :func:`snnc.compiler.deploy.compiled.with_c_of`; C_COMPILER_FAILED.
    """
    settings = settings or ProofSettings()
    folder, manifest = written.folder, written.manifest
    compilation = with_c_of(compilation, folder, manifest, "host")
    observed = scratch / "observed"
    observed.mkdir()
    verifier: Any = IntegerVerifier if is_integer(compilation.graph) else Verifier
    verifier = verifier(model, compilation, observed)
    result: Verification = verifier.result
    check_files(folder, manifest, result)
    library = shipped_library(folder, manifest, compilation, scratch)
    paths = Paths(library, compilation.graph, result, _single(settings, scratch))
    result.artefact = {**(result.artefact or {}), "levels": list(paths.levels)}
    for window in windows:
        pushed = _pushed(compilation, window)
        free = verifier.verify(window.frames, window.label, pushed)
        paths.verify(window.frames, free.outputs, pushed)
    stressed = None
    if settings.stress:
        stress = Stress(compilation, verifier.observed, result)
        stressed = stress.run(_beside(paths, compilation))
    options = {"min_agreement": settings.min_agreement} if is_integer(compilation.graph) else {}
    verifier.finish(stressed, **options)
    return result


def _pushed(compilation: Compilation, window: Window) -> Pushed | None:
    """The events of a window; where it has none, some that make its frames."""
    if compilation.framing is None:
        return None
    events = window.events
    if events is not None:
        return Pushed(events)
    made = events_of(window.frames, compilation.framing)
    return None if made is None else Pushed(made, start=0)


def _single(settings: ProofSettings, scratch: Path) -> Library | None:
    if settings.single is None:
        return None
    return built(settings.single, scratch / "single", NATIVE)


def _beside(paths: Paths, compilation: Compilation) -> Any:
    """What runs the shipped library on synthetic frames, by events too."""

    def run(frames: Array, observed: Observation) -> None:
        framing = compilation.framing
        events = None if framing is None else events_of(frames, framing, seed=1)
        pushed = None if events is None else Pushed(events, start=0)
        paths.verify(frames, observed.outputs, pushed, links=(STRESS, STRESS))

    return run
