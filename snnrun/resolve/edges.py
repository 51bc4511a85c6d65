"""Tables of a row a synapse or a spike: csv and its like, numpy's formats, parquet, HDF5, SONATA."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from snnrun.files.hdf5 import open_hdf5
from snnrun.files.npy import Unreadable
from snnrun.model.network import FloatArray, IntArray
from snnrun.resolve.context import Context, Path
from snnrun.resolve.files import find_file, reading
from snnrun.resolve.sonata import Members, is_sonata, must_be_alike, population_in, refuse_keys, types_of
from snnrun.resolve.tables import Table, finite_numbers, listed, read_table, whole_numbers
from snnrun.spec.nodes import ListNode

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
    if is_sonata(context, path):
        with reading(context, (*path, "file"), _EDGE_HELP), open_hdf5(find_file(context, (*path, "file"))) as h5:
            folder = population_in(context, path, h5, "edges")
            ends = (folder.numbers("source_node_id"), folder.numbers("target_node_id"))
            must_be_alike({"source_node_id": ends[0], "target_node_id": ends[1]})
            edges = Members(folder, "edge", len(ends[0]), types_of(context, path, "edge"))
            found = {name: edges.column(column) for name, column in wanted.items()}
            units = {name: edges.unit(column) for name, column in wanted.items()}
            unused = [name for name in edges.names() if name not in wanted.values()]
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
    if is_sonata(context, path):
        with reading(context, (*path, "file"), _SPIKE_HELP), open_hdf5(find_file(context, (*path, "file"))) as h5:
            folder = population_in(context, path, h5, "spikes")
            ids = folder.numbers("gids" if folder.has("gids") and not folder.has("node_ids") else "node_ids")
            times = folder.numbers("timestamps")
            must_be_alike({"node_ids": ids, "timestamps": times})
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


def _plain_table(context: Context, path: Path) -> Table:
    refuse_keys(context, path)
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
