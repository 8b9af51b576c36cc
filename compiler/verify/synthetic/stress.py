"""Synthetic inputs that make every layer work: what a user's recordings do not reach.

The C runs layer by layer on spikes of its own choosing: the value of every neuron is replaced by
random spikes of a density, so that the layer above sees silence, full maps, bursts, whatever the
layers below would fire; and every neuron goes on from random potentials. The reference is the same
as for recordings: exact values with their bounds, or the integer reference. A layer that never
fires even so is driven by the spikes that its weights favour most.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from snnc.compiler.compilation import Compilation
from snnc.compiler.host.observed import Observation, ObservedModel
from snnc.compiler.ir.graph import Array, Graph
from snnc.compiler.verify import reference
from snnc.compiler.verify.chain.links import STRESS, Divergence
from snnc.compiler.verify.chain.proof import Verification
from snnc.compiler.verify.chain.vacuous import Activity
from snnc.compiler.verify.comparing import as_tensor, unbounded
from snnc.compiler.verify.counting import analytic_counts
from snnc.compiler.verify.exact import Exact
from snnc.compiler.verify.float_judge import compare_run, everything
from snnc.compiler.verify.integer import compare_integers, first_difference, run_reference
from snnc.compiler.verify.pytorch import is_discrete
from snnc.compiler.verify.synthetic.scenarios import Scenario, Scenarios, Tensors


class Stress:
    """Runs the observed build on scenarios and compares it with its reference.

    Args:
        compilation: the model.
        observed: its observed build.
        result: where the link is kept.
        seed: of all that is random.
    """

    def __init__(
        self,
        compilation: Compilation,
        observed: ObservedModel,
        result: Verification,
        seed: int = 0,
    ) -> None:
        self.graph = compilation.graph
        self.source = compilation.source
        self.runs = compilation.schedule.runs
        self.observed = observed
        self.result = result
        self.activity = Activity(self.graph)
        held = observed.host.interface.max_events
        self.scenarios = Scenarios(self.graph, compilation.schedule, held, seed)

    def run(self, beside: Callable[[Array, Observation], None] | None = None) -> Activity:
        """Run every scenario; gives what happened in them.

        Args:
            beside: is given the frames and the observed run of each scenario without forced
                spikes, which any other build can run too.
        """
        for scenario in self.scenarios:
            found = self._compare(scenario)
            if scenario.forced is None and beside is not None:
                beside(scenario.frames, found)
        silent = [name for name, fired in self.activity.fired.items() if fired == 0]
        if silent:
            self._compare(self._driving(silent))
        return self.activity

    def _compare(self, scenario: Scenario) -> Observation:
        run = self.observed.run(
            scenario.frames,
            observe=everything(self.graph),
            forced={name: s.numpy() for name, s in (scenario.forced or {}).items()},
            potentials={name: u.numpy() for name, u in scenario.potentials.items()},
        )
        if self.scenarios.integer:
            self._compare_integers(scenario, run)
        else:
            self._compare_floats(scenario, run)
        return run

    def _compare_floats(self, scenario: Scenario, run: Observation) -> None:
        x = torch.from_numpy(np.asarray(scenario.frames, dtype=np.float32))
        taken = scenario.forced if scenario.forced is not None else _own(self.graph, run)
        exact = Exact(self.graph, x, taken, potentials=scenario.potentials)
        for beyond in compare_run(self.result.chain[STRESS], exact, run):
            self._report(beyond.first(self.result.samples))
        counts = analytic_counts(self.graph, exact.taken, self.runs)
        self.result.add_counts(counts, run.counts, STRESS)
        self._compare_folding(exact, x)
        self.activity.add(run, exact.decisions)

    def _compare_folding(self, exact: Exact, x: torch.Tensor) -> None:
        """The graph that the C computes beside the one that was read, both in float64: what passes
        folded must be the same function, whatever is put in."""
        source = Exact(self.source, x, exact.forced, bounds=False, potentials=exact.potentials)
        check = self.result.chain[STRESS].check("folded potentials")
        for name, decision in exact.decisions.items():
            read = source.decisions[name].potential
            if read is None or decision.potential is None:
                continue
            apart = (read.value - decision.potential.value).abs()
            lost = unbounded(decision.potential)
            bad = ~((apart <= decision.potential.error) | lost)
            check.add(bad.numel() - int(lost.sum()), int(bad.sum()))
            if bool(bad.any()):
                step, *where = (int(i) for i in bad.nonzero()[0])
                away = float(apart[(step, *where)])
                self._report(
                    Divergence(0, name, step, tuple(where), away, None, "folded potential")
                )

    def _compare_integers(self, scenario: Scenario, run: Observation) -> None:
        forced = scenario.forced
        whole = None if forced is None else {n: s.to(torch.int64) for n, s in forced.items()}
        values, membranes = run_reference(self.graph, scenario.frames, whole, scenario.potentials)
        link = self.result.chain[STRESS]
        for name, apart in compare_integers(link, self.graph, values, membranes, run):
            if apart.any():
                self._report(first_difference(name, apart, self.result.samples))
        counts = analytic_counts(self.graph, {**values, **(whole or {})}, self.runs)
        self.result.add_counts(counts, run.counts, STRESS)
        self.activity.add(run)
        self.activity.add_potentials(membranes)

    def _report(self, found: Divergence) -> None:
        self.result.diverge(STRESS, found)

    def _driving(self, silent: list[str]) -> Scenario:
        """Frames and spikes that silent neurons' currents favour most: where a current grows with
        a spike there is one, else none; each pair of steps drives another neuron of each layer."""
        steps, drawn = self.graph.time_steps, self.scenarios
        spikes = {n.name: torch.full((steps, *n.type.shape), 0.5) for n in drawn.neurons}
        shape = (steps, *drawn.frames.shape)
        forced = drawn.with_masks(np.ones(shape), {n: s.round() for n, s in spikes.items()})
        leaves = {name: s.requires_grad_() for name, s in spikes.items()}
        x = torch.ones(shape, requires_grad=True)
        currents = [self.source[name].inputs[0] for name in silent if name in self.source.index]
        wanted = [name for name in currents if name not in leaves and name != "input"]
        found = reference.run(self.source, {"input": x}, forced={**forced, **leaves}, wanted=wanted)
        total = x.sum() * 0.0
        for current in found.values():
            total = total + _one_neuron_a_step(current)
        slopes = torch.autograd.grad(total, [x, *leaves.values()], allow_unused=True)
        slope_x, *rest = [
            torch.zeros(leaf.shape) if slope is None else slope
            for leaf, slope in zip([x, *spikes.values()], slopes, strict=True)
        ]
        favoured = {name: (s > 0).to(torch.float32) for name, s in zip(leaves, rest, strict=True)}
        frames = drawn.frames.favoured(slope_x.numpy())
        return Scenario(frames, drawn.with_masks(frames, favoured))


def _one_neuron_a_step(current: torch.Tensor) -> torch.Tensor:
    flat = current.flatten(1)
    chosen = (torch.arange(len(flat)) // 2 * 7919) % flat.shape[1]
    return flat[torch.arange(len(flat)), chosen].sum()


def _own(graph: Graph, run: Observation) -> Tensors:
    """The spikes and masks that a free run made."""
    return {
        node.name: as_tensor(run.values[node.name, "value"]).to(torch.float32)
        for node in graph
        if is_discrete(node)
    }
