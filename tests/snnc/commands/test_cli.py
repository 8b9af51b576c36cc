"""The command line as a user meets it: output, exit statuses, nothing half-written."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import numpy as np
import pytest
import torch

from tests.support.networks.lively import nmnist_bytes


@pytest.fixture(scope="module")
def model(asa1):
    return asa1


@pytest.fixture(scope="module")
def compiled(model, tmp_path_factory):
    out = tmp_path_factory.mktemp("compiled") / "out"
    subprocess.run([sys.executable, "-m", "snnc", "compile", model, "-o", out], check=True)
    return out


def one_sentence(err: str, code: str) -> None:
    """The error is one line that carries its code and says what to do."""
    lines = err.strip().splitlines()
    assert len(lines) == 1, err
    assert lines[0].startswith(f"snnc: {code}: ")
    assert "Traceback" not in err


def test_compile_writes_everything_and_a_manifest(snnc, model, tmp_path):
    out = tmp_path / "deep" / "out"
    status, shown, _ = snnc("compile", model, "-o", out, "--name", "My-Net")
    assert status == 0
    assert "layer1_conv" in shown
    assert {path.name for path in out.iterdir()} == {
        "my_net.c",
        "my_net.h",
        "my_net_weights.h",
        "example.c",
        "CMakeLists.txt",
        "LICENSE",
        "NOTICE",
        "libmy_net.so",
        "manifest.json",
        "snn",
    }
    manifest = json.loads((out / "manifest.json").read_text())
    memory = manifest["memory"]
    assert memory["flash"] > memory["weights"] > 0
    assert 0 < memory["ram"]["states"] <= memory["ram"]["arena"]
    assert memory["ram"]["stack"] > 0
    assert manifest["input"]["sensor"] == [34, 34]
    assert manifest["time_steps"] == 6
    assert manifest["options"]["dtype"] == "f32"
    assert {"snnc", "torch", "cc"} <= manifest["versions"].keys()


def test_a_name_that_is_taken_is_changed_and_said_once(snnc, model, tmp_path):
    taken = tmp_path / "example.pt"
    taken.write_bytes(model.read_bytes())
    out = tmp_path / "out[/]x [bold]"
    status, shown, _ = snnc("compile", taken, "-o", out)
    assert status == 0
    assert shown.count("is called model_example in C: example is the name of another file") == 1
    assert "model_example_init" in (out / "example.c").read_text()
    assert "/]x [bold] (model_example)" in "".join(shown.split("\n"))


def test_compile_twice_gives_the_same_bytes(snnc, model, tmp_path):
    for out in ("a", "b"):
        assert snnc("compile", model, "-o", tmp_path / out)[0] == 0
    for file in ("net.c", "net.h", "net_weights.h"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_compile_replaces_its_own_files_and_no_others(snnc, model, tmp_path):
    out = tmp_path / "out"
    assert snnc("compile", model, "-o", out, "--name", "before")[0] == 0
    (out / "notes.txt").write_text("mine")
    assert snnc("compile", model, "-o", out)[0] == 0
    assert (out / "notes.txt").read_text() == "mine"
    assert not list(out.glob("*before*"))
    other = tmp_path / "thesis"
    other.mkdir()
    (other / "chapter1.tex").write_text("years of work")
    (other / "manifest.json").write_text('{"name": "a web app", "start_url": "/"}')
    status, _, err = snnc("compile", model, "-o", other)
    assert status == 2
    one_sentence(err, "SNNC-E301")
    assert "chapter1.tex" in err
    assert (other / "chapter1.tex").read_text() == "years of work"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "thesis"]


@pytest.mark.parametrize(
    "script",
    ["echo 'no space left on device' >&2; exit 1", "exit 0", "kill -9 $$", "printf '\\377\\0'"],
)
def test_a_broken_compiler_is_the_user_s_and_leaves_nothing(
    snnc, model, tmp_path, monkeypatch, script
):
    monkeypatch.setenv("CC", str(tmp_path / "cc"))
    (tmp_path / "cc").write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "cc").chmod(0o755)
    status, _, err = snnc("compile", model, "-o", tmp_path / "out")
    assert status == 2
    one_sentence(err, "SNNC-E302")
    assert [path.name for path in tmp_path.iterdir()] == ["cc"]


def test_cc_may_hold_options_and_must_be_a_program(snnc, model, tmp_path, monkeypatch):
    monkeypatch.setenv("CC", "gcc -DNAME='a b'")
    assert snnc("compile", model, "-o", tmp_path / "out")[0] == 0
    monkeypatch.setenv("CC", "no-such-compiler")
    status, _, err = snnc("compile", model, "-o", tmp_path / "out")
    assert status == 2
    one_sentence(err, "SNNC-E302")
    assert "no-such-compiler" in err


def test_verify_proves_a_model(snnc, model, recordings, tmp_path):
    report = tmp_path / "verify.json"
    status, out, _ = snnc(
        "verify", model, "--data", f"nmnist:{recordings}", "--samples", 4, "--json", report
    )
    assert status == 0
    assert "PROVEN" in out
    result = json.loads(report.read_text())
    assert result["samples"] == 4
    assert result["time_steps"] == 6
    assert result["unexplained"] == 0
    assert result["class_agreement"] == 1.0
    assert result["accuracy"]["pytorch"] == result["accuracy"]["c"]
    assert result["first_divergence"] is None
    assert all(entry["compared"] > 0 for entry in result["layers"])


def test_verify_of_damaged_c_exits_1_and_names_the_place(snnc, model, compiled, recordings):
    weights = compiled / "net_weights.h"
    good = weights.read_text()
    found = re.search(r"layer2_conv_weight\[\d+\] SNN_ALIGNED[^{]*{\s*", good)
    assert found
    end = good.index(",", found.end())
    weights.write_text(f"{good[: found.end()]}-0x1.8p+6f{good[end:]}")
    try:
        status, out, _ = snnc(
            "verify", model, "--data", f"nmnist:{recordings}", "--samples", 2,
            "--compiled", compiled, "--json", "-",
        )  # fmt: skip
    finally:
        weights.write_text(good)
    assert status == 1
    first = json.loads(out)["first_divergence"]
    assert first["layer"] in ("layer2_neuron", "layer2_attention_select")
    assert set(first) == {"sample", "layer", "what", "step", "neuron", "margin", "bound"}


def test_run_classifies_a_recording_as_pytorch_does(snnc, model, compiled, recordings):
    from snnc.models.checkpoints import load
    from snnc.models.datasets.framing import frame_by_dt
    from snnc.models.datasets.readers import read_recording

    path = recordings / "Test" / "3" / "30000.bin"
    status, out, _ = snnc("run", compiled, "--events", path, "--json", "-")
    assert status == 0
    frames = frame_by_dt(read_recording(path), 50_000, 6).counts.astype(np.float32)
    with torch.no_grad():
        scores = load(model).model(torch.from_numpy(frames)[:, None])[0]
    result = json.loads(out)
    assert result["class"] == int(scores.argmax())
    assert result["scores"] == scores.tolist()
    assert result["events"] == 3000


def test_run_refuses_recordings_that_do_not_fit(snnc, compiled, shared_data):
    davis = shared_data / "recordings" / "davis346" / "sample.aedat4"
    empty = shared_data / "recordings" / "malformed" / "empty_stereo.aedat4"
    for path, code in ((davis, "SNNC-E203"), (empty, "SNNC-E202")):
        status, out, err = snnc("run", compiled, "--events", path)
        assert status == 2
        assert out == ""
        one_sentence(err, code)
        assert path.name in err


@pytest.mark.parametrize("cut", [0, 4, 11, 12_343])
def test_run_refuses_truncated_recordings(snnc, compiled, tmp_path, cut):
    whole = nmnist_bytes(np.random.default_rng(0), 3000)
    path = tmp_path / "cut.bin"
    path.write_bytes(whole[:cut])
    status, _, err = snnc("run", compiled, "--events", path)
    assert status == 2
    one_sentence(err, "SNNC-E201")


def test_unusable_input_is_one_sentence(snnc, model, compiled, recordings, tmp_path):
    (tmp_path / "torn.pt").write_bytes(model.read_bytes()[:5000])
    (tmp_path / "text.pt").write_text("not a model")
    data = f"nmnist:{recordings}"
    cases = [
        (("compile", tmp_path / "missing.pt", "-o", tmp_path / "o"), "SNNC-E102"),
        (("compile", tmp_path / "torn.pt", "-o", tmp_path / "o"), "SNNC-E102"),
        (("compile", tmp_path / "text.pt", "-o", tmp_path / "o"), "SNNC-E102"),
        (("compile", model, "-o", tmp_path / "o", "--dtype", "bf16"), "SNNC-E305"),
        (("compile", model, "-o", tmp_path / "o", "--dtype", "int8"), "SNNC-E305"),
        (("compile", model, "-o", tmp_path / "o", "--calibrate-samples", 2), "SNNC-E305"),
        (("compile", model, "-o", tmp_path / "o", "--target", "z80"), "SNNC-E305"),
        (("verify", model, "--data", "nmnist:/nowhere"), "SNNC-E204"),
        (("verify", model, "--data", "mnist"), "SNNC-E204"),
        (("verify", model, "--data", data, "--samples", 9999), "SNNC-E305"),
        (("verify", "no.such:factory", "--data", data), "SNNC-E305"),
        (("run", tmp_path, "--events", recordings), "SNNC-E306"),
        (("run", compiled, "--events", tmp_path / "missing.bin"), "SNNC-E201"),
    ]
    for args, code in cases:
        status, _, err = snnc(*args)
        assert status == 2, args
        one_sentence(err, code)
    assert not (tmp_path / "o").exists()


def test_our_own_fault_exits_3_and_asks_for_a_report(snnc, model, monkeypatch):
    monkeypatch.setattr("snnc.compiler.frontend.source.load_source", lambda *_a, **_k: 1 / 0)
    status, _, err = snnc("check", model)
    assert status == 3
    one_sentence(err, "SNNC-E901")
    assert "ZeroDivisionError" in err


def test_usage_errors_exit_2(snnc):
    assert snnc("compile")[0] == 2
    assert snnc("no-such-command")[0] == 2
    assert snnc("--help")[0] == 0


def test_int8_is_compiled_verified_and_run(snnc, model, recordings, tmp_path):
    data = f"nmnist:{recordings}"
    int8 = ("--dtype", "int8", "--calibrate", data, "--calibrate-samples", 2)
    status, out, _ = snnc("compile", model, "-o", tmp_path / "o", *int8, "--json", "-")
    assert status == 0
    manifest = json.loads(out)
    assert manifest["options"]["dtype"] == "int8"
    assert manifest["scores"] == {"type": "int32_t", "unit": pytest.approx(1 / 6)}
    lenient = ("--samples", 2, "--min-agreement", 0)  # random weights: no class stands out
    status, out, _ = snnc("verify", model, "--data", data, *lenient, *int8, "--json", "-")
    assert status == 0
    result = json.loads(out)
    assert result["fidelity"]["min_agreement"] == 0
    assert result["dtype"] == "int8"
    assert result["unexplained"] == result["score_mismatches"] == 0
    assert result["counts"]["mismatches"] == []
    assert {layer["name"] for layer in result["layers"]} >= {"layer1_conv", "fc2_neuron", "mean"}
    recording = recordings / "Test" / "3" / "30000.bin"
    status, out, _ = snnc("run", tmp_path / "o", "--events", recording, "--json", "-")
    assert status == 0
    assert all(0 <= score <= 1 for score in json.loads(out)["scores"])


def test_compile_chooses_kernels_by_a_stated_density(snnc, vanilla, tmp_path, monkeypatch):
    """With prices that make dense kernels cheap, a high density gets them and a low one does not;
    linear layers, which take several steps at once, never get them. The spikes stay the same."""
    from snnc.compiler.calibrate import kernel_costs
    from snnc.compiler.passes.choose_kernels import CostModel, Prices

    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    price = {"event": Prices(1.0, 1.0, 1.0), "dense": Prices(1.0, 0.0, 0.25)}
    keys = [(op, kernel) for op in ("conv2d", "linear") for kernel in price]
    kernel_costs.save(CostModel(kernel_costs.cpu_name(), {key: price[key[1]] for key in keys}))
    for density, kernel in ((0.01, "event"), (0.9, "dense")):
        status, out, _ = snnc(
            "compile", vanilla, "-o", tmp_path / "out", "--density", density, "--json", "-"
        )
        manifest = json.loads(out)
        assert status == 0
        report = manifest["options"]["kernels"]
        assert report["fitted_here"] is True
        maps, vectors = report["layers"][:-2], report["layers"][-2:]
        assert {layer["kernel"] for layer in maps} == {kernel}
        assert all(0.01 < layer["crossover"] < 0.9 for layer in maps)
        assert [(layer["kernel"], layer["crossover"]) for layer in vectors] == [("event", None)] * 2
        used = {layer["name"]: layer.get("kernel") for layer in manifest["layers"]}
        assert all(used[layer["name"]] == layer["kernel"] for layer in report["layers"])


def test_compile_chooses_kernels_by_recordings(snnc, vanilla, recordings, tmp_path):
    data = f"nmnist:{recordings}"
    status, out, err = snnc(
        "compile", vanilla, "-o", tmp_path / "out", "--calibrate", data, "--json", "-"
    )
    assert status == 0
    assert "dense above" in err
    layers = json.loads(out)["options"]["kernels"]["layers"]
    assert [layer["name"] for layer in layers] == [
        "layer2_conv",
        "layer3_conv",
        "fc1_linear",
        "fc2_linear",
    ]
    assert all(0 < layer["density"] < 1 for layer in layers)


def test_calibrate_and_density_exclude_each_other(snnc, vanilla, tmp_path):
    options = ("--calibrate", "gesture-sim", "--density", 0.1)
    status, _, err = snnc("compile", vanilla, "-o", tmp_path / "out", *options)
    assert status == 2
    one_sentence(err, "SNNC-E305")


def test_compile_and_run_with_threads(snnc, vanilla, recordings, tmp_path):
    path = recordings / "Test" / "3" / "30000.bin"
    scores = []
    for threads in (1, 2):
        out = tmp_path / f"out{threads}"
        status, text, _ = snnc("compile", vanilla, "-o", out, "--threads", threads, "--json", "-")
        assert status == 0
        manifest = json.loads(text)
        assert manifest["options"]["threads"] == threads
        assert ("team_posix.c" in manifest["files"]) == (threads > 1)
        status, text, _ = snnc("run", out, "--events", path, "--json", "-")
        assert status == 0
        scores.append(json.loads(text)["scores"])
    assert scores[0] == scores[1]


def test_threads_are_for_float32_on_this_machine(snnc, vanilla, tmp_path):
    status, _, err = snnc(
        "compile", vanilla, "-o", tmp_path / "out", "--threads", 2, "--target", "cortex-m4"
    )
    assert status == 2
    assert "--threads" in err
