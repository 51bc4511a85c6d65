"""Connectivity: lines from sources to targets in two columns, and the matrix of pairs."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from snnrun.plot.options import Options
from snnrun.plot.page import AnyFigure, inches, name_axes, round_ticks, share_text, show_message, some_of, two_panels
from snnrun.plot.quantities import plain
from snnrun.plot.source import Source
from snnrun.plot.style import counts_map, ink, palette
from snnrun.results.layout import MonitorKind
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
    left, right = two_panels(figure)
    _columns(left, source, pairs, options)
    _matrix(right, pairs, options)


def _columns(axes: Axes, source: Source, pairs: Connectivity, options: Options) -> None:
    n = len(pairs.pre)
    chosen = some_of(n, _MOST_LINES)
    pre, post = pairs.pre[chosen], pairs.post[chosen]
    ends = np.stack([np.stack([np.zeros(len(pre)), pre], 1), np.stack([np.ones(len(post)), post], 1)], 1)
    alpha = float(np.clip(12 / len(chosen) ** 0.8, 0.035, 0.8))
    lines = LineCollection(ends.tolist(), colors=ink(), linewidths=0.7, alpha=alpha, rasterized=len(chosen) > 500)
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


def _matrix(axes: Axes, pairs: Connectivity, options: Options) -> None:
    if len(pairs.pre) <= _MOST_DOTS:
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
