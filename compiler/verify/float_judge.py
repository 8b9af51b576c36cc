"""The proof: the C's spikes equal PyTorch's, layer by layer, step by step.

Each layer of the C is run on PyTorch's own input spikes: after every node with a discrete output
(spikes, masks) the C's value is recorded and then replaced by PyTorch's. Where the two differ, a
float64 run of the same layer judges: the difference is *explained* only if the exact value lies
within the rigorous rounding bound of one of the two sums (docs/numerics.md); else it is
*unexplained*, and the verification fails.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from snnc.compiler.compilation import Compilation
from snnc.compiler.frontend.adapters import asa_snn
from snnc.compiler.frontend.state import reset_states
from snnc.compiler.host.build import NATIVE
from snnc.compiler.host.observed import ObservedModel
from snnc.compiler.ir.graph import Array, Graph, Node, fires
from snnc.compiler.ops import op_of
from snnc.compiler.ops.cells.op import Cell
from snnc.compiler.ops.neurons.neuron import Neuron
from snnc.compiler.verify import reference
from snnc.compiler.verify.outputs import (
    OutputResult,
    output_results,
    pytorch_outputs,
    rounding_bounds,
)
from snnc.errors import InternalError


def is_discrete(node: Node) -> bool:
    """Whether a node turns real numbers into whole ones: where rounding can show."""
    return fires(node) or node.op == "complementary_mask"


@dataclass
class LayerResult:
    """Comparison of one discrete node, summed over samples."""

    name: str
    module: str
    compared: int = 0
    mismatches: int = 0
    explained: int = 0

    @property
    def unexplained(self) -> int:
        """Differences that rounding cannot explain."""
        return self.mismatches - self.explained

    def as_json(self) -> dict[str, Any]:
        """The entry of the JSON contract."""
        return {
            "name": self.name,
            "module": self.module,
            "compared": self.compared,
            "mismatches": self.mismatches,
            "explained": self.explained,
            "unexplained": self.unexplained,
        }


@dataclass(frozen=True)
class Divergence:
    """The first unexplained difference, and how far the exact value is from the threshold."""

    sample: int
    layer: str
    step: int
    neuron: tuple[int, ...]
    margin: float | None
    bound: float | None

    def as_json(self) -> dict[str, Any]:
        """The entry of the JSON contract."""
        return {
            "sample": self.sample,
            "layer": self.layer,
            "step": self.step,
            "neuron": list(self.neuron),
            "margin": self.margin,
            "bound": self.bound,
        }


@dataclass
class Verification:
    """The result over all samples."""

    time_steps: int
    layers: list[LayerResult]
    outputs: list[OutputResult] = field(default_factory=list)
    samples: int = 0
    same_class: int = 0
    labelled: int = 0
    right: dict[str, int] = field(default_factory=lambda: {"pytorch": 0, "c": 0})
    first_divergence: Divergence | None = None
    count_mismatches: list[str] = field(default_factory=list)
    counted_nodes: int = 0

    @property
    def unexplained(self) -> int:
        """Unexplained differences in all layers, and in the outputs where there are several."""
        layers = sum(layer.unexplained for layer in self.layers)
        return layers + sum(output.unexplained for output in self.outputs)

    @property
    def passed(self) -> bool:
        """Whether every spike is equal or explained and every count is exact."""
        return self.unexplained == 0 and not self.count_mismatches

    def add_counts(
        self,
        expected: Mapping[str, Mapping[str, int]],
        executed: Mapping[str, Mapping[str, int]],
    ) -> None:
        """Compare the operations of every node of one sample: by its count rule, and executed."""
        for name, counts in expected.items():
            self.counted_nodes += 1
            if executed[name] != counts:
                self.count_mismatches.append(
                    f"sample {self.samples}, {name}: counted {counts}, "
                    f"executed {dict(executed[name])}"
                )

    def add_classes(self, pytorch: Array, c: Array, label: int | None) -> None:
        """Compare the classes that the scores of one sample give, with its label if it has one."""
        classes = {"pytorch": int(pytorch.argmax()), "c": int(c.argmax())}
        self.same_class += classes["pytorch"] == classes["c"]
        if label is not None:
            self.labelled += 1
            for who, chosen in classes.items():
                self.right[who] += chosen == label

    def as_json(self) -> dict[str, Any]:
        """The JSON contract of ``snnc verify``."""
        accuracy = {
            who: right / self.labelled if self.labelled else None
            for who, right in self.right.items()
        }
        return {
            "samples": self.samples,
            "time_steps": self.time_steps,
            "layers": [layer.as_json() for layer in self.layers],
            "outputs": [output.as_json() for output in self.outputs],
            "unexplained": self.unexplained,
            "class_agreement": self.same_class / self.samples if self.samples else None,
            "accuracy": accuracy,
            "first_divergence": self.first_divergence.as_json() if self.first_divergence else None,
            "counts": {
                "compared": self.counted_nodes,
                "mismatches": self.count_mismatches,
            },
        }


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
        self.source = compilation.source
        self.graph = compilation.graph
        self.runs = compilation.schedule.runs
        self.discrete = [node for node in self.graph.nodes if is_discrete(node)]
        self.observed = ObservedModel(self.graph, compilation.generated, folder, flags, files=files)
        self.result = Verification(
            self.graph.time_steps,
            [LayerResult(n.name, n.loc.module) for n in self.discrete],
            output_results(self.graph),
        )

    def verify(self, frames: Array, label: int | None = None) -> None:
        """Compare one window of event counts [T, C, H, W]; adds to :attr:`result`."""
        x = torch.from_numpy(np.asarray(frames, dtype=np.float32))
        outputs, spikes = self.run_pytorch(x)
        forced = {name: value.numpy() for name, value in spikes.items()}
        wanted = [(node.name, "value") for node in self.discrete]
        layerwise = self.observed.run(frames, observe=wanted, forced=forced)
        self._compare_spikes(x, spikes, layerwise.values)
        self._compare_outputs(x, spikes, outputs, layerwise.outputs)
        values = reference.run(self.graph, {"input": x}, forced=spikes)
        self.result.add_counts(analytic_counts(self.graph, values, self.runs), layerwise.counts)
        free = self.observed.run(frames)
        self.result.add_classes(outputs[self.graph.output_names[0]], free.scores, label)
        self.result.samples += 1

    def run_pytorch(self, x: torch.Tensor) -> tuple[dict[str, Array], dict[str, torch.Tensor]]:
        """PyTorch's outputs by name and its own discrete values, by node, [T, *shape]."""
        if self.source.observer is not None:
            names = [node.name for node in self.discrete]
            seen: tuple[dict[str, Array], dict[str, torch.Tensor]]
            seen = self.source.observer.observe(self.model, x, names)
            return seen
        reset_states(self.model)
        with captured(self.model, self.discrete, self.graph.time_steps) as values:
            outputs = pytorch_outputs(self.model, x)
        return outputs, {
            node.name: value.reshape(len(value), -1, *node.type.shape)[:, 0]  # the first sample
            for node, value in zip(self.discrete, values(), strict=True)
        }

    def _compare_spikes(
        self,
        x: torch.Tensor,
        spikes: Mapping[str, torch.Tensor],
        own: Mapping[tuple[str, str], Array],
    ) -> None:
        for node, layer in zip(self.discrete, self.result.layers, strict=True):
            theirs = spikes[node.name]
            apart = (torch.from_numpy(own[node.name, "value"]).double() - theirs.double()).abs()
            different = apart != 0
            layer.compared += different.numel()
            count = int(different.sum())
            if not count:
                continue
            explained = apart <= self._doubt(node, x, spikes)
            layer.mismatches += count
            layer.explained += int((different & explained).sum())
            bad = different & ~explained
            if bool(bad.any()) and self.result.first_divergence is None:
                self.result.first_divergence = self._locate(node, x, spikes, bad)

    def _compare_outputs(
        self,
        x: torch.Tensor,
        spikes: Mapping[str, torch.Tensor],
        theirs: Mapping[str, Array],
        own: Mapping[str, Array],
    ) -> None:
        if self.result.outputs:
            bounds = rounding_bounds((self.source, self.graph), x, spikes)
            for output, bound in zip(self.result.outputs, bounds, strict=True):
                output.add(theirs[output.name], own[output.name], bound)

    def _doubt(
        self, node: Node, x: torch.Tensor, spikes: Mapping[str, torch.Tensor]
    ) -> torch.Tensor:
        """How far apart a correct PyTorch and a correct C may be, each by its own operations: 1 or
        2 where a spike may go either way, 0 where it may not."""
        verdicts = [
            reference.judge(graph, {"input": x}, spikes, [node.name])[node.name]
            for graph in (self.source, self.graph)
        ]
        return verdicts[0].error + verdicts[1].error

    def _locate(
        self,
        node: Node,
        x: torch.Tensor,
        spikes: Mapping[str, torch.Tensor],
        bad: torch.Tensor,
    ) -> Divergence:
        step, *neuron = (int(i) for i in bad.nonzero()[0])
        margin, bound = (
            None if found is None else float(found.expand(node.type.shape)[tuple(neuron)])
            for found in self._margin(node, x, spikes, step)
        )
        return Divergence(self.result.samples, node.name, step, tuple(neuron), margin, bound)

    def _margin(
        self, node: Node, x: torch.Tensor, spikes: Mapping[str, torch.Tensor], step: int
    ) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        """How far a node's exact values are from what decides at a step, and their bounds; None
        where no comparison decides."""
        op = op_of(node)
        if not isinstance(op, (Neuron, Cell)):
            return None, None
        verdicts = reference.judge(self.graph, {"input": x}, spikes, node.inputs)
        given = [verdicts[name] for name in node.inputs]
        values, errors = [v.value for v in given], [v.error for v in given]
        forced = spikes[node.name].to(torch.float64)
        params = {
            role: torch.from_numpy(value) for role, value in self.graph.params_of(node).items()
        }
        if isinstance(op, Cell):
            return op.margins(node, params, values, errors, forced)[step]
        u, bound = list(op.membrane(node, params, values[0], forced, errors[0]))[step]
        return u - op.threshold(node, params, forced), bound


Reader = Callable[[Any], torch.Tensor]


def _observed(model: nn.Module, node: Node) -> tuple[str, Reader]:
    """The module whose result holds a discrete node's value, and how to read it from there."""
    path = node.loc.module
    if node.op == "complementary_mask" and path not in dict(model.named_modules()):
        return asa_snn.mixing_of(path), asa_snn.mask_of
    return path, _spikes


def _spikes(output: Any) -> torch.Tensor:
    """What a module fired: its result, or the first of several (spikes before states)."""
    spikes: torch.Tensor = output[0] if isinstance(output, tuple) else output
    return spikes.detach()


def analytic_counts(
    graph: Graph, values: Mapping[str, torch.Tensor], runs: Mapping[str, int]
) -> dict[str, dict[str, int]]:
    """Operations of every node by its own count rule, as integers over the window, times how often
    it runs (a recomputed value is computed in several stages)."""
    found = {}
    for node in graph.nodes:
        if node.op != "input":
            given = [values[name] for name in graph.sources(node)]
            counts = op_of(node).count(node, graph.params_of(node), given, graph.input_types(node))
            found[node.name] = {what: n * runs[node.name] for what, n in counts.totals().items()}
    return found


@contextmanager
def captured(model: nn.Module, nodes: Sequence[Node], time_steps: int) -> Iterator[Any]:
    """Record what the modules behind nodes give, in a forward pass inside the block.

    Yields a function that gives the values in the nodes' order; the nth node of a module that is
    called more than once has the nth call's value, and a module that is called once a step has its
    steps stacked.
    """
    observed = [_observed(model, node) for node in nodes]
    calls: dict[str, list[torch.Tensor]] = {path: [] for path, _ in observed}
    sharing = Counter(path for path, _ in observed)
    hooks = [
        model.get_submodule(path).register_forward_hook(
            lambda _module, _inputs, output, path=path, read=read: calls[path].append(read(output))
        )
        for path, read in dict(observed).items()
    ]

    def values() -> list[torch.Tensor]:
        seen = dict.fromkeys(calls, 0)
        result = []
        for path, _ in observed:
            nodes_there, calls_there = sharing[path], calls[path]
            if len(calls_there) == nodes_there:
                result.append(calls_there[seen[path]])
            elif len(calls_there) == nodes_there * time_steps:  # one call a step, [N, ...]
                result.append(torch.stack(calls_there[seen[path] :: nodes_there]))
            else:
                raise InternalError(
                    f"the module was called {len(calls_there)} times, and {nodes_there} nodes "
                    f"over {time_steps} steps were traced",
                    where=path,
                )
            seen[path] += 1
        return result

    try:
        yield values
    finally:
        for hook in hooks:
            hook.remove()
