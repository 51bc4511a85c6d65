"""Heatmaps: a metric over two swept parameters, or a state variable over time and neurons."""

from __future__ import annotations

from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection, QuadMesh
from matplotlib.colors import LogNorm, Normalize
from numpy.typing import NDArray

from snnrun.plot.legends import legend
from snnrun.plot.options import Options
from snnrun.plot.page import (
    AnyFigure,
    add_colorbar,
    add_note,
    apply_limits,
    cells_in,
    draw_lines,
    name_axes,
    norm_of,
    round_ticks,
    show_message,
)
from snnrun.plot.points import Points, is_logarithmic, places_along, scale_along, set_texts, short_name, texts_along
from snnrun.plot.quantities import Scale, plain, readable, time_scale
from snnrun.plot.source import Source
from snnrun.plot.style import FAINT, empty
from snnrun.results.layout import FloatArray, Monitor, MonitorKind, storage_error
from snnrun.results.reader import Trace
from snnrun.results.sweep_table import Axis

_RASTERISE_ABOVE = 2_500
_MOST_NAMED = 30


@dataclass(frozen=True, slots=True, eq=False)
class Map:
    """What one heatmap shows.

    Args:
        values: Shape (rows, columns), as shown.
        x: Edges of the columns, as shown.
        y: Edges of the rows, as shown.
        x_label: Name of the axis along the columns.
        y_label: Name of the axis along the rows.
        x_scale: How numbers along it are shown.
        y_scale: The same for rows.
        failed: Cells whose runs failed, shape (rows, columns); None for none.
        absent: Cells that were not run.
        x_texts: Names of the columns, none where they are numbers.
        y_texts: Names of the rows.
        log: Axes whose values are spread on a logarithmic scale.
    """

    values: FloatArray
    x: FloatArray
    y: FloatArray
    x_label: str
    y_label: str
    x_scale: Scale
    y_scale: Scale
    failed: NDArray[np.bool_] | None = None
    absent: NDArray[np.bool_] | None = None
    x_texts: tuple[str, ...] = ()
    y_texts: tuple[str, ...] = ()
    log: tuple[str, ...] = ()


def draw_heatmap(figure: AnyFigure, source: Source, options: Options) -> None:
    """Draw a heatmap with its colour bar."""
    if source.table is not None:
        points = Points.of(source.table, options.z, options.labels)
        if len(points.axes) < 2:
            raise storage_error("ST209", "a heatmap needs a sweep of two parameters", "use `kind: curve`")
        first, x = points.axis(options.x, 0)
        second, y = points.axis(options.y, 1 if first == 0 else 0)
        colour = readable(points.values, points.unit)
        points = points.in_order(first, second)
        if len(points.axes) > 2:
            raise storage_error("ST209", "a heatmap shows two parameters of a sweep", "use `kind: sweep`")
        found, name = map_of(points, x, y, colour), points.name
        for text in reversed([t for axis in points.axes if axis in (x, y) for t in set_texts(points, axis)]):
            add_note(figure, text)
    else:
        monitor = source.monitors(options, MonitorKind.STATE)[0]
        variable = options.variables[0] if options.variables else monitor.columns[0].name
        ids = source.run().elements(monitor.name)
        picked = np.flatnonzero(np.isin(ids, options.pick(ids)))
        trace = source.samples(monitor.name, variable, picked.tolist())
        if not trace.data.size:
            show_message(figure, f"no samples in '{monitor.name}'")
            return
        found, colour, name = *_state_map(figure, monitor, trace), variable
    if not np.isfinite(found.values).any():
        show_message(figure, f"all values of '{name}' are NaN")
        return
    axes = figure.add_subplot()
    mesh = draw_map(axes, found, options, norm_of(found.values, options, colour))
    round_ticks(axes, integer_y=source.table is None)
    name_cells(axes, found)
    draw_lines(axes, options, found.x_scale, found.y_scale)
    apply_limits(axes, options, found.x_scale, found.y_scale)
    name_axes(axes, options, found.x_label, found.y_label)
    add_colorbar(figure, mesh, axes, options.labels.get("z", colour.label(name)))
    legend(axes, options, always=True)


def map_of(points: Points, x: Axis, y: Axis, colour: Scale) -> Map:
    """The heatmap of points whose first axis is x and whose second is y."""
    x_scale, y_scale = scale_along(x), scale_along(y)
    # Cells stand in ascending order; a list in a file need not.
    columns, rows = (np.argsort(places_along(a), kind="stable") for a in (x, y))
    log = tuple(name for name, axis in (("x", x), ("y", y)) if is_logarithmic(axis))
    cells = np.ix_(columns, rows)
    return Map(
        colour(points.values[cells]).T,
        cell_edges(x_scale(places_along(x)[columns]), log="x" in log),
        cell_edges(y_scale(places_along(y)[rows]), log="y" in log),
        x_scale.label(short_name(x)),
        y_scale.label(short_name(y)),
        x_scale,
        y_scale,
        points.failed[cells].T,
        points.absent[cells].T,
        texts_along(x),
        texts_along(y),
        log,
    )


def draw_map(axes: Axes, found: Map, options: Options, norm: Normalize) -> QuadMesh:
    """The cells in one pair of axes; those without a value are grey, those without a result hatched."""
    size = found.values.size
    mesh = axes.pcolormesh(found.x, found.y, found.values, norm=norm, rasterized=size > _RASTERISE_ABOVE)
    nothing = ~np.isfinite(found.values)
    if isinstance(norm, LogNorm):
        nothing = nothing | (found.values <= 0)
    kinds = [(found.failed, "xxxxx", "failed"), (found.absent, "/////", "not run")]
    for cells, hatch, label in kinds:
        if cells is not None and cells.any():
            _cells(axes, found, cells & nothing, hatch, label)
            nothing = nothing & ~cells
    if nothing.any() and found.failed is not None:
        _cells(axes, found, nothing, None, "no value")
    for name, texts in (("x", found.x_texts), ("y", found.y_texts)):
        if not texts and options.is_log(name, suggested=name in found.log) and getattr(found, name)[0] > 0:
            getattr(axes, f"set_{name}scale")("log")
    axes.set_xlim(found.x[0], found.x[-1])
    axes.set_ylim(found.y[0], found.y[-1])
    axes.tick_params(which="both", direction="out")
    return mesh


def _cells(axes: Axes, found: Map, cells: NDArray[np.bool_], hatch: str | None, label: str) -> None:
    """Some cells in grey, hatched or not."""
    corners = [
        [
            (found.x[c], found.y[r]),
            (found.x[c + 1], found.y[r]),
            (found.x[c + 1], found.y[r + 1]),
            (found.x[c], found.y[r + 1]),
        ]
        for r, c in np.argwhere(cells)
    ]
    if corners:
        patches = PolyCollection(
            corners,
            facecolors=empty() if hatch is None else mpl.rcParams["axes.facecolor"],
            edgecolors=empty() if hatch is None else FAINT,
            linewidths=0.0,
            hatch=hatch,
            label=label,
            rasterized=len(corners) > _RASTERISE_ABOVE,
        )
        axes.add_collection(patches, autolim=False)


def name_cells(axes: Axes, found: Map) -> None:
    """Names instead of numbers along axes of texts."""
    for texts, edges, axis in ((found.x_texts, found.x, axes.xaxis), (found.y_texts, found.y, axes.yaxis)):
        if texts:
            axis.set_ticks(((edges[:-1] + edges[1:]) / 2).tolist(), [plain(t, 16) for t in texts])


def _state_map(figure: AnyFigure, monitor: Monitor, trace: Trace) -> tuple[Map, Scale]:
    across, up = cells_in(figure)
    every, merged = -(-len(trace.times_s) // across), -(-len(trace.ids) // up)
    data, times = _block_means(trace.data, every), trace.times_s[::every]
    data = _block_means(data.T, merged).T
    if every > 1:
        add_note(figure, f"each column is the mean of {every} samples")
    if merged > 1:
        add_note(figure, f"each row is the mean of {merged} {'synapses' if monitor.synapses else 'neurons'}")
    time = time_scale(float(np.ptp(trace.times_s)))
    colour = readable(data, trace.unit)
    label = "Synapse number" if monitor.synapses else "Neuron index"
    rows = np.append(np.arange(0, len(trace.ids), merged), len(trace.ids)) - 0.5
    named: tuple[str, ...] = ()
    if np.array_equal(np.diff(trace.ids), np.ones(len(trace.ids) - 1)):
        rows = rows + float(trace.ids[0])
    elif len(trace.ids) <= _MOST_NAMED:
        named = tuple(str(number) for number in trace.ids)
    else:
        label += ", in the order of the monitor"
    edges = cell_edges(time(times), centred=False)
    found = Map(colour(data.T), edges, rows, time.label("Time"), label, time, Scale(1.0, ""), y_texts=named)
    return found, colour


def _block_means(data: FloatArray, every: int) -> FloatArray:
    """Means over so many samples each, NaN where a sample is; the last block may be shorter. Shape (blocks, n)."""
    starts = np.arange(0, len(data), every)
    lengths = np.diff(np.append(starts, len(data)))
    return np.asarray(np.add.reduceat(data, starts, axis=0) / lengths[:, None], np.float64)


def cell_edges(centres: FloatArray, *, centred: bool = True, log: bool = False) -> FloatArray:
    """Edges of cells around some positions, or of cells that begin at them; shape (n + 1,).

    Args:
        centres: Ascending positions, shape (n,).
        centred: Whether they are the middles of the cells.
        log: Whether cells are to look equally wide on a logarithmic axis.
    """
    if log:
        return np.exp(cell_edges(np.log(centres)))
    if len(centres) == 1:
        half = abs(centres[0]) / 2 or 0.5
        return np.array([centres[0] - half, centres[0] + half])
    if not centred:
        return np.append(centres, 2 * centres[-1] - centres[-2])
    middles = (centres[:-1] + centres[1:]) / 2
    return np.concatenate([[2 * centres[0] - middles[0]], middles, [2 * centres[-1] - middles[-1]]])
