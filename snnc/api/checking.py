"""``snnc.check``: can this model be compiled, and does it fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console

from snnc.api.model import Forward, take
from snnc.api.results.expected import ExpectedTime, expected_time, shown
from snnc.api.results.result import Result, text_page
from snnc.api.words import python_words, speaks_python
from snnc.compiler.compilation import Compilation, compile_graph
from snnc.compiler.deploy import firmware
from snnc.compiler.frontend.driving import Readout, Reset
from snnc.compiler.ir.graph import Kind
from snnc.compiler.ops.int8.synapses.rows import OWN
from snnc.compiler.plan.input_buffer import WINDOW, Buffering
from snnc.console import BAD, GOOD, slim_table, styled
from snnc.errors import BAD_OPTION, EXIT_NO, OVER_BUDGET, SnncError
from snnc.models.encoders import InputKind, Numbers

if TYPE_CHECKING:
    from snnc.compiler.deploy.targets import Target
    from snnc.compiler.frontend.importing import Unsupported
    from snnc.compiler.frontend.source import SourceModel
    from snnc.compiler.ir.graph import Graph, Node


@dataclass(frozen=True, repr=False)
class Check(Result):
    """What ``snnc.check`` found; true in a condition where everything is supported.

    Attributes:
        model: where the model comes from.
        supported: whether it can be compiled.
        unsupported: every part that cannot, with the reason, a way out and the user's line.
        causality: whether it streams, and what needs the whole window (DESIGN: ``snnc check``).
        needs: bytes of "arena", "ram" (for a core with stack) and "flash" (for a core with code, at
            its estimate), where the dtype, a core or a budget was asked about.
        budgets: bytes (needed, allowed) of "ram" and "flash", where there is a budget.
        time: how long a window is expected to take, where there are prices for it: an estimate.

    >>> import snnc, torch
    >>> found = snnc.check(torch.nn.Bilinear(3, 3, 2), torch.zeros(4, 1, 3))
    Traceback (most recent call last):
    TypeError: Bilinear.forward() missing 1 required positional argument: 'input2'
    """

    model: str
    supported: bool
    unsupported: tuple[Unsupported, ...]
    causality: dict[str, Any]
    needs: dict[str, int]
    budgets: dict[str, tuple[int, int]]
    time: ExpectedTime | None = None

    @property
    def fits(self) -> bool:
        """Whether it is supported and every budget that was given is kept."""
        return self.supported and all(need <= given for need, given in self.budgets.values())

    def __bool__(self) -> bool:
        return self.fits

    def to_json(self) -> dict[str, Any]:
        """``supported``, ``unsupported``, ``causality``, ``fits``, ``needs``, ``budgets``,
        ``time``."""
        return {
            "supported": self.supported,
            "unsupported": [entry.as_json() for entry in self.unsupported],
            "causality": self.causality,
            "fits": self.fits,
            "needs": self.needs,
            "budgets": {
                name: {"needed": need, "allowed": given}
                for name, (need, given) in self.budgets.items()
            },
            "time": self.time and self.time.to_json(),
        }

    def show(self, console: Console) -> None:
        """Print what is unsupported, what keeps it from streaming, and what does not fit."""
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
    dtype: str = "f32",
    target: str = "host",
    max_ram: int | None = None,
    max_flash: int | None = None,
    input_kind: InputKind | None = None,
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
        dtype: "f32" or "int8": whether each layer has a form in it; no calibration data are needed.
        target: "host" or a core, whose largest board is the budget unless one is given.
        max_ram: bytes that the arena may take (for a core: arena and stack).
        max_flash: bytes that the constants may take (for a core: and the code, at its estimate).
        input_kind: "count" or "real" (see :func:`compile`); None: as the example's numbers are.

    Raises:
        SnncError: where the model or the example cannot be used at all (BAD_OPTION, BAD_SHAPE).

    >>> import snnc, torch
    >>> model = snnc.build("three-layer", attention="none", input_size=(2, 32, 32), time_steps=4)
    >>> found = snnc.check(model, torch.zeros(4, 1, 2, 32, 32), max_ram=1 << 20)
    >>> found.supported, found.causality["streams"], found.fits
    (True, True, True)
    """
    forward = Forward(per_step, batch_first, readout, all_outputs, reset, input_kind=input_kind)
    source = take(model, inputs, forward).source
    found = checked(source, Wish(dtype, target, max_ram, max_flash))
    return replace(found, unsupported=_in_python(found.unsupported))


@dataclass(frozen=True)
class Wish:
    """What the model should become: arithmetic, core, and bytes of RAM and flash at most."""

    dtype: str = "f32"
    target: str = "host"
    max_ram: int | None = None
    max_flash: int | None = None

    def __post_init__(self) -> None:
        if self.dtype not in ("f32", "int8"):
            raise SnncError(BAD_OPTION, f"--dtype {self.dtype} is neither f32 nor int8")
        if self.core is not None and self.dtype != "int8":
            raise SnncError(
                BAD_OPTION,
                f"firmware for {self.target} needs --dtype int8",
                hint="Add it; check needs no calibration data.",
            )

    @property
    def asks_for_memory(self) -> bool:
        """Whether anything is asked that the model has to be compiled for."""
        plain = self.dtype == "f32" and self.target == "host"
        return not plain or self.max_ram is not None or self.max_flash is not None

    @property
    def core(self) -> Target | None:
        """The core; None for this machine."""
        from snnc.compiler.deploy.targets import target_named

        return None if self.target == "host" else target_named(self.target)


def checked(source: SourceModel, wish: Wish) -> Check:
    """What of a model cannot be compiled, and whether the rest fits.

    Raises:
        SnncError: BAD_OPTION for a core that does not exist.
    """
    from snnc.compiler.frontend.torch_fx import survey
    from snnc.compiler.passes import pipeline
    from snnc.compiler.plan.causality import causality, causality_of_parts

    importing, outputs = survey(
        source.module,
        source.input_shape,
        source.time_steps,
        name=source.name,
        input_kind=Kind(source.input_kind),
    )
    unsupported = list(importing.unsupported)
    found = (
        causality_of_parts(importing.fragments())
        if unsupported
        else causality(importing.graph(outputs))
    )
    needs: dict[str, int] = {}
    if not unsupported and wish.dtype == "int8":
        unsupported = _int8_faults(source)
    if not unsupported and wish.asks_for_memory:
        try:
            needs = _needs(source, wish)
        except SnncError as error:
            if error.code.status != EXIT_NO:
                raise
            unsupported.append(_refused(error, wish))
    budgets = _budgets(needs, wish) if needs else {}
    time = None
    if not unsupported:
        graph = pipeline.optimised(importing.graph(outputs))
        time = expected_time(graph, wish.dtype, wish.core)
    return Check(source.origin, not unsupported, tuple(unsupported), found, needs, budgets, time)


def _int8_faults(source: SourceModel) -> list[Unsupported]:
    """Every node that int8 has no form for, with the line of the user's file."""
    from snnc.compiler.calibrate.ranges import calibrate
    from snnc.compiler.passes import pipeline, quantize

    graph = pipeline.optimised(source.graph())
    found = quantize.faults(graph, calibrate(graph, [_stand_in(source)]))
    return [_fault(source, graph, node, error) for node, error in found]


def _fault(source: SourceModel, graph: Graph, node: Node, error: SnncError) -> Unsupported:
    from snnc.compiler.frontend.importing import Unsupported

    modules = {name.removeprefix("model."): m for name, m in source.module.named_modules()}
    module = modules.get(node.loc.module) if node.loc.module else None
    types = graph.input_types(node)
    shape = "×".join(map(str, types[0].shape)) if types else ""
    called = node.op.name if module is None else type(module).__name__
    where, line = node.loc.module or node.name, node.loc.source
    return Unsupported(where, called, shape, f"int8: {error.what}", error.hint, line)


def _refused(error: SnncError, wish: Wish) -> Unsupported:
    from snnc.compiler.frontend.importing import Unsupported

    return Unsupported(error.where, "", "", f"{wish.dtype}: {error.what}", error.hint)


def _in_python(entries: Sequence[Unsupported]) -> tuple[Unsupported, ...]:
    return tuple(
        replace(entry, reason=python_words(entry.reason), suggestion=python_words(entry.suggestion))
        for entry in entries
    )


def _needs(source: SourceModel, wish: Wish) -> dict[str, int]:
    """Bytes of arena, RAM and flash."""
    generated = _smallest(source, wish).generated
    arena, flash = generated.plan.size, generated.constant_bytes
    if wish.core is None:
        return {"arena": arena, "ram": arena, "flash": flash}
    ram = arena + firmware.STACK_BYTES + firmware.RESERVED_BYTES
    return {"arena": arena, "ram": ram, "flash": flash + firmware.CODE_BYTES}


def _budgets(needs: dict[str, int], wish: Wish) -> dict[str, tuple[int, int]]:
    """What is needed of each budget that was given, or that the board has."""
    most = {"ram": wish.max_ram, "flash": wish.max_flash}
    if wish.core is not None:
        most["ram"] = most["ram"] or wish.core.ram
        most["flash"] = most["flash"] or wish.core.flash
    return {name: (needs[name], given) for name, given in most.items() if given is not None}


def sized(source: SourceModel, dtype: str, buffering: Buffering = WINDOW) -> Compilation:
    """A compilation for any core that has the sizes of the real one, without calibration data.

    Sizes of an int8 network do not hang on its ranges, but for frames of the input: their counts
    are taken to fit a byte each, which those of recordings may not.

    Raises:
        SnncError: as :func:`snnc.compiler.compilation.compile_graph`; BAD_OPTION for a dtype that
            is none.
    """
    wish = Wish(dtype)
    return compile_graph(
        source.graph(),
        source.framing,
        calibration=[_stand_in(source)] if wish.dtype == "int8" else None,
        buffering=buffering,
        order=OWN,
    )


def _stand_in(source: SourceModel) -> Numbers:
    """A window of random numbers in place of calibration data."""
    shape = (source.time_steps, *source.input_shape)
    if source.input_kind == "real":
        return np.random.default_rng(0).normal(size=shape).astype(np.float32)
    return np.random.default_rng(0).poisson(1.0, shape).astype(np.uint16)


def _smallest(source: SourceModel, wish: Wish) -> Compilation:
    """The compilation that fits the RAM, or the usual one where none does.

    Sizes of an int8 network do not hang on its ranges, but for frames of the input: their counts
    are taken to fit a byte each, which those of recordings may not.
    """
    core = wish.core
    limit = wish.max_ram if core is None else firmware.arena_limit(core, wish.max_ram)
    compile_source = partial(
        compile_graph,
        source.graph(),
        source.framing,
        calibration=[_stand_in(source)] if wish.dtype == "int8" else None,
        order=None if core is None else core.order,
    )
    try:
        return compile_source(arena_bytes=limit)
    except SnncError as error:
        if error.code is not OVER_BUDGET:
            raise
        return compile_source()


def show(console: Console, model: str, result: dict[str, Any]) -> None:
    """Print what is unsupported, or that all is supported; what keeps it from streaming; and what
    memory it needs."""
    if result["supported"]:
        console.print(f"{model}: every layer is supported")
    for entry in result["unsupported"]:
        _show_unsupported(console, entry)
    if not result["supported"]:
        console.print(f"{model}: {len(result['unsupported'])} unsupported")
    _show_causality(console, result["causality"])
    if result["needs"]:
        needs = ", ".join(f"{name} {size:,}" for name, size in result["needs"].items())
        console.print(f"bytes: {needs}")
    for name, budget in result["budgets"].items():
        fits = budget["needed"] <= budget["allowed"]
        said = styled("fits in" if fits else "does not fit in", GOOD if fits else BAD)
        line = f"{name}: {budget['needed']:,} bytes,", said, f"{budget['allowed']:,}"
        console.print(*line)
    if result["time"]:
        console.print(shown(result["time"]))


def _show_unsupported(console: Console, entry: dict[str, str]) -> None:
    """One entry; the line of the user's file is never cut or wrapped."""
    takes = f", input {entry['shape']}" if entry["shape"] else ""
    called = f" ({entry['class']}{takes})" if entry["class"] else ""
    console.print(styled(f"{entry['module']}{called}", BAD), f" {entry['reason']}", sep=":")
    if entry["source"]:
        console.print(f"  {entry['source']}", soft_wrap=True)
    console.print(f"  {entry['suggestion']}")


def _show_causality(console: Console, found: dict[str, Any]) -> None:
    if found["streams"]:
        console.print("It streams: each step needs only the steps before it.")
    if not found["needs_future"]:
        return
    title = "modules that need the whole window"
    if not found["complete"]:
        title += ", as far as it is supported"
    table = slim_table("module", "waits for", numbers=("buffer",), title=title)
    for entry in found["needs_future"]:
        table.add_row(entry["module"], entry["reason"], f"{entry['bytes'] / 1024:.1f} KiB")
    table.add_section()
    table.add_row("in all", "", f"{found['bytes'] / 1024:.1f} KiB")
    console.print(table)
