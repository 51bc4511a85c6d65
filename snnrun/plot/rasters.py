"""A page of small rasters: the spikes of each point of a sweep that keeps results, side by side."""

from __future__ import annotations

import textwrap
from contextlib import closing

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from snnrun.plot.legends import legend_beside
from snnrun.plot.options import Options
from snnrun.plot.page import (
    AnyFigure,
    add_note,
    apply_limits,
    inches,
    name_axes,
    round_ticks,
    share_text,
    show_message,
    some_of,
)
from snnrun.plot.points import value_name
from snnrun.plot.quantities import plain, time_scale
from snnrun.plot.raster import dots
from snnrun.plot.source import Source, bands, drawn_span, within
from snnrun.plot.style import FAINT
from snnrun.plot.sweep import grid_of, outer_labels, width_inch
from snnrun.results.layout import MonitorKind, storage_error
from snnrun.results.sweep_table import Axis, SweepTable

MOST = 24
_LETTERS_PER_INCH = 16.0  # of a panel's title
_MOST_LINES = 3


def draw_rasters(figure: AnyFigure, source: Source, options: Options) -> None:
    """Draw a small raster for each point."""
    if source.table is None:
        raise storage_error("ST208", "a page of rasters needs a sweep, and this folder holds one run")
    numbers = chosen_points(source)
    rows, columns = grid_of(len(numbers), width_inch(figure))
    panels = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).ravel().tolist()
    for axes in panels[len(numbers) :]:
        axes.remove()
    used = panels[: len(numbers)]
    groups: dict[str, str] | None = None
    for axes, number in zip(used, numbers, strict=True):
        axes.set_title(_wrapped(_title(source.table, number), inches(axes)[0]), fontsize=6.5)
        found = _panel(axes, source, number, options)
        groups = found if groups is None else groups | (found or {})
    if groups is None:
        for axes in used:
            axes.remove()
        show_message(figure, "no results of single points were kept: `keep: results` keeps them")
        return
    outer_labels(used, rows, columns)
    if len(groups) > 1:
        marks = [Line2D([], [], linestyle="none", marker="o", markersize=3, color=colour) for colour in groups.values()]
        legend_beside(figure, marks, list(groups), options)
    size = source.table.status.size
    if size > len(numbers):
        add_note(figure, share_text(len(numbers), size, "points"))


def chosen_points(source: Source) -> list[int]:
    """The points on the page: all, or some chosen at random."""
    assert source.table is not None
    size = source.table.status.size
    return [int(k) for k in some_of(size, MOST)]


def has_rasters(source: Source) -> bool:
    """Whether the points of a sweep kept spikes."""
    if source.table is None:
        return False
    for number in chosen_points(source):
        point = source.point(number)
        if point is not None:
            with closing(point):
                return any(m.kind is MonitorKind.SPIKES for m in point.run().monitors())
    return False


def _panel(axes: Axes, source: Source, number: int, options: Options) -> dict[str, str] | None:
    """One raster; the groups in it with their colours, None when the point kept nothing."""
    point = source.point(number)
    if point is None:
        _say(axes, "no results")
        return None
    with closing(point):
        monitors = point.monitors(options, MonitorKind.SPIKES)
        span = drawn_span(point, monitors, options)
        found = [within(band, span, point.about().dt) for band in bands(point, options, monitors)]
        time = time_scale(span[1] - span[0])
        if any(len(band.times_s) for band in found):
            dots(axes, found, options, time=time, span=span)
        else:
            _say(axes, "no spikes")
            axes.set_ylim(-0.5, max(sum(len(band.neurons) for band in found), 1) - 0.5)
        axes.set_xlim(span[0] * time.factor, span[1] * time.factor)
        apply_limits(axes, options, time, None)
        round_ticks(axes, integer_y=True)
        name_axes(axes, options, time.label("Time"), "Neuron index")
        return {plain(options.label(band.name), 24): band.colour for band in found}


def _wrapped(title: str, width: float) -> str:
    """A title in up to three lines of a width in inches."""
    lines = textwrap.wrap(plain(title), max(int(width * _LETTERS_PER_INCH), 8))
    return "\n".join(lines if len(lines) <= _MOST_LINES else [*lines[: _MOST_LINES - 1], lines[_MOST_LINES - 1] + " …"])


def _say(axes: Axes, message: str) -> None:
    axes.text(0.5, 0.5, message, ha="center", va="center", fontsize=7, color=FAINT, transform=axes.transAxes)


def _title(table: SweepTable, number: int) -> str:
    """What makes a point: `p = 0.2, seed = 3`."""
    index = np.unravel_index(number, table.status.shape)
    places = {axis.name: int(k) for axis, k in zip(table.axes, index, strict=True)}
    numbered = {c.axis for c in table.coordinates} & {axis.name for axis in table.axes if axis.unit is not None}
    parts = [value_name(axis, places[axis.name]) for axis in table.axes if axis.name not in numbered]
    parts += [
        value_name(Axis(c.name, c.unit, c.values), places[c.axis]) for c in table.coordinates if c.axis in numbered
    ]
    return ", ".join(part.replace(" ", "\u00a0") for part in parts)  # lines break between parameters only
