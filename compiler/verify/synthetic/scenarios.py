"""Windows that no recording gives: frames, spikes and membrane potentials.

A step of a window is of one of the kinds of :mod:`.frames`: each says what its frame holds and how
dense the spikes are that replace the neurons' own. As every step gets its own spikes, a few windows
with all kinds in turn show a layer as much as a window for each kind would.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
import torch

from snnc.compiler.codegen.c_program import is_integer
from snnc.compiler.ir.graph import Array, Graph, Node, fires
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops import op_of
from snnc.compiler.ops.int8.elementwise.sigmoid import RANGE, SigmoidI8
from snnc.compiler.ops.int8.fixed import LIMITS, LOGIT_BITS
from snnc.compiler.ops.int8.neuron import NeuronI8
from snnc.compiler.ops.neurons.neuron import Neuron
from snnc.compiler.ops.view import NodeRun, params_of
from snnc.compiler.plan.schedule import Schedule
from snnc.compiler.verify import reference
from snnc.compiler.verify.synthetic.frames import Draw, drawn_for, spread

Tensors = Mapping[str, torch.Tensor]

TIMES = 2
"""How often each kind of step comes at least."""


@dataclass(frozen=True)
class Scenario:
    """One window.

    Attributes:
        frames: input [T, *shape].
        forced: spikes and masks by node, [T, *shape], and logits; None: the network's own.
        potentials: membrane potentials after each step, by node, from which the next one goes on;
            of nodes that are not there, their own.
    """

    frames: Array
    forced: Tensors | None = None
    potentials: Tensors = field(default_factory=dict)


class Scenarios:
    """The windows for one model.

    Args:
        graph: what the C computes.
        schedule: its stages.
        held: events that the C holds in a window; None: any number.
        seed: of all that is random.
    """

    def __init__(
        self, graph: Graph, schedule: Schedule, held: int | None = None, seed: int = 0
    ) -> None:
        self.graph = graph
        self.whole_window = len(schedule.stages) > 1
        self.rng = np.random.default_rng(seed)
        self.neurons = [node for node in graph if fires(node)]
        self.frames = drawn_for(graph, held, self.rng)
        self.integer = is_integer(graph)

    def __iter__(self) -> Iterator[Scenario]:
        """Every kind of step, with the network's own potentials and logits and with random ones;
        own spikes; where the whole window is looked at, one in which nothing happens at all."""
        windows = -(-TIMES * len(self.frames.kinds) // self.graph.time_steps)
        for at_random in (False, True):
            kinds = self._kinds()
            for _ in range(windows):
                yield self._of_kinds(kinds, at_random)
        steps = self.graph.time_steps
        if self.whole_window:
            still = {node.name: torch.zeros(steps, *node.type.shape) for node in self.neurons}
            frames = self.frames.limited(np.zeros((steps, *self.frames.shape)))
            yield Scenario(frames, self.with_masks(frames, still))
        yield Scenario(self.frames.own(steps))

    def _kinds(self) -> Iterator[Draw]:
        """Each kind once, in random order, for ever."""
        while True:
            kinds = self.frames.kinds
            yield from (kinds[number] for number in self.rng.permutation(len(kinds)))

    def _of_kinds(self, kinds: Iterator[Draw], at_random: bool) -> Scenario:
        steps = self.graph.time_steps
        drawn = self.frames.steps(islice(kinds, steps), steps)
        frames = self.frames.limited(np.stack([frame for frame, _ in drawn]))
        densities = np.array([density for _, density in drawn])
        spikes = self._logits() if at_random else {}
        for node in self.neurons:
            shape = node.type.shape
            fired = self.rng.random((steps, *shape)) < spread(densities, shape)
            spikes[node.name] = torch.from_numpy(fired.astype(np.float32))
        potentials = self.potentials() if at_random else {}
        return Scenario(frames, self.with_masks(frames, spikes), potentials)

    def with_masks(self, frames: Array, spikes: Tensors) -> Tensors:
        """Spikes, and the masks that follow from them."""
        masks = [node.name for node in self.graph if node.plays(Role.MASK)]
        dtype = torch.int64 if self.integer else torch.float64
        inputs = {"input": torch.from_numpy(np.asarray(frames, np.float64)).to(dtype)}
        found = reference.run(self.graph, inputs, dtype=dtype, forced=spikes, wanted=masks)
        return {**spikes, **{name: mask.to(torch.float32) for name, mask in found.items()}}

    def _logits(self) -> dict[str, torch.Tensor]:
        """Random inputs of the tables of int8's sigmoids, to both ends and beyond."""
        found = {}
        for node in self.graph:
            if not isinstance(node.op, SigmoidI8):
                continue
            given = self.graph[node.inputs[0]].type
            steps = self.graph.time_steps if given.temporal else 1
            unit = 2.0 ** (LOGIT_BITS + node.op.shift) / node.op.factor
            drawn = self.rng.uniform(-1.1, 1.1, (steps, *given.shape)) * RANGE * unit
            drawn = np.rint(drawn).clip(-LIMITS["int32"], LIMITS["int32"])
            found[node.inputs[0]] = torch.from_numpy(drawn.astype(np.int64))
        return found

    def potentials(self) -> Tensors:
        """Random potentials of every neuron, [T, *shape], such as it may have."""
        found = {}
        for node in self.graph:
            op = op_of(node)
            if isinstance(op, NeuronI8):
                found[node.name] = self._whole(op, node)
            elif isinstance(op, Neuron):
                found[node.name] = self._real(op, node)
        return found

    def _real(self, op: Neuron, node: Node) -> torch.Tensor:
        """On both sides of zero, up to twice the threshold."""
        drawn = torch.from_numpy(
            self.rng.uniform(-2.0, 2.0, (self.graph.time_steps, *node.type.shape))
        )
        run = NodeRun(node, self.graph.input_types(node), params_of(self.graph, node), [drawn])
        threshold = op.threshold_of(run).abs()
        size = torch.where(torch.isfinite(threshold) & (threshold > 0), threshold, 1.0)
        return (drawn * size).to(torch.float32)

    def _whole(self, op: NeuronI8, node: Node) -> torch.Tensor:
        """Around the thresholds, and, half of them, as far as one more step cannot leave the width
        unless it saturates."""
        params = params_of(self.graph, node)
        room = LIMITS[op.width]
        if not op.saturate and op.bound is not None:
            added = op.bound << op.input_shift
            room -= added + sum(int(value.abs().max()) for value in params.values())
        shape = (self.graph.time_steps, *node.type.shape)
        reach = (2 * params["threshold"].abs()).clamp(1, max(room, 1))
        near = self.rng.uniform(-1.0, 1.0, shape) * _by_channel(reach, node).numpy()
        far = self.rng.uniform(-1.0, 1.0, shape) * max(room, 0)
        drawn = np.where(self.rng.random(shape) < 0.5, near, far)
        return torch.from_numpy(np.clip(np.rint(drawn), -room, room).astype(np.int64))


def _by_channel(vector: torch.Tensor, node: Node) -> torch.Tensor:
    """[C] over one step of a node."""
    return vector.reshape(-1, *[1] * (len(node.type.shape) - 1))
