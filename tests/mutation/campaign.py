"""Which mutants are judged: an even choice over kinds and files, always the same one."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

from tests.mutation.coverage import executed, mattering, ran
from tests.mutation.judge import IDENTICAL, UNCOMPILED, Judge, Outcome, judged
from tests.mutation.mutator import Mutation, mutations
from tests.mutation.planted import planted
from tests.mutation.record import Mutant
from tests.mutation.source import Source
from tests.mutation.subjects import NAME, Bench

GENERATED = (f"{NAME}.c", f"{NAME}.h", f"{NAME}_weights.h")
MOST_STALE = 0.25
"""Share of a sample whose place in the C may have changed since the campaign ran."""

UNWATCHED = "snn/trace.h"
"""What only verification builds compile: the eyes of the verifier, not the C that ships."""


def texts(bench: Bench) -> dict[str, str]:
    """The C that may hold a mistake, by path."""
    paths = [bench.folder / name for name in GENERATED]
    paths += sorted((bench.folder / "snn").rglob("*.h"))
    found = {path.relative_to(bench.folder).as_posix(): path.read_text("utf-8") for path in paths}
    del found[UNWATCHED]
    return found


def candidates(bench: Bench) -> list[Mutation]:
    """Every mutation in a line that the recordings execute."""
    given = texts(bench)
    matter = ran({file: Source(text) for file, text in given.items()}, executed(bench))
    every = (mutation for file, text in given.items() for mutation in mutations(file, text))
    return list(mattering(every, matter))


def chosen(bench: Bench, seed: int) -> Iterator[Mutation]:
    """First the planted mistakes, then the others, of each kind and each sort of file in turn."""
    yield from planted(bench.subject, texts(bench))
    groups: dict[tuple[str, str], list[Mutation]] = defaultdict(list)
    for mutation in candidates(bench):
        sort = mutation.file if mutation.file in GENERATED else "runtime"
        groups[mutation.kind, sort].append(mutation)
    shuffled = random.Random(f"{seed} {bench.subject.name}")
    for group in groups.values():
        shuffled.shuffle(group)
    while groups:
        for name in list(groups):
            yield groups[name].pop()
            if not groups[name]:
                del groups[name]


def run(
    judge: Judge, place: Path, jobs: int, number: int, seed: int
) -> tuple[list[Mutant], dict[str, int]]:
    """Judge ``number`` mutants of a subject; gives them, and how many were set aside, by state."""
    subject = judge.bench.subject.name
    mutants: list[Mutant] = []
    aside = {IDENTICAL: 0, UNCOMPILED: 0}
    tasks = ((judge, mutation) for mutation in chosen(judge.bench, seed))
    with closing(judged(tasks, place, jobs)) as results:
        for _, mutation, outcome in results:
            if outcome.state in aside:
                aside[outcome.state] += 1
                continue
            mutants.append(Mutant.of(subject, mutation, outcome))
            tell(subject, mutation, outcome)
            if len(mutants) == number:
                break
    return sorted(mutants, key=lambda mutant: (mutant.key[0], mutant.line)), aside


def again(
    judges: Mapping[str, Judge], mutants: Iterable[Mutant], place: Path, jobs: int
) -> Iterator[Mutant]:
    """Judge mutants again that were judged before, found by their names.

    Those whose place in the C has changed since are named and left out.

    Raises:
        ValueError: more than MOST_STALE of them are: the campaign is to be run anew.
    """
    known = {name: _by_key(judge.bench) for name, judge in judges.items()}
    asked = list(mutants)
    stale = [mutant for mutant in asked if mutant.key not in known[mutant.subject]]
    for mutant in stale:
        print(f"not there any more: {mutant.subject} {mutant.key}", flush=True)
    if len(stale) > MOST_STALE * len(asked):
        raise ValueError(f"{len(stale)} of {len(asked)} mutants are not there any more")
    tasks = [(judges[m.subject], known[m.subject][m.key]) for m in asked if m not in stale]
    for judge, mutation, outcome in judged(tasks, place, jobs):
        subject = judge.bench.subject.name
        tell(subject, mutation, outcome)
        yield Mutant.of(subject, mutation, outcome)


def _by_key(bench: Bench) -> dict[tuple[object, ...], Mutation]:
    given = texts(bench)
    every = [mutation for file, text in given.items() for mutation in mutations(file, text)]
    return {mutation.key: mutation for mutation in (*every, *planted(bench.subject, given))}


def tell(subject: str, mutation: Mutation, outcome: Outcome) -> None:
    """A line on the terminal about a mutant."""
    change = f"{mutation.kind}: {mutation.old!r} -> {mutation.new!r}"[:100]
    said = f"{subject} {mutation.file}:{mutation.line} {change}: {outcome.state} {outcome.how}"
    print(said, flush=True)
