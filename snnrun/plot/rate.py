"""Population rate: the line of a rate monitor, or the histogram of a spike monitor's spikes."""

from __future__ import annotations

import numpy as np

from snnrun.plot.histogram import population_rate, time_edges
from snnrun.plot.options import Options
from snnrun.plot.page import Place, apply_limits, draw_bins, draw_lines, legend, name_axes, round_ticks, say
from snnrun.plot.quantities import Scale, plain, time_scale
from snnrun.plot.source import Source, bands, recorded_span
from snnrun.plot.style import PALETTE
from snnrun.results.layout import FloatArray, MonitorKind

_HERTZ = Scale(1.0, "Hz")


def draw_rate(place: Place, source: Source, options: Options) -> None:
    """Draw all monitors into one picture."""
    kinds: tuple[MonitorKind, ...] = (
        (MonitorKind.RATE,) if _has_rate_monitor(source, options) else (MonitorKind.SPIKES,)
    )
    if options.monitors:
        kinds = (MonitorKind.RATE, MonitorKind.SPIKES)
    monitors = source.monitors(options, *kinds)
    curves: list[tuple[str, str, FloatArray, FloatArray]] = []
    for monitor in monitors:
        if monitor.kind is MonitorKind.RATE:
            rate = source.run().rates(monitor.name)
            edges = np.append(rate.times_s, rate.times_s[-1:] + rate.bin)
            curves.append((monitor.source, source.colour(monitor.source), edges, rate.values))
        else:
            span = recorded_span(source, (monitor,))
            drawn = bands(source, options, (monitor,))
            edges = time_edges(span, options, source.about().dt, sum(len(band.times_s) for band in drawn))
            for band in drawn:
                values = population_rate(band.times_s, edges, len(band.neurons), source.about().dt)
                curves.append((band.name, band.colour, edges, values))
    if not any(np.any(values > 0) for *_, values in curves):
        say(place, "no spikes in " + ", ".join(f"'{m.name}'" for m in monitors))
        return
    _draw(place, options, _told_apart(curves))


def _draw(place: Place, options: Options, curves: list[tuple[str, str, FloatArray, FloatArray]]) -> None:
    axes = place.add_subplot()
    time = time_scale(max(float(edges[-1] - edges[0]) for _, _, edges, _ in curves))
    for k, (name, colour, edges, values) in enumerate(curves):
        label = plain(options.curve_label(k, name), 40)
        alone = len(curves) == 1
        look = {"color": colour, "linewidth": 1.0, "label": None if alone else label}
        draw_bins(axes, values, time(edges), filled=alone, **look)
    shown = [time(edges) for _, _, edges, _ in curves]
    axes.set_xlim(min(float(edges[0]) for edges in shown), max(float(edges[-1]) for edges in shown))
    axes.set_ylim(bottom=0)
    draw_lines(axes, options, time, _HERTZ)
    apply_limits(axes, options, time, _HERTZ)
    round_ticks(axes)
    name_axes(axes, options, time.label("Time"), _HERTZ.label("Population rate"))
    legend(axes)


def _has_rate_monitor(source: Source, options: Options) -> bool:
    return not options.monitors and any(m.kind is MonitorKind.RATE for m in source.run().monitors())


def _told_apart(
    curves: list[tuple[str, str, FloatArray, FloatArray]],
) -> list[tuple[str, str, FloatArray, FloatArray]]:
    """Curves whose groups share a colour (or are one group) get colours of their own."""
    if len({colour for _, colour, _, _ in curves}) == len(curves):
        return curves
    return [(n, PALETTE[k % len(PALETTE)], e, v) for k, (n, _, e, v) in enumerate(curves)]
