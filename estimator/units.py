"""Energies and counts as people read them."""

from __future__ import annotations

_UNITS = ((1e12, "J"), (1e9, "mJ"), (1e6, "µJ"), (1e3, "nJ"), (1.0, "pJ"))


def energy_unit(pj: float) -> tuple[float, str]:
    """The unit that suits an energy, and its size in pJ."""
    for size, unit in _UNITS:
        if abs(pj) >= size:
            return size, unit
    return _UNITS[-1]


def energy_text(pj: float) -> str:
    """An energy with three significant digits: 1.23 µJ."""
    size, unit = energy_unit(pj)
    number = pj / size
    return f"{number:.3g} {unit}" if abs(number) < 999.5 else f"{number:.0f} {unit}"


def count_text(number: int) -> str:
    """A count that fits a column: 1,234, then 12.3 k, M, G, T."""
    if abs(number) < 10_000:
        return f"{number:,}"
    for size, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= size:
            return f"{number / size:.4g} {unit}"
    raise AssertionError(number)


def brief(number: int) -> str:
    """A count with three significant digits, for a narrow column: 999, 12.3k, 4.56M."""
    size = next((size for size, _ in _BRIEF if abs(number) >= 0.9995 * size), 1)
    return f"{number / size:.3g}{dict(_BRIEF)[size]}"


_BRIEF = ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k"), (1, ""))
