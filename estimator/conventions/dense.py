"""``dense``: an artificial network of the same shape, run at every time step."""

from __future__ import annotations

from snnc.compiler.ir.roles import Role
from snnc.estimator.conventions.base import (
    BESIDE_SYNAPSES,
    Convention,
    CountedOn,
    StepCounts,
    Visit,
    dense_macs,
    free,
    perceptron_macs,
    product_macs,
)


def _synapse(visit: Visit) -> StepCounts:
    return visit.every_step(mac=dense_macs(visit))


def _product(visit: Visit) -> StepCounts:
    return visit.every_step(mac=product_macs(visit))


def _mlp(visit: Visit) -> StepCounts:
    length = visit.params["reduce"].shape[1]
    given = visit.types[0]
    steps = visit.graph.time_steps if given.temporal else 1
    return {"mac": [perceptron_macs(visit) * (given.size * steps // length)]}


def _gate(visit: Visit) -> StepCounts:
    return visit.every_step(mul=visit.node.type.size)


DENSE = Convention(
    name="dense",
    title="an ANN of the same shape",
    rule=(
        "Every convolution, linear layer and product of matrices multiplies every input at every "
        "step, zeros and padding included: outputs × weights per output, times T. Attention: its "
        "convolutions and "
        "perceptrons likewise, and one product an element for the gate. Normalisation, pooling, "
        "activation and readout are not counted."
    ),
    source=(
        "The MAC count in use for ANNs (outputs × kernel size × input channels); per step it is "
        "the dense work that Yao et al. 2023 start from."
    ),
    counted_on=CountedOn.SPIKES,
    charges_borders=True,
    counts_follow_spikes=False,
    count_inputs=("as MAC at every position, zeros too"),
    differs={
        "synapse": "zeros are multiplied like everything else",
        "attention": (
            "every convolution and perceptron in full, one product an element for the gate; "
            "statistics, masks and sigmoids are free"
        ),
        "neuron": "activations are free",
        "other": "pools, normalisation and readout are free",
    },
    rules=free(*BESIDE_SYNAPSES)
    | {Role.SYNAPSE: _synapse, Role.PERCEPTRON: _mlp, Role.GATE: _gate, Role.PRODUCT: _product},
)
