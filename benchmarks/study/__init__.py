"""Does attention pay for itself? The study that docs/study/plan.md plans.

    python -m benchmarks.study run [--jobs N] [--until HH:MM] [--only 'nmnist-2-*']
    python -m benchmarks.study rows
    python -m benchmarks.study page

``plan`` says what is run, ``data`` makes the recordings, ``arms`` what is trained, ``runs`` trains
and measures; ``analysis`` answers and ``page`` writes it down. A run is one file in runs/study,
written when it is complete, so a study that was stopped goes on where it was; ``rows`` gathers the
files in docs/study/rows.jsonl.
"""
