"""What ``energy`` and ``analyze`` share: running a model over recordings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import tee
from typing import TYPE_CHECKING, Any

from snnc.api.compile_settings import CompileSettings
from snnc.api.in_memory import compiled
from snnc.console import progress_bar

if TYPE_CHECKING:
    from snnc.api.data.held import Held
    from snnc.api.data.windows import Windows
    from snnc.compiler.compilation import Compilation
    from snnc.compiler.frontend.source import SourceModel
    from snnc.estimator.activity import Network
    from snnc.estimator.conventions import Convention
    from snnc.estimator.devices import Profile
    from snnc.estimator.report import Report
    from snnc.estimator.survey import Survey
    from snnc.estimator.tables import EnergyTable


@dataclass(frozen=True)
class Asked:
    """What a survey gathers.

    Attributes:
        conventions: counting rules.
        memory: memory accesses, as the views of energy need.
        redundancy: spikes and membrane potentials.
        ann: what was active in each window, as the comparison with an ANN needs.
    """

    conventions: Iterable[Convention] = ()
    memory: bool = False
    redundancy: bool = False
    ann: bool = False


def survey(network: Network, every: Windows | Held, asked: Asked, *, called: str) -> Survey:
    """Run a network over recordings, one at a time, and gather what is asked for.

    Processes that ``torchrun`` started take a share of the recordings each; every one of them
    gets the whole survey.

    Args:
        network: its graphs (:func:`network_of`).
        every: the recordings.
        asked: what to gather.
        called: what the bar says is running.

    Raises:
        SnncError: what reading the recordings raises; NO_COUNT_RULE.
    """
    import torch

    from snnc.compiler.codegen.c_program import is_integer
    from snnc.compiler.verify import reference
    from snnc.estimator.activity import observe
    from snnc.estimator.survey import Survey
    from snnc.models.training import processes

    share = processes.share(range(len(every)))
    recordings = every.some(share)
    gathered = Survey(
        network,
        asked.conventions,
        redundancy=asked.redundancy,
        memory=asked.memory,
        windows=asked.ann,
    )

    def interpret(graph: Any, inputs: Any, forced: Any) -> Any:
        dtype = torch.int64 if is_integer(graph) else torch.float32
        return reference.run(graph, inputs, dtype=dtype, forced=forced)

    with progress_bar() as bar:
        bar.disable = processes.rank() > 0
        seen, labels = tee(bar.track(recordings, description=f"running {called}"))
        activities = observe(network, (window.frames for window in seen), interpret)
        for place, activity, window in zip(share, activities, labels, strict=True):
            gathered.add(activity, window.label, place)
    for other, sums in enumerate(processes.gathered(gathered.sums())):
        if other != processes.rank():
            gathered.merge(sums)
    return gathered


def survey_both(
    pair: tuple[SourceModel, SourceModel | None],
    data: str,
    split: str,
    samples: int | None,
    asked: Asked,
    settings: CompileSettings | None = None,
) -> tuple[Survey, Survey | None] | None:
    """Survey a model, and its baseline on the same recordings, shared among ``torchrun``'s
    processes; None in all of them but the first, which has the whole.

    Args:
        pair: the model, and the one to compare it with, if any.
        data: DATA.
        split: test or train.
        samples: the first so many recordings; None for all.
        asked: what to gather.
        settings: how the networks whose operations count are compiled; None: float32,
            event-driven kernels, as much memory as they like.

    Raises:
        SnncError: as :func:`survey` and :func:`snnc.api.data.windows.windows`; LOST_WORKER.
    """
    from snnc.api.data.windows import windows
    from snnc.models.training import processes

    with processes.together():
        surveys = [
            survey(
                network_of(source, settings),
                windows(source, data, split, samples),
                asked,
                called=source.origin,
            )
            for source in pair
            if source is not None
        ]
        ours, theirs = surveys[0], surveys[1] if len(surveys) > 1 else None
        return (ours, theirs) if processes.rank() == 0 else None


def network_of(source: SourceModel, settings: CompileSettings | None = None) -> Network:
    """Both graphs of a model, and what runs more than once a step; no C compiler is needed.

    ``settings`` is how it is compiled; None: float32, event-driven kernels, as much memory as it
    likes. Raises SnncError as :func:`snnc.api.in_memory.compiled`.
    """
    from snnc.compiler.passes import pipeline
    from snnc.estimator.activity import Network

    if settings is None:
        graph = source.graph()
        return Network(pipeline.lowered(graph), pipeline.optimised(graph))
    compilation, _ = compiled(source, settings)
    return network_as(compilation)


def network_as(compilation: Compilation) -> Network:
    """Both graphs of a compiled model."""
    from snnc.estimator.activity import Network

    return Network(compilation.source, compilation.graph, compilation.schedule.runs)


def reported(
    surveyed: tuple[Survey, Survey | None],
    names: tuple[str, str | None],
    prices: EnergyTable,
    data: str,
    convention: str = "executed",
    device: Profile | None = None,
) -> Report:
    """What was surveyed of a model, and its baseline, ready to be shown.

    Args:
        surveyed: what :func:`survey_both` gave.
        names: what the page calls the model and the baseline.
        prices: the energy table.
        data: what was run, in words.
        convention: the counting rule of its main figures.
        device: whose total to give; None: the energy table's.
    """
    from snnc.estimator.report import Report, Subject

    (model, baseline), (ours, theirs) = names, surveyed
    about = Subject.of(model, ours, prices)
    against = None if theirs is None else Subject.of(str(baseline), theirs, prices)
    return Report(about, against, convention, data, device)
