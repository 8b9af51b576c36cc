"""C identifiers from names in the user's model."""

from __future__ import annotations

import re

C_KEYWORDS = frozenset(
    "auto break case char const continue default do double else enum extern float for goto if "
    "inline int long register restrict return short signed sizeof static struct switch typedef "
    "union unsigned void volatile while".split()
)

_USED = frozenset(
    "NULL framing i int32_t memset net size_t snn t uint16_t uint32_t uintptr_t".split()
)
"""What the generated functions themselves call something by."""


def node_name(path: str) -> str:
    """A C identifier from a module path, without the words that every path of ours has."""
    words = [word for word in path.split(".") if word not in ("synapse", "layers")]
    name = re.sub(r"[\W_]+", "_", "_".join(words), flags=re.ASCII).strip("_") or "root"
    taken = name in C_KEYWORDS or name in _USED or name.startswith("snn_")
    return f"m_{name}" if taken or name[0].isdigit() else name
