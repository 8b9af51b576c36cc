"""Weights as C text: the bits arrive, whichever way they are written."""

from __future__ import annotations

import subprocess
from pathlib import Path

import cffi
import numpy as np
import pytest

from snnc.compiler import emitter
from snnc.compiler.build import c_compiler
from snnc.compiler.codegen import literals, template
from snnc.compiler.emitter import PACKED_ABOVE, Constant
from snnc.compiler.packed_text import ROW, packed_text

WARNINGS = ["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Wconversion", "-Werror"]

INCLUDE = Path(__file__).parents[1] / "runtime_c" / "include"


def text_of(constants: list[Constant]) -> str:
    names = type("Names", (), {"lower": "net", "upper": "NET"})()
    return template("weights.h.j2").render(
        m=names, constants=constants, literals=literals, packed_text=packed_text
    )


@pytest.mark.parametrize(
    "size", [1, 7, PACKED_ABOVE, PACKED_ABOVE + 1, 5 * ROW // 4, 5 * ROW // 4 + 1]
)
def test_every_value_arrives_bit_for_bit(size, tmp_path):
    rng = np.random.default_rng(size)
    values = rng.normal(size=size).astype(np.float32)
    values[0] = -0.0 if size > 2 else 1e-42  # signed zero, subnormal
    values[-1] = np.float32(3.4028235e38)
    constant = Constant("w", "float", values, "[n]")
    assert constant.packed == (size > PACKED_ABOVE)
    (tmp_path / "w.h").write_text(text_of([constant]))
    (tmp_path / "w.c").write_text(
        '#include "w.h"\nconst float *get(void);\n'
        f"const float *get(void) {{ return {constant.expression}; }}\n"
    )
    library = tmp_path / "w.so"
    command = [
        c_compiler(),
        *WARNINGS,
        f"-I{INCLUDE}",
        "-shared",
        "-fPIC",
        str(tmp_path / "w.c"),
        "-o",
        str(library),
    ]
    subprocess.run(command, check=True)
    ffi = cffi.FFI()
    ffi.cdef("const float *get(void);")
    pointer = ffi.dlopen(str(library)).get()
    read = np.frombuffer(ffi.buffer(pointer, 4 * size), np.uint32)
    assert np.array_equal(read, values.view(np.uint32))


def test_a_network_gives_the_same_scores_either_way(monkeypatch, tmp_path):
    from snnc.bench.contest import build, compiled
    from tests.lively import lively_network

    network = lively_network(channels=(8, 40, 40))
    frames = np.random.default_rng(1).poisson(0.3, (6, 2, 34, 34)).astype(np.uint16)
    scores = []
    for limit in (PACKED_ABOVE, 10**9, 0):
        monkeypatch.setattr(emitter, "PACKED_ABOVE", limit)
        compilation = compiled(network, frames, None)
        text = compilation.generated.files["net_weights.h"]
        assert ("unsigned char rest" in text) == (limit < 10**9)
        assert ("0x1." in text) == (limit > 0)
        packed = np.moveaxis(frames, 1, -1).reshape(6, -1)
        scores.append(build(compilation, tmp_path / str(limit)).classify(packed))
    assert scores[0].any()
    assert np.array_equal(scores[0], scores[1])
    assert np.array_equal(scores[0], scores[2])
