"""``python -m tests.file_fuzzing``: damage files of every format and read them.

``--keep`` writes each file that broke a reader into the corpus that the tests read again.
"""

from __future__ import annotations

import argparse
import sys

import torch

from tests.file_fuzzing import corpus
from tests.file_fuzzing.kinds import AEDAT4, RECORDINGS, Kind
from tests.file_fuzzing.models import MODELS
from tests.file_fuzzing.running import Report, fuzz

AEDAT4_SHARE = 20
"""One of so many, since each is decoded by a process of its own."""


def run(kinds: dict[str, Kind], count: int, seed: int) -> Report:
    """``count`` cases, shared among the kinds in turn."""
    names = list(kinds)
    return fuzz(kinds, [(names[n % len(names)], n // len(names)) for n in range(count)], seed)


def show(title: str, report: Report) -> None:
    """What came of a run."""
    read, refused = (
        sum(n for (_, outcome), n in report.outcomes.items() if outcome == wanted)
        for wanted in ("read", "refused")
    )
    print(
        f"{title}: {read:,} read, {refused:,} refused, {len(report.failures)} broken; at most "
        f"{report.most_seconds:.2f} s and {report.most_bytes / 2**20:.0f} MiB",
        flush=True,
    )
    for failure in report.failures:
        print(f"{failure.kind} {failure.number} ({failure.name}): {failure.what}", file=sys.stderr)


def main() -> int:
    """Fuzz; exit status 1 where a file broke a reader."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recordings", type=int, default=10_000)
    parser.add_argument("--models", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)  # a forked process waits for ever for another's threads
    reports = {
        "recordings": run(RECORDINGS, given.recordings, given.seed),
        "AEDAT 4 recordings": run(AEDAT4, given.recordings // AEDAT4_SHARE, given.seed),
        "models": run(MODELS, given.models, given.seed),
    }
    for title, report in reports.items():
        show(title, report)
    failures = [failure for report in reports.values() for failure in report.failures]
    if given.keep:
        for failure in failures:
            corpus.keep(failure)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
