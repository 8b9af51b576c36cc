"""Compiling and verifying one row."""

from __future__ import annotations

import re
import time
from typing import Any

import torch
from torch import nn

import snnc
from benchmarks.coverage.rows import Row
from snnc.errors import SnncError

SAMPLES = 3


def judged(row: Row) -> dict[str, Any]:
    """What becomes of a row: ``outcome`` "proven", "refused", "wrong", "not built", and why."""
    begun = time.perf_counter()
    torch.manual_seed(0)
    try:
        model = row.make()
    except Exception as error:  # another package's constructor may raise anything
        return _said(row, "not built", f"{type(error).__name__}: {error}", begun)
    drawn = [torch.poisson(torch.full((row.steps, 1, *row.shape), 0.8)) for _ in range(SAMPLES)]
    batch_first = dict(row.options).get("batch_first")
    windows = [window.transpose(0, 1) if batch_first else window for window in drawn]
    if isinstance(model, nn.Module) and not dict(row.options).get("per_step"):
        try:
            with torch.no_grad():
                model(windows[0])
        except Exception as error:  # it does not run in PyTorch, so there is nothing to compile
            return _said(row, "not built", f"{type(error).__name__}: {error}", begun)
    try:
        given = (windows[0],) if isinstance(model, nn.Module) else ()
        net = snnc.compile(model, *given, name="row", **dict(row.options))
        proof = net.verify(windows)
    except SnncError as error:
        why = error.what.rpartition("; nor can what it executes be read: ")[2]
        return _said(row, "refused", f"{why} ({error.where})", begun)
    except Exception as error:  # a fault of ours is a row of the page too
        return _said(row, "wrong", f"{type(error).__name__}: {error}", begun)
    outcome = "proven" if proof.passed else "wrong"
    return _said(row, outcome, "" if proof.verdict == "PROVEN" else proof.verdict, begun)


def _said(row: Row, outcome: str, why: str, begun: float) -> dict[str, Any]:
    why = re.sub(r"/\S*/(site-packages|snnc|benchmarks)/", "", " ".join(why.split()))
    seconds = round(time.perf_counter() - begun, 1)
    return {"part": row.part, "name": row.name, "outcome": outcome, "why": why, "seconds": seconds}
