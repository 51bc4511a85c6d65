"""Peri-stimulus time histogram: spikes folded to a period, around those of another monitor, or over frames."""

from __future__ import annotations

import math

import numpy as np

from snnrun.plot.histogram import divided, time_edges
from snnrun.plot.legends import draw_scale_bars, legend
from snnrun.plot.observed import hatch, seconds_in, together
from snnrun.plot.options import Options
from snnrun.plot.page import (
    AnyFigure,
    add_note,
    apply_limits,
    draw_bins,
    draw_lines,
    name_axes,
    round_ticks,
    show_message,
)
from snnrun.plot.quantities import Scale, plain, time_scale
from snnrun.plot.source import NOT_RECORDED, Band, Source, bands_of_runs, nothing_text, shown_span
from snnrun.plot.style import ink
from snnrun.results.layout import FloatArray, MonitorKind

_AROUND_S = (-0.05, 0.1)
_HERTZ = Scale(1.0, "Hz")


def draw_psth(figure: AnyFigure, source: Source, options: Options) -> None:
    """Draw all monitors into one picture; neither period nor trigger given, the whole run is one trial."""
    monitors = source.monitors(options, MonitorKind.SPIKES)
    found = bands_of_runs(source, options)
    drawn = [band for _, band in found]
    if not any(len(band.times_s) for band in drawn):
        show_message(figure, nothing_text(source, monitors))
        return
    span = shown_span(source, monitors)
    triggers, window = _trials(source, options, span)
    if not len(triggers):
        show_message(figure, f"no trials of '{options.marks}' to align to")
        return
    dt = source.about().dt
    edges = time_edges(window, options, dt, sum(len(band.times_s) for band in drawn))
    axes = figure.add_subplot()
    time = time_scale(window[1] - window[0])
    seen = []
    for run, band in found:
        begins = triggers if run is source else _trials(run, options, span)[0]
        rate, seconds = _aligned_rate(band, begins, edges, dt)
        seen.append(seconds > dt / 2)
        label = plain(options.label(band.name), 40)
        draw_bins(axes, rate, time(edges), filled=len(drawn) == 1, color=band.colour, label=label)
    any_seen = np.any(seen, axis=0)
    if hatch(
        axes, together([np.stack([edges[:-1][any_seen], edges[1:][any_seen]], axis=1)]), options.visible(window), time
    ):
        add_note(figure, NOT_RECORDED)
    if options.marks is not None:
        axes.axvline(0, color=ink(), linewidth=0.7, linestyle="--")
    axes.set_xlim(*time(window))
    axes.set_ylim(bottom=0)
    draw_lines(axes, options, time, _HERTZ)
    apply_limits(axes, options, time, _HERTZ)
    round_ticks(axes)
    moment, thing = _what_trials_are(source, options)
    if len(triggers) > 1:
        add_note(figure, f"mean of {len(triggers):,} {thing}s")
    name_axes(axes, options, time.label(moment), "Rate per neuron (Hz)")
    draw_scale_bars(axes, options, time, _HERTZ)
    legend(axes, options)


def _what_trials_are(source: Source, options: Options) -> tuple[str, str]:
    """What the horizontal axis shows, and what a trial is called."""
    if options.marks is None:
        return "Time in trial" if options.period is not None else "Time", "trial"
    if options.marks in source.run().stimuli():
        return "Time from begin of frame", "frame"
    thing = "event" if source.run().monitor(options.marks, MonitorKind.SPIKES).events else "spike"
    return f"Time from {thing} of {plain(options.marks, 30)}", thing


def _trials(source: Source, options: Options, span: tuple[float, float]) -> tuple[FloatArray, tuple[float, float]]:
    """Beginning of each trial, and the window around it. [s]."""
    low, high = options.xlim or (None, None)
    if options.marks is not None:
        stimulus = source.run().stimuli().get(options.marks)
        if stimulus is None:
            source.run().monitor(options.marks, MonitorKind.SPIKES)
            begin, around = np.unique(source.run().spikes(options.marks).times_s), _AROUND_S
        else:
            begin = stimulus.start[(stimulus.start >= span[0] - 1e-9) & (stimulus.start < span[1] - 1e-9)]
            around = 0.0, float(np.max(np.diff(stimulus.start), initial=stimulus.stop[0] - stimulus.start[0]))
        return begin, (around[0] if low is None else low, around[1] if high is None else high)
    if options.period is not None:
        count = max(math.ceil((span[1] - span[0]) / options.period - 1e-9), 1)
        return np.asarray(span[0] + np.arange(count) * options.period, np.float64), (0.0, options.period)
    return np.array([span[0]]), (0.0, span[1] - span[0])


def _aligned_rate(band: Band, triggers: FloatArray, edges: FloatArray, dt: float) -> tuple[FloatArray, FloatArray]:
    """Spikes per neuron and second of observed time in each bin, and that time, shape (bins,) each. [Hz, s]."""
    ordered = np.sort(band.times_s)
    total = np.zeros(len(edges) - 1)
    seen = np.zeros(len(edges) - 1)
    for trigger in triggers:
        # Half a step earlier, so that a spike on an edge falls right of it whatever the rounding.
        total += np.diff(np.searchsorted(ordered, trigger + edges - dt / 2))
        seen += seconds_in(trigger + edges, band.observed)
    return divided(total, seen, len(band.neurons), dt), seen
