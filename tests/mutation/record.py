"""What is kept of a run: every mutant with its outcome, and the reasons why survivors survive."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.mutation.judge import SURVIVED, Outcome
from tests.mutation.mutator import Mutation

RESULTS = Path(__file__).with_name("data") / "results.json"
REASONS = Path(__file__).with_name("data") / "reasons.toml"

SAMPLE = 40
"""Mutants that every run of the tests judges again."""


@dataclass(frozen=True)
class Mutant:
    """A judged mutant.

    Attributes:
        subject: the network that it was planted in.
        line: where, from 1, when it was judged.
        key: what names the mutation (``Mutation.key``).
        outcome: what became of it.
    """

    subject: str
    line: int
    key: tuple[str, str, str, str, str, str, int]
    outcome: Outcome

    @classmethod
    def of(cls, subject: str, mutation: Mutation, outcome: Outcome) -> Mutant:
        """A mutation of a subject with its outcome."""
        return cls(subject, mutation.line, mutation.key, outcome)

    @property
    def order(self) -> str:
        """A digest of its name: sorting by it shuffles, always alike."""
        return sha256(repr((self.subject, self.key)).encode()).hexdigest()


@dataclass(frozen=True)
class Record:
    """A run.

    Attributes:
        mutants: those judged, in order of subject and place.
        aside: how many of each subject were set aside, by state.
        note: what a reader must know of the run, where not all of it was made at once.
    """

    mutants: tuple[Mutant, ...]
    aside: Mapping[str, Mapping[str, int]]
    note: str = ""

    def sample(self) -> list[Mutant]:
        """The mutants that are judged again every time."""
        return sorted(self.mutants, key=lambda mutant: mutant.order)[:SAMPLE]

    def survivors(self) -> list[Mutant]:
        """Those that verification did not find."""
        return [mutant for mutant in self.mutants if mutant.outcome.state == SURVIVED]

    def write(self, path: Path = RESULTS) -> None:
        """Keep it, a mutant a line."""
        lines = [
            json.dumps([m.subject, m.line, *m.key, m.outcome.state, m.outcome.how])
            for m in self.mutants
        ]
        text = (
            f'{{"aside": {json.dumps(self.aside)},\n"note": {json.dumps(self.note)},\n'
            + '"mutants": [\n'
            + ",\n".join(lines)
            + "\n]}\n"
        )
        path.write_text(text, encoding="utf-8")

    @classmethod
    def read(cls, path: Path = RESULTS) -> Record:
        """The run that was kept."""
        kept: dict[str, Any] = json.loads(path.read_text("utf-8"))
        return cls(
            tuple(
                Mutant(row[0], row[1], (*row[2:8], row[8]), Outcome(*row[9:]))
                for row in kept["mutants"]
            ),
            kept["aside"],
            kept["note"],
        )


class Reasons:
    """Why mutants that survive are no faults of the verifier, by mutant.

    reasons.toml holds ``[[reason]]`` tables: ``why``, and ``mutants``, tables with the subjects and
    the parts of a mutation's key.
    """

    def __init__(self, text: str) -> None:
        self._why: dict[tuple[str, tuple[Any, ...]], str] = {}
        for reason in tomllib.loads(text).get("reason", []):
            for given in reason["mutants"]:
                names = ("file", "scope", "kind", "text", "old", "new")
                key = (*(given[name] for name in names), given.get("nth", 0))
                for subject in given["subjects"]:
                    if (subject, key) in self._why:
                        raise ValueError(f"two reasons for {subject}, {key}")
                    self._why[subject, key] = reason["why"]

    @classmethod
    def read(cls, path: Path = REASONS) -> Reasons:
        """The reasons that were written."""
        return cls(path.read_text("utf-8"))

    def why(self, mutant: Mutant) -> str | None:
        """Why it is no fault that this mutant survives; None where nobody has said."""
        return self._why.get((mutant.subject, mutant.key))

    def unexplained(self, survivors: Iterable[Mutant]) -> list[Mutant]:
        """The survivors without a reason: faults of the verifier."""
        return [mutant for mutant in survivors if self.why(mutant) is None]

    def unneeded(self, survivors: Iterable[Mutant]) -> list[tuple[str, tuple[Any, ...]]]:
        """The reasons that no survivor needs."""
        return sorted(set(self._why) - {(mutant.subject, mutant.key) for mutant in survivors})
