"""NIR files and options that are refused, each with one sentence."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from snnc.compiler.frontend.nir.file import NirOptions, from_graph, read
from snnc.compiler.frontend.nir.network import NirNetwork
from snnc.compiler.frontend.torch_fx import survey
from snnc.errors import SnncError
from tests.support.networks.nir_graphs import (
    SINABS,
    SUBTRACT,
    ZERO,
    chain,
    imported,
    lif,
    network,
    nir,
    spike,
    varied,
    weights,
)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (NirOptions(dt=1.0), "--nir-reset zero or --nir-reset subtract"),
        (NirOptions("zero"), "--nir-dt"),
        (NirOptions("zero", 100.0), "shorter than the time step 100"),
    ],
)
def test_what_the_file_leaves_open_is_never_guessed(options, says):
    with pytest.raises(SnncError, match=says) as caught:
        network("conv and per-neuron LIF", options)
    assert caught.value.code.status == 2


REFUSED = {
    "no path": (
        lambda: nir.NIRGraph(
            {"input": nir.Input(np.array([3])), "n": spike(3), "output": nir.Output(np.array([3]))},
            [("n", "output")],
            type_check=False,
        ),
        "has no input",
    ),
    "v_reset with subtraction": (
        lambda: chain((6,), nir.Linear(weights(4, 6)), lif(4, v_reset=varied(4))),
        "no use for it",
    ),
    "unequal delays": (
        lambda: chain((3,), nir.Delay(np.array([1.0, 2.0, 3.0])), spike(3)),
        "not one whole number",
    ),
    "padded average": (
        lambda: chain(
            (2, 6, 6),
            nir.AvgPool2d(np.array([2, 2]), np.array([2, 2]), np.array([1, 1])),
            spike(2, 4, 4),
        ),
        "counts its padding",
    ),
    "nan": (lambda: chain((3,), nir.Linear(np.full((3, 3), np.nan)), spike(3)), "NaN or infinity"),
    "complex": (lambda: chain((3,), nir.Linear(np.full((3, 3), 1j)), spike(3)), "not real"),
    "matrix on an image": (
        lambda: chain((2, 3, 3), nir.Linear(weights(3, 3)), spike(3)),
        "one matrix times one vector",
    ),
    "wrong width": (
        lambda: chain((4,), nir.Linear(weights(3, 5)), spike(3)),
        "takes 5 inputs, got 4",
    ),
    "wrong neuron shape": (
        lambda: chain((4,), nir.Linear(weights(3, 4)), lif(7)),
        r"\(7,\), and the input is \(3,\)",
    ),
    "half a flatten": (
        lambda: chain((2, 3, 3), nir.Flatten({"input": np.array([2, 3, 3])}, 1, -1), spike(18)),
        "does not give one vector",
    ),
}


@pytest.mark.parametrize("key", REFUSED)
def test_refused_with_one_sentence(key):
    make, says = REFUSED[key]
    with pytest.raises(SnncError, match=says) as caught:
        imported(from_graph(make(), SUBTRACT))
    assert caught.value.code.status in (1, 2)


def test_unknown_node_is_listed_with_its_neighbours():
    file = from_graph(chain((6,), nir.Linear(weights(4, 6)), spike(4)), SUBTRACT)
    strange = dataclasses.replace(file.nodes[0], type="Wavelet")
    file = dataclasses.replace(file, nodes=(strange, *file.nodes[1:]))
    importing, _ = survey(NirNetwork(file), (6,), 5)
    assert [(entry.module, entry.class_name) for entry in importing.unsupported] == [
        ("0", "Wavelet")
    ]
    assert "LIF" in importing.unsupported[0].suggestion


@pytest.mark.parametrize("content", [b"", b"not HDF5 at all", b"\x89HDF\r\n\x1a\n" + bytes(64)])
def test_damaged_file(content, tmp_path):
    (tmp_path / "model.nir").write_bytes(content)
    with pytest.raises(SnncError, match="cannot read it") as caught:
        read(tmp_path / "model.nir", ZERO)
    assert caught.value.code.status == 2


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"spikes": "two"}, "one or many"),
        ({"floor": 0.5}, "0 or less"),
        ({"floor": float("nan")}, "0 or less"),
    ],
)
def test_wrong_options_are_refused(options, says):
    with pytest.raises(SnncError, match=says):
        NirOptions("zero", 1.0, **options)


def test_several_spikes_need_a_threshold_above_0():
    graph = chain((2,), nir.Linear(weights(2, 2)), nir.IF(np.ones(2), np.array([1.0, 0.0])))
    model = NirNetwork(from_graph(graph, SINABS)).eval()
    importing, _ = survey(model, (2,), 4)
    assert "any number of times" in importing.unsupported[0].reason


def test_truncated_file_and_disagreeing_shapes(shared_data, tmp_path):
    whole = (shared_data / "nir" / "cnn_sinabs.nir").read_bytes()
    (tmp_path / "half.nir").write_bytes(whole[: len(whole) // 2])
    for path in (tmp_path / "half.nir", shared_data / "recordings/malformed/lif_rockpool.nir"):
        with pytest.raises(SnncError, match="cannot read it"):
            read(path, SUBTRACT)
