"""SONATA files of others: populations of nodes, edges and spikes, their attributes and their types."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnrun.files.hdf5 import Folder, open_hdf5
from snnrun.files.npy import Unreadable
from snnrun.files.reading import read_text
from snnrun.model.network import FloatArray, IntArray
from snnrun.resolve.context import Context, Path
from snnrun.resolve.files import find_file, reading
from snnrun.resolve.tables import finite_numbers, listed, whole_numbers
from snnrun.spec.nodes import MapNode

_NODE_HELP = "SONATA nodes are `/nodes/<population>` in an h5 file, with `node_type_id` and attributes"


def is_sonata(context: Context, path: Path) -> bool:
    """Whether a map `{file, dataset, ...}` names a SONATA file: HDF5 without a dataset."""
    name = context.text((*path, "file")).value.lower()
    return name.endswith((".h5", ".hdf5")) and not context.document.has((*path, "dataset"))


def refuse_keys(context: Context, path: Path) -> None:
    """Refuse keys that only SONATA files have, in a map that names another file.

    Raises:
        ExperimentError: FIL202.
    """
    for key, what in (("population", "populations"), ("types", "types")):
        if context.document.has((*path, key)):
            raise context.key_error("FIL202", f"only SONATA files (h5, without `dataset`) have {what}", (*path, key))


def population_in(context: Context, path: Path, h5: Folder, section: str) -> Folder:
    """The population that a map `{file, population}` names, or the only one."""
    if not h5.has(section):
        raise Unreadable(f"it holds no `/{section}`, so it is no SONATA file of {section}")
    folder = h5.folder(section)
    names = folder.folders()
    node = context.document.node(path)
    if isinstance(node, MapNode) and "population" in node.entries:
        name = context.text((*path, "population")).value
        if name not in names:
            raise Unreadable(f"it has no population `{name}`; there is {listed(names) or 'none'}")
        return folder.folder(name)
    if not names and section == "spikes" and folder.has("timestamps"):
        return folder  # before SONATA 0.1 spikes had no populations
    if not names:
        raise Unreadable("it holds no population")
    if len(names) > 1:
        raise Unreadable(f"it holds the populations {listed(names)}", "choose one: `population: name`")
    return folder.folder(names[0])


def read_attribute(context: Context, path: Path) -> tuple[FloatArray, str | None]:
    """An attribute of the nodes of a map `{file, population, types, column}`, shape (nodes,), and its unit if any.

    Raises:
        ExperimentError: FIL201, FIL202.
    """
    with _nodes(context, path) as nodes:
        if not context.document.has((*path, "column")):
            raise Unreadable("its nodes have attributes", f"choose one: `column: name`, of {nodes.known()}")
        name = context.text((*path, "column")).value
        return finite_numbers(nodes.column(name), f"`{name}`"), nodes.unit(name)


def read_size(context: Context, path: Path) -> int:
    """The number of nodes of a map `{file, population}`.

    Raises:
        ExperimentError: FIL201, FIL202.
    """
    with _nodes(context, path) as nodes:
        if not nodes.size:
            raise Unreadable("its population has no nodes")
        return nodes.size


@contextmanager
def _nodes(context: Context, path: Path) -> Iterator[Members]:
    at_file = (*path, "file")
    with reading(context, at_file, _NODE_HELP), open_hdf5(find_file(context, at_file)) as h5:
        folder = population_in(context, path, h5, "nodes")
        size = len(folder.numbers("node_type_id"))
        yield Members(folder, "node", size, types_of(context, path, "node"))


def types_of(context: Context, path: Path, what: str) -> dict[int, dict[str, str]]:
    """The table of types that a map names in `types`: attributes as text, by type.

    Raises:
        ExperimentError: FIL201, FIL202.
    """
    at_types = (*path, "types")
    if not context.document.has(at_types):
        return {}
    file = find_file(context, at_types)
    key = f"{what}_type_id"
    with reading(context, at_types, f"a table of types has the column `{key}`, and spaces or commas between columns"):
        text = read_text(file)
        delimiter = next((d for d in "\t," if d in text.partition("\n")[0]), " ")
        rows = list(csv.DictReader(io.StringIO(text), delimiter=delimiter, skipinitialspace=True))
        if not rows or key not in rows[0]:
            raise Unreadable(f"it has no column `{key}`")
        if not all(re.fullmatch(r"-?\d{1,18}", row[key] or "") for row in rows):
            raise Unreadable(f"`{key}` must be whole numbers")
        return {int(row[key]): {k: v for k, v in row.items() if k and isinstance(v, str)} for row in rows}


@dataclass(frozen=True, slots=True)
class Members:
    """The nodes or the edges of a population.

    Args:
        folder: The population.
        what: `node` or `edge`.
        size: Their number.
        types: Attributes of each type, as text.
    """

    folder: Folder
    what: str
    size: int
    types: dict[int, dict[str, str]] = field(default_factory=dict)

    def own(self) -> list[str]:
        """Names of what the population itself says of each."""
        structure = ("id", "type_id", "group_id", "group_index")
        known = {"source_node_id", "target_node_id", *(f"{self.what}_{key}" for key in structure)}
        return [name for name in self.folder.columns() if name not in known]

    def names(self) -> list[str]:
        """Names of what the population says of each, in all of its groups."""
        groups = (self.folder.folder(name) for name in self._groups())
        return list(dict.fromkeys([*self.own(), *(name for group in groups for name in group.columns())]))

    def known(self) -> str:
        """All names, for messages."""
        of_types = (name for row in self.types.values() for name in row if name != f"{self.what}_type_id")
        return listed(dict.fromkeys([*self.names(), *of_types])) or "nothing"

    def column(self, name: str) -> NDArray[Any]:
        """An attribute of each: of the population, else of its group, else of its type.

        Raises:
            Unreadable: It is not there for all of them.
        """
        if name in self.own():
            values = self.folder.numbers(name)
            must_be_alike({f"{self.what}_type_id": np.empty(self.size), name: values})
            return values
        of_types = self._of_types(name)
        if name not in self.names():
            if of_types is None:
                raise Unreadable(f"its {self.what}s have no `{name}`; they have {self.known()}")
            return of_types(np.arange(self.size))
        groups = self._groups()
        where = self._places(groups)
        values = np.empty(self.size)
        for group in groups:
            rows, places = where(int(group))
            if not len(rows):
                continue
            if not self.folder.has(f"{group}/{name}"):
                if of_types is None:
                    raise Unreadable(f"the {self.what}s of its group {group} have no `{name}`")
                values[rows] = of_types(rows)
                continue
            numbers = self.folder.numbers(f"{group}/{name}")
            if numbers.ndim != 1 or (len(places) and (places.min() < 0 or places.max() >= len(numbers))):
                index = f"{self.what}_group_index"
                raise Unreadable(f"`{index}` leads out of `{group}/{name}`, of shape {numbers.shape}")
            if numbers.dtype.kind not in "biuf":
                raise Unreadable(f"`{name}` of its {self.what}s is not a number")
            values[rows] = numbers[places]
        return values

    def unit(self, name: str) -> str | None:
        """The unit of an attribute, one in all groups that have it."""
        groups = (f"{group}/{name}" for group in self._groups())
        places = [name] if name in self.own() else [place for place in groups if self.folder.has(place)]
        found = {self.folder.unit(place) for place in places}
        if len(found) > 1:
            raise Unreadable(f"the groups of its {self.what}s give `{name}` in different units")
        return found.pop() if found else None

    def _groups(self) -> list[str]:
        return [name for name in self.folder.folders() if name.isdecimal()]

    def _of_types(self, name: str) -> Callable[[IntArray], FloatArray] | None:
        """What the types say of an attribute, for some of them; None when no type has it."""
        if not any(name in row for row in self.types.values()):
            return None
        key = f"{self.what}_type_id"
        ids = whole_numbers(self.folder.numbers(key), f"`{key}`")
        must_be_alike({f"its {self.what}s": np.empty(self.size), key: ids})

        def values(rows: IntArray) -> FloatArray:
            kinds, of_row = np.unique(ids[rows], return_inverse=True)
            return np.array([self._of_type(int(kind), name) for kind in kinds])[of_row]

        return values

    def _of_type(self, kind: int, name: str) -> float:
        text = self.types.get(kind, {}).get(name)
        try:
            return float("" if text is None else text)
        except ValueError:
            shown = "no" if text is None else f"`{text}` as"
            raise Unreadable(
                f"its type {kind} has {shown} `{name}` in the table of types: a number is needed"
            ) from None

    def _places(self, groups: list[str]) -> Callable[[int], tuple[IntArray, IntArray]]:
        """Which of them are in a group, and where in it."""
        keys = tuple(f"{self.what}_{key}" for key in ("group_id", "group_index"))
        given = [self.folder.has(key) for key in keys]
        if not any(given) and len(groups) == 1:
            everyone = np.arange(self.size, dtype=np.int64)
            return lambda _group: (everyone, everyone)
        if not all(given):
            raise Unreadable(f"its {self.what}s need {' and '.join(f'`{key}`' for key in keys)}")
        ids, index = (whole_numbers(self.folder.numbers(key), f"`{key}`") for key in keys)
        must_be_alike({f"its {self.what}s": np.empty(self.size), keys[0]: ids, keys[1]: index})
        unknown = [k for k in np.unique(ids).tolist() if str(k) not in groups]
        if unknown:
            raise Unreadable(f"`{keys[0]}` names the group {unknown[0]}, which it does not hold")

        def find(group: int) -> tuple[IntArray, IntArray]:
            rows = np.flatnonzero(ids == group)
            return rows, index[rows]

        return find


def must_be_alike(columns: dict[str, NDArray[Any]]) -> None:
    """Refuse columns that are not equally long vectors.

    Raises:
        Unreadable: They are not.
    """
    lengths = {name: array.shape for name, array in columns.items()}
    if len(set(lengths.values())) > 1 or any(len(shape) != 1 for shape in lengths.values()):
        shown = " and ".join(f"`{name}` the shape {shape}" for name, shape in lengths.items())
        raise Unreadable(f"its columns must be equally long: {shown}")
