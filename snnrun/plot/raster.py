"""Raster: one dot a spike, groups stacked and coloured, the population rate below on the same time axis."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.transforms import blended_transform_factory

from snnrun.plot.histogram import population_rate, time_edges
from snnrun.plot.observed import hatch, together
from snnrun.plot.options import Options
from snnrun.plot.page import (
    AnyFigure,
    add_note,
    apply_limits,
    draw_bins,
    draw_lines,
    inches,
    name_axes,
    round_ticks,
    show_message,
)
from snnrun.plot.quantities import Scale, plain, time_scale
from snnrun.plot.source import NOT_RECORDED, Band, Source, bands, drawn_span, nothing_text, within
from snnrun.results.layout import MonitorKind

_MANY_SPIKES = 150_000
_FEW_ROWS = 12
_PIXELS_PER_PT = 2.0
_RASTERISE_ABOVE = 5_000


def draw_raster(figure: AnyFigure, source: Source, options: Options) -> None:
    """Draw spikes and, below, the rate of each group."""
    monitors = source.monitors(options, MonitorKind.SPIKES)
    found = bands(source, options, monitors)
    if not any(len(band.times_s) for band in found):
        show_message(figure, nothing_text(source, monitors))
        return
    span = drawn_span(source, monitors, options)
    drawn = [within(band, span, source.about().dt) for band in found]
    time = time_scale(span[1] - span[0])
    parts = [part for part in ("spikes", "rate") if options.has(part)]
    ratios = [{"spikes": 3, "rate": 1}[part] for part in parts]
    panels = figure.subplots(len(parts), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": ratios})[:, 0]
    for axes, part in zip(panels, parts, strict=True):
        if part == "rate":
            _rates(axes, drawn, source, options, time=time, span=span)
        elif dots(axes, drawn, options, time=time, span=span):
            add_note(figure, NOT_RECORDED)
        draw_lines(axes, options, time, None)
        axes.tick_params(labelbottom=axes is panels[-1])
    last = panels[-1]
    last.set_xlim(span[0] * time.factor, span[1] * time.factor)
    apply_limits(last, options, time, None)
    round_ticks(last)
    if options.has("spikes"):
        _rows_axis(panels[0], drawn, options)
    name_axes(last, options, time.label("Time"), None)
    figure.align_ylabels(list(panels))


def dots(axes: Axes, drawn: list[Band], options: Options, *, time: Scale, span: tuple[float, float]) -> bool:
    """Every spike in one pair of axes, groups stacked; whether there is a stretch that was not recorded."""
    rows = sum(len(band.neurons) for band in drawn)
    spikes = sum(len(band.times_s) for band in drawn)
    base, hatched = 0, False
    for band in drawn:
        hatched |= hatch(axes, band.observed, options.visible(span), time, (base - 0.5, base + len(band.neurons) - 0.5))
        if spikes > _MANY_SPIKES:
            _density(axes, band, base, rows, time=time, span=span)
        else:
            _marks(axes, band, base, rows, spikes=spikes, time=time)
        base += len(band.neurons)
    axes.set_ylim(-0.5 - _margin(rows), rows - 0.5 + _margin(rows))
    return hatched


def _margin(rows: int) -> float:
    return 0.0 if rows == 1 else min(0.01 * rows, 0.4)


def _marks(axes: Axes, band: Band, base: int, rows: int, *, spikes: int, time: Scale) -> None:
    size_pt = _size_pt(axes)
    row = size_pt[1] / max(rows, 1)
    # A mark has at most its row's height, and all marks together cover at most a third of the picture.
    share = (0.33 * size_pt[0] * size_pt[1] / max(spikes, 1)) ** 0.5
    if rows <= _FEW_ROWS:
        style: dict[str, Any] = {"marker": "|", "markersize": min(0.6 * row, 20), "markeredgewidth": 0.9}
    else:
        style = {"marker": "o", "markersize": float(np.clip(min(0.75 * row, share), 0.7, 3.2)), "markeredgewidth": 0}
    axes.plot(
        time(band.times_s),
        base + band.rows,
        linestyle="none",
        color=band.colour,
        rasterized=spikes > _RASTERISE_ABOVE,
        **style,
    )


def _density(axes: Axes, band: Band, base: int, rows: int, *, time: Scale, span: tuple[float, float]) -> None:
    """Too many spikes for dots: an image, darker where there are more."""
    n = len(band.neurons)
    width, height = (round(length * _PIXELS_PER_PT) for length in _size_pt(axes))
    # About a cell a pixel: finer cells would be averaged into pale ones.
    cells = (min(n, max(round(height * n / rows), 1)), width)
    counts, _, _ = np.histogram2d(band.rows, band.times_s, bins=cells, range=((0, n), span))
    present = counts[counts > 0]
    full = max(float(np.quantile(present, 0.98)), 1.0) if present.size else 1.0
    picture = np.empty((*counts.shape, 4))
    picture[..., :3] = to_rgb(band.colour)
    picture[..., 3] = np.where(counts > 0, 0.3 + 0.7 * np.minimum(counts / full, 1.0) ** 0.8, 0.0)
    left, right = (value * time.factor for value in span)
    extent = (left, right, base - 0.5, base + n - 0.5)
    axes.imshow(picture, origin="lower", aspect="auto", extent=extent, interpolation="antialiased", zorder=2)


def _rows_axis(axes: Axes, drawn: list[Band], options: Options) -> None:
    if len(drawn) == 1:
        band = drawn[0]
        round_ticks(axes, integer_y=True)
        consecutive = np.array_equal(band.neurons, np.arange(len(band.neurons)))
        if not consecutive:
            axes.yaxis.set_major_formatter(lambda row, _: _neuron_at(band, row))
        if len(band.neurons) == 1:
            axes.set_yticks([0])
        name_axes(axes, options, None, "Neuron index")
        return
    rows = sum(len(band.neurons) for band in drawn)
    middles, base = [], 0
    for band in drawn:
        middles.append(base + (len(band.neurons) - 1) / 2)
        base += len(band.neurons)
        if base < rows:
            axes.axhline(base - 0.5, color=mpl.rcParams["axes.facecolor"], linewidth=1.2, zorder=3)
    axes.set_yticks([])
    _group_names(axes, drawn, options, middles, rows)


def _group_names(axes: Axes, drawn: list[Band], options: Options, middles: list[float], rows: int) -> None:
    """Names left of the groups, pushed apart where groups are thin."""
    room = 9.5 * rows / _size_pt(axes)[1]
    places = spread(middles, room, -0.5, rows - 0.5)
    across = blended_transform_factory(axes.transAxes, axes.transData)
    for band, middle, place in zip(drawn, middles, places, strict=True):
        name = plain(options.labels.get(band.name, band.name.rpartition(".")[2]), 24)
        axes.annotate(
            name,
            (0, middle),
            (-6, 0) if abs(place - middle) < room / 4 else (-6, (place - middle) / rows * _size_pt(axes)[1]),
            xycoords=across,
            textcoords="offset points",
            ha="right",
            va="center",
            fontsize=7,
            color=band.colour,
            annotation_clip=False,
        )


def spread(places: list[float], room: float, low: float, high: float) -> list[float]:
    """Positions near some ascending ones, at least `room` apart, inside limits when they fit."""
    moved = list(places)
    for k in range(1, len(moved)):
        moved[k] = max(moved[k], moved[k - 1] + room)
    ceiling = max(high, low + room * (len(moved) - 1))
    for k in reversed(range(len(moved))):
        moved[k] = min(moved[k], ceiling)
        ceiling = moved[k] - room
    return moved


def _rates(
    axes: Axes, drawn: list[Band], source: Source, options: Options, *, time: Scale, span: tuple[float, float]
) -> None:
    dt = source.about().dt
    edges = time_edges(span, options, dt, sum(len(band.times_s) for band in drawn))
    for band in drawn:
        rate = population_rate(band.times_s, edges, len(band.neurons), dt, band.observed)
        draw_bins(axes, rate, time(edges), filled=len(drawn) == 1, color=band.colour, linewidth=0.8)
    hatch(axes, together(band.observed for band in drawn), options.visible(span), time)
    axes.set_ylim(bottom=0)
    axes.set_ylabel("Rate (Hz)")


def _neuron_at(band: Band, row: float) -> str:
    place = round(row)
    return str(band.neurons[place]) if 0 <= place < len(band.neurons) and abs(row - place) < 1e-6 else ""


def _size_pt(axes: Axes) -> tuple[float, float]:
    width, height = inches(axes)
    return width * 72, height * 72
