"""The values of the C against exact arithmetic: spikes, masks, potentials, sums, outputs.

The C runs freely, as it ships, with every value observed. Where it fires PyTorch's own spikes
throughout, that is also the *layerwise* run; else it runs a second time, with the value of every
discrete node recorded and then replaced by PyTorch's, so that each layer is judged on PyTorch's
input and one early difference can neither hide nor cause later ones.

Both runs are compared with a float64 evaluation on the spikes that their layers saw: a difference
is *explained* only if it lies within the rigorous rounding bound of the C's own operations
(docs/numerics.md); else it is *unexplained*, and the verification fails.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from snnc.compiler.compilation import Compilation
from snnc.compiler.frontend.capture.snapshot import Snapshot
from snnc.compiler.host.build import NATIVE
from snnc.compiler.host.model import Pushed
from snnc.compiler.host.observed import Observation, ObservedModel
from snnc.compiler.ir.graph import Array, Graph, Kind, fires
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops import op_of
from snnc.compiler.ops.neurons.neuron import Neuron
from snnc.compiler.ops.readout.time_stack import axes_of, scores_of_classes
from snnc.compiler.verify.chain.links import PATHS, VALUES, Divergence, LayerResult, Link
from snnc.compiler.verify.chain.proof import Verification
from snnc.compiler.verify.chain.vacuous import Activity
from snnc.compiler.verify.comparing import Beyond, as_tensor, compare_decisions, compare_real
from snnc.compiler.verify.counting import analytic_counts
from snnc.compiler.verify.exact import Decision, Exact, keeps_potential
from snnc.compiler.verify.outputs import output_results
from snnc.compiler.verify.pytorch import discrete_nodes, run_pytorch
from snnc.compiler.verify.reading import Reading
from snnc.errors import SnncError

ORDER = ("spike", "mask", "membrane", "output", "value")
"""What the first divergence is looked for in."""


class Verifier:
    """Verifies one model sample by sample.

    Args:
        model: the PyTorch model, takes [T, 1, C, H, W].
        compilation: its compilation.
        folder: where the observed build is written.
        flags: further C compiler flags.
        files: C files to verify instead of the compilation's own (as written by snnc compile).
    """

    def __init__(
        self,
        model: nn.Module,
        compilation: Compilation,
        folder: Path,
        flags: Sequence[str] = NATIVE,
        files: Mapping[str, str] | None = None,
    ) -> None:
        self.model = model.eval()
        self.given = Snapshot(model)
        self.source = compilation.source
        self.graph = compilation.graph
        self.runs = compilation.schedule.runs
        self.discrete = discrete_nodes(self.graph)
        self.observed = ObservedModel(self.graph, compilation.generated, folder, flags, files=files)
        self.result = Verification(
            self.graph.time_steps,
            [LayerResult(n.name, n.loc.module) for n in self.discrete],
            output_results(self.graph),
        )
        self.reading = Reading(compilation.source, self.result)
        self.activity = Activity(self.graph)

    def verify(
        self, frames: Array, label: int | None = None, pushed: Pushed | None = None
    ) -> Observation:
        """Compare one window; adds to :attr:`result`.

        Args:
            frames: event counts [T, C, H, W].
            label: the class, if it is known.
            pushed: the events that the frames were made of: the C is then given those, and must
                make the same frames of them.

        Returns:
            The C's free run.
        """
        before = self.result.unexplained
        x = torch.from_numpy(np.asarray(frames, dtype=np.float32))
        outputs, spikes = run_pytorch(self.model, self.source, self.discrete, x, self.given)
        exact = Exact(self.graph, x, spikes)
        misread = self.reading.decisions(x, spikes, exact.decisions)
        read_bounds = self.reading.outputs(x, spikes, outputs)
        free = observed_freely(self.observed, self.graph, frames, pushed, self.result)
        apart = {name: as_tensor(free.values[name, "value"]) != spikes[name] for name in spikes}
        parted = any(bool(different.any()) for different in apart.values())
        layerwise = free
        if parted:
            forced = {name: value.numpy() for name, value in spikes.items()}
            layerwise = self.observed.run(
                frames, observe=everything(self.graph, currents=False), forced=forced
            )
        wrong = self._values(exact, layerwise)
        self._against_pytorch(spikes, layerwise if parted else None, misread, wrong)
        self._outputs(exact, outputs, layerwise, read_bounds)
        if parted:
            self._free_run(x, free)
        counts = analytic_counts(self.graph, exact.taken, self.runs)
        self.result.add_counts(counts, layerwise.counts)
        self.activity.add(free, exact.decisions)
        self._classes(outputs, free, parted, label, before)
        self.result.samples += 1
        return free

    def finish(self, stressed: Activity | None = None) -> None:
        """Say what the recordings said nothing about, beside what synthetic inputs did."""
        self.result.vacuous = self.activity.vacuous(self.result, stressed)

    def _values(self, exact: Exact, run: Observation) -> dict[str, Beyond]:
        """Compare everything that a run computed; gives what is wrong with decisions, by node."""
        found = list(compare_run(self.result.chain[VALUES], exact, run))
        for what in ORDER:
            for beyond in (entry for entry in found if entry.what == what):
                self.result.diverge(VALUES, beyond.first(self.result.samples))
        return {entry.node: entry for entry in found if entry.what in ("spike", "mask")}

    def _against_pytorch(
        self,
        spikes: Mapping[str, torch.Tensor],
        run: Observation | None,
        misread: Mapping[str, torch.Tensor],
        wrong: Mapping[str, Beyond],
    ) -> None:
        """The C's decisions beside PyTorch's: explained where neither strays beyond its bound.
        ``run`` is None where they are the same everywhere."""
        for node, layer in zip(self.discrete, self.result.layers, strict=True):
            layer.compared += spikes[node.name].numel()
            if run is None:
                continue
            different = as_tensor(run.values[node.name, "value"]) != spikes[node.name]
            count = int(different.sum())
            layer.mismatches += count
            if count:
                bad = misread.get(node.name, torch.zeros_like(different))
                if node.name in wrong:
                    bad = bad | wrong[node.name].bad
                layer.explained += count - int((different & bad).sum())

    def _outputs(
        self,
        exact: Exact,
        theirs: Mapping[str, Array],
        run: Observation,
        read_bounds: Mapping[str, Array],
    ) -> None:
        """The C's outputs beside PyTorch's, from the same spikes: apart by both bounds at most."""
        for output, node in zip(self.result.outputs, self.graph.outputs, strict=True):
            given = theirs[output.name].reshape(-1)
            if given.shape == run.outputs[output.name].shape:  # else the reading says so
                bound = exact.values[node].error[0].numpy().reshape(-1)
                output.add(given, run.outputs[output.name], bound + read_bounds[output.name])

    def _free_run(self, x: torch.Tensor, free: Observation) -> None:
        """The free run fires other spikes than PyTorch: each must be right on its own input."""
        forced = {
            node.name: as_tensor(free.values[node.name, "value"]).to(torch.float32)
            for node in self.discrete
        }
        check = self.result.chain[VALUES].check("free run")
        whole = Link(VALUES)
        for beyond in compare_run(whole, Exact(self.graph, x, forced), free):
            self.result.diverge(VALUES, beyond.first(self.result.samples))
        total = whole.total()
        check.add(total.compared, total.differ, total.explained)

    def _classes(
        self,
        theirs: Mapping[str, Array],
        free: Observation,
        parted: bool,
        label: int | None,
        before: int,
    ) -> None:
        """The class of the free run beside PyTorch's.

        Another class is explained only if every number that led to either was: then both are what
        float32 may give, and the scores tie within the bounds, or spikes part where rounding lets
        them.
        """
        link, result = self.result.chain[VALUES], self.result
        scores = theirs[self.graph.output_names[0]]
        axes = axes_of(self.graph[self.graph.outputs[0]])
        ours, pytorch = (scores_of_classes(entry, axes) for entry in (free.scores, scores))
        same = result.add_classes(pytorch, ours, label)
        explained = result.unexplained == before
        link.check("runs that part from PyTorch").add(1, int(parted), int(parted and explained))
        link.check("classes").add(1, int(not same), int(not same and explained))
        if not same and not explained:
            link.report(
                f"recording {result.samples}: the C's class is {int(ours.argmax())}, "
                f"PyTorch's {int(pytorch.argmax())}"
            )


def everything(graph: Graph, *, currents: bool = True) -> list[tuple[str, str]]:
    """What an observed run can record: every value, every membrane potential.

    Without ``currents``, values that only neurons read are left out: a potential is what was
    before plus such a sum, so that what is wrong with the sum is wrong with the potential.
    """
    left_out = frozenset() if currents else graph_currents(graph)
    values = [(node.name, "value") for node in graph.nodes if node.name not in left_out]
    return values + [(n.name, "membrane") for n in graph.nodes if keeps_potential(n)]


def graph_currents(graph: Graph) -> frozenset[str]:
    """The values that float neurons read, and nothing else does."""
    return frozenset(
        name
        for name, users in graph.users.items()
        if users
        and all(isinstance(op_of(user), Neuron) for user in users)
        and name not in graph.outputs
        and graph[name].type.kind is Kind.REAL
    )


def observed_freely(
    observed: ObservedModel,
    graph: Graph,
    frames: Array,
    pushed: Pushed | None,
    result: Verification,
) -> Observation:
    """A free run of everything, from events where there are any; they must make these frames."""
    wanted = everything(graph, currents=False)
    if pushed is None or not observed.host.interface.takes_events:
        return observed.run(frames, observe=wanted)
    link = result.chain[PATHS]
    check = link.check("frames made of events")
    try:
        run = observed.run(frames, observe=wanted, pushed=pushed)
    except SnncError as error:
        run = observed.run(frames, observe=wanted)  # raises too where they are too many
        check.add(np.size(frames), np.size(frames))
        link.report(f"events of frames that the C takes are refused: {error}")
        return run
    made = run.values["input", "value"]
    wrong = made != np.asarray(frames)
    check.add(wrong.size, int(wrong.sum()))
    if not wrong.any():
        return run
    step, *where = (int(i) for i in np.argwhere(wrong)[0])
    away = float(made[(step, *where)]) - float(np.asarray(frames)[(step, *where)])
    found = Divergence(result.samples, "input", step, tuple(where), away, 0.0, "count of events")
    result.diverge(PATHS, found)
    return observed.run(frames, observe=wanted)


def compare_run(link: Link, exact: Exact, run: Observation) -> Iterable[Beyond]:
    """Compare every number that a run recorded with the exact one; yields what is beyond."""
    graph, found = exact.graph, []
    hidden = graph_currents(graph) - {name for name, what in run.values if what == "value"}
    for node in graph.nodes:
        if node.plays(Role.INPUT) or node.name in hidden:
            continue
        own = as_tensor(run.values[node.name, "value"])
        if node.name in exact.decisions:
            decision = exact.decisions[node.name]
            kind = "spikes" if fires(node) else "masks"
            found.append(compare_decisions(link.check(kind), node.name, own, decision))
            found.append(_membrane(link, node.name, run, decision))
        else:
            kind = "sums" if node.type.kind is Kind.REAL else "spikes passed on"
            verdict = exact.values[node.name]
            found.append(compare_real(link.check(kind), node.name, "value", own, verdict))
    for name, node_name in zip(graph.output_names, graph.outputs, strict=True):
        own = torch.from_numpy(run.outputs[name]).reshape(1, *graph[node_name].type.shape)
        verdict = exact.values[node_name]
        found.append(compare_real(link.check("outputs"), name, "output", own, verdict))
    return [entry for entry in found if entry is not None]


def _membrane(link: Link, name: str, run: Observation, decision: Decision) -> Beyond | None:
    if decision.potential is None or (name, "membrane") not in run.values:
        return None
    own = torch.from_numpy(run.values[name, "membrane"])
    check = link.check("membrane potentials")
    return compare_real(check, name, "membrane", own, decision.potential)
