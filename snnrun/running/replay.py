"""Metrics of a run that is over, computed from what it recorded.

The accumulators of a run are fed from `results.h5`, with the same steps, neurons and samples, so that metrics have the
same bits. Whatever else a metric reads during a run (`RunMetrics`) is looked up in the results, or is not recorded:
no list says which metrics those are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from snnrun.engine.timeline import Decisions, Timeline
from snnrun.metrics.functions import Accumulator
from snnrun.metrics.running import RunMetrics, Value
from snnrun.metrics.terms import Metrics
from snnrun.model.network import (
    ConnectivityMonitor,
    IntArray,
    Monitor,
    Network,
    SpikeMonitor,
    StateMonitor,
    SynapseEventMonitor,
)
from snnrun.model.recorded import recorded_spans
from snnrun.results.grid import Grid
from snnrun.results.layout import spike_variable, state_variable, synapse_event_variable
from snnrun.results.reader import Results
from snnrun.results.resizable import blocks
from snnrun.running.stages import Checked


class NotRecordedError(Exception):
    """A metric or a picture needs what the results do not hold; the text says what.

    Attributes:
        metric: The metric, if it is one.
    """

    metric: str | None = None


class Replay:
    """The metrics of one run, from its results.

    Args:
        checked: The experiment; its simulation is that of the results.
        results: The results.
        known: Metrics whose values are known: value in SI units by name.
    """

    def __init__(self, checked: Checked, results: Results, known: Mapping[str, Value]) -> None:
        self.results = results
        self.known = known
        self.metrics: Metrics = checked.metrics
        self.planned = checked.resolved.network
        self.renew = checked.resolved.renew
        self.running, self.timeline = self._begin(set())

    @property
    def ran(self) -> Network:
        """The network, its phases as long as they were."""
        return self.timeline.network

    def compute(self, names: Iterable[str]) -> RunMetrics:
        """The run's metrics once all that some of them need has been fed.

        Raises:
            NotRecordedError: One of them needs what the results do not hold.
        """
        terms = {name: self.metrics.terms[name] for name in names}
        fed: set[int] = set()
        while True:  # what is fed is seen by computing: first without data, then with them
            asked = set[int]()
            self.running, self.timeline = self._begin(asked)
            self._feed(fed)
            with np.errstate(all="ignore"):
                for name, term in terms.items():
                    try:
                        term.compute(self.running)
                    except NotRecordedError as missing:
                        missing.metric = name
                        raise
            if asked <= fed:
                return self.running
            fed |= asked

    def final(self, owner: str, name: str) -> Any:
        """A variable at the end of the run, where a connectivity monitor or a curve has kept it.

        Raises:
            NotRecordedError: None has.
        """
        section, _, thing = owner.partition(".")
        for monitor in self.planned.monitors:
            if isinstance(monitor, ConnectivityMonitor) and owner == f"synapses.{monitor.synapses}":
                kept = self.results.connectivity(monitor.name)
                found = {"i": kept.pre, "j": kept.post} | kept.values
                if name in found and name in ("i", "j", *monitor.variables):
                    return found[name]
        for series in self.results.series_names() if section == "groups" else ():
            columns = self.results.series(series)
            if f"{thing}.{name}" in columns:
                return columns[f"{thing}.{name}"].values
        raise NotRecordedError(f"`{thing}.{name}` at the end of the run")

    def _begin(self, asked: set[int]) -> tuple[RunMetrics, Timeline]:
        """Metrics before anything is fed, of the run as it went."""
        running = _Asked(self.metrics, self.planned, asked)
        timeline = Timeline(self.planned, Decisions(renew=self.renew), running.shorten)
        facts = self.results.timeline()
        if facts is not None:
            timeline.recall(facts)
        steps = timeline.network.steps
        running.step = lambda: steps
        running.final, running.known = self.final, self.known
        running.counters = self.results.counts
        running.exhausted = timeline.exhausted

        def constants() -> Mapping[str, float]:
            if timeline.measured:
                last = timeline.number_at(steps - 1)
                timeline.entered(0 if last is None else timeline.network.phases[last].start)
            return timeline.constants_before(steps)

        running.constants = constants
        return running, timeline

    def _feed(self, numbers: set[int]) -> None:
        """Feed what some accumulators need, and what the metrics say of values that are not finite."""
        wanted = {monitor.name for number in numbers for monitor, _ in self.metrics.needs[number].inputs}
        for monitor in self.planned.monitors:
            if monitor.name in wanted:
                _FEEDERS[type(monitor)](self, monitor)

    def feed_spikes(self, monitor: SpikeMonitor | SynapseEventMonitor) -> None:
        """Feed the events of a monitor."""
        at_synapses = isinstance(monitor, SynapseEventMonitor)
        base = f"snnrun/synapse_events/{monitor.name}" if at_synapses else f"spikes/{monitor.name}"
        if not at_synapses and monitor.counts_only:
            return
        times = self.results.dataset(f"{base}/time" if at_synapses else f"{base}/timestamps")
        ids = self.results.dataset(f"{base}/synapse" if at_synapses else f"{base}/node_ids")
        place = synapse_event_variable if at_synapses else spike_variable
        extras = {c.name: self.results.dataset(place(monitor.name, c.name)) for c in monitor.columns}
        grid = Grid.of(0.0, self.planned.dt)
        for start, stop in blocks(times.shape[0]):
            steps: IntArray = grid.nearest(times[start:stop])
            values = {name: dataset[start:stop] for name, dataset in extras.items()}
            self.running.spikes(monitor.name, steps, ids[start:stop].astype(np.int64), values)

    def feed_states(self, monitor: StateMonitor) -> None:
        """Feed the samples of a monitor, without the rows of times at which it did not record."""
        tables = {c.name: self.results.dataset(state_variable(monitor.name, c.name)) for c in monitor.columns}
        before = -(-monitor.window.start // monitor.every)
        row_bytes = 8 * max(sum(table.shape[1] for table in tables.values()), 1)
        for span in recorded_spans(self.ran, monitor):
            first, last = (-(-step // monitor.every) - before for step in span)
            for start, stop in blocks(last - first, row_bytes):
                rows = slice(first + start, first + stop)
                self.running.states(monitor.name, {name: table[rows] for name, table in tables.items()}, rows.start)


class _Asked(RunMetrics):
    """Metrics that note which accumulators are asked for.

    Args:
        checked: The metrics of the file.
        network: The network.
        asked: Filled with the numbers of the accumulators.
    """

    def __init__(self, checked: Metrics, network: Network, asked: set[int]) -> None:
        super().__init__(checked, network)
        self.asked = asked

    def accumulator(self, number: int) -> Accumulator:
        """An accumulator."""
        self.asked.add(number)
        return super().accumulator(number)


_FEEDERS: dict[type[Monitor], Callable[[Replay, Any], None]] = {
    SpikeMonitor: Replay.feed_spikes,
    SynapseEventMonitor: Replay.feed_spikes,
    StateMonitor: Replay.feed_states,
}
