"""The proof on a board: firmware compares every value with the integer reference's digests.

The reading and the fidelity are those of the host: PyTorch's model beside its graph, the integer
reference's scores beside PyTorch's. Synthetic inputs run on the host too, where spikes and
potentials can be replaced: the same C and constants, with the kernels for this machine.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from snnc.atomic import scratch_folder
from snnc.compiler.compilation import Compilation
from snnc.compiler.deploy import firmware
from snnc.compiler.deploy.firmware import Vector
from snnc.compiler.deploy.targets import Target, require_tools
from snnc.compiler.host.observed import ObservedModel
from snnc.compiler.plan.input_buffer import most_events
from snnc.compiler.verify.chain.fidelity import MIN_AGREEMENT
from snnc.compiler.verify.chain.links import VALUES
from snnc.compiler.verify.chain.vacuous import Activity
from snnc.compiler.verify.integer import BesidePyTorch, IntegerVerification, run_reference
from snnc.compiler.verify.shipped.events import events_of
from snnc.compiler.verify.synthetic.stress import Stress

if TYPE_CHECKING:
    from snnc.compiler.verify.prove import ProofSettings, Window

SYNTHETIC_EVENTS = 2000
"""Most events of the synthetic window: a board's flash holds them all."""

FIRST_US = 2**32 - 50_000
"""When the clock of the board's recordings begins, microseconds."""

BATCH = 20
"""Most recordings in one firmware image; fewer where the board's flash holds no more."""


@dataclass
class BoardVerification(IntegerVerification):
    """What the board found over all recordings.

    Attributes:
        target: the core.
        board: the board that was emulated.
        compared: digests and scores.
        stack: bytes of stack that the program used.
        failures: what the board said, a sentence for each image that failed.
    """

    target: str = ""
    board: str = ""
    compared: int = 0
    stack: int = 0
    failures: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The JSON contract of ``snnc verify`` with a microcontroller target."""
        return {
            **super().as_json(),
            "target": self.target,
            "board": self.board,
            "compared": self.compared,
            "first_divergence": self.failures[0] if self.failures else None,
            "stack": self.stack,
        }


class BoardVerifier:
    """Verifies firmware of one quantized model on an emulated board.

    Args:
        model: the PyTorch model, takes [T, 1, C, H, W].
        compilation: its compilation.
        target: the core.
        max_ram: budget that the linker holds.

    Raises:
        SnncError: NO_C_COMPILER without the tools.
    """

    def __init__(
        self, model: nn.Module, compilation: Compilation, target: Target, max_ram: int | None = None
    ) -> None:
        require_tools(target, target.boards[0])
        self.compilation = compilation
        self.target = target
        self.max_ram = max_ram
        graph = compilation.graph
        self.result = BoardVerification(graph.time_steps, target=target.name)
        self.beside = BesidePyTorch(model, compilation, self.result)
        self._stressed: Activity | None = None

    def stress(self) -> None:
        """Run the board's C on this machine, on synthetic inputs.

        Raises:
            SnncError: C_COMPILER_FAILED, NO_C_COMPILER.
        """
        with scratch_folder() as folder:
            graph, generated = self.compilation.graph, self.compilation.generated
            observed = ObservedModel(graph, generated, folder)
            self._stressed = Stress(self.compilation, observed, self.result).run()

    def verify(self, windows: Iterable[Window]) -> None:
        """Compare the recordings with PyTorch, then run them on the board, and a synthetic window.

        Raises:
            SnncError: as :func:`verify_on_board`.
        """
        vectors = self._vectors(windows)
        further = self._synthetic()
        verify_on_board(self.compilation, self.target, vectors, self.max_ram, self.result, further)

    def finish(self, *, min_agreement: float = MIN_AGREEMENT) -> None:
        """Judge the fidelity, and say what the recordings said nothing about."""
        self.beside.finish(self._stressed, min_agreement)

    def prove(self, windows: Iterable[Window], thoroughly: ProofSettings) -> BoardVerification:
        """:meth:`verify`, :meth:`stress` where that is asked for, and :meth:`finish`."""
        self.verify(windows)
        if thoroughly.stress:
            self.stress()
        self.finish(min_agreement=thoroughly.min_agreement)
        return self.result

    def _vectors(self, windows: Iterable[Window]) -> Iterator[Vector]:
        """The recordings with the reference's values, which are compared with PyTorch's too."""
        graph = self.compilation.graph
        for window in windows:
            values, membranes = run_reference(graph, window.frames)
            scores = values[graph.outputs[0]][0].numpy()
            self.beside.activity.add_values(
                {name: value.numpy() for name, value in values.items()},
                {
                    name: values[node][0].numpy()
                    for name, node in zip(graph.output_names, graph.outputs, strict=True)
                },
            )
            self.beside.activity.add_potentials(membranes)
            self.beside.add(window.frames, scores, window.label)
            assert window.events is not None
            yield self._vector(values, membranes, window.events)

    def _synthetic(self) -> Iterator[Vector]:
        """A window that no recording is like: busy everywhere, and a cell as full as it may be."""
        graph, framing = self.compilation.graph, self.compilation.framing
        assert framing is not None
        rng = np.random.default_rng(0)
        shape = (graph.time_steps, *graph["input"].type.shape)
        held = self.compilation.generated.interface.max_events or SYNTHETIC_EVENTS
        full = min(most_events(graph), SYNTHETIC_EVENTS // 4, held // 4)
        density = min(held, SYNTHETIC_EVENTS) / 2 / np.prod(shape)
        counts = (rng.random(shape) < density).astype(np.uint16)
        counts[0, ..., 0, 0] = full  # in step 0, so that the first event is in it
        events = events_of(counts, framing)
        assert events is not None
        values, membranes = run_reference(graph, counts)
        yield self._vector(values, membranes, events)

    def _vector(
        self,
        values: Mapping[str, torch.Tensor],
        membranes: Mapping[str, torch.Tensor],
        events: npt.NDArray[np.void],
    ) -> Vector:
        """A vector whose clock wraps within the window: only differences of times matter."""
        later = events.copy()
        later["t_us"] += np.uint32(FIRST_US)
        return firmware.vector_of(self.compilation, values, membranes, later)


def verify_on_board(
    compilation: Compilation,
    target: Target,
    vectors: Iterable[Vector],
    max_ram: int | None = None,
    result: BoardVerification | None = None,
    further: Iterable[Vector] = (),
) -> BoardVerification:
    """Build firmware with the vectors, in batches, and run it; the linker holds ``max_ram``.

    Args:
        compilation: the model.
        target: the core.
        vectors: recordings with the reference's digests.
        max_ram: budget of RAM, bytes.
        result: what the board's numbers are added to.
        further: vectors that are no recordings.

    Raises:
        SnncError: NO_C_COMPILER without the tools, OVER_BUDGET where no board has room.
    """
    require_tools(target, target.boards[0])
    result = result or BoardVerification(compilation.graph.time_steps, target=target.name)
    link = result.chain[VALUES]
    room = firmware.vector_room(compilation, target)
    for batch in _batches(chain(_counted(vectors, result), further), room):
        with scratch_folder() as folder:
            board = firmware.write_project(folder, compilation, target, batch, max_ram=max_ram)
            run = firmware.run(folder)
        compared = sum(len(v.digests) + len(v.scores) for v in batch)
        result.board = board.name
        result.compared += compared
        result.stack = max(result.stack, run.stack or 0)
        link.check("digests and scores on the board").add(compared, int(not run.passed))
        if not run.passed:
            found = re.search(r"^FAIL.*$", run.output, re.MULTILINE)
            said = found[0] if found else run.output or "the board said nothing"
            result.failures.append(said)
            link.report(said)
    return result


def _counted(vectors: Iterable[Vector], result: BoardVerification) -> Iterator[Vector]:
    for vector in vectors:
        result.samples += 1
        yield vector


def _batches(vectors: Iterable[Vector], room: int) -> Iterator[list[Vector]]:
    """Vectors in the order given, as many at a time as the flash has room for (bytes)."""
    batch: list[Vector] = []
    used = 0
    for vector in vectors:
        if batch and (len(batch) == BATCH or used + vector.size > room):
            yield batch
            batch, used = [], 0
        batch.append(vector)
        used += vector.size
    if batch:
        yield batch
