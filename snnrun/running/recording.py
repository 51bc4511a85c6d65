"""What a run records into its results: the plan, a sink that writes it, and what the results say about themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from snnrun.codegen.arguments import ArrayUse, IntUse
from snnrun.engine.values import Built
from snnrun.equations.dag import Op, Variable, is_fixed
from snnrun.kernels.arithmetic import Precision
from snnrun.model.evaluate import Environment, evaluate
from snnrun.model.network import (
    ConnectivityMonitor,
    FloatArray,
    Group,
    GroupKind,
    IntArray,
    Network,
    RateMonitor,
    Recorded,
    RunningMonitor,
    SpikeMonitor,
    StateMonitor,
    SynapseEventMonitor,
    as_array,
)
from snnrun.results import layout
from snnrun.results.layout import ValueType
from snnrun.results.writer import ResultsWriter
from snnrun.running.stages import Checked, Prepared
from snnrun.spec.models import Seeds

if TYPE_CHECKING:
    from snnrun.running.search import Found


def open_results(folder: Path, prepared: Prepared, hash: str) -> ResultsWriter:
    """Begin to write the results of a run.

    Args:
        folder: Where to.
        prepared: The run.
        hash: Its hash, hexadecimal.
    """
    network = prepared.built.network
    attributes = {"math": str(network.math), "precision": str(network.precision)}
    path = folder / layout.RESULTS_FILE
    return ResultsWriter(path, plan_of(prepared.built), describe(prepared.checked, hash), attributes)


def put_tries(results: ResultsWriter, found: Found) -> None:
    """Store the runs of a search: the value of the constant, and whether the condition held."""
    values = np.array([value for value, _ in found.tries])
    held = np.array([float(held) for _, held in found.tries])
    name = found.plan.constant
    columns = {"value": (values, found.plan.dimension.symbol, name), "holds": (held, "1", found.plan.until)}
    results.put_series("search", columns)


class FileSink:
    """A sink that appends to a results file.

    Args:
        writer: The file.
        network: What is recorded.
    """

    def __init__(self, writer: ResultsWriter, network: Network) -> None:
        self._writer = writer
        self._of_synapses = {m.name for m in network.monitors if isinstance(m, SynapseEventMonitor)}
        self._rates = {m.name: _Bins(m, network.dt) for m in network.monitors if isinstance(m, RateMonitor)}

    def spikes(self, name: str, steps: IntArray, ids: IntArray, extras: Mapping[str, FloatArray]) -> None:
        """Append spikes, or events at synapses."""
        add = self._writer.add_synapse_events if name in self._of_synapses else self._writer.add_spikes
        add(name, steps, ids, extras)

    def states(self, name: str, data: Mapping[str, FloatArray], first: int) -> None:
        """Append samples."""
        self._writer.add_states(name, data, first)

    def numbers(self, name: str, spikes: IntArray, first: int) -> None:
        """Append rates of whole bins."""
        rates = self._rates[name].add(spikes, first)
        if len(rates):
            self._writer.add_rates(name, rates)


class _Bins:
    """Spike numbers of steps to rates of bins; an unfinished bin waits."""

    def __init__(self, monitor: RateMonitor, dt: float) -> None:
        self.width = monitor.bin
        self.scale = 1.0 / (monitor.source.size * monitor.bin * dt)
        self.waiting = np.zeros(0)
        self.seen = 0

    def add(self, spikes: IntArray, first: int) -> FloatArray:
        """The rates that are complete now; bins in which the monitor did not record throughout are NaN. [Hz]."""
        steps = np.concatenate([self.waiting, np.full(first - self.seen, np.nan), spikes])
        self.seen = first + len(spikes)
        whole = len(steps) // self.width * self.width
        self.waiting = steps[whole:].copy()
        rates: FloatArray = steps[:whole].reshape(-1, self.width).sum(axis=1) * self.scale
        return rates


def plan_of(built: Built) -> layout.RecordingPlan:
    """What a network records, as the results know it."""
    channels = [_CHANNELS[type(monitor)](built, monitor) for monitor in built.network.monitors]

    def of(kind: type) -> tuple[Any, ...]:
        return tuple(channel for channel in channels if isinstance(channel, kind))

    return layout.RecordingPlan(
        of(layout.SpikeChannel),
        of(layout.StateChannel),
        of(layout.RateChannel),
        of(layout.ConnectivityChannel),
        of(layout.SynapseEventChannel),
    )


def _window(network: Network, m: RunningMonitor) -> tuple[float, float] | None:
    """From when to when a monitor is to record. [s]."""
    whole = (m.window.start, m.window.stop) == (0, network.steps)
    return None if whole else (m.window.start * network.dt, m.window.stop * network.dt)


def _columns(recorded: tuple[Recorded, ...]) -> tuple[layout.Column, ...]:
    return tuple(layout.Column(column.name, column.dimension.symbol) for column in recorded)


def _spike_channel(built: Built, m: SpikeMonitor) -> layout.SpikeChannel:
    size = built.network.groups[m.source.group].size
    window = _window(built.network, m)
    columns, events = _columns(m.columns), not m.of_spikes
    return layout.SpikeChannel(
        m.name,
        m.source.name,
        size,
        m.counts_only,
        columns,
        window=window,
        events=events,
        compressed=m.compressed,
    )


def _synapse_event_channel(built: Built, m: SynapseEventMonitor) -> layout.SynapseEventChannel:
    made = built.connectivity[m.synapses]
    pre, post = (made.in_creation_order(end) for end in (made.pre, made.post))
    window = _window(built.network, m)
    return layout.SynapseEventChannel(m.name, m.synapses, _columns(m.columns), pre, post, window, m.compressed)


def _state_channel(built: Built, m: StateMonitor) -> layout.StateChannel:
    dt = built.network.dt
    section, _, name = m.source.partition(".")
    first = -(-m.window.start // m.every) * m.every
    type = ValueType.SINGLE if m.precision is Precision.SINGLE else ValueType.DOUBLE
    columns = tuple(layout.Column(column.name, column.dimension.symbol, type) for column in m.columns)
    times: dict[str, Any] = {"start": first * dt, "step": m.every * dt}
    others: dict[str, Any] = times | {"window": _window(built.network, m), "compressed": m.compressed}
    if section == "groups":
        assert isinstance(m.ids, range | np.ndarray)
        return layout.StateChannel(m.name, name, as_array(m.ids), columns, **others)
    connectivity = built.connectivity[name]
    stored = built.arrays[ArrayUse.IDS.of(f"monitors.{m.name}")]
    ids, pre, post = (a[stored].astype(np.int64) for a in (connectivity.created, connectivity.pre, connectivity.post))
    return layout.StateChannel(m.name, name, ids, columns, pre=pre, post=post, **others)


def _rate_channel(built: Built, m: RateMonitor) -> layout.RateChannel:
    dt, window = built.network.dt, _window(built.network, m)
    source = m.source
    return layout.RateChannel(m.name, source.name, source.size, m.bin * dt, m.smooth, m.window.start * dt, window)


def _connectivity_channel(built: Built, m: ConnectivityMonitor) -> layout.ConnectivityChannel:
    s = built.network.synapses[m.synapses]
    sizes = (built.numbers[IntUse.N.of(view.path)] for view in (s.source, s.target))
    return layout.ConnectivityChannel(m.name, s.name, s.source.name, s.target.name, *sizes)


_CHANNELS: dict[type, Callable[[Built, Any], Any]] = {
    SpikeMonitor: _spike_channel,
    StateMonitor: _state_channel,
    SynapseEventMonitor: _synapse_event_channel,
    RateMonitor: _rate_channel,
    ConnectivityMonitor: _connectivity_channel,
}
"""The channel of each kind of monitor."""


def describe(checked: Checked, full_hash: str) -> layout.Description:
    """What results say about themselves."""
    network = checked.resolved.network
    seed = checked.experiment.seed
    number = (
        seed if isinstance(seed, int) else (seed.noise if isinstance(seed, Seeds) and seed.noise is not None else 1)
    )
    return layout.Description(
        name=network.name,
        title=checked.title,
        hash=full_hash[:8],
        seed=int(number),
        dt=network.dt,
        duration=network.steps * network.dt,
        groups=tuple(_facts(network, g) for g in network.groups.values()),
    )


def _facts(network: Network, group: Group) -> layout.GroupFacts:
    env = Environment(dt=network.dt)
    threshold = reset = refractory = None
    node = group.threshold
    if node is not None and node.op in (Op.GT, Op.GE) and node.args[0].op is Op.VARIABLE and is_fixed(node.args[1]):
        assert isinstance(node.args[0].payload, Variable)
        threshold = (node.args[0].payload.name, float(evaluate(node.args[1], env)))
    for assignment in group.reset.assignments:
        if is_fixed(assignment.value) and (threshold is None or assignment.variable.name == threshold[0]):
            reset = (assignment.variable.name, float(evaluate(assignment.value, env)))
            break
    if group.refractory is not None and group.refractory.steps is not None and is_fixed(group.refractory.steps):
        refractory = int(evaluate(group.refractory.steps, env)) * network.dt
    parts = tuple(
        layout.Subgroup(name, v.members.start, v.members.stop)
        for name, v in group.subgroups.items()
        if isinstance(v.members, range) and v.members.step == 1
    )
    virtual = group.kind is not GroupKind.NEURONS
    return layout.GroupFacts(group.name, group.size, threshold, reset, refractory, parts, virtual)
