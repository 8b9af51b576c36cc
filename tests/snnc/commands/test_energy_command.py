"""``snnc energy``: the JSON contract, and its numbers against an independent count."""

from __future__ import annotations

import csv
import io
import json
from collections import OrderedDict

import pytest
import torch
from torch import nn

from snnc.api.compile_settings import CompileSettings
from snnc.api.data.windows import windows
from snnc.api.in_memory import compiled
from snnc.compiler.frontend.given import Given
from snnc.compiler.frontend.source import load_source
from snnc.compiler.host.observed import ObservedModel
from snnc.models import networks, neurons
from tests.support.networks.lively import lively_checkpoint

SAMPLES = 3


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pair")
    return [lively_checkpoint(folder / f"{name}.pt", name) for name in ("asa1", "none")]


def executed(
    path, data: str, folder, settings: CompileSettings | None = None, **options: object
) -> dict[str, int]:
    """What the instrumented C counted, running freely on the recordings."""
    source = load_source(str(path), Given(**options))
    compilation, _ = compiled(source, settings or CompileSettings())
    model = ObservedModel(compilation.graph, compilation.generated, folder, ("-O1",))
    totals = dict.fromkeys(("ac", "mac", "mul", "add", "cmp"), 0)
    for window in windows(source, data, "test", SAMPLES):
        for counts in model.run(window.frames).counts.values():
            for key, number in counts.items():
                totals[key] += number
    return totals


def test_delta_is_what_its_own_counts_say_and_what_the_c_executed(snnc, pair, data, tmp_path):
    model, baseline = pair
    status, out, _ = snnc(
        "energy", model, "--baseline", baseline, "--data", data,
        "--samples", SAMPLES, "--json", "-",
    )  # fmt: skip
    assert status == 0
    result = json.loads(out)
    assert result["convention"] == "executed"
    assert result["samples"] == SAMPLES
    assert {"name", "input_kind", "ac", "mac", "spikes", "energy_pj"} <= result["layers"][0].keys()
    for key in ("ac", "mac"):
        assert sum(layer[key] for layer in result["layers"]) == result["total"][key]
    (tmp_path / "model").mkdir()
    (tmp_path / "baseline").mkdir()
    ours = executed(model, data, tmp_path / "model")
    theirs = executed(baseline, data, tmp_path / "baseline")
    assert {key: result["total"][key] for key in ours} == ours
    delta = result["delta"]
    assert delta["mac"] == ours["mac"] - theirs["mac"]
    assert delta["ac"] == theirs["ac"] - ours["ac"]
    assert delta["energy_pj"] == pytest.approx(4.6 * delta["mac"] - 0.9 * delta["ac"], rel=1e-12)


def test_first_layer_multiplies_and_the_others_accumulate(snnc, pair, data):
    status, out, _ = snnc("energy", pair[1], "--data", data, "--samples", SAMPLES, "--json", "-")
    assert status == 0
    layers = {layer["name"]: layer for layer in json.loads(out)["layers"]}
    assert layers["layer1"]["input_kind"] == "count"
    assert layers["layer1"]["mac"] > 0
    assert layers["layer1"]["ac"] == 0
    assert layers["layer2"]["input_kind"] == "spike"
    assert layers["layer2"]["mac"] == 0
    assert layers["layer2"]["ac"] > 0


class TwoHeads(nn.Module):
    """A digit and a second opinion of three classes, from one convolution."""

    def __init__(self) -> None:
        super().__init__()
        conv = nn.Conv2d(2, 4, 3, padding=1)
        self.body = self.layer(conv=conv, pool=nn.AvgPool2d(2))
        self.digit = self.layer(flat=nn.Flatten(), linear=nn.Linear(4 * 17 * 17, 10))
        self.side = self.layer(flat=nn.Flatten(), linear=nn.Linear(4 * 17 * 17, 3))
        self.digit_mean, self.side_mean = networks.TimeMean(), networks.TimeMean()

    @staticmethod
    def layer(**layers: nn.Module) -> networks.Block:
        synapse = networks.OverTime(OrderedDict(layers))
        return networks.Block(synapse, None, neurons.LIF(0.1))

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        shared = self.body(x)
        return {
            "digit": self.digit_mean(self.digit(shared)),
            "side": self.side_mean(self.side(shared)),
        }


class TupleOfHeads(TwoHeads):
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tuple(super().forward(x).values())


def two_heads() -> nn.Module:
    torch.manual_seed(0)
    return TwoHeads()


def tuple_of_heads() -> nn.Module:
    torch.manual_seed(0)
    return TupleOfHeads()


@pytest.mark.parametrize(
    ("factory", "all_outputs"), [("two_heads", False), ("tuple_of_heads", True)]
)
def test_all_outputs_are_counted(snnc, data, tmp_path, factory, all_outputs):
    spec = f"{__name__}:{factory}"
    given = {"input_shape": (2, 34, 34), "time_steps": 4, "frame_us": 50_000}
    options = ["--input-shape", "2,34,34", "--time-steps", 4, "--frame-us", 50_000]
    options += ["--all-outputs"] if all_outputs else []
    status, out, _ = snnc(
        "energy", spec, *options, "--data", data, "--samples", SAMPLES, "--json", "-"
    )
    assert status == 0
    result = json.loads(out)
    layers = {layer["name"].removeprefix("net."): layer for layer in result["layers"]}
    assert list(layers) == ["body", "digit", "side", "readout"]
    assert layers["digit"]["ac"] * 3 == layers["side"]["ac"] * 10 > 0
    ours = executed(spec, data, tmp_path, **given, all_outputs=all_outputs)
    assert {key: result["total"][key] for key in ours} == ours


def test_unknown_convention_and_table_are_refused_with_the_choices(snnc, pair, data):
    for option in ("--convention", "--table"):
        status, _, err = snnc("energy", pair[0], "--data", data, option, "folklore")
        assert status == 2
        assert "SNNC-E305" in err
        assert "folklore" in err


@pytest.mark.parametrize("max_ram", [None, 100_000])
def test_int8_counts_are_what_the_int8_c_executed(snnc, pair, data, tmp_path, max_ram):
    """With little memory layers are computed again, and that counts."""
    model, _ = pair
    options = ["--dtype", "int8", "--calibrate", data, "--calibrate-samples", 4]
    budget = [] if max_ram is None else ["--max-ram", max_ram]
    status, out, _ = snnc(
        "energy", model, "--data", data, "--samples", SAMPLES, *options, *budget, "--json", "-"
    )
    assert status == 0
    result = json.loads(out)
    assert result["table"]["name"] == "horowitz-int8"
    settings = CompileSettings("int8", data, 4, arena_bytes=max_ram)
    assert bool(_recomputed(model, settings)) == (max_ram is not None)
    ours = executed(model, data, tmp_path, settings)
    assert {key: result["total"][key] for key in ours} == ours


def _recomputed(path, settings: CompileSettings) -> set[str]:
    compilation, _ = compiled(load_source(str(path)), settings)
    return {name for name, times in compilation.schedule.runs.items() if times > 1}


@pytest.mark.parametrize("command", ["energy", "analyze"])
def test_csv_has_the_layers_of_both_models(snnc, pair, data, tmp_path, command):
    common = ["--baseline", pair[1], "--data", data, "--samples", SAMPLES]
    status, out, _ = snnc(
        command, pair[0], *common, "--csv", "-", "--json", tmp_path / "result.json"
    )
    assert status == 0
    result = json.loads((tmp_path / "result.json").read_text())
    rows = list(csv.DictReader(io.StringIO(out)))
    named = [(row["model"], row["name"], int(row["spikes"])) for row in rows]
    assert named == [
        (str(model), layer["name"], layer["spikes"])
        for model, network in zip(pair, (result, result["baseline"]), strict=True)
        for layer in network["layers"]
    ]


def test_json_and_csv_cannot_share_standard_output(snnc, pair, data):
    status, out, err = snnc("energy", pair[0], "--data", data, "--csv", "-", "--json", "-")
    assert (status, out) == (2, "")
    assert "JSON and CSV" in err


def test_views_intervals_and_memory_sizes_are_in_the_json(snnc, pair, data):
    status, out, err = snnc(
        "energy", pair[0], "--baseline", pair[1], "--data", data,
        "--samples", SAMPLES, "--json", "-", "--convention", "paper",
    )  # fmt: skip
    assert status == 0
    result = json.loads(out)
    assert list(result["views"]) == ["eq11", "executed", "memory", "device"]
    eq11 = result["views"]["eq11"]
    assert eq11["delta"] == pytest.approx(result["delta"]["energy_pj"])  # the paper's rule
    together = [result["views"][name]["model"] for name in ("executed", "memory")]
    assert result["views"]["device"]["model"] == pytest.approx(sum(together))
    for view in result["views"].values():
        low, high = view["interval"]["delta"]
        assert low <= view["delta"] + 1e-6
        assert view["delta"] - 1e-6 <= high
        assert view["title"] in " ".join(err.split())
    assert result["interval"]["recordings"] == SAMPLES
    assert [entry["on_chip_bytes"] for entry in result["sram"]] == [1 << 16, 1 << 18, 1 << 20, None]
    assert result["sram"][-1]["memory"] == result["views"]["memory"]


def test_a_device_s_published_price_makes_the_total(snnc, pair, data):
    options = ("--data", data, "--samples", SAMPLES, "--json", "-", "--device")
    status, out, _ = snnc("energy", pair[1], *options, "odin")
    assert status == 0
    result = json.loads(out)
    operations = sum(
        layer["parts"]["synapse"][key]
        for layer in result["layers"]
        for key in ("ac", "mac")
        if "synapse" in layer["parts"]
    )
    assert result["views"]["device"]["model"] == pytest.approx(12.7 * operations)
    assert "12.7 pJ a synaptic operation" in result["views"]["device"]["note"]
    assert result["sram"] == []
    status, _, err = snnc("energy", pair[1], *options, "loihi-2")
    assert status == 2
    assert "no energy per synaptic operation of Loihi 2 is known" in err


def test_ann_stands_beside_the_network_in_json_terminal_and_page(snnc, pair, data, tmp_path):
    model, _ = pair
    page = tmp_path / "page.html"
    options = ("energy", model, "--data", data, "--samples", 2, "--ann")
    status, out, _ = snnc(*options, "--json", "-")
    assert status == 0
    found = json.loads(out)["ann"]
    assert 2 ** found["bits"] > found["time_steps"] >= 2 ** (found["bits"] - 1)
    views = json.loads(out)["views"]
    for name in ("dense", "sparse"):
        for view, beside in found[name]["views"].items():
            assert beside["model"] == pytest.approx(views[view]["model"])
    assert all(layer["macs"] <= layer["synapses"] for layer in found["layers"])
    status, out, _ = snnc(*options, "-o", page)
    assert status == 0
    assert f"its sparse ANN of {found['bits']} bits" in " ".join(out.split())
    assert "The same network as an ANN" in page.read_text()
