"""What ``energy`` and ``analyze`` share: running a model over recordings, and writing the page."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import tee
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from snnc.commands.options import progress_bar
from snnc.errors import BAD_OUTPUT, SnncError

if TYPE_CHECKING:
    from snnc.compiler.frontend.source import SourceModel
    from snnc.estimator.conventions import Convention
    from snnc.estimator.report import Report
    from snnc.estimator.survey import Survey


def survey(
    source: SourceModel,
    data: str,
    split: str,
    samples: int | None,
    conventions: Iterable[Convention],
    *,
    everything: bool = False,
    redundancy: bool = False,
) -> Survey:
    """Run a model over recordings, one at a time, and gather what is asked for.

    Processes that ``torchrun`` started take a share of the recordings each; every one of them
    gets the whole survey.

    Args:
        source: the model.
        data: DATA.
        split: test or train.
        samples: the first so many recordings; None for all.
        conventions: counting rules.
        everything: memory accesses and redundancy too, as a page needs.
        redundancy: spikes and membrane potentials.

    Raises:
        SnncError: as :func:`snnc.commands.windows.windows`; NO_COUNT_RULE.
    """
    from snnc.commands.windows import windows
    from snnc.compiler import pipeline, reference
    from snnc.estimator.activity import Network, observe
    from snnc.estimator.survey import Survey
    from snnc.models import processes

    every = windows(source, data, split, samples)
    recordings = every.some(processes.share(range(len(every))))
    graph = source.graph()
    network = Network(pipeline.lowered(graph), pipeline.optimised(graph))
    gathered = Survey(network, conventions, redundancy=redundancy or everything, memory=everything)

    def interpret(graph: Any, inputs: Any, forced: Any) -> Any:
        return reference.run(graph, inputs, forced=forced)

    with progress_bar(Console(stderr=True)) as bar:
        bar.disable = processes.rank() > 0
        seen, labels = tee(bar.track(recordings, description=f"running {source.origin}"))
        activities = observe(network, (window.frames for window in seen), interpret)
        for activity, window in zip(activities, labels, strict=True):
            gathered.add(activity, window.label)
    for other, sums in enumerate(processes.gathered(gathered.sums())):
        if other != processes.rank():
            gathered.merge(sums)
    return gathered


def write_page(report: Report, target: Path) -> None:
    """Write the page whole or not at all. Raises SnncError (BAD_OUTPUT)."""
    from snnc.estimator.report import render
    from snnc.models.files import write_atomically

    text = render(report)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SnncError(BAD_OUTPUT, str(error.strerror), where=str(target.parent)) from error
    write_atomically(target, text.encode())
