"""``snnc.check``: can this model be compiled, and does it fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Console

from snnc.api.model import Forward, Readout, take
from snnc.api.results import Result, text_page
from snnc.api.words import python_words, speaks_python
from snnc.compiler.frontend.driving import Reset

if TYPE_CHECKING:
    from snnc.compiler.compilation import Compilation
    from snnc.compiler.frontend.importing import Unsupported
    from snnc.compiler.frontend.source import SourceModel


@dataclass(frozen=True, repr=False)
class Check(Result):
    """What ``snnc.check`` found; true in a condition where everything is supported.

    Attributes:
        model: where the model comes from.
        supported: whether it can be compiled.
        unsupported: every part that cannot, with the reason, a way out and the user's line.
        causality: whether it streams, and what needs the whole window (DESIGN: ``snnc check``).
        budgets: bytes (needed, allowed) of "ram" and "flash", where they were asked about.

    >>> import snnc, torch
    >>> found = snnc.check(torch.nn.Bilinear(3, 3, 2), torch.zeros(4, 1, 3))
    Traceback (most recent call last):
    TypeError: Bilinear.forward() missing 1 required positional argument: 'input2'
    """

    model: str
    supported: bool
    unsupported: tuple[Unsupported, ...]
    causality: dict[str, Any]
    budgets: dict[str, tuple[int, int]]

    @property
    def fits(self) -> bool:
        """Whether it is supported and every budget that was given is kept."""
        return self.supported and all(need <= given for need, given in self.budgets.values())

    def __bool__(self) -> bool:
        return self.fits

    def to_json(self) -> dict[str, Any]:
        """``supported``, ``unsupported``, ``causality``, ``fits``, ``budgets``."""
        return {
            "supported": self.supported,
            "unsupported": [entry.as_json() for entry in self.unsupported],
            "causality": self.causality,
            "fits": self.fits,
            "budgets": {
                name: {"needed": need, "allowed": given}
                for name, (need, given) in self.budgets.items()
            },
        }

    def show(self, console: Console) -> None:
        """Print what is unsupported, what keeps it from streaming, and what does not fit."""
        from snnc.commands.check import show

        show(console, self.model, self.to_json())

    def _rows(self) -> list[dict[str, Any]]:
        return [dict(entry.as_json()) for entry in self.unsupported]

    def _page(self) -> str:
        return text_page(f"check of {self.model}", self)


@speaks_python
def check(
    model: Any,
    *inputs: Any,
    per_step: bool = False,
    readout: Readout | None = None,
    reset: Reset | None = None,
    batch_first: bool = False,
    all_outputs: bool = False,
    max_ram: int | None = None,
    max_flash: int | None = None,
) -> Check:
    """Say what of a model cannot be compiled, and whether the rest fits; nothing is raised for it.

    Args:
        model: an nn.Module, what ``snnc.load`` gives, or the path of a checkpoint.
        inputs: an example of what forward takes, batch of one (see :func:`compile`).
        per_step: forward takes one time step.
        readout: over a leading time axis of the output.
        reset: called with the model to return it to rest.
        batch_first: forward takes [N, T, ...].
        all_outputs: every item of a tuple that forward gives.
        max_ram: bytes that the arena may take.
        max_flash: bytes that the constants (float32) may take.

    Raises:
        SnncError: where the model or the example cannot be used at all (BAD_OPTION, BAD_SHAPE).

    >>> import snnc, torch
    >>> model = snnc.build("three-layer", attention="none", input_size=(2, 32, 32), time_steps=4)
    >>> found = snnc.check(model, torch.zeros(4, 1, 2, 32, 32), max_ram=1 << 20)
    >>> found.supported, found.causality["streams"], found.fits
    (True, True, True)
    """
    from snnc.compiler.frontend.torch_fx import survey
    from snnc.compiler.plan.causality import causality, causality_of_parts

    forward = Forward(per_step, batch_first, readout, all_outputs, reset)
    source = take(model, inputs, forward).source
    importing, outputs = survey(
        source.module, source.input_shape, source.time_steps, name=source.name
    )
    supported = not importing.unsupported
    found = (
        causality(importing.graph(outputs))
        if supported
        else causality_of_parts(importing.fragments())
    )
    budgets = _budgets(source, max_ram, max_flash) if supported else {}
    return Check(source.origin, supported, _in_python(importing.unsupported), found, budgets)


def _in_python(entries: list[Unsupported]) -> tuple[Unsupported, ...]:
    from dataclasses import replace

    return tuple(
        replace(entry, reason=python_words(entry.reason), suggestion=python_words(entry.suggestion))
        for entry in entries
    )


def _budgets(
    source: SourceModel, max_ram: int | None, max_flash: int | None
) -> dict[str, tuple[int, int]]:
    """What is needed of each budget that was given, at the least."""
    if max_ram is None and max_flash is None:
        return {}
    from snnc.compiler.compilation import compile_graph
    from snnc.errors import OVER_BUDGET, SnncError

    graph = source.graph()
    try:
        compilation: Compilation = compile_graph(graph, source.framing, arena_bytes=max_ram)
    except SnncError as error:
        if error.code is not OVER_BUDGET:
            raise
        compilation = compile_graph(graph, source.framing)
    generated, budgets = compilation.generated, {}
    if max_ram is not None:
        budgets["ram"] = (generated.plan.size, max_ram)
    if max_flash is not None:
        budgets["flash"] = (generated.constant_bytes, max_flash)
    return budgets
