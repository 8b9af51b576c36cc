"""PyTorch's own values of a graph's nodes, taken from the captured graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import fx, nn

from snnc.compiler.frontend.capture import Captured
from snnc.compiler.frontend.capture.snapshot import Snapshot
from snnc.compiler.frontend.capture.window import at_rest
from snnc.compiler.frontend.outputs import named_outputs
from snnc.compiler.frontend.understand.taps import Tap
from snnc.compiler.ir.graph import Array
from snnc.errors import UNSUPPORTED_LAYER, InternalError, SnncError


class Observer:
    """Runs a model and its captured graph side by side.

    Args:
        captured: the graph, of N samples.
        taps: by node.
    """

    def __init__(self, captured: Captured, taps: Mapping[str, Tap]) -> None:
        self.captured = captured
        self.taps = dict(taps)

    def observe(
        self,
        model: nn.Module,
        x: torch.Tensor,
        names: Sequence[str],
        given: Snapshot | None = None,
    ) -> tuple[dict[str, Array], dict[str, torch.Tensor]]:
        """The model's outputs for a window [T, *shape], by name, each [size]; and what the nodes of
        ``names`` give in it, [T, *shape]. ``given``: as for :func:`run_pytorch`.

        Raises:
            SnncError: UNSUPPORTED_LAYER where the model gives other bits than what was captured of
                it: it depends on something that was not seen.
        """
        samples = self.captured.inputs[0].shape[1]
        batch = x[:, None].expand(-1, samples, *x.shape[1:]).contiguous()
        with at_rest(model, self.captured.reset, given), torch.no_grad():
            theirs = named_outputs(model(batch))
        wanted = [node for name in names for node in self._tap(name).nodes()]
        run = _Tapped(self.captured, set(wanted))
        results = iter(run.run(batch))
        leaves = [o.constant if o.node is None else next(results) for o in self.captured.outputs]
        ours = named_outputs(torch.utils._pytree.tree_unflatten(leaves, self.captured.output_spec))
        for name, value in theirs.items():
            if not torch.equal(value, ours[name]):
                raise SnncError(
                    UNSUPPORTED_LAYER,
                    "the model gives something else than PyTorch executed when it was read, so it "
                    "depends on more than its input",
                    hint="Let forward depend on its input and its parameters alone.",
                )
        outputs = {name: value[0].reshape(-1).numpy() for name, value in theirs.items()}
        return outputs, {name: self._value(name, run.seen) for name in names}

    def _tap(self, name: str) -> Tap:
        if name not in self.taps:
            raise InternalError("nothing says where PyTorch computes it", where=name)
        return self.taps[name]

    def _value(self, name: str, seen: Mapping[fx.Node, torch.Tensor]) -> torch.Tensor:
        tap = self._tap(name)
        values = torch.stack(tap.values(seen))
        samples = self.captured.inputs[0].shape[1]
        found = values.reshape(len(values), samples, *tap.shape)[:, 0].to(torch.float32)
        return 1 - found if tap.negated else found


class _Tapped(fx.Interpreter):
    """Runs a captured graph and keeps what some nodes give."""

    def __init__(self, captured: Captured, wanted: set[fx.Node]) -> None:
        super().__init__(captured.root, graph=captured.graph)
        self.wanted = wanted
        self.seen: dict[fx.Node, torch.Tensor] = {}

    def run_node(self, n: fx.Node) -> Any:
        """Run one node."""
        with torch.no_grad():
            result = super().run_node(n)
        if n in self.wanted:
            self.seen[n] = result
        return result
