"""Checkpoints of the ASA-SNN authors' code as models of ours.

Their files hold the ``state_dict`` of a ``DVSGestureNet`` (github.com/BICLab/ASA-SNN): alone, or
as the only dictionary of tensors in another, and with or without DataParallel's "module." before
each name. Constants of the neurons are not in the file; ours are those of their configuration.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from snnc.errors import BAD_CHECKPOINT, BAD_OPTION, BAD_WEIGHTS, SnncError
from snnc.models.networks import Network, build

State = Mapping[str, Tensor]

_LAYER = r"ConvAttLIFs\.(\d)\.(?:0\.)?"
_HEAD = r"FCs\.(\d)\.(?:1\.)?"
_NORM = "(weight|bias|running_mean|running_var|num_batches_tracked)"

_RENAMES = {
    rf"{_LAYER}conv\.0\.(weight|bias)": "layer{0}.synapse.layers.conv.{1}",
    rf"{_LAYER}bn\.0\.{_NORM}": "layer{0}.synapse.layers.bn.{1}",
    rf"{_LAYER}spike\.0\.(w)": "layer{0}.neuron.{1}",
    rf"{_LAYER}attn\.(alpha)": "layer{0}.attention.mix.{1}",
    rf"{_LAYER}attn\.(beta)": "layer{0}.attention.mix.gamma",
    rf"{_LAYER}attn\.fc\.0\.(weight)": "layer{0}.attention.mix.reduce.{1}",
    rf"{_LAYER}attn\.fc\.2\.(weight)": "layer{0}.attention.mix.expand.{1}",
    rf"{_LAYER}attn\.(conv1)\.weight": "layer{0}.attention.score1.conv.weight",
    rf"{_LAYER}attn\.(conv2)\.weight": "layer{0}.attention.score2.conv.weight",
    rf"{_HEAD}(?:linear\.0|fc)\.(weight|bias)": "fc{0}.synapse.layers.linear.{1}",
    rf"{_HEAD}bn\.0\.{_NORM}": "fc{0}.synapse.layers.bn.{1}",
    rf"{_HEAD}spike\.0\.(w)": "fc{0}.neuron.{1}",
}
"""Their names, as patterns, and ours; layers count from 0 there and from 1 here."""

_UNUSED = re.compile(rf"{_LAYER}spike\.0\.attn\..*")
"""A second attention module in each cell, which their forward does not use."""


def convert(
    content: object, network: str, *, time_steps: int, input_size: tuple[int, int, int], where: str
) -> Network:
    """A network of ours with the weights of theirs, in evaluation mode.

    Widths, classes and attention are read off the weights.

    Args:
        content: what the file holds, as ``torch.load(..., weights_only=True)`` gives it.
        network: a name in :data:`snnc.models.networks.NETWORKS`.
        time_steps: T of the training; with ASA the file has weights for exactly this many.
        input_size: (2, height, width) of one step.
        where: the file's name, for messages.

    Raises:
        SnncError: BAD_CHECKPOINT for a file of something else; BAD_WEIGHTS where the weights are
            not those of the network; BAD_OPTION for an unknown network.
    """
    state = renamed(_state(content, where), where)
    hyper = _hyper(state, network, where)
    model = build(network, time_steps=time_steps, input_size=list(input_size), **hyper)
    own = model.state_dict()
    fitted = {
        key: value.reshape(own[key].shape) if key in own and value.numel() == 1 else value
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
                mend="Choose the --network that it was trained as.",
            )
    for key, value in fitted.items():
        if value.shape != own[key].shape:
            raise SnncError(
                BAD_WEIGHTS,
                f"{key} is {list(value.shape)}, and network {network} needs {list(own[key].shape)}",
                where=where,
                mend="Check --time-steps, --sensor and --downsample.",
            )
    model.load_state_dict(fitted)
    return model.eval()


def renamed(state: State, where: str) -> dict[str, Tensor]:
    """Their parameters under our names. Raises SnncError (BAD_WEIGHTS) for a name of neither."""
    result = {}
    for name, value in state.items():
        name = name.removeprefix("module.")
        if _UNUSED.fullmatch(name):
            continue
        if re.fullmatch(rf"{_LAYER}attn\.fc\.weight", name):
            raise SnncError(
                BAD_WEIGHTS,
                f"{name} mixes time by one matrix (reduction 1), and our asa1 by two",
                where=where,
                mend="Compile their network itself: package.module:factory --weights FILE.",
            )
        result[_our_name(name, where)] = value
    return result


def _our_name(name: str, where: str) -> str:
    for pattern, ours in _RENAMES.items():
        if found := re.fullmatch(pattern, name):
            return ours.format(int(found[1]) + 1, found[2])
    raise SnncError(
        BAD_WEIGHTS,
        f"the parameter {name} is none of the ASA-SNN authors' networks",
        where=where,
        mend="Compile the network itself: package.module:factory --weights FILE.",
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
            mend="Save model.state_dict() alone.",
        )
    return found[0]


def _all_tensors(entries: dict[Any, Any]) -> bool:
    return all(isinstance(k, str) and isinstance(v, Tensor) for k, v in entries.items())


def _hyper(state: State, network: str, where: str) -> dict[str, Any]:
    """The hyper-parameters that the shapes of the weights show."""
    convolutions = sorted(k for k in state if k.endswith("layers.conv.weight"))
    try:
        hidden = len(state["fc1.synapse.layers.linear.weight"])
        outputs = len(state["fc2.synapse.layers.linear.weight"])
    except KeyError as error:
        raise SnncError(BAD_WEIGHTS, f"the file lacks {error.args[0]}", where=where) from error
    votes = 10 if network.startswith("five-layer") else 1
    if outputs % votes:
        raise SnncError(
            BAD_OPTION,
            f"{outputs} outputs are not a whole number of classes with {votes} votes each",
            where=where,
            mend="Choose the --network that it was trained as.",
        )
    hyper: dict[str, Any] = {
        "channels": [len(state[name]) for name in convolutions],
        "hidden": hidden,
        "classes": outputs // votes,
        "attention": "asa1" if any(".attention." in key for key in state) else "none",
    }
    if not network.startswith("five-layer"):
        hyper["fc_batch_norm"] = "fc1.synapse.layers.bn.weight" in state
    return hyper


def load_foreign(path: str) -> object:
    """What a foreign ``.pt`` or ``.pth`` file holds, without running code from it.

    Raises:
        SnncError: BAD_CHECKPOINT for a file that cannot be read, or that holds code.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged input reaches torch's reader, which raises anything
        reason = " ".join(str(error).split())[:100]
        raise SnncError(
            BAD_CHECKPOINT,
            f"it cannot be read without running code from it ({type(error).__name__}: {reason})",
            where=path,
            mend="Save model.state_dict() alone, with torch.save.",
        ) from error
