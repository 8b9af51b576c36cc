"""The first link: the graph that snnc took from the model gives the model's numbers.

The graph is evaluated in float64 on the spikes and masks that the model's own modules gave. Then
every one of those must be what the graph decides, and every output what the graph gives, within the
rounding bound of a float32 program that computes as the model does. Another way of reading adds its
checks to the same link.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from snnc.compiler.ir.graph import Array, Graph
from snnc.compiler.verify import reference
from snnc.compiler.verify.chain.links import READING, Divergence
from snnc.compiler.verify.chain.proof import Verification
from snnc.compiler.verify.exact import Decision


class Reading:
    """Compares a model's own numbers with its source graph, window by window.

    Args:
        source: the graph as the model computes it, in primitive ops.
        result: where the link is kept.
    """

    def __init__(self, source: Graph, result: Verification) -> None:
        self.source = source
        self.result = result

    def decisions(
        self,
        x: torch.Tensor,
        spikes: Mapping[str, torch.Tensor],
        decided: Mapping[str, Decision],
    ) -> dict[str, torch.Tensor]:
        """Compare the model's spikes and masks with exact decisions on its own spikes.

        Args:
            x: the window.
            spikes: the model's discrete values by node.
            decided: the exact decisions, of any graph that computes the same function.

        Returns:
            For each node that has any: where the model decided otherwise and must not.
        """
        check, wrong = self.result.chain[READING].check("spikes and masks"), {}
        for name, decision in decided.items():
            different = decision.differs(spikes[name])
            count = int(torch.count_nonzero(different))
            check.add(different.numel(), count)
            if not count:
                continue
            judged = reference.judge(self.source, {"input": x}, spikes, [name])[name]
            bad = different & ~(decision.distance(spikes[name]) <= judged.error)
            check.explained += count - int(bad.sum())
            if bool(bad.any()):
                wrong[name] = bad
                self._report(name, bad, decision.margin)
        return wrong

    def outputs(
        self, x: torch.Tensor, spikes: Mapping[str, torch.Tensor], outputs: Mapping[str, Array]
    ) -> dict[str, Array]:
        """Compare the model's outputs with the graph's; gives each output's rounding bound."""
        judged = reference.judge(self.source, {"input": x}, spikes, self.source.outputs)
        check, bounds = self.result.chain[READING].check("outputs"), {}
        for name, node in zip(self.source.output_names, self.source.outputs, strict=True):
            exact = judged[node].value[0].numpy().reshape(-1)
            bounds[name] = judged[node].error[0].numpy().reshape(-1)
            theirs = outputs[name].reshape(-1)
            if theirs.shape != exact.shape:
                check.add(exact.size, exact.size)
                self.result.chain[READING].report(
                    f"the model gives {theirs.size} numbers as {name}, the graph {exact.size}"
                )
                continue
            different = theirs != exact.astype(theirs.dtype)
            apart = np.abs(theirs.astype(np.float64) - exact)
            bad = different & ~(apart <= bounds[name])
            check.add(bad.size, int(different.sum()), int((different & ~bad).sum()))
            if bad.any():
                worst = int(np.argmax(np.where(bad, apart, -1.0)))
                self.result.chain[READING].report(
                    f"recording {self.result.samples}: {name}[{worst}] of the model is "
                    f"{theirs[worst]:.6g}, of the graph {exact[worst]:.6g}, and rounding allows "
                    f"{bounds[name][worst]:.3g}"
                )
        return bounds

    def _report(self, name: str, bad: torch.Tensor, margin: torch.Tensor | None) -> None:
        step, *where = (int(i) for i in bad.nonzero()[0])
        away = None if margin is None else float(margin[(step, *where)])
        found = Divergence(
            self.result.samples, name, step, tuple(where), away, None, "PyTorch's decision"
        )
        self.result.diverge(READING, found)
