"""Model files to fuzz: checkpoints, state dicts, the authors' files, NIR graphs, energy tables."""

from __future__ import annotations

import io
import random
import tempfile
from collections.abc import Callable
from functools import lru_cache
from importlib.resources import files as resources
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch

from snnc.compiler.frontend.given import Given
from snnc.compiler.frontend.nir.file import NirOptions, nir_package
from snnc.compiler.frontend.source import load_source
from snnc.estimator import tables
from snnc.models.checkpoints import InputDescription, save
from snnc.models.networks import build
from snnc.models.storage.conversion import convert, load_foreign
from tests.file_fuzzing.kinds import Kind
from tests.file_fuzzing.mutators import Mutator, damage_zip_record, damaged

SIZE, STEPS = 8, 4
FACTORY = "tests.file_fuzzing.models:factory"


def small_network() -> Any:
    """A network of ours with all kinds of layers, in 2 to 4 channels."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return build(
            "three-layer-narrow",
            input_size=(2, SIZE, SIZE),
            time_steps=STEPS,
            classes=3,
            channels=(2, 3, 2),
            hidden=4,
            attention="asa1",
        ).eval()


def factory() -> torch.nn.Module:
    """A user's module, for ``--weights``."""
    return torch.nn.Sequential(torch.nn.Flatten(2), torch.nn.Linear(2 * SIZE * SIZE, 3))


def _bytes_of(content: object, **options: Any) -> bytes:
    out = io.BytesIO()
    torch.save(content, out, **options)
    return out.getvalue()


def _checkpoint() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.pt"
        save(small_network(), path, input=InputDescription(SIZE, SIZE, STEPS, 1000))
        return path.read_bytes()


def _theirs() -> bytes:
    """The small network's weights under the ASA-SNN authors' names."""
    names = {
        "synapse.layers.conv": "conv.0",
        "synapse.layers.linear": "linear.0",
        "synapse.layers.bn": "bn.0",
        "attention.mix.gamma": "attn.beta",
        "attention.mix.alpha": "attn.alpha",
        "attention.mix.reduce": "attn.fc.0",
        "attention.mix.expand": "attn.fc.2",
        "attention.score1.conv": "attn.conv1",
        "attention.score2.conv": "attn.conv2",
    }
    state = {}
    for key, value in small_network().state_dict().items():
        block, rest = key.split(".", 1)
        place = "ConvAttLIFs" if block.startswith("layer") else "FCs"
        for ours, their in names.items():
            rest = rest.replace(ours, their)
        state[f"{place}.{int(block[-1]) - 1}.{rest}"] = value
    return _bytes_of(state)


def _nir() -> bytes:
    """A convolution, a pool and a linear layer, with neurons of two types."""
    nir = nir_package()
    rng, half = np.random.default_rng(1), SIZE // 2
    ones, three = np.ones((3, SIZE, SIZE), np.float32), np.ones(3, np.float32)
    weight = rng.normal(size=(3, 2, 3, 3)).astype(np.float32)
    nodes = {
        "in": nir.Input(np.array([2, SIZE, SIZE])),
        "conv": nir.Conv2d((SIZE, SIZE), weight, 1, 1, 1, 1, np.zeros(3, np.float32)),
        "if": nir.IF(r=ones, v_threshold=ones, v_reset=0 * ones),
        "pool": nir.SumPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 0])),
        "flat": nir.Flatten({"input": np.array([3, half, half])}, 0, -1),
        "fc": nir.Affine(rng.normal(size=(3, 3 * half * half)).astype(np.float32), three),
        "lif": nir.LIF(tau=2 * three, r=three, v_leak=0 * three, v_threshold=three),
        "out": nir.Output(np.array([3])),
    }
    names = list(nodes)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.nir"
        nir.write(path, nir.NIRGraph(nodes, list(pairwise(names))))
        return path.read_bytes()


def _strange() -> list[Callable[[], object]]:
    """Values that no entry of a model file should have."""
    return [
        *(lambda value=value: value for value in (0, -1, 10**30, 1.5, float("nan"), None, True)),
        *(lambda value=value: value for value in ("", "\x1b[2J", "é\ud800", [], {}, [[]], {1: 2})),
        lambda: 10**5000,
        lambda: torch.ones(1).expand(10**9),
        lambda: torch.ones(2, 3, dtype=torch.complex64),
        lambda: torch.ones((), dtype=torch.bool),
        lambda: torch.empty(0),
        lambda: torch.empty(3, 2, device="meta"),
        lambda: torch.ones(3, 2).to_sparse(),
        lambda: [torch.ones(2)] * 3,
        lambda: list(range(5000)),
    ]


def change_entry(rng: random.Random, content: bytes) -> bytes:
    """One value anywhere in the dictionary is another, has another name, or is missing."""
    whole = torch.load(io.BytesIO(content), weights_only=True)
    place: Any = whole
    while isinstance(place, dict) and place:
        key = rng.choice(list(place))
        if isinstance(place[key], dict) and place[key] and rng.random() < 0.85:
            place = place[key]
            continue
        how = rng.random()
        value = place.pop(key) if how < 0.3 else rng.choice(_strange())()
        if how >= 0.15:
            place[key if how >= 0.3 else rng.choice(["", "x", 3, "\x1b", None])] = value
        break
    return _bytes_of(whole)


def change_nir(rng: random.Random, content: bytes) -> bytes:
    """One object of the HDF5 file is another, is linked elsewhere, or is missing."""
    out = io.BytesIO(content)
    with h5py.File(out, "r+") as file:
        names: list[str] = []
        file.visit(names.append)
        name = rng.choice(names)
        place, _, last = name.rpartition("/")
        group = file[place] if place else file
        kept = file[name]
        del group[last]
        rng.choice(_HDF5)(rng, group, last, kept)
    return out.getvalue()


def _link(make: Callable[[Any, str, Any], object], suffix: str = "", prefix: str = "") -> Any:
    """A change that links something else in the place of an object, or under another name."""

    def change(rng: random.Random, group: Any, name: str, kept: Any) -> None:
        group[prefix + name + suffix] = make(group, name, kept)

    return change


def _data(**given: Any) -> Any:
    """A change that puts data in the place of an object: those given, or a strange value."""

    def change(rng: random.Random, group: Any, name: str, kept: Any) -> None:
        group.create_dataset(name, **(given or {"data": rng.choice(_VALUES)}))

    return change


_HDF5: tuple[Callable[[random.Random, Any, str, Any], object], ...] = (
    lambda rng, group, name, kept: None,
    lambda rng, group, name, kept: group.create_group(name),
    _link(lambda group, name, kept: h5py.SoftLink("/")),
    _link(lambda group, name, kept: h5py.SoftLink(f"{group.name}/{name}")),
    _link(lambda group, name, kept: h5py.ExternalLink("/etc/passwd", "/")),
    _link(lambda group, name, kept: group.file["node"]),
    _link(lambda group, name, kept: kept, prefix="\x1b[2J"),
    _link(lambda group, name, kept: kept, suffix="x"),
    *(_data(), _data(), _data(), _data(), _data()),
    _data(shape=(2**40,), chunks=(2**16,), dtype="f4"),
    _data(data=h5py.Empty("f4")),
    _data(data=np.zeros(2**24, "f4"), chunks=(2**24,), compression="gzip"),
)

_VALUES: tuple[Any, ...] = (
    *(0, -1, 2**62, 1.5, np.nan, np.inf, 1j, "", "LIF", b"Affine", "\x1b[2J", [], [[]], [0, 0]),
    *([-1, 2], [2**40, 2**40], np.zeros((2, 2, 2)), np.zeros((1, 0)), np.ones(3, "f2"), True),
    np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
    np.array([["fc1", "nowhere"]], dtype=h5py.string_dtype()),
    np.array(["a", "b"], dtype=h5py.string_dtype()),
)


def _kind(
    name: str,
    content: Callable[[], bytes],
    read: Callable[[str], object],
    *mutators: Mutator,
) -> Kind:
    return Kind(
        lru_cache(lambda: {name: content()}), lambda folder: read(str(folder / name)), mutators
    )


def _load_weights(path: str) -> object:
    return load_source(
        FACTORY, Given(weights=Path(path), input_shape=(2, SIZE, SIZE), time_steps=STEPS)
    ).module


def _load_nir(path: str) -> object:
    return load_source(path, Given(time_steps=STEPS), nir=NirOptions("zero", 1.0)).graph()


def _convert(path: str) -> object:
    return convert(
        load_foreign(path),
        "three-layer-narrow",
        time_steps=STEPS,
        input_size=(2, SIZE, SIZE),
        where=path,
    )


def _table() -> bytes:
    table = resources("snnc") / "estimator" / "tables" / "horowitz-f32.toml"
    return table.read_bytes()


MODELS: dict[str, Kind] = {
    "checkpoint": _kind(
        "a.pt",
        _checkpoint,
        lambda path: load_source(path).graph(),
        *(damaged, damage_zip_record, damage_zip_record, change_entry, change_entry),
    ),
    "weights": _kind(
        "a.pt",
        lambda: _bytes_of(factory().state_dict()),
        _load_weights,
        *(damaged, damage_zip_record, change_entry),
    ),
    "legacy weights": _kind(
        "a.pt",
        lambda: _bytes_of(factory().state_dict(), _use_new_zipfile_serialization=False),
        _load_weights,
        damaged,
    ),
    "authors": _kind("a.pth", _theirs, _convert, damage_zip_record, change_entry),
    "nir": _kind("a.nir", _nir, _load_nir, damaged, damaged, change_nir, change_nir),
    "energy table": _kind("a.toml", _table, tables.load, damaged),
}
