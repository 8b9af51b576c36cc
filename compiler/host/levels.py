"""One library for any processor of an architecture: the kernels are chosen when they are called.

The model's C is compiled once for each *level*, a set of instructions that many processors have.
The functions of a level carry its name (``avx2_net_run``); the model's arrays are in the file of
the last level, and the others read them there. Behind the model's own names stand functions that
ask the processor, a few instructions a call, and there is no state: nothing to start, nothing to
lock. All levels give the same bits, and use the same memory in the same way.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import as_file, files
from itertools import takewhile

from snnc.compiler.codegen.abi import LEVEL_PROTOTYPE, Interface
from snnc.compiler.host.toolchain import c_compiler, run_tool

WEIGHTS_HERE, WEIGHTS_THERE = "SNN_WEIGHTS_GIVEN", "SNN_WEIGHTS_TAKEN"
"""Macros of the file that holds the arrays, and of the others."""


@dataclass(frozen=True)
class Level:
    """A kind of processor.

    Attributes:
        name: of its vector code (SNN_VEC_NAME).
        features: instruction sets, as both gcc and clang spell them, in options (-mavx2) and in
            ``__builtin_cpu_supports``, which also asks whether the system saves their registers.
    """

    name: str
    features: tuple[str, ...] = ()

    @property
    def flags(self) -> tuple[str, ...]:
        """Options of the C compiler."""
        return tuple(f"-m{feature}" for feature in self.features)


_AVX2 = ("avx2", "bmi", "bmi2", "popcnt")
_AVX512 = tuple(f"avx512{part}" for part in ("f", "bw", "cd", "dq", "vl"))
X86_64 = (Level("avx512", (*_AVX2, *_AVX512)), Level("avx2", _AVX2))
"""Levels above the least of x86-64, best first: Skylake-X and Zen 4; Haswell and Zen."""


def levels() -> tuple[Level, ...]:
    """The levels of the C compiler's architecture, best first; the last is what it compiles for
    unless it is told otherwise.

    Raises:
        SnncError: NO_C_COMPILER.
    """
    least = Level(vector_unit(()))
    macros = run_tool([*c_compiler(), "-dM", "-E", "-x", "c", os.devnull]).stdout
    if not re.search(r"^#define __x86_64__ 1$", macros, re.MULTILINE):
        return (least,)
    return (*takewhile(lambda level: level.name != least.name, X86_64), least)


def vector_unit(flags: Sequence[str]) -> str:
    """Name of the vector code that the kernels choose (SNN_VEC_NAME), asked of the preprocessor.

    Raises:
        SnncError: NO_C_COMPILER.
    """
    with as_file(files("snnc") / "runtime_c" / "include") as runtime:
        said = run_tool(
            [*c_compiler(), *flags, f"-I{runtime}", "-E", "-x", "c", "-"],
            '#include "snn/vec.h"\nvector = SNN_VEC_NAME\n',
        )
    found = re.search(r'^vector = "(.*)"$', said.stdout, re.MULTILINE)
    return found.group(1) if found else "unknown"


def defines(level: Level, chosen: Sequence[Level], interface: Interface) -> list[str]:
    """Macros of one level's file: names of its functions, and where the arrays are."""
    name = interface.name
    renamed = [f"{name}_{f}={level.name}_{name}_{f}" for f in interface.functions()]
    return [*renamed, WEIGHTS_HERE if level is chosen[-1] else WEIGHTS_THERE]


def dispatcher(interface: Interface, chosen: Sequence[Level]) -> str:
    """C of the functions under the model's own names, each of which calls that of the best level
    that the processor can run."""
    name = interface.name
    lines = [f'#include "{name}.h"', ""]
    lines += [interface.prototypes(f"{level.name}_") for level in chosen]
    lines += [LEVEL_PROTOTYPE.format(name=name), "", *_conditions(chosen), ""]
    calls = [f"RUNS_{level.name} ? {level.name}_##call :" for level in chosen[:-1]]
    lines.append(f"#define BEST(call) ({' '.join([*calls, f'{chosen[-1].name}_##call'])})")
    for function, parameters in interface.functions().items():
        given = ["net", *re.findall(r"(\w+)(?:,|$)", parameters)]
        text = ", ".join(filter(None, [f"{name}_net *net", parameters]))
        lines.append(f"int {name}_{function}({text}) {{")
        lines.append(f"    return BEST({name}_{function})({', '.join(given)});\n}}")
    return "\n".join([*lines, *_level_function(name, chosen), ""])


def _conditions(chosen: Sequence[Level]) -> Iterator[str]:
    """A macro for each level: whether the processor can run it."""
    for level in chosen:
        asked = [f'__builtin_cpu_supports("{feature}")' for feature in level.features]
        yield f"#define RUNS_{level.name} ({' && '.join(asked) or '1'})"


def _level_function(name: str, chosen: Sequence[Level]) -> Iterator[str]:
    yield LEVEL_PROTOTYPE.format(name=name).removesuffix(";") + " {"
    for level in chosen:
        yield f"    if (RUNS_{level.name} && index-- == 0) {{"
        yield f'        return "{level.name}";\n    }}'
    yield "    return NULL;\n}"
