"""Tables of a row a synapse or a spike: csv and its like, numpy's formats, parquet, HDF5, SONATA."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnrun.files.hdf5 import Folder, open_hdf5
from snnrun.files.npy import Unreadable
from snnrun.model.network import FloatArray, IntArray
from snnrun.resolve.context import Context, Path
from snnrun.resolve.files import find_file, reading
from snnrun.resolve.tables import Table, finite_numbers, listed, read_table, whole_numbers
from snnrun.spec.nodes import ListNode, MapNode

_EDGES = (("i", "j"), ("source", "target"), ("pre", "post"), ("source_node_id", "target_node_id"))
_SPIKES = (("neuron", "time"), ("i", "t"), ("node_ids", "timestamps"), ("senders", "times"))
_EDGE_HELP = "a table of edges has the columns i, j, and what `to` names; an h5 file without `dataset` is SONATA's"
_SPIKE_HELP = "a table of spikes has the columns neuron, time; an h5 file without `dataset` is SONATA's"


@dataclass(frozen=True, slots=True)
class Edges:
    """Synapses of a file.

    Args:
        pre: Source indices, shape (n,).
        post: Target indices, shape (n,).
        columns: What the file says of each synapse beside, by the names that were asked for, shape (n,) each.
        units: Their units, where the file says them.
    """

    pre: IntArray
    post: IntArray
    columns: dict[str, NDArray[Any]]
    units: dict[str, str]


def read_edges(context: Context, path: Path) -> Edges:
    """The synapses of a map `{file, dataset, population, columns, to}`.

    Raises:
        ExperimentError: FIL201, FIL202.
    """
    wanted = {name: context.text((*path, "to", name)).value for name in context.document.keys((*path, "to"))}
    units: dict[str, str | None] = {}
    if _is_sonata(context, path):
        with reading(context, (*path, "file"), _EDGE_HELP), open_hdf5(find_file(context, (*path, "file"))) as h5:
            folder = _population(context, path, h5, "edges")
            ends = (folder.numbers("source_node_id"), folder.numbers("target_node_id"))
            _must_be_alike({"source_node_id": ends[0], "target_node_id": ends[1]})
            found = {name: _sonata_column(folder, column, len(ends[0])) for name, column in wanted.items()}
            units = {name: _sonata_unit(folder, column) for name, column in wanted.items()}
            unused = [name for name in _sonata_columns(folder) if name not in wanted.values()]
    else:
        table = _plain_table(context, path)
        with reading(context, (*path, "file"), _EDGE_HELP):
            names = _two_columns(context, path, table, _EDGES)
            ends = (table.column(names[0]), table.column(names[1]))
            found = {name: table.column(column) for name, column in wanted.items()}
            units = dict.fromkeys(wanted, table.unit)
            unused = [name for name in table.columns if name not in (*names, *wanted.values())]
    with reading(context, (*path, "file"), _EDGE_HELP):
        pre, post = whole_numbers(ends[0], "source indices"), whole_numbers(ends[1], "target indices")
    _say_unused(context, path, unused, "name them in `to`, such as `to: {w: weight, delay: delay}`")
    return Edges(pre, post, found, {name: unit for name, unit in units.items() if unit is not None})


def read_spikes(context: Context, path: Path) -> tuple[IntArray, FloatArray, str | None]:
    """The spikes of a map `{file, dataset, population, columns}`.

    Returns:
        Neurons, times, and the unit of the times when the file says it.

    Raises:
        ExperimentError: FIL201, FIL202.
    """
    if _is_sonata(context, path):
        with reading(context, (*path, "file"), _SPIKE_HELP), open_hdf5(find_file(context, (*path, "file"))) as h5:
            folder = _population(context, path, h5, "spikes")
            ids, times = folder.numbers("node_ids"), folder.numbers("timestamps")
            _must_be_alike({"node_ids": ids, "timestamps": times})
            unit = folder.unit("timestamps")
            if unit is None and not context.document.has((*path, "unit")):
                unit = "ms"  # SONATA's own
        unused: list[str] = []
    else:
        table = _plain_table(context, path)
        with reading(context, (*path, "file"), _SPIKE_HELP):
            names = _two_columns(context, path, table, _SPIKES)
            ids, times, unit = table.column(names[0]), table.column(names[1]), table.unit
        unused = [name for name in table.columns if name not in names]
    _say_unused(context, path, unused, None)
    with reading(context, (*path, "file"), _SPIKE_HELP):
        return whole_numbers(ids, "neurons"), finite_numbers(times, "times"), unit


def _is_sonata(context: Context, path: Path) -> bool:
    name = context.text((*path, "file")).value.lower()
    return name.endswith((".h5", ".hdf5")) and not context.document.has((*path, "dataset"))


def _plain_table(context: Context, path: Path) -> Table:
    if context.document.has((*path, "population")):
        raise context.key_error(
            "FIL202", "only SONATA files (h5, without `dataset`) have populations", (*path, "population")
        )
    return read_table(context, path)


def _two_columns(context: Context, path: Path, table: Table, known: Sequence[tuple[str, str]]) -> tuple[str, str]:
    node = context.document.find((*path, "columns"))
    if isinstance(node, ListNode):
        first, second = (context.text((*path, "columns", k)).value for k in (0, 1))
        if first == second:
            raise context.error("FIL202", f"both columns are `{first}`", (*path, "columns"), "name two different ones")
        return first, second
    if not table.named:
        if len(table.columns) < 2:
            raise Unreadable("it has one column, two are needed")
        return "0", "1"
    for pair in known:
        if all(name in table.columns for name in pair):
            return pair
    raise Unreadable(f"its columns are {listed(table.columns)}", "say which two are meant: `columns: [first, second]`")


def _say_unused(context: Context, path: Path, unused: Sequence[str], help: str | None) -> None:
    if unused:
        word = "column" if len(unused) == 1 else "columns"
        context.report.warn(
            "NET149", f"{word} {listed(unused)} of the file: not used", context.document.span((*path, "file")), help
        )


def _must_be_alike(columns: dict[str, NDArray[Any]]) -> None:
    lengths = {name: array.shape for name, array in columns.items()}
    if len(set(lengths.values())) > 1 or any(len(shape) != 1 for shape in lengths.values()):
        shown = " and ".join(f"`{name}` the shape {shape}" for name, shape in lengths.items())
        raise Unreadable(f"its columns must be equally long: {shown}")


# SONATA


def _population(context: Context, path: Path, h5: Folder, section: str) -> Folder:
    """The population that is named, or the only one."""
    if not h5.has(section):
        raise Unreadable(f"it holds no `/{section}`, so it is no SONATA file of {section}")
    folder = h5.folder(section)
    names = folder.folders()
    node = context.document.node(path)
    if isinstance(node, MapNode) and "population" in node.entries:
        name = context.text((*path, "population")).value
        if name not in names:
            raise Unreadable(f"it has no population `{name}`; there is {listed(names)}")
        return folder.folder(name)
    if not names:
        raise Unreadable("it holds no population")
    if len(names) > 1:
        raise Unreadable(f"it holds the populations {listed(names)}", "choose one: `population: name`")
    return folder.folder(names[0])


_OF_EDGES = ("source_node_id", "target_node_id", "edge_type_id", "edge_group_id", "edge_group_index")


def _sonata_columns(folder: Folder) -> list[str]:
    """Names of what a population says of its edges, in all of its groups."""
    own = [name for name in folder.columns() if name not in _OF_EDGES]
    groups = (folder.folder(name) for name in folder.folders() if name.isdecimal())
    return list(dict.fromkeys([*own, *(name for group in groups for name in group.columns())]))


def _sonata_column(folder: Folder, name: str, size: int) -> NDArray[Any]:
    """What a population says of each edge: in the population itself, or in the group that each edge is in."""
    if name in _sonata_own(folder):
        values = folder.numbers(name)
        _must_be_alike({"source_node_id": np.empty(size), name: values})
        return values
    groups = [g for g in folder.folders() if g.isdecimal()]
    if name not in _sonata_columns(folder):
        raise Unreadable(f"its edges have no `{name}`; they have {listed(_sonata_columns(folder)) or 'nothing'}")
    where = _edge_places(folder, groups, size)
    values = np.empty(size)
    for group in groups:
        rows, places = where(int(group))
        if not len(rows):
            continue
        if not folder.has(f"{group}/{name}"):
            raise Unreadable(f"the edges of its group {group} have no `{name}`")
        numbers = folder.numbers(f"{group}/{name}")
        if numbers.ndim != 1 or (len(places) and (places.min() < 0 or places.max() >= len(numbers))):
            raise Unreadable(f"`edge_group_index` leads out of `{group}/{name}`, of shape {numbers.shape}")
        values[rows] = numbers[places]
    return values


def _sonata_unit(folder: Folder, name: str) -> str | None:
    """The unit of what a population says of each edge, one in all groups that have it."""
    groups = (f"{group}/{name}" for group in folder.folders() if group.isdecimal())
    places = [name] if name in _sonata_own(folder) else [place for place in groups if folder.has(place)]
    found = {folder.unit(place) for place in places}
    if len(found) > 1:
        raise Unreadable(f"the groups of its edges give `{name}` in different units")
    return found.pop() if found else None


def _sonata_own(folder: Folder) -> list[str]:
    return [name for name in folder.columns() if name not in _OF_EDGES]


def _edge_places(folder: Folder, groups: list[str], size: int) -> Callable[[int], tuple[IntArray, IntArray]]:
    """Which edges are in a group, and where in it."""
    given = {k: folder.has(k) for k in ("edge_group_id", "edge_group_index")}
    if not any(given.values()) and len(groups) == 1:
        everyone = np.arange(size, dtype=np.int64)
        return lambda _group: (everyone, everyone)
    if not all(given.values()):
        raise Unreadable("its edges need `edge_group_id` and `edge_group_index`")
    ids, index = (whole_numbers(folder.numbers(k), f"`{k}`") for k in given)
    _must_be_alike({"source_node_id": np.empty(size), "edge_group_id": ids, "edge_group_index": index})
    unknown = [k for k in np.unique(ids).tolist() if str(k) not in groups]
    if unknown:
        raise Unreadable(f"`edge_group_id` names the group {unknown[0]}, which it does not hold")

    def find(group: int) -> tuple[IntArray, IntArray]:
        rows = np.flatnonzero(ids == group)
        return rows, index[rows]

    return find
