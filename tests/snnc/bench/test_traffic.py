"""Bytes on an emulated board: a loop whose bytes are known, and a network beside the model's."""

from __future__ import annotations

import pytest
import torch

from snnc.atomic import scratch_folder
from snnc.bench.target import instructions, traffic
from snnc.compiler.compilation import Compilation
from snnc.compiler.deploy.targets import target_named
from snnc.compiler.verify import reference
from snnc.estimator.activity import Network, observe
from snnc.estimator.memory_access import count_accesses
from tests.compiler.deploy.test_firmware import compiled, framed, need, recording, vectors

SIZE = 10

LOOPS = """
#include "board.h"
#include "mark.h"
#include "marks.h"
#include <stdint.h>

static volatile uint8_t bytes[200];
static volatile uint32_t words[50];

int main(void) {
    snn_profile(MARK_OUTSIDE);
    for (int i = 0; i < 200; i++) {
        (void)bytes[i];
    }
    snn_profile(MARK_EVENTS);
    for (int i = 0; i < 50; i++) {
        words[i] = (uint32_t)i;
    }
    snn_profile(MARK_REST);
    board_write("PASS\\n");
    snn_profile(MARK_END);
    return 0;
}
"""
"""Loads 200 bytes, then stores 50 words."""

AROUND = 32
"""Bytes that a loop may load or store beside that: addresses in the code, saved registers."""


@pytest.fixture(scope="module")
def tiny() -> Compilation:
    return compiled("none", SIZE, channels=(4, 4, 4), hidden=8)


@pytest.mark.parametrize("name", ["cortex-m4", "riscv32"])
def test_bytes_of_loops_are_those_that_they_move(name: str, tiny: Compilation) -> None:
    need(name)
    with scratch_folder() as folder:
        program = instructions.prepared(folder, tiny, target_named(name), vectors(tiny, SIZE, 1))
        (folder / "board" / "main.c").write_text(LOOPS)
        sums = instructions.run(program, memory=True)
        without = instructions.run(program)
    marks = dict(zip(instructions.MARKS, sums[program.nodes :], strict=True))
    loading, storing = marks[instructions.EVENTS], marks[instructions.REST]
    assert 200 <= loading.loaded <= 200 + AROUND
    assert loading.stored <= AROUND
    assert 200 <= storing.stored <= 200 + AROUND
    assert storing.loaded <= AROUND
    assert [entry.instructions for entry in sums] == [entry.instructions for entry in without]
    assert not any(entry.loaded or entry.stored for entry in without)


def test_a_network_moves_at_least_what_the_model_knows_of_its_sums(tiny: Compilation) -> None:
    """Every accumulated weight is loaded; more recordings move as much more; every node moves."""
    need("cortex-m4")
    target = target_named("cortex-m4")
    once = traffic.count_traffic(tiny, target, vectors(tiny, SIZE, 1))
    twice = traffic.count_traffic(tiny, target, vectors(tiny, SIZE, 1) * 2)
    for name, moved in once.nodes.items():
        assert moved.loaded > moved.stored >= 0
        assert twice.nodes[name] == traffic.Moved(2 * moved.loaded, 2 * moved.stored)
    assert once.events.stored > 0

    def interpret(graph, inputs, forced):
        return reference.run(graph, inputs, dtype=torch.int64, forced=forced)

    network = Network(tiny.source, tiny.graph, tiny.schedule.runs)
    frames = [framed(recording(0, SIZE), SIZE)]
    accesses = count_accesses(network, observe(network, frames, interpret))
    model = traffic.modelled(accesses)
    for layer in network.executed_layers:
        if layer.synapse is not None:
            assert once.nodes[layer.synapse].loaded >= accesses.layers[layer.name]["weights_read"]
            assert once.of_layer(layer).both > 0
            assert model[layer.name].both > 0
    words = accesses.layers["layer2"]
    weights, potentials = words["weights_read"], words["potentials_read"]
    width = accesses.memories(network.executed_layers[1])["potentials_read"].bits // 8
    assert model["layer2"].loaded == weights + width * potentials + 4 * words["inputs_read"]
