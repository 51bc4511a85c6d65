"""What is computed when a run ends: metrics, curves, connectivity, the state."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from snnrun.codegen.arguments import ArrayUse
from snnrun.engine.start import final_state
from snnrun.engine.values import delays_of
from snnrun.errors import RunWarning
from snnrun.metrics.running import numbers_of
from snnrun.model.network import ConnectivityMonitor, Network, SpikeMonitor, StateMonitor, SynapseEventMonitor, as_array
from snnrun.model.recorded import recorded_spans
from snnrun.model.state import STATE_FILE
from snnrun.results.checkpoint import store_arrays
from snnrun.results.digest import Digest
from snnrun.results.layout import RunStatus, Stimulus, curve_name
from snnrun.results.writer import ResultsWriter
from snnrun.running.stages import Checked, Prepared
from snnrun.units.dimensions import TIME

if TYPE_CHECKING:
    from snnrun.running.profile import Profile


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What a run gave, beside what it recorded.

    Args:
        status: How it ended.
        digest: Digest of the recorded data.
        ran: The network as it ran: phases that ended early are shorter.
        metrics: Value and SI symbol of each metric; none when the run stopped before its end.
        counts: Spikes of each spike monitor.
        warnings: Values that are not finite.
        problem: What stopped the run before its end, None for a whole run.
        profile: Where the time of the simulation went, if that was measured.
    """

    status: RunStatus
    digest: Digest
    ran: Network
    metrics: Mapping[str, tuple[Any, str]]
    counts: Mapping[str, int]
    warnings: Sequence[RunWarning]
    problem: BaseException | None
    profile: Profile | None = None


def finish(folder: Path, prepared: Prepared, results: ResultsWriter, problem: BaseException | None) -> RunSummary:
    """Complete the results of a run, and close them.

    Args:
        folder: Its folder, for the state.
        prepared: The run.
        results: Its results.
        problem: What stopped it. Metrics are those of whole runs: one that stopped has none.
    """
    running, network = prepared.metrics, prepared.built.network
    whole = problem is None
    if running.ran is not None:
        results.put_duration(running.ran.steps * running.ran.dt)
    decided = running.decided()
    if any(decided.values()):
        results.put_timeline(decided)
    ran = running.ran or network
    _put_recorded(results, ran, None if whole else running.reached or 0)
    for array in network.arrays.values():
        shown = array.presentations
        if shown is not None and shown.known:
            start, stop = (network.dt * steps.astype(np.float64) for steps in (shown.starts, shown.stops))
            results.put_stimulus(array.name, Stimulus(start, stop, shown.labels))
    counts = _put_counts(results, prepared)
    for monitor in network.monitors:
        if isinstance(monitor, ConnectivityMonitor):
            _put_connectivity(results, prepared, monitor)
    if whole and prepared.checked.save_state:
        store_arrays(folder / STATE_FILE, *final_state(prepared.built, ran.steps))
    metrics = numbers_of(running.values()) if whole else {}
    for number, columns in enumerate(curves(prepared.checked, metrics, running.final) if whole else ()):
        results.put_series(curve_name(number), columns)
    stopped = RunStatus.INTERRUPTED if isinstance(problem, KeyboardInterrupt) else RunStatus.FAILED
    status = RunStatus.COMPLETE if whole else stopped
    warnings = running.warnings(metrics)
    return RunSummary(status, results.finish(metrics, status), ran, metrics, counts, warnings, problem)


def _put_recorded(results: ResultsWriter, ran: Network, reached: int | None) -> None:
    """Store when each monitor recorded, which neurons, and how far a run that was stopped got."""
    if reached is not None:
        results.put_reached(reached * ran.dt)
    for monitor in ran.monitors:
        if isinstance(monitor, ConnectivityMonitor):
            continue
        view = None if isinstance(monitor, StateMonitor | SynapseEventMonitor) else monitor.source
        neurons = None if view is None or view.whole else as_array(view.ids)
        spans = recorded_spans(ran, monitor, reached)
        results.put_recorded(monitor.name, [(start * ran.dt, stop * ran.dt) for start, stop in spans], neurons)


def _put_counts(results: ResultsWriter, prepared: Prepared) -> dict[str, int]:
    """Store the spikes of each neuron of `counts_only` monitors; the number of events of each monitor."""
    numbers = {}
    for monitor in prepared.built.network.monitors:
        if isinstance(monitor, SpikeMonitor | SynapseEventMonitor):
            counts = prepared.built.arrays[ArrayUse.COUNTS.of(f"monitors.{monitor.name}")]
            numbers[monitor.name] = int(counts.sum())
            if isinstance(monitor, SpikeMonitor) and monitor.counts_only:
                results.put_counts(monitor.name, counts)
    return numbers


def _put_connectivity(results: ResultsWriter, prepared: Prepared, monitor: ConnectivityMonitor) -> None:
    """Store the pairs of a synapses object, in creation order."""
    built = prepared.built
    connectivity = built.connectivity[monitor.synapses]
    synapses = built.network.synapses[monitor.synapses]
    back = np.empty(connectivity.size, np.int64)
    back[connectivity.created] = np.arange(connectivity.size)
    values: dict[str, tuple[Any, str]] = {}
    for name, dimension in synapses.dimensions.items():
        if name in monitor.variables:
            values[name] = (np.atleast_1d(prepared.metrics.final(synapses.path, name)), dimension.symbol)
    for name, pathway in monitor.delays:
        steps = delays_of(built, synapses, synapses.parts(*pathway)[-1])
        values[name] = (steps * built.network.dt, TIME.symbol)
    pre, post = (ends[back].astype(np.int64) for ends in (connectivity.pre, connectivity.post))
    results.put_connectivity(monitor.name, pre, post, values)


def curves(
    checked: Checked, metrics: Mapping[str, tuple[Any, str]], final: Callable[[str, str], Any]
) -> list[dict[str, tuple[Any, str, str]]]:
    """The columns of `kind: curve` plots: metrics with one value for each neuron, and variables of groups.

    Args:
        checked: The experiment.
        metrics: Value and SI symbol of each metric.
        final: Gives a variable of an object at the end of the run.

    Returns:
        For each curve its columns by name: values, unit and label.
    """
    found = []
    panels = [panel for plot in checked.plots or () for panel in plot.get("panels", [plot])]
    for panel in panels:
        names = [name for key in ("x", "y") for name in _listed(panel.get(key))]
        if panel["kind"] != "curve" or not names:
            continue
        columns = {name: _column(checked.resolved.network, metrics, final, name) for name in names}
        lengths = {np.size(values) for values, _, _ in columns.values() if values is not None}
        if len(lengths) == 1 and lengths != {1} and all(values is not None for values, _, _ in columns.values()):
            found.append(columns)
    return found


def _column(
    network: Network, metrics: Mapping[str, tuple[Any, str]], final: Callable[[str, str], Any], name: str
) -> tuple[Any, str, str]:
    """Values, unit and label of a metric or of a variable of a group; values of None when it is neither."""
    if name in metrics:
        return *metrics[name], name
    group, _, variable = name.partition(".")
    found = network.groups.get(group)
    for stored in () if found is None else found.stored:
        if stored.variable.name == variable:
            return final(f"groups.{group}", variable), stored.dimension.symbol, variable
    return None, "1", name


def _listed(value: Any) -> list[str]:
    if value is None:
        return []
    return [value] if isinstance(value, str) else list(value)
