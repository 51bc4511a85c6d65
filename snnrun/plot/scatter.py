"""Scatter plots: one recorded variable against another, a line for each neuron, or a point for each spike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from snnrun.plot.legends import legend
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
from snnrun.plot.quantities import Scale, plain, readable
from snnrun.plot.source import Source
from snnrun.plot.style import FAINT, distinct, palette, shades
from snnrun.results.layout import FloatArray, IntArray, Monitor, MonitorKind

_TIME = "time"
_MOST_NAMED = 8
_SOME_LINES = 5  # of more neurons than that, when none are asked for
_RASTERISE_ABOVE = 5_000  # points


@dataclass(frozen=True, slots=True, eq=False)
class _Points:
    """What is drawn.

    Args:
        monitor: Where it was recorded.
        values: What each axis shows, `x`, `y` and perhaps `z`, and `time`, shape (points,) each. [SI]
        units: The units of the axes.
        ids: Neuron or synapse of each point, shape (points,).
        joined: Whether the points of each are joined by a line, in the order of time.
    """

    monitor: Monitor
    values: dict[str, FloatArray]
    units: dict[str, str]
    ids: IntArray
    joined: bool

    def scale(self, axis: str, options: Options) -> Scale:
        """How the numbers of an axis are shown."""
        lines = {"x": options.vlines, "y": options.lines}.get(axis, ())
        return readable(np.append(self.values[axis], [value for _, value in lines]), self.units[axis])


def draw_scatter(figure: AnyFigure, source: Source, options: Options) -> None:
    """Draw a line for each neuron, or a point for each spike or other event."""
    found = _points(figure, source, options)
    if not found.ids.size:
        what = "samples" if found.joined else "events" if found.monitor.synapses else "spikes"
        show_message(figure, f"no {what} in '{found.monitor.name}'")
        return
    if not np.any(np.isfinite(found.values["x"]) & np.isfinite(found.values["y"])):
        show_message(figure, f"all values of '{options.x}' or '{options.y}' are NaN")
        return
    axes = figure.add_subplot()
    x, y = found.scale("x", options), found.scale("y", options)
    for axis, scale in (("x", axes.set_xscale), ("y", axes.set_yscale)):
        if options.is_log(axis):
            scale("log")
    if options.z is None:
        _draw_by_neuron(figure, axes, source, found, options, x, y)
    else:
        _draw_by_value(figure, axes, found, options, x, y)
    axes.autoscale_view()
    draw_lines(axes, options, x, y)
    apply_limits(axes, options, x, y)
    round_ticks(axes)
    name_axes(axes, options, x.label(_variable(options.x)), y.label(_variable(options.y)))
    legend(axes, options, always=True)


def _variable(name: str | None) -> str:
    """The variable of `monitor.variable`."""
    return (name or "").rpartition(".")[2]


def _points(figure: AnyFigure, source: Source, options: Options) -> _Points:
    """The values along the axes."""
    named = [(axis, name) for axis, name in (("x", options.x), ("y", options.y), ("z", options.z)) if name]
    columns = {
        axis: (monitor, variable) for axis, name in named for monitor, dot, variable in [name.partition(".")] if dot
    }
    monitor = source.run().monitor(columns["x"][0], MonitorKind.STATE, MonitorKind.SPIKES, MonitorKind.SYNAPSE_EVENTS)
    if monitor.kind is not MonitorKind.STATE:
        found = _at_events(source, monitor, columns, options)
    else:
        found = _at_samples(source, monitor, columns, _elements(figure, source, monitor, options))
    if options.z == _TIME:
        found.values["z"], found.units["z"] = found.values[_TIME], "s"
    return found


def _at_events(source: Source, monitor: Monitor, columns: Mapping[str, tuple[str, str]], options: Options) -> _Points:
    """Values recorded with spikes or other events."""
    results = source.run()
    of_synapses = monitor.kind is MonitorKind.SYNAPSE_EVENTS
    train = results.synapse_events(monitor.name) if of_synapses else results.spikes(monitor.name)
    kept = np.isin(train.ids, options.pick(np.unique(train.ids)))
    units = {c.name: c.unit for c in monitor.columns}
    values = {axis: train.extras[variable][kept].astype(float) for axis, (_, variable) in columns.items()}
    values[_TIME] = train.times_s[kept]
    return _Points(monitor, values, {axis: units[v] for axis, (_, v) in columns.items()}, train.ids[kept], joined=False)


def _at_samples(source: Source, monitor: Monitor, columns: Mapping[str, tuple[str, str]], chosen: list[int]) -> _Points:
    """Samples of some elements; NaN makes a gap."""
    traces = {axis: source.samples(name, variable, chosen) for axis, (name, variable) in columns.items()}
    first = traces["x"]
    values = {axis: trace.data.T.ravel() for axis, trace in traces.items()}
    values[_TIME] = np.tile(first.times_s, len(first.ids))
    ids = np.repeat(first.ids, len(first.times_s))
    return _Points(monitor, values, {axis: trace.unit for axis, trace in traces.items()}, ids, joined=True)


def _elements(figure: AnyFigure, source: Source, monitor: Monitor, options: Options) -> list[int]:
    """Columns of the neurons that are drawn."""
    ids = source.run().elements(monitor.name)
    picked = np.flatnonzero(np.isin(ids, options.pick(ids)))
    if options.neurons is None and len(picked) > _MOST_NAMED:
        chosen = some_of(len(picked), _SOME_LINES)
        things = "synapses" if monitor.synapses else "neurons"
        add_note(figure, f"{share_text(len(chosen), len(picked), things)}; `neurons: all` draws all")
        picked = picked[chosen]
    return [int(k) for k in picked]


def _draw_by_neuron(
    figure: AnyFigure, axes: Axes, source: Source, found: _Points, options: Options, x: Scale, y: Scale
) -> None:
    """A colour for each neuron."""
    order = np.argsort(found.ids, kind="stable")
    everyone, starts = np.unique(found.ids[order], return_index=True)
    colours = distinct(len(everyone))
    if len(everyone) == 1:
        own = source.colour(found.monitor.source)
        colours = [palette()[0] if own == FAINT else own]
    kind, look = "synapse" if found.monitor.synapses else "neuron", _look(found)
    across, up = x(found.values["x"]), y(found.values["y"])
    colours = [options.colour(f"{kind} {neuron}", colour) for neuron, colour in zip(everyone, colours, strict=True)]
    for neuron, colour, mine in zip(everyone, colours, np.split(order, starts[1:]), strict=True):
        name = plain(options.label(f"{kind} {neuron}"), 40) if 1 < len(everyone) <= _MOST_NAMED else None
        axes.plot(across[mine], up[mine], color=colour, label=name, **look)
    if len(everyone) > _MOST_NAMED:
        add_note(figure, f"{kind}s of low indices are dark, those of high indices light")


def _look(found: _Points) -> dict[str, Any]:
    """How lines or points are drawn."""
    look: dict[str, Any] = {"rasterized": len(found.ids) > _RASTERISE_ABOVE, "zorder": 2}
    if found.joined:
        return {**look, "linewidth": 0.9}
    size = float(np.clip(30 / len(found.ids) ** 0.4, 0.8, 4))
    return {**look, "linestyle": "none", "marker": "o", "markersize": size, "markeredgewidth": 0}


def _draw_by_value(figure: AnyFigure, axes: Axes, found: _Points, options: Options, x: Scale, y: Scale) -> None:
    """Colours show time or a variable."""
    z = found.scale("z", options)
    across, up, shown = x(found.values["x"]), y(found.values["y"]), z(found.values["z"])
    norm, look = norm_of(shown, options, z), _look(found)
    if found.joined:
        ends = np.stack([across, up], axis=1)
        same = found.ids[1:] == found.ids[:-1]
        pieces = np.stack([ends[:-1], ends[1:]], axis=1)[same]
        drawn: Any = LineCollection(list(pieces), array=shown[1:][same], norm=norm, cmap=shades(), linewidths=0.9)
        axes.add_collection(drawn)
    else:
        drawn = axes.scatter(
            across, up, c=shown, norm=norm, cmap=shades(), s=look["markersize"] ** 2, linewidths=0, zorder=2
        )
    drawn.set_rasterized(look["rasterized"])
    name = "Time" if options.z == _TIME else _variable(options.z)
    add_colorbar(figure, drawn, axes, options.labels.get("z", z.label(name)))
