"""``python -m tests.mutation``: plant mistakes in compiled C and see whether verification says no.

run      judge mutants of every network, keep the results, write docs/measured/mutants.md
again    judge those again that were PROVEN, and keep the results
check    judge a fixed sample again
page     write docs/measured/mutants.md from the results that were kept
python   plant mistakes in the compiler's Python and run the tests that must find them

Exit status 1 where a mutant is PROVEN and tests/mutation/data/reasons.toml does not say why.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from tests.mutation import campaign, python, report
from tests.mutation.judge import SURVIVED, Judge
from tests.mutation.record import Mutant, Reasons, Record
from tests.mutation.subjects import SUBJECTS, own_cache, prepared, quick_compiler


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("what", choices=["run", "again", "check", "page", "python"])
    names = [subject.name for subject in SUBJECTS]
    parser.add_argument("--only", choices=names, help="this network alone (run, check)")
    parser.add_argument("--each", type=int, default=90, help="mutants of each network (run)")
    parser.add_argument("--seed", type=int, default=1, help="of the choice (run)")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        own_cache(place / "cache")
        quick_compiler(place)
        if given.what == "check":
            return _check(place, given.jobs, given.only)
        if given.what == "python":
            return _python(place, given.jobs)
        if given.what == "run":
            _run(place, given).write()
        elif given.what == "again":
            _again(place, given.jobs).write()
    return _page()


def _judges(names: Iterable[str], place: Path) -> dict[str, Judge]:
    judges = {}
    for subject in SUBJECTS:
        if subject.name in names:
            folder = place / subject.name
            folder.mkdir()
            judges[subject.name] = Judge.of(prepared(subject, folder), folder)
    return judges


def _run(place: Path, given: argparse.Namespace) -> Record:
    mutants: list[Mutant] = []
    aside: dict[str, Mapping[str, int]] = {}
    if given.only:
        before = Record.read()
        mutants += [mutant for mutant in before.mutants if mutant.subject != given.only]
        aside |= before.aside
    names = [given.only] if given.only else [subject.name for subject in SUBJECTS]
    for name, judge in _judges(names, place).items():
        begun = time.monotonic()
        scratch = place / f"{name}-mutants"
        found, aside[name] = campaign.run(judge, scratch, given.jobs, given.each, given.seed)
        mutants += found
        print(f"{name}: {len(found)} mutants in {time.monotonic() - begun:.0f} s", flush=True)
    order = [subject.name for subject in SUBJECTS]
    return Record(tuple(sorted(mutants, key=lambda m: order.index(m.subject))), aside)


def _again(place: Path, jobs: int) -> Record:
    record = Record.read()
    old = record.survivors()
    judges = _judges({mutant.subject for mutant in old}, place)
    new = {
        (mutant.subject, mutant.key): mutant
        for mutant in campaign.again(judges, old, place / "mutants", jobs)
    }
    mutants = (new.get((mutant.subject, mutant.key), mutant) for mutant in record.mutants)
    return replace(record, mutants=tuple(mutants))


def _check(place: Path, jobs: int, only: str | None) -> int:
    """Judge the sample again, or one network's part of it; say what is PROVEN without a reason."""
    sample = [mutant for mutant in Record.read().sample() if only in (None, mutant.subject)]
    judges = _judges({mutant.subject for mutant in sample}, place)
    found = list(campaign.again(judges, sample, place / "mutants", jobs))
    return _verdict([mutant for mutant in found if mutant.outcome.state == SURVIVED])


def _python(place: Path, jobs: int) -> int:
    """Say which mistakes in Python the tests miss; exit status 1 if they miss one."""
    results = list(python.missed(python.listed(), place, jobs))
    for mutant, unseen in results:
        print(f"{'MISSED' if unseen else 'found'}: {mutant.what} ({mutant.file})", flush=True)
    count = sum(unseen for _, unseen in results)
    print(f"{len(results)} mistakes in Python, {count} of them missed")
    return int(count > 0)


def _page() -> int:
    record, reasons = Record.read(), Reasons.read()
    report.PAGE.write_text(report.page(record, reasons), encoding="utf-8")
    for subject, key in reasons.unneeded(record.survivors()):
        print(f"no survivor needs this reason: {subject} {key}", file=sys.stderr)
    return _verdict(record.survivors())


def _verdict(survivors: Sequence[Mutant]) -> int:
    faults = Reasons.read().unexplained(survivors)
    for mutant in faults:
        print(f"PROVEN without a reason: {mutant.subject} {mutant.key}", file=sys.stderr)
    print(f"{len(survivors)} PROVEN, {len(faults)} of them without a reason")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
