"""Traces: samples against time, spikes marked, constant thresholds and resets as thin lines."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from snnrun.plot.options import Options
from snnrun.plot.page import Place, apply_limits, draw_lines, fitting, inches, legend, name_axes, round_ticks, say
from snnrun.plot.quantities import Scale, plain, readable, time_scale
from snnrun.plot.source import Source
from snnrun.plot.style import FAINT, PALETTE, SPIKE, THRESHOLD
from snnrun.records import dataclass
from snnrun.results.layout import FloatArray, GroupFacts, IntArray, Monitor, MonitorKind
from snnrun.results.reader import SpikeTrain, Trace

_MOST_CURVES = 8
_SOME_CURVES = 5
_MANY_SPIKES = 60
_MANY_SAMPLES = 8_000


@dataclass(frozen=True, slots=True, eq=False)
class _Marks:
    """Spikes of the drawn neurons, and the refractory period that follows them where it is constant. [s]."""

    train: SpikeTrain
    refractory_s: float | None


def draw_traces(place: Place, source: Source, options: Options) -> None:
    """Draw one monitor's variables above each other, or in one pair of axes."""
    monitor = source.monitors(options, MonitorKind.STATE)[0]
    names = options.variables or tuple(c.name for c in monitor.columns)
    traces = {name: _chosen(source, monitor, name, options) for name in names}
    if not any(trace.data.size for trace in traces.values()):
        say(place, f"no samples in '{monitor.name}'")
        return
    if not any(np.isfinite(trace.data).any() for trace in traces.values()):
        say(place, f"all values in '{monitor.name}' are NaN")
        return
    if options.overlay and len({t.unit for t in traces.values()}) == 1:
        _overlaid(place, source, monitor, options, traces)
        return
    marks = _marks(source, monitor, options)
    rows = place.subplots(len(names), 1, sharex=True, squeeze=False)[:, 0]
    time = time_scale(float(np.ptp(next(iter(traces.values())).times_s)))
    for k, (axes, (name, trace)) in enumerate(zip(rows, traces.items(), strict=True)):
        _one_variable(axes, source, monitor, options, variable=(name, trace), time=time, marks=marks, first=k == 0)
        axes.tick_params(labelbottom=axes is rows[-1])
    _time_limits(rows[-1], traces, time)
    apply_limits(rows[-1], options, time, None)
    round_ticks(rows[-1])
    name_axes(rows[-1], options, time.label("Time"), None)
    place.align_ylabels(list(rows))


def _overlaid(place: Place, source: Source, monitor: Monitor, options: Options, traces: dict[str, Trace]) -> None:
    """All variables in one pair of axes, each curve in a colour of its own."""
    axes = place.subplots()
    first = next(iter(traces.values()))
    time = time_scale(float(np.ptp(first.times_s)))
    ends = [end for trace in traces.values() for end in _ends(trace.data)]
    scale = readable([*ends, *(v for _, v in options.lines)], first.unit)
    number = 0
    for name, trace in traces.items():
        for k, element in enumerate(trace.ids):
            own = options.labels.get(name, name)
            label = own if len(trace.ids) == 1 else f"{own}, {_element_name(trace, k, int(element))}"
            x, y = thinned(trace.times_s, trace.data[:, k].astype(float))
            axes.plot(time(x), scale(y), color=PALETTE[number % len(PALETTE)], linewidth=0.9, label=plain(label, 40))
            number += 1
    marks = _marks(source, monitor, options)
    if marks is not None:
        _draw_marks(axes, marks, next(iter(traces.items())), [PALETTE[0]] * len(first.ids), time=time, scale=scale)
    draw_lines(axes, options, time, scale)
    apply_limits(axes, options, time, scale)
    round_ticks(axes)
    name_axes(axes, options, time.label("Time"), f"({scale.unit})" if scale.unit else None)
    if "y" in options.labels:
        axes.set_ylabel(fitting(options.labels["y"], inches(axes)[1]))
    _time_limits(axes, traces, time)
    legend(axes, always=True)


def _chosen(source: Source, monitor: Monitor, name: str, options: Options) -> Trace:
    """The elements asked for, or a few evenly spread ones when there are many."""
    results = source.run()
    ids = results.elements(monitor.name)
    picked = options.pick(ids)
    if options.neurons is None and len(picked) > _MOST_CURVES:
        picked = picked[np.linspace(0, len(picked) - 1, _SOME_CURVES).round().astype(int)]
    return results.states(monitor.name, name, elements=np.flatnonzero(np.isin(ids, picked)).tolist())


def _one_variable(
    axes: Axes,
    source: Source,
    monitor: Monitor,
    options: Options,
    *,
    variable: tuple[str, Trace],
    time: Scale,
    marks: _Marks | None,
    first: bool,
) -> None:
    name, trace = variable
    facts = None if monitor.synapses else source.about().group(monitor.source)
    constants = _constants(facts, name)
    scale = readable([*_ends(trace.data), *(v for _, v, _ in constants), *(v for _, v in options.lines)], trace.unit)
    colours = _curve_colours(source, monitor, len(trace.ids))
    for k, (element, colour) in enumerate(zip(trace.ids, colours, strict=True)):
        x, y = thinned(trace.times_s, trace.data[:, k].astype(float))
        label = plain(options.curve_label(k, _element_name(trace, k, int(element))), 40)
        axes.plot(time(x), scale(y), color=colour, linewidth=0.9, label=label if len(trace.ids) > 1 else None, zorder=2)
    if marks is not None:
        _draw_marks(axes, marks, (name, trace), colours, time=time, scale=scale)
    for label, value, style in constants:
        axes.axhline(value * scale.factor, label=label if first else None, zorder=1.2, **style)
    draw_lines(axes, options, time, scale)
    apply_limits(axes, options, None, scale)
    round_ticks(axes)
    if name in {c.name for c in monitor.columns}:
        text = options.labels.get(name, options.labels.get("y", scale.label(name)))
        axes.set_ylabel(fitting(text, inches(axes)[1]))
    if first:
        legend(axes, always=True)


def _constants(facts: GroupFacts | None, name: str) -> list[tuple[str, float, dict[str, Any]]]:
    """Threshold and reset of a variable, where they are constants."""
    if facts is None:
        return []
    found: list[tuple[str, float, dict[str, Any]]] = []
    if facts.threshold is not None and facts.threshold[0] == name:
        found.append(("threshold", facts.threshold[1], {"color": THRESHOLD, "linewidth": 0.8}))
    if facts.reset is not None and facts.reset[0] == name:
        found.append(("reset", facts.reset[1], {"color": FAINT, "linewidth": 0.6, "linestyle": (0, (4, 2))}))
    return found


def _curve_colours(source: Source, monitor: Monitor, count: int) -> list[str]:
    if count == 1:
        own = source.colour(monitor.source)
        return [PALETTE[0] if own == FAINT else own]
    return [PALETTE[k % len(PALETTE)] for k in range(count)]


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
        same = [m.name for m in results.monitors() if m.kind is MonitorKind.SPIKES and m.source == monitor.source]
        if not same or monitor.synapses:
            return None
        name = same[0]
    spikes = results.monitor(name, MonitorKind.SPIKES)
    facts = source.about().group(spikes.source)
    return _Marks(results.spikes(name), facts.refractory_s if facts else None)


def _draw_marks(
    axes: Axes, marks: _Marks, variable: tuple[str, Trace], colours: list[str], *, time: Scale, scale: Scale
) -> None:
    """Red lines for one neuron, lines in its own colour for each of several, ticks at the top when there are many."""
    name, trace = variable
    train = marks.train
    of_one = len(trace.ids) == 1 and trace.pre is None
    mine = np.isin(train.ids, trace.ids) if trace.pre is None else np.ones(len(train.ids), bool)
    dense = int(mine.sum()) > _MANY_SPIKES * max(inches(axes)[0] / 5, 0.4)
    if of_one and marks.refractory_s and not dense:
        for start in train.times_s[mine]:
            axes.axvspan(*time([start, start + marks.refractory_s]), color="#EDEDED", linewidth=0, zorder=0.5)
    if name in train.extras:
        values = scale(train.extras[name][mine].astype(float))
        colour = SPIKE if of_one else FAINT
        axes.plot(time(train.times_s[mine]), values, "o", color=colour, markersize=3, zorder=3, label="spike")
        return
    if of_one or trace.pre is not None:
        _spike_lines(axes, time(train.times_s[mine]), SPIKE, "spike", dense=dense)
        return
    for element, colour in zip(trace.ids, colours, strict=True):
        _spike_lines(axes, time(train.times_s[train.ids == element]), colour, None, dense=dense)


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


def _time_limits(axes: Axes, traces: dict[str, Trace], time: Scale) -> None:
    times = next(iter(traces.values())).times_s
    if len(times) > 1:
        step = times[1] - times[0]
        # The last sample stands one step before the end.
        axes.set_xlim(times[0] * time.factor, (times[-1] + step) * time.factor)
