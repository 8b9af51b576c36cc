"""The options that say which weights of an int8 network have four bits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

weight_type_option = click.option(
    "--weight-type",
    default="int8",
    show_default=True,
    metavar="TYPE",
    help="With --dtype int8: int8, or int4 for the layers that read spikes, or int4:LAYER,LAYER "
    "for those of these names.",
)


def weight_type_options(function: F) -> F:
    """--weight-type, and the accuracy that int4 may cost."""
    bound = click.option(
        "--max-accuracy-loss",
        type=click.FloatRange(0.0, 1.0),
        metavar="SHARE",
        help="With --weight-type int4: the largest layers first, each only if at most this share "
        "of the calibration recordings gets another class than the float model gives.",
    )
    return weight_type_option(bound(function))


def check_weights(weight_type: str, max_accuracy_loss: float | None, dtype: str) -> None:
    """Raise SnncError (BAD_OPTION) for what means nothing together. The operators, which bring
    torch, are imported when a command runs, not when its help is shown."""
    from snnc.compiler.ops.int8 import weight_types

    weight_types.check_weights(weight_type, max_accuracy_loss, dtype)
