"""Traces: samples against time, spikes marked, constant thresholds and resets as thin lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from snnrun.plot.legends import draw_scale_bars, legend
from snnrun.plot.observed import hatch, together
from snnrun.plot.options import Options
from snnrun.plot.page import (
    AnyFigure,
    add_note,
    apply_limits,
    draw_lines,
    fitting,
    inches,
    name_axes,
    round_ticks,
    share_text,
    show_message,
    some_of,
)
from snnrun.plot.quantities import Scale, plain, readable, time_scale
from snnrun.plot.source import NOT_RECORDED, Source, shown_span
from snnrun.plot.style import FAINT, SPIKE, distinct, ink, palette
from snnrun.results.layout import FloatArray, GroupFacts, IntArray, Monitor, MonitorKind
from snnrun.results.reader import SpikeTrain, Trace

_MOST_CURVES = 8
_MOST_NAMED = 16
_SOME_CURVES = 5
_MANY_SPIKES = 60
_MANY_OF_SEVERAL = 20  # lines in the colours of several neurons hide their curves sooner
_MANY_SAMPLES = 8_000


@dataclass(frozen=True, slots=True, eq=False)
class _Marks:
    """Spikes or events of the drawn neurons, and the refractory period after spikes where it is constant. [s]."""

    train: SpikeTrain
    refractory_s: float | None
    events: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Row:
    """One variable of one monitor."""

    monitor: Monitor
    name: str
    trace: Trace


def draw_traces(figure: AnyFigure, source: Source, options: Options) -> None:
    """Draw the variables of all monitors above each other, or in one pair of axes."""
    monitors = source.monitors(options, MonitorKind.STATE)
    found = [_Row(m, name, _chosen(figure, source, m, name, options)) for m in monitors for name in _names(m, options)]
    names = ", ".join(f"'{m.name}'" for m in monitors)
    if not any(row.trace.data.size for row in found):
        show_message(figure, f"no samples in {names}")
        return
    if not any(np.isfinite(row.trace.data).any() for row in found):
        show_message(figure, f"all values in {names} are NaN")
        return
    span = shown_span(source, monitors)
    if options.overlay and len({row.trace.unit for row in found}) == 1:
        _overlaid(figure, source, options, found, span)
        return
    panels = figure.subplots(len(found), 1, sharex=True, squeeze=False)[:, 0]
    time = time_scale(span[1] - span[0])
    named = len(monitors) > 1
    for k, (axes, row) in enumerate(zip(panels, found, strict=True)):
        marks = _marks(source, row.monitor, options)
        _one_variable(axes, source, options, row, time=time, marks=marks, first=k == 0 or named)
        if hatch(axes, source.run().recorded(row.monitor.name), options.visible(span), time):
            add_note(figure, NOT_RECORDED)
        if named:
            axes.set_title(fitting(options.label(row.monitor.name), inches(axes)[0]), loc="right")
        axes.tick_params(labelbottom=axes is panels[-1])
    panels[-1].set_xlim(*time(span))
    apply_limits(panels[-1], options, time, None)
    round_ticks(panels[-1], named_y=options.offset is not None)
    name_axes(panels[-1], options, time.label("Time"), None)
    draw_scale_bars(panels[-1], options, time, None)
    figure.align_ylabels(list(panels))
    if options.offset is None and any(len(row.trace.ids) > _MOST_NAMED for row in found):
        add_note(figure, "of many curves, those of low indices are dark, those of high indices light")


def rows_of(source: Source, options: Options) -> int:
    """How many pairs of axes a picture of traces has above each other."""
    return 1 if options.overlay else sum(len(_names(m, options)) for m in source.monitors(options, MonitorKind.STATE))


def _names(monitor: Monitor, options: Options) -> Sequence[str]:
    return options.variables or tuple(c.name for c in monitor.columns)


def _overlaid(
    figure: AnyFigure, source: Source, options: Options, found: list[_Row], span: tuple[float, float]
) -> None:
    """All variables in one pair of axes, each curve in a colour of its own."""
    axes = figure.subplots()
    time = time_scale(span[1] - span[0])
    first = found[0]
    ends = [end for row in found for end in _ends(row.trace.data)]
    scale = readable([*ends, *(v for _, v in options.lines)], first.trace.unit)
    colours = distinct(sum(len(row.trace.ids) for row in found))
    number = 0
    for row in found:
        for k, element in enumerate(row.trace.ids):
            own = options.label(row.name)
            label = own if len(row.trace.ids) == 1 else f"{own}, {_element_name(row.trace, k, int(element))}"
            x, y = thinned(row.trace.times_s, row.trace.data[:, k])
            colour = options.colour(_coloured_by(row, k), colours[number])
            axes.plot(time(x), scale(y), color=colour, linewidth=0.9, label=plain(label, 40))
            number += 1
    marks = _marks(source, first.monitor, options)
    if marks is not None:
        _draw_marks(axes, marks, first, colours[: len(first.trace.ids)], time=time, scale=scale)
    draw_lines(axes, options, time, scale)
    if hatch(axes, together(source.run().recorded(row.monitor.name) for row in found), options.visible(span), time):
        add_note(figure, NOT_RECORDED)
    axes.set_xlim(*time(span))
    apply_limits(axes, options, time, scale)
    round_ticks(axes)
    name_axes(axes, options, time.label("Time"), f"({scale.unit})" if scale.unit else None)
    if "y" in options.labels:
        axes.set_ylabel(fitting(options.labels["y"], inches(axes)[1]))
    draw_scale_bars(axes, options, time, scale)
    legend(axes, options, always=True)


def _chosen(figure: AnyFigure, source: Source, monitor: Monitor, name: str, options: Options) -> Trace:
    """The elements asked for; a few, chosen at random, when there are many and nothing was asked for."""
    results = source.run()
    ids = results.elements(monitor.name)
    picked = options.pick(ids)
    if options.neurons is None and len(picked) > _MOST_CURVES:
        chosen = some_of(len(picked), _SOME_CURVES)
        things = "synapses" if monitor.synapses else "neurons"
        add_note(figure, f"{monitor.name}: {share_text(len(chosen), len(picked), things)}; `neurons: all` draws all")
        picked = picked[chosen]
    return source.samples(monitor.name, name, np.flatnonzero(np.isin(ids, picked)).tolist())


def _one_variable(
    axes: Axes,
    source: Source,
    options: Options,
    row: _Row,
    *,
    time: Scale,
    marks: _Marks | None,
    first: bool,
) -> None:
    monitor, name, trace = row.monitor, row.name, row.trace
    facts = None if monitor.synapses else source.about().group(monitor.source)
    constants = _constants(facts, name) if options.offset is None else []
    scale = readable([*_ends(trace.data), *(v for _, v, _ in constants), *(v for _, v in options.lines)], trace.unit)
    usual = _curve_colours(source, monitor, len(trace.ids))
    colours = [options.colour(_coloured_by(row, k), colour) for k, colour in enumerate(usual)]
    if options.offset is not None:
        _stacked(axes, options, row, colours, time=time, scale=scale, marks=marks)
    else:
        _curves(axes, options, trace, colours, time=time, scale=scale)
    if marks is not None and options.offset is None:
        _draw_marks(axes, marks, row, colours, time=time, scale=scale)
    for label, value, style in constants:
        axes.axhline(value * scale.factor, label=label if first else None, zorder=1.2, **style)
    draw_lines(axes, options, time, scale)
    apply_limits(axes, options, None, scale)
    round_ticks(axes, named_y=options.offset is not None)
    if name in {c.name for c in monitor.columns}:
        own = plain(name) if options.scale_bars else scale.label(name)
        if options.offset is not None and len(options.scale_bars) < 2:
            own = f"{plain(name)}, {scale.text(options.offset)} apart"
        text = options.labels.get(name, options.labels.get("y", own))
        axes.set_ylabel(fitting(text, inches(axes)[1]))
    draw_scale_bars(axes, options, None, scale)
    if first:
        legend(axes, options, always=True)


def _curves(axes: Axes, options: Options, trace: Trace, colours: list[Any], *, time: Scale, scale: Scale) -> None:
    """A curve for each neuron or synapse, named where there are few."""
    few = len(trace.ids) <= _MOST_NAMED
    for k, (element, colour) in enumerate(zip(trace.ids, colours, strict=True)):
        x, y = thinned(trace.times_s, trace.data[:, k])
        label = plain(options.label(_element_name(trace, k, int(element))), 40) if few and len(trace.ids) > 1 else None
        axes.plot(time(x), scale(y), color=colour, linewidth=0.9 if few else 0.6, label=label, zorder=2)


def _stacked(
    axes: Axes, options: Options, row: _Row, colours: list[Any], *, time: Scale, scale: Scale, marks: _Marks | None
) -> None:
    """Curves above each other, the first one lowest, each with its name at the left and its spikes above it."""
    assert options.offset is not None
    trace, names, middles = row.trace, [], []
    for k, (element, colour) in enumerate(zip(trace.ids, colours, strict=True)):
        lifted = trace.data[:, k] + k * options.offset
        x, y = thinned(trace.times_s, lifted)
        axes.plot(time(x), scale(y), color=colour, linewidth=0.9, zorder=2)
        there = lifted[np.isfinite(lifted)]
        if not there.size:
            continue
        names.append(plain(options.label(_element_name(trace, k, int(element))), 24))
        middles.append(float(scale(np.median(there))))
        if marks is not None and trace.pre is None:
            at = time(marks.train.times_s[marks.train.ids == element])
            axes.plot(at, np.full(at.size, float(scale(there.max()))), "|", color=colour, markersize=4, zorder=3)
    axes.set_yticks(middles, names)


def _coloured_by(row: _Row, k: int) -> str:
    """The name by which a plot gives a curve its colour: the variable, or one of several neurons or synapses."""
    return row.name if len(row.trace.ids) == 1 else _element_name(row.trace, k, int(row.trace.ids[k]))


def _constants(facts: GroupFacts | None, name: str) -> list[tuple[str, float, dict[str, Any]]]:
    """Threshold and reset of a variable, where they are constants."""
    if facts is None:
        return []
    found: list[tuple[str, float, dict[str, Any]]] = []
    if facts.threshold is not None and facts.threshold[0] == name:
        found.append(("threshold", facts.threshold[1], {"color": ink(), "linewidth": 0.8, "linestyle": (0, (1, 2))}))
    if facts.reset is not None and facts.reset[0] == name:
        found.append(("reset", facts.reset[1], {"color": FAINT, "linewidth": 0.6, "linestyle": (0, (4, 2))}))
    return found


def _curve_colours(source: Source, monitor: Monitor, count: int) -> list[Any]:
    if count == 1:
        own = source.colour(monitor.source)
        return [palette()[0] if own == FAINT else own]
    return distinct(count)


def _element_name(trace: Trace, k: int, element: int) -> str:
    if trace.pre is not None and trace.post is not None:
        return f"{trace.pre[k]} → {trace.post[k]}"
    return f"neuron {element}"


def _marks(source: Source, monitor: Monitor, options: Options) -> _Marks | None:
    """The spikes to mark: of the monitor asked for, or of a spike monitor of the same group."""
    if options.no_marks:
        return None
    results = source.run()
    name = options.marks
    if name is None:
        spiking = [m for m in results.monitors() if m.kind is MonitorKind.SPIKES and not m.events]
        same = [m.name for m in spiking if m.source == monitor.source]
        if not same or monitor.synapses:
            return None
        name = same[0]
    spikes = results.monitor(name, MonitorKind.SPIKES)
    facts = source.about().group(spikes.source)
    return _Marks(results.spikes(name), facts.refractory_s if facts and not spikes.events else None, spikes.events)


def _draw_marks(axes: Axes, marks: _Marks, row: _Row, colours: list[Any], *, time: Scale, scale: Scale) -> None:
    """Red lines for one neuron, lines in its own colour for each of several, ticks at the top when there are many."""
    name, trace = row.name, row.trace
    train = marks.train
    of_one = len(trace.ids) == 1 and trace.pre is None
    mine = np.isin(train.ids, trace.ids) if trace.pre is None else np.ones(len(train.ids), bool)
    many = _MANY_SPIKES if len(trace.ids) == 1 else _MANY_OF_SEVERAL
    dense = int(mine.sum()) > many * max(inches(axes)[0] / 5, 0.4)
    if of_one and marks.refractory_s and not dense:
        for start in train.times_s[mine]:
            axes.axvspan(*time([start, start + marks.refractory_s]), color=ink(), alpha=0.08, linewidth=0, zorder=0.5)
    label = "event" if marks.events else "spike"
    if name in train.extras:
        values = scale(train.extras[name][mine].astype(float))
        colour = SPIKE if of_one else FAINT
        axes.plot(
            time(train.times_s[mine]),
            values,
            "o",
            color=colour,
            markersize=3,
            zorder=3,
            label=label,
        )
        return
    if of_one or trace.pre is not None:
        _spike_lines(axes, time(train.times_s[mine]), SPIKE, label, dense=dense)
        return
    for element, colour in zip(trace.ids, colours, strict=True):
        _spike_lines(axes, time(train.times_s[train.ids == element]), colour, None, dense=dense)
    if mine.any():  # one entry for all of them
        look: dict[str, Any] = {"marker": "|", "linestyle": "none"} if dense else {"linestyle": "-.", "linewidth": 0.8}
        axes.plot([], [], color=ink(), label=f"{label}s", **look)


def _spike_lines(axes: Axes, at: NDArray[np.float64], colour: str, label: str | None, *, dense: bool) -> None:
    if not at.size:
        return
    if dense:
        across = axes.get_xaxis_transform()
        axes.plot(at, np.full(at.size, 0.98), "|", color=colour, markersize=4, transform=across, label=label, zorder=3)
        return
    for k, x in enumerate(at):
        axes.axvline(x, color=colour, linestyle="-.", linewidth=0.8, zorder=2.5, label=label if k == 0 else None)


def thinned(times_s: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The same curve to the eye with fewer points: the least and the greatest value of each short stretch."""
    n = len(values)
    if n <= _MANY_SAMPLES:
        return times_s, values
    length = -(-n // (_MANY_SAMPLES // 2))
    whole = n - n % length
    blocks = values[:whole].reshape(-1, length)
    filled_low, filled_high = (np.where(np.isnan(blocks), fill, blocks) for fill in (np.inf, -np.inf))
    low, high = filled_low.argmin(axis=1), filled_high.argmax(axis=1)
    first = np.arange(len(blocks)) * length
    keep: IntArray = np.sort(np.concatenate([first + low, first + high, np.arange(whole, n)]))
    return times_s[keep], values[keep]


def _ends(data: NDArray[np.generic]) -> list[float]:
    values = data.astype(float)
    finite = values[np.isfinite(values)]
    return [float(finite.min()), float(finite.max())] if finite.size else [0.0]
