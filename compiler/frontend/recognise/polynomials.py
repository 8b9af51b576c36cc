"""Exact polynomials over potentials, spikes and inputs, in which a spike is its own square."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

Coefficient = Any
"""A Fraction, or an array of them: one value per channel or per element."""

Monomial = tuple[Hashable, ...]

SPIKE = "S"
"""The variable that is 0 or 1."""


@dataclass(frozen=True)
class Term:
    """A coefficient, and the sum of what was added up to it without signs."""

    coefficient: Coefficient
    size: Coefficient

    def __add__(self, other: Term) -> Term:
        return Term(self.coefficient + other.coefficient, self.size + other.size)

    def __mul__(self, other: Term) -> Term:
        return Term(self.coefficient * other.coefficient, self.size * other.size)


class Polynomial:
    """A sum of products of variables with exact coefficients."""

    def __init__(self, terms: Mapping[Monomial, Term]) -> None:
        self.terms = {m: t for m, t in terms.items() if not is_zero(t.size)}

    @classmethod
    def constant(cls, value: Coefficient) -> Polynomial:
        """A number, or one per channel or element."""
        return cls({(): Term(value, abs(value))})

    @classmethod
    def variable(cls, name: Hashable) -> Polynomial:
        """A variable."""
        return cls({(name,): Term(Fraction(1), Fraction(1))})

    def __add__(self, other: Polynomial) -> Polynomial:
        terms = dict(self.terms)
        for monomial, term in other.terms.items():
            terms[monomial] = terms[monomial] + term if monomial in terms else term
        return Polynomial(terms)

    def __mul__(self, other: Polynomial) -> Polynomial:
        terms: dict[Monomial, Term] = {}
        for first, a in self.terms.items():
            for second, b in other.terms.items():
                monomial = _product(first, second)
                term = a * b
                terms[monomial] = terms[monomial] + term if monomial in terms else term
        return Polynomial(terms)

    def scaled(self, factor: Coefficient) -> Polynomial:
        """The polynomial times a number."""
        return self * Polynomial.constant(factor)

    def __sub__(self, other: Polynomial) -> Polynomial:
        return self + other.scaled(Fraction(-1))

    def __getitem__(self, monomial: Monomial) -> Coefficient:
        """The coefficient of a product of variables; 0 where it does not occur."""
        term = self.terms.get(monomial)
        return Fraction(0) if term is None else term.coefficient

    def size(self, monomial: Monomial) -> Coefficient:
        """The sum of all that was added up to a coefficient, without signs."""
        term = self.terms.get(monomial)
        return Fraction(0) if term is None else term.size

    @property
    def monomials(self) -> set[Monomial]:
        """The products whose coefficients are not 0."""
        return {m for m, term in self.terms.items() if not is_zero(term.coefficient)}

    def equals(self, other: Polynomial) -> bool:
        """Whether all coefficients are the same."""
        keys = self.monomials | other.monomials
        return all(is_zero(self[key] - other[key]) for key in keys)


def _product(first: Monomial, second: Monomial) -> Monomial:
    both = list(first) + [name for name in second if name != SPIKE or SPIKE not in first]
    return tuple(sorted(both, key=repr))


def is_zero(value: Coefficient) -> bool:
    """Whether a coefficient is 0, everywhere."""
    return bool(np.all(value == 0))


def as_array(value: Coefficient) -> npt.NDArray[np.float64]:
    """A coefficient in float64."""
    return np.asarray(value, dtype=np.float64)
