"""Quantities as text: in the usual unit, with a prefix that keeps the number short."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from snnrun.units import dimensions as d
from snnrun.units.dimensions import Dimension
from snnrun.units.names import Unit, lookup_unit

_ENGINEERING = ("y", "z", "a", "f", "p", "n", "u", "m", "", "k", "M", "G", "T", "P", "E", "Z", "Y")


@dataclass(frozen=True, slots=True)
class _Scale:
    """The unit of a dimension and the prefixes that are used with it.

    Args:
        unit: Name of the unit without a prefix.
        largest: The largest prefix in use (seconds have none above 1: kiloseconds are unusual).
        suffix: Power after the name, for areas and volumes.
    """

    unit: str
    largest: str = "Y"
    suffix: str = ""

    def units(self) -> list[Unit]:
        """The units of this scale, the smallest first."""
        prefixes = _ENGINEERING[: _ENGINEERING.index(self.largest) + 1]
        found = [lookup_unit(prefix + self.unit + self.suffix) for prefix in prefixes]
        return [unit for unit in found if unit is not None]


_SCALES: dict[Dimension, _Scale] = {
    d.LENGTH: _Scale("m", "k"),
    d.AREA: _Scale("m", "k", "2"),
    d.VOLUME: _Scale("m", "", "3"),
    d.MASS: _Scale("g", "k"),
    d.TIME: _Scale("s", ""),
    d.CURRENT: _Scale("A"),
    d.TEMPERATURE: _Scale("K"),
    d.AMOUNT: _Scale("mol"),
    d.LUMINOUS_INTENSITY: _Scale("cd"),
    d.FREQUENCY: _Scale("Hz"),
    d.FORCE: _Scale("N"),
    d.PRESSURE: _Scale("Pa"),
    d.ENERGY: _Scale("J"),
    d.POWER: _Scale("W"),
    d.CHARGE: _Scale("C"),
    d.VOLTAGE: _Scale("V"),
    d.RESISTANCE: _Scale("ohm"),
    d.CONDUCTANCE: _Scale("S"),
    d.CAPACITANCE: _Scale("F"),
    d.MAGNETIC_FLUX: _Scale("Wb"),
    d.MAGNETIC_FLUX_DENSITY: _Scale("T"),
    d.INDUCTANCE: _Scale("H"),
    d.CONCENTRATION: _Scale("M"),
}


def readable_unit(largest: float, dimension: Dimension) -> Unit:
    """The unit in which to plot or print values of a dimension.

    Args:
        largest: The largest magnitude among the values, in SI units.
        dimension: Their dimension.

    Returns:
        The unit in which `largest` is in [1, 1000) if there is one (mV for 0.05 V, ms for 0.1 s, s for 20 s); the SI
        unit for zero, for values that are not finite, and for dimensions without a named unit.
    """
    scale = _SCALES.get(dimension)
    plain = Unit(dimension.symbol, Fraction(1), dimension)
    if scale is None:
        return plain
    units = scale.units()
    size = abs(largest)
    if size == 0.0 or not math.isfinite(size):
        return next((unit for unit in units if unit.scale == 1), plain)
    # A tolerance for rounding errors: 1e-3 * (1 - 1e-16) V is 1 mV, not 1000 uV.
    size *= 1.0 + 1e-12
    return next((unit for unit in reversed(units) if size >= unit.scale), units[0])


def format_quantity(value: float, dimension: Dimension, digits: int = 6) -> str:
    """A value with its unit: `7.2 V`, `-60 mV`, `0.1` for a number without a unit.

    Args:
        value: In SI units.
        dimension: Its dimension.
        digits: Significant digits; trailing zeros are dropped.
    """
    if dimension.is_one:
        return format(value, f".{digits}g")
    if not math.isfinite(value) or value == 0.0:
        return f"{value:g} {readable_unit(value, dimension).name}"
    rounded = float(format(value, f".{digits - 1}e"))  # first, so that 999.9999999 mV becomes 1 V
    unit = readable_unit(rounded, dimension)
    return f"{_mantissa(float(Fraction(value) / unit.scale), digits)} {unit.name}"


def _mantissa(number: float, digits: int) -> str:
    text = format(number, f".{digits}g")
    if "e" in text and 1.0 <= abs(number) < 1e6:
        return format(float(text), ".0f")
    return text


def quantity_of(text: str) -> float | None:
    """The value in SI units of a text that `format_quantity` made; None when a file could not hold this text."""
    number, _, name = text.partition(" ")
    unit = lookup_unit(name)
    try:
        return None if unit is None else float(Fraction(number) * unit.scale)
    except (ValueError, OverflowError):
        return None


_THIRDS = re.compile(r"\^\((-?\d+)/(\d+)\)")  # a power such as `m^(1/3)`, whose slash does not divide units
_FACTOR = re.compile(r"(?P<name>[A-Za-z]+)(?:\^(?P<power>-?\d+(?:\.\d+)?(?::\d+)?))?")


@lru_cache(maxsize=1024)
def dimension_of(symbol: str) -> Dimension:
    """The dimension of an SI unit: the inverse of `Dimension.symbol`.

    Raises:
        ValueError: The text is not a product of units.
    """
    above, divided, below = _THIRDS.sub(r"^\1:\2", symbol).partition("/")
    factors = [(part, 1) for part in above.split("*") if above != "1"]
    factors += [(part, -1) for part in below.removeprefix("(").removesuffix(")").split("*") if divided]
    result = d.ONE
    for text, sign in factors:
        found = _FACTOR.fullmatch(text)
        unit = lookup_unit(found["name"]) if found is not None else None
        if found is None or unit is None:
            raise ValueError(f"`{symbol}` is not a unit")
        result *= unit.dimension ** (sign * Fraction((found["power"] or "1").replace(":", "/")))
    return result


def base_units(dimension: Dimension) -> str:
    """A dimension as a product of base units, to follow a number: `*metre**2*kilogram`."""
    names = ("metre", "kilogram", "second", "ampere", "kelvin", "mole", "candela")
    parts = [
        f"*{n}" if e == 1 else f"*{n}**{e}" if e.denominator == 1 else f"*{n}**({e})"
        for n, e in zip(names, dimension.exponents, strict=True)
        if e
    ]
    return "".join(parts)
