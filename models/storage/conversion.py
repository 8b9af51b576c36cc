"""Checkpoints of the authors of ASA-SNN and of MA-SNN as models of ours.

Their files hold the ``state_dict`` of a ``DVSGestureNet`` (github.com/BICLab/ASA-SNN) or of a
``Net`` of MA-SNN (github.com/BICLab/Attention-SNN): alone, or as the only dictionary of tensors in
another, and with or without DataParallel's "module." before each name. Constants of the neurons
are not in the file; ours are those of their configurations.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from snnc.errors import BAD_CHECKPOINT, BAD_OPTION, BAD_WEIGHTS, SnncError
from snnc.models.attention import GATES, AttentionSizes
from snnc.models.networks import NETWORKS, Network, build
from snnc.models.storage.tensor_files import check_stored, read_tensor_file

State = Mapping[str, Tensor]

_ASA_LAYER = r"ConvAttLIFs\.(\d)\.(?:0\.)?"
_MA_LAYER = r"convAttLIF(\d)\."
_PLACES = {
    _ASA_LAYER: "layer",
    r"FCs\.(\d)\.(?:1\.)?": "fc",
    _MA_LAYER: "layer",
    r"FC(\d)\.": "fc",
}
"""Patterns of their layers' names, and ours; layers count from 0 there and from 1 here."""

_PARTS = {
    "conv.0.": "synapse.layers.conv.",
    "conv2d.": "synapse.layers.conv.",
    "linear.0.": "synapse.layers.linear.",
    "linear.": "synapse.layers.linear.",
    "fc.": "synapse.layers.linear.",
    "bn.0.": "synapse.layers.bn.",
    "BNLayer.": "synapse.layers.bn.",
    "spike.0.w": "neuron.w",
    "attn.alpha": "attention.mix.alpha",
    "attn.beta": "attention.mix.gamma",
    "attn.fc.0.": "attention.mix.reduce.",
    "attn.fc.2.": "attention.mix.expand.",
    "attn.fc.": "attention.mix.expand.",
    "attn.conv1.": "attention.score1.conv.",
    "attn.conv2.": "attention.score2.conv.",
    "attention.ta.sharedMLP.0.": "attention.temporal.mlp.reduce.",
    "attention.ta.sharedMLP.2.": "attention.temporal.mlp.expand.",
    "attention.ca.sharedMLP.0.": "attention.channel.mlp.reduce.",
    "attention.ca.sharedMLP.2.": "attention.channel.mlp.expand.",
    "attention.sa.conv.": "attention.spatial.score.conv.",
}
"""What their names within a layer begin with, and ours; the first that fits holds."""

_UNUSED = re.compile(rf"{_ASA_LAYER}spike\.0\.attn\..*")
"""A second attention module in each cell, which their forward does not use."""


def convert(
    content: object, network: str, *, time_steps: int, input_size: tuple[int, int, int], where: str
) -> Network:
    """A network of ours with the weights of theirs, in evaluation mode.

    Widths, classes and attention are read off the weights.

    Args:
        content: what the file holds, as ``torch.load(..., weights_only=True)`` gives it.
        network: a name in :data:`snnc.models.networks.NETWORKS`.
        time_steps: T of the training; attention along time has weights for exactly this many.
        input_size: (2, height, width) of one step.
        where: the file's name, for messages.

    Raises:
        SnncError: BAD_CHECKPOINT for a file of something else; BAD_WEIGHTS where the weights are
            not those of the network; BAD_OPTION for an unknown network.
    """
    theirs = _state(content, where)
    state = renamed(theirs, where)
    from_ma = any(re.match(_MA_LAYER, name.removeprefix("module.")) for name in theirs)
    hyper = (_ma_cell(network, where) if from_ma else {}) | _hyper(state, network, where)
    model = build(network, time_steps=time_steps, input_size=list(input_size), **hyper)
    own = model.state_dict()
    fitted = {
        key: value.reshape(own[key].shape) if key in own and _alike(value, own[key]) else value
        for key, value in state.items()
    }
    for names, says in (
        (own.keys() - fitted.keys(), "lacks"),
        (fitted.keys() - own.keys(), "adds"),
    ):
        if names:
            raise SnncError(
                BAD_WEIGHTS,
                f"the file {says} {', '.join(sorted(names))} for network {network}",
                where=where,
                hint="Choose the --network that it was trained as.",
            )
    for key, value in fitted.items():
        if value.shape != own[key].shape:
            raise SnncError(
                BAD_WEIGHTS,
                f"{key} is {list(value.shape)}, and network {network} needs {list(own[key].shape)}",
                where=where,
                hint="Check --time-steps, --sensor and --downsample.",
            )
    model.load_state_dict(fitted)
    return model.eval()


def _alike(value: Tensor, own: Tensor) -> bool:
    """Whether two shapes differ only in axes of length 1, as of a convolution for a matrix."""
    return [n for n in value.shape if n != 1] == [n for n in own.shape if n != 1]


def renamed(state: State, where: str) -> dict[str, Tensor]:
    """Their parameters under our names. Raises SnncError (BAD_WEIGHTS) for a name of neither."""
    names = {name: name.removeprefix("module.") for name in state}
    return {
        _our_name(name, where): state[key]
        for key, name in names.items()
        if not _UNUSED.fullmatch(name)
    }


def _our_name(name: str, where: str) -> str:
    for pattern, ours in _PLACES.items():
        if found := re.match(pattern, name):
            rest = name[found.end() :]
            for part, our_part in _PARTS.items():
                if rest.startswith(part):
                    return f"{ours}{int(found[1]) + 1}.{our_part}{rest.removeprefix(part)}"
    raise SnncError(
        BAD_WEIGHTS,
        f"the parameter {name} is none of the ASA-SNN or MA-SNN authors' networks",
        where=where,
        hint="Compile the network itself: package.module:factory --weights FILE.",
    )


def _state(content: object, where: str) -> State:
    """The dictionary of tensors in a file."""
    candidates = [content, *(content.values() if isinstance(content, dict) else [])]
    found = [c for c in candidates if isinstance(c, dict) and c and _all_tensors(c)]
    if len(found) != 1:
        raise SnncError(
            BAD_CHECKPOINT,
            f"it holds {len(found)} dictionaries of parameters instead of one",
            where=where,
            hint="Save model.state_dict() alone.",
        )
    return {name: check_stored(name, tensor, where) for name, tensor in found[0].items()}


def _all_tensors(entries: dict[Any, Any]) -> bool:
    return all(isinstance(k, str) and isinstance(v, Tensor) for k, v in entries.items())


def _hyper(state: State, network: str, where: str) -> dict[str, Any]:
    """The hyper-parameters that the shapes of the weights show."""
    convolutions = sorted(k for k in state if k.endswith("layers.conv.weight"))
    try:
        hidden = _rows(state["fc1.synapse.layers.linear.weight"])
        outputs = _rows(state["fc2.synapse.layers.linear.weight"])
    except KeyError as error:
        raise SnncError(BAD_WEIGHTS, f"the file lacks {error.args[0]}", where=where) from error
    takes = _parameters(network)
    wanted = len(takes["channels"].default)
    if len(convolutions) != wanted:
        raise SnncError(
            BAD_WEIGHTS,
            f"the file has {len(convolutions)} convolutions, and network {network} has {wanted}",
            where=where,
            hint="Choose the --network that it was trained as.",
        )
    votes = takes["votes"].default
    if outputs % votes:
        raise SnncError(
            BAD_OPTION,
            f"{outputs} outputs are not a whole number of classes with {votes} votes each",
            where=where,
            hint="Choose the --network that it was trained as.",
        )
    hyper: dict[str, Any] = {
        "channels": [_rows(state[name]) for name in convolutions],
        "hidden": hidden,
        "classes": outputs // votes,
        "attention": _attention(state, "layer"),
        "attention_sizes": _sizes(state),
    }
    if "fc_batch_norm" in takes:
        hyper["fc_batch_norm"] = "fc1.synapse.layers.bn.weight" in state
        hyper["fc_attention"] = _attention(state, "fc")
    return hyper


def _rows(weight: Tensor) -> int:
    """The number of outputs; 0, which no network has, for a single number."""
    return weight.shape[0] if weight.ndim else 0


def _parameters(network: str) -> Mapping[str, inspect.Parameter]:
    if network not in NETWORKS:
        raise SnncError(
            BAD_OPTION,
            f"no checkpoint is converted to a network called {network!r}",
            hint=f"Choose one of {', '.join(NETWORKS)}.",
        )
    return inspect.signature(NETWORKS[network]).parameters


def _attention(state: State, place: str) -> str:
    """The attention module of our convolutions ("layer") or linear layers ("fc")."""
    matches = (re.match(rf"{place}\d\.attention\.(\w+)\.", key) for key in state)
    parts = {found[1] for found in matches if found}
    letters = "".join(letter for letter, gate in GATES.items() if gate in parts)
    return f"{letters}a" if letters else "asa1" if parts else "none"


def _sizes(state: State) -> dict[str, int]:
    """Sizes inside attention modules, where they are not the papers' own."""
    papers, sizes = vars(AttentionSizes()), {}
    for name, part in (
        ("temporal_reduction", "temporal.mlp.reduce.weight"),
        ("channel_reduction", "channel.mlp.reduce.weight"),
        ("mix_reduction", "mix.reduce.weight"),
    ):
        if shapes := _shapes(state, part):
            sizes[name] = _reduction(shapes, papers[name])
    if _shapes(state, "mix.expand.weight") and "mix_reduction" not in sizes:
        sizes["mix_reduction"] = 1
    for shape in _shapes(state, "spatial.score.conv.weight"):
        sizes["spatial_kernel"] = shape[-1]
    return {name: value for name, value in sizes.items() if value != papers[name]}


def _shapes(state: State, part: str) -> list[tuple[int, ...]]:
    return [tuple(v.shape) for k, v in state.items() if k.endswith(f".{part}") and v.ndim > 1]


def _reduction(shapes: list[tuple[int, ...]], usual: int) -> int:
    """The r with which n // r units are hidden in every perceptron [hidden, n, ...]."""
    if all(max(1, n // usual) == hidden for hidden, n, *_ in shapes):
        return usual
    return max(1, min(n // max(1, hidden) for hidden, n, *_ in shapes))


def _ma_cell(network: str, where: str) -> dict[str, float]:
    """The reset of MA-SNN's cell: a spike takes it to Vthres, which then leaks.

    Raises:
        SnncError: BAD_WEIGHTS for a network whose neurons are not such cells.
    """
    takes = _parameters(network)
    if not {"v_threshold", "v_reset", "beta"} <= takes.keys():
        raise SnncError(
            BAD_WEIGHTS,
            f"MA-SNN has no network like {network}",
            where=where,
            hint="Choose three-layer (DVS128 Gesture) or ma-five-layer (Gait, CIFAR10-DVS).",
        )
    threshold, beta = takes["v_threshold"].default, takes["beta"].default
    return {"v_reset": float(torch.tensor(threshold) * beta)}  # rounded where theirs is


def load_foreign(path: str) -> object:
    """What a foreign ``.pt`` or ``.pth`` file holds, without running code from it.

    Raises:
        SnncError: as :func:`snnc.models.storage.tensor_files.read_tensor_file`.
    """
    return read_tensor_file(path, hint="Save model.state_dict() alone, with torch.save.")
