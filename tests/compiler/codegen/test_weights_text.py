"""Weights as C text: the bits arrive, whichever way they are written."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import cffi
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snnc.compiler.codegen.binary_weights import BINARY, TEXT, BinaryWeights
from snnc.compiler.codegen.c_program import literals
from snnc.compiler.codegen.files import template
from snnc.compiler.codegen.packed_text import ROW, PackedText
from snnc.compiler.deploy.targets import targets
from snnc.compiler.host.toolchain import c_compiler
from snnc.compiler.program import constants as large
from snnc.compiler.program.constants import PACKED_ABOVE, Constant
from tests.support.places import INCLUDE

WARNINGS = ["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Wconversion", "-Werror"]


def text_of(constants: list[Constant], binary: BinaryWeights | None = None) -> str:
    names = type("Names", (), {"lower": "net", "upper": "NET"})()
    return template("weights.h.j2").render(
        m=names,
        constants=constants,
        literals=literals,
        packed_text=PackedText,
        binary=binary,
        alignment=64,
    )


def written(constants: list[Constant], folder: Path, form: str) -> Path:
    """A C file with a function for each array; gives its path."""
    binary = BinaryWeights(constants) if form == BINARY else None
    (folder / "net_weights.h").write_text(text_of(constants, binary))
    if binary is not None:
        binary.write(folder / "net_weights.h.bin")
    functions = (
        f"const {c.c_type} *get_{c.symbol}(void);\n"
        f"const {c.c_type} *get_{c.symbol}(void) {{ return {c.expression}; }}\n"
        for c in constants
    )
    source = folder / "net.c"
    source.write_text('#include "net_weights.h"\n' + "".join(functions))
    return source


def read_back(constants: list[Constant], source: Path, compiler: str) -> list[np.ndarray]:
    library = source.with_suffix(f".{Path(compiler).name}.so")
    command = [compiler, *WARNINGS, f"-I{INCLUDE}", "-shared", "-fPIC", str(source)]
    subprocess.run([*command, "-o", str(library)], check=True)
    ffi = cffi.FFI()
    for c in constants:
        ffi.cdef(f"const {c.c_type} *get_{c.symbol}(void);")
    functions = ffi.dlopen(str(library))
    pointers = [getattr(functions, f"get_{c.symbol}")() for c in constants]
    return [
        np.frombuffer(ffi.buffer(pointer, c.values.nbytes), c.values.dtype).copy()
        for pointer, c in zip(pointers, constants, strict=True)
    ]


def same_bits(read: np.ndarray, values: np.ndarray) -> bool:
    return read.tobytes() == values.tobytes()


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
    (read,) = read_back([constant], written([constant], tmp_path, TEXT), c_compiler()[0])
    assert same_bits(read, values)


@given(st.lists(st.sampled_from(b"0789?\"\\\a/\0\1\7 'A%\x7f\xff"), min_size=1, max_size=600))
def test_text_is_read_as_c_reads_it(data):
    """Escapes end where they must, whatever comes behind them, and there are no trigraphs."""
    data = bytes(data) + bytes(-len(data) % 4)
    text = PackedText(np.frombuffer(data, np.float32)).rest
    assert "??" not in text
    assert unescaped(text) == data


def unescaped(text: str) -> bytes:
    """The bytes of string literals, read as C99 6.4.4.4 says."""
    named = dict(zip('abtnvfr"\\?', b'\a\b\t\n\v\f\r"\\?', strict=True))
    found = bytearray()
    for line in text.splitlines():
        inside = re.fullmatch(r' {4}"((?:[^"\\]|\\.)*)"', line)[1]
        for octal, name, char in re.findall(r"\\([0-7]{1,3})|\\(.)|(.)", inside):
            found.append(int(octal, 8) if octal else named[name] if name else ord(char))
    return bytes(found)


def test_rows_have_no_more_than_c99_promises(tmp_path):
    values = np.random.default_rng(0).normal(size=40_000).astype(np.float32)
    text = PackedText(values)
    rows = "".join(text.row_literals()).split(" R\n")
    assert rows.pop() == ""
    assert len(rows) == text.rows == 4 * 40_000 // ROW
    assert {len(unescaped(row)) for row in rows} == {ROW}
    assert unescaped("\n".join(rows)) + unescaped(text.rest) == values.tobytes()


def arrays() -> list[Constant]:
    """Large and small ones; the large ones do not fill whole cache lines."""
    rng = np.random.default_rng(3)
    sizes = {"first": 5003, "little": 9, "second": 70_001}
    floats = [
        Constant(name, "float", rng.normal(size=size).astype(np.float32), "[n]")
        for name, size in sizes.items()
    ]
    integers = rng.integers(-128, 128, 5001).astype(np.int8)
    return [*floats, Constant("third", "int8_t", integers, "[n]")]


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("form", [TEXT, BINARY])
def test_both_forms_hold_the_same_arrays(form, compiler, tmp_path):
    if not shutil.which(compiler):
        pytest.skip(f"{compiler} is not installed")
    source = written(arrays(), tmp_path, form)
    read = read_back(arrays(), source, compiler)
    assert all(same_bits(r, c.values) for r, c in zip(read, arrays(), strict=True))
    text = (tmp_path / "net_weights.h").read_text()
    assert ("__asm__" in text) == (form == BINARY)
    assert "little[9] SNN_ALIGNED = {" in text


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("keep", [100, 5003 * 4 + 1000, None])
def test_a_binary_file_that_is_too_short_is_not_compiled(keep, compiler, tmp_path):
    if not shutil.which(compiler):
        pytest.skip(f"{compiler} is not installed")
    source = written(arrays(), tmp_path, BINARY)
    data = tmp_path / "net_weights.h.bin"
    data.write_bytes(data.read_bytes()[: -1 if keep is None else keep])
    done = subprocess.run(
        [compiler, *WARNINGS, f"-I{INCLUDE}", "-c", str(source), "-o", str(tmp_path / "net.o")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "error: " in done.stderr.lower()
    assert not (tmp_path / "net.o").exists()


@pytest.mark.parametrize("name", [target.name for target in targets().values()])
def test_microcontrollers_take_binary_weights(name, tmp_path):
    target = targets()[name]
    if not shutil.which(f"{target.prefix}gcc"):
        pytest.skip(f"{target.prefix}gcc is not installed: make firmware-tools")
    source, object_file = written(arrays(), tmp_path, BINARY), tmp_path / "net.o"
    flags = [*target.flags, "-std=c99", "-O2", "-ffreestanding", "-Wall", "-Wextra", "-Werror"]
    command = [f"{target.prefix}gcc", *flags, f"-I{INCLUDE}", "-c", str(source), "-o"]
    subprocess.run([*command, str(object_file)], check=True)
    section, image = ".rodata.net_weights", tmp_path / "image"
    copy = [f"{target.prefix}objcopy", "-O", "binary", f"--only-section={section}"]
    subprocess.run([*copy, str(object_file), str(image)], check=True)
    assert image.read_bytes() == (tmp_path / "net_weights.h.bin").read_bytes()
    listed = subprocess.run(
        [f"{target.prefix}nm", "-S", str(object_file)], capture_output=True, text=True, check=True
    ).stdout
    sizes = {
        line.split()[3]: int(line.split()[1], 16) for line in listed.splitlines() if " R " in line
    }
    assert sizes == {"net_first": 5003 * 4, "net_second": 70_001 * 4, "net_third": 5001}


def test_the_form_follows_the_size(monkeypatch):
    from snnc.compiler.codegen import binary_weights

    assert binary_weights.form(None, arrays()) == TEXT
    assert binary_weights.form(BINARY, arrays()) == BINARY
    assert binary_weights.form(BINARY, arrays()[1:2]) == TEXT  # nothing is large
    monkeypatch.setattr(binary_weights, "LARGE_BYTES", 300_000)
    assert binary_weights.form(None, arrays()) == BINARY
    assert binary_weights.form(TEXT, arrays()) == TEXT


def test_a_network_gives_the_same_scores_either_way(monkeypatch, tmp_path):
    from snnc.bench.contest import build, compiled
    from tests.support.networks.lively import lively_network

    network = lively_network(channels=(8, 40, 40))
    frames = np.random.default_rng(1).poisson(0.3, (6, 2, 34, 34)).astype(np.uint16)
    scores = []
    for limit in (PACKED_ABOVE, 10**9, 0):
        monkeypatch.setattr(large, "PACKED_ABOVE", limit)
        compilation = compiled(network, frames, None)
        text = compilation.generated.files["net_weights.h"]
        assert ("unsigned char rest" in text) == (limit < 10**9)
        assert ("0x1." in text) == (limit > 0)
        packed = np.moveaxis(frames, 1, -1).reshape(6, -1)
        scores.append(build(compilation, tmp_path / str(limit)).classify(packed))
    assert scores[0].any()
    assert np.array_equal(scores[0], scores[1])
    assert np.array_equal(scores[0], scores[2])
