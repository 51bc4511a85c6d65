"""Weights: their histogram and, where pairs are known, their matrix."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.image import AxesImage

from snnrun.errors import StorageError
from snnrun.plot.legends import legend
from snnrun.plot.options import Options
from snnrun.plot.page import (
    AnyFigure,
    add_colorbar,
    add_note,
    apply_limits,
    cells_in,
    draw_bins,
    draw_lines,
    name_axes,
    norm_of,
    round_ticks,
    show_message,
    side_by_side,
)
from snnrun.plot.quantities import Scale, readable, time_scale
from snnrun.plot.source import Source
from snnrun.plot.style import distinct
from snnrun.plot_kinds import default_variable
from snnrun.results.layout import FloatArray, IntArray, Monitor, MonitorKind, storage_error

_BINS = 50
_NUMBER = Scale(1.0, "")


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

    @property
    def when(self) -> str:
        """The time, for legends and titles."""
        return "" if self.time_s is None else time_scale(self.time_s).text(self.time_s)


def shown_beside(options: Options) -> int:
    """How many pairs of axes beside each other a plot has: a matrix for each time."""
    if options.kind not in ("weights", "connectivity"):
        return 1
    first = "histogram" if options.kind == "weights" else "lines"
    return options.has(first) + options.has("matrix") * max(len(options.times), 1)


def draw_weights(figure: AnyFigure, source: Source, options: Options) -> None:
    """Draw one variable of one monitor: of realised pairs, or samples of a state monitor, the last one or some."""
    monitor = _monitor(source, options)
    found = _found(source, monitor, options)
    values = np.concatenate([one.values for one in found])
    if len(found) == 1 and found[0].time_s is not None:
        add_note(figure, f"values at {time_scale(found[0].time_s).text(found[0].time_s)}")
    if not np.isfinite(values).any():
        show_message(figure, f"no values of '{found[0].name}' in '{monitor.name}'")
        return
    scale = readable(values, found[0].unit)
    pre, post = found[0].pre, found[0].post
    shown = options if pre is not None else replace(options, parts=("histogram",))
    panels = side_by_side(figure, shown_beside(shown))
    if shown.has("histogram"):
        _histogram(panels.pop(0), found, scale, options)
    if pre is None or post is None or not panels:
        return
    sizes = (int(post.max()) + 1, int(pre.max()) + 1)
    means = [
        matrix_of(figure, axes, (pre, post), scale(one.values), sizes) for axes, one in zip(panels, found, strict=True)
    ]
    norm = norm_of(np.stack(means), options, scale)
    images = [draw_matrix(axes, mean, sizes, norm) for axes, mean in zip(panels, means, strict=True)]
    for axes, one in zip(panels, found, strict=True):
        axes.set_title(one.when if len(found) > 1 else "", fontsize=7)
    add_colorbar(figure, images[0], panels, scale.label(found[0].name))


def _monitor(source: Source, options: Options) -> Monitor:
    candidates = source.monitors(options, MonitorKind.CONNECTIVITY, MonitorKind.STATE)
    for monitor in candidates:
        if monitor.kind is MonitorKind.STATE and (monitor.synapses or options.monitor):
            return monitor
        if monitor.kind is MonitorKind.CONNECTIVITY and source.run().connectivity(monitor.name).values:
            return monitor
    raise storage_error("ST209", "no monitor in these results holds values of synapses")


def _found(source: Source, monitor: Monitor, options: Options) -> list[_Weights]:
    """The values at each time that is asked for, or the last ones."""
    results = source.run()
    if monitor.kind is MonitorKind.STATE:
        name = options.variables[0] if options.variables else monitor.columns[0].name
        trace = results.states(monitor.name, name, last=not options.times)
        # The last sample at or before each time, or the first one.
        samples = np.searchsorted(trace.times_s, np.array(options.times) + source.about().dt / 2) - 1
        facts = trace.unit, name, trace.pre, trace.post
        if not len(trace.times_s):
            return [_Weights(np.empty(0), *facts)]
        rows = np.maximum(samples, 0) if options.times else [-1]
        return [_Weights(trace.data[k].ravel().astype(float), *facts, float(trace.times_s[k])) for k in rows]
    pairs = results.connectivity(monitor.name)
    name = options.variables[0] if options.variables else default_variable(pairs.values)
    if name not in pairs.values:
        raise _missing(monitor, name, list(pairs.values))
    return [_Weights(pairs.values[name].astype(float), pairs.units[name], name, pairs.pre, pairs.post)]


def _histogram(axes: Axes, found: list[_Weights], scale: Scale, options: Options) -> None:
    """The values of each time over each other, in the same bins."""
    each = [scale(one.values[np.isfinite(one.values)]) for one in found]
    low, high = float(min(v.min() for v in each if v.size)), float(max(v.max() for v in each if v.size))
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        half = abs(high) / 2 or 0.5
        low, high = low - half, high + half
    number = options.bins or min(_BINS, max(max(len(values) for values in each) // 2, 10))
    alone = len(found) == 1
    for one, values, colour in zip(found, each, distinct(len(found)), strict=True):
        counts, edges = np.histogram(values, bins=number, range=(low, high))
        draw_bins(axes, counts, edges, filled=alone, color=colour, label=None if alone else one.when)
    axes.set_ylim(bottom=0)
    draw_lines(axes, options, scale, _NUMBER)
    apply_limits(axes, options, scale, _NUMBER)
    round_ticks(axes, integer_y=True)
    name_axes(axes, options, scale.label(found[0].name), "Synapses")
    legend(axes, options)


def matrix_of(
    figure: AnyFigure, axes: Axes, pairs: tuple[IntArray, IntArray], values: FloatArray, sizes: tuple[int, int]
) -> FloatArray:
    """The mean value of the synapses of each pair, or of each small square of pairs.

    Args:
        figure: The figure, for a note.
        axes: Where it will be drawn.
        pairs: Source and target of each synapse.
        values: Value of each, as shown.
        sizes: Numbers of targets and sources.
    """
    pre, post = pairs
    across, up = cells_in(axes)
    cells = (min(sizes[0], up), min(sizes[1], across))
    limits = ((-0.5, sizes[0] - 0.5), (-0.5, sizes[1] - 0.5))
    there = np.isfinite(values)
    counts, _, _ = np.histogram2d(post[there], pre[there], bins=cells, range=limits)
    sums, _, _ = np.histogram2d(post[there], pre[there], bins=cells, range=limits, weights=values[there])
    if cells != sizes:
        add_note(figure, "each cell of the matrix is the mean of its synapses")
    return np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)


def draw_matrix(axes: Axes, means: FloatArray, sizes: tuple[int, int], norm: Normalize) -> AxesImage:
    """A matrix of values, shape (targets, sources) or smaller, of some numbers of targets and sources."""
    extent = (-0.5, sizes[1] - 0.5, -0.5, sizes[0] - 0.5)
    image = axes.imshow(means, origin="lower", aspect="auto", extent=extent, norm=norm)
    axes.spines[["top", "right"]].set_visible(True)
    round_ticks(axes, integer_x=True, integer_y=True)
    axes.set_xlabel("Source neuron index")
    axes.set_ylabel("Target neuron index")
    return image


def _missing(monitor: Monitor, name: str, known: list[str]) -> StorageError:
    return storage_error(
        "ST207", f"monitor `{monitor.name}` did not record `{name}`", ", ".join(f"`{k}`" for k in known)
    )
