"""C identifiers from names in the user's model."""

from __future__ import annotations

import re

C_KEYWORDS = re.compile(
    "auto|break|case|char|const|continue|default|do|double|else|enum|extern|float|for|goto|if|"
    "inline|int|long|register|restrict|return|short|signed|sizeof|static|struct|switch|typedef|"
    "union|unsigned|void|volatile|while"
)

_USED = re.compile(
    "NULL|end|framing|i|memset|net|part|row|size_t|t|task|u?int[0-9ptr]+_t|snn|snn_.*"
)
"""What the generated functions themselves call something by."""


def node_name(path: str) -> str:
    """A C identifier from a module path, without the words that every path of ours has."""
    words = [word for word in path.split(".") if word not in ("synapse", "layers")]
    name = re.sub(r"[\W_]+", "_", "_".join(words), flags=re.ASCII).strip("_") or "root"
    taken = C_KEYWORDS.fullmatch(name) or _USED.fullmatch(name) or name[0].isdigit()
    return f"m_{name}" if taken else name
