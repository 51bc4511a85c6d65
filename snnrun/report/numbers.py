"""SI numbers as columns of tables, each in one readable unit, and their spread over seeds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from snnrun.plot.points import student
from snnrun.units.dimensions import Dimension
from snnrun.units.names import Unit
from snnrun.units.quantities import readable_unit

NONE = "–"


@dataclass(frozen=True, slots=True)
class Scale:
    """How numbers of one quantity are shown.

    Args:
        unit: The unit.
    """

    unit: Unit

    @classmethod
    def of(cls, values: ArrayLike, dimension: Dimension) -> Scale:
        """The scale for some SI numbers of a dimension."""
        array = np.abs(np.asarray(values, dtype=np.float64))
        finite = array[np.isfinite(array)]
        return cls(readable_unit(float(finite.max()) if finite.size else 0.0, dimension))

    @property
    def name(self) -> str:
        """The unit as it is printed; empty for plain numbers."""
        return "" if self.unit.dimension.is_one else self.unit.name

    def head(self, name: str) -> str:
        """The head of a column: `rate [Hz]`."""
        return f"{name} [{self.name}]" if self.name else name

    def number(self, value: float) -> float:
        """An SI number in the unit."""
        return value / float(self.unit.scale)

    def text(self, value: float) -> str:
        """An SI number in the unit, with five significant digits."""
        return digits(self.number(value))

    def whole(self, value: float) -> str:
        """An SI number with its unit."""
        return f"{self.text(value)} {self.name}".rstrip()


def digits(value: float) -> str:
    """A number with five significant digits."""
    if not math.isfinite(value):
        return {math.inf: "∞", -math.inf: "−∞"}.get(value, "NaN")
    text = f"{value:.5g}"
    text = f"{float(text):.0f}" if "e+" in text and abs(value) < 1e7 else text
    return text.replace("-", "−")


def quantity(values: Sequence[float] | float, dimension: Dimension) -> str:
    """One number with its unit, or the ends of a range."""
    ends = [values] if isinstance(values, float) else list(values)
    scale = Scale.of(ends, dimension)
    return f"{' to '.join(dict.fromkeys(scale.text(v) for v in ends))} {scale.name}".rstrip()


@dataclass(frozen=True, slots=True)
class Spread:
    """Values of one metric over seeds. [SI].

    Args:
        count: Runs with a finite value.
        mean: Their mean.
        deviation: Their standard deviation (of a sample); NaN for fewer than two.
        half: Half the width of the 95 % confidence interval of the mean (Student's t); NaN for fewer than three.
        low: The smallest.
        high: The largest.
    """

    count: int
    mean: float
    deviation: float
    half: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """The spread of some values; those that are not finite are left out."""
        array = np.asarray(list(values), dtype=np.float64)
        array = array[np.isfinite(array)]
        n = array.size
        if not n:
            return cls(0, *(math.nan,) * 5)
        deviation = float(array.std(ddof=1)) if n > 1 else math.nan
        half = float(student(np.array(n - 1))) * deviation / math.sqrt(n) if n > 2 else math.nan
        return cls(n, float(array.mean()), deviation, half, float(array.min()), float(array.max()))
