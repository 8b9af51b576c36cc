"""snnc compiles trained spiking neural networks from PyTorch to proven, event-driven C.

The names below are imported when they are first used, so that ``snnc --help`` needs no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from snnc.version import __version__

if TYPE_CHECKING:
    from snnc.api.checking import Check, check
    from snnc.api.compile_model import compile
    from snnc.api.compiled import Compiled
    from snnc.api.costs import Analysis, EnergyReport, energy
    from snnc.api.results.proof import Proof
    from snnc.api.results.timing import Benchmark
    from snnc.compiler.compilation import compile_graph
    from snnc.compiler.frontend.importing import importer
    from snnc.compiler.frontend.nir.export import export_nir
    from snnc.compiler.frontend.torch_fx import import_module
    from snnc.errors import SnncError
    from snnc.models.checkpoints import InputDescription, load, save
    from snnc.models.networks import build

_HOMES = {
    "Analysis": "snnc.api.costs",
    "Benchmark": "snnc.api.results.timing",
    "Check": "snnc.api.checking",
    "Compiled": "snnc.api.compiled",
    "EnergyReport": "snnc.api.costs",
    "Proof": "snnc.api.results.proof",
    "SnncError": "snnc.errors",
    "check": "snnc.api.checking",
    "compile": "snnc.api.compile_model",
    "energy": "snnc.api.costs",
    "InputDescription": "snnc.models.checkpoints",
    "build": "snnc.models.networks",
    "compile_graph": "snnc.compiler.compilation",
    "export_nir": "snnc.compiler.frontend.nir.export",
    "import_module": "snnc.compiler.frontend.torch_fx",
    "importer": "snnc.compiler.frontend.importing",
    "load": "snnc.models.checkpoints",
    "save": "snnc.models.checkpoints",
}

__all__ = [
    "Analysis",
    "Benchmark",
    "Check",
    "Compiled",
    "EnergyReport",
    "InputDescription",
    "Proof",
    "SnncError",
    "__version__",
    "build",
    "check",
    "compile",
    "compile_graph",
    "energy",
    "export_nir",
    "import_module",
    "importer",
    "load",
    "save",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'snnc' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
