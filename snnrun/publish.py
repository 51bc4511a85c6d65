"""The folder of one run: results, metrics, resolved file, provenance, log."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from snnrun import __version__
from snnrun.codegen.emit import SlotKey
from snnrun.engine.build import Built
from snnrun.engine.measure import numbers_of
from snnrun.equations.dag import Kind, Op, Variable, is_fixed
from snnrun.network.evaluate import Environment, evaluate
from snnrun.network.ir import (
    ConnectivityMonitor,
    FloatArray,
    Group,
    IntArray,
    Network,
    RateMonitor,
    Recorded,
    SpikeMonitor,
    StateMonitor,
)
from snnrun.pipeline import Checked, Prepared, copy_files
from snnrun.results import layout
from snnrun.results.digest import Digest
from snnrun.results.folder import claim
from snnrun.results.provenance import collect
from snnrun.results.writer import ResultsWriter
from snnrun.spec.models import Seeds

_TYPES = {Kind.FLOAT: layout.ValueType.DOUBLE, Kind.INT: layout.ValueType.INTEGER, Kind.BOOL: layout.ValueType.BOOLEAN}


class FileSink:
    """A sink that appends to a results file.

    Args:
        writer: The file.
        network: What is recorded.
    """

    def __init__(self, writer: ResultsWriter, network: Network) -> None:
        self._writer = writer
        self._rates = {m.name: _Bins(m, network.dt) for m in network.monitors if isinstance(m, RateMonitor)}

    def spikes(self, name: str, steps: IntArray, ids: IntArray, extras: Mapping[str, FloatArray]) -> None:
        """Append spikes."""
        self._writer.add_spikes(name, steps, ids, extras)

    def states(self, name: str, data: Mapping[str, FloatArray]) -> None:
        """Append samples."""
        self._writer.add_states(name, data)

    def numbers(self, name: str, spikes: IntArray) -> None:
        """Append rates of whole bins."""
        rates = self._rates[name].add(spikes)
        if len(rates):
            self._writer.add_rates(name, rates)


class _Bins:
    """Spike numbers of steps to rates of bins; an unfinished bin waits."""

    def __init__(self, monitor: RateMonitor, dt: float) -> None:
        self.width = monitor.bin
        self.scale = 1.0 / (monitor.source.size * monitor.bin * dt)
        self.waiting = np.zeros(0, dtype=np.int64)

    def add(self, spikes: IntArray) -> FloatArray:
        """The rates that are complete now. [Hz]"""
        steps = np.concatenate([self.waiting, spikes])
        whole = len(steps) // self.width * self.width
        self.waiting = steps[whole:].copy()
        return steps[:whole].reshape(-1, self.width).sum(axis=1) * self.scale


class RunWriter:
    """Writes one run's folder and gives it its final name.

    Args:
        prepared: The run.
        final: The folder's final name.
        full_hash: The run's hash.
    """

    def __init__(self, prepared: Prepared, final: Path, full_hash: str) -> None:
        self.prepared = prepared
        self.network = prepared.built.network
        self.folder = claim(final)
        self.path = self.folder.path
        self.writer = ResultsWriter(
            self.path / layout.RESULTS_FILE,
            plan_of(prepared.built),
            describe(prepared.checked, full_hash),
            {"math": self.network.math, "precision": "double"},
        )
        self.sink = FileSink(self.writer, self.network)
        self.metrics: dict[str, tuple[Any, str]] = {}
        self.counts: dict[str, int] = {}
        self.digest: Digest | None = None

    def __enter__(self) -> Self:
        self.folder.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if kind is not None:
            self.writer.abort()
        self.folder.__exit__(kind, error, tb)

    def finish(self, status: str) -> Digest:
        """Store counts, connectivity, curves and metrics; close the results."""
        built = self.prepared.built
        for monitor in self.network.monitors:
            if isinstance(monitor, SpikeMonitor):
                counts = built.arrays[SlotKey("counts", f"monitors.{monitor.name}")]
                self.counts[monitor.name] = int(counts.sum())
                if monitor.counts_only:
                    self.writer.put_counts(monitor.name, counts)
            elif isinstance(monitor, ConnectivityMonitor):
                self.connectivity(monitor)
        measured = self.prepared.checked.measures.values()
        self.metrics = numbers_of(measured)
        self.curves()
        self.digest = self.writer.finish(self.metrics, status)
        plain = {name: {"value": _finite(value), "unit": unit} for name, (value, unit) in self.metrics.items()}
        (self.path / "metrics.json").write_text(json.dumps(plain, indent=2) + "\n", encoding="utf-8")
        return self.digest

    def connectivity(self, monitor: ConnectivityMonitor) -> None:
        """Store the pairs of a synapses object, in creation order."""
        built = self.prepared.built
        wiring = built.wirings[monitor.synapses]
        synapses = self.network.synapses[monitor.synapses]
        back = np.empty(wiring.size, np.int64)
        back[wiring.created] = np.arange(wiring.size)
        values: dict[str, tuple[Any, str]] = {}
        for stored in synapses.stored:
            name = stored.variable.name
            if name not in ("i", "j", "lastupdate", "N_incoming", "N_outgoing"):
                array = built.arrays[SlotKey("variable", synapses.path, name)]
                values[name] = (array[back].astype(np.float64), stored.dimension.symbol)
        self.writer.put_connectivity(monitor.name, wiring.pre[back], wiring.post[back], values)

    def curves(self) -> None:
        """Store the columns of `kind: curve` plots: metrics with one value a neuron, and variables of groups."""
        number = 0
        for plot in self.prepared.checked.plots or []:
            for panel in plot.get("panels", [plot]):
                names = [n for key in ("x", "y") for n in _listed(panel.get(key))]
                if panel["kind"] != "curve" or not names:
                    continue
                columns = {n: self.column(n) for n in names}
                lengths = {np.size(values) for values, _, _ in columns.values() if values is not None}
                if len(lengths) == 1 and lengths != {1} and all(v is not None for v, _, _ in columns.values()):
                    self.writer.put_series(f"curve{number}", columns)
                    number += 1

    def column(self, name: str) -> tuple[Any, str, str]:
        """Values, unit and label of a metric or of a variable of a group; values of None when it is neither."""
        if name in self.metrics:
            value, unit = self.metrics[name]
            return value, unit, name
        group, _, variable = name.partition(".")
        found = self.network.groups.get(group)
        if found is None:
            return None, "1", name
        for stored in found.stored:
            if stored.variable.name == variable:
                return self.prepared.built.final(found.path, variable), stored.dimension.symbol, variable
        return None, "1", name

    def describe(
        self, command: Sequence[str], started: float, seconds: Mapping[str, float], problem: BaseException | None
    ) -> None:
        """Write the resolved file, its files, provenance and log."""
        checked = self.prepared.checked
        (self.path / "experiment.yaml").write_text(checked.document.to_yaml(), encoding="utf-8")
        copy_files(checked.resolved.context.files, self.path)
        collect(command, started, sum(seconds.values()), checked.document.path).write(self.path)
        lines = [f"snnrun {__version__}  {checked.name}"]
        lines += [f"warning[{w.code}] {w.message}  ({w.span})" for w in checked.warnings]
        lines += [f"{stage:9} {spent:9.3f} s" for stage, spent in seconds.items()]
        lines += [f"kernel {self.prepared.compiled.key}{' from cache' if self.prepared.compiled.cached else ''}"]
        lines += [f"spikes of {name}: {count}" for name, count in self.counts.items()]
        lines += [f"stopped: {problem!s}" if problem is not None else "done"]
        (self.path / "run.log").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def publish(self, status: str, seconds: Mapping[str, float]) -> Path:
        """Give the folder its final name."""
        return self.folder.publish(status, self.digest, versions={"snnrun": __version__}, timings=dict(seconds)).path


def _finite(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return [_finite(v) for v in value.tolist()]
    return value if math.isfinite(value) else None


def _listed(value: Any) -> list[str]:
    if value is None:
        return []
    return [value] if isinstance(value, str) else list(value)


def plan_of(built: Built) -> layout.RecordingPlan:
    """What a network records, as the results know it."""
    network = built.network
    dt = network.dt
    spikes: list[layout.SpikeChannel] = []
    states: list[layout.StateChannel] = []
    rates: list[layout.RateChannel] = []
    pairs: list[layout.ConnectivityChannel] = []
    for m in network.monitors:
        match m:
            case SpikeMonitor():
                whole = (m.window.start, m.window.stop) == (0, network.steps)
                window = None if whole else (m.window.start * dt, m.window.stop * dt)
                size = network.groups[m.source.group].size
                spikes.append(
                    layout.SpikeChannel(
                        m.name, m.source.name, size, m.counts_only, _columns(m.columns, double=True), window=window
                    )
                )
            case StateMonitor():
                states.append(_state_channel(built, m))
            case RateMonitor():
                rates.append(
                    layout.RateChannel(m.name, m.source.name, m.source.size, m.bin * dt, m.smooth, m.window.start * dt)
                )
            case ConnectivityMonitor():
                s = network.synapses[m.synapses]
                pairs.append(
                    layout.ConnectivityChannel(
                        m.name,
                        s.name,
                        s.source.name,
                        s.target.name,
                        network.groups[s.source.group].size,
                        network.groups[s.target.group].size,
                    )
                )
    return layout.RecordingPlan(tuple(spikes), tuple(states), tuple(rates), tuple(pairs))


def _columns(recorded: tuple[Recorded, ...], *, double: bool = False) -> tuple[layout.Column, ...]:
    return tuple(
        layout.Column(c.name, c.dimension.symbol, layout.ValueType.DOUBLE if double else _TYPES[c.node.kind])
        for c in recorded
    )


def _state_channel(built: Built, m: StateMonitor) -> layout.StateChannel:
    dt = built.network.dt
    section, _, name = m.source.partition(".")
    first = -(-m.window.start // m.every) * m.every
    columns = _columns(m.columns, double=True)
    if section == "groups":
        assert m.ids is not None
        return layout.StateChannel(m.name, name, m.ids, columns, first * dt, m.every * dt)
    wiring = built.wirings[name]
    stored = built.arrays[SlotKey("ids", f"monitors.{m.name}")]
    return layout.StateChannel(
        m.name, name, wiring.created[stored], columns, first * dt, m.every * dt, wiring.pre[stored], wiring.post[stored]
    )


def describe(checked: Checked, full_hash: str) -> layout.Description:
    """What results say about themselves."""
    network = checked.resolved.network
    seed = checked.experiment.seed
    number = (
        seed if isinstance(seed, int) else (seed.noise if isinstance(seed, Seeds) and seed.noise is not None else 1)
    )
    return layout.Description(
        name=network.name,
        title=network.name,
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
        layout.Subgroup(name, int(v.ids[0]), int(v.ids[-1]) + 1)
        for name, v in group.subgroups.items()
        if len(v.ids) == v.ids[-1] - v.ids[0] + 1
    )
    return layout.GroupFacts(group.name, group.size, threshold, reset, refractory, parts)
