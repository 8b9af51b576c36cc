"""Memory accesses: by hand, merged, and priced by the size of the memory."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from snnc.errors import BAD_OPTION, SnncError
from snnc.estimator import tables
from snnc.estimator.activity import observe
from snnc.estimator.memory_access import ACCESSES, count_accesses, memory_json
from tests.support.counting import ByHand, by_hand_frames, interpret, network_of

TABLE = tables.load("horowitz-f32")


def accesses_of(gate: bool, recordings: list[np.ndarray]):
    network = network_of(ByHand(gate), (1, 4, 4), 2)
    return count_accesses(network, observe(network, recordings, interpret))


def test_accesses_are_those_counted_by_hand() -> None:
    """The same activity as in the test of operation counts; the networks have no biases."""
    found = accesses_of(False, [by_hand_frames()])
    assert found.layers["layer1"] == {
        "inputs_read": 2 + 1,  # pixels with events
        "weights_read": 34,
        "potentials_read": 34 + 64,  # each sum; 32 neurons at 2 steps
        "potentials_written": 34 + 64 + 6,  # and a reset for each of 6 spikes
        "outputs_written": 6,
        "attention_read": 0,
        "attention_written": 0,
    }
    assert found.layers["layer3"] == {
        "inputs_read": 2,
        "weights_read": 6,
        "potentials_read": 6 + 6,
        "potentials_written": 6 + 6 + 3,
        "outputs_written": 3,
        "attention_read": 0,
        "attention_written": 0,
    }
    assert not any(found.layers["readout"].values())
    assert found.totals()["weights_read"] == 34 + 24 + 6


def test_attention_keeps_and_reads_the_currents_of_all_steps() -> None:
    layer = accesses_of(True, [by_hand_frames()]).layers["layer1"]
    currents, maps, score = 2 * 32, 32, 16
    relu = 0  # a bare gate has none
    # statistics read X; the convolution the maps; the sigmoid its sums; the gate X and the score
    assert layer["attention_read"] == currents + maps + score + (currents + score) + relu
    assert layer["attention_written"] == maps + score + score + currents


def test_biases_are_read_once_for_each_output() -> None:
    model = ByHand()
    network = network_of(model, (1, 4, 4), 2)
    model.layer1.synapse.layers[0].bias = nn.Parameter(torch.zeros(2))
    biased = network_of(model, (1, 4, 4), 2)
    without, with_bias = (
        count_accesses(net, observe(net, [by_hand_frames()], interpret)).layers["layer1"]
        for net in (network, biased)
    )
    assert with_bias["weights_read"] == without["weights_read"] + 2 * 32


def test_merged_accesses_are_those_of_all_samples() -> None:
    one, two = accesses_of(True, [by_hand_frames()]), accesses_of(True, [by_hand_frames()] * 2)
    merged = one.merged(one)
    assert (merged.samples, merged.layers) == (2, two.layers)


def test_price_of_a_bit_grows_with_the_memory() -> None:
    prices = TABLE.memory
    assert prices is not None
    at = {size: prices.sram_per_bit(size) * 64 for size in (0, 4096, 8192, 20480, 32768, 1 << 20)}
    assert at == {0: 0, 4096: 5, 8192: 10, 20480: 15, 32768: 20, 1 << 20: 100}
    beyond = 100 + 80 / ((1 << 20) - 32768)  # on the last line: there is no jump
    assert prices.sram_per_bit((1 << 20) + 1) * 64 == pytest.approx(beyond)
    assert prices.dram_per_bit * 64 == 1300


def test_what_does_not_fit_on_the_chip_is_in_dram_least_accessed_first() -> None:
    """Bits accessed for each byte of layer 3: 6 words of weights in 96 bytes, 27 of potentials in
    12. In all: weights 72 + 144 + 96 bytes, potentials 128 + 128 + 12 bytes."""
    prices = TABLE.memory
    assert prices is not None
    found = accesses_of(False, [by_hand_frames()])

    def in_dram(size: int | None) -> set[tuple[str, str]]:
        per_word = found.prices_per_word(replace(prices, on_chip_bytes=size))
        dram = 32 * prices.dram_per_bit
        return {
            (layer, access)
            for layer, kinds in per_word.items()
            for access, price in kinds.items()
            if price == dram
        }

    assert in_dram(None) == set()
    assert in_dram(1 << 20) == set()
    most = in_dram(12)
    assert ("layer3", "potentials_read") not in most
    assert {("layer3", "weights_read"), ("layer1", "weights_read")} <= most
    assert not any("inputs" in access or "outputs" in access for _, access in most)
    whole = [
        sum(sum(by.values()) for by in found.energies(replace(prices, on_chip_bytes=size)).values())
        for size in (12, 200, 1 << 20, None)
    ]
    assert whole[0] > whole[1] > whole[2] == whole[3]


def test_energy_by_hand_and_its_json() -> None:
    found = accesses_of(False, [by_hand_frames()])
    result = json.loads(json.dumps(memory_json(found, TABLE), allow_nan=False))
    layer3 = next(entry for entry in result["layers"] if entry["name"] == "layer3")
    word = 32 / 64 * 10 / 8192  # pJ a word, for each byte of the memory's size
    expected = {
        "inputs_read": 2 * word * 4000,  # a queue of 1000 words
        "weights_read": 6 * word * 24 * 4,
        "potentials_read": 12 * word * 3 * 4,
        "potentials_written": 15 * word * 3 * 4,
        "outputs_written": 3 * word * 4000,
        "attention_read": 0,
        "attention_written": 0,
    }
    assert layer3["by"] == pytest.approx(expected)
    assert layer3["energy_pj"] == pytest.approx(sum(expected.values()))
    assert set(result["total"]) == {*ACCESSES, "energy_pj"}
    with pytest.raises(SnncError, match="no prices for memory") as caught:
        memory_json(found, replace(TABLE, memory=None))
    assert caught.value.code is BAD_OPTION
