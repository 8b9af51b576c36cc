"""A compiled model: C that can be called, proven, priced, timed and written."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from snnc.api.compile_settings import CompileSettings
from snnc.api.costs import (
    Analysis,
    Counting,
    EnergyReport,
    Subject,
    Surveyable,
    against,
    described,
    surveyed,
)
from snnc.api.data.held import Data
from snnc.api.in_memory import compiled
from snnc.api.model import Outputs, Taken, batch_of, evaluation
from snnc.api.results.layers import Layer, layers_of
from snnc.api.results.proof import Proof
from snnc.api.results.timing import Benchmark, every_fifth, timed
from snnc.api.words import speaks_python
from snnc.api.writing import check_march, check_package, embedded_vectors
from snnc.compiler.compilation import Compilation, for_any_core
from snnc.compiler.deploy.footprint import Memory
from snnc.compiler.deploy.targets import Target
from snnc.compiler.ir import layout
from snnc.compiler.ops.int8.fixed import unit_of
from snnc.errors import BAD_OPTION, BAD_SHAPE, SnncError
from snnc.estimator.page.proven import Proven
from snnc.models.encoders import Numbers

if TYPE_CHECKING:
    from snnc.api.kernels import Choice
    from snnc.compiler.host.model import HostModel
    from snnc.compiler.verify import prove
    from snnc.compiler.verify.chain.proof import Verification


class Compiled(Surveyable):
    """A compiled model, as ``snnc.compile`` gives it. Call it on what forward takes.

    Args:
        taken: the model, and how it takes its input.
        settings: how it was compiled.
        compilation: its graphs and its C.
        choice: of its kernels, where there was one.
        target: the core; None: this machine.
        max_ram: budget of the board, bytes.

    >>> import numpy as np, snnc
    >>> model = snnc.build("three-layer", attention="none", input_size=(2, 32, 32), time_steps=4)
    >>> data = np.random.default_rng(0).poisson(0.3, (2, 4, 1, 2, 32, 32))
    >>> net = snnc.compile(model, data[0])
    >>> net(data[0]).shape, net.name, net.dtype, net.layers[0].shape
    ((1, 11), 'three_layer', 'f32', (2, 32, 32))
    >>> proof = net.verify(data)
    >>> proof.passed, proof.samples, proof.class_agreement
    (True, 2, 1.0)
    >>> net.analyze(data).to_json()["samples"]
    2
    """

    def __init__(
        self,
        taken: Taken,
        settings: CompileSettings,
        compilation: Compilation,
        choice: Choice | None,
        target: Target | None,
        max_ram: int | None,
    ) -> None:
        self._taken = taken
        self._manner = settings
        self._compilation = compilation
        self._choice = choice
        self._target = target
        self._max_ram = max_ram
        self._proven: Proven | None = None

    @property
    def name(self) -> str:
        """Prefix of the C's names."""
        return self._compilation.graph.name

    @property
    def dtype(self) -> str:
        """Arithmetic of the C: "f32" or "int8"."""
        return self._manner.dtype

    @property
    def target(self) -> str:
        """What it was compiled for: "host" or a core."""
        return "host" if self._target is None else self._target.name

    @property
    def source(self) -> str:
        """The C of the network (its weights are in a header beside it)."""
        return self._compilation.generated.files[f"{self.name}.c"]

    @property
    def memory(self) -> Memory:
        """Bytes: ``arena``, ``weights``, ``tables``, and ``roles`` of the arena. ``flash`` and
        ``stack`` are None: they are measured when the C is built (:meth:`write`)."""
        return Memory.of(self._compilation.generated, None, None)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The network as the C computes it, in order."""
        return layers_of(self._compilation.graph)

    @property
    def subject(self) -> Subject:
        """It, for a survey of its operations."""
        from snnc.api.recording_runs import network_as

        return Subject(self._taken, network_as(self._compilation))

    @speaks_python
    def __call__(self, *inputs: Any) -> Outputs:
        """Run the C.

        Args:
            inputs: what forward takes, arrays or tensors, for any number N of samples:
                [T, N, ...], with batch_first [N, T, ...], with per_step T steps [N, ...].

        Returns:
            What forward gives after the readout, float32 in numpy, [N, ...], with readout "none"
            [T, N, ...]; a dict or tuple of such arrays where forward gives one.

        Raises:
            SnncError: BAD_OPTION, BAD_SHAPE; NO_C_COMPILER.
        """
        if len(inputs) != 1:
            raise SnncError(
                BAD_OPTION, f"{len(inputs)} inputs were given, and the model takes one tensor"
            )
        batch = batch_of(inputs[0], self._taken.forward)
        if batch.shape[1:] != self._taken.shape:
            raise SnncError(
                BAD_SHAPE,
                f"the windows are {list(batch.shape[1:])}, and the model was compiled for "
                f"{list(self._taken.shape)} (time first)",
                hint="Compile it for this shape.",
            )
        return self._taken.laid_out([self._run(window) for window in batch])

    def _run(self, window: Numbers) -> dict[str, npt.NDArray[np.float32]]:
        graph = self._compilation.graph
        host = self._host
        host.classify(layout.frames(graph["input"].type, window))
        return {
            name: np.asarray(host.output(name), np.float32) * np.float32(unit_of(graph[node]))
            for name, node in zip(graph.output_names, graph.outputs, strict=True)
        }

    @cached_property
    def _scratch(self) -> tempfile.TemporaryDirectory[str]:
        return tempfile.TemporaryDirectory(prefix="snnc-")

    @cached_property
    def _built(self) -> Path:
        """The folder that ``snnc compile`` would write for this machine, in a scratch place."""
        folder = Path(self._scratch.name) / "out"
        self._write_host(folder)
        return folder

    @cached_property
    def _host(self) -> HostModel:
        from snnc.compiler.deploy.compiled import open_compiled
        from snnc.compiler.deploy.manifest import read_manifest

        return open_compiled(self._built, read_manifest(self._built))

    def _write_host(self, folder: Path, march: str = "any") -> dict[str, Any]:
        from snnc.compiler.deploy import folder as artifact

        report = None if self._choice is None else self._choice.report
        source = self._taken.source
        library = artifact.Library(march)
        return artifact.write(folder, source, self._compilation, library, choice=report)

    @speaks_python
    def verify(
        self,
        data: Data,
        samples: int | None = None,
        *,
        stress: bool = True,
        min_agreement: float = 0.95,
    ) -> Proof:
        """Prove that what ships computes what PyTorch computes, link by link (docs/numerics.md).

        Args:
            data: an array or tensor [samples, T, ...]; a pair of one and labels; an iterable of
                inputs or of pairs (input, label); a Dataset, a DataLoader; a file of arrays; or
                DATA of the command line, as "nmnist:DIR".
            samples: the first so many; default: all.
            stress: also run synthetic inputs that make every layer fire.
            min_agreement: share of samples of which int8 must give PyTorch's class.

        Raises:
            SnncError: what reading the data raises; NO_C_COMPILER; for a core MISSING_EXTRA where
                its emulator is not installed.
        """
        from snnc.compiler.deploy.manifest import Written
        from snnc.compiler.verify import prove

        every, module = self._windows(data, samples), self._taken.source.module
        thoroughly = prove.ProofSettings(stress, min_agreement, self._single())
        if self._target is not None:
            with evaluation(module):
                found = self._on_board(self._target, every, thoroughly)
            return self._kept(Proof(self._origin, described(data), found))
        with tempfile.TemporaryDirectory() as scratch, evaluation(module):
            found = prove.prove(
                module,
                self._compilation,
                Written.read(self._built),
                every,
                Path(scratch),
                thoroughly,
            )
        return self._kept(Proof(self._origin, described(data), found))

    def _kept(self, proof: Proof) -> Proof:
        """A proof, kept for the pages of what is counted afterwards."""
        self._proven = Proven(proof.passed, proof.verdict, proof.samples)
        return proof

    def _single(self) -> Compilation | None:
        """The model for one thread, where it was compiled for more."""
        if self._manner.threads == 1:
            return None
        return compiled(self._taken.source, replace(self._manner, threads=1))[0]

    def _on_board(self, core: Target, every: Any, thoroughly: prove.ProofSettings) -> Verification:
        from snnc.compiler.verify.board import BoardVerifier

        module = self._taken.source.module
        verifier = BoardVerifier(module, self._compilation, core, self._max_ram)
        return verifier.prove(every, thoroughly)

    @speaks_python
    def energy(
        self,
        data: Data,
        baseline: Any = None,
        samples: int | None = None,
        *,
        convention: str = "executed",
        table: str | None = None,
        audit: bool = False,
        ann: bool = False,
    ) -> EnergyReport:
        """Count operations and energy on data. Its page states what :meth:`verify` said last.

        Args:
            data: as of :meth:`verify`.
            baseline: a model (nn.Module, ``Compiled``, path) to compare with; a module is taken as
                this one was, with the same input, per_step and readout.
            samples: the first so many; default: all.
            convention: counting rule; "executed" is what the C executes.
            table: energy table, by name or file; default: Horowitz 2014 for the dtype.
            audit: count by every other convention too, for the page.
            ann: set the model beside the same network as an ANN, dense and sparse.

        Raises:
            SnncError: what reading the data raises; NO_COUNT_RULE, BAD_ENERGY_TABLE.
        """
        how = Counting(convention, table, self.dtype, audit, ann)
        theirs = self._baseline(baseline)
        report = surveyed(self.subject, theirs, data, samples, how)
        return EnergyReport(replace(report, proof=self._proven))

    @speaks_python
    def analyze(self, data: Data, baseline: Any = None, samples: int | None = None) -> Analysis:
        """Measure redundancy on data: firing rates, ghosts, membrane potentials.

        Arguments and errors as of :meth:`energy`.
        """
        how = Counting(dtype=self.dtype)
        report = surveyed(self.subject, self._baseline(baseline), data, samples, how)
        return Analysis(replace(report, proof=self._proven))

    def _baseline(self, baseline: Any) -> Subject | None:
        steps, *shape = self._taken.shape
        forward = self._taken.forward
        lead = (1, steps) if forward.batch_first else (steps, 1)
        return against(baseline, (np.zeros((*lead, *shape)),), forward)

    @speaks_python
    def benchmark(self, data: Data | None = None, rounds: int = 10) -> Benchmark:
        """Time the C and PyTorch's eager model in turn, on one core of this machine.

        Args:
            data: its first sample is the window; default: every fifth count is 1.
            rounds: timed rounds, after one that does not count.

        Raises:
            SnncError: NO_C_COMPILER; BAD_OPTION for a core (`snnc bench --target` counts its
                instructions).
        """
        if self._target is not None:
            raise SnncError(
                BAD_OPTION,
                f"{self.target} cannot be timed on this machine",
                hint="`snnc bench` in a shell counts its instructions.",
            )
        window = every_fifth(self._taken.shape)
        if data is not None:
            window = next(iter(self._windows(data, 1))).frames
        return timed(self._taken.source, self._host, self._compilation.graph, window, rounds)

    @speaks_python
    def write(
        self,
        folder: str | Path,
        package: str | None = None,
        *,
        vectors: Data | None = None,
        march: str = "any",
    ) -> dict[str, Any]:
        """Write the folder that ``snnc compile`` writes, whole or not at all.

        Args:
            folder: where; replaced where snnc wrote it.
            package: "cmake", "arduino", "platformio", "zephyr", "esp-idf", "pico-sdk",
                "cmsis-pack" or "stm32cube" instead of a shared library: for the core that it was
                compiled for; for the host, for any core.
            vectors: for a core: recordings that the firmware's self-test carries, a few.
            march: of the shared library: "any" processor of this architecture, or "native", this
                kind only.

        Returns:
            Its manifest.json.

        Raises:
            SnncError: BAD_OUTPUT, NO_C_COMPILER, BAD_OPTION; OVER_BUDGET for a core.
        """
        from snnc.compiler.deploy import folder as artifact

        out, source = Path(folder), self._taken.source
        check_march(march, package, self._target)
        if package is not None:
            check_package(package)
            return self._write_package(out, package)
        if self._target is None:
            return self._write_host(out, march)
        if vectors is None:
            raise SnncError(
                BAD_OPTION,
                f"firmware for {self.target} carries recordings for its self-test",
                hint="Give a few as vectors=data, or package= for C without a test program.",
            )
        every = self._windows(vectors, None)
        embedded = embedded_vectors(self._compilation, every)
        budget = artifact.Budget(max_ram=self._max_ram)
        return artifact.write_firmware(
            out, source, self._compilation, self._target, embedded, budget
        )

    def _write_package(self, out: Path, package: str) -> dict[str, Any]:
        from snnc.compiler.deploy import folder as artifact

        compilation = self._compilation
        if self._target is None:
            compilation = for_any_core(compilation, self._manner.arena_bytes)
        return artifact.write_package(out, self._taken.source, compilation, package, self._target)

    @property
    def _origin(self) -> str:
        return self._taken.source.origin

    def _windows(self, data: Data, samples: int | None) -> Any:
        from snnc.api.data.windows import windows

        first = self._taken.forward.batch_first
        return windows(self._taken.source, data, "test", samples, batch_first=first)

    def __repr__(self) -> str:
        return (
            f"<Compiled {self.name}: {list(self._taken.shape)} -> "
            f"{ {name: list(shape) for name, shape in self._taken.shapes.items()} }, {self.dtype}, "
            f"{self.target}, {self.memory.arena:,} bytes of arena>"
        )
