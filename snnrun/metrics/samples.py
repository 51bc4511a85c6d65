"""Accumulators of samples: they take the samples of recorded variables in chunks as they come.

No sample is kept (but by `Percentile`), so their memory does not grow with the duration. Sums are taken in blocks of
`ROWS` samples, so values do not depend on how the chunks are cut.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from snnrun.model.network import FloatArray

ROWS = 1024  # samples are summed in blocks of this many, whatever the chunks


class TakesSamples(Protocol):
    """What is fed with the samples of one variable of a monitor."""

    def samples(self, data: FloatArray) -> None:
        """Take samples, shape (samples, elements). [SI]."""


@dataclass(slots=True, eq=False)
class Moments:
    """Mean, standard deviation, minimum and maximum over all samples and elements, or the last samples.

    Args:
        of: Which of them: `mean`, `std`, `min`, `max` or `last`.
    """

    of: str
    n: int = 0
    total: float = 0.0
    squares: float = 0.0
    smallest: float = math.inf
    largest: float = -math.inf
    last: FloatArray | None = None
    shift: float | None = None
    waiting: list[FloatArray] = field(default_factory=list)

    def samples(self, data: FloatArray) -> None:
        """Sum whole blocks of samples; keep the rest."""
        if not data.size:
            return
        self.smallest = float(np.minimum(self.smallest, data.min()))  # NaN stays NaN, however the chunks are cut
        self.largest = float(np.maximum(self.largest, data.max()))
        self.last = data[-1].copy()
        if self.shift is None:
            self.shift = float(data.flat[0])
        rows = np.concatenate([*self.waiting, data])
        whole = len(rows) // ROWS * ROWS
        for start in range(0, whole, ROWS):
            self.add(rows[start : start + ROWS])
        self.waiting = [rows[whole:].copy()]

    def add(self, rows: FloatArray) -> None:
        """Sum one block, relative to the first sample (so that small variances keep their digits)."""
        assert self.shift is not None
        moved = rows - self.shift
        self.n += moved.size
        self.total += float(np.sum(moved))
        self.squares += float(np.sum(moved * moved))

    @property
    def has_overflowed(self) -> bool:
        """Whether a moment is too large for a number though no sample is."""
        return math.isfinite(self.smallest) and math.isfinite(self.largest)

    def value(self) -> float | FloatArray:
        """The moment asked for; NaN without samples, or when a sample is NaN."""
        whole = replace(self, waiting=[])  # the rest may still grow to a block
        for rows in self.waiting:
            if rows.size:
                whole.add(rows)
        if whole.n == 0 or whole.shift is None:
            return math.nan
        mean = whole.total / whole.n
        match self.of:
            case "mean":
                return whole.shift + mean
            case "std":
                return math.sqrt(max(whole.squares / whole.n - mean * mean, 0.0))
            case "min":
                return self.smallest
            case "max":
                return self.largest
            case _:
                assert self.last is not None
                return self.last if len(self.last) > 1 else float(self.last[0])


@dataclass(slots=True, eq=False)
class Percentile:
    """A percentile of all samples and elements (`percentile_of`). It keeps all samples: 8 bytes each.

    Args:
        percent: Which one, 0 to 100; 50 is the median.
    """

    percent: float = 50.0
    kept: list[FloatArray] = field(default_factory=list)

    def samples(self, data: FloatArray) -> None:
        """Keep samples."""
        self.kept.append(data.ravel().astype(np.float64))

    def value(self) -> float:
        """NaN without samples, or when a sample is NaN."""
        self.kept = [np.concatenate(self.kept)] if self.kept else []
        return percentile_of(self.kept[0], self.percent) if self.kept else math.nan


def percentile_of(values: FloatArray, percent: float = 50.0) -> float:
    """A percentile, with linear interpolation between the two nearest values; NaN without values, or when one is NaN.

    Args:
        values: Shape (n,).
        percent: Which one, 0 to 100; 50 is the median.

    Reference: type 7 of Hyndman & Fan 1996, as `numpy.percentile`.
    """
    if not values.size or np.isnan(values).any():
        return math.nan
    low, part = divmod((len(values) - 1) * percent / 100, 1)
    ordered = np.sort(values)
    below, above = ordered[int(low)], ordered[min(int(low) + 1, len(values) - 1)]
    return float(below if part == 0 or below == above else below + (above - below) * part)  # infinite ones may be equal


@dataclass(slots=True, eq=False)
class Comoments:
    """Pearson's correlation over time of two variables, averaged over elements; samples of both come in any order.

    Elements in which one of the two never changes have no correlation and do not take part. One element goes with all
    of the other variable. 40 bytes an element, and the samples of one variable until those of the other have come.
    """

    waiting: tuple[list[FloatArray], list[FloatArray]] = field(default_factory=lambda: ([], []))
    n: int = 0
    shift: tuple[FloatArray, FloatArray] | None = None
    sums: list[FloatArray] = field(default_factory=list)

    @property
    def sides(self) -> tuple[TakesSamples, TakesSamples]:
        """What takes the samples of the first and of the second variable."""
        return _Side(self, 0), _Side(self, 1)

    def take(self, side: int, data: FloatArray) -> None:
        """Sum whole blocks of samples that both have; keep the rest."""
        if not len(data):
            return
        self.waiting[side].append(data.copy())
        if min(sum(map(len, rows)) for rows in self.waiting) >= ROWS:
            x, y = (np.concatenate(rows) for rows in self.waiting)
            whole = min(len(x), len(y)) // ROWS * ROWS
            for start in range(0, whole, ROWS):
                self.add(x[start : start + ROWS], y[start : start + ROWS])
            for rows, all_rows in zip(self.waiting, (x, y), strict=True):
                rows[:] = [all_rows[whole:].copy()]

    def add(self, x: FloatArray, y: FloatArray) -> None:
        """Sum one block, relative to the first sample (so that small variances keep their digits)."""
        if self.shift is None:
            self.shift = x[0].copy(), y[0].copy()
            self.sums = [np.zeros(max(x.shape[1], y.shape[1])) for _ in range(5)]
        a, b = x - self.shift[0], y - self.shift[1]
        self.n += len(a)
        for k, product in enumerate((a, b, a * a, b * b, a * b)):
            self.sums[k] = self.sums[k] + product.sum(axis=0)

    def value(self) -> float:
        """NaN without two samples, when no element has both variables changing, or when a sample is not finite."""
        if all(self.waiting):
            x, y = (np.concatenate(rows) for rows in self.waiting)
            rows = min(len(x), len(y))
            if rows:
                self.add(x[:rows], y[:rows])
            for side in self.waiting:
                side.clear()
        if self.n < 2:
            return math.nan
        sx, sy, sxx, syy, sxy = (total / self.n for total in self.sums)
        vx, vy = sxx - sx * sx, syy - sy * sy
        # A variance below the rounding errors of its sums is that of a variable that never changes.
        chosen = (vx > 1e-14 * sxx) & (vy > 1e-14 * syy)
        if not np.any(chosen) or not np.all(np.isfinite(sxy + sxx + syy)):
            return math.nan
        return float(np.mean((sxy - sx * sy)[chosen] / np.sqrt(vx[chosen] * vy[chosen])))


@dataclass(frozen=True, slots=True)
class _Side:
    """One of the two variables of a correlation."""

    whole: Comoments
    number: int

    def samples(self, data: FloatArray) -> None:
        """Hand on samples."""
        self.whole.take(self.number, data)
