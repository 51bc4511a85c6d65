"""Weights: their histogram and, where pairs are known, their matrix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

from snnrun.errors import StorageError
from snnrun.plot.options import Options
from snnrun.plot.page import (
    AnyFigure,
    add_note,
    apply_limits,
    cells_in,
    draw_lines,
    name_axes,
    round_ticks,
    show_message,
    two_panels,
)
from snnrun.plot.quantities import Scale, plain, readable, time_scale
from snnrun.plot.source import Source
from snnrun.plot.style import palette
from snnrun.plot_kinds import default_variable
from snnrun.results.layout import FloatArray, IntArray, Monitor, MonitorKind, storage_error

_BINS = 50


@dataclass(frozen=True, slots=True, eq=False)
class _Weights:
    """Values of shape (n,) with unit and name, the ends of each synapse where they are known, and when they were so.

    No time means the end of the run. [s]
    """

    values: FloatArray
    unit: str
    name: str
    pre: IntArray | None
    post: IntArray | None
    time_s: float | None = None


def draw_weights(figure: AnyFigure, source: Source, options: Options) -> None:
    """Draw one variable of one monitor: of realised pairs, or the last sample of a state monitor."""
    monitor = _monitor(source, options)
    found = _found(source, monitor, options)
    if found.time_s is not None:
        add_note(figure, f"values at {time_scale(found.time_s).text(found.time_s)}")
    if not np.isfinite(found.values).any():
        show_message(figure, f"no values of '{found.name}' in '{monitor.name}'")
        return
    scale = readable(found.values, found.unit)
    if found.pre is None or found.post is None:
        _histogram(figure.add_subplot(), found, scale, options)
        return
    left, right = two_panels(figure)
    _histogram(left, found, scale, options)
    _matrix(figure, right, found, scale)


def _monitor(source: Source, options: Options) -> Monitor:
    candidates = source.monitors(options, MonitorKind.CONNECTIVITY, MonitorKind.STATE)
    for monitor in candidates:
        if monitor.kind is MonitorKind.STATE and (monitor.synapses or options.monitors):
            return monitor
        if monitor.kind is MonitorKind.CONNECTIVITY and source.run().connectivity(monitor.name).values:
            return monitor
    raise storage_error("ST209", "no monitor in these results holds values of synapses")


def _found(source: Source, monitor: Monitor, options: Options) -> _Weights:
    results = source.run()
    if monitor.kind is MonitorKind.STATE:
        name = options.variables[0] if options.variables else monitor.columns[0].name
        trace = results.states(monitor.name, name, last=True)
        return _Weights(trace.data.ravel().astype(float), trace.unit, name, trace.pre, trace.post, *trace.times_s)
    pairs = results.connectivity(monitor.name)
    name = options.variables[0] if options.variables else default_variable(pairs.values)
    if name not in pairs.values:
        raise _missing(monitor, name, list(pairs.values))
    return _Weights(pairs.values[name].astype(float), pairs.units[name], name, pairs.pre, pairs.post)


def _histogram(axes: Axes, found: _Weights, scale: Scale, options: Options) -> None:
    shown = scale(found.values[np.isfinite(found.values)])
    low, high = float(shown.min()), float(shown.max())
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        half = abs(high) / 2 or 0.5
        low, high = low - half, high + half
    counts, edges = np.histogram(shown, bins=options.bins or min(_BINS, max(len(shown) // 2, 10)), range=(low, high))
    axes.stairs(counts, edges, fill=True, color=palette()[0])
    axes.set_ylim(bottom=0)
    draw_lines(axes, options, scale, None)
    apply_limits(axes, options, scale, None)
    round_ticks(axes, integer_y=True)
    name_axes(axes, options, scale.label(found.name), "Synapses")


def _matrix(figure: AnyFigure, axes: Axes, found: _Weights, scale: Scale) -> None:
    """Mean value of the synapses of each pair, or of each small square of pairs."""
    assert found.pre is not None
    assert found.post is not None
    sizes = (int(found.post.max()) + 1, int(found.pre.max()) + 1)
    across, up = cells_in(axes)
    cells = (min(sizes[0], up), min(sizes[1], across))
    limits = ((-0.5, sizes[0] - 0.5), (-0.5, sizes[1] - 0.5))
    counts, _, _ = np.histogram2d(found.post, found.pre, bins=cells, range=limits)
    sums, _, _ = np.histogram2d(found.post, found.pre, bins=cells, range=limits, weights=scale(found.values))
    if cells != sizes:
        add_note(figure, "each cell of the matrix is the mean of its synapses")
    means = np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)
    image = axes.imshow(means, origin="lower", aspect="auto", extent=(*limits[1], *limits[0]))
    axes.spines[["top", "right"]].set_visible(True)
    round_ticks(axes, integer_x=True, integer_y=True)
    axes.set_xlabel("Source neuron index")
    axes.set_ylabel("Target neuron index")
    bar = figure.colorbar(image, ax=axes, label=plain(scale.label(found.name)), aspect=25, pad=0.03)
    bar.outline.set_linewidth(0.6)


def _missing(monitor: Monitor, name: str, known: list[str]) -> StorageError:
    return storage_error(
        "ST207", f"monitor `{monitor.name}` did not record `{name}`", ", ".join(f"`{k}`" for k in known)
    )
