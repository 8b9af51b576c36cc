"""A hypothesis strategy for graphs in which ops of every kind of time depend on each other."""

from __future__ import annotations

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from snnc.compiler.frontend.adapters.recurrence import Recurrence
from snnc.compiler.frontend.importing import Importing
from snnc.compiler.ir.graph import Graph, Kind
from snnc.compiler.ops import (
    Add,
    ComplementaryMask,
    Flatten,
    Neuron,
    Relu,
    Scale,
    Statistics,
    TimeMean,
    WeightedRows,
    recurrent_loops,
)
from snnc.errors import SnncError

LIF = {"beta": 0.5, "drift": 0.0, "gain": 1.0, "reset_mode": "hard", "reset": 0.0}
LIF |= {"threshold": 1.0, "strict": False, "initial": 0.0}
STATISTICS = {"over": "time_pixels", "mean_scale": 1.0}


@st.composite
def random_graphs(draw: st.DrawFn) -> Graph:
    """Images of one shape joined by ops of every kind of time."""
    building = Importing("random", 3)
    building.input((3, 2, 2), Kind.COUNT)
    images, windows = ["input"], []
    ops = ["neuron", "relu", "add", "statistics", "scale", "gate", "recurrent"]
    wide = Recurrence.of(building, "wide", (3, 2, 2)) if draw(st.booleans()) else None
    images += [wide.spikes] if wide else []
    for number in range(draw(st.integers(1, 14))):
        op = draw(st.sampled_from(ops))
        x = draw(st.sampled_from(images))
        if op == "neuron":
            images.append(building.add(f"n{number}", Neuron(**LIF), [x]))
        elif op == "recurrent":
            images.append(_recurrent(building, f"c{number}", x))
        elif op == "relu":
            images.append(building.add(f"r{number}", Relu(), [x]))
        elif op == "add":
            images.append(building.add(f"a{number}", Add(), [x, draw(st.sampled_from(images))]))
        elif op == "statistics":
            both = building.add(f"w{number}", Statistics(**STATISTICS), [x])
            rows = {"weights": np.ones(2)}
            windows.append(building.add(f"m{number}", WeightedRows(), [both], rows))
        elif op == "scale" and windows:
            images.append(building.add(f"s{number}", Scale(), [x, draw(st.sampled_from(windows))]))
        elif op == "gate":
            images.append(_gate(building, number, x))
    flat = building.add("flat", Flatten(), [images[-1]])
    output = building.add("out", TimeMean(), [flat])
    if wide:
        fired = [name for name, node in building.nodes.items() if node.op.name == "neuron"]
        assume(fired)
        wide.close(building, draw(st.sampled_from(fired)))
    graph = building.graph([output])
    assume(_has_a_meaning(graph))
    return graph


def _has_a_meaning(graph: Graph) -> bool:
    """Whether nothing between the ends of a recurrent connection needs the whole window."""
    try:
        recurrent_loops.check(graph)
    except SnncError:
        return False
    return True


def _gate(building: Importing, number: int, x: str) -> str:
    """Channels switched on and off by statistics of the whole window."""
    over = STATISTICS | {"over": "pixels"}
    each = building.add(f"p{number}", Statistics(**over), [x])
    rows = {"weights": np.ones(2)}
    mixed = building.add(f"q{number}", WeightedRows(), [each], rows)
    mask = building.add(f"k{number}", ComplementaryMask(), [mixed])
    return building.add(f"g{number}", Scale(), [x, mask])


def _recurrent(building: Importing, name: str, x: str) -> str:
    """A neuron that hears its own spikes."""
    recurrence = Recurrence.of(building, name, (3, 2, 2))
    total = building.add(f"{name}_sum", Add(), [x, recurrence.spikes])
    spikes = building.add(name, Neuron(**LIF), [total])
    recurrence.close(building, spikes)
    return spikes
