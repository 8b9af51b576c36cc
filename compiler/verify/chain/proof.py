"""The result of a verification: the chain's links, and the numbers that scripts rely on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from snnc.compiler.ir.graph import Array
from snnc.compiler.verify.chain.links import (
    COUNTS,
    VALUES,
    Chain,
    Divergence,
    LayerResult,
    Vacuous,
)
from snnc.compiler.verify.outputs import OutputResult


@dataclass
class Verification:
    """The result over all samples.

    Attributes:
        time_steps: T.
        layers: each discrete node's values (int8: each node's).
        outputs: each output's values in the C beside PyTorch's (int8: the integer reference's).
        chain: the links.
        samples: recordings verified.
        same_class: recordings of which the C and PyTorch give the same class.
        labelled: recordings that have a label.
        right: of those, the ones that PyTorch's and the C's class is right about.
        first_divergence: the first unexplained difference.
        count_mismatches: nodes whose counted operations are not those executed.
        counted_nodes: nodes whose operations were compared.
        vacuous: what the recordings say nothing about.
        artefact: what shipped, by path, with its SHA-256, and the levels of the library that were
            run, first the one that it chose; None where no library was verified.
    """

    time_steps: int
    layers: list[LayerResult]
    outputs: list[OutputResult] = field(default_factory=list)
    chain: Chain = field(default_factory=Chain)
    samples: int = 0
    same_class: int = 0
    labelled: int = 0
    right: dict[str, int] = field(default_factory=lambda: {"pytorch": 0, "c": 0})
    first_divergence: Divergence | None = None
    count_mismatches: list[str] = field(default_factory=list)
    counted_nodes: int = 0
    vacuous: list[Vacuous] = field(default_factory=list)
    artefact: dict[str, Any] | None = None

    @property
    def unexplained(self) -> int:
        """Unexplained differences of all links."""
        return self.chain.unexplained

    @property
    def passed(self) -> bool:
        """Whether every link holds: every difference is explained, every count exact."""
        return not self.chain.broken

    @property
    def verdict(self) -> str:
        """PROVEN; PROVEN, except what was vacuous; or NOT PROVEN with the links that broke."""
        if not self.passed:
            return f"NOT PROVEN: {', '.join(self.chain.broken)}"
        if self.vacuous:
            return "PROVEN, except " + "; ".join(map(str, self.vacuous))
        return "PROVEN"

    def add_counts(
        self,
        expected: Mapping[str, Mapping[str, int]],
        executed: Mapping[str, Mapping[str, int]],
        link: str = COUNTS,
    ) -> None:
        """Compare the operations of every node of one sample: by its count rule, and executed."""
        wrong = [name for name, counts in expected.items() if executed[name] != counts]
        found = [
            f"sample {self.samples}, {name}: counted {expected[name]}, "
            f"executed {dict(executed[name])}"
            for name in wrong
        ]
        self.chain[link].check("operations").add(len(expected), len(wrong))
        for sentence in found:
            self.chain[link].report(sentence)
        if link == COUNTS:
            self.counted_nodes += len(expected)
            self.count_mismatches += found

    def add_classes(self, pytorch: Array, c: Array, label: int | None) -> bool:
        """Compare the classes that the scores of one sample give, with its label if it has one;
        gives whether they are the same."""
        classes = {"pytorch": int(pytorch.argmax()), "c": int(c.argmax())}
        self.same_class += classes["pytorch"] == classes["c"]
        if label is not None:
            self.labelled += 1
            for who, chosen in classes.items():
                self.right[who] += chosen == label
        return classes["pytorch"] == classes["c"]

    def diverge(self, link: str, found: Divergence) -> None:
        """Say where an unexplained difference is; the first one of the C's values is kept apart."""
        self.chain[link].report(str(found))
        if link == VALUES and self.first_divergence is None:
            self.first_divergence = found

    @property
    def accuracy(self) -> dict[str, float | None]:
        """Share of the labelled recordings that each is right about."""
        return {
            who: right / self.labelled if self.labelled else None
            for who, right in self.right.items()
        }

    def as_json(self) -> dict[str, Any]:
        """The JSON contract of ``snnc verify``."""
        return {
            "samples": self.samples,
            "time_steps": self.time_steps,
            "passed": self.passed,
            "verdict": self.verdict,
            "links": [link.as_json() for link in self.chain],
            "vacuous": [entry.as_json() for entry in self.vacuous],
            "layers": [layer.as_json() for layer in self.layers],
            "outputs": [output.as_json() for output in self.outputs],
            "unexplained": self.unexplained,
            "class_agreement": self.same_class / self.samples if self.samples else None,
            "accuracy": self.accuracy,
            "first_divergence": self.first_divergence.as_json() if self.first_divergence else None,
            "counts": {
                "compared": self.counted_nodes,
                "mismatches": self.count_mismatches,
            },
            "artefact": self.artefact,
        }
