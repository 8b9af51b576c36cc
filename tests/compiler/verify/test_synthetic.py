"""Windows that no recording gives: what is in them, and what only they find."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
import torch

from snnc.compiler.compilation import Compilation, compile_graph
from snnc.compiler.frontend.torch_fx import import_module
from snnc.compiler.host.observed import ObservedModel
from snnc.compiler.ops.int8 import fixed
from snnc.compiler.verify.chain.links import STRESS
from snnc.compiler.verify.float_judge import Verifier
from snnc.compiler.verify.synthetic.frames import Counts
from snnc.compiler.verify.synthetic.scenarios import TIMES, Scenarios
from snnc.compiler.verify.synthetic.stress import Stress
from tests.compiler.verify.test_chain import FLAGS, SHAPE, frames, small, with_header
from tests.support.networks.lively import lively_network


def compiled(dtype: str, steps: int = 5) -> Compilation:
    model = small()
    for layer in (model.layer1.layers.conv, model.layer2.layers.fc):
        layer.weight.data.abs_()  # no potential is ever negative
        layer.bias.data.abs_()
    graph = import_module(model, SHAPE, steps, name="net")
    return compile_graph(graph, calibration=[frames(9)] if dtype == "int8" else None)


@pytest.mark.parametrize("steps", [1, 3, 5, 12])
def test_every_kind_of_step_comes_often_enough(steps, monkeypatch):
    drawn = []
    counted = [
        lambda *given, kind=kind, number=number: drawn.append(number) or kind(*given)
        for number, kind in enumerate(Counts.kinds)
    ]
    monkeypatch.setattr(Counts, "kinds", tuple(counted))
    compilation = compile_graph(import_module(small(), SHAPE, steps, name="net"))
    windows = list(Scenarios(compilation.graph, compilation.schedule))
    forced = [window for window in windows if window.forced is not None]
    for part, kinds in ((0, drawn[: len(drawn) // 2]), (1, drawn[len(drawn) // 2 :])):
        assert min(np.bincount(kinds, minlength=len(counted))) >= TIMES
        given = forced[part * len(forced) // 2]
        assert set(given.potentials) == ({"neuron1", "neuron2"} if part else set())
    assert [window.forced for window in windows[len(forced) :]] == [None]


def test_a_network_that_needs_its_whole_window_gets_a_silent_one():
    model = lively_network("asa1", channels=(5, 8, 8))
    compilation = compile_graph(import_module(model, (2, 34, 34), 6, name="net"))
    still = list(Scenarios(compilation.graph, compilation.schedule))[-2]
    assert not still.frames.any()
    assert not any(
        still.forced[node.name].any()
        for node in Scenarios(compilation.graph, compilation.schedule).neurons
    )


@pytest.mark.parametrize("dtype", ["f32", "int8"])
def test_a_step_goes_on_from_the_potential_that_it_is_given(dtype, tmp_path):
    compilation = compiled(dtype)
    graph, node = compilation.graph, compilation.graph["neuron1"]
    model = ObservedModel(graph, compilation.generated, tmp_path, FLAGS)
    (given,) = islice((s for s in Scenarios(graph, compilation.schedule) if s.potentials), 1)
    forced = {name: value.numpy() for name, value in given.forced.items()}
    held = given.potentials["neuron1"].numpy()
    run = model.run(
        given.frames,
        observe=[("neuron1", "membrane"), (node.inputs[0], "value")],
        forced=forced,
        potentials={"neuron1": held},
    )
    found, currents = run.values["neuron1", "membrane"], run.values[node.inputs[0], "value"]
    assert (held[:-1] < 0).any()
    for step in range(1, len(found)):
        if dtype == "f32":
            left = (np.float32(node.op.beta) * held[step - 1]).astype(np.float32)
            kept = np.where(forced["neuron1"][step - 1] != 0, np.float32(0), left)
            expected = kept + currents[step]
        else:
            left = (node.op.beta * held[step - 1] + (1 << 14)) >> 15
            kept = np.where(forced["neuron1"][step - 1] != 0, 0, left)
            expected = kept + (currents[step].astype(np.int64) << node.op.input_shift)
            expected = expected.clip(-(2**15), 2**15 - 1)
        assert np.array_equal(found[step], expected)


LEAK = "u = snn_f32x16_mul(snn_f32x16_set1(p->beta), u);"


def test_random_potentials_find_what_no_current_leads_to(tmp_path, monkeypatch):
    """A leak that is wrong below zero, in a network none of whose weights is negative."""
    compilation = compiled("f32")
    wrong = LEAK.replace(", u)", ", snn_f32x16_max(u, snn_f32x16_set1(0.0f)))")
    files = with_header(compilation, "neurons/neuron.h", LEAK, wrong)
    verifier = Verifier(small(), compilation, tmp_path, FLAGS, files=files)
    with monkeypatch.context() as without:
        without.setattr(Scenarios, "potentials", lambda self: {})
        Stress(compilation, verifier.observed, verifier.result).run()
    assert STRESS not in verifier.result.chain.broken
    Stress(compilation, verifier.observed, verifier.result).run()
    assert STRESS in verifier.result.chain.broken
    assert verifier.result.chain[STRESS].check("membrane potentials").unexplained > 0


def test_potentials_of_integers_cannot_leave_a_width_that_does_not_saturate():
    compilation = compiled("int8")
    graph = compilation.graph
    for node in (n for n in graph if n.op.name == "neuron_i8"):
        drawn = Scenarios(graph, compilation.schedule).potentials()[node.name]
        assert drawn.dtype == torch.int64
        most = 2**31 if node.op.width == "int32" else 2**15
        if not node.op.saturate:
            most -= node.op.bound << node.op.input_shift
        assert 0 < int(drawn.abs().max()) < most


def test_every_entry_of_the_sigmoid_table_is_read():
    model = lively_network("sa", channels=(5, 8, 8))
    graph = import_module(model, (2, 34, 34), 6, name="net")
    window = np.random.default_rng(0).poisson(0.3, (6, 2, 34, 34))
    compilation = compile_graph(graph, calibration=[window])
    read = set()
    for scenario in Scenarios(compilation.graph, compilation.schedule):
        for node in (n for n in compilation.graph if n.op.name == "sigmoid_i8"):
            logits = (scenario.forced or {}).get(node.inputs[0])
            if logits is not None:
                z = fixed.round_shift(logits * node.op.factor, node.op.shift)
                read |= set((z.clamp(-(8 << 16), (8 << 16) - 1) >> 12).unique().tolist())
    assert read == set(range(-128, 128))
