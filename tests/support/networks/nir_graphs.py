"""NIR graphs for tests, with drawn weights."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from snnc.compiler.frontend.nir.file import NirOptions, from_graph
from snnc.compiler.frontend.nir.network import NirNetwork
from snnc.compiler.frontend.torch_fx import import_module

nir = pytest.importorskip("nir", reason="the nir package is not installed: pip install snnc[nir]")

SUBTRACT, ZERO = NirOptions("subtract", 1.0), NirOptions("zero", 1.0)
SINABS = NirOptions("subtract", 1.0, "many", -1.0)
RNG = np.random.default_rng(0)


def weights(*shape):
    return (RNG.normal(size=shape) * 2 / np.sqrt(np.prod(shape[1:]))).astype(np.float32)


def varied(*shape, low=0.5, high=1.5):
    return RNG.uniform(low, high, shape).astype(np.float32)


def chain(shape, *nodes):
    """Input, the nodes one after the other, Output."""
    named = {str(index): node for index, node in enumerate(nodes)}
    keys = ["input", *named, "output"]
    out = np.array([1])
    return nir.NIRGraph(
        {
            "input": nir.Input(np.array(shape)),
            **named,
            "output": nir.Output(out),
        },
        list(itertools.pairwise(keys)),
        type_check=False,
    )


def conv(channels, out, size, **options):
    given = {"stride": 1, "padding": 1, "dilation": 1, "groups": 1} | options
    groups = given["groups"]
    return nir.Conv2d(
        size, weights(out, channels // groups, 3, 3), bias=weights(out, 1)[:, 0], **given
    )


def lif(*shape, v_leak=0.1, **fields):
    given = {"tau": varied(*shape, low=2, high=4), "r": varied(*shape, low=2, high=4)}
    given |= {"v_leak": np.full(shape, v_leak), "v_threshold": varied(*shape)}
    return nir.LIF(**given | fields)


def cuba(*shape, **fields):
    given = {"tau_syn": varied(*shape, low=2, high=3), "tau_mem": varied(*shape, low=2, high=4)}
    given |= {"r": varied(*shape, low=2, high=4), "v_leak": varied(*shape, low=0, high=0.1)}
    return nir.CubaLIF(
        **given | {"v_threshold": varied(*shape)} | fields, w_in=varied(*shape, low=1, high=3)
    )


def spike(*shape):
    return nir.IF(np.ones(shape), np.ones(shape))


def flat():
    return nir.Flatten({"input": None}, 0, -1)


NETWORKS = {
    "conv and per-neuron LIF": (
        (2, 7, 5),
        conv(2, 4, (7, 5)),
        lif(4, 7, 5),
        flat(),
        nir.Affine(weights(5, 140), weights(5, 1)[:, 0]),
        lif(5),
    ),
    "per-channel thresholds": (
        (2, 6, 6),
        conv(2, 33, (6, 6)),
        nir.IF(np.ones((33, 6, 6)), np.broadcast_to(varied(33, 1, 1), (33, 6, 6)).copy()),
        nir.SumPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 0])),
        flat(),
        nir.Linear(weights(4, 297)),
        spike(4),
    ),
    "strided, dilated, grouped": (
        (4, 9, 8),
        conv(4, 6, (9, 8), stride=(2, 1), padding=(2, 1), dilation=(2, 1), groups=2),
        spike(6, 5, 8),
        flat(),
        nir.Linear(weights(3, 240)),
        spike(3),
    ),
    "same padding, average pool": (
        (2, 6, 6),
        conv(2, 4, (6, 6), padding="same"),
        lif(4, 6, 6),
        nir.AvgPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 0])),
        conv(4, 3, (3, 3), padding="valid"),
        spike(3, 1, 1),
    ),
    "conv1d": (
        (2, 9),
        nir.Conv1d(9, weights(4, 2, 3), 2, 1, 1, 1, weights(4, 1)[:, 0]),
        lif(4, 5),
        flat(),
        nir.Linear(weights(3, 20)),
        spike(3),
    ),
    "synapses": ((6,), nir.Linear(weights(20, 6)), cuba(20), nir.Linear(weights(4, 20)), cuba(4)),
    "integrators": (
        (6,),
        nir.Linear(weights(8, 6)),
        nir.LI(varied(8, low=2, high=4), varied(8), varied(8)),
        nir.I(varied(8)),
        nir.CubaLI(*(varied(8, low=2, high=3) for _ in range(4))),
        nir.Threshold(varied(8)),
        nir.Linear(weights(3, 8)),
        spike(3),
    ),
    "delay and scale": (
        (6,),
        nir.Scale(varied(6)),
        nir.Linear(weights(8, 6)),
        spike(8),
        nir.Delay(np.full(8, 3.0)),
        nir.Linear(weights(3, 8)),
        nir.Delay(np.full(3, 2.0)),
        spike(3),
    ),
}


def network(key, options):
    shape, *nodes = NETWORKS[key]
    file = from_graph(chain(shape, *nodes), options)
    return file, NirNetwork(file)


def imported(file):
    return import_module(NirNetwork(file), file.input_shape, 5)
