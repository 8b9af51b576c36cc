"""Where the prices of kernels are kept: this machine's own, or those that come with the package."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
from importlib.resources import files
from pathlib import Path
from typing import Any

from snnc.atomic import write_atomically
from snnc.compiler.passes.choose_kernels import CostModel, Prices
from snnc.errors import BAD_OUTPUT, SnncError

_FILE = "kernel_costs.json"


def cpu_name() -> str:
    """The processor's name, as the system gives it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as info:
            for line in info:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass  # not Linux: the platform's own name has to do
    return platform.processor() or platform.machine()


def own_file() -> Path:
    """The user's own prices: ``$XDG_CONFIG_HOME/snnc/kernel_costs.json`` (``~/.config``).

    Not in the cache of object files: there the oldest file goes when room is needed.
    """
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(home) / "snnc" / _FILE


def load() -> CostModel:
    """The user's own prices if they were fitted on this processor, else the bundled ones, whose
    ``machine`` then names another processor: show it."""
    try:
        own = parsed(json.loads(own_file().read_text(encoding="utf-8")))
        if own.machine == cpu_name():
            return own
    except (OSError, ValueError, KeyError, TypeError):
        pass  # no prices yet, or a damaged file: the bundled prices carry their machine's name
    bundled = files("snnc") / "compiler" / "calibrate" / _FILE
    return parsed(json.loads(bundled.read_text(encoding="utf-8")))


def save(costs: CostModel) -> Path:
    """Keep prices for later compilations; gives the file. Raises SnncError (BAD_OUTPUT)."""
    path = own_file()
    content = as_json(costs)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SnncError(BAD_OUTPUT, str(error.strerror), where=str(path)) from error
    write_atomically(path, (json.dumps(content, indent=2) + "\n").encode())
    return path


def as_json(costs: CostModel) -> dict[str, Any]:
    """Prices as their files hold them."""
    prices = {" ".join(key): dataclasses.asdict(price) for key, price in costs.prices.items()}
    return {"machine": costs.machine, "unit": "nanoseconds", "prices": prices}


def parsed(content: dict[str, Any]) -> CostModel:
    """Prices from what such a file holds."""
    prices = {}
    for key, value in content["prices"].items():
        op, kernel = key.split(" ")
        prices[op, kernel] = Prices(**value)
    return CostModel(str(content["machine"]), prices)
