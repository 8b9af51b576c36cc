"""``snnc.energy``, and the results of ``compiled.energy(data)`` and ``compiled.analyze(data)``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Console

from snnc.api.data.held import Data
from snnc.api.model import Forward, Taken, take
from snnc.api.results.result import Result
from snnc.api.words import speaks_python
from snnc.compiler.frontend.driving import Readout, Reset
from snnc.errors import BAD_DATA_SPEC, BAD_OPTION, InternalError, SnncError
from snnc.models.encoders import Encoder, InputKind

if TYPE_CHECKING:
    from snnc.estimator.activity import Network
    from snnc.estimator.ann.comparison import AgainstAnn
    from snnc.estimator.energy import Comparison, Estimate
    from snnc.estimator.redundancy.records import Redundancy
    from snnc.estimator.report import Report
    from snnc.estimator.survey import Survey


@dataclass(frozen=True, repr=False)
class _Surveyed(Result):
    """A result that was gathered on recordings.

    Attributes:
        report: the networks, and everything that was counted of them.
    """

    report: Report

    @property
    def model(self) -> str:
        """What the model is called."""
        return self.report.model.name

    @property
    def baseline(self) -> str | None:
        """What the baseline is called; None without one."""
        return None if self.report.baseline is None else self.report.baseline.name

    @property
    def accuracy(self) -> float | None:
        """Share of the labelled samples that the model is right about; None without labels."""
        right = self.report.model.right
        return None if right is None else right[0] / right[1]

    def _page(self) -> str:
        from snnc.estimator.page.render import render

        return render(self.report)


class EnergyReport(_Surveyed):
    """Operations and energy, layer by layer; against a baseline ΔE.

    Counts are totals over the samples, energies picojoules by the table.

    >>> import numpy as np, snnc
    >>> model = snnc.build("three-layer", attention="none", input_size=(2, 32, 32), time_steps=4)
    >>> report = snnc.energy(model, np.zeros((2, 4, 1, 2, 32, 32)))
    >>> report.total["mac"], report.delta_pj, report.to_json()["convention"]
    (0, None, 'executed')
    """

    @property
    def estimate(self) -> Estimate:
        """The model's counts, priced: ``layers``, ``total``, ``spikes``."""
        found = self.report.estimate
        if found is None:
            raise InternalError("the survey counted nothing")
        return found

    @property
    def comparison(self) -> Comparison | None:
        """The model against its baseline; None without one."""
        return self.report.comparison

    @property
    def samples(self) -> int:
        """Samples that were counted on."""
        return self.estimate.tally.samples

    @property
    def total(self) -> dict[str, int]:
        """Operations of all layers: ``ac``, ``mac``, ``mul``, ``add``, ``cmp``."""
        return self.estimate.total

    @property
    def energy_pj(self) -> float:
        """E_MAC·MAC + E_AC·AC, pJ over all samples (Eq. 11's terms)."""
        return self.estimate.energy_pj

    @property
    def whole_energy_pj(self) -> float:
        """Energy of everything that is counted, pJ over all samples."""
        return self.estimate.energy_pj + self.estimate.other_energy_pj

    @property
    def delta_pj(self) -> float | None:
        """ΔE of Eq. 11 in pJ over all samples, negative where the model saves; None alone."""
        return None if self.comparison is None else self.comparison.energy_pj

    @property
    def ann(self) -> AgainstAnn | None:
        """The model against the same network as an ANN; None where that was not asked for."""
        return self.report.ann

    @property
    def nasfr(self) -> float:
        """Network average spike firing rate."""
        return self.estimate.nasfr

    def to_json(self) -> dict[str, Any]:
        """The JSON of ``snnc energy``."""
        from snnc.estimator.report import energy_report_json

        return energy_report_json(self.report)

    def show(self, console: Console) -> None:
        """Print the views, the layers, and the comparison."""
        from snnc.estimator.terminal import print_report

        print_report(console, self.report)

    def _picture(self) -> str:
        from snnc.estimator.figures.energy_figures import energy_bars

        if self.comparison is None:
            return str(energy_bars([self.model], [self.estimate]))
        names = [str(self.baseline), self.model]
        return str(energy_bars(names, [self.comparison.baseline, self.estimate]))


class Analysis(_Surveyed):
    """Redundancy, layer by layer: firing rates, ghosts, membrane potentials, PTD, QE.

    >>> import numpy as np, snnc
    >>> model = snnc.build("three-layer", attention="none", input_size=(2, 32, 32), time_steps=4)
    >>> data = np.random.default_rng(0).poisson(0.3, (1, 4, 1, 2, 32, 32))
    >>> found = snnc.compile(model, data[0]).analyze(data)
    >>> len(found.redundancy.layers) == len(found.to_json()["layers"])
    True
    """

    @property
    def redundancy(self) -> Redundancy:
        """The model's records. Raises SnncError (BAD_OPTION) where nothing can be measured."""
        from snnc.estimator.redundancy.analysis import check_measured

        found = self.report.model.redundancy
        if found is None:
            raise InternalError("the survey recorded no spikes")
        check_measured(found)
        return found

    @property
    def _others(self) -> Redundancy | None:
        return None if self.report.baseline is None else self.report.baseline.redundancy

    def to_json(self) -> dict[str, Any]:
        """The JSON of ``snnc analyze``."""
        from snnc.estimator.redundancy.analysis import redundancy_json

        return redundancy_json(self.redundancy, self._others)

    def show(self, console: Console) -> None:
        """Print the layers, each beside its baseline's."""
        from snnc.estimator.terminal import print_redundancy

        print_redundancy(console, self.model, self.redundancy, self._others)

    def _picture(self) -> str:
        from snnc.estimator.figures.redundancy import qe_bars

        return str(qe_bars(self.report.pairs))


@dataclass(frozen=True)
class Subject:
    """A network to be surveyed, and how it takes its data."""

    taken: Taken
    network: Network

    @property
    def name(self) -> str:
        """What a report calls it."""
        return self.taken.source.origin


class Surveyable(ABC):
    """What says itself how it is surveyed: a model that is compiled already."""

    @property
    @abstractmethod
    def subject(self) -> Subject:
        """It, for a survey of its operations."""


@dataclass(frozen=True)
class Counting:
    """What to count by: a convention's name, a table's name or file (None: Horowitz 2014 for the
    type of arithmetic), whether every other convention too, and whether to compare with an ANN."""

    convention: str = "executed"
    table: str | None = None
    dtype: str = "f32"
    audit: bool = False
    ann: bool = False


def surveyed(
    ours: Subject, theirs: Subject | None, data: Data, samples: int | None, how: Counting
) -> Report:
    """Run the model, and its baseline, on the same data.

    Raises:
        SnncError: what reading the data raises; NO_COUNT_RULE; BAD_OPTION for a convention that
            does not exist; BAD_ENERGY_TABLE.
    """
    from snnc.api.data.windows import windows
    from snnc.api.recording_runs import Asked, reported, survey
    from snnc.estimator.audit import AUDITED
    from snnc.estimator.conventions import EXECUTED, convention_called
    from snnc.estimator.tables import DEFAULTS, load

    rule, prices = convention_called(how.convention), load(how.table or DEFAULTS[how.dtype])
    rules = AUDITED if how.audit else (rule, EXECUTED)
    asked = Asked(rules, memory=True, redundancy=True, ann=how.ann)
    if theirs is not None and isinstance(data, Iterator):
        data = list(data)

    def survey_of(subject: Subject) -> Survey:
        source, first = subject.taken.source, subject.taken.forward.batch_first
        every = windows(source, data, "test", samples, batch_first=first)
        return survey(subject.network, every, asked, called=subject.name)

    found = survey_of(ours), None if theirs is None else survey_of(theirs)
    names = (ours.name, None if theirs is None else theirs.name)
    if names[0] == names[1]:
        names = (f"{names[0]} (model)", f"{names[1]} (baseline)")
    return reported(found, names, prices, described(data), rule.name)


def described(data: Data) -> str:
    """The data in words."""
    if isinstance(data, str):
        return f"{data}, test part"
    if isinstance(data, tuple) and len(data) == 2 and hasattr(data[0], "shape"):
        return f"{described(data[0])} with labels"
    shape = getattr(data, "shape", None)
    if shape is not None:
        return f"an array {list(shape)}"
    return "a list" if isinstance(data, list | tuple) else f"a {type(data).__name__}"


def subject_of(model: Any, inputs: tuple[Any, ...], forward: Forward) -> Subject:
    """A model, or one that is compiled already, for a survey; no C compiler is needed."""
    from snnc.api.recording_runs import network_of

    if isinstance(model, Surveyable):
        return model.subject
    taken = take(model, inputs, forward)
    return Subject(taken, network_of(taken.source))


@speaks_python
def energy(
    model: Any,
    data: Data,
    *inputs: Any,
    baseline: Any = None,
    samples: int | None = None,
    convention: str = "executed",
    table: str | None = None,
    audit: bool = False,
    ann: bool = False,
    per_step: bool = False,
    readout: Readout | None = None,
    reset: Reset | None = None,
    batch_first: bool = False,
    encoder: Encoder | None = None,
    input_kind: InputKind | None = None,
) -> EnergyReport:
    """Count operations and energy on data; no C compiler is needed.

    Args:
        model: an nn.Module, a ``Compiled``, what ``snnc.load`` gives, or the path of a checkpoint.
        data: as of :meth:`Compiled.verify`.
        inputs: an example of what forward takes, batch of one; default: the first of the data,
            which must then be as forward takes it, [T, 1, ...].
        baseline: a model to compare with on the same data, which takes the same input.
        samples: the first so many; default: all.
        convention: counting rule.
        table: energy table, by name or file; default: Horowitz 2014.
        audit: count by every other convention too, for the page.
        ann: set the model beside the same network as an ANN, dense and sparse.
        per_step: forward takes one time step.
        readout: over a leading time axis of the output, as for :func:`compile`.
        reset: called with the model to return it to rest.
        batch_first: forward takes [N, T, ...].
        encoder: data are still images, as of :func:`compile`.
        input_kind: "count" or "real", as of :func:`compile`; None: as the example's numbers are.

    Raises:
        SnncError: as :func:`compile`; what reading the data raises; NO_COUNT_RULE.

    >>> import numpy as np, snnc
    >>> options = {"input_size": (2, 32, 32), "time_steps": 4}
    >>> plain = snnc.build("three-layer", attention="none", **options)
    >>> asa = snnc.build("three-layer", attention="asa1", **options)
    >>> data = np.random.default_rng(0).poisson(0.2, (2, 4, 1, 2, 32, 32))
    >>> report = snnc.energy(asa, data, baseline=plain)
    >>> report.samples, report.delta_pj is not None
    (2, True)
    """
    if isinstance(data, Iterator):
        data = list(data)
    modules = not all(isinstance(each, str) for each in (model, baseline) if each is not None)
    if not inputs and modules and _needs_example(model):
        inputs = (first_of(data),)
    forward = Forward(
        per_step, batch_first, readout, reset=reset, encoder=encoder, input_kind=input_kind
    )
    own = forward if _needs_example(model) else Forward()
    ours = subject_of(model, inputs if _needs_example(model) else (), own)
    theirs = against(baseline, inputs, forward)
    how = Counting(convention, table, audit=audit, ann=ann)
    return EnergyReport(surveyed(ours, theirs, data, samples, how))


def against(baseline: Any, inputs: tuple[Any, ...], forward: Forward) -> Subject | None:
    """The baseline, taken as the model is where it does not say itself."""
    if baseline is None:
        return None
    if _needs_example(baseline):
        return subject_of(baseline, inputs, forward)
    return subject_of(baseline, (), Forward())


def _needs_example(model: Any) -> bool:
    """Whether a model does not say what its input is."""
    from torch import nn

    return isinstance(model, nn.Module)


def first_of(data: Data) -> Any:
    """The first input of the data, without its label."""
    if isinstance(data, str):
        raise SnncError(
            BAD_OPTION,
            "the name of a data set does not say what forward takes",
            hint="Give an example of it: energy(model, data, x).",
        )
    if isinstance(data, tuple) and len(data) == 2 and hasattr(data[0], "shape"):
        return data[0][0]
    try:
        item = data[0] if hasattr(data, "__getitem__") else next(iter(data))
    except (IndexError, StopIteration, TypeError) as error:
        raise SnncError(BAD_DATA_SPEC, "the data hold no sample") from error
    return item[0] if isinstance(item, list | tuple) else item
