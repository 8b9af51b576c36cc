"""The chain of proof as data: links, the checks that each is made of, and what was vacuous.

PROVEN is a chain (docs/numerics.md): each link compares numbers on every verified recording, and
says how many, how many differ, how many of those rounding explains, and how many it does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

READING, VALUES, PATHS, ARTEFACT = "reading", "values", "paths", "artefact"
COUNTS, FIDELITY, STRESS = "counts", "fidelity", "stress"

CLAIMS = {
    READING: "the graph that snnc read gives the numbers that calling the model gives",
    VALUES: "the C gives the numbers of the graph: spikes, potentials, sums, outputs",
    PATHS: "frames and events, steps and windows, threads and instances give the same bits",
    ARTEFACT: "the library and the sources that ship are what was verified",
    COUNTS: "the operations that are counted are the operations executed",
    FIDELITY: "the integer network classifies as PyTorch's float network does",
    STRESS: "the same holds on synthetic inputs that make every layer fire",
}
"""What each link says, by its name, in the order of the chain."""

MOST_PROBLEMS = 20
"""Sentences that a link keeps; the rest is in its numbers."""


@dataclass
class Check:
    """One comparison of a link, summed over recordings."""

    name: str
    compared: int = 0
    differ: int = 0
    explained: int = 0

    @property
    def unexplained(self) -> int:
        """Differences that nothing explains."""
        return self.differ - self.explained

    def add(self, compared: int, differ: int = 0, explained: int = 0) -> None:
        """Add one recording's numbers."""
        self.compared += compared
        self.differ += differ
        self.explained += explained

    def as_json(self) -> dict[str, Any]:
        """The entry of the JSON contract."""
        return {
            "name": self.name,
            "compared": self.compared,
            "differ": self.differ,
            "explained": self.explained,
            "unexplained": self.unexplained,
        }


@dataclass
class Link:
    """One link of the chain."""

    name: str
    checks: dict[str, Check] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def check(self, name: str) -> Check:
        """The check of this name; a new one if there was none."""
        return self.checks.setdefault(name, Check(name))

    def report(self, sentence: str) -> None:
        """Keep a sentence about something unexplained."""
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(sentence)

    @property
    def claim(self) -> str:
        """What the link says."""
        return CLAIMS[self.name]

    def total(self) -> Check:
        """All its checks together."""
        whole = Check(self.name)
        for check in self.checks.values():
            whole.add(check.compared, check.differ, check.explained)
        return whole

    @property
    def holds(self) -> bool:
        """Whether nothing is left unexplained."""
        return all(check.unexplained == 0 for check in self.checks.values())

    def as_json(self) -> dict[str, Any]:
        """The entry of the JSON contract."""
        return {
            **self.total().as_json(),
            "claim": self.claim,
            "checks": [check.as_json() for check in self.checks.values()],
            "problems": self.problems,
        }


class Chain:
    """The links of one verification, made as they are needed, in the order of the chain."""

    def __init__(self) -> None:
        self._links: dict[str, Link] = {}

    def __getitem__(self, name: str) -> Link:
        return self._links.setdefault(name, Link(name))

    def __iter__(self) -> Iterator[Link]:
        return iter([self._links[name] for name in CLAIMS if name in self._links])

    @property
    def unexplained(self) -> int:
        """Unexplained differences of all links."""
        return sum(link.total().unexplained for link in self)

    @property
    def broken(self) -> list[str]:
        """Names of the links that do not hold."""
        return [link.name for link in self if not link.holds]


@dataclass(frozen=True)
class Vacuous:
    """Something about which the recordings say nothing.

    Attributes:
        where: the layer, node or link.
        what: what did not happen.
        stress: whether synthetic inputs made it happen; None where that was not tried.
    """

    where: str
    what: str
    stress: bool | None = None

    def __str__(self) -> str:
        beside = {True: " (synthetic inputs did)", False: " (nor did synthetic inputs)", None: ""}
        return f"{self.where} {self.what}{beside[self.stress]}"

    def as_json(self) -> dict[str, Any]:
        """The entry of the JSON contract."""
        return {"where": self.where, "what": self.what, "stress": self.stress, "text": str(self)}


@dataclass
class LayerResult:
    """One node's values in the C beside PyTorch's (int8: the integer reference's), over samples."""

    name: str
    module: str
    compared: int = 0
    mismatches: int = 0
    explained: int = 0

    @property
    def unexplained(self) -> int:
        """Differences that rounding cannot explain."""
        return self.mismatches - self.explained

    def as_json(self) -> dict[str, Any]:
        """The entry of the JSON contract."""
        return {
            "name": self.name,
            "module": self.module,
            "compared": self.compared,
            "mismatches": self.mismatches,
            "explained": self.explained,
            "unexplained": self.unexplained,
        }


@dataclass(frozen=True)
class Divergence:
    """The first unexplained difference: how far from the exact value (of a spike: the exact
    potential from the threshold), and the bound that it exceeds."""

    sample: int
    layer: str
    step: int
    neuron: tuple[int, ...]
    margin: float | None
    bound: float | None
    what: str = "value"

    def as_json(self) -> dict[str, Any]:
        """The entry of the JSON contract."""
        return {
            "sample": self.sample,
            "layer": self.layer,
            "what": self.what,
            "step": self.step,
            "neuron": list(self.neuron),
            "margin": self.margin,
            "bound": self.bound,
        }

    def __str__(self) -> str:
        away = "" if self.margin is None else f", {self.margin:+.3g} away"
        allowed = "" if self.bound is None else f" where {self.bound:.3g} is allowed"
        return (
            f"{self.what} of {self.layer}, step {self.step}, element {list(self.neuron)}, "
            f"recording {self.sample}{away}{allowed}"
        )
