"""The study at toy size: its data, its two own arms, its choice and its statistics."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.study import __main__ as command
from benchmarks.study import analysis, data, page, plan, runs
from benchmarks.study.arms import change_of, making_masks, without_gains
from benchmarks.study.data import Part
from snnc.compiler.frontend.torch_fx import import_module
from snnc.compiler.passes import pipeline
from snnc.compiler.verify import reference
from snnc.models import networks
from snnc.models.datasets.events import Recording, pack_events
from tests.support.named_views import unnamed_in_markdown
from tests.support.places import SHARED

TOY = runs.Size(epochs=1, counted=2)
CONDITION = "nmnist-2"


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> dict[str, Part]:
    """Twenty recordings of noise a part, of 10 by 10 pixels."""
    rng = np.random.default_rng(0)
    made = {
        part: Part(rng.poisson(0.4, (20, 10, 2, 10, 10)).astype(np.uint16), np.arange(20) % 10)
        for part in data.PARTS
    }
    monkeypatch.setattr(runs, "parts", lambda *_: made)
    return made


def test_the_plan_is_what_its_page_says() -> None:
    every = list(plan.runs())
    assert len(every) == len({run.name for run in every}) == 5 * (44 + 55)
    assert all(len(arm.settings) == 4 for arm in plan.ARMS.values())
    page = (data.ROOT / "docs" / "study" / "plan.md").read_text()
    assert "44 + 55 runs a condition, 495 in all" in page
    order = [run.condition for run in every]
    assert list(dict.fromkeys(order)) == [
        "nmnist-2",
        "nmnist-0",
        "gesture-hard",
        "nmnist-1",
        "nmnist-4",
    ]
    assert ", ".join(dict.fromkeys(order)) in page


def test_noise_is_so_many_events_to_every_real_one() -> None:
    events = pack_events(
        np.array([10, 20, 4000]),
        np.array([1, 2, 3]),
        np.array([4, 5, 6]),
        np.array([0, 1, 1], np.uint8),
    )
    real = Recording(events, (34, 34), "three")
    noisy = data.noisy(real, 400, np.random.default_rng(1))
    assert len(noisy.events) == 3 * 401
    assert (np.diff(noisy.events["t"].astype(int)) >= 0).all()
    assert noisy.events["t"][0] >= 10
    assert noisy.events["t"][-1] == 4000
    for field, size in (("x", 34), ("y", 34), ("p", 2)):
        values = np.bincount(noisy.events[field], minlength=size)
        assert len(values) == size
        assert values.min() > 0
    assert data.noisy(real, 0, np.random.default_rng(1)) is real


@pytest.mark.skipif(not (SHARED / "nmnist" / "Test").is_dir(), reason="no N-MNIST here")
def test_parts_share_no_recording_and_are_the_same_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "NMNIST_FOLDER", str(SHARED / "nmnist"))
    condition = plan.CONDITIONS[CONDITION]
    first = {part: data.made_part(condition, part, most=3) for part in data.PARTS}
    again = data.made_part(condition, "train", most=3)
    assert (first["train"].frames == again.frames).all()
    assert first["test"].frames.shape == (3, 10, 2, 17, 17)
    sums = [int(frames.sum()) for part in first.values() for frames in part.frames]
    assert len(set(sums)) == len(sums)


def test_people_of_the_parts_are_others() -> None:
    people = [set(chosen) for chosen, _ in data.PEOPLE.values()]
    assert [len(chosen) for chosen in people] == [4, 4, 10]
    assert not people[0] & people[1] | people[1] & people[2] | people[0] & people[2]
    sizes = [len(chosen) * times * data.GESTURES for chosen, times in data.PEOPLE.values()]
    assert sizes == [220, 132, 440]
    part = data.made_part(plan.CONDITIONS["gesture-hard"], "train", most=1)
    assert part.frames.shape == (1, 20, 2, 32, 32)


@pytest.mark.parametrize("arm", ["vanilla-0.45", "penalty", "gain", "asa1-random", "asa1"])
def test_a_run_writes_its_row_and_is_the_same_again(arm: str, toy, tmp_path: Path) -> None:
    for run in plan.choosing(CONDITION, arm):
        row = {"validation": {"accuracy": 0.5, "nasfr": 0.1 + 0.01 * run.number}}
        (tmp_path / f"{run.name}.json").write_text(json.dumps(row))
    run = plan.Run(CONDITION, arm, "final", 3)
    row = runs.perform(run, tmp_path, TOY)
    assert row == runs.read(run, tmp_path)
    assert (row["seed"], row["setting_number"], row["recordings"]) == (3, 0, 20)
    assert analysis.correct(row).mean() == pytest.approx(row["test"]["accuracy"])
    assert set(row["cost_pj"]) == {"eq11", "executed", "memory", "device"}
    assert row["cost_pj"]["eq11"] < row["cost_pj"]["executed"] < row["cost_pj"]["device"]
    again = runs.perform(run, tmp_path, TOY)
    assert row | {"training_seconds": 0} == again | {"training_seconds": 0}
    assert command.gather(tmp_path, tmp_path / "rows.jsonl") == 5


def test_rows_in_the_repository_are_not_run_again(tmp_path: Path) -> None:
    run = plan.Run(CONDITION, "sa", "final", 2)
    row = {"condition": CONDITION, "arm": "sa", "phase": "final", "number": 2, "seed": 2}
    rows, folder = tmp_path / "rows.jsonl", tmp_path / "runs"
    rows.write_text(json.dumps(row) + "\n")
    command.restore(rows, folder)
    assert runs.read(run, folder) == row
    assert command.gather(folder, tmp_path / "again.jsonl") == 1
    assert (tmp_path / "again.jsonl").read_text() == rows.read_text()
    command.restore(tmp_path / "none.jsonl", folder)
    assert len(list(folder.iterdir())) == 1


def test_fixed_groups_cost_asa1_without_its_masks_and_fire_as_pytorch_says(toy) -> None:
    run = plan.Run(CONDITION, "asa1-random", "final", 1)
    setting = plan.Setting(2e-3, 0.3)
    model = runs.trained(run, setting, 1, toy, TOY)
    network, forced = runs.counted_network(run, model)
    frames = torch.from_numpy(toy["test"].frames[0].astype(np.float32))
    values = reference.run(network.executed, {"input": frames}, forced=forced)
    assert torch.allclose(values[network.executed.outputs[0]][0], model(frames[:, None])[0])
    gone = making_masks(network.executed)
    assert {network.executed[name].op.name for name in gone} == {
        "statistics", "weighted_rows", "mlp", "sigmoid", "complementary_mask",
    }  # fmt: skip
    kept = {name for layer in network.executed_layers for name in layer.nodes}
    assert kept | gone == {node.name for node in network.executed.nodes}
    assert not kept & gone


def test_a_folded_gain_is_the_same_network(toy) -> None:
    model = networks.build(
        "three-layer-narrow", input_size=[2, 10, 10], time_steps=10, classes=10
    ).eval()
    change = change_of("gain")
    assert change is not None
    change(model)
    for block in (model.layer1, model.layer2, model.layer3):
        block.attention.gain.data.fill_(1.7)
    frames = torch.from_numpy(toy["test"].frames[:4].astype(np.float32)).transpose(0, 1)
    with torch.no_grad():
        before = model(frames)
        without_gains(model)
        after = model(frames)
    assert torch.allclose(before, after, atol=0.05)
    graph = pipeline.optimised(import_module(model, (2, 10, 10), 10))
    assert not any(node.op.name == "scale" for node in graph.nodes)


def test_the_choice_is_by_validation_alone(tmp_path: Path) -> None:
    scores = [(0.6, 0.2), (0.7, 0.3), (0.7, 0.2), (0.7, 0.2)]
    for run, (accuracy, nasfr) in zip(plan.choosing(CONDITION, "asa1"), scores, strict=True):
        row = {"validation": {"accuracy": accuracy, "nasfr": nasfr}}
        (tmp_path / f"{run.name}.json").write_text(json.dumps(row))
    assert runs.chosen(plan.Run(CONDITION, "asa1", "final", 1), tmp_path) == 2
    with pytest.raises(FileNotFoundError):
        runs.chosen(plan.Run(CONDITION, "sa", "final", 1), tmp_path)


def row_of(arm: str, seed: int, nasfr: float, right: list[int]) -> runs.Row:
    return {
        "condition": CONDITION, "arm": arm, "seed": seed, "phase": "final",
        "recordings": len(right), "right": runs.packed(np.array(right, bool)),
        "test": {"accuracy": float(np.mean(right)), "nasfr": nasfr},
    }  # fmt: skip


def test_accuracy_between_two_thresholds_is_read_off_the_line_in_log_rate() -> None:
    simple = [
        row_of("vanilla-0.3", 1, 0.4, [1, 1, 0, 0]),
        row_of("vanilla-1", 1, 0.1, [1, 0, 0, 0]),
    ]
    middle = analysis.on_the_line(simple, 0.2, analysis.firing)
    assert middle.tolist() == pytest.approx([1, 0.5, 0, 0])
    assert analysis.on_the_line(simple, 0.05, analysis.firing).tolist() == [1, 0, 0, 0]
    assert analysis.on_the_line(simple, 0.4, analysis.firing).tolist() == [1, 1, 0, 0]
    assert analysis.on_the_line(simple, 0.9, analysis.firing).tolist() == [1, 1, 0, 0]


def test_difference_at_equal_firing_is_that_by_hand() -> None:
    rows = [row_of(name, 1, 0.2, [1, 0, 0, 0]) for name in plan.SIMPLE[1:]]
    rows += [row_of(plan.SIMPLE[0], 1, 0.8, [0, 1, 0, 0]), row_of("asa1", 1, 0.4, [1, 1, 1, 0])]
    found = analysis.final(rows)
    (only,) = analysis.differences(found, CONDITION, "asa1", [1], analysis.firing)
    assert only.tolist() == pytest.approx([0.5, 0.5, 1, 0])
    assert analysis.direct(found, CONDITION, ("asa1", "vanilla-1"), [1]).tolist() == [[0, 1, 1, 0]]
    assert analysis.complete_seeds(found, CONDITION, ["asa1"]) == [1]
    assert analysis.complete_seeds(found, CONDITION, ["sa"]) == []


def test_bootstrap_holds_the_mean_and_knows_when_there_is_nothing() -> None:
    rng = np.random.default_rng(2)
    nothing = [rng.choice([-1.0, 0.0, 1.0], (5, 400)) for _ in range(2)]
    found = analysis.estimate(nothing, draws=2000)
    assert found.low < 0 < found.high
    assert found.p > 0.05
    something = analysis.estimate([table + 0.2 for table in nothing], draws=2000)
    assert something.low > 0
    assert something.p == pytest.approx(2 / 2001)
    assert something.mean - found.mean == pytest.approx(0.2)
    seeds = np.repeat([[-0.3], [0.3], [0.3], [0.3], [0.3]], 400, axis=1)
    wide = analysis.estimate([seeds], draws=2000)
    assert wide.high - wide.low > 0.3  # seeds differ, recordings do not: they are drawn too


def test_holm_multiplies_by_what_is_left() -> None:
    assert analysis.holm({"a": 0.01, "b": 0.04, "c": 0.03}) == {"a": 0.03, "b": 0.06, "c": 0.06}
    assert analysis.holm({"a": 0.9, "b": 0.8}) == {"a": 1.0, "b": 1.0}


def test_bits_come_back() -> None:
    bits = np.random.default_rng(3).random(701) < 0.5
    assert (runs.unpacked(runs.packed(bits), 701) == bits).all()


def test_the_page_says_what_ran_and_answers_only_the_whole(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    rows = []
    for condition in ("nmnist-2", "nmnist-0"):
        for arm in plan.ARMS:
            for seed in plan.SEEDS:
                share = 0.9 if arm == "asa1" else 0.5
                row = row_of(arm, seed, 0.1 + 0.01 * len(arm), list(rng.random(300) < share))
                energies = dict.fromkeys(("eq11", "executed", "memory", "device"), 1e6 * len(arm))
                rows.append(row | {"condition": condition, "number": seed, "cost_pj": energies})
    text = page.text(rows)
    assert text.startswith("# Study")
    assert "110 of 495 runs" in text
    assert "**Not answered yet.**" in text
    assert "2 conditions with 5 seeds" in text
    assert text.count("Holm over all seven arms.") == 3
    assert "By the plan's rule it pays for itself" in text
    assert unnamed_in_markdown(text) == []
    assert "Not answered yet" not in page.text([
        row | {"condition": name} for row in rows[:55] for name in plan.CONDITIONS
    ])  # fmt: skip
    empty = page.text([])
    assert "0 of 495 runs" in empty
    assert "No final run yet." in empty
    assert page.draw(analysis.final(rows), tmp_path / "study.png")
    assert (tmp_path / "study.png").stat().st_size > 10_000
    assert not page.draw({}, tmp_path / "none.png")
