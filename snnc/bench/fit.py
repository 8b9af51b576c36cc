"""Fitting the prices of kernels: both kernels of every layer, timed in place at many densities."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import nn

from snnc.atomic import scratch_folder
from snnc.bench.contest import Frames, compiled
from snnc.bench.densities import fire_at
from snnc.bench.profile import node_times
from snnc.compiler.calibrate.densities import measured
from snnc.compiler.calibrate.expected_time import elementwise, priced_as
from snnc.compiler.calibrate.kernel_costs import cpu_name
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops.synapses.synapse import DENSE, EVENT, Work
from snnc.compiler.passes.choose_kernels import (
    CostModel,
    choosable,
    fit,
    one_kernel,
    work_of,
)

DENSITIES = (0.01, 0.1, 0.5, 1.0)

Samples = dict[tuple[str, str], list[tuple[Work, float, float]]]


@dataclass(frozen=True)
class Fitted:
    """The prices, and the median relative error of each fit on its own samples."""

    model: CostModel
    errors: dict[tuple[str, str], float]


def fitted(
    module: nn.Module, frames: Frames, rounds: int, densities: Sequence[float] = DENSITIES
) -> Fitted:
    """Prices of this machine from a network's own layers.

    Args:
        module: a network of :mod:`snnc.models`.
        frames: one window [T, 2, H, W].
        rounds: timed runs of each build.
        densities: rates at which the hidden layers fire in turn.
    """
    samples: Samples = {}
    x = torch.from_numpy(frames.astype(np.float32))[:, None]
    for density in densities:
        forced = fire_at(module, x, density).module
        _add(samples, forced, frames, rounds)
    prices = {key: fit(rows, key[1]) for key, rows in samples.items()}
    model = CostModel(cpu_name(), prices)
    return Fitted(model, {key: _error(model, *key, rows) for key, rows in samples.items()})


def _add(samples: Samples, module: nn.Module, frames: Frames, rounds: int) -> None:
    seen: dict[str, float] = {}
    for kernel in (EVENT, DENSE):
        compilation = compiled(module, frames, partial(one_kernel, kernel=kernel), batch=1)
        graph = compilation.graph
        seen = seen or measured(compilation, [frames])  # either kernel makes the same spikes
        with scratch_folder() as folder:
            times = node_times(compilation, frames, folder, rounds)
        for node in graph.nodes:
            if times.get(node.name, 0.0) <= 0.0:
                continue
            step = 1e6 * times[node.name] / (graph.time_steps if node.type.temporal else 1)
            if choosable(graph, node):
                rows = samples.setdefault((node.op.name, kernel), [])
                rows.append((work_of(graph, node), seen[node.inputs[0]], step))
            elif not node.plays(Role.SYNAPSE, Role.INPUT):
                rows = samples.setdefault((priced_as(node), EVENT), [])
                rows.append((elementwise(node), 1.0, step))


def _error(model: CostModel, op: str, kernel: str, rows: list[tuple[Work, float, float]]) -> float:
    return statistics.median(
        abs(model.nanoseconds(op, kernel, work, density) / time - 1.0)
        for work, density, time in rows
    )
