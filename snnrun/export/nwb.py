"""Results as a file of Neurodata Without Borders (NWB 2).

Spikes are the table of units, a row a neuron; samples and rates are time series; frames of stimuli are intervals;
everything else is a table of the module `misc`. Nothing was measured: there are no electrodes, and the subject is the
model.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from hdmf.common import DynamicTable, VectorData, VectorIndex
from pynwb import NWBHDF5IO, NWBFile, TimeSeries
from pynwb.epoch import TimeIntervals
from pynwb.file import Subject
from pynwb.misc import Units

from snnrun import __version__
from snnrun.export.finished import Finished, Table, metrics, tables
from snnrun.results.layout import EXPERIMENT_FILE, Monitor, MonitorKind
from snnrun.results.reader import Results


def write(finished: Finished, target: Path) -> None:
    """Write an NWB file."""
    with finished.results() as results:
        file = _file(finished, results)
        of_spikes = [m for m in results.monitors() if m.kind is MonitorKind.SPIKES and not m.events]
        if of_spikes:
            file.units = _units(results, of_spikes)
        for monitor in results.monitors():
            _add_series(file, results, monitor)
        for table in (*tables(results), metrics(results)):
            _add_table(file, table)
        with NWBHDF5IO(target, "w") as io:
            io.write(file)


def _file(finished: Finished, results: Results) -> NWBFile:
    experiment, about = finished.experiment, results.description
    references = [experiment.references] if isinstance(experiment.references, str) else experiment.references
    file = NWBFile(
        session_description=about.title or finished.name,
        experiment_description=experiment.description or finished.name,
        identifier=f"{finished.name}-{about.hash}-{finished.digest[:16]}",
        session_id=about.hash,
        session_start_time=datetime.fromisoformat(finished.provenance["started"]),
        experimenter=[_family_first(who.name) for who in finished.authors] or None,
        institution="; ".join(dict.fromkeys(who.affiliation for who in finished.authors if who.affiliation)) or None,
        related_publications=references or None,
        keywords=["simulation", "spiking neural network", finished.name],
        notes=f"A simulation; seed {about.seed}, step {about.dt:g} s. License: {experiment.license or 'not given'}.",
        source_script=(finished.folder / EXPERIMENT_FILE).read_text(encoding="utf-8"),
        source_script_file_name=EXPERIMENT_FILE,
        was_generated_by=[["snnrun", finished.provenance["packages"].get("snnrun", __version__)]],
    )
    sizes = ", ".join(f"{group.size} {group.name}" for group in about.groups)
    file.subject = Subject(
        subject_id=finished.name,
        description=f"A model ({sizes or 'no neurons'}) and no animal: it has no age, sex or species",
        age="P0D",
        sex="U",
    )
    return file


def _family_first(name: str) -> str:
    """`Lovelace, Ada`, as NWB asks for."""
    given, _, family = name.rpartition(" ")
    return name if "," in name or not given else f"{family}, {given}"


def _units(results: Results, monitors: list[Monitor]) -> Units:
    """The spikes of all monitors: a row for each neuron that a monitor watches."""
    times: list[Any] = []
    ends: list[Any] = []
    spans: list[Any] = []
    labels: dict[str, list[Any]] = {"population": [], "neuron": [], "monitor": []}
    stored = 0
    for monitor in monitors:
        found, watched = results.spikes(monitor.name), results.watched(monitor.name)
        neurons = np.arange(monitor.size) if watched is None else np.sort(watched)
        order = np.lexsort((found.times_s, found.ids))
        times.append(found.times_s[order])
        bounds = np.searchsorted(found.ids[order], neurons, "right")
        ends.append(stored + bounds)
        stored += len(order)
        recorded = results.recorded(monitor.name)
        spans += [recorded] * len(neurons)
        labels["population"] += [monitor.source.partition(".")[0]] * len(neurons)
        labels["neuron"] += neurons.tolist()
        labels["monitor"] += [monitor.name] * len(neurons)
    spike_times = VectorData(name="spike_times", description="Times of spikes [s]", data=np.concatenate(times))
    lengths = np.cumsum([len(span) for span in spans])
    intervals = np.concatenate(spans) if spans else np.zeros((0, 2))
    observed = VectorData(name="obs_intervals", description="From when to when it was recorded [s]", data=intervals)
    columns = [
        spike_times,
        VectorIndex(name="spike_times_index", data=np.concatenate(ends), target=spike_times),
        observed,
        VectorIndex(name="obs_intervals_index", data=lengths, target=observed),
        *(VectorData(name=key, description=_LABELS[key], data=values) for key, values in labels.items()),
    ]
    names = ["spike_times", "obs_intervals", *labels]
    dt = results.description.dt
    return Units(name="units", description="Neurons of the model", columns=columns, colnames=names, resolution=dt)


_LABELS = {
    "population": "Group of the neuron",
    "neuron": "Its number in the group",
    "monitor": "The monitor that recorded it",
}


def _add_series(file: NWBFile, results: Results, monitor: Monitor) -> None:
    """Add the samples or the rate of a monitor as time series."""
    if monitor.kind is MonitorKind.RATE:
        rate = results.rates(monitor.name)
        _module(file).add(
            TimeSeries(
                name=f"rates.{monitor.name}",
                data=rate.values,
                unit="Hz",
                starting_time=float(rate.times_s[0]) if len(rate.values) else 0.0,
                rate=1 / rate.bin,
                description=f"Mean rate of {monitor.source}",
            )
        )
    if monitor.kind is not MonitorKind.STATE:
        return
    for column in monitor.columns:
        trace = results.states(monitor.name, column.name)
        steps = np.diff(trace.times_s[:2])
        what = f"{column.name} of {monitor.source}"
        if trace.pre is not None and trace.post is not None:
            elements = [f"{k} ({i} to {j})" for k, i, j in zip(trace.ids, trace.pre, trace.post, strict=True)]
        else:
            elements = trace.ids.tolist()
        name = f"traces.{monitor.name}.{column.name}"
        if len(steps) and trace.data.shape[0] >= trace.data.shape[1]:
            file.add_acquisition(
                TimeSeries(
                    name=name,
                    data=trace.data,
                    unit=trace.unit,
                    starting_time=float(trace.times_s[0]),
                    rate=1 / float(steps[0]),
                    description=f"{what}: a column an element",
                    comments=f"elements: {elements}",
                )
            )
        else:  # time is the longer side of a time series
            _module(file).add(
                DynamicTable(
                    name=name,
                    description=f"{what} [{trace.unit}] at {trace.times_s.tolist()} s",
                    columns=[
                        VectorData(name="element", description="Neuron or synapse", data=elements),
                        VectorData(name="values", description="Its samples", data=trace.data.T),
                    ],
                )
            )


def _add_table(file: NWBFile, table: Table) -> None:
    """Add a table that is no time series; spikes are among the units, here is what was recorded with them."""
    if table.section in ("traces", "rates") or (table.section == "spikes" and len(table.columns) == 2):
        return
    if table.section == "stimuli":
        columns = {"start": "start_time", "stop": "stop_time", "label": "label"}
        file.add_time_intervals(
            TimeIntervals(
                name=table.name,
                description=table.about,
                columns=list(_vectors(table, columns)),
                colnames=[columns[key] for key in table.columns],
            )
        )
    elif table.columns:
        name = f"{table.section}.{table.name}".lstrip(".")
        vectors = list(_vectors(table, {}))
        _module(file).add(DynamicTable(name=name, description=table.about, columns=vectors))


def _vectors(table: Table, names: dict[str, str]) -> Iterator[VectorData]:
    for key, column in table.columns.items():
        unit = "" if column.unit == "1" else f" [{column.unit}]"
        values = column.values.tolist() if column.values.dtype.kind == "U" else column.values
        yield VectorData(name=names.get(key, key), description=f"{column.about or key}{unit}", data=values)


def _module(file: NWBFile) -> Any:
    found = file.processing.get("misc")
    return file.create_processing_module("misc", "What a simulation recorded beside spikes") if found is None else found
