"""Image: spikes as a grey picture, one column a time bin and one row a neuron, as when an image is the input."""

from __future__ import annotations

import math

import numpy as np

from snnrun.plot.observed import hatch, together
from snnrun.plot.options import Options
from snnrun.plot.page import AnyFigure, add_note, apply_limits, cells_in, name_axes, round_ticks, show_message
from snnrun.plot.quantities import Scale, time_scale
from snnrun.plot.source import NOT_RECORDED, Source, bands, drawn_span, nothing_text
from snnrun.plot.style import counts_map
from snnrun.results.layout import MonitorKind


def draw_image(figure: AnyFigure, source: Source, options: Options) -> None:
    """Draw one spike monitor."""
    monitor = source.monitors(options, MonitorKind.SPIKES)[0]
    drawn = bands(source, options, (monitor,))
    if not any(len(band.times_s) for band in drawn):
        show_message(figure, nothing_text(source, (monitor,)))
        return
    span = drawn_span(source, (monitor,), options)
    times = np.concatenate([band.times_s for band in drawn])
    ids = np.concatenate([band.neurons[band.rows] for band in drawn])
    low, high = (int(f([f(band.neurons) for band in drawn])) for f in (min, max))
    dt = source.about().dt
    width = options.bin or (span[1] - span[0]) / (options.bins or max(round((span[1] - span[0]) / dt), 1))
    bins = max(math.ceil((span[1] - span[0]) / width - 1e-9), 1)
    stop = span[0] + bins * width  # the last bin may go beyond the end
    axes = figure.add_subplot()
    across, up = cells_in(axes)
    if bins > across and (options.bins or options.bin):
        add_note(figure, f"{bins:,} bins, drawn as {across} columns")
    limits = ((low - 0.5, high + 0.5), (span[0] - dt / 2, stop - dt / 2))
    shape = (min(high - low + 1, up), min(bins, across))
    counts, _, _ = np.histogram2d(ids, times, bins=shape, range=limits)
    time = time_scale(span[1] - span[0])
    extent = (*time((span[0], stop)), low - 0.5, high + 0.5)
    full = max(float(np.quantile(counts[counts > 0], 0.95)), 1.0)
    axes.imshow(counts, origin="lower", aspect="auto", extent=extent, cmap=counts_map(), vmin=0, vmax=full)
    if hatch(axes, together(band.observed for band in drawn), options.visible(span), time):
        add_note(figure, NOT_RECORDED)
    axes.set_xlim(*time(span))
    axes.spines[["top", "right"]].set_visible(True)
    apply_limits(axes, options, time, Scale(1.0, ""))
    round_ticks(axes, integer_y=True)
    name_axes(axes, options, time.label("Time"), "Neuron index")
