"""Metrics of two runs, or of two sweeps, side by side."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from snnrun.compare.folders import Entry, Measured
from snnrun.units.dimensions import Dimension


@dataclass(frozen=True, slots=True)
class Extent:
    """A metric in one of two folders: smallest and largest value, number of values. [SI]."""

    low: float
    high: float
    count: int


@dataclass(frozen=True, slots=True)
class Pair:
    """One metric in two folders.

    Args:
        name: The metric.
        dimension: Its dimension, that of the first folder that has it.
        a: Its values in the first folder; None when it has none.
        b: Its values in the second.
        same: Whether all values are the same, bit for bit (NaN equals NaN).
        relative: Largest relative difference (b - a)/|a| of values, with its sign; None when they cannot be compared.
        place: Which value of an array differs most; None for a number.
    """

    name: str
    dimension: Dimension
    a: Extent | None
    b: Extent | None
    same: bool
    relative: float | None
    place: tuple[int, ...] | None = None

    @property
    def change(self) -> str:
        """The difference in words: `+3.2 %`, `same`, `differs`."""
        if self.same:
            return "same"
        if self.relative is None:
            return "differs"
        where = "" if self.place is None else f" at most, at {', '.join(str(k) for k in self.place)}"
        return f"{self.relative * 100:+.3g} %{where}"


def side_by_side(a: Entry, b: Entry) -> list[Pair]:
    """All metrics of two folders, in the order of the first."""
    return [_pair(name, a.metrics.get(name), b.metrics.get(name)) for name in dict.fromkeys([*a.metrics, *b.metrics])]


def _pair(name: str, a: Measured | None, b: Measured | None) -> Pair:
    first = a or b
    assert first is not None
    sides = _side(a), _side(b)
    if a is None or b is None or a.dimension != b.dimension or a.values.shape != b.values.shape:
        return Pair(name, first.dimension, *sides, same=False, relative=None)
    x, y = a.values, b.values
    if np.array_equal(x, y, equal_nan=True):
        return Pair(name, first.dimension, *sides, same=True, relative=0.0)
    with np.errstate(all="ignore"):
        relative = np.where(x == y, 0.0, (y - x) / np.abs(x))
    known = np.where(np.isfinite(relative), np.abs(relative), -1.0)
    place = np.unravel_index(int(np.argmax(known)), known.shape) if known.ndim else ()
    value = float(relative[place]) if math.isfinite(relative[place]) else None
    return Pair(name, first.dimension, *sides, False, value, tuple(int(k) for k in place) or None)


def _side(measured: Measured | None) -> Extent | None:
    return None if measured is None else Extent(*measured.extent, measured.values.size)
