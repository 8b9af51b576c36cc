"""The counts again with other code: plain PyTorch hooks on the bundled networks.

Nothing of the compiler or of the estimator's counting takes part in the recount: hooks see what
each module read and wrote, and a spike's reach is counted by convolving with ones. An average pool
after a convolution is one convolution with a wider, strided kernel to the compiled network, so a
spike reaches what that kernel reaches.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from snnc.api.data.windows import windows
from snnc.api.recording_runs import Asked, network_of, survey
from snnc.compiler.frontend.source import load_source
from snnc.estimator.conventions import EXECUTED
from snnc.models import checkpoints
from snnc.models.networks import Block
from tests.support.places import ROOT, SHARED

SAMPLES = 2
PAIRS = {"nmnist": f"nmnist:{SHARED / 'nmnist'}", "gesture_sim": "gesture-sim"}
without_recordings = pytest.mark.skipif(
    not (SHARED / "nmnist" / "Test").is_dir(), reason="no N-MNIST recordings on this machine"
)


@dataclass
class Recount:
    """What one layer did: spikes, and synaptic operations (AC by spikes, MAC by event counts)."""

    neurons: int = 0
    spikes: int = 0
    ac: int = 0
    mac: int = 0


def reached(x: Tensor, layer: nn.Conv2d | nn.Linear, pool: nn.AvgPool2d | None) -> int:
    """Outputs that the nonzero inputs reach, one for each pair; taps beyond the border are none."""
    active = (x != 0).to(torch.float64)
    if isinstance(layer, nn.Linear):
        return int(active.sum()) * layer.out_features
    assert layer.kernel_size == (3, 3)
    assert layer.groups == 1
    assert layer.stride == layer.dilation == (1, 1)
    side = 3 + (int(pool.kernel_size) - 1 if pool else 0)
    taps = torch.ones(1, 1, side, side, dtype=torch.float64)
    stride = int(pool.kernel_size) if pool else 1
    maps = F.conv2d(active.sum(dim=1, keepdim=True), taps, stride=stride, padding=layer.padding)
    return int(maps.sum()) * layer.out_channels


def recounted(model: nn.Module, recordings: list[Tensor]) -> dict[str, Recount]:
    """Each layer's counts on some recordings ``[T, 1, C, H, W]``, layer by layer."""
    found: dict[str, Recount] = {}
    for name, block in model.named_modules():
        if isinstance(block, Block):
            watch(block, found.setdefault(name, Recount()), reads_events=len(found) == 1)
    with torch.no_grad():
        for recording in recordings:
            model(recording)
    return found


def watch(block: Block, into: Recount, *, reads_events: bool) -> None:
    """Count in hooks whenever the block runs; one that reads event counts multiplies."""
    layers = list(block.synapse.layers)
    (weighted,) = [layer for layer in layers if isinstance(layer, nn.Conv2d | nn.Linear)]
    pools = [layer for layer in layers if isinstance(layer, nn.AvgPool2d)]
    before = pools and layers.index(pools[0]) < layers.index(weighted)
    assert not before
    pool = pools[0] if pools else None

    def reads(_: nn.Module, given: tuple[Tensor, ...]) -> None:
        (x,) = given
        assert reads_events or bool(((x == 0) | (x == 1)).all())
        kind = "mac" if reads_events else "ac"
        setattr(into, kind, getattr(into, kind) + reached(x, weighted, pool))

    def fires(_: nn.Module, given: tuple[Tensor, ...], spikes: Tensor) -> None:
        assert bool(((spikes == 0) | (spikes == 1)).all())
        into.neurons = spikes[0].numel()
        into.spikes += int(spikes.sum())

    weighted.register_forward_pre_hook(reads)
    block.neuron.register_forward_hook(fires)


@pytest.mark.parametrize("attention", ["none", "asa1"])
@pytest.mark.parametrize("pair", [pytest.param("nmnist", marks=without_recordings), "gesture_sim"])
def test_plain_hooks_count_the_same_integers(pair: str, attention: str) -> None:
    path = ROOT / "models" / "zoo" / f"{pair}_{attention}.pt"
    source = load_source(str(path))
    every = windows(source, PAIRS[pair], "test", SAMPLES)
    given = [window.frames for window in every]
    recordings = [torch.from_numpy(frames.astype("float32")).unsqueeze(1) for frames in given]
    ours = recounted(checkpoints.load(path).model, recordings)
    assert sum(layer.spikes for layer in ours.values()) > 1000
    theirs = survey(network_of(source), every, Asked([EXECUTED]), called=pair)
    counted = {entry.layer.name: entry for entry in theirs.tallies["executed"].per_layer()}
    assert list(counted) == [*ours, "readout"]
    for name, layer in ours.items():
        synapse = counted[name].parts["synapse"]
        found = Recount(
            neurons=counted[name].layer.neuron_count,
            spikes=sum(counted[name].spikes),
            ac=synapse["ac"],
            mac=synapse["mac"],
        )
        assert found == layer, name
        assert counted[name].totals["ac"] == layer.ac
