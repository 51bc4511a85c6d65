"""Reading `results.h5`; plots, `verify` and notebooks see results only through this."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import numpy as np
from numpy.typing import NDArray

from snnrun.results.container import object_at, open_for_reading, text_attribute
from snnrun.results.digest import DatasetDigest, Digest, RunningHash
from snnrun.results.grid import Grid
from snnrun.results.layout import (
    RESULTS_FILE,
    Column,
    Description,
    FloatArray,
    IntArray,
    Monitor,
    MonitorKind,
    RunStatus,
    Stimulus,
    ValueType,
    place_of,
    spike_variable,
    state_variable,
    storage_error,
    synapse_event_variable,
)
from snnrun.results.resizable import blocks


@dataclass(frozen=True, slots=True, eq=False)
class SpikeTrain:
    """Spikes of one monitor.

    Args:
        times_s: Time of each spike, shape (n,). [s]
        ids: Neuron of each spike in the whole group, shape (n,).
        extras: Values recorded at each spike, shape (n,). [SI]
        size: Number of neurons of the group.
        group: The group.
    """

    times_s: FloatArray
    ids: IntArray
    extras: dict[str, NDArray[Any]]
    size: int
    group: str


@dataclass(frozen=True, slots=True, eq=False)
class SynapseEvents:
    """Events at synapses that one monitor recorded.

    Args:
        times_s: Time of each event, shape (n,). [s]
        ids: Number of the synapse of each event, shape (n,).
        pre: Source neuron of each event, shape (n,).
        post: Target neuron of each event, shape (n,).
        extras: Values recorded at each event, shape (n,). [SI]
        synapses: The synapses object.
    """

    times_s: FloatArray
    ids: IntArray
    pre: IntArray
    post: IntArray
    extras: dict[str, NDArray[Any]]
    synapses: str


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """Samples of one variable.

    Args:
        times_s: Time of each sample, shape (samples,). [s]
        data: The samples, shape (samples, elements). [SI]
        ids: Neuron or synapse number of each element, shape (elements,).
        unit: SI symbol text.
        pre: For synapses, source neuron of each element, shape (elements,).
        post: For synapses, target neuron of each element, shape (elements,).
        source: The group or synapses object.
    """

    times_s: FloatArray
    data: NDArray[Any]
    ids: IntArray
    unit: str
    pre: IntArray | None
    post: IntArray | None
    source: str


@dataclass(frozen=True, slots=True, eq=False)
class RateCurve:
    """A population rate.

    Args:
        times_s: Beginning of each bin, shape (bins,). [s]
        values: Rate in each bin, shape (bins,). [Hz]
        bin: Width of a bin. [s]
        smooth: Width of the smoothing window, None for none. [s]
        group: The group.
        size: Number of neurons averaged over.
    """

    times_s: FloatArray
    values: FloatArray
    bin: float
    smooth: float | None
    group: str
    size: int


@dataclass(frozen=True, slots=True, eq=False)
class Connectivity:
    """Realised pairs of a synapses object.

    Args:
        pre: Source neuron of each synapse, shape (n,).
        post: Target neuron of each synapse, shape (n,).
        values: Values of each stored variable, shape (n,). [SI]
        units: Unit of each stored variable.
        source: Source group.
        target: Target group.
        source_size: Number of neurons of the source.
        target_size: Number of neurons of the target.
    """

    pre: IntArray
    post: IntArray
    values: dict[str, NDArray[Any]]
    units: dict[str, str]
    source: str
    target: str
    source_size: int
    target_size: int


@dataclass(frozen=True, slots=True, eq=False)
class SeriesColumn:
    """One column of a stored curve: values of shape (n,), their unit and label."""

    values: NDArray[Any]
    unit: str
    label: str


@dataclass(frozen=True, slots=True, eq=False)
class Metric:
    """A metric: a number or an array, and its unit."""

    value: Any
    unit: str


class ResultsFile:
    """An open `results.h5`, without locks: its groups and tables by path; links and data in other files are refused."""

    def __init__(self, file: h5py.File) -> None:
        self._file = file

    @classmethod
    def open(cls, path: Path, *, damaged: bool = False) -> Self:
        """Open a run folder or its `results.h5`.

        Args:
            path: The folder or the file.
            damaged: Whether a file that is not as it was published is opened too; reading it may fail anywhere.

        Raises:
            StorageError: There is none, or it is damaged.
        """
        path = Path(path)
        return cls(open_for_reading(path / RESULTS_FILE if path.is_dir() else path, damaged=damaged))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def timeline(self) -> dict[str, Any] | None:
        """What phases decided during the run (`engine.timeline.Timeline.facts`); None when they decided nothing."""
        stored = object_at(self._file, "snnrun/timeline")
        if not isinstance(stored, h5py.Dataset):
            return None
        found: dict[str, Any] = json.loads(stored.asstr()[()])
        return found

    def dataset(self, path: str) -> h5py.Dataset:
        """A recorded dataset as it stands in the file.

        Raises:
            StorageError: There is none, or it leads out of the file.
        """
        return self._dataset(path)

    def _at(self, name: str) -> h5py.Group | h5py.Dataset | None:
        """What is recorded under a name; before version 0.6.0 spikes and edges stood at their names."""
        found = object_at(self._file, place_of(name))
        return object_at(self._file, name) if found is None else found

    def _group(self, path: str) -> h5py.Group:
        node = self._at(path)
        if not isinstance(node, h5py.Group):
            raise storage_error("ST205", f"these results have no `{path}`: not a file of this program, or not finished")
        return node

    def _dataset(self, path: str) -> h5py.Dataset:
        node = self._at(path)
        if not isinstance(node, h5py.Dataset):
            raise storage_error("ST205", f"these results have no `{path}`: not a file of this program, or not finished")
        return node

    def _times(self, path: str, step: str, length: int) -> FloatArray:
        """The regular times of a table that says its start and step. [s]."""
        attributes = self._group(path).attrs
        return Grid.of(float(attributes["start"]), float(attributes[step])).seconds(np.arange(length))

    def _optional(self, path: str, keep: slice | list[int]) -> IntArray | None:
        node = object_at(self._file, path)
        if not isinstance(node, h5py.Dataset):
            return None
        values: IntArray = node[keep].astype(np.int64)
        return values


class Results(ResultsFile):
    """The results of one run."""

    @cached_property
    def description(self) -> Description:
        """What the results say about themselves."""
        return Description.from_json(text_attribute(self._group("snnrun"), "description"))

    @property
    def status(self) -> RunStatus:
        """How the run ended."""
        try:
            return RunStatus(text_attribute(self._group("snnrun"), "status"))
        except ValueError as error:
            raise storage_error("ST205", "these results do not say how the run ended") from error

    def monitors(self) -> tuple[Monitor, ...]:
        """All monitors, in the order of the plan: spikes, states, rates, connectivity."""
        return tuple(self._monitors.values())

    @cached_property
    def _monitors(self) -> dict[str, Monitor]:
        text = text_attribute(self._group("snnrun"), "monitors", "[]")
        try:
            found = [_monitor(item) for item in json.loads(text)]
        except (ValueError, KeyError, TypeError) as error:
            raise storage_error("ST201", "the list of monitors in these results cannot be read") from error
        return {m.name: m for m in found}

    def monitor(self, name: str, *kinds: MonitorKind) -> Monitor:
        """One monitor, of one of some kinds if any are named.

        Raises:
            StorageError: There is none.
        """
        found = self._monitors.get(name)
        if found is None or (kinds and found.kind not in kinds):
            wanted = [m.name for m in self._monitors.values() if not kinds or m.kind in kinds]
            what = " or ".join(k.value for k in kinds) or "any"
            raise storage_error(
                "ST206",
                f"no {what} monitor `{name}` in these results",
                f"there {'is' if len(wanted) == 1 else 'are'} " + ", ".join(f"`{n}`" for n in wanted)
                if wanted
                else None,
            )
        return found

    def spikes(self, name: str, window: tuple[float, float] | None = None) -> SpikeTrain:
        """The spikes of a monitor, all or those with `from <= t < to` in seconds."""
        monitor = self.monitor(name, MonitorKind.SPIKES)
        base = f"spikes/{name}"
        times = self._dataset(f"{base}/timestamps")
        keep = slice(None) if window is None else self._range(times, window)
        milliseconds = times[keep]
        extras = {c.name: self._dataset(spike_variable(name, c.name))[keep] for c in monitor.columns}
        ids = self._dataset(f"{base}/node_ids")[keep].astype(np.int64)
        grid = Grid.of(0.0, self.description.dt if monitor.dt is None else monitor.dt)
        return SpikeTrain(grid.seconds(grid.nearest(milliseconds)), ids, extras, monitor.size, monitor.source)

    def synapse_events(self, name: str) -> SynapseEvents:
        """The events at synapses of a monitor."""
        monitor = self.monitor(name, MonitorKind.SYNAPSE_EVENTS)
        base = f"snnrun/synapse_events/{name}"
        grid = Grid.of(0.0, self.description.dt)
        ids, pre, post = (self._dataset(f"{base}/{index}")[:].astype(np.int64) for index in ("synapse", "pre", "post"))
        times = grid.seconds(grid.nearest(self._dataset(f"{base}/time")[:]))
        extras = {c.name: self._dataset(synapse_event_variable(name, c.name))[:] for c in monitor.columns}
        return SynapseEvents(times, ids, pre, post, extras, monitor.source)

    @cached_property
    def reached(self) -> float:
        """How far the run got: to its end, or to where it was stopped. [s]."""
        return float(self._group("snnrun").attrs.get("reached", self.description.duration))

    def recorded(self, name: str) -> FloatArray:
        """From when to when a monitor recorded, shape (stretches, 2), in order. [s]."""
        stored = object_at(self._file, f"snnrun/recorded/{name}/time")
        if isinstance(stored, h5py.Dataset):
            spans: FloatArray = stored[:]
            return spans
        # Results of version 0.1.0 do not say it.
        low, high = self.monitor(name).window or (0.0, self.reached)
        return np.array([[low, min(high, self.reached)]])

    def stimuli(self) -> dict[str, Stimulus]:
        """The stimuli of the experiment, by name."""
        group = object_at(self._file, "snnrun/stimuli")
        found = {}
        for name in group if isinstance(group, h5py.Group) else ():
            base = f"snnrun/stimuli/{name}"
            label = self._optional(f"{base}/label", slice(None))
            found[str(name)] = Stimulus(self._dataset(f"{base}/start")[:], self._dataset(f"{base}/stop")[:], label)
        return found

    def watched(self, name: str) -> IntArray | None:
        """The neurons of the group that a monitor of spikes or rates watches, in its order; None for all of them."""
        stored = object_at(self._file, f"snnrun/recorded/{name}/neurons")
        if not isinstance(stored, h5py.Dataset):
            return None
        runs = [np.arange(first, stop) for first, stop in stored[:]]
        return np.concatenate(runs) if runs else np.zeros(0, np.int64)

    def counts(self, name: str) -> IntArray:
        """Number of spikes of each neuron of the whole group, shape (size,)."""
        monitor = self.monitor(name, MonitorKind.SPIKES, MonitorKind.COUNTS)
        stored = object_at(self._file, f"snnrun/counts/{name}")
        if isinstance(stored, h5py.Dataset):
            counts: IntArray = stored[:].astype(np.int64)
            return counts
        total = np.zeros(monitor.size, np.int64)
        if monitor.kind is MonitorKind.COUNTS:
            return total
        ids = self._dataset(f"spikes/{name}/node_ids")
        for start, stop in blocks(ids.shape[0]):
            total += np.bincount(ids[start:stop].astype(np.int64), minlength=monitor.size)
        return total

    def states(self, name: str, variable: str, elements: Sequence[int] | None = None, *, last: bool = False) -> Trace:
        """The samples of a variable.

        Args:
            name: The monitor.
            variable: One of its variables.
            elements: Columns to read, ascending positions in the recorded elements; None for all.
            last: Read the last sample alone.
        """
        monitor = self.monitor(name, MonitorKind.STATE)
        column = next((c for c in monitor.columns if c.name == variable), None)
        if column is None:
            known = ", ".join(f"`{c.name}`" for c in monitor.columns)
            raise storage_error("ST207", f"monitor `{name}` did not record `{variable}`", f"it recorded {known}")
        data = self._dataset(state_variable(name, variable))
        keep = slice(None) if elements is None else list(elements)
        base = f"snnrun/states/{name}"
        pre, post = (self._optional(f"{base}/{end}", keep) for end in ("pre", "post"))
        rows = slice(max(data.shape[0] - 1, 0), None) if last else slice(None)
        return Trace(
            times_s=self._times(base, "step", data.shape[0])[rows],
            data=data[rows, keep],
            ids=self._dataset(f"{base}/element")[keep].astype(np.int64),
            unit=column.unit,
            pre=pre,
            post=post,
            source=monitor.source,
        )

    def elements(self, name: str) -> IntArray:
        """Neuron or synapse number of each element a state monitor samples, shape (elements,)."""
        self.monitor(name, MonitorKind.STATE)
        ids: IntArray = self._dataset(f"snnrun/states/{name}/element")[:].astype(np.int64)
        return ids

    def rates(self, name: str) -> RateCurve:
        """The population rate a monitor recorded."""
        monitor = self.monitor(name, MonitorKind.RATE)
        base = f"snnrun/rates/{name}"
        attributes = self._group(base).attrs
        smooth = attributes.get("smooth")
        values = self._dataset(f"{base}/rate")[:]
        return RateCurve(
            times_s=self._times(base, "bin", len(values)),
            values=values,
            bin=float(attributes["bin"]),
            smooth=None if smooth is None else float(smooth),
            group=monitor.source,
            size=monitor.size,
        )

    def connectivity(self, name: str) -> Connectivity:
        """The pairs a connectivity monitor kept."""
        monitor = self.monitor(name, MonitorKind.CONNECTIVITY)
        base = f"edges/{name}"
        pre, post = self._dataset(f"{base}/source_node_id"), self._dataset(f"{base}/target_node_id")
        group = self._group(f"{base}/0")
        columns = {key: self._dataset(f"{base}/0/{key}") for key in group}
        attributes = self._group(base).attrs
        return Connectivity(
            pre=pre[:].astype(np.int64),
            post=post[:].astype(np.int64),
            values={key: dataset[:] for key, dataset in columns.items()},
            units={key: text_attribute(dataset, "units", "1") for key, dataset in columns.items()},
            source=text_attribute(self._group(base), "source") or text_attribute(pre, "node_population"),
            target=monitor.target or "",
            source_size=int(attributes["source_size"]),
            target_size=int(attributes["target_size"]),
        )

    def series_names(self) -> tuple[str, ...]:
        """The stored curves."""
        group = object_at(self._file, "snnrun/series")
        return tuple(group) if isinstance(group, h5py.Group) else ()

    def series(self, name: str) -> dict[str, SeriesColumn]:
        """A stored curve: its columns in the order they were given."""
        if name not in self.series_names():
            raise storage_error("ST206", f"no curve `{name}` in these results")
        base = f"snnrun/series/{name}"
        columns = json.loads(text_attribute(self._group(base), "columns", "[]"))
        found = {}
        for key in columns:
            dataset = self._dataset(f"{base}/{key}")
            label = text_attribute(dataset, "long_name", key)
            found[str(key)] = SeriesColumn(dataset[:], text_attribute(dataset, "units", "1"), label)
        return found

    @cached_property
    def metrics(self) -> dict[str, Metric]:
        """All metrics of the run."""
        group = object_at(self._file, "snnrun/metrics")
        if not isinstance(group, h5py.Group):
            return {}
        found = {}
        for name in group:
            dataset = self._dataset(f"snnrun/metrics/{name}")
            if "units" in dataset.attrs:
                found[name] = Metric(dataset[()], text_attribute(dataset, "units"))
        return found

    def digest(self) -> Digest:
        """The digest of the recorded data, computed again from the file, block by block."""
        paths = [path for monitor in self.monitors() for path in _recorded_paths(self._at, monitor)]
        paths += [f"snnrun/series/{name}/{key}" for name in self.series_names() for key in self.series(name)]
        there = [path for path in paths if self._at(path) is not None]
        return Digest.of(_hash(self._dataset(path), path) for path in there)

    @property
    def math(self) -> str:
        """The mode of arithmetic: `strict` or `fast`."""
        return text_attribute(self._group("snnrun"), "math", "strict")

    def time_of(self, path: str, row: int) -> float:
        """The time of a row of a table of regular times, such as `snnrun/states/v`. [s]."""
        step = "bin" if path.startswith("snnrun/rates/") else "step"
        return float(self._times(path, step, row + 1)[row])

    def _range(self, times: h5py.Dataset, window: tuple[float, float]) -> slice | NDArray[np.bool_]:
        """Which spikes fall in a window; two searches in the file when it is sorted by time."""
        low, high = window[0] * 1e3, window[1] * 1e3
        if int(times.parent.attrs["sorting"]) == 2:
            return slice(_first_not_below(times, low), _first_not_below(times, high))
        values = times[:]
        return np.asarray((values >= low) & (values < high))


def events_of(results: Results, name: str) -> int:
    """How many spikes or events a monitor has counted."""
    match results.monitor(name).kind:
        case MonitorKind.SPIKES:
            return int(results.dataset(f"spikes/{name}/timestamps").shape[0])
        case MonitorKind.SYNAPSE_EVENTS:
            return int(results.dataset(f"snnrun/synapse_events/{name}/time").shape[0])
        case _:
            return int(results.counts(name).sum())


def _recorded_paths(at: Callable[[str], h5py.Group | h5py.Dataset | None], monitor: Monitor) -> list[str]:
    """Where the data of a monitor stand that count for the digest."""
    name = monitor.name
    match monitor.kind:
        case MonitorKind.SPIKES:
            columns = [spike_variable(name, column.name) for column in monitor.columns]
            return [f"spikes/{name}/timestamps", f"spikes/{name}/node_ids", *columns, f"snnrun/counts/{name}"]
        case MonitorKind.COUNTS:
            return [f"snnrun/counts/{name}"]
        case MonitorKind.STATE:
            return [state_variable(name, column.name) for column in monitor.columns]
        case MonitorKind.RATE:
            return [f"snnrun/rates/{name}/rate"]
        case MonitorKind.CONNECTIVITY:
            values = at(f"edges/{name}/0")
            ends = [f"edges/{name}/source_node_id", f"edges/{name}/target_node_id"]
            return [*ends, *(f"edges/{name}/0/{key}" for key in values or ())]
        case MonitorKind.SYNAPSE_EVENTS:
            shown = [f"snnrun/synapse_events/{name}/{key}" for key in ("time", "synapse", "pre", "post")]
            return [*shown, *(synapse_event_variable(name, column.name) for column in monitor.columns)]


def _hash(dataset: h5py.Dataset, path: str) -> DatasetDigest:
    running = RunningHash()
    row_bytes = dataset.dtype.itemsize * int(np.prod(dataset.shape[1:]))
    for start, stop in blocks(dataset.shape[0], max(row_bytes, 1)):
        running.update(np.ascontiguousarray(dataset[start:stop]))
    return running.digest(path, text_attribute(dataset, "units"), dataset.dtype, dataset.shape)


def _first_not_below(times: h5py.Dataset, bound: float) -> int:
    low, high = 0, int(times.shape[0])
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if times[middle] < bound else (low, middle)
    return low


def _monitor(item: dict[str, Any]) -> Monitor:
    window = item["window"]
    return Monitor(
        name=str(item["name"]),
        kind=MonitorKind(item["kind"]),
        source=str(item["source"]),
        size=int(item["size"]),
        columns=tuple(Column(str(n), str(u), ValueType(t)) for n, u, t in item["columns"]),
        target=None if item["target"] is None else str(item["target"]),
        window=None if window is None else (float(window[0]), float(window[1])),
        synapses=bool(item["synapses"]),
        dt=None if item["dt"] is None else float(item["dt"]),
        events=bool(item.get("events", False)),
    )
