"""Synthetic inputs that make every layer work: what a user's recordings do not reach.

The C runs layer by layer on spikes of its own choosing: the value of every neuron is replaced by
random spikes of a density, so that the layer above sees silence, full maps, bursts, whatever the
layers below would fire. Frames hold nothing, one event everywhere, or the largest counts. The
reference is the same as for recordings: exact values with their bounds, or the integer reference.
A layer that never fires even so is driven by the spikes that its weights favour most.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from snnc.compiler.compilation import Compilation
from snnc.compiler.host.observed import Observation, ObservedModel
from snnc.compiler.ir.graph import Array, Graph, fires
from snnc.compiler.ir.roles import Role
from snnc.compiler.plan.input_buffer import most_events
from snnc.compiler.verify import reference
from snnc.compiler.verify.chain.links import STRESS, Divergence
from snnc.compiler.verify.chain.proof import Verification
from snnc.compiler.verify.chain.vacuous import Activity
from snnc.compiler.verify.comparing import as_tensor
from snnc.compiler.verify.counting import analytic_counts
from snnc.compiler.verify.exact import Exact
from snnc.compiler.verify.float_judge import compare_run, everything
from snnc.compiler.verify.integer import compare_integers, first_difference, run_reference
from snnc.compiler.verify.pytorch import is_discrete

Spikes = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Scenario:
    """Frames, and how dense the spikes are that replace the neurons' own.

    Attributes:
        name: for the report.
        frames: event counts [T, *shape].
        densities: a density for each step [T]; None: the neurons' own spikes.
    """

    name: str
    frames: Array
    densities: Array | None


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
        self.rng = np.random.default_rng(seed)
        self.neurons = [node for node in self.graph if fires(node)]
        self.integer = bool(self.graph[self.graph.outputs[0]].type.dtype)

    def run(self, beside: Callable[[Array, Observation], None] | None = None) -> Activity:
        """Run every scenario; gives what happened in them.

        Args:
            beside: is given the frames and the observed run of each scenario without forced
                spikes, which any other build can run too.
        """
        for scenario in self._scenarios():
            forced = self._spikes(scenario)
            found = self._compare(scenario.frames, forced)
            if forced is None and beside is not None:
                beside(scenario.frames, found)
        silent = [node.name for node in self.neurons if self.activity.fired[node.name] == 0]
        if silent:
            self._compare(*self._driving(silent))
        return self.activity

    def _scenarios(self) -> Iterator[Scenario]:
        shape = (self.graph.time_steps, *self.graph["input"].type.shape)
        steps, rng = self.graph.time_steps, self.rng
        most = self._limited(np.full(shape, most_events(self.graph))).max()
        poisson = rng.poisson
        yield Scenario("silence", np.zeros(shape), np.zeros(steps))
        yield Scenario("full", self._limited(np.ones(shape)), np.ones(steps))
        large = np.where(rng.random(shape) < 0.5, most, 0)
        yield Scenario("largest counts", self._limited(large), np.full(steps, 0.5))
        yield Scenario("sparse", self._limited(poisson(0.02, shape)), np.full(steps, 0.02))
        bursts = rng.choice([0.0, 0.05, 0.3, 0.9], steps)
        loud = poisson(3.0 * bursts.reshape(-1, *[1] * (len(shape) - 1)), shape)
        yield Scenario("bursts", self._limited(loud), bursts)
        for density in (0.05, 0.6):
            yield Scenario(f"own spikes, {density}", self._limited(poisson(density, shape)), None)

    def _limited(self, frames: Array) -> Array:
        """Counts that the C can hold: of packed events only so many in a window."""
        held = self.observed.host.interface.max_events
        counts = np.minimum(frames, most_events(self.graph)).astype(np.uint16)
        share = 1.0
        while held is not None and int(counts.sum()) > held:
            share *= 0.9 * held / int(counts.sum())
            counts = self.rng.binomial(counts, min(share, 1.0)).astype(np.uint16)
        return counts

    def _spikes(self, scenario: Scenario) -> Spikes | None:
        """Random spikes for every neuron, and the masks that follow from them."""
        if scenario.densities is None:
            return None
        spikes = {}
        for node in self.neurons:
            densities = scenario.densities.reshape(-1, *[1] * len(node.type.shape))
            drawn = self.rng.random((self.graph.time_steps, *node.type.shape)) < densities
            spikes[node.name] = torch.from_numpy(drawn.astype(np.float32))
        return self._with_masks(scenario.frames, spikes)

    def _with_masks(self, frames: Array, spikes: Spikes) -> Spikes:
        masks = [node.name for node in self.graph if node.plays(Role.MASK)]
        dtype = torch.int64 if self.integer else torch.float64
        inputs = {"input": torch.from_numpy(np.asarray(frames, dtype=np.int64))}
        found = reference.run(self.graph, inputs, dtype=dtype, forced=spikes, wanted=masks)
        return spikes | {name: mask.to(torch.float32) for name, mask in found.items()}

    def _compare(self, frames: Array, forced: Spikes | None) -> Observation:
        arrays = None if forced is None else {name: s.numpy() for name, s in forced.items()}
        run = self.observed.run(frames, observe=everything(self.graph), forced=arrays)
        if self.integer:
            self._compare_integers(frames, forced, run)
        else:
            self._compare_floats(frames, forced, run)
        return run

    def _compare_floats(self, frames: Array, forced: Spikes | None, run: Observation) -> None:
        x = torch.from_numpy(np.asarray(frames, dtype=np.float32))
        taken = forced if forced is not None else _own(self.graph, run)
        exact = Exact(self.graph, x, taken)
        for beyond in compare_run(self.result.chain[STRESS], exact, run):
            self._report(beyond.first(self.result.samples))
        counts = analytic_counts(self.graph, exact.taken, self.runs)
        self.result.add_counts(counts, run.counts, STRESS)
        self._compare_folding(exact, x, taken)
        self.activity.add(run, exact.decisions)

    def _compare_folding(self, exact: Exact, x: torch.Tensor, spikes: Spikes) -> None:
        """The graph that the C computes beside the one that was read, both in float64: what passes
        folded must be the same function, whatever is put in."""
        source = Exact(self.source, x, spikes, bounds=False)
        check = self.result.chain[STRESS].check("folded potentials")
        for name, decision in exact.decisions.items():
            read = source.decisions[name].potential
            if read is None or decision.potential is None:
                continue
            apart = (read.value - decision.potential.value).abs()
            bad = ~(apart <= decision.potential.error)
            check.add(bad.numel(), int(bad.sum()))
            if bool(bad.any()):
                step, *where = (int(i) for i in bad.nonzero()[0])
                away = float(apart[(step, *where)])
                self._report(
                    Divergence(0, name, step, tuple(where), away, None, "folded potential")
                )

    def _compare_integers(self, frames: Array, forced: Spikes | None, run: Observation) -> None:
        whole = None if forced is None else {n: s.to(torch.int64) for n, s in forced.items()}
        values, membranes = run_reference(self.graph, frames, whole)
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

    def _driving(self, silent: list[str]) -> tuple[Array, Spikes]:
        """Frames and spikes that silent neurons' currents favour most: where a current grows with
        a spike there is one, else none; each pair of steps drives another neuron of each layer."""
        steps = self.graph.time_steps
        shapes = {n.name: (steps, *n.type.shape) for n in self.neurons}
        spikes = {name: torch.full(shape, 0.5) for name, shape in shapes.items()}
        shape = (steps, *self.graph["input"].type.shape)
        forced = self._with_masks(np.ones(shape), {n: s.round() for n, s in spikes.items()})
        leaves = {name: s.requires_grad_() for name, s in spikes.items()}
        x = torch.ones(shape, requires_grad=True)
        currents = [self.source[name].inputs[0] for name in silent if name in self.source.index]
        wanted = [name for name in currents if name not in leaves and name != "input"]
        found = reference.run(self.source, {"input": x}, forced={**forced, **leaves}, wanted=wanted)
        total = x.sum() * 0.0
        for current in found.values():
            total = total + _one_neuron_a_step(current)
        slopes = torch.autograd.grad(total, [x, *leaves.values()], allow_unused=True)
        wanted_x, *rest = [
            _favoured(leaf, s) for leaf, s in zip([x, *spikes.values()], slopes, strict=True)
        ]
        driven = dict(zip(leaves, rest, strict=True))
        frames = self._limited(most_events(self.graph) * wanted_x.numpy())
        return frames, self._with_masks(frames, driven)


def _one_neuron_a_step(current: torch.Tensor) -> torch.Tensor:
    flat = current.flatten(1)
    chosen = (torch.arange(len(flat)) // 2 * 7919) % flat.shape[1]
    return flat[torch.arange(len(flat)), chosen].sum()


def _favoured(leaf: torch.Tensor, slope: torch.Tensor | None) -> torch.Tensor:
    """1 where more of a value helps, 0 elsewhere."""
    return torch.zeros(leaf.shape) if slope is None else (slope > 0).to(torch.float32)


def _own(graph: Graph, run: Observation) -> Spikes:
    """The spikes and masks that a free run made."""
    return {
        node.name: as_tensor(run.values[node.name, "value"]).to(torch.float32)
        for node in graph
        if is_discrete(node)
    }
