"""One picture of a whole sweep, chosen by the number of its axes.

One parameter: a curve. Two: a curve for each value of the shorter, or a heatmap when both have many. Three and more:
small multiples of one of these, one a value of the others. Points anywhere in the space (samples): the metric against
each parameter.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import product
from typing import Any, assert_never

import numpy as np
from matplotlib.axes import Axes

from snnrun.plot.curve import curves_along, draw_curves, mark_floor, name_curves, show_all_of_x
from snnrun.plot.heatmap import draw_map, map_of, name_cells
from snnrun.plot.legends import legend, legend_beside
from snnrun.plot.options import Options
from snnrun.plot.page import (
    AnyFigure,
    add_colorbar,
    add_note,
    apply_limits,
    draw_lines,
    name_axes,
    norm_of,
    round_ticks,
    share_text,
    show_message,
    some_of,
)
from snnrun.plot.points import (
    SAMPLES,
    Points,
    is_drawn_logarithmically,
    place_name,
    places_along,
    scale_along,
    set_texts,
    short_name,
    texts_along,
)
from snnrun.plot.quantities import Scale, plain, readable
from snnrun.plot.source import Source
from snnrun.plot.style import palette
from snnrun.results.layout import storage_error
from snnrun.results.sweep_table import Axis, SweepTable

_MANY = 7  # values along both axes make a heatmap
_MOST_PANELS = 12
_NARROW_INCH = 4.0


class Form(Enum):
    """The forms of a sweep's picture."""

    CURVES = "curves"
    HEATMAP = "heatmap"
    SCATTER = "scatter"


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """What goes where.

    Args:
        form: What a panel is.
        points: The metric, its axes in the order x, y, then those of the panels.
        x: What a panel shows from left to right; unused in scatters.
        y: What a heatmap shows from bottom to top; None for curves.
        panels: For each panel, positions along the axes of the panels; for scatters one for each parameter.
        of: How many panels there would be.
        parameters: The parameters of a scatter.
    """

    form: Form
    points: Points
    x: Axis
    y: Axis | None
    panels: Sequence[tuple[int, ...]]
    of: int
    parameters: tuple[Axis, ...] = ()


def layout_of(table: SweepTable, options: Options) -> Layout:
    """The layout that suits the shape of a sweep.

    Raises:
        StorageError: A parameter or metric is not there.
    """
    is_metric = options.y in table.metrics
    points = Points.of(table, options.z or (options.y if is_metric else None), options.labels)
    sampled = next((axis for axis in points.axes if axis.name in SAMPLES and axis.unit is not None), None)
    if sampled is not None and options.x is None and len(points.axes) == 1:
        return _scatter(points, sampled)
    wanted = [options.x, None if is_metric else options.y]
    places: list[int] = []
    shown: list[Axis] = []
    for name in wanted:
        if name is not None:
            number, axis = points.axis(name)
            places.append(number)
            shown.append(axis)
    for number in _ranked(points):
        if number not in places and len(places) < 2:
            places.append(number)
            shown.append(points.axis(None, number)[1])
    ordered = points.in_order(*places)
    if len(shown) == 1:
        return Layout(Form.CURVES, ordered, shown[0], None, [()], 1)
    numeric = all(axis.unit is not None for axis in shown)
    sizes = [len(axis.values) for axis in shown]
    several = len(ordered.axes) > 2
    is_map = (numeric and min(sizes) >= (_MANY if not several else 4)) or (not is_metric and options.y is not None)
    across = [(axis.unit is not None, size) for axis, size in zip(shown, sizes, strict=True)]
    if not is_map and wanted == [None, None] and across[1] > across[0]:  # numbers before texts, many before few
        ordered, shown = ordered.in_order(1, 0), shown[::-1]
    every = list(product(*(range(len(axis.values)) for axis in ordered.axes[2:])))
    chosen = some_of(len(every), _MOST_PANELS)
    form = Form.HEATMAP if is_map else Form.CURVES
    return Layout(form, ordered, shown[0], shown[1] if is_map else None, [every[k] for k in chosen], len(every))


def _ranked(points: Points) -> list[int]:
    """Axes in the order in which they get x and y: as in the file, except that the shortest ones make panels."""
    places = range(len(points.axes))
    if len(places) <= 2:
        return list(places)
    longest = sorted(places, key=lambda k: (points.axes[k].unit is None, -len(points.axes[k].values), k))[:2]
    return sorted(longest)


def _scatter(points: Points, sampled: Axis) -> Layout:
    parameters = tuple(p for name, p in points.along if name == sampled.name) or (sampled,)
    panels = [(k,) for k in range(min(len(parameters), _MOST_PANELS))]
    return Layout(Form.SCATTER, points, parameters[0], None, panels, len(parameters), parameters)


def grid_of(number: int, width_inch: float) -> tuple[int, int]:
    """Rows and columns of panels."""
    most = 2 if width_inch < _NARROW_INCH or number == 4 else (3 if number <= 6 or number == 9 else 4)
    columns = min(number, most)
    return math.ceil(number / columns), columns


def draw_sweep(figure: AnyFigure, source: Source, options: Options) -> None:
    """Draw it: `y` (or `z`) is the metric."""
    if source.table is None:
        raise storage_error("ST208", "a sweep picture needs a sweep, and this folder holds one run")
    layout = layout_of(source.table, options)
    points = layout.points
    if not np.isfinite(points.values).any():
        show_message(figure, f"all values of '{points.name}' are NaN")
        return
    up = readable(points.values, points.unit)
    rows, columns = grid_of(len(layout.panels), width_inch(figure))
    share = layout.form is not Form.SCATTER
    panels = figure.subplots(rows, columns, squeeze=False, sharex=share, sharey=True).ravel().tolist()
    for axes in panels[len(layout.panels) :]:
        axes.remove()
    used = panels[: len(layout.panels)]
    match layout.form:
        case Form.CURVES:
            _curves(figure, used, layout, options, up)
        case Form.HEATMAP:
            _maps(figure, used, layout, options, up)
        case Form.SCATTER:
            _scatters(figure, used, layout, options, up)
        case _:
            assert_never(layout.form)
    outer_labels(used, rows, columns, keep_x=not share)
    if layout.of > len(layout.panels):
        add_note(figure, share_text(len(layout.panels), layout.of, "panels"))


def width_inch(figure: AnyFigure) -> float:
    """The width of a figure. [inch]."""
    return float(figure.bbox.width / figure.dpi)


def _title(layout: Layout, index: tuple[int, ...]) -> str:
    return ", ".join(place_name(layout.points, axis, k) for axis, k in zip(layout.points.axes[2:], index, strict=True))


def _curves(figure: AnyFigure, panels: list[Axes], layout: Layout, options: Options, up: Scale) -> None:
    for axes, index in zip(panels, layout.panels, strict=True):
        found = curves_along(layout.points.at(*index), layout.x)
        across = draw_curves(axes, found, options, up)
        draw_lines(axes, options, across, up)
        apply_limits(axes, options, across, up)
        name_curves(axes, found, options, across, up)
        axes.set_title(plain(_title(layout, index)), fontsize=7)
        for text in reversed(found.sets):
            add_note(figure, text)
        if found.of > len(found.curves):
            add_note(figure, share_text(len(found.curves), found.of, "curves"))
    _legend_below(figure, panels, options)


def _maps(figure: AnyFigure, panels: list[Axes], layout: Layout, options: Options, up: Scale) -> None:
    assert layout.y is not None
    norm = norm_of(up(layout.points.values), options, up)
    mesh = None
    for axes, index in zip(panels, layout.panels, strict=True):
        found = map_of(layout.points.at(*index), layout.x, layout.y, up)
        mesh = draw_map(axes, found, options, norm)
        round_ticks(axes)
        name_cells(axes, found)
        draw_lines(axes, options, found.x_scale, found.y_scale)
        apply_limits(axes, options, found.x_scale, found.y_scale)
        name_axes(axes, options, found.x_label, found.y_label)
        axes.set_title(plain(_title(layout, index)), fontsize=7)
    assert mesh is not None
    for text in reversed([t for axis in layout.points.axes[:2] for t in set_texts(layout.points, axis)]):
        add_note(figure, text)
    add_colorbar(figure, mesh, panels, options.labels.get("z", up.label(layout.points.name)))
    _legend_below(figure, panels, options)


def _scatters(figure: AnyFigure, panels: list[Axes], layout: Layout, options: Options, up: Scale) -> None:
    points = layout.points
    lost = (points.failed | points.absent) & np.isnan(points.values)
    empty = ~lost & np.isnan(points.values)
    for axes, (k,) in zip(panels, layout.panels, strict=True):
        parameter = layout.parameters[k]
        across = scale_along(parameter)
        x = across(places_along(parameter))
        many = len(x) > 2_000
        style: dict[str, Any] = {"linestyle": "none", "marker": "o", "markeredgewidth": 0, "rasterized": many}
        size = 3.0 if len(x) <= 200 else 2.0
        axes.plot(x, up(points.values), color=palette()[0], alpha=0.7, markersize=size, **style)
        if points.half is not None:
            axes.vlines(
                x, up(points.values - points.half), up(points.values + points.half), palette()[0], lw=0.6, alpha=0.4
            )
        show_all_of_x(axes, x)
        for missing, marker, label in ((lost, "x", "did not finish"), (empty, "o", "no value (NaN)")):
            if missing.any():
                mark_floor(axes, x[missing], marker, label)
        if options.is_log("x", suggested=is_drawn_logarithmically(parameter)):
            axes.set_xscale("log")
        if options.is_log("y"):
            axes.set_yscale("log")
        apply_limits(axes, options, None, up)
        round_ticks(axes)
        texts = texts_along(parameter)
        if texts:
            axes.set_xticks(
                range(len(texts)), [plain(text, 12) for text in texts], rotation=30 if len(texts) > 3 else 0
            )
        name_axes(axes, options, across.label(short_name(parameter)), up.label(points.name))
    _legend_below(figure, panels, options)


def _legend_below(figure: AnyFigure, panels: list[Axes], options: Options) -> None:
    """One legend for all panels; below them unless it is asked for at their right, as each has its title above."""
    found: dict[str, Any] = {}
    for axes in panels:
        handles, labels = axes.get_legend_handles_labels()
        found |= {label: handle for handle, label in zip(handles, labels, strict=True) if label not in found}
    if len(panels) == 1:
        legend(panels[0], options, always=True)
    elif found:
        legend_beside(figure, list(found.values()), list(found), options)


def outer_labels(panels: list[Axes], rows: int, columns: int, *, keep_x: bool = False) -> None:
    """Axis labels at the rim only; panels above an empty one keep their numbers."""
    for k, axes in enumerate(panels):
        row, column = divmod(k, columns)
        if column:
            axes.set_ylabel("")
            axes.tick_params(labelleft=False)
        if row < rows - 1 and not keep_x:
            axes.set_xlabel("")
            axes.tick_params(labelbottom=k + columns >= len(panels))
