"""Store or recompute: every choice gives the same numbers, smaller and smaller, or a refusal."""

from __future__ import annotations

import re

import numpy as np
import pytest

from snnc.compiler.compilation import Compilation, compile_graph
from snnc.compiler.frontend.torch_fx import import_module
from snnc.compiler.ops.int8.synapses.rows import LISTED, PLAIN
from snnc.compiler.plan import recompute
from snnc.compiler.verify.integer import IntegerVerifier
from snnc.errors import SnncError
from tests.support.networks.lively import lively_network

STEPS = 6


def frames(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).poisson(0.3, (STEPS, 2, 34, 34)).astype(np.uint16)


def compiled(attention: str, arena_bytes: int | None = None) -> Compilation:
    graph = import_module(lively_network(attention), (2, 34, 34), STEPS, name="net")
    return compile_graph(graph, calibration=[frames(10)], arena_bytes=arena_bytes, order=PLAIN)


@pytest.fixture(scope="module")
def attentive() -> Compilation:
    return compiled("asa1")


def test_choices_shrink_from_storing_to_recomputing(attentive):
    choices = recompute.choices(attentive.graph)
    sizes = [choice.arena.size for choice in choices]
    assert len(choices) >= 3
    assert sizes == sorted(set(sizes), reverse=True)
    assert choices[0].executions == 0
    assert choices[0].recomputed == frozenset()
    assert {"layer1_conv", "layer1_conv_current"} <= choices[1].recomputed
    assert choices[1].executions == 4, "two nodes, twice more each"


def test_a_limit_on_memory_leaves_no_room_for_lists_of_events():
    graph = import_module(lively_network("asa1"), (2, 34, 34), STEPS, name="net")
    for limit, wanted in ((None, {LISTED, PLAIN}), (10_000_000, {PLAIN})):
        made = compile_graph(graph, calibration=[frames(10)], arena_bytes=limit)
        assert {n.op.order for n in made.graph if n.op.name == "conv2d_i8"} == wanted


def test_plans_are_within_five_percent_of_the_bound(attentive):
    for choice in recompute.choices(attentive.graph):
        assert choice.arena.size <= 1.05 * choice.arena.lower_bound


@pytest.mark.parametrize("number", [1, -1])
def test_recomputing_changes_no_number(number, attentive, tmp_path):
    limit = recompute.choices(attentive.graph)[number].arena.size
    small = compiled("asa1", limit)
    assert small.generated.plan.size == limit
    verifier = IntegerVerifier(lively_network("asa1"), small, tmp_path, ("-O1",))
    verifier.verify(frames(0))
    assert verifier.result.passed


def test_what_cannot_fit_is_refused_with_numbers():
    with pytest.raises(SnncError, match="SNNC-E304") as caught:
        compiled("asa1", 10_000)
    says = caught.value.what
    assert "10,000 are left" in says
    assert re.search(r"the arena needs [\d,]+ bytes even where all that can be", says)
    assert "layer1_neuron" in says


def test_a_network_without_attention_stores_no_map():
    choices = recompute.choices(compiled("none").graph)
    assert len(choices) == 1
