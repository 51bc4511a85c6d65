"""Curves: a metric of a sweep against a parameter, or a stored series of one run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize
from numpy.typing import NDArray

from snnrun.plot.legends import legend
from snnrun.plot.options import Options
from snnrun.plot.page import (
    AnyFigure,
    add_colorbar,
    add_note,
    apply_limits,
    draw_lines,
    name_axes,
    round_ticks,
    share_text,
    show_message,
    some_of,
)
from snnrun.plot.points import (
    Points,
    is_logarithmic,
    place_name,
    places_along,
    scale_along,
    set_texts,
    short_name,
    texts_along,
)
from snnrun.plot.quantities import Scale, plain, readable
from snnrun.plot.source import Source, called
from snnrun.plot.style import FAINT, distinct, shades
from snnrun.results.layout import FloatArray, storage_error
from snnrun.results.reader import SeriesColumn
from snnrun.results.sweep_table import Axis, SweepTable

_MOST_CURVES = 7
_MOST_SHADES = 60
_FEW_POINTS = 80
SEARCH = "search"  # the series of a search: its runs
_SEPARATE: dict[str, Any] = {"marker": "o", "markersize": 4.5, "linestyle": "none"}


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """One curve.

    Args:
        x: Positions, shape (n,). [SI]
        y: Values, shape (n,); NaN makes a gap. [SI]
        band: Half the width of its band, shape (n,); None for none. [SI]
        label: What it is called.
        lost: Where a run did not finish, shape (n,).
        shade: What its colour shows, when colours are a scale; None when each curve has a colour of its own. [SI]
    """

    x: FloatArray
    y: FloatArray
    band: FloatArray | None
    label: str
    lost: NDArray[np.bool_] | None = None
    shade: float | None = None


@dataclass(frozen=True, slots=True)
class Quantity:
    """What an axis of a picture shows: its name, its unit, and the axis of the sweep if it is one."""

    label: str
    unit: str
    axis: Axis | None = None


@dataclass(frozen=True, slots=True)
class Curves:
    """The curves of one pair of axes.

    Args:
        curves: The curves.
        x: What they run along.
        y: What they show.
        of: How many there are, of which these are some.
        shades: The axis that their colours show, if colours are a scale.
        note: What their bands mean.
        sets: What the sets of parameters are that labels give numbers of.
    """

    curves: list[Curve]
    x: Quantity
    y: Quantity
    of: int
    shades: Axis | None = None
    note: str = ""
    sets: tuple[str, ...] = ()


def draw_curve(figure: AnyFigure, source: Source, options: Options) -> None:
    """Draw curves with their bands, and points without a result."""
    found = _of_runs(source, options)
    if not any(np.isfinite(curve.y).any() for curve in found.curves):
        show_message(figure, f"all values of '{found.y.label}' are NaN")
        return
    axes = figure.add_subplot()
    up = readable(np.concatenate([c.y for c in found.curves]), found.y.unit)
    across = draw_curves(axes, found, options, up)
    draw_lines(axes, options, across, up)
    apply_limits(axes, options, across, up)
    name_curves(axes, found, options, across, up)
    scale = colours_of(found)
    if scale is not None:
        add_colorbar(figure, scale, axes, shade_label(found))
    legend(axes, options, always=bool(found.note) or any_missing(found))
    for text in reversed(found.sets):
        add_note(figure, text)
    if found.of > len(found.curves):
        add_note(figure, share_text(len(found.curves), found.of, "curves"))


def draw_curves(axes: Axes, found: Curves, options: Options, up: Scale) -> Scale:
    """Lines, bands and lost points in one pair of axes; the scale along x."""
    across = (
        scale_along(found.x.axis)
        if found.x.axis is not None
        else readable(np.concatenate([c.x for c in found.curves]), found.x.unit)
    )
    scale, own = colours_of(found), distinct(len(found.curves))
    for k, curve in enumerate(found.curves):
        if scale is not None and curve.shade is not None:
            colour: Any = scale.to_rgba(shade_scale(found)([curve.shade]))[0]
            label = ""
        else:
            colour, label = options.colour(curve.label, own[k]), plain(options.label(curve.label), 80)
        _one(axes, curve, colour, label, across=across, up=up, joined=not texts_along_x(found))
    if found.note:
        axes.fill_between([], [], color=FAINT, alpha=0.3, linewidth=0, label=found.note)
    show_all_of_x(axes, across(np.concatenate([c.x for c in found.curves])))
    mark_missing(axes, found.curves, across)
    _log_axes(axes, options, found.x)
    return across


def show_all_of_x(axes: Axes, x: FloatArray) -> None:
    """Let the axis reach over all points, also those at its ends that have no value; positions as shown."""
    ends = x[np.isfinite(x)]
    axes.update_datalim(np.column_stack([ends, np.zeros(len(ends))]), updatey=False)
    axes.autoscale_view(scaley=False)


def mark_missing(axes: Axes, curves: Sequence[Curve], across: Scale) -> None:
    """Marks at the floor where a curve has no value: crosses where runs did not finish, else circles."""
    lost = [across(c.x[np.isnan(c.y) & c.lost]) for c in curves if c.lost is not None]
    empty = [across(c.x[np.isnan(c.y) & (~c.lost if c.lost is not None else True)]) for c in curves]
    for places, marker, label in ((lost, "x", "did not finish"), (empty, "o", "no value (NaN)")):
        if any(len(some) for some in places):
            mark_floor(axes, np.unique(np.concatenate(places)), marker, label)


def mark_floor(axes: Axes, x: FloatArray, marker: str, label: str) -> None:
    """Marks at the floor; positions as shown."""
    style: dict[str, Any] = {"markersize": 3.5, "markeredgewidth": 0.9, "markerfacecolor": "none", "linestyle": "none"}
    floor = np.full(len(x), 0.02)
    axes.plot(x, floor, color=FAINT, marker=marker, transform=axes.get_xaxis_transform(), label=label, **style)


def any_missing(found: Curves) -> bool:
    """Whether a curve has a point without a value."""
    return any(bool(np.isnan(c.y).any()) for c in found.curves)


def colours_of(found: Curves) -> ScalarMappable | None:
    """The scale of colours of curves that differ in one number; None when each has a colour of its own."""
    if found.shades is None:
        return None
    values = shade_scale(found)(places_along(found.shades))
    norm = LogNorm if is_logarithmic(found.shades) else Normalize
    return ScalarMappable(norm(values.min(), values.max()), shades())


def shade_scale(found: Curves) -> Scale:
    """How the numbers beside the scale of colours are shown."""
    assert found.shades is not None
    return scale_along(found.shades)


def shade_label(found: Curves) -> str:
    """What the scale of colours shows."""
    assert found.shades is not None
    return shade_scale(found).label(short_name(found.shades))


def name_curves(axes: Axes, found: Curves, options: Options, across: Scale, up: Scale) -> None:
    """Ticks and labels."""
    round_ticks(axes)
    texts = texts_along(found.x.axis) if found.x.axis is not None else ()
    if texts:
        axes.set_xticks(range(len(texts)), [plain(text, 16) for text in texts])
    name_axes(axes, options, across.label(found.x.label), up.label(found.y.label))


def _of_runs(source: Source, options: Options) -> Curves:
    """The curves of each run."""
    if not source.runs:
        return _all_curves(source, options)
    each = [(run, _all_curves(one, options)) for run, one in source.runs]
    curves = [
        replace(curve, label=called(options, curve.label, run, alone=len(found.curves) == 1), shade=None)
        for run, found in each
        for curve in found.curves
    ]
    return replace(each[0][1], curves=curves, of=len(curves), shades=None)


def _all_curves(source: Source, options: Options) -> Curves:
    """The curves of every quantity that is asked for."""
    found = _curves(source, options)
    if not options.more_y:
        return found
    names = [found.y.label]
    curves = [_named(c, found.y.label) for c in found.curves]
    for name in options.more_y:
        others = _curves(source, replace(options, y=name, more_y=()))
        if others.y.unit != found.y.unit:
            raise storage_error(
                "ST210",
                f"`{found.y.label}` and `{others.y.label}` have different units and cannot share an axis",
                "use `panels`",
            )
        curves += [_named(c, others.y.label) for c in others.curves]
        names.append(others.y.label)
    return replace(found, curves=curves, y=Quantity(", ".join(names), found.y.unit), of=len(curves), shades=None)


def _named(curve: Curve, quantity: str) -> Curve:
    return replace(curve, label=", ".join(filter(None, (quantity, curve.label))), shade=None)


def _curves(source: Source, options: Options) -> Curves:
    if source.table is not None:
        return _sweep_curves(source.table, options)
    return _series_curves(source, options)


def texts_along_x(found: Curves) -> bool:
    """Whether what lies along x are texts, between which there is nothing."""
    return found.x.axis is not None and found.x.axis.unit is None


def _one(axes: Axes, curve: Curve, colour: Any, label: str, *, across: Scale, up: Scale, joined: bool) -> None:
    order = np.argsort(curve.x, kind="stable")
    x, y = across(curve.x[order]), up(curve.y[order])
    marker = "o" if len(x) <= _FEW_POINTS else ""
    style: dict[str, Any] = {"marker": marker, "markersize": 3, "linewidth": 1.0} if joined else _SEPARATE
    axes.plot(x, y, color=colour, label=label or None, zorder=2, **style)
    if curve.band is not None:
        half = up(curve.band[order])
        if joined:
            axes.fill_between(x, y - half, y + half, color=colour, alpha=0.2, linewidth=0, zorder=1)
        else:
            axes.vlines(x, y - half, y + half, color=colour, alpha=0.4, linewidth=3, zorder=1)


def _log_axes(axes: Axes, options: Options, x: Quantity) -> None:
    if options.is_log("x", suggested=x.axis is not None and is_logarithmic(x.axis)):
        axes.set_xscale("log")
    if options.is_log("y"):
        axes.set_yscale("log")


def _series_curves(source: Source, options: Options) -> Curves:
    """The stored series that holds the columns asked for, or the first one."""
    results = source.run()
    for name in results.series_names():
        columns = results.series(name)
        x, y = _column(columns, options.x, 0), _column(columns, options.y, 1)
        if x is not None and y is not None and (options.name in {None, name} or options.x or options.y):
            curve = Curve(x.values.astype(float), y.values.astype(float), None, "")
            label = f"{y.label} (1: holds, 0: not)" if name == SEARCH else y.label
            return Curves([curve], Quantity(x.label, x.unit), Quantity(label, y.unit), of=1)
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


def _sweep_curves(table: SweepTable, options: Options) -> Curves:
    points = Points.of(table, options.y, options.labels)
    number, x = points.axis(options.x, _longest(points))
    return curves_along(points.in_order(number), x)


def _longest(points: Points) -> int:
    """The axis with most values, of numbers if there is one: what reads best from left to right."""
    ranked = [(axis.unit is not None, len(axis.values), -k) for k, axis in enumerate(points.axes)]
    return ranked.index(max(ranked))


def curves_along(points: Points, x: Axis) -> Curves:
    """Curves along the first axis of some points, one for each combination of the others."""
    others = points.axes[1:]
    every = list(np.ndindex(points.values.shape[1:]))
    sets = {name for name, _ in points.along}
    numeric = others[0] if len(others) == 1 and others[0].unit is not None and others[0].name not in sets else None
    shaded = numeric if len(every) > _MOST_CURVES else None
    most = len(every) if shaded is not None and len(every) <= _MOST_SHADES else _MOST_CURVES
    chosen = some_of(len(every), most)
    curves = []
    for index in (every[k] for k in chosen):
        one = points.at(*index)
        label = ", ".join(place_name(points, a, i) for a, i in zip(others, index, strict=True))
        colour = None if shaded is None else float(places_along(shaded)[index[0]])
        lost = one.failed | one.absent
        curves.append(Curve(places_along(x), one.values, one.half, label, lost, colour))
    return Curves(
        curves,
        Quantity(short_name(x), x.unit or "1", x),
        Quantity(points.name, points.unit),
        of=len(every),
        shades=shaded,
        note=points.note,
        sets=tuple(t for a in others if a.label not in ("", a.name) for t in set_texts(points, a)),
    )
