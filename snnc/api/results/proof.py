"""The result of ``compiled.verify(data)``."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from snnc.api.results.result import Result
from snnc.compiler.deploy.manifest import read_manifest
from snnc.errors import BAD_OPTION, SnncError
from snnc.estimator.page.proven import Proven

if TYPE_CHECKING:
    from snnc.compiler.compilation import Compilation
    from snnc.compiler.verify.chain.links import Divergence, LayerResult, Link, Vacuous
    from snnc.compiler.verify.chain.proof import Verification


@dataclass(frozen=True, repr=False)
class Proof(Result):
    """What was proven of a compiled model, link by link; true in a condition where all hold.

    Attributes:
        model: where the model comes from.
        data: what was run, in words.
        verification: every number behind it.

    >>> import numpy as np, snnc
    >>> model = snnc.build("three-layer", attention="none", input_size=(2, 32, 32), time_steps=4)
    >>> data = np.random.default_rng(0).poisson(0.3, (1, 4, 1, 2, 32, 32))
    >>> proof = snnc.compile(model, data[0]).verify(data)
    >>> [link.name for link in proof.links]
    ['reading', 'values', 'paths', 'artefact', 'counts', 'stress']
    >>> all(link.holds for link in proof.links), proof.verdict.startswith("PROVEN")
    (True, True)
    """

    model: str
    data: str
    verification: Verification

    @property
    def passed(self) -> bool:
        """Whether every link holds."""
        return self.verification.passed

    @property
    def verdict(self) -> str:
        """PROVEN; PROVEN, except what was vacuous; or NOT PROVEN with the links that broke."""
        return self.verification.verdict

    @property
    def links(self) -> tuple[Link, ...]:
        """The links of the chain, in order: ``name``, ``claim``, ``holds``, ``checks``."""
        return tuple(self.verification.chain)

    @property
    def vacuous(self) -> tuple[Vacuous, ...]:
        """What the data say nothing about, such as a layer that never fired."""
        return tuple(self.verification.vacuous)

    @property
    def layers(self) -> tuple[LayerResult, ...]:
        """Each layer's spikes beside PyTorch's: ``compared``, ``mismatches``, ``explained``."""
        return tuple(self.verification.layers)

    @property
    def samples(self) -> int:
        """Samples that were compared."""
        return self.verification.samples

    @property
    def unexplained(self) -> int:
        """Differences that rounding does not explain."""
        return self.verification.unexplained

    @property
    def class_agreement(self) -> float | None:
        """Share of samples of which C and PyTorch give the same class; None of no samples."""
        found = self.verification
        return found.same_class / found.samples if found.samples else None

    @property
    def accuracy(self) -> dict[str, float | None]:
        """Share of labelled samples that "pytorch" and "c" are right about; None without labels."""
        return self.verification.accuracy

    @property
    def first_divergence(self) -> Divergence | None:
        """The first unexplained difference."""
        return self.verification.first_divergence

    def __bool__(self) -> bool:
        return self.passed

    def to_json(self) -> dict[str, Any]:
        """The JSON of ``snnc verify``."""
        return self.verification.as_json()

    def show(self, console: Console) -> None:
        """Print the layers, the links and the verdict."""
        from snnc.compiler.verify.chain.terminal import show

        show(console, self.model, self.verification)

    def _page(self) -> str:
        from snnc.compiler.verify.chain.page import proof_page

        return proof_page(self.verification, self.model, self.data)


def proven_of(folder: Path, compilation: Compilation) -> Proven:
    """What ``snnc verify --compiled`` recorded in a folder, if its C is that of a compilation.

    Args:
        folder: from ``snnc compile``.
        compilation: what is about to be reported, compiled as the folder was.

    Raises:
        SnncError: NOT_COMPILED; BAD_OPTION for a folder without a proof, or with another's C.
    """
    manifest = read_manifest(folder)
    proof = manifest.get("proof")
    if proof is None:
        raise SnncError(
            BAD_OPTION,
            "the folder holds no proof",
            where=str(folder),
            hint="Run snnc verify MODEL --data DATA --compiled on it first.",
        )
    for name, text in compilation.generated.files.items():
        if manifest["files"].get(name) != sha256(text.encode()).hexdigest():
            raise SnncError(
                BAD_OPTION,
                f"{name} is not the C of this model, so the folder's proof is of another",
                where=str(folder),
                hint="Compile and verify it with the same options.",
            )
    return Proven(proof["passed"], proof["verdict"], proof["samples"])
