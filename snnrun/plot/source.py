"""The source of a picture: the results of a run, or the table of a sweep."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from snnrun.plot.options import Options
from snnrun.plot.quantities import time_scale
from snnrun.plot.style import FAINT, distinct, group_colours, palette
from snnrun.results.layout import (
    RESULTS_FILE,
    SWEEP_FILE,
    Description,
    FloatArray,
    IntArray,
    Monitor,
    MonitorKind,
    RunStatus,
    storage_error,
)
from snnrun.results.reader import Results, SpikeTrain, Trace
from snnrun.results.sweep_table import SweepTable, point_folder, read_sweep

_BEYOND = 0.05
"""How much of the time after the stop of a run its pictures show, as a share of the time before."""


@dataclass(frozen=True, slots=True)
class Source:
    """The results of a run or the table of a sweep, with the colours of groups.

    Args:
        results: A run's results, None for a sweep.
        table: A sweep's table, None for a run.
        description: What they say about themselves.
        folder: The folder itself, for results of single points.
        damaged: Whether those are read too when they are not as they were published.
        runs: Several runs that are compared in one picture, by what they are called, this one first.
    """

    results: Results | None
    table: SweepTable | None
    description: Description | None
    folder: Path | None = None
    damaged: bool = False
    runs: tuple[tuple[str, Source], ...] = ()

    @classmethod
    def open(cls, folder: Path, *, damaged: bool = False) -> Source:
        """The results or the sweep in a folder.

        Args:
            folder: The folder.
            damaged: Whether results that are not as they were published are read too.

        Raises:
            StorageError: There is neither.
        """
        if folder.is_file() or (folder / RESULTS_FILE).is_file():
            results = Results.open(folder, damaged=damaged)
            return cls(results, None, results.description)
        if (folder / SWEEP_FILE).is_file():
            table = read_sweep(folder, damaged=damaged)
            return cls(None, table, table.description, folder, damaged)
        raise storage_error("ST202", f"there are no results in `{folder}`")

    @property
    def colours(self) -> dict[str, str]:
        """The colour of each group and subgroup in the style that is set."""
        return group_colours(self.description) if self.description else {}

    def close(self) -> None:
        """Close the files."""
        if self.results is not None:
            self.results.close()

    def each(self) -> tuple[tuple[str, Source], ...]:
        """The runs of the picture, with what they are called: several, or this one without a name."""
        return self.runs or (("", self),)

    def point(self, number: int) -> Source | None:
        """The results of one point of a sweep; None when they were not kept."""
        folder = None if self.folder is None else point_folder(self.folder, number)
        return None if folder is None else Source.open(folder, damaged=self.damaged)

    def run(self) -> Results:
        """The run's results.

        Raises:
            StorageError: This is a sweep.
        """
        if self.results is None:
            raise storage_error("ST208", "this picture is of one run, and this folder holds a sweep")
        return self.results

    def about(self) -> Description:
        """The run's description."""
        return self.run().description

    def monitors(self, options: Options, *kinds: MonitorKind) -> tuple[Monitor, ...]:
        """The monitors a plot names, or else all of some kinds.

        Raises:
            StorageError: A named monitor does not exist, or none is of these kinds.
        """
        results = self.run()
        if options.monitor:
            return tuple(results.monitor(name, *kinds) for name in options.monitor)
        found = tuple(m for m in results.monitors() if m.kind in kinds)
        if not found:
            what = " or ".join(k.value for k in kinds)
            raise storage_error("ST206", f"a {options.kind} picture needs a {what} monitor, and there is none")
        return found

    def samples(self, monitor: str, variable: str, elements: Sequence[int] | None = None) -> Trace:
        """The samples of a variable, NaN at times that were not recorded, where results hold 0 for whole numbers."""
        trace = self.run().states(monitor, variable, elements=elements)
        middles = trace.times_s[:, None] + self.about().dt / 2
        spans = self.run().recorded(monitor)
        seen = np.any([(start < middles) & (middles < stop) for start, stop in spans], axis=0) if len(spans) else False
        return replace(trace, data=np.where(seen, trace.data, np.nan))

    def colour(self, name: str) -> str:
        """The colour of a group, subgroup or synapses object."""
        facts = self.description.group(name) if self.description else None
        return self.colours.get(name, self.colours.get(facts.name, FAINT) if facts else FAINT)

    def colour_of_monitor(self, name: str, k: int) -> str:
        """The colour of monitor k of those that watch a group or subgroup: its own, then colours that no group has."""
        if k == 0:
            return self.colour(name)
        known = palette()
        return known[(len(set(self.colours.values())) + k - 1) % len(known)]


@dataclass(frozen=True, slots=True, eq=False)
class Band:
    """Neurons that are drawn together: those of a group or subgroup, in one colour.

    Args:
        name: The group or subgroup.
        colour: Its colour.
        neurons: Its neurons that are drawn, ascending, shape (n,).
        times_s: Time of each of their spikes, shape (spikes,). [s]
        rows: Position in `neurons` of each spike's neuron, shape (spikes,).
        observed: From when to when they were recorded, in order, shape (stretches, 2). [s]
    """

    name: str
    colour: str
    neurons: IntArray
    times_s: np.ndarray
    rows: IntArray
    observed: FloatArray


def bands(
    source: Source, options: Options, monitors: Sequence[Monitor], among: Sequence[Monitor] | None = None
) -> list[Band]:
    """The spikes of some monitors by group, a group with subgroups split into them.

    Args:
        source: Where they are.
        options: Which neurons.
        monitors: The monitors.
        among: All monitors of the picture, so that several of one group have names and colours of their own.
    """
    everything = monitors if among is None else among
    found = []
    for monitor in monitors:
        train = source.run().spikes(monitor.name)
        parts = _parts(source, monitor)
        same = [m.name for m in everything if m.source == monitor.source]
        recorded = source.run().recorded(monitor.name)
        for name, ids in parts:
            label, colour = name, source.colour(name)
            if len(same) > 1 and len(parts) == 1:
                label, colour = monitor.name, source.colour_of_monitor(name, same.index(monitor.name))
            found.append(_band(label, options.colour(label, colour), options.pick(ids), train, recorded))
    return [band for band in found if len(band.neurons)]


def bands_of_runs(source: Source, options: Options) -> list[tuple[Source, Band]]:
    """The spikes of each run by group, named and coloured so that all can be told apart, with their runs."""
    runs, drawn = [], []
    for run, one in source.each():
        found = bands(one, options, one.monitors(options, MonitorKind.SPIKES))
        drawn += [replace(band, name=called(options, band.name, run, alone=len(found) == 1)) for band in found]
        runs += [one] * len(found)
    return list(zip(runs, with_own_colours(drawn, options), strict=True))


def called(options: Options, name: str, run: str, *, alone: bool) -> str:
    """What a part of a picture is called: its own name, and in a picture of several runs that of its run."""
    if not run:
        return name
    return run if alone else f"{options.label(name)}, {run}"


def _parts(source: Source, monitor: Monitor) -> list[tuple[str, IntArray]]:
    """Names and neurons of a monitor's subgroups, or of its group; only those that it watches."""
    watched = source.run().watched(monitor.name)
    if watched is None:
        return _parts_of_group(source, monitor)
    parts = [(name, ids[np.isin(ids, watched)]) for name, ids in _parts_of_group(source, monitor)]
    return [(name, ids) for name, ids in parts if len(ids)]


def _parts_of_group(source: Source, monitor: Monitor) -> list[tuple[str, IntArray]]:
    facts = source.about().group(monitor.source)
    everybody = np.arange(monitor.size)
    if facts is None:
        return [(monitor.source, everybody)]
    if monitor.source != facts.name:
        own = [s for s in facts.subgroups if f"{facts.name}.{s.name}" == monitor.source]
        return [(monitor.source, np.arange(s.start, s.stop)) for s in own] or [(monitor.source, everybody)]
    if not facts.subgroups or sum(s.stop - s.start for s in facts.subgroups) != facts.size:
        return [(facts.name, everybody)]
    return [(f"{facts.name}.{s.name}", np.arange(s.start, s.stop)) for s in facts.subgroups]


def _band(name: str, colour: str, neurons: IntArray, train: SpikeTrain, observed: FloatArray) -> Band:
    row_of = np.full(train.size + 1, -1, np.int64)
    row_of[neurons[neurons < train.size]] = np.arange(int(np.sum(neurons < train.size)))
    rows = row_of[train.ids]
    keep = rows >= 0
    return Band(name, colour, neurons, train.times_s[keep], rows[keep], observed)


def within(band: Band, span: tuple[float, float], dt: float) -> Band:
    """The spikes of a band in a span of time; a spike at its end is not in it, as with bins. [s]."""
    keep = (band.times_s > span[0] - dt / 2) & (band.times_s < span[1] - dt / 2)
    return replace(band, times_s=band.times_s[keep], rows=band.rows[keep])


def drawn_span(source: Source, monitors: Sequence[Monitor], options: Options) -> tuple[float, float]:
    """The part of the time axis that there is something to draw of: within limits along x, in whole steps. [s]."""
    span, dt = shown_span(source, monitors), source.about().dt
    low, high = options.xlim or span
    start, stop = max(span[0], math.floor(low / dt + 1e-6) * dt), min(span[1], math.ceil(high / dt - 1e-6) * dt)
    return (start, stop) if start < stop else span


def shown_span(source: Source, monitors: Sequence[Monitor]) -> tuple[float, float]:
    """Limits of the time axis: the windows of the monitors, cut soon after the time that a stopped run reached. [s]."""
    results = source.run()
    windows = [m.window or (0.0, source.about().duration) for m in monitors]
    start, stop = min(w[0] for w in windows), min(max(w[1] for w in windows), source.about().duration)
    reached = results.reached
    if reached < stop:
        stop = min(stop, reached + _BEYOND * max(reached - start, 0.0))
    if stop <= start:  # a window that was not reached
        stop = start + source.about().dt
    return start, stop


def stop_text(source: Source) -> str | None:
    """The note in pictures of a run that was stopped."""
    results = source.run()
    if results.status is RunStatus.COMPLETE:
        return None
    time = time_scale(source.about().duration)
    how = "interrupted" if results.status is RunStatus.INTERRUPTED else "failed"
    return f"{how} at {time.text(results.reached)} of {time.text(source.about().duration)}"


NOT_RECORDED = "hatched: not recorded"


def nothing_text(source: Source, monitors: Sequence[Monitor]) -> str:
    """The message of a picture without spikes: there was none, or nothing was recorded."""
    names = ", ".join(f"'{m.name}'" for m in monitors)
    some = any(len(source.run().recorded(m.name)) for m in monitors)
    return f"no spikes in {names}" if some else f"nothing was recorded by {names}"


def with_own_colours(drawn: Sequence[Band], options: Options) -> list[Band]:
    """Bands that share a colour (monitors of one group) get colours of their own."""
    if len({band.colour for band in drawn}) == len(drawn):
        return list(drawn)
    own = zip(drawn, distinct(len(drawn)), strict=True)
    return [replace(band, colour=options.colour(band.name, colour)) for band, colour in own]
