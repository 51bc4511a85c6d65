"""SI numbers in the units of axis labels: `mV` instead of `V`, `ms` or `s`, `m²` instead of `m**2`."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

_PREFIXES = (
    (1e9, "G"),
    (1e6, "M"),
    (1e3, "k"),
    (1.0, ""),
    (1e-3, "m"),
    (1e-6, "µ"),
    (1e-9, "n"),
    (1e-12, "p"),
    (1e-15, "f"),
)
_SCALABLE = frozenset({"V", "A", "S", "F", "C", "J", "W", "N", "s", "ohm", "Hz", "Pa", "mol", "m"})
_FIRST_FACTOR = re.compile(r"(?P<unit>[A-Za-z]+)(?=$|/|\*(?!\*))")
_WHOLE_POWER = re.compile(r"\*\*(?:\((-?\d+)\)|(-?\d+)(?![.\d]))")
_SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
_LONG_TIME_S = 2.0
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202f\u2066-\u2069]+")


@dataclass(frozen=True, slots=True)
class Scale:
    """How numbers of one quantity are shown.

    Args:
        factor: What to multiply an SI number with.
        unit: The unit shown, empty when dimensionless.
    """

    factor: float
    unit: str

    def __call__(self, values: ArrayLike) -> NDArray[Any]:
        """SI values as shown, any shape."""
        return np.asarray(values, dtype=np.float64) * self.factor

    def label(self, name: str) -> str:
        """An axis label: `v (mV)`, or just the name of a dimensionless quantity."""
        return f"{plain(name)} ({self.unit})" if self.unit else plain(name)

    def text(self, value: float) -> str:
        """A number with its unit, for legends."""
        number = f"{value * self.factor:.4g}".replace("-", "−")
        return f"{number} {self.unit}" if self.unit else number


def time_scale(span_s: float) -> Scale:
    """Milliseconds, or seconds when the span is long."""
    return Scale(1.0, "s") if span_s > _LONG_TIME_S else Scale(1e3, "ms")


def readable(values: ArrayLike, unit: str) -> Scale:
    """The scale that shows the largest of some SI values as a number between 1 and 1000."""
    if unit == "s":
        return _time_or_shorter(_largest(values))
    found = _FIRST_FACTOR.match(unit)
    if unit == "1" or not unit:
        return Scale(1.0, "")
    if found is None or found["unit"] not in _SCALABLE:
        return Scale(1.0, pretty_unit(unit))
    factor, prefix = _prefix(_largest(values))
    return Scale(factor, prefix + pretty_unit(unit))


def pretty_unit(unit: str) -> str:
    """A unit as printed in a paper: `S/m**2` becomes `S/m²`."""
    raised = _WHOLE_POWER.sub(lambda m: (m[1] or m[2]).translate(_SUPERSCRIPTS), unit)
    return raised.replace("ohm", "Ω").replace("*", "·").replace("··", "^")


def plain(text: str, limit: int = 200) -> str:
    """A user's text on one line, without control characters and of bounded length."""
    line = _CONTROL.sub(" ", text).strip()
    return line if len(line) <= limit else line[: limit - 1] + "…"


def round_step(about: float) -> float:
    """The largest of 1, 2, 5 times a power of ten that is not above a positive number."""
    power = 10.0 ** math.floor(math.log10(about) + 1e-9)
    return max(m * power for m in (1, 2, 5) if m * power <= about * (1 + 1e-9))


def _largest(values: ArrayLike) -> float:
    array = np.abs(np.asarray(values, dtype=np.float64))
    finite = array[np.isfinite(array)]
    return float(finite.max()) if finite.size else 0.0


def _time_or_shorter(largest: float) -> Scale:
    if 0 < largest < 1e-4:
        factor, prefix = _prefix(largest)
        return Scale(factor, f"{prefix}s")
    return time_scale(largest)


def _prefix(largest: float) -> tuple[float, str]:
    """The factor and prefix that bring a number between 1 and 1000; a full scale of 1 stays without prefix."""
    if largest == 0:
        return 1.0, ""
    for size, prefix in _PREFIXES:
        # A little below 1 still reads better in the larger unit's neighbour: 0.9996 V is 999.6 mV.
        if largest >= size * (1 - 1e-9):
            return 1 / size, prefix
    size, prefix = _PREFIXES[-1]
    return 1 / size, prefix
