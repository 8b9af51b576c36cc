"""Where things lie that tests read."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
"""The checkout."""

INCLUDE = ROOT / "runtime_c" / "include"
"""The kernels' headers."""

KERNELS = [
    path
    for path in sorted((INCLUDE / "snn").rglob("*.h"))
    if path.relative_to(INCLUDE / "snn").parts[0] not in ("sensor", "vec")
]
"""Those that declare kernels: without sensors, and the inner loops of an instruction set."""

C_PROGRAMS = ROOT / "tests" / "c"
"""C that tests compile."""

SHARED = ROOT.parent / "shared" / "data"
"""Real recordings, where the machine has them."""
