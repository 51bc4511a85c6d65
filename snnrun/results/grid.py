"""Times on a regular grid, in milliseconds exactly as a person writes them (13.8, not 13.799999999999999)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from snnrun.results.layout import FloatArray, IntArray

_SIMPLE = 10**6
"""Largest denominator (in ms) of a grid that counts as written by a person."""


@dataclass(frozen=True, slots=True)
class Grid:
    """The times `(offset + k*numerator)/denominator` ms.

    With the step a ratio of two integers, a time is one correctly rounded division of integers, so it is the double
    nearest to the decimal a person reads. A step without a simple ratio falls back to one multiplication.

    Args:
        offset: Time of k = 0, in units of 1/denominator ms; None when there is no simple ratio.
        numerator: Step in the same units; None when there is no simple ratio.
        denominator: See above; None when there is no simple ratio.
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
        """The times of grid points `k` in seconds, any shape, again the doubles nearest to the decimals."""
        if self.offset is None or self.numerator is None or self.denominator is None:
            return self.milliseconds(k) / 1e3
        return (k.astype(np.int64) * self.numerator + self.offset) / np.float64(self.denominator * 1000)

    def nearest(self, milliseconds: FloatArray) -> IntArray:
        """The grid point nearest to each time, any shape."""
        return np.rint((milliseconds - self.start) / self.step).astype(np.int64)


def _simple_ms(seconds: float) -> Fraction | None:
    """The simple fraction of a millisecond that a float of seconds stands for, or None."""
    if not math.isfinite(seconds):
        return None
    simple = (Fraction(repr(float(seconds))) * 1000).limit_denominator(_SIMPLE)
    # Two units in the last place forgive a value that went through one product, such as 0.1 * 1e-3.
    near = abs(float(simple / 1000) - seconds) <= 2 * math.ulp(seconds)
    return simple if near and abs(simple.numerator) < _SIMPLE**2 else None
