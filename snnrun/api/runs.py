"""The results of one run in Python."""

from __future__ import annotations

import base64
import html
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from snnrun.api.values import Table, Values, package
from snnrun.files.reading import read_json
from snnrun.results import reader as results
from snnrun.results.done import Done
from snnrun.results.folder import PICTURES
from snnrun.results.layout import EXPERIMENT_FILE, PROVENANCE_FILE, IntArray, MonitorKind, Stimulus
from snnrun.results.reader import Results


@dataclass(frozen=True, slots=True, eq=False)
class Spikes:
    """What a monitor of spikes or events recorded.

    Args:
        times: Time of each, shape (n,). [s]
        ids: Its neuron in the whole group, shape (n,).
        variables: Values recorded with each, shape (n,).
        group: The group.
        size: Number of neurons of the group.
        duration: Length of the run. [s]
    """

    times: Values
    ids: IntArray
    variables: dict[str, Values]
    group: str
    size: int
    duration: float

    def __len__(self) -> int:
        return len(self.ids)

    def of(self, neuron: int) -> Values:
        """The times of one neuron, shape (its spikes,), in s."""
        return self.times[self.ids == neuron]

    def to_pandas(self) -> Any:
        """A DataFrame with a row a spike: `time` [s], `neuron`, and the recorded variables [SI]."""
        columns = {"time": self.times.si, "neuron": self.ids} | {k: v.si for k, v in self.variables.items()}
        return package("pandas", "to_pandas").DataFrame(columns)

    def to_neo(self) -> list[Any]:
        """A `neo.SpikeTrain` for each neuron of the group, in order."""
        train = results.SpikeTrain(self.times.si, self.ids, {}, self.size, self.group)
        found: list[Any] = _neo().spike_trains(train, self.duration)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class SynapseEvents:
    """What a monitor recorded when events arrived at synapses.

    Args:
        times: Time of each event, shape (n,). [s]
        ids: Its synapse, as created, shape (n,).
        pre: Source neuron of the synapse, shape (n,).
        post: Target neuron of the synapse, shape (n,).
        variables: Values that each event found, shape (n,).
        synapses: The synapses object.
    """

    times: Values
    ids: IntArray
    pre: IntArray
    post: IntArray
    variables: dict[str, Values]
    synapses: str

    def __len__(self) -> int:
        return len(self.ids)

    def of(self, synapse: int) -> Values:
        """The times of the events of one synapse, shape (its events,), in s."""
        return self.times[self.ids == synapse]

    def to_pandas(self) -> Any:
        """A DataFrame with a row an event: `time` [s], `synapse`, `pre`, `post`, and the recorded variables [SI]."""
        columns = {"time": self.times.si, "synapse": self.ids, "pre": self.pre, "post": self.post}
        return package("pandas", "to_pandas").DataFrame(columns | {k: v.si for k, v in self.variables.items()})


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """When the frames of a stimulus were shown, and what they are.

    Args:
        start: Beginning of each frame, shape (frames,). [s]
        stop: Its end, shape (frames,). [s]
        labels: Its label, shape (frames,); None where the experiment has no labels.
    """

    start: Values
    stop: Values
    labels: IntArray | None

    def __len__(self) -> int:
        return len(self.start)

    def to_pandas(self) -> Any:
        """A DataFrame with a row a frame: `start` [s], `stop` [s], and `label` where there are labels."""
        columns = {"start": self.start.si, "stop": self.stop.si}
        labels = {} if self.labels is None else {"label": self.labels}
        return package("pandas", "to_pandas").DataFrame(columns | labels)


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """The samples of a variable.

    Args:
        name: The variable.
        times: Time of each sample, shape (samples,). [s]
        values: The samples, shape (samples, elements).
        ids: Neuron or synapse number of each element, shape (elements,).
        pre: Of synapses, the source neuron of each element, shape (elements,); None of neurons.
        post: Of synapses, the target neuron of each element, shape (elements,); None of neurons.
        source: The group or synapses object.
    """

    name: str
    times: Values
    values: Values
    ids: IntArray
    pre: IntArray | None
    post: IntArray | None
    source: str

    @property
    def unit(self) -> str:
        """The SI unit of the samples."""
        return self.values.unit

    def to_pandas(self) -> Any:
        """A DataFrame with a row a sample (index: time [s]) and a column an element [SI]."""
        pandas = package("pandas", "to_pandas")
        index = pandas.Index(self.times.si, name="time")
        return pandas.DataFrame(self.values.si, index=index, columns=pandas.Index(self.ids, name="element"))

    def to_xarray(self) -> Any:
        """A DataArray over `time` [s] and `element`, with its unit as attribute `units`."""
        xarray = package("xarray", "to_xarray")
        coordinates: dict[str, Any] = {"time": ("time", self.times.si, {"units": "s"}), "element": self.ids}
        coordinates |= {k: ("element", v) for k, v in (("pre", self.pre), ("post", self.post)) if v is not None}
        attributes = {"units": self.unit, "source": self.source}
        return xarray.DataArray(self.values.si, coordinates, ("time", "element"), name=self.name, attrs=attributes)

    def to_neo(self) -> Any:
        """A `neo.AnalogSignal` with a channel an element."""
        samples = (self.times.si, self.values.si, self.ids, self.unit, self.pre, self.post, self.source)
        return _neo().analog_signal(results.Trace(*samples), self.name)


@dataclass(frozen=True, slots=True, eq=False)
class Rate:
    """The mean rate of a group over time.

    Args:
        times: Beginning of each bin, shape (bins,). [s]
        values: Rate of each bin, shape (bins,). [Hz]
        bin: Length of a bin. [s]
        group: The group.
    """

    times: Values
    values: Values
    bin: float
    group: str

    def to_pandas(self) -> Any:
        """A Series of the rate [Hz] with the time [s] as index."""
        pandas = package("pandas", "to_pandas")
        return pandas.Series(self.values.si, index=pandas.Index(self.times.si, name="time"), name="rate")


@dataclass(frozen=True, slots=True, eq=False)
class Connectivity:
    """The synapses of an object.

    Args:
        pre: Source neuron of each synapse, shape (n,).
        post: Target neuron of each synapse, shape (n,).
        variables: Values of each stored variable, shape (n,).
        source: Source group.
        target: Target group.
        shape: Numbers of neurons of source and target.
    """

    pre: IntArray
    post: IntArray
    variables: dict[str, Values]
    source: str
    target: str
    shape: tuple[int, int]

    def __len__(self) -> int:
        return len(self.pre)

    def to_pandas(self) -> Any:
        """A DataFrame with a row a synapse: `pre`, `post`, and the stored variables [SI]."""
        columns = {"pre": self.pre, "post": self.post} | {k: v.si for k, v in self.variables.items()}
        return package("pandas", "to_pandas").DataFrame(columns)

    def to_matrix(self, variable: str) -> NDArray[np.float64]:
        """The sum of a variable over the synapses of each pair, shape (sources, targets), in SI units."""
        matrix = np.zeros(self.shape)
        np.add.at(matrix, (self.pre, self.post), self.variables[variable].si)
        return matrix


class Run:
    """The results of a run.

    `spikes`, `synapse_events`, `traces`, `rates`, `connectivity` by name of the monitor; `stimuli`, `metrics` by name.

    Args:
        folder: Its folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = Results.open(folder)
        self._done = Done.read(folder)
        about = self._file.description
        self.name = about.name
        self.seed = about.seed
        self.dt = about.dt
        self.duration = about.duration
        self.status = self._file.status.value
        self.digest = self._done.digest

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; what was read stays."""
        self._file.close()

    def _names(self, *kinds: MonitorKind) -> list[str]:
        return [m.name for m in self._file.monitors() if m.kind in kinds]

    @property
    def spikes(self) -> Table[Spikes]:
        """Spikes and events, by monitor."""
        return Table(self._names(MonitorKind.SPIKES), self._spikes, "monitors of spikes")

    def _spikes(self, name: str) -> Spikes:
        found = self._file.spikes(name)
        units = {c.name: c.unit for c in self._file.monitor(name).columns}
        variables = {k: Values(v, units[k]) for k, v in found.extras.items()}
        return Spikes(Values(found.times_s, "s"), found.ids, variables, found.group, found.size, self.duration)

    @property
    def synapse_events(self) -> Table[SynapseEvents]:
        """Events at synapses, by monitor."""
        return Table(self._names(MonitorKind.SYNAPSE_EVENTS), self._synapse_events, "monitors of events at synapses")

    def _synapse_events(self, name: str) -> SynapseEvents:
        found = self._file.synapse_events(name)
        units = {c.name: c.unit for c in self._file.monitor(name).columns}
        variables = {k: Values(v, units[k]) for k, v in found.extras.items()}
        return SynapseEvents(Values(found.times_s, "s"), found.ids, found.pre, found.post, variables, found.synapses)

    @property
    def stimuli(self) -> Table[Frames]:
        """The stimuli of the experiment, by name."""
        found = self._file.stimuli()
        return Table(list(found), lambda name: _frames(found[name]), "stimuli")

    @property
    def counts(self) -> Table[IntArray]:
        """The number of spikes of each neuron of the whole group, shape (neurons,), by monitor."""
        return Table(self._names(MonitorKind.SPIKES, MonitorKind.COUNTS), self._file.counts, "monitors of spikes")

    @property
    def traces(self) -> Table[Table[Trace]]:
        """Recorded variables: `traces[monitor][variable]`."""
        return Table(self._names(MonitorKind.STATE), self._variables, "monitors of variables")

    def _variables(self, monitor: str) -> Table[Trace]:
        columns = [c.name for c in self._file.monitor(monitor).columns]
        return Table(columns, lambda variable: self._trace(monitor, variable), f"variables of `{monitor}`")

    def _trace(self, monitor: str, variable: str) -> Trace:
        t = self._file.states(monitor, variable)
        return Trace(variable, Values(t.times_s, "s"), Values(t.data, t.unit), t.ids, t.pre, t.post, t.source)

    @property
    def rates(self) -> Table[Rate]:
        """Mean rates of groups, by monitor."""
        return Table(self._names(MonitorKind.RATE), self._rate, "monitors of rates")

    def _rate(self, name: str) -> Rate:
        found = self._file.rates(name)
        return Rate(Values(found.times_s, "s"), Values(found.values, "Hz"), found.bin, found.group)

    @property
    def connectivity(self) -> Table[Connectivity]:
        """Synapses, by monitor."""
        return Table(self._names(MonitorKind.CONNECTIVITY), self._connectivity, "monitors of connectivity")

    def _connectivity(self, name: str) -> Connectivity:
        c = self._file.connectivity(name)
        variables = {k: Values(v, c.units[k]) for k, v in c.values.items()}
        return Connectivity(c.pre, c.post, variables, c.source, c.target, (c.source_size, c.target_size))

    @cached_property
    def metrics(self) -> Table[Values]:
        """All metrics, by name."""
        found = {name: Values(metric.value, metric.unit) for name, metric in self._file.metrics.items()}
        return Table(list(found), found.__getitem__, "metrics")

    @property
    def pictures(self) -> list[Path]:
        """The pictures, by name of the file."""
        return sorted((self.folder / PICTURES).glob("*.*"))

    @property
    def experiment(self) -> str:
        """The text of the experiment that gave these results; it runs again by itself."""
        return (self.folder / EXPERIMENT_FILE).read_text(encoding="utf-8")

    @property
    def provenance(self) -> dict[str, Any]:
        """When, by which command and with which versions it ran."""
        found: dict[str, Any] = read_json(self.folder / PROVENANCE_FILE)
        return found

    def to_neo(self) -> Any:
        """A `neo.Block` with one segment: all spikes, recorded variables and rates; frames of stimuli are epochs."""
        return _neo().block_of(self._file, self.provenance)

    def __repr__(self) -> str:
        parts = [f"Run {self.name}: {self.status}, {self.folder}"]
        tables = (self.spikes, self.synapse_events, self.traces, self.rates, self.connectivity, self.stimuli)
        parts += [f"  {repr(table)[1:-1]}" for table in tables if table]
        parts += [f"  {name} = {value!r}" for name, value in self.metrics.items()]
        return "\n".join(parts)

    def _repr_html_(self) -> str:
        """What a notebook shows: the summary, and the pictures that browsers can show."""
        images = [base64.b64encode(p.read_bytes()).decode() for p in self.pictures if p.suffix == ".png"]
        shown = [f'<img style="max-width: 100%" src="data:image/png;base64,{image}">' for image in images]
        return f"<pre>{html.escape(repr(self))}</pre>{''.join(shown)}"


def _neo() -> ModuleType:
    """The module that makes objects of neo, once neo is known to be there."""
    package("neo", "to_neo")
    return import_module("snnrun.export.neo_block")


def _frames(found: Stimulus) -> Frames:
    return Frames(Values(found.start, "s"), Values(found.stop, "s"), found.label)
