"""Names of units in files, long and short as in Brian2: `mvolt`, `mV`, `um2`, `Mohm`.

Nothing is computed at import: a name is split into prefix, unit and power when it is looked up.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from snnrun.units import dimensions as d
from snnrun.units.dimensions import Dimension

PREFIXES: dict[str, int] = {
    "y": -24,
    "z": -21,
    "a": -18,
    "f": -15,
    "p": -12,
    "n": -9,
    "u": -6,
    "m": -3,
    "c": -2,
    "d": -1,
    "da": 1,
    "h": 2,
    "k": 3,
    "M": 6,
    "G": 9,
    "T": 12,
    "P": 15,
    "E": 18,
    "Z": 21,
    "Y": 24,
}
"""SI prefixes and their powers of ten."""

_ONE = Fraction(1)
_LITRE = Fraction(1, 1000)
_PREFIXABLE: dict[str, tuple[Fraction, Dimension]] = {
    **dict.fromkeys(("metre", "meter", "m"), (_ONE, d.LENGTH)),
    **dict.fromkeys(("gram", "gramme", "g"), (Fraction(1, 1000), d.MASS)),
    **dict.fromkeys(("second", "s"), (_ONE, d.TIME)),
    **dict.fromkeys(("ampere", "amp", "A"), (_ONE, d.CURRENT)),
    **dict.fromkeys(("kelvin", "K"), (_ONE, d.TEMPERATURE)),
    **dict.fromkeys(("mole", "mol"), (_ONE, d.AMOUNT)),
    **dict.fromkeys(("candela", "cd"), (_ONE, d.LUMINOUS_INTENSITY)),
    **dict.fromkeys(("radian", "rad", "steradian", "sr"), (_ONE, d.ONE)),
    **dict.fromkeys(("hertz", "Hz", "becquerel", "Bq"), (_ONE, d.FREQUENCY)),
    **dict.fromkeys(("newton", "N"), (_ONE, d.FORCE)),
    **dict.fromkeys(("pascal", "Pa"), (_ONE, d.PRESSURE)),
    **dict.fromkeys(("joule", "J"), (_ONE, d.ENERGY)),
    **dict.fromkeys(("watt", "W"), (_ONE, d.POWER)),
    **dict.fromkeys(("coulomb", "C"), (_ONE, d.CHARGE)),
    **dict.fromkeys(("volt", "V"), (_ONE, d.VOLTAGE)),
    **dict.fromkeys(("farad", "F"), (_ONE, d.CAPACITANCE)),
    "ohm": (_ONE, d.RESISTANCE),
    **dict.fromkeys(("siemens", "S"), (_ONE, d.CONDUCTANCE)),
    **dict.fromkeys(("weber", "Wb"), (_ONE, d.MAGNETIC_FLUX)),
    **dict.fromkeys(("tesla", "T"), (_ONE, d.MAGNETIC_FLUX_DENSITY)),
    **dict.fromkeys(("henry", "H"), (_ONE, d.INDUCTANCE)),
    **dict.fromkeys(("lumen", "lm"), (_ONE, d.LUMINOUS_INTENSITY)),
    **dict.fromkeys(("lux", "lx"), (_ONE, d.ILLUMINANCE)),
    **dict.fromkeys(("gray", "Gy", "sievert", "Sv"), (_ONE, d.ABSORBED_DOSE)),
    **dict.fromkeys(("katal", "kat"), (_ONE, d.CATALYTIC_ACTIVITY)),
    **dict.fromkeys(("litre", "liter", "L", "l"), (_LITRE, d.VOLUME)),
    **dict.fromkeys(("molar", "M"), (1 / _LITRE, d.CONCENTRATION)),
}
"""Units that take prefixes: their scale in SI units, and their dimension."""

_PLAIN: dict[str, tuple[Fraction, Dimension]] = {
    **dict.fromkeys(("kilogram", "kilogramme"), (_ONE, d.MASS)),
    **dict.fromkeys(("minute", "min"), (Fraction(60), d.TIME)),
    **dict.fromkeys(("hour", "h"), (Fraction(3600), d.TIME)),
    "day": (Fraction(86400), d.TIME),
}
"""Units that take no prefix."""

_POWERS = {"2": 2, "3": 3}

_PREFIX_WORDS = {
    "y": "yocto",
    "z": "zepto",
    "a": "atto",
    "f": "femto",
    "p": "pico",
    "n": "nano",
    "u": "micro",
    "m": "milli",
    "c": "centi",
    "d": "deci",
    "da": "deca",
    "h": "hecto",
    "k": "kilo",
    "M": "mega",
    "G": "giga",
    "T": "tera",
    "P": "peta",
    "E": "exa",
    "Z": "zetta",
    "Y": "yotta",
}
_WORDS = {
    "m": "metre",
    "g": "gram",
    "s": "second",
    "A": "ampere",
    "amp": "ampere",
    "K": "kelvin",
    "mol": "mole",
    "cd": "candela",
    "rad": "radian",
    "sr": "steradian",
    "Hz": "hertz",
    "Bq": "becquerel",
    "N": "newton",
    "Pa": "pascal",
    "J": "joule",
    "W": "watt",
    "C": "coulomb",
    "V": "volt",
    "F": "farad",
    "S": "siemens",
    "Wb": "weber",
    "T": "tesla",
    "H": "henry",
    "lm": "lumen",
    "lx": "lux",
    "Gy": "gray",
    "Sv": "sievert",
    "kat": "katal",
    "L": "litre",
    "l": "litre",
    "M": "molar",
    "min": "minute",
    "h": "hour",
}


@dataclass(frozen=True, slots=True)
class Unit:
    """A named unit.

    Args:
        name: Its name in the file.
        scale: The unit in SI units, exactly.
        dimension: Its dimension.
    """

    name: str
    scale: Fraction
    dimension: Dimension


@lru_cache(maxsize=4096)
def lookup_unit(name: str) -> Unit | None:
    """The unit of a name such as `mV`, `msiemens` or `um2`; None when there is no such unit."""
    power = _POWERS.get(name[-1:], 1)
    stem = name if power == 1 else name[:-1]
    known = _PLAIN.get(stem) or _PREFIXABLE.get(stem) or _with_prefix(stem)
    if known is None:
        return None
    scale, dimension = known
    return Unit(name, scale**power, dimension**power)


def _with_prefix(name: str) -> tuple[Fraction, Dimension] | None:
    for length in (1, 2):
        exponent = PREFIXES.get(name[:length])
        unit = _PREFIXABLE.get(name[length:])
        if exponent is not None and unit is not None:
            return Fraction(10) ** exponent * unit[0], unit[1]
    return None


def unit_words(name: str) -> str:
    """A short name of a unit in words: `exalitre` of `El`, `square millimetre` of `mm2`."""
    power = _POWERS.get(name[-1:], 1)
    stem = name if power == 1 else name[:-1]
    kind = {2: "square ", 3: "cubic "}.get(power, "")
    if stem in _PLAIN or stem in _PREFIXABLE:
        return kind + _WORDS.get(stem, stem)
    length = 1 if stem[1:] in _PREFIXABLE else 2
    return f"{kind}{_PREFIX_WORDS[stem[:length]]}{_WORDS.get(stem[length:], stem[length:])}"


@lru_cache(maxsize=1)
def base_units() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of units that take prefixes, and of those that take none."""
    return tuple(_PREFIXABLE), tuple(_PLAIN)


def unit_names() -> tuple[str, ...]:
    """All names without a power, and the squares and cubes of lengths; for suggestions in messages."""
    stems = [*_PLAIN, *_PREFIXABLE, *(p + u for u in _PREFIXABLE for p in PREFIXES)]
    lengths = [p + u for u in ("metre", "meter", "m") for p in ("", *PREFIXES)]
    powers = [name + power for name in lengths for power in _POWERS]
    return tuple(dict.fromkeys(stems + powers))
