"""Energy per operation and per memory access: cited tables, and a user's own; checked when read."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any

from snnc.errors import BAD_ENERGY_TABLE, BAD_OPTION, SnncError
from snnc.estimator.conventions import COUNTERS
from snnc.user_files import kind_of, read_text

DEFAULTS = {"f32": "horowitz-f32", "int8": "horowitz-int8"}
"""The table for each type of arithmetic."""

DEFAULT = DEFAULTS["f32"]
_TEXTS = ("title", "source", "note")
_MEMORY = ("access_bits", "sram_bytes", "sram_pj", "dram_pj", "on_chip_bytes")


@dataclass(frozen=True)
class MemoryPrices:
    """Energy of a memory access.

    Attributes:
        access_bits: width of the access that the figures are for.
        sram_bytes: capacities, rising.
        sram_pj: energy of one access at each capacity.
        dram_pj: energy of one access to memory that is not on the chip.
        on_chip_bytes: how much SRAM the chip has for everything that a network keeps; None where
            all of it is on the chip, however large.
    """

    access_bits: int
    sram_bytes: tuple[int, ...]
    sram_pj: tuple[float, ...]
    dram_pj: float
    on_chip_bytes: int | None = None

    @property
    def extent(self) -> str:
        """How much memory is on the chip, in words."""
        return _extent(self.on_chip_bytes)

    def sram_per_bit(self, capacity: int) -> float:
        """Energy in pJ of one bit in an SRAM of so many bytes: between two figures on the line
        through them, below the smallest on the line from 0 (Lemaire et al. 2022), beyond the
        largest on the last line: the price has no jump."""
        points = [(0, 0.0), *zip(self.sram_bytes, self.sram_pj, strict=True)]
        lines = list(pairwise(points))
        (low, cheap), (high, dear) = next(
            (line for line in lines if capacity <= line[1][0]), lines[-1]
        )
        return (cheap + (dear - cheap) * (capacity - low) / (high - low)) / self.access_bits

    @property
    def dram_per_bit(self) -> float:
        """Energy in pJ of one bit in DRAM, whatever its size."""
        return self.dram_pj / self.access_bits


@dataclass(frozen=True)
class EnergyTable:
    """Energy per operation in picojoule, with where the figures come from.

    ``ac`` and ``mac`` are the E_AC and E_MAC of Eq. 11; ``mul``, ``add`` and ``cmp`` price what is
    outside weighted sums. ``memory`` is None where a table has no figures for it.
    """

    name: str
    title: str
    source: str
    note: str
    ac: float
    mac: float
    mul: float
    add: float
    cmp: float
    memory: MemoryPrices | None = None

    @property
    def ratio(self) -> float:
        """E_MAC / E_AC."""
        return self.mac / self.ac

    def weighted(self, counts: Mapping[str, int]) -> float:
        """Energy in pJ of the terms of Eq. 11: E_MAC·MAC + E_AC·AC."""
        return self.mac * counts["mac"] + self.ac * counts["ac"]

    def other(self, counts: Mapping[str, int]) -> float:
        """Energy in pJ of products, sums and comparisons outside weighted sums."""
        return self.mul * counts["mul"] + self.add * counts["add"] + self.cmp * counts["cmp"]

    def with_sram(self, on_chip_bytes: int | None) -> EnergyTable:
        """The same prices for a chip with so many bytes of SRAM; None: all memory on the chip.

        Raises:
            SnncError: BAD_OPTION for a table without memory prices.
        """
        if self.memory is None:
            raise no_memory_prices(self.name)
        return replace(self, memory=replace(self.memory, on_chip_bytes=on_chip_bytes))

    def priced(self, counts: Mapping[str, int]) -> float:
        """Energy in pJ of all operations: weighted sums and what is outside them."""
        return self.weighted(counts) + self.other(counts)

    def as_json(self) -> dict[str, Any]:
        """The table, for the JSON report."""
        return asdict(self)


def no_memory_prices(table: str) -> SnncError:
    """The refusal of a table that knows operations only."""
    return SnncError(
        BAD_OPTION,
        f"the energy table {table!r} has no prices for memory",
        hint="Add a section [memory] as in the tables that snnc brings.",
    )


def _extent(on_chip_bytes: int | None) -> str:
    if on_chip_bytes is None:
        return "all memory on chip"
    return f"{on_chip_bytes / 1024:,.4g} KiB of SRAM on chip, DRAM beyond"


def bundled() -> dict[str, EnergyTable]:
    """The tables that come with snnc, by name."""
    folder = files("snnc.estimator") / "tables"
    texts = {
        entry.name.removesuffix(".toml"): entry.read_text("utf-8")
        for entry in folder.iterdir()
        if entry.name.endswith(".toml")
    }
    return {name: parse(texts[name], name, f"{name}.toml") for name in sorted(texts)}


def load(name_or_file: str) -> EnergyTable:
    """A bundled table by name, or a user's own from a TOML file.

    Raises:
        SnncError: BAD_OPTION for a name that is neither; BAD_ENERGY_TABLE for an unusable file.
    """
    tables = bundled()
    if name_or_file in tables:
        return tables[name_or_file]
    path = Path(name_or_file)
    if not kind_of(path):
        raise SnncError(
            BAD_OPTION,
            f"{name_or_file!r} is neither an energy table of snnc nor a file",
            hint=f"Give a TOML file, or one of {', '.join(tables)}.",
        )
    return parse(read_text(path, BAD_ENERGY_TABLE), path.stem, str(path))


def parse(text: str, name: str, where: str) -> EnergyTable:
    """A table from TOML: ``title``, ``source``, optional ``note``, ``[operations]`` in pJ, and
    optional ``[memory]``.

    Raises:
        SnncError: BAD_ENERGY_TABLE naming the entry that is wrong.
    """
    try:
        content = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise SnncError(BAD_ENERGY_TABLE, f"is not TOML: {error}", where=where) from error
    _only(content, (*_TEXTS, "operations", "memory"), where, "")
    title, source, note = (_text(content, key, where) for key in _TEXTS)
    operations = _section(content, "operations", where)
    _only(operations, COUNTERS, where, "operations.")
    ac, mac = (_price(operations, f"operations.{key}", where, free=False) for key in ("ac", "mac"))
    mul, add, cmp = (_price(operations, f"operations.{key}", where) for key in COUNTERS[2:])
    memory = _memory(_section(content, "memory", where), where) if "memory" in content else None
    return EnergyTable(name, title, source, note, ac, mac, mul, add, cmp, memory)


def _memory(section: Mapping[str, Any], where: str) -> MemoryPrices:
    _only(section, _MEMORY, where, "memory.")
    capacities, energies = (_prices(section, key, where) for key in ("sram_bytes", "sram_pj"))
    if capacities != sorted(set(capacities)) or len(energies) != len(capacities):
        raise _wrong("memory.sram_bytes must rise and have as many entries as sram_pj", where)
    return MemoryPrices(
        int(_price(section, "memory.access_bits", where, free=False)),
        tuple(int(size) for size in capacities),
        tuple(energies),
        _price(section, "memory.dram_pj", where, free=False),
        _on_chip(section, where),
    )


def _on_chip(section: Mapping[str, Any], where: str) -> int | None:
    size = section.get("on_chip_bytes")
    if size is None or (isinstance(size, int) and not isinstance(size, bool) and size > 0):
        return size
    raise _wrong(f"memory.on_chip_bytes must be a whole number above 0, not {size!r}", where)


def _prices(section: Mapping[str, Any], key: str, where: str) -> list[float]:
    values = section.get(key)
    if not isinstance(values, list) or not values:
        raise _wrong(f"memory.{key} must be a list of numbers", where)
    return [_price({key: value}, f"memory.{key}", where, free=False) for value in values]


def _wrong(what: str, where: str) -> SnncError:
    return SnncError(BAD_ENERGY_TABLE, what, where=where)


def _section(content: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
    section = content.get(key)
    if not isinstance(section, dict):
        raise _wrong(f"has no section [{key}]", where)
    return section


def _only(content: Mapping[str, Any], known: tuple[str, ...], where: str, prefix: str) -> None:
    unknown = [f"{prefix}{key}" for key in content if key not in known]
    if unknown:
        raise SnncError(
            BAD_ENERGY_TABLE,
            f"has entries that nobody reads: {', '.join(unknown)}",
            where=where,
            hint=f"Known are {', '.join(f'{prefix}{key}' for key in known)}.",
        )


def _text(content: Mapping[str, Any], key: str, where: str) -> str:
    value = content.get(key, "" if key == "note" else None)
    if not isinstance(value, str) or (key != "note" and not value.strip()):
        raise _wrong(f"{key!r} must be a text and not empty", where)
    return value


def _price(section: Mapping[str, Any], path: str, where: str, *, free: bool = True) -> float:
    """The number at a path; 0 only where ``free`` (a price of 0 would void Eq. 11's ratio)."""
    value: Any = section.get(path.rpartition(".")[2])
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and math.isfinite(value) and (value > 0 or (value == 0 and free)):
        return float(value)
    lowest = "of at least 0" if free else "above 0"
    raise _wrong(f"{path} must be a finite number {lowest}, not {value!r}", where)
