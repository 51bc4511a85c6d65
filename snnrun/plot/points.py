"""One metric of a sweep over its axes: repetitions averaged, points without a value marked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnrun.plot.quantities import Scale, readable
from snnrun.results.layout import FloatArray, storage_error
from snnrun.results.sweep_table import Axis, PointStatus, SweepTable

REPEATS = frozenset({"seed", "repeat"})
"""Axes that are repetitions of the same point."""

SAMPLES = frozenset({"point", "points", "sample"})
"""Axes that only count points which lie anywhere in the space of their parameters."""

# Quantiles of Student's t distribution at 0.975 for 1 to 30 degrees of freedom.
_STUDENT = (
    *(12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281),
    *(2.2010, 2.1788, 2.1604, 2.1448, 2.1314, 2.1199, 2.1098, 2.1009, 2.0930, 2.0860),
    *(2.0796, 2.0739, 2.0687, 2.0639, 2.0595, 2.0555, 2.0518, 2.0484, 2.0452, 2.0423),
)
_NORMAL = 1.959964
_MOST_SETS = 8


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """One metric over the axes of a sweep that are no repetitions.

    Args:
        name: The metric.
        unit: Its unit.
        axes: The axes, in order.
        along: Parameters that vary along an axis of another name: (name of the axis, parameter).
        values: Mean over repetitions, one dimension an axis; NaN where there is no value. [SI]
        half: Half the width of the 95 % confidence interval of the mean, NaN where fewer than three runs have a value;
            None without repetitions. [SI]
        failed: Where all runs failed.
        absent: Where no run was finished or failed.
        repeats: Runs of each point.
    """

    name: str
    unit: str
    axes: tuple[Axis, ...]
    along: tuple[tuple[str, Axis], ...]
    values: FloatArray
    half: FloatArray | None
    failed: NDArray[np.bool_]
    absent: NDArray[np.bool_]
    repeats: int

    @classmethod
    def of(cls, table: SweepTable, metric: str | None, labels: Mapping[str, str] | None = None) -> Points:
        """A metric of a table; None for its first one.

        Args:
            table: The table.
            metric: The metric's name.
            labels: Other words for metrics and parameters.

        Raises:
            StorageError: There is no such metric.
        """
        name = metric_name(table, metric)
        values, unit = table.metrics[name]
        places = tuple(k for k, axis in enumerate(table.axes) if axis.name in REPEATS)
        if len(places) == len(table.axes):
            places = ()  # nothing but seeds: they are the points
        data = np.asarray(values, dtype=np.float64)
        mean, half = _over_repeats(data, places)
        failed = np.all(table.status == PointStatus.FAILED, axis=places)
        unfinished = table.status != PointStatus.COMPLETE
        return cls(
            (labels or {}).get(name, name),
            unit,
            tuple(_called(a, labels) for k, a in enumerate(table.axes) if k not in places),
            tuple((c.axis, _called(Axis(c.name, c.unit, c.values), labels)) for c in table.coordinates if c.axis),
            mean,
            half,
            failed,
            np.all(unfinished, axis=places) & ~failed,
            int(np.prod([len(table.axes[k].values) for k in places], dtype=np.int64)),
        )

    def axis(self, wanted: str | None, otherwise: int = 0) -> tuple[int, Axis]:
        """The number of an axis, and what to draw along it: its own values, or a parameter that varies along it.

        Raises:
            StorageError: There is no such parameter.
        """
        names = [axis.name for axis in self.axes]
        for name, parameter in self.along:
            if parameter.name == wanted:
                return names.index(name), parameter
        if wanted in names:
            return names.index(wanted), self.axes[names.index(wanted)]
        if wanted is None and otherwise < len(self.axes):
            axis = self.axes[otherwise]
            along = (p for name, p in self.along if name == axis.name and axis.unit is not None)
            return otherwise, next(along, axis)
        known = ", ".join(f"`{n}`" for n in [*names, *(p.name for _, p in self.along)])
        raise storage_error("ST209", f"the sweep has no parameter `{wanted}`", f"there are {known}")

    def in_order(self, *places: int) -> Points:
        """The same with some axes first."""
        order = [*places, *(k for k in range(len(self.axes)) if k not in places)]
        return replace(
            self,
            axes=tuple(self.axes[k] for k in order),
            values=self.values.transpose(order),
            half=None if self.half is None else self.half.transpose(order),
            failed=self.failed.transpose(order),
            absent=self.absent.transpose(order),
        )

    def at(self, *index: int) -> Points:
        """The part at some positions of the last axes."""
        end: Any = (..., *index)
        return replace(
            self,
            axes=self.axes[: len(self.axes) - len(index)],
            values=self.values[end],
            half=None if self.half is None else self.half[end],
            failed=self.failed[end],
            absent=self.absent[end],
        )

    @property
    def note(self) -> str:
        """What a band means, for the picture."""
        has_band = self.half is not None and bool(np.isfinite(self.half).any())
        return f"95 % CI, {self.repeats} seeds" if has_band else ""


def _called(axis: Axis, labels: Mapping[str, str] | None) -> Axis:
    """An axis by the label that a picture gives it."""
    return replace(axis, label=labels[axis.name]) if labels and axis.name in labels else axis


def metric_name(table: SweepTable, wanted: str | None) -> str:
    """The metric of that name, or the first one; only metrics with one number a point can be drawn.

    Raises:
        StorageError: There is none.
    """
    single = [n for n, (v, _) in table.metrics.items() if np.ndim(v) == len(table.axes)]
    if wanted is None and single:
        return single[0]
    if wanted in single:
        return str(wanted)
    known = ", ".join(f"`{n}`" for n in single)
    raise storage_error("ST209", f"the sweep has no metric `{wanted}`", f"there are {known}" if known else None)


def _over_repeats(data: FloatArray, places: tuple[int, ...]) -> tuple[FloatArray, FloatArray | None]:
    """Mean over repetitions, and half the width of its 95 % confidence interval (Student's t)."""
    if not places:
        return data, None
    present = np.isfinite(data)
    count = present.sum(axis=places)
    some = np.maximum(count, 1)
    mean = np.where(present, data, 0.0).sum(axis=places) / some
    centred = np.where(present, data - np.expand_dims(mean, places), 0.0)
    variance = (centred**2).sum(axis=places) / np.maximum(count - 1, 1)
    # The interval of two values is twelve times as wide as their distance and would say nothing.
    half = np.where(count > 2, student(count - 1) * np.sqrt(variance / some), np.nan)
    return np.where(count > 0, mean, np.nan), half


def student(freedom: NDArray[np.int64]) -> FloatArray:
    """The 0.975 quantile of Student's t distribution.

    Args:
        freedom: Degrees of freedom, any shape; zero counts as one.

    Reference: Abramowitz & Stegun 1964, 26.7.5, above 30 degrees.
    """
    n = np.maximum(freedom, 1).astype(np.float64)
    z = _NORMAL
    series = z + (z**3 + z) / (4 * n) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * n**2)
    series = series + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * n**3)
    table = np.asarray(_STUDENT)
    return np.where(n <= len(table), table[np.minimum(n, len(table)).astype(int) - 1], series)


def is_logarithmic(axis: Axis) -> bool:
    """Whether the values of an axis are spread evenly on a logarithmic scale rather than on a linear one."""
    if axis.unit is None or len(axis.values) < 3:
        return False
    values = np.sort(np.asarray(axis.values, dtype=np.float64))
    if not (values[0] > 0 and np.isfinite(values[-1]) and values[-1] >= 5 * values[0]):
        return False
    steps, ratios = np.diff(values), np.diff(np.log(values))
    if not (steps.min() > 0):
        return False
    return bool(ratios.max() / ratios.min() < steps.max() / steps.min() / 2)


def is_drawn_logarithmically(axis: Axis) -> bool:
    """Whether values drawn from a range look drawn evenly on a logarithmic scale, by where their middle is."""
    if axis.unit is None or len(axis.values) < 8:
        return False
    values = np.asarray(axis.values, dtype=np.float64)
    low, high = float(values.min()), float(values.max())
    if not (low > 0 and high >= 20 * low):
        return False
    middle = float(np.median(values))
    return middle**2 < math.sqrt(low * high) * (low + high) / 2


def places_along(axis: Axis) -> FloatArray:
    """Positions along an axis [SI]; texts stand at 0, 1, 2, ..."""
    if axis.unit is None:
        return np.arange(len(axis.values), dtype=np.float64)
    return np.asarray(axis.values, dtype=np.float64)


def texts_along(axis: Axis) -> tuple[str, ...]:
    """The names that stand along an axis of texts; none for numbers."""
    return tuple(str(v) for v in axis.values) if axis.unit is None else ()


def scale_along(axis: Axis) -> Scale:
    """How the numbers of an axis are shown."""
    return Scale(1.0, "") if axis.unit is None else readable(places_along(axis), axis.unit)


def short_name(axis: Axis) -> str:
    """What an axis is called in a picture: `exc.size` for `groups.exc.size`."""
    if axis.label and axis.label != axis.name:
        return axis.label
    section, dot, rest = axis.name.partition(".")
    return rest if dot and section in {"groups", "synapses", "inputs", "constants", "operations"} else axis.name


def value_name(axis: Axis, k: int) -> str:
    """One value of an axis with its name and unit: `tau = 5 ms`."""
    value = axis.values[k]
    if axis.unit is None:
        return str(value)
    name = short_name(axis).rpartition(".")[2]
    return f"{name} = {readable([float(value)], axis.unit).text(float(value))}"


def place_name(points: Points, axis: Axis, k: int) -> str:
    """One place along an axis: `tau = 5 ms`, `tau = 5 ms, g = 2`, or the number of the set where it has a label."""
    together = [p for name, p in points.along if name == axis.name]
    if not together or axis.unit is None:
        return value_name(axis, k)
    if axis.label and axis.label != axis.name:
        return f"{axis.label} {k}"
    return ", ".join(value_name(p, k) for p in together)


def set_texts(points: Points, axis: Axis) -> list[str]:
    """What the sets of several parameters along an axis are, when pictures show only their numbers: one line each."""
    together = [p for name, p in points.along if name == axis.name]
    if len(together) < 2 or len(axis.values) > _MOST_SETS or axis.unit is None:
        return []
    name = axis.label or axis.name
    return [f"{name} {k}: " + ", ".join(value_name(p, k) for p in together) for k in range(len(axis.values))]
