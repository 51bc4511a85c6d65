"""Histogram of the intervals between spikes of the same neuron."""

from __future__ import annotations

import numpy as np

from snnrun.plot.legends import legend
from snnrun.plot.observed import stretch_of
from snnrun.plot.options import Options
from snnrun.plot.page import AnyFigure, apply_limits, draw_bins, draw_lines, name_axes, round_ticks, show_message
from snnrun.plot.quantities import Scale, plain, readable, round_step
from snnrun.plot.source import Band, Source, bands_of_runs
from snnrun.results.layout import FloatArray, IntArray, MonitorKind

_BINS = 50
_SHARE = Scale(1.0, "")


def draw_isi(figure: AnyFigure, source: Source, options: Options) -> None:
    """Draw all monitors into one picture, with each one's coefficient of variation."""
    monitors = source.monitors(options, MonitorKind.SPIKES)
    dt = source.about().dt
    found = [(band, *intervals(band, dt)) for _, band in bands_of_runs(source, options)]
    found = [item for item in found if item[1].size]
    if not found:
        show_message(figure, "no neuron spiked twice in " + ", ".join(f"'{m.name}'" for m in monitors))
        return
    everything = np.concatenate([item[1] for item in found])
    longest = float(np.quantile(everything, 0.995)) * 1.05 if options.xlim is None else float(everything.max())
    edges = _edges(longest, options, source.about().dt)
    axes = figure.add_subplot()
    time = readable([longest], "s")
    for band, lengths, rows in found:
        shares = np.histogram(lengths, bins=edges - source.about().dt / 2)[0] / lengths.size
        name = options.label(band.name)
        facts = f"mean {float(time(lengths.mean())):.3g} {time.unit}, {variation(lengths, rows)}"
        # A line of the legend breaks between facts, never within one.
        label = plain(f"{name}: " + facts.replace(" ", "\u00a0").replace(",\u00a0", ", "), 60)
        draw_bins(axes, shares, time(edges), filled=len(found) == 1, color=band.colour, linewidth=1.0, label=label)
    axes.set_xlim(0, float(time(edges[-1])))
    axes.set_ylim(bottom=0)
    draw_lines(axes, options, time, _SHARE)
    apply_limits(axes, options, time, _SHARE)
    round_ticks(axes)
    name_axes(axes, options, time.label("Interspike interval"), "Share of intervals")
    legend(axes, options, always=True)


def intervals(band: Band, dt: float) -> tuple[FloatArray, IntArray]:
    """Intervals between spikes of the same neuron, and that neuron's row; shape (n,) each. [s].

    An interval with a stretch in it that was not recorded is none.
    """
    order = np.lexsort((band.times_s, band.rows))
    rows, times = band.rows[order], band.times_s[order]
    stretch = stretch_of(times, band.observed, dt)
    same = (rows[1:] == rows[:-1]) & (stretch[1:] == stretch[:-1])
    return np.diff(times)[same], rows[1:][same]


def variation(lengths: FloatArray, rows: IntArray) -> str:
    """The coefficient of variation: of each neuron with three intervals or more, averaged over neurons."""
    n = np.bincount(rows)
    kept = n >= 3
    if not kept.any():
        return f"n = {lengths.size}"
    mean = np.bincount(rows, lengths)[kept] / n[kept]
    centred = lengths - (np.bincount(rows, lengths) / np.maximum(n, 1))[rows]
    deviation = np.sqrt(np.bincount(rows, centred**2, minlength=len(n))[kept] / n[kept])
    return f"CV {float(np.mean(deviation / mean)):.2f}, n = {lengths.size:,}"


def _edges(longest: float, options: Options, dt: float) -> FloatArray:
    if options.bins is not None:
        return np.linspace(0, longest, options.bins + 1)
    width = options.bin or max(round_step(longest / _BINS), dt)
    width = max(round(width / dt), 1) * dt
    return np.asarray(np.arange(min(int(np.ceil(longest / width)) + 1, 100_000) + 1) * width, np.float64)
