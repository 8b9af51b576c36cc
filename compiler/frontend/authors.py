"""Importers of the ASA-SNN authors' own modules, recognised by their structure.

Their classes (ConvAttLIF, AttLIF, IFCell, ASA; github.com/BICLab/ASA-SNN, Apache-2.0) are copied
from project to project, so they are known by what they hold, not by where they stand. Their cell::

    u = h + x;  s = spikeActFun(u - Vthres);  h = (Vreset where s else u) alpha + beta

Their ASA sets the chosen channels of a whole batch at once; here a graph is one sample, as for a
batch of equal samples. Its ``squeeze`` fails on a batch of one, so it is verified on two copies.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from snnc.compiler.frontend.importing import (
    RECOGNISERS,
    Importer,
    Importing,
    exact,
    needed_importer,
)
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
    return None


RECOGNISERS.append(recognise)


def _refused(what: str, mend: str = "Use the options of the paper.") -> SnncError:
    return SnncError(UNSUPPORTED_LAYER, what, mend=mend)


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
    return _cell(g, m.spike[0], f"{path}.spike", _attention(g, m.attn, f"{path}.attn", value))


def _attention(g: Importing, m: Any, path: str, x: str) -> str:
    if not list(m.parameters()):
        return x  # their "no" attention
    if not _has(m, _ASA):
        raise _refused(f"their attention {type(m).__name__} is not supported", "Use ASA or none.")
    if m.lam_ != 0.5:
        raise _refused(f"their ASA with lambda {m.lam_} is not supported", "Use lambda 0.5.")
    params: dict[str, Any] = {
        "alpha": m.alpha,
        "gamma": m.beta,
        "score1": m.conv1.weight,
        "score2": m.conv2.weight,
        **_mixing(m.fc, path),
    }
    return g.add(path, "asa", [x], {"mean_scale": 1.0 / m.lam_}, params)


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


def _mixing(fc: Any, path: str) -> dict[str, Any]:
    """Their two matrices; or their one, W x = ReLU(W x) - ReLU(-W x), which rounds nothing more."""
    if isinstance(fc, torch.nn.Linear):
        weight = exact(fc.weight, f"{path}.fc")
        one = np.eye(len(weight))
        return {"reduce": np.vstack([weight, -weight]), "expand": np.hstack([one, -one])}
    return {"reduce": fc[0].weight, "expand": fc[2].weight}


def _cell(g: Importing, m: Any, path: str, x: str) -> str:
    if m.mode_select != "spike":
        raise _refused(f"their mode {m.mode_select!r} gives potentials, not spikes")
    if getattr(m, "attention_in_spike", False):
        raise _refused("attention inside the cell is not supported")
    if getattr(m, "pa_train_self", False):
        raise _refused("learned constants of the cell are not supported")
    fired = m.spikeActFun(torch.tensor([-1e-3, 0.0, 1e-3])).tolist()
    if fired != [0.0, 1.0, 1.0]:
        raise _refused("its activation does not fire exactly at the threshold and above")
    attrs = {
        "beta": float(m.alpha),
        "drift": float(m.beta),
        "gain": 1.0,
        "reset_mode": "hard",
        "reset": float(m.Vreset) * float(m.alpha) + float(m.beta),
        "threshold": float(m.Vthres),
        "strict": False,
        "initial": 0.0,
    }
    if attrs["drift"] != 0:
        raise _refused("a constant input beta of the cell is not supported", "Use beta 0.")
    return g.add(path, "neuron", [x], attrs)
