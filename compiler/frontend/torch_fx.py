"""The PyTorch frontend: what a model means, as a graph.

A model is read by its modules first: traced with torch.fx and imported node by node. What is read
so is compared with what the model computes (:mod:`snnc.compiler.verify.meaning`). A model that
cannot be read so, or that computes something else, is read by what PyTorch executes
(:mod:`snnc.compiler.frontend.capture`).

The module takes ``[T, N, ...]`` (time first, then samples) as SpikingJelly's multi-step mode does;
a graph describes one sample. A module whose forward takes one step is wrapped in
:class:`~snnc.compiler.frontend.driving.Driven`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch
from torch import nn

from snnc.compiler.frontend.adapters import asa_snn as _authors  # registers importers
from snnc.compiler.frontend.adapters import ma_snn as _ma_snn  # registers importers
from snnc.compiler.frontend.adapters import snnc_models as _ours  # registers importers
from snnc.compiler.frontend.adapters import snntorch as _snntorch  # registers importers
from snnc.compiler.frontend.adapters import spikingjelly as _spikingjelly  # registers importers
from snnc.compiler.frontend.adapters import torch_layers as _layers  # registers importers
from snnc.compiler.frontend.capture import capture
from snnc.compiler.frontend.driving import Driven
from snnc.compiler.frontend.fx.tracing import UntraceableError, first_line, trace
from snnc.compiler.frontend.fx.values import Layout
from snnc.compiler.frontend.fx.walk import Reading, Walk
from snnc.compiler.frontend.importing import (
    Importing,
    Unsupported,
    check_dtype,
    has_importer,
    importer_of,
    not_executed,
)
from snnc.compiler.frontend.nir import nodes as _nir  # registers importers
from snnc.compiler.frontend.state import reset_states
from snnc.compiler.frontend.understand.captured_model import read_captured
from snnc.compiler.ir.graph import Graph, Kind, TensorType
from snnc.compiler.verify import meaning
from snnc.errors import BAD_ATTRIBUTE, UNSUPPORTED_LAYER, SnncError

__all__ = ["import_module", "survey"]
_REGISTERED = (_authors, _layers, _ma_snn, _nir, _ours, _snntorch, _spikingjelly)


def import_module(
    model: nn.Module,
    input_shape: tuple[int, ...],
    time_steps: int,
    *,
    name: str = "model",
    input_kind: Kind = Kind.COUNT,
) -> Graph:
    """The graph of a model in evaluation mode.

    Args:
        model: takes ``[T, N, *input_shape]``, gives class scores [N, classes] (or a dict of such
            vectors, each an output of the graph).
        input_shape: (C, H, W) or (features,) of one step.
        time_steps: T.
        name: name of the graph; becomes the prefix of the C symbols.
        input_kind: of the numbers that it takes: event counts, or real numbers.

    Raises:
        SnncError: UNSUPPORTED_LAYER (all of them, see :func:`survey`), BAD_SHAPE, BAD_WEIGHTS.
    """
    importing, outputs = survey(model, input_shape, time_steps, name=name, input_kind=input_kind)
    return importing.graph(outputs)


def survey(
    model: nn.Module,
    input_shape: tuple[int, ...],
    time_steps: int,
    *,
    name: str = "model",
    input_kind: Kind = Kind.COUNT,
) -> tuple[Importing, list[str]]:
    """Import what can be imported and list everything that cannot (``importing.unsupported``)."""
    given = TensorType(tuple(input_shape), input_kind)
    for key, parameter in model.named_parameters():
        check_dtype(parameter, key)
    known = _is_known(model)
    with _evaluating(model):
        try:
            importing, outputs = _by_modules(model, given, time_steps, name)
        except SnncError as error:
            users = any(map(has_importer, model.modules()))
            if known or (users and error.code is BAD_ATTRIBUTE):
                raise
            return _by_capture(model, given, time_steps, name, error)
        if known:
            return importing, outputs
        if importing.unsupported:
            try:
                return _by_capture(model, given, time_steps, name)
            except SnncError as error:
                importing.executed = error
                return importing, outputs
        found = _difference(model, importing.graph(outputs))
        if not found:
            return importing, outputs
        return _captured_or_listed(model, given, time_steps, name, found)


def _captured_or_listed(
    model: nn.Module, given: TensorType, time_steps: int, name: str, found: str
) -> tuple[Importing, list[str]]:
    """The model by what PyTorch executes, or what keeps it from being read: its modules alone mean
    something else (``found``)."""
    try:
        return _by_capture(model, given, time_steps, name)
    except SnncError as error:
        importing = Importing(name, time_steps)
        kind = type(model.net if isinstance(model, Driven) else model).__name__
        suggestion = f"{error.hint} (By its modules alone it would mean something else: {found}.)"
        importing.unsupported.append(
            Unsupported(error.where, kind, "", error.what, suggestion, error.where)
        )
        return importing, []


def _by_capture(
    model: nn.Module,
    given: TensorType,
    time_steps: int,
    name: str,
    before: SnncError | None = None,
) -> tuple[Importing, list[str]]:
    """The model by what PyTorch executes.

    Raises:
        SnncError: ``before`` if it is given, else why it cannot be read.
    """
    samples = 2 if time_steps != 2 else 3  # neither T nor 1, so that axes cannot be confused
    window = torch.ones(time_steps, samples, *given.shape)
    still = isinstance(model, Driven) and model.still
    try:
        with model.trusted() if isinstance(model, Driven) else nullcontext():
            captured = capture(model, (window,), steps=time_steps)
        importing, outputs = read_captured(captured, given, time_steps, name, still)
        if found := _difference(model, importing.graph(outputs)):
            raise SnncError(
                UNSUPPORTED_LAYER,
                f"it was read as something else than it computes: {found}",
                hint="Please report this model.",
            )
    except SnncError as error:
        if before is None:
            raise
        before.what += not_executed(error)
        raise before from error
    return importing, outputs


def _difference(model: nn.Module, graph: Graph) -> str:
    """What a model computes otherwise than its graph."""
    still = isinstance(model, Driven) and model.still
    try:
        return meaning.difference(model, graph, still=still)
    except SnncError as error:
        return error.what
    except Exception as error:  # the user's forward may raise anything
        return f"forward fails in PyTorch ({type(error).__name__}: {first_line(error)})"


def _is_known(model: nn.Module) -> bool:
    """Whether a model is made of this project's and PyTorch's own modules, as they come."""
    for module in model.modules():
        cls = type(module)
        hooks = (module._forward_hooks, module._forward_pre_hooks, module._backward_hooks)
        own = cls.__module__.startswith(("snnc.", "torch.nn.modules."))
        if not own or any(hooks) or hasattr(module, "parametrizations"):
            return False
    return True


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """The model in evaluation mode, and afterwards in the modes that it had, at rest."""
    training = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        _rest(model)
        for module, mode in training.items():
            module.training = mode


def _by_modules(
    model: nn.Module, given: TensorType, time_steps: int, name: str
) -> tuple[Importing, list[str]]:
    """The model by its modules and the functions that its forward calls."""
    importing = Importing(name, time_steps)
    try:
        return importing, _survey(importing, model, given)
    except UntraceableError as error:
        importing.unsupported.append(error.entry)
        return importing, []
    finally:
        reset_states(model)


def _rest(model: nn.Module) -> None:
    """Return a model to rest, as it says itself where someone else's is driven."""
    if isinstance(model, Driven):
        model.rest()
    else:
        reset_states(model)


def _survey(importing: Importing, model: nn.Module, given: TensorType) -> list[str]:
    whole = importer_of(model)
    if whole is not None:  # the model itself is a module that is imported as one
        x = importing.input(given.shape, given.kind)
        output = importing.imported(whole, model, "", [x])
        return [] if output is None else [output]
    net, how = (model.net, _reading(model)) if isinstance(model, Driven) else (model, Reading())
    _rest(model)
    traced = trace(net, how.axes(importing.time_steps) + given.shape)
    walk = Walk(importing, net, given, how)
    return [walk.visit(node) for node in traced.nodes][-1]


def _reading(model: Driven) -> Reading:
    """How someone else's model is called."""
    layout = Layout.BATCH_FIRST if model.batch_first else Layout.SEQUENCE
    if model.per_step or model.still:
        layout = Layout.STILL if model.still else Layout.STEP
    return Reading("net.", layout, model.copies, model.readout, model.all_outputs)
