"""Population rate: the line of a rate monitor, or the histogram of a spike monitor's spikes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from snnrun.plot.histogram import population_rate, smoothed, time_edges
from snnrun.plot.legends import draw_scale_bars, legend
from snnrun.plot.observed import hatch, together
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
from snnrun.plot.source import NOT_RECORDED, Source, bands, called, drawn_span, nothing_text, shown_span, within
from snnrun.plot.style import distinct
from snnrun.results.layout import FloatArray, Monitor, MonitorKind

_HERTZ = Scale(1.0, "Hz")


@dataclass(frozen=True, slots=True, eq=False)
class _Line:
    """One rate: edges of bins [s], shape (bins + 1,), rates in them [Hz], and the stretches that were recorded [s]."""

    name: str
    colour: str
    edges: FloatArray
    values: FloatArray
    observed: FloatArray


def draw_rate(figure: AnyFigure, source: Source, options: Options) -> None:
    """Draw all monitors into one picture."""
    kinds: tuple[MonitorKind, ...] = (
        (MonitorKind.RATE,) if _has_rate_monitor(source, options) else (MonitorKind.SPIKES,)
    )
    if options.monitor:
        kinds = (MonitorKind.RATE, MonitorKind.SPIKES)
    spans, lines = [], []
    for run, one in source.each():
        monitors = one.monitors(options, *kinds)
        spans.append(shown_span(one, monitors))
        found = [line for monitor in monitors for line in _lines(one, options, monitor, monitors)]
        lines += [replace(line, name=called(options, line.name, run, alone=len(found) == 1)) for line in found]
    span = min(start for start, _ in spans), max(stop for _, stop in spans)
    if not any(np.any(line.values > 0) for line in lines):
        show_message(figure, nothing_text(source, monitors))
        return
    _draw(figure, options, _with_own_colours(lines, options), span)


def _lines(source: Source, options: Options, monitor: Monitor, among: Sequence[Monitor]) -> list[_Line]:
    """The rate of a monitor of rates, or of each group in a monitor of spikes."""
    results = source.run()
    observed = results.recorded(monitor.name)
    if monitor.kind is MonitorKind.RATE:
        rate = results.rates(monitor.name)
        edges = np.append(rate.times_s, rate.times_s[-1:] + rate.bin)
        values = rate.values if rate.smooth is None else smoothed(rate.values, rate.bin, rate.smooth)
        several = sum(m.source == monitor.source for m in among) > 1
        name = monitor.name if several else monitor.source
        return [_Line(name, source.colour(monitor.source), edges, values, observed)] if len(values) else []
    drawn = bands(source, options, (monitor,), among)
    dt = source.about().dt
    span = drawn_span(source, (monitor,), options)
    edges = time_edges(span, options, dt, sum(len(within(band, span, dt).times_s) for band in drawn))
    return [
        _Line(b.name, b.colour, edges, population_rate(b.times_s, edges, len(b.neurons), dt, observed), observed)
        for b in drawn
    ]


def _draw(figure: AnyFigure, options: Options, lines: list[_Line], span: tuple[float, float]) -> None:
    axes = figure.add_subplot()
    time = time_scale(span[1] - span[0])
    for line in lines:
        label = plain(options.label(line.name), 40)
        alone = len(lines) == 1
        look = {"color": line.colour, "linewidth": 1.0, "label": None if alone else label}
        draw_bins(axes, line.values, time(line.edges), filled=alone, **look)
    if hatch(axes, together(line.observed for line in lines), options.visible(span), time):
        add_note(figure, NOT_RECORDED)
    axes.set_xlim(*time(span))
    axes.set_ylim(bottom=0)
    draw_lines(axes, options, time, _HERTZ)
    apply_limits(axes, options, time, _HERTZ)
    round_ticks(axes)
    name_axes(axes, options, time.label("Time"), _HERTZ.label("Population rate"))
    draw_scale_bars(axes, options, time, _HERTZ)
    legend(axes, options)


def _has_rate_monitor(source: Source, options: Options) -> bool:
    return not options.monitor and any(m.kind is MonitorKind.RATE for m in source.run().monitors())


def _with_own_colours(lines: list[_Line], options: Options) -> list[_Line]:
    """Lines whose groups share a colour (or are one group) get colours of their own."""
    if len({line.colour for line in lines}) == len(lines):
        return [replace(line, colour=options.colour(line.name, line.colour)) for line in lines]
    own = zip(lines, distinct(len(lines)), strict=True)
    return [replace(line, colour=options.colour(line.name, colour)) for line, colour in own]
