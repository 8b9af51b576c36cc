"""Names of the user's that mean something to C, to a build system or to a terminal."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from snnc.compiler.codegen.c_program import Framing
from snnc.compiler.codegen.escaping import c_comment, c_string
from snnc.compiler.compilation import Compilation, compile_graph
from snnc.compiler.deploy import firmware, packages
from snnc.compiler.deploy.targets import target_named
from snnc.compiler.frontend.identifiers import LONGEST, model_name, node_name, why_renamed
from snnc.compiler.frontend.torch_fx import import_module
from snnc.errors import SnncError
from tests.support.networks.small_models import SHAPE, STEPS, Net
from tests.support.places import ROOT

HEADERS = ROOT / "runtime_c" / "include"
HOSTILE = "a*/\n#error in\n/* ??/\n ' \" \\ é \x1b[31m [/] $x$ <b> %s ${y} `z` \u202e"
TAKEN = (
    *("example", "stdint", "stddef", "immintrin", "arm_neon", "string", "time", "snn_types", "snn"),
    *("INT32_T", "main", "class", "new", "xor", "while", "lambda", "linux", "unix", "errno"),
    *("pthread_mutex", "sem", "m", "test", "all", "team_posix", "memory", "9net", "x" * 110),
)


@given(st.text(st.characters(), max_size=40))
@example("*/")
@example("/*/")
@example("*" * 9 + "/" * 9)
@example("??/\n")
@example("\\")
@example("\ud800")
def test_a_comment_stays_one_comment_on_one_line(text):
    comment = f"/* {c_comment(text)} */"
    assert re.fullmatch(r"[ -~]*", comment)
    assert comment.index("*/") == len(comment) - 2
    assert comment.rindex("/*") == 0
    assert "??" not in comment
    assert not comment[:-3].endswith("\n")


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
@example('"??/\\')
def test_a_string_is_read_back(text):
    literal = c_string(text)
    assert re.fullmatch(r'([ !#->@-\[\]-~]|\\["\\?]|\\[0-7]{3})*', literal)
    octal = re.sub(r"\\([0-7]{3})|\\(.)", lambda m: m[2] or chr(int(m[1], 8)), literal)
    assert octal.encode("latin-1").decode() == text


@given(st.text(st.characters(), max_size=150))
@example("INT32_MAX")
@example("SNN_LAYER")
@example("stdin")
def test_names_become_identifiers(text):
    name = node_name(text)
    assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name)
    assert re.search("[a-z]", name)
    assert len(name) <= LONGEST + 2
    try:
        name = model_name(text)
    except SnncError:
        assert not re.search("[a-z]", text, re.IGNORECASE | re.ASCII) or not text.isascii()
        return
    assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
    assert len(name) <= LONGEST
    assert model_name(name) == name


@pytest.mark.parametrize("text", TAKEN)
def test_a_name_that_is_taken_is_changed_and_it_is_said_why(text):
    assert model_name(text) != text.lower()
    assert why_renamed(text)


@pytest.mark.parametrize("text", ["net", "nmnist_none", "My-Net", "net2", "model", "gesture"])
def test_other_names_are_kept(text):
    assert model_name(text) == text.lower().replace("-", "_")
    assert not why_renamed(text)


@pytest.mark.parametrize("compiler", [["gcc", "-march=native"], ["clang"]], ids=" ".join)
def test_no_macro_of_the_headers_is_a_name_for_a_layer(compiler):
    include = "\n".join(f'#include "snn/{h}.h"' for h in ("snn", "snn_i8", "event_buffer", "team"))
    command = [*compiler, "-std=gnu11", "-dM", "-E", f"-I{HEADERS}", "-x", "c", "-"]
    try:
        done = subprocess.run(command, input=include, capture_output=True, text=True, check=True)
    except FileNotFoundError:
        pytest.skip(f"no {compiler[0]}")
    macros = re.findall(r"^#define (\w+)(?: |$)", done.stdout, re.MULTILINE)
    assert len(macros) > 300
    assert not [name for name in macros if not name.startswith("_") and node_name(name) == name]


def compiled(name: str, layer: str = "fc", *, integer: bool = True) -> Compilation:
    """A small network of that name, one of whose modules is called as said."""

    class Named(Net):
        def __init__(self) -> None:
            super().__init__()
            self.add_module(layer, self.fc)
            del self.fc

        def forward(self, x):
            return self.mean(self.lif(self._modules[layer](x)))

    network = Net() if layer == "fc" else Named()
    graph = import_module(network.eval(), SHAPE, STEPS, name=model_name(name))
    frames = np.random.default_rng(0).poisson(0.5, (STEPS, *SHAPE)).astype(np.uint16)
    calibration = [frames] if integer else None
    return compile_graph(graph, Framing(*SHAPE[1:], 1000, 1), calibration=calibration)


def assert_compiles(folder: Path, source: Path, *includes: Path) -> None:
    flags = ["-std=c99", "-fsyntax-only", "-Wall", "-Wextra", "-pedantic", "-Werror"]
    places = [f"-I{place}" for place in (folder, *includes)]
    done = subprocess.run(["gcc", *flags, *places, source], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def project(folder: Path, compilation: Compilation) -> None:
    events = np.zeros(1, np.dtype([("t_us", "<u4"), ("x", "<u2"), ("y", "<u2"), ("p", "u1")]))
    vector = firmware.Vector(events, [0] * 99, [0] * 5)
    firmware.write_project(folder, compilation, target_named("cortex-m4"), [vector])


@settings(max_examples=4, deadline=None)
@given(text=st.text(st.characters(exclude_characters="."), min_size=1, max_size=30))
@example(text=HOSTILE)
@example(text="INT32_MAX")
@example(text="SNN_LAYER")
@example(text="memset")
def test_a_hostile_module_is_nothing_but_a_name_everywhere(tmp_path_factory, text):
    tmp_path = tmp_path_factory.mktemp("hostile")
    compilation = compiled("net", text)
    project(tmp_path / "firmware", compilation)
    for kind in packages.LAYOUTS:
        packages.write(tmp_path / kind, compilation, kind)
    (tmp_path / "host").mkdir()
    compilation.generated.write(tmp_path / "host")
    for path in tmp_path.rglob("*"):
        if path.is_file() and not path.is_relative_to(tmp_path / "firmware" / "snn"):
            assert HOSTILE[:12] not in path.read_text()
    assert_compiles(tmp_path / "host", tmp_path / "host" / "net.c", HEADERS)
    assert_compiles(tmp_path / "firmware" / "board", tmp_path / "firmware" / "board" / "main.c",
                    tmp_path / "firmware")  # fmt: skip


@pytest.mark.parametrize("name", ["stdint", "example", "snn_types", "string", "x" * 110])
def test_a_network_of_a_hostile_name_compiles(tmp_path, name):
    compilation = compiled(name, integer=False)
    compilation.generated.write(tmp_path)
    source = tmp_path / f"{compilation.graph.name}.c"
    assert_compiles(tmp_path, source, HEADERS)
    assert_compiles(tmp_path, tmp_path / "example.c", HEADERS)
    assert "main(" in (tmp_path / "example.c").read_text()
