"""Visiting traced nodes in order and importing each, with unrolled loops over time rolled up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import fx, nn

from snnc.compiler.frontend import built
from snnc.compiler.frontend.fx.functions import FUNCTIONS
from snnc.compiler.frontend.fx.isolated import isolated
from snnc.compiler.frontend.fx.traced_calls import Call, common_step, summed
from snnc.compiler.frontend.fx.tracing import line_of
from snnc.compiler.frontend.fx.values import (
    Constant,
    Layout,
    Memory,
    Opaque,
    Total,
    Traced,
    Value,
)
from snnc.compiler.frontend.importing import (
    BATCH_FIRST,
    EITHER_FIRST,
    TAKES_SPIKES,
    Importer,
    Importing,
    importer_of,
    needed_importer,
)
from snnc.compiler.frontend.outputs import READOUTS, named_outputs
from snnc.compiler.ir.graph import TensorType, Time
from snnc.compiler.ops import Flatten, Op, TimeStack, TimeSum
from snnc.errors import UNSUPPORTED_LAYER, SnncError

_REMEMBERING = ("spikingjelly", "snntorch")


def refusal(what: str, hint: str) -> SnncError:
    """The error for something in forward that has no meaning in the graph."""
    return SnncError(UNSUPPORTED_LAYER, what, hint=hint)


@dataclass(frozen=True)
class Reading:
    """How the traced model is called, and what becomes of its output.

    Attributes:
        prefix: path of the model inside the module that is verified ("" or "net.").
        layout: of what forward takes.
        samples: N of the trace.
        readout: what becomes of an output for each step, if anything.
        all_outputs: whether each item of a tuple is an output, instead of the first.
    """

    prefix: str = ""
    layout: Layout = Layout.SEQUENCE
    samples: int = 1
    readout: str | None = None
    all_outputs: bool = False

    def axes(self, time_steps: int) -> tuple[int, ...]:
        """Those of the input before the shape of one step."""
        if self.layout is Layout.SEQUENCE:
            return time_steps, self.samples
        return (self.samples, time_steps) if self.layout is Layout.BATCH_FIRST else (self.samples,)


class Walk:
    """Visits the traced nodes of one model.

    Args:
        importing: the graph under construction.
        model: the model that was traced.
        given: type of the input.
        how: how it was called.
    """

    def __init__(
        self,
        importing: Importing,
        model: nn.Module,
        given: TensorType,
        how: Reading,
    ) -> None:
        self.importing = importing
        self.model = model
        self.modules: Mapping[str, nn.Module] = dict(model.named_modules())
        self.given = given
        self.prefix = how.prefix
        self.samples = how.samples
        self.input_layout = how.layout
        self.readout = how.readout
        self.all_outputs = how.all_outputs
        self.values: dict[fx.Node, Traced] = {}
        self.failed: set[fx.Node] = set()
        self._bodies: dict[Any, str] = {}
        self._states: dict[str, int | None] = {}

    def visit(self, node: fx.Node) -> list[str]:
        """Import one traced node; returns the outputs' nodes at the output node, else []."""
        try:
            self._check_known(node)
            if any(source in self.failed for source in node.all_input_nodes):
                self.failed.add(node)
                self._note_apart(node)
                return []
            args, kwargs = fx.node.map_arg((node.args, node.kwargs), lambda at: self.values[at])
            if node.op == "output":
                return self._outputs(node, args[0])
            self.values[node] = self._import(node, args, kwargs)
        except SnncError as error:
            self._refuse(node, error)
            self.failed.add(node)
        return []

    def _note_apart(self, node: fx.Node) -> None:
        """Import a module by itself that stands behind something unsupported."""
        if node.op == "call_module":
            path = str(node.target)
            steps, samples = self.importing.time_steps, self.samples
            full = f"{self.prefix}{path}"
            graph, listed = isolated(node, self.modules[path], full, steps, samples)
            if graph is not None:
                self.importing.other_graphs.append(graph)
            unknown = (at for at in listed if self._is_unknown(at.module.removeprefix(self.prefix)))
            self.importing.unsupported += unknown

    def _is_unknown(self, path: str) -> bool:
        return path in self.modules and importer_of(self.modules[path]) is None

    def _check_known(self, node: fx.Node) -> None:
        """Raise SnncError (UNSUPPORTED_LAYER) for a class or function that nothing imports."""
        if node.op == "call_module":
            needed_importer(self.modules[str(node.target)])
        elif node.op in ("call_function", "call_method") and (node.target not in FUNCTIONS):
            called = getattr(node.target, "__name__", str(node.target))
            raise refusal(
                f"the function {called} is not supported in forward",
                "Use the nn.Module for it, or register an importer for the whole module.",
            )

    def _import(self, node: fx.Node, args: Any, kwargs: Any) -> Traced:
        if node.op == "placeholder":
            name = self.importing.input(self.given.shape, self.given.kind)
            return Value(name, self.input_layout)
        if node.op == "get_attr":
            return Constant(node.meta["constant"])
        if node.op == "call_module":
            return self._module(node, [*args, *kwargs.values()])
        handler = FUNCTIONS[node.target]
        return handler(Call(self, node, tuple(args), dict(kwargs)))

    # modules ---------------------------------------------------------------------------

    def _module(self, node: fx.Node, args: Sequence[Traced]) -> Traced:
        path = str(node.target)
        module = self.modules[path]
        importer = needed_importer(module)
        first = importer in TAKES_SPIKES  # then its state starts with spikes, a value too
        reads = {i: isinstance(arg, Value) and (i == 0 or not first) for i, arg in enumerate(args)}
        inputs = [arg for place, arg in enumerate(args) if reads[place]]
        states = {  # by place in its result; options that are off (None, False) say nothing
            place - first: arg
            for place, arg in enumerate(args)
            if not reads[place] and arg is not None and arg is not False
        }
        if not inputs or any(isinstance(arg, Total | Opaque) for arg in states.values()):
            raise refusal(
                "it is given something else than values of the network",
                "Let modules read what other modules give.",
            )
        step = common_step(inputs)
        _check_order(importer, inputs[0].layout)
        names = tuple(value.name for value in inputs)

        def make() -> str:
            with self.called_on(inputs[0]):
                made = self.importing.imported(importer, module, f"{self.prefix}{path}", names)
            if made is None:
                raise _AlreadyListedError
            return made

        try:
            name = self.once(("module", path, names), step, make)
        except _AlreadyListedError:
            self.failed.add(node)
            return Opaque("nothing")
        self._check_state(module, path, name, inputs[0], step, states)
        result = self.value(node, name, inputs[0])
        length = node.meta.get("length")
        if length is None:
            return result
        return (result, *(Memory(name, step, part) for part in range(1, length)))

    @contextmanager
    def called_on(self, value: Value) -> Iterator[None]:
        """Tell importers which axes come before the features."""
        before = self.importing.leading_axes, self.importing.stepwise
        self.importing.leading_axes = value.leading
        self.importing.stepwise = value.layout is Layout.STEP
        try:
            yield
        finally:
            self.importing.leading_axes, self.importing.stepwise = before

    def _check_state(
        self,
        module: nn.Module,
        path: str,
        name: str,
        given: Value,
        step: int | None,
        states: Mapping[int, Traced],
    ) -> None:
        """A neuron must see every step once, in order, with its own state of the step before.

        ``states`` are what it is given, by their place in what it gives.
        """
        wanted = None if step in (None, 0) else step - 1
        for part, state in states.items():
            gave = Memory(name, wanted, part) if part else Value(name, given.layout, wanted)
            fits = (
                state == gave
                if wanted is not None
                else isinstance(state, Constant) and state.is_zero
            )
            if not fits:
                raise refusal(
                    "its state is not the one that it gave at the step before (zero at the first)",
                    "Pass each neuron the state that it returned.",
                )
        passed_on = name == given.name  # dropout: the node is the one before it
        node = self.importing.nodes[name]
        if passed_on or not isinstance(node.op, Op) or node.op.time() is not Time.STATE:
            return
        if given.layout is Layout.MERGED:
            raise refusal(
                "a neuron is given time and batch merged into one axis",
                "Unflatten to [T, N, ...] before it.",
            )
        if given.layout is Layout.STILL:
            raise refusal(
                "a neuron is given one image instead of a sequence",
                "Repeat the image over time before it.",
            )
        remembers = type(module).__module__.split(".")[0] in _REMEMBERING
        again = path in self._states and (wanted is None or self._states[path] != wanted)
        if remembers and again:
            raise refusal(
                "the neuron is called more than once a step, so its state is shared",
                "Use a neuron of its own for each call.",
            )
        self._states[path] = step

    # what functions build on -----------------------------------------------------------

    def once(self, key: Any, step: int | None, make: Any) -> str:
        """The graph node of something that a loop does at every step: made at step 0."""
        if step is None:
            return str(make())
        if key not in self._bodies:
            if step != 0:
                raise refusal(
                    f"the loop over time does at step {step} what it did not do at step 0",
                    "Let each step do the same, from step 0 on.",
                )
            self._bodies[key] = make()
        return self._bodies[key]

    def value(self, node: fx.Node, name: str, like: Value) -> Value:
        """The traced value that graph node ``name`` stands for.

        Raises:
            SnncError: UNSUPPORTED_LAYER where the model's own result has another size.
        """
        given = self.importing.type_of(name)
        layout = like.layout if given.temporal else Layout.WINDOW
        timed = layout in (Layout.SEQUENCE, Layout.BATCH_FIRST, Layout.MERGED)
        steps = self.samples * (self.importing.time_steps if timed else 1)
        shape = node.meta.get("shape")
        if shape is not None and int(np.prod(shape)) != steps * given.size:
            raise refusal(
                f"it gives a tensor of {'×'.join(map(str, shape))} where {given} was understood",
                "Register an importer for the module.",
            )
        return Value(name, layout, like.step if layout is Layout.STEP else None)

    # the end ---------------------------------------------------------------------------

    def _outputs(self, node: fx.Node, result: Traced) -> list[str]:
        """The model's results, each a vector of real numbers that the C copies out."""
        outputs = named_outputs(result, self.all_outputs)
        self.importing.output_names = tuple(outputs)
        nodes = []
        for name, output in outputs.items():
            try:
                nodes.append(self._output(output))
            except SnncError as error:
                if len(outputs) > 1:
                    error.what = f"output {name}: {error.what}"
                self._refuse(node, error)
        return nodes

    def _output(self, result: Traced) -> str:
        g = self.importing
        if isinstance(result, Total):
            return summed(self, result, TimeSum(), "scores").name
        if not isinstance(result, Value):
            raise refusal(
                "the model gives something else than a tensor of its own",
                "Return values of the network; a neuron's state is none.",
            )
        given = g.type_of(result.name)
        if given.temporal and self.readout is not None and result.step is None:
            vector = self._vector(result.name)
            every = TimeStack(steps=g.time_steps, inner=given.size)
            op = every if self.readout == "none" else READOUTS[self.readout]()
            return g.add("readout", op, [vector])
        if given.temporal:
            raise refusal(
                f"the model gives {given}, one result for each step",
                "Give --readout (mean, sum, last, max or none), or reduce over time in forward.",
            )
        if self.readout is not None:
            raise refusal(
                "the model reduces over time itself, and a readout was asked for",
                "Leave out --readout.",
            )
        if len(given.shape) != 1:
            raise refusal(f"the model gives {given}, not one vector of class scores", "Flatten it.")
        return result.name

    def _vector(self, name: str) -> str:
        g = self.importing
        return name if len(g.type_of(name).shape) == 1 else g.add("flat", Flatten(), [name])

    def _refuse(self, node: fx.Node, error: SnncError) -> None:
        called = str(getattr(node.target, "__name__", node.target))
        is_module = node.op == "call_module"
        line = line_of(node)
        if is_module:
            line = line or built.line_of(self.modules[str(node.target)])
        shapes = [source.meta.get("shape", ()) for source in (*node.all_input_nodes, node)]
        self.importing.refuse(
            module=str(node.target) if is_module else _owner(node),
            class_name=type(self.modules[str(node.target)]).__name__ if is_module else called,
            shape="×".join(map(str, shapes[0])),
            error=error,
            source=line,
        )


class _AlreadyListedError(Exception):
    """An importer listed what it cannot take, and gave None."""


def _check_order(importer: Importer, layout: Layout) -> None:
    """Raise SnncError (UNSUPPORTED_LAYER) where time is not on the axis that a module expects."""
    if layout is Layout.REPEATED_ONCE:
        raise refusal(f"it is given {layout.value}", "Repeat the image over time before it.")
    batch_first = importer in BATCH_FIRST
    if importer not in EITHER_FIRST and (layout is Layout.BATCH_FIRST) != batch_first:
        wrong, right = (
            ("[T, N, ...]", "[N, T, ...]") if batch_first else ("[N, T, ...]", "[T, N, ...]")
        )
        raise refusal(f"it is given {wrong}", f"Permute to {right} before it.")


def _owner(node: fx.Node) -> str:
    stack = node.meta.get("nn_module_stack") or {}
    return str(list(stack)[-1]) if stack else ""
