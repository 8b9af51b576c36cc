"""Which layers of a network get int4 weights, the others int8."""

from __future__ import annotations

from collections.abc import Callable, Collection

from snnc.compiler.ir.graph import Graph, Kind
from snnc.compiler.ir.roles import Role
from snnc.errors import BAD_OPTION, SnncError

INT8, INT4 = "int8", "int4"

Int4 = Callable[[Graph], frozenset[str]]
"""The layers of an optimised graph whose weights are int4."""


def nowhere(graph: Graph) -> frozenset[str]:
    """No layer: all weights are int8."""
    del graph
    return frozenset()


def everywhere(graph: Graph) -> frozenset[str]:
    """Every layer that reads spikes. One that reads counts has few weights and loses most: in the
    bundled networks 576 bytes, and 3 recordings of 100 with them."""
    return _reading(graph, Kind.SPIKE)


def named(names: Collection[str]) -> Int4:
    """Just these layers.

    Raises:
        SnncError: BAD_OPTION, when it is asked of a graph, for a layer that is not there or has no
            weights that meet spikes or counts.
    """

    def those(graph: Graph) -> frozenset[str]:
        known = _reading(graph, Kind.SPIKE, Kind.COUNT)
        if unknown := sorted(set(names) - known):
            raise SnncError(
                BAD_OPTION,
                f"--weight-type int4 for {', '.join(unknown)}: no such layer has weights for "
                "spikes or counts",
                hint=f"The layers are {', '.join(sorted(known)) or 'none'}.",
            )
        return frozenset(names)

    return those


def _reading(graph: Graph, *kinds: Kind) -> frozenset[str]:
    """The layers with weights that read values of these kinds; maps of attention keep 16 bits."""
    layers = (node for node in graph.nodes if node.plays(Role.SYNAPSE))
    return frozenset(node.name for node in layers if graph[node.inputs[0]].type.kind in kinds)


def parsed(text: str) -> Int4:
    """What "int8", "int4" or "int4:LAYER,LAYER" says.

    Raises:
        SnncError: BAD_OPTION.
    """
    kind, colon, names = text.partition(":")
    if kind == INT4 and colon:
        return named([name.strip() for name in names.split(",")])
    if colon or kind not in (INT8, INT4):
        raise SnncError(
            BAD_OPTION,
            f"--weight-type {text} is neither int8 nor int4",
            hint="Say int4 for the layers that read spikes, or int4:LAYER,LAYER for these.",
        )
    return everywhere if kind == INT4 else nowhere


def check_weights(weight_type: str, max_accuracy_loss: float | None, dtype: str) -> None:
    """Raise SnncError (BAD_OPTION) for what means nothing together."""
    narrow = parsed(weight_type) is not nowhere
    if narrow and dtype != "int8":
        raise SnncError(
            BAD_OPTION,
            "--weight-type int4 belongs to --dtype int8",
            hint="Leave it out, or add that.",
        )
    if max_accuracy_loss is not None and weight_type != INT4:
        raise SnncError(
            BAD_OPTION,
            "layers are chosen by --max-accuracy-loss, and that needs --weight-type int4",
            hint="Say --weight-type int4, without names of layers, or leave it out.",
        )
