"""Heatmaps: a metric over two swept parameters, or a state variable over time and neurons."""

from __future__ import annotations

import numpy as np
from matplotlib.colors import LogNorm
from numpy.typing import NDArray

from snnrun.plot.curve import REPEATS
from snnrun.plot.options import Options
from snnrun.plot.page import Place, apply_limits, draw_lines, name_axes, round_ticks, say
from snnrun.plot.quantities import Scale, plain, readable, time_scale
from snnrun.plot.source import Source
from snnrun.records import dataclass
from snnrun.results.layout import FloatArray, MonitorKind, storage_error
from snnrun.results.table import Axis, SweepTable

_MOST_COLUMNS = 2_000


@dataclass(frozen=True, slots=True, eq=False)
class _Map:
    """Values of shape (rows, columns), edges along both axes as shown, and names."""

    values: FloatArray
    x: FloatArray
    y: FloatArray
    x_label: str
    y_label: str
    x_scale: Scale
    y_scale: Scale
    colour_label: str
    name: str
    x_texts: tuple[str, ...] = ()
    y_texts: tuple[str, ...] = ()


def draw_heatmap(place: Place, source: Source, options: Options) -> None:
    """Draw it."""
    found = _sweep_map(source.table, options) if source.table is not None else _state_map(source, options)
    if not np.isfinite(found.values).any():
        say(place, f"all values of '{found.name}' are NaN")
        return
    axes = place.add_subplot()
    norm = LogNorm() if "z" in options.log else None
    mesh = axes.pcolormesh(found.x, found.y, found.values, norm=norm, rasterized=found.values.size > 2500)
    for name in ("x", "y"):
        if name in options.log:
            getattr(axes, f"set_{name}scale")("log")
    draw_lines(axes, options, found.x_scale, found.y_scale)
    apply_limits(axes, options, found.x_scale, found.y_scale)
    round_ticks(axes, integer_y=source.table is None)
    for texts, edges, axis in ((found.x_texts, found.x, axes.xaxis), (found.y_texts, found.y, axes.yaxis)):
        if texts:
            axis.set_ticks(((edges[:-1] + edges[1:]) / 2).tolist(), [plain(t, 16) for t in texts])
    axes.tick_params(which="both", direction="out")
    name_axes(axes, options, found.x_label, found.y_label)
    bar = place.colorbar(mesh, ax=axes, label=plain(options.labels.get("z", found.colour_label)), aspect=25, pad=0.02)
    bar.outline.set_linewidth(0.6)


def _sweep_map(table: SweepTable, options: Options) -> _Map:
    grid = [a for a in table.axes if a.name not in REPEATS]
    if len(grid) < 2:
        raise storage_error("ST209", "a heatmap needs a sweep of two parameters", "use `kind: curve`")
    x, y = _axis(grid, options.x, 0), _axis(grid, options.y, 1)
    name = options.z or next(iter(table.metrics), "")
    if name not in table.metrics:
        raise storage_error("ST209", f"the sweep has no metric `{name}`")
    values, unit = table.metrics[name]
    names = [a.name for a in table.axes]
    cube = np.moveaxis(np.asarray(values, dtype=float), (names.index(y.name), names.index(x.name)), (0, 1))
    flat = cube.reshape(*cube.shape[:2], -1)
    present = np.isfinite(flat)
    # Repetitions and further parameters are averaged.
    mean = np.where(present, flat, 0.0).sum(axis=-1) / np.where(present.any(axis=-1), present.sum(axis=-1), np.nan)
    colour = readable(mean, unit)
    x_scale, y_scale = _axis_scale(x), _axis_scale(y)
    return _Map(
        colour(mean),
        cell_edges(x_scale(_places(x))),
        cell_edges(y_scale(_places(y))),
        x_scale.label(_label(x)),
        y_scale.label(_label(y)),
        x_scale,
        y_scale,
        colour.label(name),
        name,
        _texts(x),
        _texts(y),
    )


def _state_map(source: Source, options: Options) -> _Map:
    monitor = source.monitors(options, MonitorKind.STATE)[0]
    variable = options.variables[0] if options.variables else monitor.columns[0].name
    results = source.run()
    ids = results.elements(monitor.name)
    picked = np.flatnonzero(np.isin(ids, options.pick(ids)))
    trace = results.states(monitor.name, variable, elements=picked.tolist())
    if not trace.data.size:
        raise storage_error("ST209", f"no samples in '{monitor.name}'")
    every = -(-len(trace.times_s) // _MOST_COLUMNS)
    data, times = trace.data[::every].astype(float), trace.times_s[::every]
    time = time_scale(float(np.ptp(trace.times_s)))
    colour = readable(data, trace.unit)
    rows = np.asarray(np.arange(len(trace.ids) + 1) - 0.5, np.float64)
    if np.array_equal(np.diff(trace.ids), np.ones(len(trace.ids) - 1)):
        rows = rows + float(trace.ids[0])
    label = "Synapse number" if monitor.synapses else "Neuron index"
    edges = cell_edges(time(times), centred=False)
    return _Map(
        colour(data.T), edges, rows, time.label("Time"), label, time, Scale(1.0, ""), colour.label(variable), variable
    )


def cell_edges(centres: FloatArray, *, centred: bool = True) -> FloatArray:
    """Edges of cells around some positions, or of cells that begin at them; shape (n + 1,)."""
    if len(centres) == 1:
        half = abs(centres[0]) / 2 or 0.5
        return np.array([centres[0] - half, centres[0] + half])
    if not centred:
        return np.append(centres, 2 * centres[-1] - centres[-2])
    middles = (centres[:-1] + centres[1:]) / 2
    return np.concatenate([[2 * centres[0] - middles[0]], middles, [2 * centres[-1] - middles[-1]]])


def _axis(axes: list[Axis], wanted: str | None, position: int) -> Axis:
    if wanted is None:
        return axes[position]
    for axis in axes:
        if axis.name == wanted:
            return axis
    raise storage_error("ST209", f"the sweep has no parameter `{wanted}`", ", ".join(f"`{a.name}`" for a in axes))


def _axis_scale(axis: Axis) -> Scale:
    return Scale(1.0, "") if axis.unit is None else readable(np.asarray(axis.values, dtype=float), axis.unit)


def _places(axis: Axis) -> NDArray[np.float64]:
    if axis.unit is None:
        return np.arange(len(axis.values), dtype=float)
    return np.asarray(axis.values, dtype=float)


def _texts(axis: Axis) -> tuple[str, ...]:
    return tuple(str(v) for v in axis.values) if axis.unit is None else ()


def _label(axis: Axis) -> str:
    return axis.label or axis.name
