"""Curves: a metric of a sweep against a parameter, or a stored series of one run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from snnrun.plot.options import Options
from snnrun.plot.page import Place, apply_limits, draw_lines, legend, name_axes, round_ticks, say
from snnrun.plot.quantities import Scale, plain, readable
from snnrun.plot.source import Source
from snnrun.plot.style import PALETTE
from snnrun.records import dataclass
from snnrun.results.layout import FloatArray, storage_error
from snnrun.results.reader import SeriesColumn
from snnrun.results.table import Axis, SweepTable

REPEATS = frozenset({"seed", "repeat"})
"""Axes that are repetitions of the same point."""

_MOST_CURVES = 7
_FEW_POINTS = 80


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """One curve: x and y of shape (n,), half the width of its band or None, and what it is called."""

    x: FloatArray
    y: FloatArray
    band: FloatArray | None
    label: str


@dataclass(frozen=True, slots=True)
class _Quantity:
    label: str
    unit: str
    curves: int = 1


def draw_curve(place: Place, source: Source, options: Options) -> None:
    """Draw it."""
    curves, x, y = _all_curves(source, options)
    if not any(np.isfinite(curve.y).any() for curve in curves):
        say(place, f"all values of '{y.label}' are NaN")
        return
    axes = place.add_subplot()
    across = readable(np.concatenate([c.x for c in curves]), x.unit)
    up = readable(np.concatenate([c.y for c in curves]), y.unit)
    for k, curve in enumerate(curves):
        _one(axes, curve, options, k, across=across, up=up)
    _log_axes(axes, options)
    draw_lines(axes, options, across, up)
    apply_limits(axes, options, across, up)
    round_ticks(axes)
    name_axes(axes, options, across.label(x.label), up.label(y.label))
    legend(axes)
    if y.curves > len(curves):
        axes.set_title(f"{len(curves)} of {y.curves} curves", loc="right", fontsize=7)


def _all_curves(source: Source, options: Options) -> tuple[list[Curve], _Quantity, _Quantity]:
    """The curves of every quantity that is asked for."""
    curves, x, y = _curves(source, options)
    if not options.more_y:
        return curves, x, y
    names = [y.label]
    curves = [replace(c, label=", ".join(filter(None, (y.label, c.label)))) for c in curves]
    for name in options.more_y:
        others, _, other = _curves(source, replace(options, y=name, more_y=()))
        if other.unit != y.unit:
            raise storage_error(
                "ST210",
                f"`{y.label}` and `{other.label}` have different units and cannot share an axis",
                "use `panels`",
            )
        curves += [replace(c, label=", ".join(filter(None, (other.label, c.label)))) for c in others]
        names.append(other.label)
    return curves, x, _Quantity(", ".join(names), y.unit, len(curves))


def _curves(source: Source, options: Options) -> tuple[list[Curve], _Quantity, _Quantity]:
    if source.table is not None:
        return _sweep_curves(source.table, options)
    return _series_curves(source, options)


def _one(axes: Axes, curve: Curve, options: Options, k: int, *, across: Scale, up: Scale) -> None:
    order = np.argsort(curve.x, kind="stable")
    x, y = across(curve.x[order]), up(curve.y[order])
    label = plain(options.curve_label(k, curve.label), 40) or None
    colour = PALETTE[k % len(PALETTE)]
    marker = "o" if len(x) <= _FEW_POINTS else ""
    axes.plot(x, y, color=colour, marker=marker, markersize=3, linewidth=1.0, label=label, zorder=2)
    if curve.band is not None:
        half = up(curve.band[order])
        axes.fill_between(x, y - half, y + half, color=colour, alpha=0.2, linewidth=0, zorder=1)


def _log_axes(axes: Axes, options: Options) -> None:
    if "x" in options.log:
        axes.set_xscale("log")
    if "y" in options.log:
        axes.set_yscale("log")


def _series_curves(source: Source, options: Options) -> tuple[list[Curve], _Quantity, _Quantity]:
    """The stored series that holds the columns asked for, or the first one."""
    results = source.run()
    for name in results.series_names():
        columns = results.series(name)
        x, y = _column(columns, options.x, 0), _column(columns, options.y, 1)
        if x is not None and y is not None and (options.name in {None, name} or options.x or options.y):
            curve = Curve(x.values.astype(float), y.values.astype(float), None, "")
            return [curve], _Quantity(x.label, x.unit), _Quantity(y.label, y.unit)
    wanted = " and ".join(f"`{v}`" for v in (options.x, options.y) if v)
    raise storage_error(
        "ST209", f"these results hold no curve of {wanted}" if wanted else "these results hold no curve"
    )


def _column(columns: dict[str, SeriesColumn], wanted: str | None, position: int) -> SeriesColumn | None:
    if wanted is None:
        return list(columns.values())[position] if len(columns) > position else None
    if wanted in columns and wanted not in {"x", "y"}:
        return columns[wanted]
    return next((c for c in columns.values() if c.label == wanted), columns.get(wanted))


def _sweep_curves(table: SweepTable, options: Options) -> tuple[list[Curve], _Quantity, _Quantity]:
    name = _metric_name(table, options.y)
    values, unit = table.metrics[name]
    values = np.asarray(values, dtype=float)
    axis, x = _parameter(table, options.x)
    place = [a.name for a in table.axes].index(axis)
    rows = np.moveaxis(values, place, -1)
    others = [a for a in table.axes if a.name != axis]
    rows, others, bands = _over_repeats(rows, others)
    curves = []
    every = list(np.ndindex(rows.shape[:-1]))
    chosen = np.unique(np.linspace(0, len(every) - 1, min(len(every), _MOST_CURVES)).round().astype(int))
    for index in (every[k] for k in chosen):
        label = ", ".join(_point_name(a, i) for a, i in zip(others, index, strict=True))
        band = None if bands is None else bands[index]
        curves.append(Curve(_numbers(x), rows[index], band, label))
    return curves, _Quantity(x.label or x.name, x.unit or "1"), _Quantity(name, unit, len(every))


def _over_repeats(rows: NDArray[Any], others: list[Axis]) -> tuple[NDArray[Any], list[Axis], NDArray[Any] | None]:
    """Mean over repetitions, and the standard deviation as the band."""
    places = tuple(k for k, axis in enumerate(others) if axis.name in REPEATS)
    if not places or others[places[0]].name not in REPEATS:
        return rows, others, None
    present = np.isfinite(rows)
    count = np.maximum(present.sum(axis=places), 1)
    mean = np.where(present, rows, 0.0).sum(axis=places) / count
    centred = np.where(present, rows - np.expand_dims(mean, places), 0.0)
    deviation = np.sqrt((centred**2).sum(axis=places) / np.maximum(count - 1, 1))
    mean = np.where(present.any(axis=places), mean, np.nan)
    return mean, [a for a in others if a.name not in REPEATS], deviation


def _metric_name(table: SweepTable, wanted: str | None) -> str:
    scalar = [n for n, (v, _) in table.metrics.items() if np.ndim(v) == len(table.axes)]
    if wanted is None and scalar:
        return scalar[0]
    if wanted in scalar:
        return str(wanted)
    known = ", ".join(f"`{n}`" for n in scalar)
    raise storage_error("ST209", f"the sweep has no metric `{wanted}`", f"there are {known}" if known else None)


def _parameter(table: SweepTable, wanted: str | None) -> tuple[str, Axis]:
    """The axis to draw along and the values to draw: the axis's own, or a parameter that varies along it."""
    along = {c.name: Axis(c.name, c.unit, c.values) for c in table.coordinates}
    for c in table.coordinates:
        if c.name == wanted:
            return c.axis, along[c.name]
    for axis in table.axes:
        if axis.name == wanted:
            return axis.name, axis
    if wanted is None:
        axis = next((a for a in table.axes if a.name not in REPEATS), table.axes[0])
        first = next((c for c in table.coordinates if c.axis == axis.name), None)
        return axis.name, along[first.name] if first is not None else axis
    known = ", ".join(f"`{n}`" for n in [*(a.name for a in table.axes), *along])
    raise storage_error("ST209", f"the sweep has no parameter `{wanted}`", f"there are {known}")


def _point_name(axis: Axis, index: int) -> str:
    value = axis.values[index]
    short = axis.name.rpartition(".")[2]
    if axis.unit is None:
        return str(value)
    return f"{short} = {readable([float(value)], axis.unit).text(float(value))}"


def _numbers(axis: Axis) -> FloatArray:
    """Positions along an axis; texts stand at 0, 1, 2, ..."""
    if axis.unit is None:
        return np.arange(len(axis.values), dtype=float)
    return np.asarray(axis.values, dtype=float)
