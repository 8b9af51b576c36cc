"""Where things lie that tests read."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
"""The checkout."""

INCLUDE = ROOT / "runtime_c" / "include"
"""The kernels' headers."""

C_PROGRAMS = ROOT / "tests" / "c"
"""C that tests compile."""

SHARED = ROOT.parent / "shared" / "data"
"""Real recordings, where the machine has them."""
