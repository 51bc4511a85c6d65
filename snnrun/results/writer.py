"""Writing `results.h5`: what monitors recorded under `/snnrun`, and SONATA's view of it.

    /snnrun/spikes/<monitor>/{timestamps [ms], node_ids, <variable>...}, attribute `sorting` (HDF5 enum)
    /snnrun/edges/<monitor>/{source_node_id, target_node_id, 0/<variable>...}
    /report/<monitor>.<variable>/{data, time [ms], element, mapping/...}; `data` is a single precision view, as SONATA
        wants, of the full values in /snnrun/states/<monitor>/<variable>
    /nodes, /spikes, /edges: see `results/sonata.py`
    /snnrun/{counts, rates, series, metrics, states}
    /snnrun/synapse_events/<monitor>/{time [ms], synapse, pre, post, <variable>...}: a row for each event at a synapse
    /snnrun/recorded/<monitor>/{time [s], neurons}: from when to when a monitor recorded, and runs of the neurons it
        watches (first, last + 1) when these are not the whole group; no part of the digest

A file that stays small is built in memory and written at once; a large one goes to disk block by block.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import numpy as np
from numpy.typing import ArrayLike, NDArray

from snnrun.errors import Diagnostic, InternalError
from snnrun.results import sonata
from snnrun.results.container import (
    column_plain,
    dimension,
    little_endian,
    require_group,
    variable,
    write_attributes,
)
from snnrun.results.digest import Digest
from snnrun.results.grid import Grid
from snnrun.results.layout import (
    CURVE,
    Description,
    FloatArray,
    IntArray,
    Monitor,
    MonitorKind,
    RecordingPlan,
    RunStatus,
    SpikeChannel,
    Stimulus,
    SynapseEventChannel,
    curve_name,
    runs_of,
    spike_variable,
    state_variable,
    storage_error,
    synapse_event_variable,
)
from snnrun.results.streams import StreamFile, cannot_write
from snnrun.results.tables import (
    finish_connectivity,
    finish_counts,
    finish_rates,
    finish_series,
    finish_spikes,
    finish_states,
    finish_synapse_events,
)

_MAGIC = np.uint32(0x0A7A)
_SONATA_VERSION = np.array([0, 1], dtype=np.uint32)


class ResultsWriter:
    """Appends what a run records, chunk by chunk, and closes it with a digest.

    Args:
        path: The file; must not exist.
        plan: What is recorded.
        description: What the results say about themselves.
        attributes: More attributes of `/snnrun`; nothing that differs between two runs of the same experiment.
    """

    def __init__(
        self, path: Path, plan: RecordingPlan, description: Description, attributes: Mapping[str, Any] | None = None
    ) -> None:
        self._path = Path(path)
        if self._path.exists():
            raise storage_error("ST105", f"`{self._path.name}` exists already and is not written over")
        self._plan = plan
        self._description = description
        self._attributes = dict(attributes or {})
        self._file = StreamFile(self._path)
        self._labels: dict[str, dict[str, str]] = {}
        self._spikes = {c.name: c for c in plan.spikes}
        self._states = {c.name: c for c in plan.states}
        self._synapse_events = {c.name: c for c in plan.synapse_events}
        self._grids = {c.name: Grid.of(0.0, description.dt if c.dt is None else c.dt) for c in plan.spikes}
        self._last_step = dict.fromkeys(self._spikes, np.iinfo(np.int64).min)
        self._unsorted: set[str] = set()
        self._recorded: dict[str, tuple[FloatArray, IntArray | None]] = {}
        self._stimuli: dict[str, Stimulus] = {}
        self._timeline: dict[str, Any] = {}
        planned = list(_planned(plan))
        tables = sum(width is not None for _, _, _, width, _ in planned)
        for place, unit, dtype, width, compressed in planned:
            self._file.add(place, unit, dtype, width, compressed=compressed, share=tables)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if kind is not None:
            self.abort()

    def add_spikes(
        self, name: str, steps: IntArray, ids: IntArray, extras: Mapping[str, NDArray[Any]] | None = None
    ) -> None:
        """Append spikes.

        Args:
            name: The monitor.
            steps: Step of each spike on the clock of its group, shape (n,); ascending.
            ids: Neuron of each spike in the whole group, shape (n,).
            extras: Value of each recorded variable at each spike, shape (n,). [SI]
        """
        channel = self._spikes[name]
        if channel.counts_only:
            raise _misuse(f"`{name}` does not record these values")
        steps, extras = _checked(channel, steps, ids, extras or {})
        if not len(steps):
            return
        if steps[0] < self._last_step[name] or np.any(steps[1:] < steps[:-1]):
            self._unsorted.add(name)
        self._last_step[name] = int(steps[-1])
        self._file.append(f"spikes/{name}/timestamps", self._grids[name].milliseconds(steps))
        self._file.append(f"spikes/{name}/node_ids", ids)
        for column in channel.columns:
            self._file.append(spike_variable(name, column.name), extras[column.name])

    def add_synapse_events(
        self, name: str, steps: IntArray, synapses: IntArray, extras: Mapping[str, NDArray[Any]] | None = None
    ) -> None:
        """Append events at synapses.

        Args:
            name: The monitor.
            steps: Step of each event, shape (n,); ascending.
            synapses: Number of the synapse of each event, shape (n,).
            extras: Value of each recorded variable at each event, shape (n,). [SI]
        """
        channel = self._synapse_events[name]
        steps, extras = _checked(channel, steps, synapses, extras or {})
        base = f"snnrun/synapse_events/{name}"
        self._file.append(f"{base}/time", Grid.of(0.0, self._description.dt).milliseconds(steps))
        self._file.append(f"{base}/synapse", synapses)
        self._file.append(f"{base}/pre", channel.pre[synapses].astype(np.int64))
        self._file.append(f"{base}/post", channel.post[synapses].astype(np.int64))
        for column in channel.columns:
            self._file.append(synapse_event_variable(name, column.name), extras[column.name])

    def add_states(self, name: str, data: Mapping[str, NDArray[Any]], first: int | None = None) -> None:
        """Append samples.

        Args:
            name: The monitor.
            data: For each variable its samples, shape (samples, elements). [SI]
            first: Number of the first sample since the channel's start; samples skipped before it (a phase that does
                not record) become NaN, or 0 for integers and flags. None: right after the last one.
        """
        channel = self._states[name]
        if {c.name for c in channel.columns} != set(data):
            raise _misuse(f"`{name}` does not record these variables")
        for column in channel.columns:
            path = state_variable(name, column.name)
            if first is not None:
                if first < self._file.streams[path].length:
                    raise _misuse(f"`{path}` already has sample {first}")
                self._file.fill(path, first)
            self._file.append(path, data[column.name])

    def add_rates(self, name: str, values: FloatArray) -> None:
        """Append the population rate of the next bins, shape (bins,) [Hz]."""
        self._file.append(f"snnrun/rates/{name}/rate", values)

    def put_counts(self, name: str, counts: IntArray) -> None:
        """Store the number of spikes of each neuron of the whole group, shape (size,)."""
        self._file.put(f"snnrun/counts/{name}", "1", counts, "<u8")

    def put_connectivity(
        self, name: str, pre: IntArray, post: IntArray, values: Mapping[str, tuple[NDArray[Any], str]] | None = None
    ) -> None:
        """Store realised pairs.

        Args:
            name: The monitor.
            pre: Source neuron of each synapse in creation order, shape (n,).
            post: Target neuron of each synapse, shape (n,).
            values: For each synaptic variable its values, shape (n,), and unit.
        """
        self._file.put(f"edges/{name}/source_node_id", "1", pre, "<u8")
        self._file.put(f"edges/{name}/target_node_id", "1", post, "<u8")
        for key, (array, unit) in (values or {}).items():
            _check_key(key)
            self._file.put(f"edges/{name}/0/{key}", unit, array)

    def put_series(self, name: str, columns: Mapping[str, tuple[ArrayLike, str, str]]) -> None:
        """Store a curve: columns of equal length, each with its values, unit and label."""
        _check_key(name)
        if len({np.shape(values) for values, _, _ in columns.values()}) > 1:
            raise _misuse(f"the columns of `{name}` differ in length")
        for key, (values, unit, label) in columns.items():
            _check_key(key)
            path = f"snnrun/series/{name}/{key}"
            self._file.put(path, unit, np.asarray(values))
            self._labels.setdefault(name, {})[key] = label

    def put_duration(self, seconds: float) -> None:
        """Say how long the run was, when it was shorter than planned. [s]."""
        self._description = replace(self._description, duration=seconds)

    def put_timeline(self, decided: Mapping[str, Any]) -> None:
        """Say what phases decided: which ended early, and what their ends computed (`engine.timeline`)."""
        self._timeline = dict(decided)

    def put_recorded(self, name: str, spans: Sequence[tuple[float, float]], neurons: IntArray | None) -> None:
        """Say when a monitor recorded, and which neurons.

        Args:
            name: The monitor.
            spans: From when to when, in order. [s]
            neurons: The neurons of the group that it watches, in its order, shape (n,); None for all.
        """
        self._recorded[name] = (np.array(spans, np.float64).reshape(-1, 2), neurons)

    def put_stimulus(self, name: str, stimulus: Stimulus) -> None:
        """Say when the frames of a stimulus were to be shown, and what they are."""
        self._stimuli[name] = stimulus

    def put_reached(self, seconds: float) -> None:
        """Say how far a run that was stopped got. [s]."""
        self._attributes["reached"] = seconds

    def finish(self, metrics: Mapping[str, tuple[Any, str]], status: RunStatus | str) -> Digest:
        """Write what waits, the metrics and the status, close the file and return the digest of what was recorded."""
        try:
            pairs = {c.name: self._file.length(f"edges/{c.name}/source_node_id") for c in self._plan.connectivities}
            file = self._file.opened(sonata.space(self._plan, pairs))
            _write_root(file, self._plan, self._description, self._attributes, RunStatus(status))
            self._finish_tables(file)
            watched = {name: neurons for name, (_, neurons) in self._recorded.items()}
            sonata.write_view(file, self._plan, self._description, watched)
            _write_recorded(file, self._recorded)
            _write_stimuli(file, self._stimuli)
            if self._timeline:
                file["snnrun"].create_dataset("timeline", data=json.dumps(self._timeline))
            _write_metrics(file, metrics)
            return self._file.close()
        except (OSError, RuntimeError) as error:
            self.abort()
            raise cannot_write(self._path, error) from error

    def _finish_tables(self, file: h5py.File) -> None:
        streams, plan = self._file.streams, self._plan
        for channel in plan.spikes:
            if not channel.counts_only:
                finish_spikes(file, streams, channel, ordered=channel.name not in self._unsorted)
        for state in plan.states:
            finish_states(file, streams, state)
        for rate in plan.rates:
            finish_rates(file, streams, rate)
        for pairs in plan.connectivities:
            finish_connectivity(file, streams, pairs)
        for channel in plan.spikes:
            finish_counts(file, streams, channel)
        for events in plan.synapse_events:
            finish_synapse_events(file, streams, events)
        finish_series(file, streams, self._labels)

    def abort(self) -> None:
        """Give the file up and remove it."""
        self._file.abort()


def _write_root(
    file: h5py.File, plan: RecordingPlan, description: Description, attributes: Mapping[str, Any], status: RunStatus
) -> None:
    """Say what the file holds."""
    file.attrs["magic"] = _MAGIC
    file.attrs["version"] = _SONATA_VERSION
    extras = require_group(file, "snnrun")
    write_attributes(extras, attributes)
    extras.attrs["description"] = description.to_json()
    extras.attrs["monitors"] = json.dumps([_plain(m) for m in _monitors(plan)], ensure_ascii=False)
    extras.attrs["status"] = status.value


def _planned(plan: RecordingPlan) -> Iterator[tuple[str, str, str, int | None, bool]]:
    """What is appended to while a run records: path, unit, type, number of elements of a row, whether compressed."""
    for channel in plan.spikes:
        if channel.counts_only:
            continue
        yield f"spikes/{channel.name}/timestamps", "ms", "<f8", None, channel.compressed
        yield f"spikes/{channel.name}/node_ids", "1", "<u8", None, channel.compressed
        for column in channel.columns:
            yield spike_variable(channel.name, column.name), column.unit, column.type, None, channel.compressed
    for state in plan.states:
        for column in state.columns:
            yield state_variable(state.name, column.name), column.unit, column.type, len(state.ids), state.compressed
    for rate in plan.rates:
        yield f"snnrun/rates/{rate.name}/rate", "Hz", "<f8", None, False
    for events in plan.synapse_events:
        yield f"snnrun/synapse_events/{events.name}/time", "ms", "<f8", None, events.compressed
        for index in ("synapse", "pre", "post"):
            yield f"snnrun/synapse_events/{events.name}/{index}", "1", "<i8", None, events.compressed
        for column in events.columns:
            yield synapse_event_variable(events.name, column.name), column.unit, column.type, None, events.compressed


def write_presentation(
    path: Path,
    metrics: Mapping[str, tuple[Any, str]],
    curves: Sequence[Mapping[str, tuple[ArrayLike, str, str]]],
) -> None:
    """Put other metrics and curves into a file that was closed; nothing else in it changes.

    Args:
        path: The file.
        metrics: Value and SI symbol of each metric.
        curves: For each curve its columns by name: values, unit and label.

    Raises:
        StorageError: It cannot be written.
    """
    try:
        with h5py.File(path, "r+", locking=False) as file:
            extras = require_group(file, "snnrun")
            if "metrics" in extras:
                del extras["metrics"]
            for name in [name for name in extras.get("series", ()) if CURVE.fullmatch(name)]:
                del extras["series"][name]
            if "series" in extras and not len(extras["series"]):
                del extras["series"]
            _write_metrics(file, metrics)
            for number, columns in enumerate(curves):
                group = require_group(file, f"snnrun/series/{curve_name(number)}")
                lengths = [np.size(values) for values, _, _ in columns.values()]
                scales = (dimension(group, "row", lengths[0]),)
                for key, (values, unit, label) in columns.items():
                    dataset = variable(group, key, little_endian(np.asarray(values)), unit, scales)
                    dataset.attrs["long_name"] = label
                group.attrs["columns"] = json.dumps(list(columns), ensure_ascii=False)
    except (OSError, RuntimeError) as error:
        raise cannot_write(path, error) from error


def _write_metrics(file: h5py.File, metrics: Mapping[str, tuple[Any, str]]) -> None:
    if not metrics:
        return
    group = require_group(file, "snnrun/metrics")
    for name in sorted(metrics):
        _check_key(name)
        value, unit = metrics[name]
        array = little_endian(np.asarray(value))
        scales = tuple(dimension(group, f"{name}.axis{axis}", n) for axis, n in enumerate(array.shape))
        variable(group, name, array, unit, scales)


def _write_recorded(file: h5py.File, recorded: Mapping[str, tuple[FloatArray, IntArray | None]]) -> None:
    for name, (spans, neurons) in recorded.items():
        group = require_group(file, f"snnrun/recorded/{name}")
        scales = dimension(group, "span", len(spans)), dimension(group, "ends", 2)
        variable(group, "time", spans, "s", scales)
        if neurons is not None:
            runs = runs_of(neurons)
            variable(group, "neurons", runs, "1", (dimension(group, "run", len(runs)), scales[1]))


def _write_stimuli(file: h5py.File, stimuli: Mapping[str, Stimulus]) -> None:
    for name, shown in stimuli.items():
        group = require_group(file, f"snnrun/stimuli/{name}")
        scales = (dimension(group, "frame", len(shown.start)),)
        variable(group, "start", shown.start, "s", scales)
        variable(group, "stop", shown.stop, "s", scales)
        if shown.label is not None:
            variable(group, "label", shown.label, "1", scales)


def _monitors(plan: RecordingPlan) -> list[Monitor]:
    spikes = [
        Monitor(
            c.name,
            MonitorKind.COUNTS if c.counts_only else MonitorKind.SPIKES,
            c.group,
            c.size,
            c.columns,
            window=c.window,
            dt=c.dt,
            events=c.events,
        )
        for c in plan.spikes
    ]
    states = [
        Monitor(c.name, MonitorKind.STATE, c.source, len(c.ids), c.columns, window=c.window, synapses=c.pre is not None)
        for c in plan.states
    ]
    rates = [Monitor(c.name, MonitorKind.RATE, c.group, c.size, window=c.window) for c in plan.rates]
    pairs = [
        Monitor(c.name, MonitorKind.CONNECTIVITY, c.synapses, c.source_size, target=c.target)
        for c in plan.connectivities
    ]
    events = [
        Monitor(c.name, MonitorKind.SYNAPSE_EVENTS, c.synapses, len(c.pre), c.columns, window=c.window, synapses=True)
        for c in plan.synapse_events
    ]
    return [*spikes, *states, *rates, *pairs, *events]


def _plain(monitor: Monitor) -> dict[str, Any]:
    return {
        "name": monitor.name,
        "kind": monitor.kind.value,
        "source": monitor.source,
        "size": monitor.size,
        "columns": [column_plain(c) for c in monitor.columns],
        "target": monitor.target,
        "window": monitor.window,
        "synapses": monitor.synapses,
        "dt": monitor.dt,
        **({"events": True} if monitor.events else {}),
    }


def _check_key(name: str) -> None:
    if not name or "/" in name or name == "." or "\0" in name:
        raise storage_error("ST102", f"`{name}` cannot name a table in the results")


def _checked(
    channel: SpikeChannel | SynapseEventChannel,
    steps: IntArray,
    ids: IntArray,
    extras: Mapping[str, NDArray[Any]],
) -> tuple[IntArray, Mapping[str, NDArray[Any]]]:
    """The same steps and values, when they are what a channel records."""
    if {c.name for c in channel.columns} != set(extras):
        raise _misuse(f"`{channel.name}` does not record these values")
    steps = np.asarray(steps)
    if len({len(steps), len(ids), *(len(v) for v in extras.values())}) != 1:
        raise _misuse(f"`{channel.name}` got arrays of different lengths")
    return steps, extras


def _misuse(message: str) -> InternalError:
    return InternalError(Diagnostic("ST900", message))
