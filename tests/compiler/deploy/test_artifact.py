"""The folder that snnc compile writes, as a C programmer uses it."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import threading

import numpy as np
import pytest

from snnc.compiler.deploy.compiled import open_compiled
from snnc.compiler.deploy.manifest import read_manifest
from snnc.compiler.host import build
from tests.support.networks.lively import lively_checkpoint


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    from snnc.compiler.compilation import compile_graph
    from snnc.compiler.deploy import folder as artifact
    from snnc.compiler.frontend.source import load_source

    folder = tmp_path_factory.mktemp("artifact")
    source = load_source(str(lively_checkpoint(folder / "net.pt", "asa1")))
    artifact.write(folder / "out", source, compile_graph(source.graph(), source.framing))
    return folder / "out"


def test_cmake_builds_the_folder_and_the_example_runs(compiled, tmp_path):
    if shutil.which("cmake") is None:
        pytest.skip("no cmake: apt-get install cmake")
    flags = "-Wall -Wextra -pedantic -Wconversion -Wdouble-promotion -Werror"
    configure = ["cmake", "-S", compiled, "-B", tmp_path, f"-DCMAKE_C_FLAGS={flags}"]
    subprocess.run(configure, check=True, capture_output=True)
    built = subprocess.run(["cmake", "--build", tmp_path], capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    said = subprocess.run([tmp_path / "net_example"], check=True, capture_output=True, text=True)
    lines = said.stdout.splitlines()
    assert [line.split(":")[0] for line in lines] == [f"class {i}" for i in range(10)]
    assert any(float(line.split(":")[1]) > 0 for line in lines)


def test_manifest_has_the_hash_of_every_file(compiled):
    manifest = read_manifest(compiled)
    written = {
        path.relative_to(compiled).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in compiled.rglob("*")
        if path.is_file() and path.name != "manifest.json"
    }
    assert manifest["files"] == written
    assert {"net.c", "net.h", "net_weights.h", "example.c", "CMakeLists.txt"} <= written.keys()
    assert {"LICENSE", "NOTICE"} <= written.keys()


def test_two_instances_in_two_threads_do_not_disturb_each_other(compiled):
    manifest = read_manifest(compiled)
    rng = np.random.default_rng(0)
    elements = int(np.prod(manifest["input"]["shape"]))
    windows = [rng.poisson(0.3, (6, elements)).astype(np.uint16) for _ in range(20)]
    alone = open_compiled(compiled, manifest)
    expected = [alone.classify(window).tolist() for window in windows]
    results: dict[int, list[list[float]]] = {}

    def work(number: int) -> None:
        model = open_compiled(compiled, manifest)
        order = windows if number == 0 else windows[::-1]
        results[number] = [model.classify(window).tolist() for _ in range(5) for window in order]

    threads = [threading.Thread(target=work, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({tuple(scores) for scores in expected}) > 1
    assert results[0] == expected * 5
    assert results[1] == expected[::-1] * 5


def test_the_same_source_compiles_once(compiled, tmp_path, monkeypatch):
    monkeypatch.setenv("SNNC_CACHE", str(tmp_path / "cache"))
    ran: list[str] = []
    run = build.compile_to

    def counted(target, command, where):
        ran.append(where.name)
        run(target, command, where)

    monkeypatch.setattr(build, "compile_to", counted)
    target = tmp_path / "a.o"
    build.compile_object(compiled / "net.c", target, flags=("-O0",))
    first = target.read_bytes()
    assert ran == ["net.c"]
    target.unlink()
    build.compile_object(compiled / "net.c", target, flags=("-O0",))
    assert ran == ["net.c"]
    assert target.read_bytes() == first
    assert target.with_suffix(".su").exists()
    build.compile_object(compiled / "net.c", target, flags=("-O1",))
    build.compile_object(compiled / "net.c", target, flags=("-O0",), defines=("SNN_TRACE",))
    assert ran == ["net.c"] * 3
