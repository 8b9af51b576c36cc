"""Devices as data: published figures, each with its source, condition and kind; none is guessed.

A profile is a TOML file beside this one: ``title``, optional ``note``, ``[[figure]]`` entries
(``quantity``, ``value``, ``unit``, ``condition``, ``source``, ``grade``, ``kind``) and
``[[absent]]`` entries (``quantity``, ``looked``: where no figure was found). Where published
figures of one quantity contradict each other they are in profiles of their own.

``kind``: *measured* where the source says so, *derived* where it follows from other figures (the
condition says how), *stated* where the source does not say how it came about. ``grade``: primary,
secondary (seen in a work that cites it), vendor, third party, tertiary.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from snnc.errors import BAD_ENERGY_TABLE, BAD_OPTION, SnncError

SYNAPTIC = "energy per synaptic operation"
UPDATE = "energy per neuron update"
KINDS = ("measured", "derived", "stated")
GRADES = ("primary", "secondary", "vendor", "third party", "tertiary")
_FIELDS = ("quantity", "value", "unit", "condition", "source", "grade", "kind")


@dataclass(frozen=True)
class Figure:
    """One published figure.

    Attributes:
        quantity: what it is.
        value: the number, in ``unit``.
        unit: such as pJ, mW, mA.
        condition: what it holds for; how it was derived.
        source: where it was seen.
        grade: how near the source is (:data:`GRADES`).
        kind: how it came about (:data:`KINDS`).
    """

    quantity: str
    value: float
    unit: str
    condition: str
    source: str
    grade: str
    kind: str


@dataclass(frozen=True)
class Profile:
    """What is published of one device.

    Attributes:
        name: how it is chosen.
        title: what it is called.
        note: what to know before using it.
        figures: what is known.
        absent: quantity → where a figure was looked for and not found.
    """

    name: str
    title: str
    note: str
    figures: tuple[Figure, ...]
    absent: Mapping[str, str]

    def figure(self, quantity: str) -> Figure | None:
        """The figure of a quantity, or None."""
        return next((entry for entry in self.figures if entry.quantity == quantity), None)

    @property
    def synaptic_pj(self) -> float:
        """Energy of a synaptic operation in pJ.

        Raises:
            SnncError: BAD_OPTION where nobody published it.
        """
        found = self.figure(SYNAPTIC)
        if found is None:
            raise self.unpriced()
        return found.value

    def unpriced(self) -> SnncError:
        """The refusal of a device without a price of a synaptic operation."""
        looked = self.absent.get(SYNAPTIC, "none published")
        return SnncError(
            BAD_OPTION,
            f"no {SYNAPTIC} of {self.title} is known: {looked}",
            hint=f"Choose a device that has one: {', '.join(priced())}.",
        )

    @property
    def update_pj(self) -> float | None:
        """Energy of a neuron's update in pJ, None where none is known."""
        found = self.figure(UPDATE)
        return None if found is None else found.value

    @property
    def prices(self) -> str:
        """What the device's total is made of, in words."""
        update = self.update_pj
        neurons = "no price for neurons" if update is None else f"{update:g} pJ a neuron update"
        return (
            f"{self.title}: {self.synaptic_pj:g} pJ a synaptic operation, {neurons}; attention, "
            "pools and readout have no price there"
        )


def bundled() -> dict[str, Profile]:
    """All profiles, by name."""
    folder = files("snnc.estimator") / "devices"
    texts = {
        entry.name.removesuffix(".toml"): entry.read_text("utf-8")
        for entry in folder.iterdir()
        if entry.name.endswith(".toml")
    }
    return {name: parse(texts[name], name) for name in sorted(texts)}


def priced() -> list[str]:
    """Names of the devices whose synaptic operation has a price."""
    return [name for name, profile in bundled().items() if profile.figure(SYNAPTIC)]


def load(name: str) -> Profile:
    """A profile by name. Raises SnncError (BAD_OPTION) for another."""
    profiles = bundled()
    if name not in profiles:
        raise SnncError(
            BAD_OPTION,
            f"there is no device profile called {name!r}",
            hint=f"Choose one of {', '.join(profiles)}.",
        )
    return profiles[name]


def usable(name: str) -> Profile:
    """A profile by name that has a price of a synaptic operation, told before anything is counted.

    Raises:
        SnncError: BAD_OPTION for no such profile, or none with a price.
    """
    profile = load(name)
    if profile.figure(SYNAPTIC) is None:
        raise profile.unpriced()
    return profile


def parse(text: str, name: str) -> Profile:
    """A profile from TOML.

    Raises:
        SnncError: BAD_ENERGY_TABLE naming the entry that is wrong.
    """
    where = f"{name}.toml"
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SnncError(BAD_ENERGY_TABLE, f"is not TOML: {error}", where=where) from error
    unknown = set(content) - {"title", "note", "figure", "absent"}
    if unknown or not str(content.get("title", "")).strip():
        what = f"unknown entries {', '.join(sorted(unknown))}" if unknown else "no title"
        raise SnncError(BAD_ENERGY_TABLE, f"a device profile with {what}", where=where)
    figures = tuple(_figure(entry, where) for entry in content.get("figure", []))
    absent = {}
    for entry in content.get("absent", []):
        if set(entry) != {"quantity", "looked"} or not all(entry.values()):
            message = "an [[absent]] entry needs quantity and looked, and nothing else"
            raise SnncError(BAD_ENERGY_TABLE, message, where=where)
        absent[entry["quantity"]] = entry["looked"]
    return Profile(name, content["title"], content.get("note", ""), figures, absent)


def _figure(entry: Mapping[str, Any], where: str) -> Figure:
    quantity = entry.get("quantity", "a figure without a quantity")

    def wrong(what: str) -> SnncError:
        return SnncError(BAD_ENERGY_TABLE, f"{quantity}: {what}", where=where)

    if set(entry) != set(_FIELDS):
        raise wrong(f"needs {', '.join(_FIELDS)}, and nothing else")
    empty = [key for key in _FIELDS if key != "value" and not str(entry[key]).strip()]
    if empty:
        raise wrong(f"{empty[0]} is empty")
    value = entry["value"]
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or value <= 0:
        raise wrong(f"value must be a finite number above 0, not {value!r}")
    if entry["kind"] not in KINDS or entry["grade"] not in GRADES:
        raise wrong(f"kind is one of {', '.join(KINDS)}; grade one of {', '.join(GRADES)}")
    return Figure(**{**entry, "value": float(value)})
