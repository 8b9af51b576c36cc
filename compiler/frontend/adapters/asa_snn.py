"""Importers of the ASA-SNN authors' own modules, recognised by their structure.

Their classes (ConvAttLIF, AttLIF, IFCell, ASA; github.com/BICLab/ASA-SNN, Apache-2.0) are copied
from project to project, so they are known by what they hold, not by where they stand. Their cell::

    u = h + x;  s = spikeActFun(u - Vthres);  h = (r where s else u) alpha + beta

where r is Vreset, and in MA-SNN's cell of the same attributes Vthres; which of the two is found out
by letting it fire. Their five-layer networks are ordinary SpikingJelly ones around the attention.

Their ASA sets the chosen channels of a whole batch at once; here a graph is one sample, as for a
batch of equal samples. Its ``squeeze`` fails on a batch of one, so it is verified on two copies.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from snnc.compiler.frontend.importing import (
    BATCH_FIRST,
    RECOGNISERS,
    Importer,
    Importing,
    needed_importer,
)
from snnc.compiler.ops import Asa, GroupMean, Neuron
from snnc.errors import UNSUPPORTED_LAYER, SnncError

_CELL = ("alpha", "beta", "Vreset", "Vthres", "spikeActFun", "mode_select")
_LAYER = ("attn", "dropout", "spike", "onlyLast", "useBatchNorm")
_ASA = ("alpha", "beta", "lam_", "fc", "conv1", "conv2")


def _has(m: Any, names: Sequence[str]) -> bool:
    return all(hasattr(m, name) for name in names)


def is_cell(m: Any) -> bool:
    """Whether the module is the authors' IFCell."""
    return _has(m, _CELL)


def copies_needed(model: torch.nn.Module) -> int:
    """How many samples the model must be given at once: their ASA cannot take one alone."""
    return 2 if any(_has(m, _ASA) for m in model.modules()) else 1


def recognise(m: Any) -> Importer | None:
    """The importer of one of the authors' modules."""
    if _has(m, _LAYER) and (hasattr(m, "conv") or hasattr(m, "linear")):
        return _layer
    if _has(m, _ASA):
        return _asa
    if _is_voting(m):
        return _voting
    return None


def _is_voting(m: Any) -> bool:
    """Whether a module gives the means of ``voting_size`` neighbours."""
    size = getattr(m, "voting_size", None)
    if not isinstance(size, int) or list(m.children()) or list(m.parameters()):
        return False
    # forward itself: while a model is traced, calling a module asks whether it is known
    probe = torch.arange(6.0 * size).reshape(2, 3 * size).square()
    with torch.no_grad():
        return torch.allclose(m.forward(probe), probe.reshape(2, 3, size).mean(2))


RECOGNISERS.append(recognise)


def _refused(what: str, hint: str = "Use the options of the paper.") -> SnncError:
    return SnncError(UNSUPPORTED_LAYER, what, hint=hint)


def _layer(g: Importing, m: Any, path: str, inputs: Sequence[str]) -> str | None:
    """ConvAttLIF or AttLIF: [dropout] synapse [BN] [pool] attention cell."""
    if m.onlyLast or getattr(m, "attention_before_conv", False):
        raise _refused("only attention between synapse and cell is supported")
    if getattr(m, "attention_per_time", False):
        raise _refused("attention of single steps is not supported")
    parts = ["conv" if hasattr(m, "conv") else "linear", "bn" if m.useBatchNorm else ""]
    parts.append("pooling" if getattr(m, "pooling_kernel_size", 1) > 1 else "")
    value: str | None = inputs[0]
    for part in filter(None, parts):
        container = getattr(m, part)
        if value is not None:
            value = needed_importer(container)(g, container, f"{path}.{part}", [value])
    if value is None:
        return None
    if list(m.attn.parameters()):  # their "no" attention has none
        attention = recognise_attention(m.attn)
        value = attention(g, m.attn, f"{path}.attn", [value])
    return None if value is None else cell(g, m.spike[0], f"{path}.spike", value)


def recognise_attention(m: Any) -> Importer:
    """The importer of an attention module; one that it cannot be raises SnncError."""
    for function in filter(None, (find(m) for find in RECOGNISERS)):
        if function in BATCH_FIRST:
            return function
    name = type(m).__name__
    raise _refused(f"their attention {name} is not supported", "Use ASA, TCSA or a part of it.")


def _voting(g: Importing, m: Any, path: str, inputs: Sequence[str]) -> str:
    return g.add(path, GroupMean(size=m.voting_size), inputs)


def _asa(g: Importing, m: Any, path: str, inputs: Sequence[str]) -> str:
    if m.lam_ != 0.5:
        raise _refused(f"their ASA with lambda {m.lam_} is not supported", "Use lambda 0.5.")
    params: dict[str, Any] = {
        "alpha": m.alpha,
        "gamma": m.beta,
        "score1": m.conv1.weight,
        "score2": m.conv2.weight,
        **_mixing(m.fc),
    }
    return g.add(path, Asa(mean_scale=1.0 / m.lam_), inputs, params)


def mixing_of(mask: str) -> str:
    """Path of the module from whose result their ASA chooses the mask of node path ``mask``."""
    return f"{mask.rpartition('.')[0]}.fc"


def mask_of(mixed: torch.Tensor) -> torch.Tensor:
    """The mask [T, N, C] that their ASA makes of its mixed statistics [N, C, T].

    It is made by the same torch.topk as theirs, so that ties fall as they fall there.
    """
    scores = mixed.detach().transpose(1, 2).contiguous()
    chosen = []
    for axis in (2, 1):
        rows = scores if axis == 2 else scores.transpose(1, 2).contiguous()
        best = torch.topk(rows, dim=2, k=rows.shape[2] // 2).indices
        half = torch.zeros_like(rows).scatter_(2, best, 1.0)
        chosen.append(half if axis == 2 else half.transpose(1, 2))
    return (chosen[0] != chosen[1]).to(mixed.dtype).transpose(0, 1)


def _mixing(fc: Any) -> dict[str, Any]:
    """Their two matrices, or their one."""
    if isinstance(fc, torch.nn.Linear):
        return {"expand": fc.weight}
    return {"reduce": fc[0].weight, "expand": fc[2].weight}


def cell(g: Importing, m: Any, path: str, x: str) -> str:
    """Import a cell of theirs. Raises SnncError (UNSUPPORTED_LAYER) for its other modes."""
    if not is_cell(m):
        raise _refused(f"{type(m).__name__} is not their cell", "Use their IFCell.")
    if m.mode_select != "spike":
        raise _refused(f"their mode {m.mode_select!r} gives potentials, not spikes")
    if getattr(m, "attention_in_spike", False):
        raise _refused("attention inside the cell is not supported")
    if getattr(m, "pa_train_self", False):
        raise _refused("learned constants of the cell are not supported")
    fired = m.spikeActFun(torch.tensor([-1e-3, 0.0, 1e-3])).tolist()
    if fired != [0.0, 1.0, 1.0]:
        raise _refused("its activation does not fire exactly at the threshold and above")
    if float(m.beta) != 0:
        raise _refused("a constant input beta of the cell is not supported", "Use beta 0.")
    op = Neuron(
        beta=float(m.alpha),
        drift=0.0,
        gain=1.0,
        reset_mode="hard",
        reset=_potential_after_spike(m) * float(m.alpha),
        threshold=float(m.Vthres),
        strict=False,
        initial=0.0,
    )
    return g.add(path, op, [x])


def _potential_after_spike(m: Any) -> float:
    """Vreset or Vthres, whichever the cell goes to when it fires, before the leak."""
    m.reset()
    with torch.no_grad():
        m(torch.full((1, getattr(m, "hiddenSize", 1), 1, 1), 2 * abs(float(m.Vthres)) + 1))
    kept = m.h.to(torch.float64)
    m.reset()
    for candidate in (float(m.Vreset), float(m.Vthres)):
        if bool((kept - candidate * float(m.alpha)).abs().max() < 1e-6):
            return candidate
    raise _refused("its reset goes neither to Vreset nor to Vthres")


BATCH_FIRST.add(_asa)
