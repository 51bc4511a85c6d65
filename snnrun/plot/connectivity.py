"""Connectivity: lines from sources to targets in two columns, and the matrix of pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize

from snnrun.plot.options import Options
from snnrun.plot.page import (
    AnyFigure,
    add_colorbar,
    inches,
    name_axes,
    norm_of,
    round_ticks,
    share_text,
    show_message,
    side_by_side,
    some_of,
)
from snnrun.plot.quantities import plain, readable
from snnrun.plot.source import Source
from snnrun.plot.style import counts_map, ink, palette, shades
from snnrun.plot.weights import draw_matrix, matrix_of, shown_beside
from snnrun.results.layout import FloatArray, MonitorKind, storage_error
from snnrun.results.reader import Connectivity

_MOST_LINES = 2_000
_MOST_DOTS = 20_000
_CELLS = 400


def draw_connectivity(figure: AnyFigure, source: Source, options: Options) -> None:
    """Draw one monitor."""
    monitor = source.monitors(options, MonitorKind.CONNECTIVITY)[0]
    pairs = source.run().connectivity(monitor.name)
    if not len(pairs.pre):
        show_message(figure, f"no connections in '{monitor.name}'")
        return
    shown = _shown(pairs, options)
    panels = side_by_side(figure, shown_beside(options))
    if options.has("lines"):
        _columns(panels[0], source, pairs, options, shown)
    if options.has("matrix"):
        _matrix(figure, panels[-1], pairs, options, shown)
    if shown is not None:
        add_colorbar(figure, shown.colours, panels, options.labels.get("z", shown.label))


@dataclass(frozen=True, slots=True, eq=False)
class _Shown:
    """What colours show: a value of each synapse, shape (n,), with its name and its scale of colours."""

    values: FloatArray
    label: str
    norm: Normalize

    @property
    def colours(self) -> ScalarMappable:
        return ScalarMappable(self.norm, shades())


def _shown(pairs: Connectivity, options: Options) -> _Shown | None:
    if options.z is None:
        return None
    if options.z not in pairs.values:
        raise storage_error("ST207", f"the connections were not stored with `{options.z}`")
    scale = readable(pairs.values[options.z], pairs.units[options.z])
    values = scale(pairs.values[options.z])
    return _Shown(values, scale.label(options.z), norm_of(values, options, scale))


def _columns(axes: Axes, source: Source, pairs: Connectivity, options: Options, shown: _Shown | None) -> None:
    n = len(pairs.pre)
    chosen = some_of(n, _MOST_LINES)
    pre, post = pairs.pre[chosen], pairs.post[chosen]
    ends = np.stack([np.stack([np.zeros(len(pre)), pre], 1), np.stack([np.ones(len(post)), post], 1)], 1)
    alpha = float(np.clip(12 / len(chosen) ** 0.8, 0.035, 0.8))
    look: dict[str, Any] = {"linewidths": 0.7, "rasterized": len(chosen) > 500}
    if shown is None:
        lines = LineCollection(ends.tolist(), colors=ink(), alpha=alpha, **look)
    else:
        lines = LineCollection(ends.tolist(), array=shown.values[chosen], norm=shown.norm, cmap=shades(), **look)
    axes.add_collection(lines)
    tallest = max(pairs.source_size, pairs.target_size)
    colours = _end_colours(source, pairs)
    for x, size, colour in ((0, pairs.source_size, colours[0]), (1, pairs.target_size, colours[1])):
        mark = float(np.clip(0.7 * inches(axes)[1] * 72 / max(tallest, 1), 0.8, 7))
        axes.plot(np.full(size, x), np.arange(size), "o", color=colour, markersize=mark, markeredgewidth=0, zorder=3)
    axes.set_xlim(-0.15, 1.15)
    axes.set_ylim(-0.03 * tallest - 0.5, 1.03 * tallest - 0.5)
    round_ticks(axes, integer_y=True)
    axes.set_xticks([0, 1], [_end("Source", pairs.source), _end("Target", pairs.target)])
    name_axes(axes, options, None, "Neuron index")
    if len(chosen) < n:
        axes.set_title(share_text(len(chosen), n, "synapses"), fontsize=7)
    else:
        axes.set_title(f"{n:,} synapse{'s' * (n != 1)}", fontsize=7)


def _matrix(figure: AnyFigure, axes: Axes, pairs: Connectivity, options: Options, shown: _Shown | None) -> None:
    if shown is not None:
        sizes = (pairs.target_size, pairs.source_size)
        means = matrix_of(figure, axes, (pairs.pre, pairs.post), shown.values, sizes)
        draw_matrix(axes, means, sizes, shown.norm).set_cmap(shades())
    elif len(pairs.pre) <= _MOST_DOTS:
        width, height = inches(axes)
        cell = min(width * 72 / pairs.source_size, height * 72 / pairs.target_size)
        mark = float(np.clip(0.75 * cell, 0.6, 6))
        heavy = len(pairs.pre) > 2_000
        axes.plot(pairs.pre, pairs.post, "o", color=ink(), markersize=mark, markeredgewidth=0, rasterized=heavy)
    else:
        _matrix_image(axes, pairs)
    axes.set_xlim(-0.5 - 0.03 * pairs.source_size, pairs.source_size * 1.03 - 0.5)
    axes.set_ylim(-0.5 - 0.03 * pairs.target_size, pairs.target_size * 1.03 - 0.5)
    round_ticks(axes, integer_x=True, integer_y=True)
    axes.set_xlabel(plain(options.labels.get("source", "Source neuron index")))
    axes.set_ylabel(plain(options.labels.get("target", "Target neuron index")))


def _matrix_image(axes: Axes, pairs: Connectivity) -> None:
    """Too many pairs for dots: darker where there are more."""
    sizes = (pairs.target_size, pairs.source_size)
    cells = tuple(min(size, _CELLS) for size in sizes)
    limits = ((-0.5, sizes[0] - 0.5), (-0.5, sizes[1] - 0.5))
    counts, _, _ = np.histogram2d(pairs.post, pairs.pre, bins=cells, range=limits)
    extent = (*limits[1], *limits[0])
    axes.imshow(counts, origin="lower", aspect="auto", extent=extent, cmap=counts_map(), vmin=0)


def _end_colours(source: Source, pairs: Connectivity) -> tuple[str, str]:
    """The groups' colours, or the notebook's blue and red within one group."""
    if pairs.source == pairs.target:
        return palette()[0], palette()[1 % len(palette())]
    return source.colour(pairs.source), source.colour(pairs.target)


def _end(what: str, group: str) -> str:
    return f"{what}\n{plain(group, 18)}" if group else what
