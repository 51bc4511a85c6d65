"""The folder of one run: results, metrics, resolved file, provenance, log."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from snnrun import __version__
from snnrun.codegen.emit import SlotKey
from snnrun.engine.phases import ended_early
from snnrun.engine.start import final_state
from snnrun.engine.values import Built, delays_of
from snnrun.equations.dag import Kind, Op, Variable, is_fixed
from snnrun.errors import Diagnostic, SnnrunError
from snnrun.metrics.remarks import Remark
from snnrun.metrics.running import numbers_of
from snnrun.model.evaluate import Environment, evaluate
from snnrun.model.network import (
    ConnectivityMonitor,
    FloatArray,
    Group,
    IntArray,
    Network,
    RateMonitor,
    Recorded,
    SpikeMonitor,
    StateMonitor,
    as_array,
)
from snnrun.model.recorded import recorded_spans
from snnrun.model.state import STATE_FILE
from snnrun.results import layout
from snnrun.results.checkpoint import store_arrays
from snnrun.results.digest import Digest
from snnrun.results.folder import claim
from snnrun.results.layout import RunStatus
from snnrun.results.provenance import collect
from snnrun.results.writer import ResultsWriter
from snnrun.run.stages import Checked, Outcome, Prepared
from snnrun.spec.document import Document, Value
from snnrun.spec.models import Seeds
from snnrun.spec.nodes import ScalarNode
from snnrun.units.dimensions import TIME

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


def portable(document: Document, files: Mapping[str, Path]) -> tuple[Document, dict[str, Path]]:
    """The experiment as it stands in a folder of its own, where every file it names lies beside or below it.

    Args:
        document: The experiment.
        files: Files that it names, as it names them.

    Returns:
        The document with names relative to its data root, and the files by these names.
    """
    root = document.data_root.resolve()
    changes: dict[tuple[str | int, ...], Value] = {}
    found: dict[str, Path] = {}
    for path, node in document.walk():
        if not isinstance(node, ScalarNode) or not isinstance(node.value, str):
            continue
        name, colon, function = node.value.rpartition(":") if path[-1] == "call" else (node.value, "", "")
        file = (document.folder_of(path) / name).resolve() if name in files else root
        file = file / STATE_FILE if name in files and file.is_dir() else file
        if not file.is_file() or not file.is_relative_to(root):
            continue
        target = file.relative_to(root).as_posix()
        found[target] = file
        if target != name:
            changes[path] = f"{target}{colon}{function}"
    return document.with_values(changes) if changes else document, found


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run goes.

    Args:
        final: Its folder.
        hash: The run's hash, hexadecimal.
        in_sweep: Whether it is a point of a sweep.
    """

    final: Path
    hash: str
    in_sweep: bool = False


def place_of(name: str, document: Document, files: Mapping[str, Path], out: Path, final: Path | None = None) -> Place:
    """The folder of an experiment: `out/<name>/<hash8>`, or the one given.

    The hash is over the resolved file, the files it names, and the version of the program.

    Raises:
        StorageError: A file cannot be read.
    """
    digest = hashlib.sha256(f"snnrun {__version__}\n".encode() + document.to_yaml().encode())
    for relative in sorted(files):
        try:
            content = files[relative].read_bytes()
        except OSError as error:
            raise layout.storage_error("ST109", f"cannot read `{relative}`: {error.strerror}") from error
        digest.update(relative.encode() + hashlib.sha256(content).digest())
    full = digest.hexdigest()
    return Place(final or out / name / full[:8], full, final is not None)


class RunWriter:
    """Writes one run's folder and gives it its final name.

    Args:
        place: Where it goes.
        document: The experiment as it will stand there.
        files: The files that it names, by these names.
    """

    def __init__(self, place: Place, document: Document, files: Mapping[str, Path]) -> None:
        self.place = place
        self.document = document
        self.files = files
        self.folder = claim(place.final)
        self.path = self.folder.path
        self.metrics: dict[str, tuple[Any, str]] = {}
        self.counts: dict[str, int] = {}
        self.remarks: list[Remark] = []
        self.status = RunStatus.COMPLETE
        self.digest: Digest | None = None
        self._results: ResultsWriter | None = None

    def open(self, prepared: Prepared) -> None:
        """Begin to write the results of a network."""
        self.prepared = prepared
        self.network = prepared.built.network
        self.results = self._results = ResultsWriter(
            self.path / layout.RESULTS_FILE,
            plan_of(prepared.built),
            describe(prepared.checked, self.place.hash),
            {"math": str(self.network.math), "precision": str(self.network.precision)},
        )
        self.sink = FileSink(self.results, self.network)

    def __enter__(self) -> Self:
        self.folder.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if kind is not None and self._results is not None:
            self._results.abort()
        self.folder.__exit__(kind, error, tb)

    def finish(self, problem: BaseException | None) -> None:
        """Store counts, connectivity, curves and metrics; close the results.

        Args:
            problem: What stopped the run. Metrics are those of whole runs: one that stopped has none.
        """
        if problem is not None:
            self.status = RunStatus.INTERRUPTED if isinstance(problem, KeyboardInterrupt) else RunStatus.FAILED
        built = self.prepared.built
        metrics = self.prepared.metrics
        ran = metrics.ran
        if ran is not None:
            self.results.put_duration(ran.steps * ran.dt)
        self.recorded(ran or self.network, whole=problem is None)
        for monitor in self.network.monitors:
            if isinstance(monitor, SpikeMonitor):
                counts = built.arrays[SlotKey("counts", f"monitors.{monitor.name}")]
                self.counts[monitor.name] = int(counts.sum())
                if monitor.counts_only:
                    self.results.put_counts(monitor.name, counts)
            elif isinstance(monitor, ConnectivityMonitor):
                self.connectivity(monitor)
        if problem is None and self.prepared.checked.save_state:
            store_arrays(self.path / STATE_FILE, *final_state(built, (ran or self.network).steps))
        if problem is None:
            self.metrics = numbers_of(metrics.values())
            self.curves()
        self.remarks = metrics.remarks(self.metrics)
        self.digest = self.results.finish(self.metrics, self.status)
        plain = {name: {"value": plain_value(value), "unit": unit} for name, (value, unit) in self.metrics.items()}
        self._write("metrics.json", json.dumps(plain, indent=2) + "\n")

    def recorded(self, network: Network, *, whole: bool) -> None:
        """Store when each monitor recorded, which neurons, and how far a run that was stopped got."""
        reached = None if whole else (self.prepared.metrics.reached or 0)
        if reached is not None:
            self.results.put_reached(reached * network.dt)
        for monitor in network.monitors:
            if isinstance(monitor, ConnectivityMonitor):
                continue
            view = None if isinstance(monitor, StateMonitor) else monitor.source
            neurons = None if view is None or view.whole else as_array(view.ids)
            spans = recorded_spans(network, monitor, reached)
            self.results.put_recorded(
                monitor.name, [(start * network.dt, stop * network.dt) for start, stop in spans], neurons
            )

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
            if name in monitor.variables:
                array = self.prepared.metrics.final(synapses.path, name)
                values[name] = (np.atleast_1d(array), stored.dimension.symbol)
        for name, pathway in monitor.delays:
            steps = delays_of(built, synapses, synapses.last_part(*pathway))
            values[name] = (steps * self.network.dt, TIME.symbol)
        pre, post = (ends[back].astype(np.int64) for ends in (wiring.pre, wiring.post))
        self.results.put_connectivity(monitor.name, pre, post, values)

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
                    self.results.put_series(f"curve{number}", columns)
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
                value = self.prepared.metrics.final(found.path, variable)
                return value, stored.dimension.symbol, variable
        return None, "1", name

    def describe(
        self,
        command: Sequence[str],
        started: float,
        seconds: Mapping[str, float],
        problem: BaseException | None,
        trouble: BaseException | None,
    ) -> None:
        """Write the resolved file, its files, provenance and log."""
        checked = self.prepared.checked
        write_experiment(self.path, self.document, self.files)
        collect(command, started, sum(seconds.values()), checked.document.path).write(self.path)
        lines = [f"snnrun {__version__}  {checked.name}"]
        lines += [f"warning[{w.code}] {w.message}  ({w.span})" for w in checked.warnings]
        lines += [f"{stage:9} {spent:9.3f} s" for stage, spent in seconds.items()]
        lines += [f"kernel {self.prepared.compiled.key}{' from cache' if self.prepared.compiled.cached else ''}"]
        for name, step in ended_early(self.network, self.prepared.metrics.ran or self.network):
            lines.append(f"phase {name} ended at {step * self.network.dt:.9g} s")
        lines += [f"spikes of {name}: {count}" for name, count in self.counts.items()]
        lines += [f"no pictures: {_reason(trouble)}"] if trouble is not None else []
        lines += [f"warning[{w.code}] {w.message}  ({w.span})" for w in told(checked.document, self.remarks)]
        lines += [f"stopped: {_reason(problem)}" if problem is not None else "done"]
        self._write("run.log", "\n".join(lines) + "\n")

    def publish(
        self,
        seconds: Mapping[str, float],
        pictures: Sequence[Path],
        problem: BaseException | None,
        trouble: SnnrunError | KeyboardInterrupt | None,
    ) -> Outcome:
        """Give the folder its final name."""
        published = self.folder.publish(
            self.status,
            self.digest,
            versions={"snnrun": __version__},
            timings=dict(seconds),
            latest=not self.place.in_sweep,
        )
        there = tuple(published.path / "plots" / p.name for p in pictures)
        return Outcome(
            published.path,
            str(self.digest),
            seconds,
            self.metrics,
            self.counts,
            there,
            problem,
            trouble,
            published.kept_old,
            tuple(self.remarks),
            self.prepared.metrics.ran,
        )

    def _write(self, name: str, text: str) -> None:
        write_text(self.path / name, text)


def told(document: Document, remarks: Iterable[Remark]) -> list[Diagnostic]:
    """Remarks of a run as warnings with their places in the file."""
    return [remark.at(document.nearest_span(remark.path)) for remark in remarks]


def write_text(path: Path, text: str) -> None:
    """Write a small file of a run's folder.

    Raises:
        StorageError: It cannot be written.
    """
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise layout.storage_error("ST104", f"cannot write `{path.name}`: {error.strerror}") from error


def write_experiment(folder: Path, document: Document, files: Mapping[str, Path]) -> None:
    """Put an experiment and the files it names into a folder, so that it runs there again by itself.

    Raises:
        StorageError: The folder cannot be written.
    """
    write_text(folder / "experiment.yaml", document.to_yaml())
    for name, file in files.items():
        target = folder / name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
        except OSError as error:
            raise layout.storage_error("ST104", f"cannot copy `{name}`: {error.strerror}") from error


def plain_value(value: Any) -> Any:
    """A metric as JSON knows it: numbers that are not finite become null."""
    if isinstance(value, list):
        return [plain_value(v) for v in value]
    if hasattr(value, "tolist"):
        return plain_value(value.tolist())
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _reason(problem: BaseException) -> str:
    return str(problem) or {"KeyboardInterrupt": "interrupted"}.get(type(problem).__name__, type(problem).__name__)


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
                size = network.groups[m.source.group].size
                spikes.append(
                    layout.SpikeChannel(
                        m.name,
                        m.source.name,
                        size,
                        m.counts_only,
                        _columns(m.columns, double=True),
                        window=_window(network, m),
                    )
                )
            case StateMonitor():
                states.append(_state_channel(built, m))
            case RateMonitor():
                rates.append(
                    layout.RateChannel(
                        m.name,
                        m.source.name,
                        m.source.size,
                        m.bin * dt,
                        m.smooth,
                        m.window.start * dt,
                        _window(network, m),
                    )
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


def _window(network: Network, m: SpikeMonitor | StateMonitor | RateMonitor) -> tuple[float, float] | None:
    """From when to when a monitor is to record. [s]."""
    whole = (m.window.start, m.window.stop) == (0, network.steps)
    return None if whole else (m.window.start * network.dt, m.window.stop * network.dt)


def _columns(recorded: tuple[Recorded, ...], *, double: bool = False) -> tuple[layout.Column, ...]:
    return tuple(
        layout.Column(c.name, c.dimension.symbol, layout.ValueType.DOUBLE if double else _TYPES[c.node.kind])
        for c in recorded
    )


def _state_channel(built: Built, m: StateMonitor) -> layout.StateChannel:
    dt = built.network.dt
    section, _, name = m.source.partition(".")
    first = -(-m.window.start // m.every) * m.every
    columns, window = _columns(m.columns, double=True), _window(built.network, m)
    if section == "groups":
        assert isinstance(m.ids, range | np.ndarray)
        return layout.StateChannel(m.name, name, as_array(m.ids), columns, first * dt, m.every * dt, window=window)
    wiring = built.wirings[name]
    stored = built.arrays[SlotKey("ids", f"monitors.{m.name}")]
    ids, pre, post = (a[stored].astype(np.int64) for a in (wiring.created, wiring.pre, wiring.post))
    return layout.StateChannel(m.name, name, ids, columns, first * dt, m.every * dt, pre, post, window)


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
    return layout.GroupFacts(group.name, group.size, threshold, reset, refractory, parts)
