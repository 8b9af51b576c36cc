"""``snnc train --config FILE``: a run's options in TOML; what the command line says goes first.

Keys are the options' long names with ``_`` for ``-``, and ``network`` for the argument; the table
``[hyper]`` holds hyper-parameters of the network::

    network = "three-layer"
    data = "dvsgesture:data/DVSGesture"
    time_steps = 60
    dt_us = 15000

    [hyper]
    v_threshold = 0.3
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from snnc.errors import BAD_OPTION, SnncError
from snnc.user_files import read_text

HYPER = "hyper"


def read_config(context: click.Context, _parameter: click.Parameter, path: Path | None) -> None:
    """Make the file's values the defaults of the command's options (a click callback).

    Raises:
        SnncError: BAD_OPTION for a file that is not TOML, or a key that is no option.
    """
    if path is None:
        return
    try:
        content = tomllib.loads(read_text(path, BAD_OPTION, hint="Give a TOML file of options."))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise SnncError(BAD_OPTION, f"no readable TOML ({error})", where=str(path)) from error
    known = {entry.name for entry in context.command.params if entry.name} - {"config"}
    unknown = sorted(content.keys() - known)
    if unknown:
        raise SnncError(
            BAD_OPTION,
            f"there is no option called {', '.join(unknown)}",
            where=str(path),
            hint=f"Choose among {', '.join(sorted(known))}.",
        )
    hyper = content.pop(HYPER, {})
    if not isinstance(hyper, dict):
        raise SnncError(BAD_OPTION, "hyper is a table, [hyper]", where=str(path))
    context.meta[HYPER] = hyper
    context.default_map = content


def hyper_of(context: click.Context, given: Sequence[str]) -> dict[str, Any]:
    """Hyper-parameters of the file, then those of ``--hyper NAME=VALUE``, a value as in TOML.

    Raises:
        SnncError: BAD_OPTION for text that is not NAME=VALUE.
    """
    hyper = dict(context.meta.get(HYPER, {}))
    for text in given:
        try:
            hyper |= tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            raise SnncError(
                BAD_OPTION,
                f"--hyper {text!r} is not NAME=VALUE with a TOML value ({error})",
                hint="Write --hyper votes=10, --hyper channels=[32,32,32] or the like.",
            ) from error
    return hyper
