"""The PyTorch frontend: trace a module with torch.fx and import it node by node.

The module takes ``[T, N, ...]`` (time first, then samples) as SpikingJelly's multi-step mode does;
a graph describes one sample. A module whose forward takes one step is wrapped in
:class:`~snnc.compiler.frontend.driving.Driven`.
"""

from __future__ import annotations

from torch import nn

from snnc.compiler.frontend.adapters import asa_snn as _authors  # registers importers
from snnc.compiler.frontend.adapters import ma_snn as _ma_snn  # registers importers
from snnc.compiler.frontend.adapters import snnc_models as _ours  # registers importers
from snnc.compiler.frontend.adapters import snntorch as _snntorch  # registers importers
from snnc.compiler.frontend.adapters import spikingjelly as _spikingjelly  # registers importers
from snnc.compiler.frontend.adapters import torch_layers as _layers  # registers importers
from snnc.compiler.frontend.driving import Driven
from snnc.compiler.frontend.fx.tracing import UntraceableError, trace
from snnc.compiler.frontend.fx.walk import Walk
from snnc.compiler.frontend.importing import Importing, check_dtype, importer_of
from snnc.compiler.frontend.nir import nodes as _nir  # registers importers
from snnc.compiler.frontend.state import reset_states
from snnc.compiler.ir.graph import Graph, Kind

__all__ = ["import_module", "survey"]
_REGISTERED = (_authors, _layers, _ma_snn, _nir, _ours, _snntorch, _spikingjelly)


def import_module(
    model: nn.Module, input_shape: tuple[int, ...], time_steps: int, *, name: str = "model"
) -> Graph:
    """The graph of a model in evaluation mode.

    Args:
        model: takes [T, N, *input_shape] event counts, gives class scores [N, classes]
            (or a dict of such vectors, each an output of the graph).
        input_shape: (C, H, W) or (features,) of one step.
        time_steps: T.
        name: name of the graph; becomes the prefix of the C symbols.

    Raises:
        SnncError: UNSUPPORTED_LAYER (all of them, see :func:`survey`), BAD_SHAPE, BAD_WEIGHTS.
    """
    importing, outputs = survey(model, input_shape, time_steps, name=name)
    return importing.graph(outputs)


def survey(
    model: nn.Module, input_shape: tuple[int, ...], time_steps: int, *, name: str = "model"
) -> tuple[Importing, list[str]]:
    """Import what can be imported and list everything that cannot (``importing.unsupported``)."""
    for key, parameter in model.named_parameters():
        check_dtype(parameter, key)
    training = {module: module.training for module in model.modules()}
    model.eval()
    importing = Importing(name, time_steps)
    try:
        outputs = _survey(importing, model, input_shape)
    except UntraceableError as error:
        importing.unsupported.append(error.entry)
        outputs = []
    finally:
        _rest(model)
        for module, mode in training.items():
            module.training = mode
    return importing, outputs


def _rest(model: nn.Module) -> None:
    """Return a model to rest, as it says itself where someone else's is driven."""
    if isinstance(model, Driven):
        model.rest()
    else:
        reset_states(model)


def _survey(importing: Importing, model: nn.Module, input_shape: tuple[int, ...]) -> list[str]:
    whole = importer_of(model)
    if whole is not None:  # the model itself is a module that is imported as one
        output = whole(importing, model, "", [importing.input(input_shape, Kind.COUNT)])
        return [] if output is None else [output]
    net = model.net if isinstance(model, Driven) else model
    per_step = isinstance(model, Driven) and model.per_step
    _rest(model)
    samples = model.copies if isinstance(model, Driven) else 1
    still = isinstance(model, Driven) and model.still
    axes = (samples,) if per_step or still else (importing.time_steps, samples)
    batch_first = isinstance(model, Driven) and model.batch_first
    traced = trace(net, ((*axes[::-1],) if batch_first else axes) + tuple(input_shape))
    walk = Walk(
        importing,
        net,
        input_shape,
        prefix="net." if isinstance(model, Driven) else "",
        per_step=per_step,
        batch_first=batch_first,
        still=still,
        samples=samples,
        readout=model.readout if isinstance(model, Driven) else None,
        all_outputs=isinstance(model, Driven) and model.all_outputs,
    )
    return [walk.visit(node) for node in traced.nodes][-1]
