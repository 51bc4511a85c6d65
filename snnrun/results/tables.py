"""The tables of `results.h5` when all rows are there: axes, SONATA's reports and edges, attributes."""

from __future__ import annotations

import json
from collections.abc import Mapping

import h5py
import numpy as np

from snnrun.results.container import (
    SORTING,
    attach,
    coordinate,
    dimension,
    require_group,
    single_precision_view,
    variable,
)
from snnrun.results.grid import Grid
from snnrun.results.layout import (
    ConnectivityChannel,
    RateChannel,
    SpikeChannel,
    StateChannel,
    SynapseEventChannel,
    ValueType,
    place_of,
    spike_variable,
    state_variable,
    synapse_event_variable,
)
from snnrun.results.resizable import ResizableDataset, blocks

Streams = Mapping[str, ResizableDataset]
"""What is appended to, by its path in the file."""


def finish_spikes(file: h5py.File, streams: Streams, channel: SpikeChannel, *, ordered: bool) -> None:
    """Write what waits of the spikes of a monitor, and say whether they are in the order of time."""
    base = f"spikes/{channel.name}"
    times = coordinate(streams[f"{base}/timestamps"].finish(file))
    others = [f"{base}/node_ids", *(spike_variable(channel.name, c.name) for c in channel.columns)]
    for path in others:
        streams[path].finish(file).dims[0].attach_scale(times)
    file[place_of(base)].attrs.create("sorting", 2 if ordered else 0, dtype=SORTING)


def finish_synapse_events(file: h5py.File, streams: Streams, channel: SynapseEventChannel) -> None:
    """Write what waits of the events at synapses that a monitor recorded."""
    base = f"snnrun/synapse_events/{channel.name}"
    times = coordinate(streams[f"{base}/time"].finish(file))
    others = [f"{base}/{index}" for index in ("synapse", "pre", "post")]
    for path in [*others, *(synapse_event_variable(channel.name, c.name) for c in channel.columns)]:
        streams[path].finish(file).dims[0].attach_scale(times)


def finish_states(file: h5py.File, streams: Streams, channel: StateChannel) -> None:
    """Write what waits of the samples of a monitor, with their axes and SONATA's report."""
    if not channel.columns:
        return
    grid = Grid.of(channel.start, channel.step)
    data = [streams[state_variable(channel.name, c.name)].finish(file) for c in channel.columns]
    group = data[0].parent
    group.attrs["start"], group.attrs["step"] = channel.start, channel.step
    time = _time_axis(group, grid, data[0].shape[0])
    element = coordinate(variable(group, "element", channel.ids.astype("<i8"), None))
    if channel.pre is not None and channel.post is not None:
        variable(group, "pre", channel.pre.astype("<i8"), "1", (element,))
        variable(group, "post", channel.post.astype("<i8"), "1", (element,))
    mapping: h5py.Group | None = None
    for column, dataset in zip(channel.columns, data, strict=True):
        attach(dataset, (time, element))
        report = require_group(file, f"report/{channel.name}.{column.name}")
        if column.type is ValueType.SINGLE:
            report["data"] = dataset
        else:
            view = single_precision_view(report, "data", dataset)
            view.attrs["units"] = column.unit
            attach(view, (time, element))
        report.attrs["population"] = channel.source
        # All variables of a monitor are sampled at the same places and times: one table, several names.
        report["time"], report["element"] = time, element
        if mapping is None:
            mapping = _write_mapping(report, channel, grid, dataset.shape[0])
        else:
            report["mapping"] = mapping


def finish_rates(file: h5py.File, streams: Streams, channel: RateChannel) -> None:
    """Write what waits of the rate of a group, with its time axis."""
    rate = streams[f"snnrun/rates/{channel.name}/rate"].finish(file)
    group = rate.parent
    rate.dims[0].attach_scale(_time_axis(group, Grid.of(channel.start, channel.bin), rate.shape[0]))
    group.attrs["start"], group.attrs["bin"] = channel.start, channel.bin
    if channel.smooth is not None:
        group.attrs["smooth"] = channel.smooth


def finish_connectivity(file: h5py.File, streams: Streams, channel: ConnectivityChannel) -> None:
    """Write what waits of the pairs of a synapses object."""
    base = f"edges/{channel.name}"
    source = streams.get(f"{base}/source_node_id")
    if source is None:
        return
    target = streams[f"{base}/target_node_id"]
    pre, post = source.finish(file), target.finish(file)
    pre.attrs["node_population"], post.attrs["node_population"] = (
        end.partition(".")[0] for end in (channel.source, channel.target)
    )
    group = pre.parent
    group.attrs["source"], group.attrs["target"] = channel.source, channel.target
    group.attrs["source_size"], group.attrs["target_size"] = (
        np.int64(size) for size in (channel.source_size, channel.target_size)
    )
    edge = dimension(group, "edge", source.length)
    values = [stream.finish(file) for path, stream in streams.items() if path.startswith(f"{base}/0/")]
    for dataset in (pre, post, *values):
        dataset.dims[0].attach_scale(edge)
    require_group(group, "0")


def finish_counts(file: h5py.File, streams: Streams, channel: SpikeChannel) -> None:
    """Write the number of spikes of each neuron."""
    stream = streams.get(f"snnrun/counts/{channel.name}")
    if stream is not None:
        counts = stream.finish(file)
        counts.dims[0].attach_scale(dimension(counts.parent, f"{channel.name}.neuron", stream.length))


def finish_series(file: h5py.File, streams: Streams, labels_of: Mapping[str, Mapping[str, str]]) -> None:
    """Write curves: columns of equal length with their labels."""
    for name, labels in labels_of.items():
        scale: h5py.Dataset | None = None
        for key, label in labels.items():
            dataset = streams[f"snnrun/series/{name}/{key}"].finish(file)
            if scale is None:
                scale = dimension(dataset.parent, "row", dataset.shape[0])
            dataset.attrs["long_name"] = label
            dataset.dims[0].attach_scale(scale)
        file[f"snnrun/series/{name}"].attrs["columns"] = json.dumps(list(labels), ensure_ascii=False)


def _time_axis(group: h5py.Group, grid: Grid, length: int) -> h5py.Dataset:
    time = group.create_dataset("time", (length,), "<f8")
    for start, stop in blocks(length):
        time[start:stop] = grid.milliseconds(np.arange(start, stop))
    time.attrs["units"] = "ms"
    return coordinate(time)


def _write_mapping(group: h5py.Group, channel: StateChannel, grid: Grid, samples: int) -> h5py.Group:
    """SONATA's table of what the columns of a report are: one element a neuron."""
    mapping: h5py.Group = require_group(group, "mapping")
    n = len(channel.ids)
    nodes = coordinate(variable(mapping, "node_ids", channel.ids.astype("<u8"), None))
    nodes.attrs["sorted"] = np.uint8(bool(np.all(channel.ids[1:] > channel.ids[:-1])))
    coordinate(variable(mapping, "index_pointers", np.arange(n + 1, dtype="<u8"), None))
    mapping["index_pointer"] = h5py.SoftLink("index_pointers")
    variable(mapping, "element_ids", np.zeros(n, "<u4"), None, (nodes,))
    variable(mapping, "element_pos", np.zeros(n, "<f4"), None, (nodes,))
    ends = grid.milliseconds(np.array([0, samples]))
    # Its dimension must not have the name of the time axis of the samples.
    scale = dimension(mapping, "start_stop_step", 3)
    variable(mapping, "time", np.array([ends[0], ends[1], grid.step]), "ms", (scale,))
    return mapping
