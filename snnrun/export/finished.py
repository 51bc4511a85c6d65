"""Finished results, as other forms of them need them: what was recorded as tables, and who made it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnrun.compare.folders import done_at
from snnrun.errors import Diagnostic, StorageError
from snnrun.files.reading import read_json
from snnrun.results.layout import EXPERIMENT_FILE, PROVENANCE_FILE, SWEEP_FILE, IntArray, Monitor, MonitorKind
from snnrun.results.reader import Results
from snnrun.running import pipeline
from snnrun.spec.check import parse_experiment
from snnrun.spec.models import Author, Experiment


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """A column of a table.

    Args:
        values: Its values in SI units, shape (rows,).
        unit: SI symbol; `1` for none.
        about: What they are.
    """

    values: NDArray[Any]
    unit: str = "1"
    about: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A table of what was recorded.

    Args:
        section: What such tables hold: `spikes`, `traces`, `connectivity`.
        name: Its name there.
        columns: Its columns by name, of equal length.
        about: What it holds.
    """

    section: str
    name: str
    columns: Mapping[str, Column]
    about: str


@dataclass(frozen=True, slots=True, eq=False)
class Finished:
    """The results of a run or a sweep.

    Args:
        folder: Their folder.
        experiment: The experiment as it ran, with changes of what is said about it.
        provenance: When, how and with which versions it ran.
        status: How it ended.
        digest: Digest of the recorded data.
    """

    folder: Path
    experiment: Experiment
    provenance: Mapping[str, Any]
    status: str
    digest: str

    @classmethod
    def read(cls, path: Path, overrides: Sequence[str] = ()) -> Finished:
        """Finished results in a folder.

        Args:
            path: The folder.
            overrides: Changes of the stored experiment, `license=CC0-1.0`.

        Raises:
            StorageError: There are none.
            ExperimentError: The stored experiment, or a change of it, is wrong.
        """
        folder, done = done_at(path)
        experiment = parse_experiment(pipeline.read(folder / EXPERIMENT_FILE, overrides))
        provenance = read_json(folder / PROVENANCE_FILE)
        return cls(folder, experiment, provenance, done.status.value, done.digest)

    @property
    def name(self) -> str:
        """The experiment's name."""
        return self.experiment.name or self.folder.parent.name

    @property
    def authors(self) -> list[Author]:
        """Who made it."""
        return [Author(name=who) if isinstance(who, str) else who for who in self.experiment.authors or ()]

    def results(self) -> Results:
        """What the run recorded.

        Raises:
            StorageError: EXP806, it is a sweep, or it is damaged.
        """
        if (self.folder / SWEEP_FILE).is_file():
            message, help = f"`{self.folder}` holds a sweep", "export one of its points: `FOLDER/points/00000`"
            raise StorageError(Diagnostic("EXP806", message, None, help))
        return Results.open(self.folder)


def tables(results: Results) -> Iterator[Table]:
    """Everything that was recorded, a table at a time."""
    for monitor in results.monitors():
        yield from _TABLES[monitor.kind](results, monitor)
    for name, shown in results.stimuli().items():
        columns = {"start": Column(shown.start, "s", "when it was shown"), "stop": Column(shown.stop, "s", "its end")}
        labels = {} if shown.label is None else {"label": Column(shown.label, about="what it shows")}
        yield Table("stimuli", name, columns | labels, f"Frames of the stimulus {name}")
    for name in results.series_names():
        series = {key: Column(c.values, c.unit, c.label) for key, c in results.series(name).items()}
        yield Table("curves", name, series, f"The curve {name}")


def metrics(results: Results) -> Table:
    """All metrics: a row a number."""
    rows = [
        (name, k, value, metric.unit)
        for name, metric in results.metrics.items()
        for k, value in enumerate(np.ravel(metric.value).tolist())
    ]
    names, index, values, units = ([row[k] for row in rows] for k in range(4))
    columns = {
        "metric": Column(np.array(names, np.str_), about="its name"),
        "index": Column(np.array(index, np.int64), about="position in a metric of several numbers"),
        "value": Column(np.array(values, np.float64), about="in SI units"),
        "unit": Column(np.array(units, np.str_), about="SI unit"),
    }
    return Table("", "metrics", columns, "Metrics of the run")


def _spikes(results: Results, monitor: Monitor) -> Iterator[Table]:
    found = results.spikes(monitor.name)
    columns = {"time": Column(found.times_s, "s", "time of each"), "neuron": Column(found.ids, about="its neuron")}
    what = "Events" if monitor.events else "Spikes"
    section = what.lower()
    yield Table(section, monitor.name, columns | _extras(monitor, found.extras), f"{what} of {monitor.source}")


def _counts(results: Results, monitor: Monitor) -> Iterator[Table]:
    counts = results.counts(monitor.name)
    columns = {"neuron": Column(np.arange(len(counts))), "spikes": Column(counts, about="their number")}
    yield Table("counts", monitor.name, columns, f"Spikes of each neuron of {monitor.source}")


def _traces(results: Results, monitor: Monitor) -> Iterator[Table]:
    for variable in monitor.columns:
        trace = results.states(monitor.name, variable.name)
        columns = {"time": Column(trace.times_s, "s")}
        labels = [str(k) for k in trace.ids]
        if trace.pre is not None and trace.post is not None:
            labels = [f"{k} ({i} to {j})" for k, i, j in zip(labels, trace.pre, trace.post, strict=True)]
        columns |= {f"{variable.name} {label}": Column(trace.data[:, k], trace.unit) for k, label in enumerate(labels)}
        yield Table("traces", f"{monitor.name}.{variable.name}", columns, f"{variable.name} of {monitor.source}")


def _rates(results: Results, monitor: Monitor) -> Iterator[Table]:
    found = results.rates(monitor.name)
    columns = {"time": Column(found.times_s, "s", "beginning of the bin"), "rate": Column(found.values, "Hz")}
    yield Table("rates", monitor.name, columns, f"Mean rate of {monitor.source}")


def _pairs(results: Results, monitor: Monitor) -> Iterator[Table]:
    found = results.connectivity(monitor.name)
    columns = _ends(found.pre, found.post) | {k: Column(v, found.units[k]) for k, v in found.values.items()}
    yield Table("connectivity", monitor.name, columns, f"Synapses from {found.source} to {found.target}")


def _synapse_events(results: Results, monitor: Monitor) -> Iterator[Table]:
    found = results.synapse_events(monitor.name)
    columns = {"time": Column(found.times_s, "s"), "synapse": Column(found.ids, about="its number")}
    columns |= _ends(found.pre, found.post) | _extras(monitor, found.extras)
    yield Table("synapse_events", monitor.name, columns, f"Events at synapses of {monitor.source}")


def _ends(pre: IntArray, post: IntArray) -> dict[str, Column]:
    return {"pre": Column(pre, about="source neuron"), "post": Column(post, about="target neuron")}


def _extras(monitor: Monitor, values: Mapping[str, NDArray[Any]]) -> dict[str, Column]:
    """What was recorded with each event; a variable named like a column before it steps aside."""
    taken = {"time", "neuron", "synapse", "pre", "post"}
    return {f"{c.name}_" if c.name in taken else c.name: Column(values[c.name], c.unit) for c in monitor.columns}


_TABLES = {
    MonitorKind.SPIKES: _spikes,
    MonitorKind.COUNTS: _counts,
    MonitorKind.STATE: _traces,
    MonitorKind.RATE: _rates,
    MonitorKind.CONNECTIVITY: _pairs,
    MonitorKind.SYNAPSE_EVENTS: _synapse_events,
}
"""The tables of each kind of monitor."""
