"""Model files: exact round trips, and one sentence for every file that is no good."""

from __future__ import annotations

import errno
import os
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from snnc.errors import (
    BAD_CHECKPOINT,
    BAD_OPTION,
    BAD_OUTPUT,
    BAD_WEIGHTS,
    OVER_LIMIT,
    SnncError,
)
from snnc.models.checkpoints import InputDescription, load, save
from snnc.models.networks import NETWORKS, Network, build

INPUT = InputDescription(height=16, width=24, time_steps=3, dt_us=500, downsample=2)


def small_network(name: str = "three-layer-narrow", **hyper: object) -> Network:
    torch.manual_seed(5)
    five = "five" in name
    input_size = (2, 64, 64) if five else INPUT.frame_size
    channels = [2, 3, 2, 3, 2] if five else [2, 3, 2]
    return build(
        name,
        **{
            "input_size": input_size,
            "time_steps": 3,
            "classes": 3,
            "channels": channels,
            "hidden": 4,
            **hyper,
        },
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model.pt"
    save(small_network(attention="asa1"), path, input=INPUT, card={"epochs": 3})
    return path


def refused(path: Path) -> SnncError:
    with pytest.raises(SnncError) as raised:
        load(path)
    assert str(path) in str(raised.value)
    assert "\n" not in raised.value.what
    return raised.value


def rewrite(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    content = torch.load(path, weights_only=True)
    change(content)
    torch.save(content, path)


@pytest.mark.parametrize("attention", ["none", "tcsa", "asa1"])
@pytest.mark.parametrize("name", NETWORKS)
def test_round_trip_gives_the_same_model(name: str, attention: str, tmp_path: Path) -> None:
    description = InputDescription(64, 64, 3, dt_us=100) if "five" in name else INPUT
    model = small_network(name, attention=attention)
    x = torch.poisson(torch.ones(3, 2, *description.frame_size))
    model(x)  # moves the running statistics of BatchNorm
    card = {"accuracy": 0.5, "notes": ["a", None, True], "nested": {"x": 1}}
    save(model, tmp_path / "m.pt", input=description, card=card)
    loaded = load(tmp_path / "m.pt")
    assert (loaded.network, loaded.hyper) == (name, model.hyper)
    assert (loaded.input, loaded.card) == (description, card)
    assert not loaded.model.training
    state = loaded.model.state_dict()
    assert state.keys() == model.state_dict().keys()
    assert all(torch.equal(state[key], value) for key, value in model.state_dict().items())
    assert torch.equal(loaded.model(x), model.eval()(x))


def test_a_loaded_model_can_be_trained_on(file: Path) -> None:
    model = load(file).model.train()
    model(torch.poisson(torch.ones(3, 2, *INPUT.frame_size))).sum().backward()
    assert model.get_parameter("layer1.synapse.layers.conv.weight").grad is not None


def test_the_file_is_plain_and_the_same_every_time(file: Path, tmp_path: Path) -> None:
    content = torch.load(file, weights_only=True)
    assert (content["format"], content["version"]) == ("snnc-model", 1)
    assert content["input"]["dt_us"] == 500
    save(small_network(attention="asa1"), tmp_path / "again", input=INPUT, card={"epochs": 3})
    assert (tmp_path / "again").read_bytes() == file.read_bytes()


def test_loading_leaves_the_random_generator_alone(file: Path) -> None:
    before = torch.get_rng_state()
    load(file)
    assert torch.equal(torch.get_rng_state(), before)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    assert refused(tmp_path / "none.pt").code is BAD_CHECKPOINT
    assert refused(tmp_path).code is BAD_CHECKPOINT


def test_truncation_at_any_byte_is_refused(file: Path) -> None:
    raw = file.read_bytes()
    lengths = [0, 1, 2, len(raw) - 1, *random.Random(1).sample(range(len(raw)), 150)]
    for length in lengths:
        file.write_bytes(raw[:length])
        assert refused(file).code is BAD_CHECKPOINT, length


def test_a_flipped_bit_is_refused_or_without_effect(file: Path) -> None:
    """Padding between records may change; nothing that is read may."""
    wanted = load(file)
    raw = file.read_bytes()
    chosen = random.Random(2)
    refusals = []
    for position in chosen.sample(range(len(raw)), 100):
        damaged = bytearray(raw)
        damaged[position] ^= 1 << chosen.randrange(8)
        file.write_bytes(bytes(damaged))
        try:
            loaded = load(file)
        except SnncError as error:
            refusals.append(error.code)
            continue
        assert (loaded.hyper, loaded.input, loaded.card) == (
            wanted.hyper,
            wanted.input,
            wanted.card,
        )
        for key, value in wanted.model.state_dict().items():
            assert torch.equal(loaded.model.state_dict()[key], value), (position, key)
    assert len(refusals) > 30
    assert set(refusals) == {BAD_CHECKPOINT}


class Exploit:
    """Unpickling this would create a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (os.mkdir, (str(self.path),))


def test_pickled_code_is_refused_and_not_run(file: Path, tmp_path: Path) -> None:
    rewrite(file, lambda content: content.update(card={"x": Exploit(tmp_path / "owned")}))
    assert refused(file).code is BAD_CHECKPOINT
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "0 bytes"),
        (b"not a model", "11 bytes"),
        (["a list"], "not a snnc-model file"),
        ({"weight": torch.zeros(2)}, "not a snnc-model file"),
        ({"format": "snnc-training", "version": 1}, "not a snnc-model file"),
        ({"format": "snnc-model", "version": 2}, "version 2"),
        ({"format": "snnc-model", "version": 1}, "'network'"),
    ],
)
def test_other_files_are_refused(content: object, said: str, tmp_path: Path) -> None:
    path = tmp_path / "other.pt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    error = refused(path)
    assert error.code is BAD_CHECKPOINT
    assert said in error.what


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: c.update(network="two-layer"), "two-layer"),
        (lambda c: c.update(network=3), "'network'"),
        (lambda c: c.update(state_dict=[1]), "'state_dict'"),
        (lambda c: c["hyper"].update(depth=3), "'depth'"),
        (lambda c: c["hyper"].update(classes="many"), "classes"),
        (lambda c: c["hyper"].update(channels=[2, 3]), "channels"),
        (lambda c: c["hyper"].update(time_steps=4), "time steps"),
        (lambda c: c["input"].update(height=20), "frames"),
        (lambda c: c["input"].update(width="wide"), "width"),
        (lambda c: c["input"].update(colour=3), "colour"),
        (lambda c: c["input"].pop("height"), "height"),
        (lambda c: c["input"].update(framing="often"), "framing"),
    ],
)
def test_inconsistent_descriptions_are_refused(
    change: Callable[[dict[str, Any]], object], said: str, file: Path
) -> None:
    rewrite(file, change)
    error = refused(file)
    assert error.code is BAD_CHECKPOINT
    assert said in error.what


WEIGHT = "layer2.synapse.layers.conv.weight"


def set_weight(value: object) -> Callable[[dict[str, Any]], object]:
    return lambda content: content["state_dict"].update({WEIGHT: value})


def poison(content: dict[str, Any]) -> None:
    content["state_dict"][WEIGHT][1, 0, 2, 2] = float("nan")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: c["state_dict"].pop(WEIGHT), "misses"),
        (lambda c: c["state_dict"].pop("layer1.attention.mix.alpha"), "layer1.attention.mix.alpha"),
        (lambda c: c["state_dict"].update(extra=torch.zeros(1)), "extra"),
        (set_weight(torch.zeros(3, 2, 3)), "[3, 2, 3]"),
        (set_weight(torch.zeros(3, 2, 3, 3).double()), "float64"),
        (set_weight("weights"), "dense tensor"),
        (set_weight(torch.zeros(1).expand(3, 2, 3, 3)), "repeats fewer numbers"),
        (set_weight(torch.full((3, 2, 3, 3), float("-inf"))), "54 of 54"),
        (poison, "1 of 54"),
        (lambda c: c["hyper"].update(hidden=10**9), "1000000000"),
    ],
)
def test_unusable_weights_are_refused_by_name(
    change: Callable[[dict[str, Any]], object], said: str, file: Path
) -> None:
    rewrite(file, change)
    error = refused(file)
    assert error.code is BAD_WEIGHTS
    assert said in error.what
    assert any(name in error.what for name in (WEIGHT, "mix.alpha", "extra", "fc1"))


@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.zeros(3, 2, 3, 3).to_sparse(),
        lambda: torch.empty(3, 2, 3, 3, device="meta"),
        lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
        lambda: torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8),
    ],
    ids=["sparse", "meta", "nested", "quantized"],
)
@pytest.mark.filterwarnings("ignore")
def test_tensors_that_are_not_dense_numbers_are_refused(
    make: Callable[[], torch.Tensor], file: Path
) -> None:
    rewrite(file, set_weight(make()))
    error = refused(file)
    assert error.code is BAD_WEIGHTS
    assert "dense tensor" in error.what


@pytest.mark.parametrize("entry", ["format", "version", "network", "hyper", "input", "card"])
@pytest.mark.parametrize(
    "value",
    [
        torch.ones(2),
        10**5000,
        float("nan"),
        {1: 2},
        [[]],
        "\x1b[2J",
        {"hidden": torch.ones(1), "time_steps": 10**400, 3: 4},
        {"height": 10**30, "width": 1, "time_steps": 1, "dt_us": 1},
        {"height": [1], "width": None, "time_steps": {}, "framing": torch.ones(3)},
    ],
    ids=["tensor", "long", "nan", "dict", "list", "escape", "hyper", "large", "input"],
)
def test_anything_in_an_entry_is_refused_in_one_sentence(
    entry: str, value: object, file: Path
) -> None:
    free_of_form = entry == "card" and isinstance(value, dict)
    rewrite(file, lambda content: content.update({entry: [value] if free_of_form else value}))
    error = refused(file)
    assert error.code in (BAD_CHECKPOINT, OVER_LIMIT)
    assert str(error).isprintable()
    assert len(str(error)) < 1000


def test_a_storage_longer_than_its_record_is_not_read_beyond_its_end(file: Path) -> None:
    """A pickle says how many numbers a storage has; torch would read whatever lies behind it."""
    records = records_of(file)
    pickle = records["data.pkl"]
    at = pickle.index(b"storage")
    first = pickle.index(b"cpu", at) + 3
    count = pickle.index(b"K", first)  # BININT1
    records["data.pkl"] = pickle[: count + 1] + b"\xff" + pickle[count + 2 :]
    write_records(file, records)
    assert "are not there" in refused(file).what


def test_a_bomb_of_compressed_records_is_refused_before_it_is_inflated(file: Path) -> None:
    records = records_of(file) | {"data/0": bytes(10**8)}
    write_records(file, records, zipfile.ZIP_DEFLATED)
    assert file.stat().st_size < 10**6
    assert "longer than the file" in refused(file).what


def records_of(file: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(file) as archive:
        return {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}


def write_records(file: Path, records: dict[str, bytes], how: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(file, "w", how) as archive:
        for name, record in records.items():
            archive.writestr(f"model/{name}", record)


def test_saving_refuses_what_loading_would(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    model = small_network()
    other = InputDescription(16, 24, 4, dt_us=500, downsample=2)
    for arguments in (
        {"input": other},
        {"input": InputDescription(16, 24, 3, dt_us=500)},
        {"input": INPUT, "card": {"when": Path("today")}},
        {"input": INPUT, "card": {"scores": torch.zeros(1)}},
    ):
        with pytest.raises(SnncError) as raised:
            save(model, path, **arguments)  # type: ignore[arg-type]
        assert raised.value.code is BAD_OPTION
    with torch.no_grad():
        model.get_parameter(WEIGHT)[0, 0, 0, 0] = float("nan")
    with pytest.raises(SnncError) as raised:
        save(model, path, input=INPUT)
    assert raised.value.code is BAD_WEIGHTS
    assert WEIGHT in raised.value.what
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_keeps_the_old_file_and_leaves_nothing(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    before = file.read_bytes()
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SnncError) as raised:
        save(small_network(), file, input=INPUT)
    assert raised.value.code is BAD_OUTPUT
    assert os.strerror(errno.ENOSPC) in raised.value.what
    assert [entry.name for entry in file.parent.iterdir()] == [file.name]
    assert file.read_bytes() == before


def test_an_interrupted_write_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save(small_network(), tmp_path / "m.pt", input=INPUT)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(SnncError) as raised:
        save(small_network(), tmp_path / "no" / "m.pt", input=INPUT)
    assert raised.value.code is BAD_OUTPUT
