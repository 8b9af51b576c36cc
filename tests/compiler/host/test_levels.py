"""One library for any processor: every level gives the same bits, each processor takes its best."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from snnc.compiler.codegen.abi import Interface
from snnc.compiler.codegen.binary_weights import BINARY, TEXT
from snnc.compiler.compilation import compile_graph
from snnc.compiler.deploy import folder as artifact
from snnc.compiler.deploy.manifest import read_manifest
from snnc.compiler.frontend.source import load_source
from snnc.compiler.host import levels
from snnc.compiler.host.build import ANY, NATIVE_ONLY
from snnc.compiler.host.model import HostModel
from snnc.errors import BAD_OPTION, SnncError
from tests.support.kernels.kernel_harness import cpu_flags
from tests.support.networks.lively import lively_checkpoint
from tests.support.places import C_PROGRAMS

RNG = np.random.default_rng(0)
WINDOWS = RNG.poisson(0.3, (3, 6, 2, 34, 34)).astype(np.uint16)


def written(folder: Path, dtype: str = "f32", march: str = ANY, weights: str | None = None) -> Path:
    """The folder of a small network, for any processor or this kind."""
    source = load_source(str(lively_checkpoint(folder / "net.pt", "asa1")))
    calibration = None if dtype == "f32" else WINDOWS
    compilation = compile_graph(
        source.graph(), source.framing, calibration=calibration, weights=weights
    )
    artifact.write(folder / "out", source, compilation, artifact.Library(march))
    return folder / "out"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return written(tmp_path_factory.mktemp("levels"))


@pytest.fixture(scope="module")
def native(tmp_path_factory):
    return written(tmp_path_factory.mktemp("native"), march=NATIVE_ONLY)


def opened(out: Path, level: str | None = None) -> HostModel:
    return HostModel(out / "libnet.so", Interface.of(read_manifest(out)), level=level)


def scores(host: HostModel) -> list[bytes]:
    packed = WINDOWS.transpose(0, 1, 3, 4, 2).reshape(3, 6, -1)
    return [host.classify(window).tobytes() for window in packed]


def runnable() -> list[str]:
    """Levels that this processor can run, by what the system says of it."""
    names = {"popcnt": "popcnt", "bmi": "bmi1"}
    return [
        level.name
        for level in levels.levels()
        if all(names.get(feature, feature) in cpu_flags() for feature in level.features)
    ]


@pytest.mark.parametrize(("dtype", "weights"), [("f32", BINARY), ("f32", TEXT), ("int8", TEXT)])
def test_every_level_gives_the_same_bits(dtype, weights, tmp_path):
    out = written(tmp_path, dtype, weights=weights)
    best = opened(out)
    assert list(best.levels) == runnable()
    expected = scores(best)
    assert len(set(expected)) > 1
    for level in best.levels:
        assert scores(opened(out, level)) == expected, level


def test_the_manifest_says_what_the_library_holds(folder):
    options = read_manifest(folder)["options"]
    assert options["march"] == ANY
    assert options["levels"] == [level.name for level in levels.levels()]
    assert not any(flag.startswith("-m") for flag in options["flags"])


def test_a_library_for_this_kind_of_processor_holds_one(native, folder):
    manifest, host = read_manifest(native), opened(native)
    assert manifest["options"]["levels"] == [levels.vector_unit(("-march=native",))]
    assert "-march=native" in manifest["options"]["flags"]
    assert host.levels == ()
    assert scores(host) == scores(opened(folder))
    with pytest.raises(SnncError, match="built for one kind of processor") as caught:
        opened(native, "avx2")
    assert caught.value.code is BAD_OPTION


def test_a_level_that_is_not_there_is_refused(folder):
    with pytest.raises(SnncError, match="level 'avx1024'") as caught:
        opened(folder, "avx1024")
    assert caught.value.code is BAD_OPTION
    assert runnable()[0] in caught.value.hint


def test_the_arrays_are_held_once(native, folder):
    """The further copies of the code add less than one more copy of the arrays would."""
    one, several = (read_manifest(out)["memory"] for out in (native, folder))
    copies = len(levels.levels())
    assert one["weights"] > 20_000
    assert several["flash"] < one["flash"] + one["weights"] + 4 * copies * one["code"]
    symbols = subprocess.run(["nm", folder / "libnet.so"], capture_output=True, text=True)
    assert symbols.stdout.count(" net_fc1_linear_weight\n") == 1


def test_clang_chooses_too(tmp_path, folder, monkeypatch):
    if not shutil.which("clang"):
        pytest.skip("clang is not installed")
    monkeypatch.setenv("CC", "clang")
    host = opened(written(tmp_path))
    assert list(host.levels) == runnable()
    assert scores(host) == scores(opened(folder))


@pytest.mark.parametrize(
    ("processor", "level"), [("qemu64", "sse2"), ("Haswell", "avx2"), ("Nehalem", "sse2")]
)
def test_another_processor_takes_its_own_best(processor, level, folder, tmp_path):
    """Processors that this one is not, under emulation."""
    if not shutil.which("qemu-x86_64") or "sse2" not in cpu_flags():
        pytest.skip("qemu-x86_64 is not installed, or this is another architecture")
    program = tmp_path / "program"
    command = ["gcc", "-std=c99", "-Wall", "-Werror", f"-I{folder}", C_PROGRAMS / "which_level.c"]
    link = ["-o", program, folder / "libnet.so", f"-Wl,-rpath,{folder}"]
    subprocess.run([*command, *link], check=True)
    here, there = (
        subprocess.run([*run, program], capture_output=True, text=True, check=True).stdout.split()
        for run in ([], ["qemu-x86_64", "-cpu", processor])
    )
    assert here[0] == runnable()[0]
    assert there[0] == level
    assert there[1:] == here[1:]
    assert len(set(here[1:])) > 2
