"""Dimensions of quantities: exponents of the seven SI base units, their algebra and their names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from itertools import combinations, product
from typing import TypeAlias

_BASE_SYMBOLS = ("m", "kg", "s", "A", "K", "mol", "cd")
_POWERS = (Fraction(1), Fraction(-1), Fraction(2), Fraction(-2))

Factors: TypeAlias = tuple[tuple[str, Fraction], ...]
"""A product of powers of named units, for instance (("A", 1), ("m", -2))."""


@dataclass(frozen=True, slots=True)
class Dimension:
    """The dimension of a quantity; two quantities may be added only if theirs are equal.

    Args:
        exponents: Exponents of m, kg, s, A, K, mol, cd, in this order; fractions are allowed (white noise has
            second**(-1/2)).
    """

    exponents: tuple[Fraction, ...]
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Compute the hash once: dimensions are keys of caches for every node of every expression."""
        if len(self.exponents) != len(_BASE_SYMBOLS):
            raise ValueError(f"a dimension has {len(_BASE_SYMBOLS)} exponents, not {len(self.exponents)}")
        object.__setattr__(self, "_hash", hash(self.exponents))

    def __hash__(self) -> int:
        return self._hash

    def __mul__(self, other: Dimension) -> Dimension:
        return _product(self, other)

    def __truediv__(self, other: Dimension) -> Dimension:
        return _quotient(self, other)

    def __pow__(self, exponent: Fraction | int) -> Dimension:
        return _power(self, exponent)

    @property
    def is_one(self) -> bool:
        """Whether this is the dimension of a number without a unit."""
        return self is ONE or self.exponents == ONE.exponents

    @property
    def symbol(self) -> str:
        """The SI unit as text: `V`, `A/m^2`, `s^-0.5`; `1` for a number without a unit."""
        return _symbol(self)

    def describe(self) -> str:
        """Such a quantity in messages: `a voltage [V]`, `dimensionless`, `a quantity in [V/s]`."""
        if self.is_one:
            return "dimensionless"
        kind = _KINDS.get(self)
        return f"{kind} [{self.symbol}]" if kind else f"a quantity in [{self.symbol}]"


@lru_cache(maxsize=4096)
def _of(exponents: tuple[Fraction, ...]) -> Dimension:
    """The dimension with these exponents: one for all, so that comparing the equal ones takes no time."""
    return Dimension(exponents)


@lru_cache(maxsize=4096)
def _product(a: Dimension, b: Dimension) -> Dimension:
    return _of(tuple(x + y for x, y in zip(a.exponents, b.exponents, strict=True)))


@lru_cache(maxsize=4096)
def _quotient(a: Dimension, b: Dimension) -> Dimension:
    return _of(tuple(x - y for x, y in zip(a.exponents, b.exponents, strict=True)))


@lru_cache(maxsize=4096)
def _power(a: Dimension, exponent: Fraction | int) -> Dimension:
    return _of(tuple(x * exponent for x in a.exponents))


def _base(*exponents: int) -> Dimension:
    """A dimension from the leading exponents; the rest are zero."""
    padded = exponents + (0,) * (len(_BASE_SYMBOLS) - len(exponents))
    return _of(tuple(Fraction(e) for e in padded))


ONE = _base()
LENGTH = _base(1)
MASS = _base(0, 1)
TIME = _base(0, 0, 1)
CURRENT = _base(0, 0, 0, 1)
TEMPERATURE = _base(0, 0, 0, 0, 1)
AMOUNT = _base(0, 0, 0, 0, 0, 1)
LUMINOUS_INTENSITY = _base(0, 0, 0, 0, 0, 0, 1)

AREA = LENGTH**2
VOLUME = LENGTH**3
FREQUENCY = ONE / TIME
WHITE_NOISE = TIME ** Fraction(-1, 2)
VELOCITY = LENGTH / TIME
FORCE = MASS * LENGTH / TIME**2
PRESSURE = FORCE / AREA
ENERGY = FORCE * LENGTH
POWER = ENERGY / TIME
CHARGE = CURRENT * TIME
VOLTAGE = POWER / CURRENT
RESISTANCE = VOLTAGE / CURRENT
CONDUCTANCE = CURRENT / VOLTAGE
CAPACITANCE = CHARGE / VOLTAGE
MAGNETIC_FLUX = VOLTAGE * TIME
MAGNETIC_FLUX_DENSITY = MAGNETIC_FLUX / AREA
INDUCTANCE = MAGNETIC_FLUX / CURRENT
ILLUMINANCE = LUMINOUS_INTENSITY / AREA
ABSORBED_DOSE = ENERGY / MASS
CATALYTIC_ACTIVITY = AMOUNT / TIME
CONCENTRATION = AMOUNT / VOLUME
CURRENT_DENSITY = CURRENT / AREA
CONDUCTANCE_DENSITY = CONDUCTANCE / AREA
CAPACITANCE_DENSITY = CAPACITANCE / AREA
RESISTIVITY = RESISTANCE * LENGTH

_DERIVED: dict[Dimension, str] = {
    ONE: "1",
    FREQUENCY: "Hz",
    PRESSURE: "Pa",
    MAGNETIC_FLUX: "Wb",
    MAGNETIC_FLUX_DENSITY: "T",
    INDUCTANCE: "H",
}
"""Derived units that are not used in products: `V*s` is clearer than `Wb`, and `V/s` than `V*Hz`."""

_FACTORS: tuple[tuple[str, Dimension], ...] = (
    ("V", VOLTAGE),
    ("S", CONDUCTANCE),
    ("F", CAPACITANCE),
    ("ohm", RESISTANCE),
    ("C", CHARGE),
    ("J", ENERGY),
    ("W", POWER),
    ("N", FORCE),
)
"""Derived units that may be factors of a product, the preferred first."""

_KINDS: dict[Dimension, str] = {
    LENGTH: "a length",
    MASS: "a mass",
    TIME: "a time",
    CURRENT: "a current",
    TEMPERATURE: "a temperature",
    AMOUNT: "an amount of substance",
    LUMINOUS_INTENSITY: "a luminous intensity",
    AREA: "an area",
    VOLUME: "a volume",
    FREQUENCY: "a frequency",
    WHITE_NOISE: "white noise",
    VELOCITY: "a velocity",
    FORCE: "a force",
    PRESSURE: "a pressure",
    ENERGY: "an energy",
    POWER: "a power",
    CHARGE: "a charge",
    VOLTAGE: "a voltage",
    RESISTANCE: "a resistance",
    CONDUCTANCE: "a conductance",
    CAPACITANCE: "a capacitance",
    MAGNETIC_FLUX: "a magnetic flux",
    MAGNETIC_FLUX_DENSITY: "a magnetic flux density",
    INDUCTANCE: "an inductance",
    CONCENTRATION: "a concentration",
    CURRENT_DENSITY: "a current density",
    CONDUCTANCE_DENSITY: "a conductance per area",
    CAPACITANCE_DENSITY: "a capacitance per area",
    RESISTIVITY: "a resistivity",
}


@lru_cache(maxsize=1024)
def _symbol(dimension: Dimension) -> str:
    if dimension in _DERIVED:
        return _DERIVED[dimension]
    best = min(_decompositions(dimension), key=_unreadability)
    if len(best) > 2:
        best = min((best, *_double_decompositions(dimension)), key=_unreadability)
    return _written(best)


def _decompositions(dimension: Dimension) -> Iterator[Factors]:
    """Ways to write a dimension: base units alone, or with one derived unit."""
    yield _base_factors(dimension)
    for name, unit in _FACTORS:
        for power in _POWERS:
            yield ((name, power), *_base_factors(dimension / unit**power))


def _double_decompositions(dimension: Dimension) -> Iterator[Factors]:
    """Ways to write a dimension with two derived units and base units."""
    for (first, unit), (second, other) in combinations(_FACTORS, 2):
        for power, sign in product(_POWERS, _POWERS[:2]):
            rest = dimension / (unit**power * other**sign)
            yield ((first, power), (second, sign), *_base_factors(rest))


def _base_factors(dimension: Dimension) -> Factors:
    return tuple((s, e) for s, e in zip(_BASE_SYMBOLS, dimension.exponents, strict=True) if e)


def _unreadability(factors: Factors) -> tuple[int, Fraction, int]:
    """Sort key of factors: their number, the sum of exponents, the number of divisions. Ties keep their order."""
    size = sum((abs(e) for _, e in factors), Fraction(0))
    return len(factors), size, sum(e < 0 for _, e in factors)


def _written(factors: Factors) -> str:
    above = [_with_exponent(name, e) for name, e in factors if e > 0]
    below = [(name, -e) for name, e in factors if e < 0]
    if not above and len(below) == 1 and below[0][1] != 1:
        name, e = below[0]
        return _with_exponent(name, -e)
    text = "*".join(above) or "1"
    if not below:
        return text
    divisor = "*".join(_with_exponent(name, e) for name, e in below)
    return f"{text}/({divisor})" if len(below) > 1 else f"{text}/{divisor}"


def _with_exponent(name: str, exponent: Fraction) -> str:
    if exponent == 1:
        return name
    if exponent.denominator in (1, 2, 4, 5, 8):
        return f"{name}^{float(exponent):g}"
    return f"{name}^({exponent})"
