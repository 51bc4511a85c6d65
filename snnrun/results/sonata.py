"""SONATA's view of `results.h5`: populations of nodes, spikes and edges with names that join.

    /nodes/<group>/{node_id, node_type_id, node_group_id, node_group_index, 0/model_type}
    /spikes/<group>/{timestamps [ms], node_ids, ...}, attributes `sorting`, `monitors`
    /edges/<synapses>/{source_node_id, target_node_id, edge_type_id, edge_group_id, edge_group_index, indices/...,
        0/{<variable>, delay [ms], syn_weight}}, attribute `monitors`

Spikes and edges are links to what the monitors recorded in `/snnrun/spikes` and `/snnrun/edges`: they take no space.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from snnrun.results.container import SORTING, attach, dimension, joined_view, require_group
from snnrun.results.layout import ConnectivityChannel, Description, GroupFacts, IntArray, RecordingPlan, SpikeChannel
from snnrun.results.resizable import blocks

_TEXT = h5py.string_dtype()
_SHORT = 1 << 12  # rows of a table that is stored as it is
_BYTES_OF_EDGE = 48  # both indices, `delay`, `edge_group_index`
_BYTES_OF_NODE = 40
_WEIGHTS = ("w", "weight")  # variables that are SONATA's `syn_weight`


def space(plan: RecordingPlan, sizes: Mapping[str, int]) -> int:
    """Bytes of the file that the view takes at most.

    Args:
        plan: What is recorded.
        sizes: Number of synapses of each connectivity monitor.
    """
    nodes = sum(c.size for c in plan.spikes) + sum(c.source_size + c.target_size for c in plan.connectivities)
    return _BYTES_OF_NODE * nodes + _BYTES_OF_EDGE * sum(sizes.values())


def write_view(
    file: h5py.File, plan: RecordingPlan, description: Description, watched: Mapping[str, IntArray | None]
) -> None:
    """Write SONATA's view of what was recorded.

    Args:
        file: The results, with all that was recorded.
        plan: What is recorded.
        description: What the results say about themselves.
        watched: The neurons that a monitor of spikes watches, shape (n,); None for all of its group.
    """
    groups = {group.name: group for group in description.groups}
    used: dict[str, GroupFacts] = {}
    of_group: dict[str, list[SpikeChannel]] = {}
    for channel in plan.spikes:
        if not channel.counts_only and not channel.events:
            of_group.setdefault(_head(channel.group), []).append(channel)
    for name, channels in of_group.items():
        if name in groups:
            used[name] = groups[name]
            _write_spikes(file, name, channels, watched)
    of_synapses: dict[str, list[ConnectivityChannel]] = {}
    for pairs in plan.connectivities:
        if f"snnrun/edges/{pairs.name}" in file:
            of_synapses.setdefault(pairs.synapses, []).append(pairs)
    for name, monitors in of_synapses.items():
        ends = [_head(monitors[0].source), _head(monitors[0].target)]
        if all(end in groups for end in ends):  # SONATA has no edges onto edges
            used |= {end: groups[end] for end in ends}
            _write_edges(file, name, monitors)
    for state in plan.states:
        if state.pre is None and state.source in groups:
            used[state.source] = groups[state.source]
    made: dict[tuple[int, bool], h5py.Group] = {}
    for group in used.values():
        alike = group.size, group.virtual
        if alike in made:  # nodes have no attributes of their own
            file["nodes"][group.name] = made[alike]
        else:
            made[alike] = _write_nodes(file, group)


def _head(view: str) -> str:
    """The group of a view such as `pop.exc`."""
    return view.partition(".")[0]


def _write_nodes(file: h5py.File, facts: GroupFacts) -> h5py.Group:
    nodes = require_group(file, f"nodes/{facts.name}")
    node = dimension(nodes, "node", facts.size)
    tables = _places(nodes, "node", facts.size)
    nodes["node_id"] = nodes["node_group_index"]  # bmtk asks for it
    kind = "virtual" if facts.virtual else "point_neuron"
    tables.append(require_group(nodes, "0").create_dataset("model_type", (facts.size,), _TEXT, fillvalue=kind))
    for table in tables:
        table.dims[0].attach_scale(node)
    return nodes


def _places(group: h5py.Group, what: str, length: int) -> list[h5py.Dataset]:
    """The tables that lead from nodes or edges to their attributes: of one type, in one group, in their order."""
    kind = group.create_dataset(f"{what}_type_id", (length,), "<i8", fillvalue=-1)
    number = group.create_dataset(f"{what}_group_id", (length,), "<u4", fillvalue=0)
    index = group.create_dataset(f"{what}_group_index", (length,), "<u8", **_packed(length))
    for start, stop in blocks(length):
        index[start:stop] = np.arange(start, stop, dtype="<u8")
    return [kind, number, index]


def _packed(length: int) -> dict[str, Any]:
    """How a long table is stored: counts and indices compress to a hundredth."""
    if length <= _SHORT:
        return {}
    return {"compression": "gzip", "compression_opts": 1, "shuffle": True, "chunks": True}


def _write_spikes(
    file: h5py.File, name: str, channels: list[SpikeChannel], watched: Mapping[str, IntArray | None]
) -> None:
    """The spikes of a group: those of the monitor of most neurons, and of those that watch none of its neurons."""
    shown = list(_disjoint(channels, watched))
    first = file[f"snnrun/spikes/{shown[0].name}"]
    monitors = [channel.name for channel in shown]
    if len(shown) == 1:
        require_group(file, "spikes")[name] = first
        first.attrs["monitors"] = monitors
        return
    group = require_group(file, f"spikes/{name}")
    tables = [file[f"snnrun/spikes/{monitor}"] for monitor in monitors]
    spike = dimension(group, "spike", sum(len(table["node_ids"]) for table in tables))
    for key, unit in (("timestamps", "ms"), ("node_ids", "1")):
        dataset = joined_view(group, key, [table[key] for table in tables])
        dataset.attrs["units"] = unit
        dataset.dims[0].attach_scale(spike)
    group.attrs.create("sorting", 0, dtype=SORTING)
    group.attrs["monitors"] = monitors


def _disjoint(channels: list[SpikeChannel], watched: Mapping[str, IntArray | None]) -> Iterator[SpikeChannel]:
    taken = np.zeros(channels[0].size, np.bool_)
    neurons = {c.name: found if (found := watched.get(c.name)) is not None else slice(None) for c in channels}
    count = {c.name: int(taken[neurons[c.name]].size) for c in channels}
    for channel in sorted(channels, key=lambda c: -count[c.name]):
        own = neurons[channel.name]
        if not taken[own].any():
            taken[own] = True
            yield channel


def _write_edges(file: h5py.File, name: str, monitors: list[ConnectivityChannel]) -> None:
    """The edges of a synapses object: the pairs, the variables that any of its monitors recorded, and the indices."""
    edges = require_group(file, f"edges/{name}")
    attributes = require_group(edges, "0")
    recorded = [file[f"snnrun/edges/{monitor.name}"] for monitor in monitors]
    pre, post = recorded[0]["source_node_id"], recorded[0]["target_node_id"]
    edge = recorded[0]["edge"]
    edges["source_node_id"], edges["target_node_id"], edges["edge"] = pre, post, edge
    for table in _places(edges, "edge", len(pre)):
        table.dims[0].attach_scale(edge)
    for group in recorded:
        for key, values in group["0"].items():
            if key in attributes:
                continue
            if key == "delay":  # SONATA's is in ms
                _write_delays(attributes, values, edge)
            else:
                attributes[key] = values
    weight = next((key for key in _WEIGHTS if key in attributes), None)
    if weight is not None and "syn_weight" not in attributes:
        attributes["syn_weight"] = attributes[weight]
    _write_index(edges, "source_to_target", pre[:], monitors[0].source_size)
    _write_index(edges, "target_to_source", post[:], monitors[0].target_size)
    edges.attrs["monitors"] = [monitor.name for monitor in monitors]


def _write_delays(attributes: h5py.Group, seconds: h5py.Dataset, edge: h5py.Dataset) -> None:
    milliseconds = attributes.create_dataset("delay", seconds.shape, "<f8")
    for start, stop in blocks(len(seconds)):
        milliseconds[start:stop] = np.round(seconds[start:stop] * 1e3, 12)
    milliseconds.attrs["units"] = "ms"
    milliseconds.dims[0].attach_scale(edge)


def _write_index(edges: h5py.Group, name: str, ends: NDArray[np.unsignedinteger], size: int) -> None:
    """SONATA's index of edges: for each node a range of rows of a table of ranges of edges.

    Args:
        edges: The population.
        name: `source_to_target` or `target_to_source`.
        ends: The node of each edge, shape (edges,).
        size: Number of nodes.
    """
    group = require_group(edges, f"indices/{name}")
    order = np.argsort(ends.astype(np.min_scalar_type(size)), kind="stable")  # 16 bits are sorted in linear time
    nodes = ends[order]
    first = np.ones(len(order), np.bool_)  # whether a range begins
    first[1:] = (np.diff(order) != 1) | (nodes[1:] != nodes[:-1])
    begins = np.flatnonzero(first)
    last = order[np.append(begins[1:], len(order)) - 1] if len(begins) else order
    ranges = np.stack([order[begins], last + 1], axis=1).astype("<u8")
    bounds = np.searchsorted(nodes[begins], np.arange(size + 1)).astype("<u8")
    ends_of = dimension(group, "ends", 2)
    for key, rows, axis in (
        ("node_id_to_ranges", np.stack([bounds[:-1], bounds[1:]], axis=1), dimension(group, "node", size)),
        ("range_to_edge_id", ranges, dimension(group, "range", len(ranges))),
    ):
        attach(group.create_dataset(key, data=rows, **_packed(len(rows))), (axis, ends_of))
    group["node_id_to_range"] = group["node_id_to_ranges"]  # the name in the Allen Institute's programs
