"""Times on a regular grid, as the floats nearest to the decimal numbers (13.8 ms, not 13.799999999999999 ms)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from snnrun.results.layout import FloatArray, IntArray

_SIMPLE = 10**6
"""Largest denominator, in ms, of a start or step that counts as a decimal number."""


@dataclass(frozen=True, slots=True)
class Grid:
    """The times `(offset + k*numerator)/denominator` ms.

    Where the step is a ratio of two integers, a time is one correctly rounded division of integers, so it is the float
    nearest to the decimal number. Without a simple ratio, a time is a product and a sum of floats.

    Args:
        offset: Time of k = 0, in units of 1/denominator ms; None without a simple ratio.
        numerator: Step in the same units; None without a simple ratio.
        denominator: See above; None without a simple ratio.
        start: Time of k = 0. [ms]
        step: Step. [ms]
    """

    offset: int | None
    numerator: int | None
    denominator: int | None
    start: float
    step: float

    @classmethod
    def of(cls, start: float, step: float) -> Grid:
        """The grid from a start and a step in seconds."""
        exact_start, exact_step = _simple_ms(start), _simple_ms(step)
        if exact_start is None or exact_step is None:
            return cls(None, None, None, start * 1e3, step * 1e3)
        denominator = math.lcm(exact_start.denominator, exact_step.denominator)
        return cls(
            int(exact_start * denominator),
            int(exact_step * denominator),
            denominator,
            float(exact_start),
            float(exact_step),
        )

    def milliseconds(self, k: IntArray) -> FloatArray:
        """The times of grid points `k`, any shape [ms]."""
        if self.offset is None or self.numerator is None or self.denominator is None:
            return self.start + k.astype(np.float64) * self.step
        return (k.astype(np.int64) * self.numerator + self.offset) / np.float64(self.denominator)

    def seconds(self, k: IntArray) -> FloatArray:
        """The times of grid points `k`, any shape [s]; again the floats nearest to the decimal numbers."""
        if self.offset is None or self.numerator is None or self.denominator is None:
            return self.milliseconds(k) / 1e3
        return (k.astype(np.int64) * self.numerator + self.offset) / np.float64(self.denominator * 1000)

    def nearest(self, milliseconds: FloatArray) -> IntArray:
        """The index of the grid point nearest to each time in ms, any shape."""
        return np.rint((milliseconds - self.start) / self.step).astype(np.int64)


def _simple_ms(seconds: float) -> Fraction | None:
    """The fraction of a millisecond that a float of seconds is rounded from, or None if there is no simple one."""
    if not math.isfinite(seconds):
        return None
    simple = (Fraction(repr(float(seconds))) * 1000).limit_denominator(_SIMPLE)
    # A tolerance of 2 ulp, for values that were rounded twice, such as 0.1 * 1e-3.
    near = abs(float(simple / 1000) - seconds) <= 2 * math.ulp(seconds)
    return simple if near and abs(simple.numerator) < _SIMPLE**2 else None
