"""Signatures of the kernels, read from the prototypes in the runtime's headers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files

from snnc.compiler.program.values import Argument, ConstantRef, Name, Real, ShapeRef, View

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_PROTOTYPE = re.compile(r"^SNN_KERNEL\s+[\w\s*]*?\b(snn_\w+)\(([^)]*)\)\s*\{", re.MULTILINE)
_PARAMETER = re.compile(r"(const\s+)?((?:enum\s+)?\w+)\s*(\*?)\s*(?:(?:const|restrict)\s+)?\w+")

INTEGERS = frozenset({"int", "int32_t", "uint32_t", "size_t", "ptrdiff_t", "int64_t", "uint64_t"})
COUNTERS = "snn_counts"
"""The type that a counted kernel's last parameter points to."""


@dataclass(frozen=True)
class Parameter:
    """A parameter of a kernel: its type, without ``const`` and the star of a pointer."""

    c_type: str
    pointer: bool
    const: bool

    @property
    def writes(self) -> bool:
        """Whether the kernel may write through it."""
        return self.pointer and not self.const

    def takes(self, argument: Argument) -> bool:
        """Whether an argument is of this type, with no conversion but void pointers' and ints'."""
        match argument:
            case View(_, buffer):
                return self.pointer and self.c_type in _spellings(buffer.c_type)
            case ConstantRef(_, c_type):
                return self.pointer and self.const and self.c_type in _spellings(c_type)
            case ShapeRef(shape):
                return self.pointer and self.const and self.c_type == shape.struct
            case Name(_, c_type):
                return self._takes_type(c_type)
            case Real():
                return not self.pointer and self.c_type == "float"
            case int():
                return not self.pointer and self.c_type in INTEGERS

    def _takes_type(self, c_type: str) -> bool:
        if c_type == "void *":
            return self.pointer
        whole = c_type in INTEGERS or c_type.startswith("enum ")  # an enumerator is an int
        integers = whole and self.c_type in INTEGERS
        return not self.pointer and (integers or self.c_type == c_type)

    def __str__(self) -> str:
        return f"{'const ' if self.const else ''}{self.c_type}{' *' if self.pointer else ''}"


Signature = tuple[Parameter, ...]


def _spellings(c_type: str) -> frozenset[str]:
    """What a pointer to it may be declared as; snn_word is a uint32_t (snn/types.h)."""
    words = {"snn_word", "uint32_t"}
    return frozenset({c_type, "void", *(words if c_type in words else ())})


_NO_KERNELS = {"sensor", "vec"}
"""Folders of headers for sensors, and of the inner loops of kernels, once an instruction set."""


@cache
def signatures() -> Mapping[str, Signature]:
    """The parameters of every kernel by its name."""
    found: dict[str, Signature] = {}
    with as_file(files("snnc") / "runtime_c" / "include" / "snn") as headers:
        for path in sorted(headers.rglob("*.h")):
            if path.relative_to(headers).parts[0] in _NO_KERNELS:
                continue
            text = _COMMENT.sub(" ", path.read_text("utf-8"))
            for name, parameters in _PROTOTYPE.findall(text):
                found[name] = signature(parameters.split(","))
    return found


def signature(parameters: Iterable[str]) -> Signature:
    """The signature of a function from the C declarations of its parameters."""
    return tuple(map(_parameter, parameters))


def _parameter(text: str) -> Parameter:
    matched = _PARAMETER.fullmatch(" ".join(text.split()))
    if matched is None:
        return Parameter(text.strip(), pointer=False, const=False)
    const, c_type, star = matched.groups()
    return Parameter(c_type, pointer=bool(star), const=bool(const))
