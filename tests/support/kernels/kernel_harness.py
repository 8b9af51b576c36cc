"""Compiles every kernel of runtime_c into one shared library a build, callable with numpy arrays.

The prototypes and structs are read from the headers themselves, so a kernel that is added there can
be called here at once. Shapes are passed at run time: the code tested is the same as in generated
models, only not specialised.
"""

from __future__ import annotations

import fcntl
import hashlib
import re
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cffi
import numpy as np
import pytest

from tests.support.places import INCLUDE, KERNELS

WARNINGS = [
    "-Wall",
    "-Wextra",
    "-pedantic",
    "-Wconversion",
    "-Wdouble-promotion",
    "-Wshadow",
    "-Werror",
]
NOT_INLINED = "-DSNN_KERNEL=static __attribute__((unused))"
"""Compiles many times faster; the generated code is inlined, see test_kernels_builds.py."""
BASE_FLAGS = ["-std=c99", "-O2", "-ffp-contract=off", "-fPIC", NOT_INLINED, *WARNINGS]
COUNT_FIELDS = ("ac", "mac", "mul", "add", "cmp")
SCALARS = {"void", "int", "float", "ptrdiff_t", "snn_word"}
SCALARS |= {"uint8_t", "uint16_t", "int32_t", "uint32_t"}
"""Types that C and Python share, beside the structs made of them."""
NUMPY_TYPES = {
    "float": np.float32,
    "snn_word": np.uint32,
    "uint32_t": np.uint32,
    "uint16_t": np.uint16,
    "uint8_t": np.uint8,
}


@dataclass(frozen=True)
class Build:
    """One way to compile the kernels: compiler, target flags and the CPU flag they need."""

    name: str
    compiler: str
    flags: tuple[str, ...]
    cpu_flag: str | None = None


VARIANTS = (
    Build("portable", "gcc", ("-DSNN_VEC_PORTABLE",)),
    Build("sse2", "gcc", (), "sse2"),
    Build("avx2", "gcc", ("-DSNN_VEC_AVX2", "-mavx2", "-mfma"), "avx2"),
    Build("avx512", "gcc", ("-mavx512f", "-mavx512bw", "-mavx512vl", "-mavx512dq"), "avx512vl"),
)


@cache
def cpu_flags() -> frozenset[str]:
    match = re.search(r"^flags\s*:(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return frozenset(match.group(1).split()) if match else frozenset()


def runs_here(build: Build) -> bool:
    return build.cpu_flag is None or build.cpu_flag in cpu_flags()


def _header_text() -> str:
    text = "\n".join(path.read_text() for path in KERNELS)
    return re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)


def _types(declared: str, separator: str) -> set[str]:
    """Names of the types in ``int n, const float *x`` or ``int a, b; float c``."""
    parts = (part.replace("const ", "").split() for part in declared.split(separator))
    return {part[0] for part in parts if part}


@cache
def structs() -> dict[str, str]:
    """Name -> text of every struct whose fields C and Python share."""
    found: dict[str, str] = {}
    pattern = r"^(typedef struct \{(.*?)\} (\w+);)"
    for text, fields, name in re.findall(pattern, _header_text(), re.MULTILINE | re.DOTALL):
        if not {"(", "["} & set(fields) and _types(fields, ";") <= SCALARS | {"uint64_t"}:
            found[name] = text
    return found


@cache
def prototypes() -> dict[str, str]:
    """Name -> ``result name(arguments)`` of every kernel whose arguments C and Python share."""
    found = {}
    for result, name, arguments in re.findall(
        r"^SNN_KERNEL (\w+) (snn_\w+)\(([^{]*?)\) \{", _header_text(), re.MULTILINE
    ):
        if _types(f"{result} result, {arguments}", ",") <= SCALARS | set(structs()):
            found[name] = f"{result} {name}({' '.join(arguments.split())})"
    return found


def _wrapper(name: str) -> str:
    """The prototype of the external function around kernel ``name``."""
    return prototypes()[name].replace(f" {name}(", f" test_{name}(")


@cache
def declarations() -> str:
    """What cffi must know: the scalar types, the structs of the headers, the wrappers."""
    wrappers = [f"{_wrapper(name)};" for name in prototypes()]
    return "\n".join(
        [
            "typedef uint32_t snn_word;",
            "const char *test_vec_name(void);",
            *structs().values(),
            *wrappers,
        ]
    )


@cache
def wrapper_source() -> str:
    """A C file with an external function ``test_<kernel>`` for each kernel."""
    lines = ['#include "snn/snn.h"', '#include "snn/snn_i8.h"', "const char *test_vec_name(void);"]
    lines.append("const char *test_vec_name(void) { return SNN_VEC_NAME; }")
    for name, text in prototypes().items():
        arguments = text[text.index("(") + 1 : -1].split(",")
        call = f"{name}({', '.join(re.split(r'[ *]', part)[-1] for part in arguments)});"
        prefix = "" if text.startswith("void ") else "return "
        lines.append(f"{_wrapper(name)};\n{_wrapper(name)} {{ {prefix}{call} }}")
    return "\n".join(lines) + "\n"


def compile_library(build: Build, *, instrument: bool) -> Path:
    """The shared library of ``build``, made once for each state of the headers."""
    source = wrapper_source()
    flags = [*BASE_FLAGS, *build.flags, *(["-DSNN_INSTRUMENT"] if instrument else [])]
    headers = "".join(path.read_text() for path in sorted(INCLUDE.rglob("*.h")))
    key = hashlib.sha256(repr((build.compiler, flags, source, headers)).encode()).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / "snnc-kernel-tests" / key
    library = folder / "kernels.so"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:  # several test processes, one compilation
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not library.exists():
            (folder / "kernels.c").write_text(source)
            made = folder / "unfinished.so"
            command = [build.compiler, *flags, f"-I{INCLUDE}", "-shared", "-o", str(made)]
            done = subprocess.run(
                [*command, str(folder / "kernels.c")], capture_output=True, text=True, check=False
            )
            if done.returncode:
                raise RuntimeError(f"{build.name}: {done.stderr[-4000:]}")
            made.replace(library)
    return library


class Kernels:
    """The kernels of one build: ``kernels.snn_relu_f32(n, x, y, counts)`` with numpy arrays."""

    def __init__(self, build: Build, *, instrument: bool = True) -> None:
        self.ffi = cffi.FFI()
        self.ffi.cdef(declarations())
        self.library = self.ffi.dlopen(str(compile_library(build, instrument=instrument)))
        self.name = build.name
        self.vec_name = self.ffi.string(self.library.test_vec_name()).decode()

    def struct(self, type_name: str, **fields: float) -> object:
        """A pointer to ``type_name`` with the given fields; the others are 0."""
        value = self.ffi.new(f"{type_name} *")
        for name, field in fields.items():
            setattr(value, name, field)
        return value

    def counts(self) -> object:
        return self.ffi.new("snn_counts *")

    def __getattr__(self, kernel: str):
        function = getattr(self.library, f"test_{kernel}")
        types = self.ffi.typeof(function).args

        def call(*arguments):
            return function(*(self._convert(a, t) for a, t in zip(arguments, types, strict=True)))

        return call

    def _convert(self, argument: object, wanted: object) -> object:
        if argument is None:
            return self.ffi.NULL
        if not isinstance(argument, np.ndarray):
            return argument
        item = wanted.item.cname
        if argument.dtype != NUMPY_TYPES[item] or not argument.flags.c_contiguous:
            raise TypeError(f"{item} * cannot take a {argument.dtype} array")
        return self.ffi.cast(wanted, argument.ctypes.data)


@cache
def load(build: Build, *, instrument: bool = True) -> Kernels:
    """The kernels of ``build``; skips the test where this CPU lacks its instructions."""
    if not runs_here(build):
        pytest.skip(f"this CPU cannot run the {build.name} build: no {build.cpu_flag}")
    return Kernels(build, instrument=instrument)


each_variant = pytest.mark.parametrize("build", VARIANTS, ids=[b.name for b in VARIANTS])
"""Runs a test with the ``build`` of every vector variant; it calls :func:`load`."""


def read_counts(counts: object) -> dict[str, int]:
    """The counters that are not 0."""
    values = {name: int(getattr(counts, name)) for name in COUNT_FIELDS}
    return {name: value for name, value in values.items() if value}


def pack(spikes: np.ndarray) -> np.ndarray:
    """0/1 array [..., channels] -> words [..., SNN_WORDS(channels)]."""
    channels = spikes.shape[-1]
    padding = [(0, 0)] * (spikes.ndim - 1) + [(0, -channels % 32)]
    bits = np.pad(spikes.astype(np.uint8), padding)
    return np.packbits(bits, axis=-1, bitorder="little").view("<u4").astype(np.uint32)


def unpack(words: np.ndarray, channels: int) -> np.ndarray:
    """Words [..., SNN_WORDS(channels)] -> 0/1 uint8 [..., channels]; unused bits must be 0."""
    bits = np.unpackbits(words.astype("<u4").view(np.uint8), axis=-1, bitorder="little")
    assert not bits[..., channels:].any(), "unused high bits of a word are set"
    return bits[..., :channels]


def same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two float32 arrays hold the same bits (0 and -0 differ)."""
    return a.shape == b.shape and np.array_equal(a.view(np.uint32), b.view(np.uint32))
