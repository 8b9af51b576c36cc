"""The command line for microcontrollers: targets, budgets, buffers, and folders compiled before."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from snnc.compiler.deploy.targets import missing_tools, target_named


@pytest.fixture(scope="module")
def model(asa1):
    return asa1


def need(name: str) -> None:
    target = target_named(name)
    if missing := missing_tools(target, target.boards[0]):
        pytest.skip(f"{name} needs {', '.join(missing)}: run `make firmware-tools`")


def refused(result: tuple[int, str, str], status: int, *says: str) -> None:
    """The exit status, and one line on standard error that says all of it."""
    assert result[0] == status, result
    lines = result[2].strip().splitlines()
    assert len(lines) == 1, result[2]
    for pattern in says:
        assert re.search(pattern, lines[0]), lines[0]


# a folder that was compiled before ---------------------------------------------------------------


@pytest.fixture
def firmware_folder(snnc, vanilla, int8, tmp_path) -> Path:
    out = tmp_path / "m3"
    status, _, err = snnc("compile", vanilla, "-o", out, *int8, "--target", "cortex-m3")
    assert status == 0, err
    return out


def test_a_firmware_folder_is_verified_as_it_stands(snnc, vanilla, data, int8, firmware_folder):
    need("cortex-m3")
    options = ("--data", data, "--samples", 1, *int8, "--target", "cortex-m3")
    command = ("verify", vanilla, *options, "--compiled", firmware_folder, "--json", "-")
    status, out, _ = snnc(*command)
    assert status == 0
    result = json.loads(out)
    assert result["compared"] > 100
    assert [link["name"] for link in result["links"]] == [
        "reading", "values", "artefact", "fidelity", "stress",
    ]  # fmt: skip
    weights = firmware_folder / "net_weights.h"
    text, pattern = (
        weights.read_text(),
        r"(layer2_neuron_threshold\[(\d+)\]\s+(?:#ifndef \w+\s+)?= {)[^}]*",
    )
    always = re.sub(pattern, lambda found: f"{found[1]}{'-99, ' * int(found[2])}", text)
    weights.write_text(always)
    status, out, _ = snnc(*command)
    assert status == 1
    assert "layer layer2_neuron, step" in json.loads(out)["first_divergence"]


def test_a_folder_of_another_kind_is_refused(snnc, vanilla, model, data, int8, firmware_folder):
    given = ("--data", data, "--samples", 1, "--compiled", firmware_folder)
    m3 = ("--target", "cortex-m3")
    refused(snnc("verify", vanilla, *given, *int8), 2, "E305", "--target cortex-m3, and --target h")
    refused(snnc("verify", vanilla, *given), 2, "E305", "--target cortex-m3")
    refused(snnc("verify", model, *given, *int8, *m3), 2, "E305", "its layers differ")
    (firmware_folder / "net.c").unlink()
    refused(snnc("verify", vanilla, *given, *int8, *m3), 2, "E306", r"cannot read its C .*net\.c")


# events that wait ---------------------------------------------------------------------------------


def test_buffers_are_chosen_stated_and_verified(snnc, model, vanilla, data, tmp_path):
    recording = next(Path(data.removeprefix("nmnist:"), "Test").rglob("*.bin"))
    whole = {}
    for name, given in (("asa1", model), ("none", vanilla)):
        status, out, _ = snnc("compile", given, "-o", tmp_path / name, "--json", "-")
        assert status == 0
        assert json.loads(out)["input"]["buffer"] == {
            "frames": 6, "events": None, "overrun": "drop",
        }  # fmt: skip
        run = snnc("run", tmp_path / name, "--events", recording, "--json", "-")[1]
        whole[name] = json.loads(out)["memory"]["ram"]["arena"], json.loads(run)["scores"]
    for name, given, options, buffer in (
        ("asa1", model, ("--max-events", 20_000), {"frames": 1, "events": 20_000}),
        ("none", vanilla, ("--max-frames", 2, "--overrun", "carry"), {"frames": 2, "events": None}),
    ):
        out = tmp_path / f"small-{name}"
        status, said, _ = snnc("compile", given, "-o", out, *options, "--json", "-")
        assert status == 0
        manifest = json.loads(said)
        assert manifest["input"]["buffer"].items() >= buffer.items()
        _, said, _ = snnc("run", out, "--events", recording, "--json", "-")
        assert json.loads(said)["scores"] == whole[name][1]
    verified = ("verify", given, "--data", data, "--samples", 1, *options, "--compiled", out)
    assert snnc(*verified)[0] == 0
    assert manifest["memory"]["ram"]["arena"] < whole["none"][0]


def test_what_cannot_wait_is_refused(snnc, model, tmp_path):
    out = ("-o", tmp_path / "out")
    refused(snnc("compile", model, *out, "--max-frames", 1), 1, "E105", "--max-events")
    both = ("--max-events", 9, "--max-frames", 1)
    refused(snnc("compile", model, *out, *both), 2, "E305", "cannot be combined")
    assert not (tmp_path / "out").exists()


# budgets ------------------------------------------------------------------------------------------


def test_memory_is_split_and_the_trade_off_shown(snnc, model, int8, tmp_path):
    status, said, table = snnc(
        "compile", model, "-o", tmp_path / "out", *int8, "--target", "cortex-m4", "--json", "-"
    )
    assert status == 0
    memory = json.loads(said)["memory"]
    choices = memory["choices"]
    assert [entry["chosen"] for entry in choices] == [True, *[False] * (len(choices) - 1)]
    assert len(choices) > 2
    for entry in choices:
        assert entry["arena"] <= 1.05 * entry["arena_lower_bound"]
    assert memory["ram"]["arena"] == choices[0]["arena"] >= memory["ram"]["states"] > 0
    assert memory["tables"] == 257 * 4, "the sigmoid's"
    if memory["flash"] is not None:
        assert memory["flash"] == memory["weights"] + memory["tables"] + memory["code"]
        assert memory["code"] > 1000
    for words in ("weights", "tables", "states", "stack", "recomputed instead of stored"):
        assert words in table
    least = choices[-1]["arena"] + 3072
    options = (*int8, "--target", "cortex-m4", "--max-ram", least - 64)
    refused(
        snnc("compile", model, "-o", tmp_path / "new", *options), 1,
        "E304", r"the least of any plan: [\d,]+", "layer1_neuron [0-9,]+", "--max-events N would",
        "Half the time steps would save about",
    )  # fmt: skip
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("dtype", ["f32", "int8"])
def test_flash_over_budget_says_what_is_large_and_what_helps(snnc, vanilla, int8, tmp_path, dtype):
    options = int8 if dtype == "int8" else ()
    helps = "int8 already" if dtype == "int8" else "--dtype int8 would bring"
    result = snnc("compile", vanilla, "-o", tmp_path / "out", *options, "--max-flash", "4K")
    refused(result, 1, "E304", "constants alone are [0-9,]+ bytes", "fc1_linear_weight", helps)
    assert not (tmp_path / "out").exists()


def test_code_counts_too(snnc, vanilla, int8, tmp_path):
    status, said, _ = snnc("compile", vanilla, "-o", tmp_path / "a", *int8, "--json", "-")
    assert status == 0
    memory = json.loads(said)["memory"]
    assert memory["choices"] == [], "without a budget there is nothing to choose"
    room = memory["weights"] + memory["tables"] + 100
    result = snnc("compile", vanilla, "-o", tmp_path / "b", *int8, "--max-flash", room)
    refused(result, 1, "E304", "code of [0-9,]+ bytes and constants of [0-9,]+ are more than")


def test_unknown_targets_and_float_firmware_are_refused(snnc, vanilla, int8, tmp_path):
    out = ("-o", tmp_path / "out")
    result = snnc("compile", vanilla, *out, *int8, "--target", "z80")
    refused(result, 2, "E305", "cortex-m55, riscv32")
    result = snnc("compile", vanilla, *out, "--target", "cortex-m4")
    refused(result, 2, "E305", "needs an int8 model", "--dtype int8 --calibrate DATA")
    assert not (tmp_path / "out").exists()


# packages -----------------------------------------------------------------------------------------


def test_packages_are_written_whole_or_refused(snnc, vanilla, int8, tmp_path):
    out = tmp_path / "out"
    status, said, _ = snnc(
        "compile", vanilla, "-o", out, *int8, "--package", "arduino", "--json", "-"
    )
    assert status == 0
    manifest = json.loads(said)
    assert manifest["target"] == "arduino package"
    assert (out / "examples" / "classify" / "classify.ino").exists()
    assert set(manifest["files"]) >= {"library.properties", "src/net.c", "src/snn/types.h"}
    refused(snnc("run", out, "--events", "x.bin"), 2, "E306", "compiled for arduino package")
    both = ("--package", "arduino", "--instrument")
    refused(snnc("compile", vanilla, "-o", out, *both), 2, "E305", "cannot be combined")
    assert (out / "library.properties").exists(), "a refusal leaves what was there"


def test_a_package_for_a_core_is_the_firmware_and_verified_as_packaged(
    snnc, vanilla, data, int8, firmware_folder, tmp_path
):
    out = tmp_path / "out"
    m3 = ("--target", "cortex-m3")
    status, said, _ = snnc(
        "compile", vanilla, "-o", out, *int8, *m3, "--package", "platformio", "--json", "-"
    )
    assert status == 0
    manifest = json.loads(said)
    assert (manifest["package"], manifest["core"]) == ("platformio", "cortex-m3")
    assert manifest["target"] == "platformio package for cortex-m3"
    for file in ("net.c", "net_weights.h"):
        assert (out / "src" / file).read_text() == (firmware_folder / file).read_text()
    given = ("--data", data, "--samples", 1, *int8, "--compiled", out)
    m4 = ("--target", "cortex-m4")
    refused(snnc("verify", vanilla, *given, *m4), 2, "E305", "with --target cortex-m3, and")
    need("cortex-m3")
    assert snnc("verify", vanilla, *given, *m3)[0] == 0
    assert json.loads((out / "manifest.json").read_text())["proof"]["passed"]
    text = (out / "src" / "net.c").read_text()
    (out / "src" / "net.c").write_text(text.replace("net->step++", "net->step += 2"))
    assert snnc("verify", vanilla, *given, *m3)[0] == 1


def test_a_package_for_any_core_is_verified_on_one_and_here(snnc, vanilla, data, int8, tmp_path):
    out = tmp_path / "out"
    assert snnc("compile", vanilla, "-o", out, *int8, "--package", "zephyr")[0] == 0
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["core"] is None
    assert "own" in {layer.get("order") for layer in manifest["layers"]}
    given = ("--data", data, "--samples", 1, *int8, "--compiled", out)
    assert snnc("verify", vanilla, *given)[0] == 0
    need("cortex-m4")
    assert snnc("verify", vanilla, *given, "--target", "cortex-m4")[0] == 0
