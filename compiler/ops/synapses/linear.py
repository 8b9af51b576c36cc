"""Fully connected layer on a vector or on a whole (C, H, W) tensor, flattened as PyTorch does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F

from snnc.compiler.ir import layout
from snnc.compiler.ir.attributes import Parameter, whole
from snnc.compiler.ir.graph import Array, Kind, Node, TensorType, Time
from snnc.compiler.ops.base import Counts, Layout, Sample, shape_error
from snnc.compiler.ops.synapses import synapse
from snnc.compiler.ops.view import BoundedRun, NodeRun, NodeView
from snnc.compiler.program.emitter import Emitter


class Linear(synapse.Synapse):
    """y[o] = bias[o] + sum over i of W[o, i] x[i].

    attributes: ``kernel`` ("event" or "dense"); ``terms`` (so many more inputs of another node
    the source adds in the same sum, and may round as often). params: ``weight`` [O, I] in PyTorch's
    order of inputs (C, H, W), ``bias`` [O] (optional). The emitted weights follow the pixel-major
    layout.
    """

    name = "linear"
    layout = Layout.OWN
    terms: int = whole(default=0)
    parameters: ClassVar[tuple[Parameter, ...]] = (Parameter("weight"), Parameter("bias").optional)

    def time(self) -> Time:
        return Time.STEP

    def infer(self, view: NodeView) -> TensorType:
        (given,) = view.types
        out_features, in_features = view.params["weight"].shape
        if given.size != in_features:
            raise shape_error(
                view.node,
                f"the linear layer takes {in_features} inputs, got {given.size} ({given})",
            )
        return TensorType((out_features,), Kind.REAL, given.temporal)

    def reference(self, run: NodeRun) -> torch.Tensor:
        return _apply(run.inputs[0], run.params["weight"], run.params.get("bias"))

    def error(self, run: BoundedRun) -> torch.Tensor:
        return synapse.weighted_sum_error(_apply, run, self.terms)

    def count(self, run: NodeRun) -> Counts:
        (x,), (given,) = run.inputs, run.types
        active = synapse.active_inputs(run.node, x, given).flatten(1).sum(dim=1)
        executed = active * run.type.size
        return Counts.of(x.shape[0], **{synapse.counted_as(run.node, given): executed.numpy()})

    def work(self, view: NodeView) -> synapse.Work:
        (given,) = view.types
        out = -(-view.type.size // synapse.LANES)
        words = given.pixels * -(-given.channels // synapse.WORD_BITS)
        return synapse.Work(out, words, given.size * out)

    def batches(self, view: NodeView) -> bool:
        """A row of weights is loaded once for all steps whose spikes select it."""
        return view.types[0].kind is Kind.SPIKE and synapse.kernel_of(view.node) == synapse.EVENT

    def emit(self, node: Node, c: Emitter) -> None:
        given, weight = c.input_type(0), c.param("weight")
        suffix = synapse.kernel_suffix(node, given)
        shape = c.shape(
            "snn_linear", pixels=given.pixels, in_c=given.channels, out_c=node.type.size
        )
        values = (
            c.input(0),
            c.constant("weight", by_pixel(given, weight), "[pixel][in][out]"),
            c.constant("bias", c.param("bias"), "[out]") if "bias" in node.params else c.null,
            c.output(),
        )
        c.call(f"snn_linear_{suffix}_f32", shape, *values)
        if c.batched:
            c.batch(f"snn_linear_steps_{suffix}_f32", shape, c.batch_steps, *values)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        rng = np.random.default_rng(1)
        for kind in Kind:
            for shape, out in [((7,), 3), ((40,), 33), ((33, 2, 3), 10), ((64, 2, 2), 64)]:
                size = int(np.prod(shape))
                params = {"weight": rng.normal(size=(out, size)) / np.sqrt(size)}
                if out % 2:
                    params["bias"] = rng.normal(size=out)
                for variant in ["event", "dense"] if kind is Kind.SPIKE else ["event"]:
                    yield Sample(cls(kernel=variant), (TensorType(shape, kind),), params)
            params = {"weight": rng.normal(size=(3, 70)) / 8}
            yield Sample(cls(kernel="event"), (TensorType((2, 35), kind),), params)


def _apply(x: torch.Tensor, w: torch.Tensor, b: torch.Tensor | None) -> torch.Tensor:
    return F.linear(x.flatten(1), w, b)


def by_pixel(given: TensorType, weight: Array) -> Array:
    """Weights [O, I] as the kernel sweeps the input: [pixel, channel, O]."""
    rows = weight.reshape(len(weight), *given.shape)
    return np.stack([layout.in_memory(given, row) for row in rows], axis=-1)
