"""Numbers and tables of numbers from files: csv, tsv, txt, npy, npz, parquet, h5.

What a file holds is taken as it is or refused: nothing is rounded, cut or left out in silence.
"""

from __future__ import annotations

import csv
import io
import math
import re
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnrun.equations.parse import parse_expression
from snnrun.equations.scope import Typed, wrong_dimension
from snnrun.errors import ExperimentError
from snnrun.files.hdf5 import open_hdf5
from snnrun.files.npy import Unreadable, must_have_room, read_npy, read_npz
from snnrun.model.network import FloatArray, IntArray
from snnrun.resolve.context import Context, Path, known
from snnrun.resolve.files import find_file, reading
from snnrun.source import Text
from snnrun.spec.nodes import MapNode, ScalarNode
from snnrun.units.dimensions import ONE, Dimension

FORMATS = "files of numbers end in .csv, .tsv, .txt, .npy, .npz, .parquet or .h5"
_WIDEST = 2**53  # whole numbers up to here are exact in every format
_TIMES = {
    "seconds": "s",
    **dict.fromkeys(("millisecond", "milliseconds"), "ms"),
    **dict.fromkeys(("microsecond", "microseconds"), "us"),
}
_NO_UNIT = ("1", "none", "dimensionless", "a.u.", "-")
_SHOWN = 8  # names in a message
_AT = re.compile(r"could not convert string (.*) to float64 at row (\d+), column (\d+)")
_RAGGED = re.compile(r"from (\d+) to (\d+) at row (\d+)")


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of numbers, all of the same length.

    Args:
        columns: By name; those of a file without names are called `0`, `1`, ...
        named: Whether the file names them.
        unit: The unit that the file says all its numbers are in; None when it says none.
    """

    columns: dict[str, NDArray[Any]]
    named: bool
    unit: str | None = None

    def column(self, name: str) -> NDArray[Any]:
        """A column by its name, or by its number from 0 where the file has no names.

        Raises:
            Unreadable: There is none.
        """
        if name not in self.columns:
            raise Unreadable(f"it has no column `{name}`; its columns are {listed(self.columns)}")
        return _real(self.columns[name])

    @property
    def length(self) -> int:
        """Number of rows."""
        return len(next(iter(self.columns.values())))


def listed(names: Any) -> str:
    """Some names for a message."""
    shown = [f"`{name}`" for name in list(names)[:_SHOWN]]
    return ", ".join(shown) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def read_numbers(context: Context, path: Path, key: str = "file") -> tuple[FloatArray, str | None]:
    """The numbers of a map `{file: ..., dataset: ..., column: ...}`, in its unit of whatever dimension.

    Args:
        context: The resolution.
        path: The map.
        key: Its key that names the file.

    Returns:
        The array as it is in the file, finite, at least one number; of a column, shape (rows,). And the unit that the
        file says it is in; None when it says none.

    Raises:
        ExperimentError: FIL201, FIL202.
    """
    at_file = (*path, key)
    file = find_file(context, at_file)
    column, dataset = (_option(context, path, k) for k in ("column", "dataset"))
    with reading(context, at_file):
        if column is None:
            array, unit = _array(file, dataset)
        else:
            table = _table(file, dataset)
            array, unit = table.column(column), table.unit
        return _finite(_real(array)), unit


def read_table(context: Context, path: Path) -> Table:
    """The table of a map `{file: ..., dataset: ...}`.

    Raises:
        ExperimentError: FIL201, FIL202.
    """
    at_file = (*path, "file")
    file = find_file(context, at_file)
    with reading(context, at_file):
        return _table(file, _option(context, path, "dataset"))


def unit_of(context: Context, path: Path, dimension: Dimension, what: str, of: Path, own: str | None = None) -> float:
    """By how much the numbers of a file are multiplied to be SI values of a quantity.

    Args:
        context: The resolution.
        path: Where their unit stands.
        dimension: That of the quantity.
        what: The quantity, for messages.
        of: Where the numbers are named, for messages about their own unit, or that there is none.
        own: The unit that the file of numbers itself says they are in; None when it says none.

    Raises:
        ExperimentError: NET147 when the unit is missing or contradicts that of the numbers, EQ209 when it is that of
            another dimension.
    """
    scale, found = unit_in(context, path, of, own)
    if found is None:
        if dimension.is_one:
            return 1.0
        advice = f"add `{path[-1]}: ...`, a unit of {dimension.describe()}"
        raise context.error("NET147", f"{what} is {dimension.describe()}: say in which unit its file is", of, advice)
    if found == dimension:
        return scale
    if context.document.has(path):
        typed = Typed(context.graph.literal(scale), found)
        raise wrong_dimension(typed, dimension, f"the unit of {what}", context.expression(path))
    message = f"{what} is {dimension.describe()}, and the file says that its numbers are in `{own}`"
    raise context.error("NET147", message, of)


def unit_in(context: Context, path: Path, of: Path, own: str | None) -> tuple[float, Dimension | None]:
    """The unit of the numbers of a file: its size in SI units and its dimension, None when nothing says it.

    Args:
        context: The resolution.
        path: Where the experiment says it, if it does.
        of: Where the numbers are named.
        own: What the file of numbers itself says, if it does.

    Raises:
        ExperimentError: NET147 when the two differ, or the file of numbers says something that is not a unit.
    """
    written = context.document.has(path)
    stored = None if own is None else _stored_unit(context, own)
    if own is not None and stored is None:
        message = f"the file says that its numbers are in `{own}`, which is not a known unit"
        if not written:
            raise context.error("NET147", message, of, "say which one is meant: `unit: ...`")
        context.report.warn("NET149", f"{message}; `{context.text(path).value}` counts", context.document.span(path))
    if not written:
        return stored or (1.0, None)
    scale, typed = written_unit(context, path)
    if stored is not None and (stored[1] != typed.dimension or not math.isclose(stored[0], scale, rel_tol=1e-12)):
        raise context.error("NET147", f"the file says that its numbers are in `{own}`", path, "leave `unit` out")
    return scale, typed.dimension


def in_units(
    context: Context, path: Path, values: FloatArray, own: str | None, key: str = "file"
) -> tuple[FloatArray, Dimension]:
    """Numbers of a map `{file: ..., unit: ..., scale: ...}` in SI units, and their dimension.

    Args:
        context: The resolution.
        path: The map.
        values: The numbers.
        own: The unit that their file says they are in; None when it says none.
        key: The key that names the file.

    Raises:
        ExperimentError: NET147 for units that contradict each other, NET103 for a `scale` that changes.
    """
    scale, unit = unit_in(context, (*path, "unit"), (*path, key), own)
    dimension = ONE if unit is None else unit
    if context.document.has((*path, "scale")):
        expr = context.expression((*path, "scale"))
        typed = context.checker({}, f"`scale` of array `{path[-1]}`").check(expr)
        scale *= known(typed, expr.span, "`scale`")
        dimension = dimension * typed.dimension
    return values * scale, dimension


def _stored_unit(context: Context, text: str) -> tuple[float, Dimension] | None:
    """The size and dimension of a unit that a file of numbers names; None when it is none that is known."""
    if text.lower() in _NO_UNIT:
        return 1.0, ONE
    try:
        name = _TIMES.get(text, text)
        typed = context.unit(parse_expression(Text.plain(name)))
    except ExperimentError:
        return None
    known = typed.exact is not None and 0 < typed.value < math.inf
    return (typed.value, typed.dimension) if known else None


def written_unit(context: Context, path: Path) -> tuple[float, Any]:
    """A `unit` of the file: its size in SI units, and the checked expression.

    Raises:
        ExperimentError: NET147: it is not a positive number.
    """
    expr = context.expression(path)
    typed = context.unit(expr)
    scale = known(typed, expr.span, "a unit")
    if not 0 < scale < math.inf:
        raise context.error("NET147", f"a unit is a positive quantity, this is {scale:g}", path)
    return scale, typed


def whole_numbers(values: NDArray[Any], what: str) -> IntArray:
    """Numbers of a file as whole numbers.

    Args:
        values: Shape (n,).
        what: What they are, for messages.

    Raises:
        Unreadable: One of them is none, or beyond 2**53.
    """
    wrong = ~(np.abs(np.asarray(values, np.float64)) <= _WIDEST)
    if values.dtype.kind == "f":  # in which 2**53 may have been 2**53 + 1
        wrong |= (values != np.floor(values)) | (np.abs(values) == _WIDEST)
    if np.any(wrong):
        k = int(np.argmax(wrong))
        raise Unreadable(f"{what} must be whole numbers within 2**53, in row {k + 1} stands {values[k].item()!r}")
    return values.astype(np.int64)


def finite_numbers(values: NDArray[Any], what: str) -> FloatArray:
    """Numbers of a column as floats.

    Raises:
        Unreadable: One of them is not finite.
    """
    numbers = np.asarray(values, np.float64)
    wrong = ~np.isfinite(numbers)
    if np.any(wrong):
        k = int(np.argmax(wrong))
        raise Unreadable(f"{what} must be finite, in row {k + 1} stands {numbers[k]:g}")
    return numbers


def _option(context: Context, path: Path, key: str) -> str | None:
    node = context.document.node(path)
    value = node.get(key) if isinstance(node, MapNode) else None
    return None if not isinstance(value, ScalarNode) or value.value is None else context.text((*path, key)).value


def _real(array: NDArray[Any]) -> NDArray[Any]:
    """The same numbers, when they are real ones."""
    if array.dtype.names:
        raise Unreadable(f"it is a table with the columns {listed(array.dtype.names)}", "choose one: `column: name`")
    if array.dtype.kind == "c":
        raise Unreadable("it holds complex numbers", "store the real part alone")
    if array.dtype.kind not in "biuf":
        raise Unreadable(f"it does not hold numbers but `{array.dtype}`")
    if array.size == 0:
        raise Unreadable("it holds no numbers")
    return array


def _finite(array: NDArray[Any]) -> FloatArray:
    numbers = np.asarray(array, np.float64)
    wrong = ~np.isfinite(numbers)
    if np.any(wrong):
        place = np.unravel_index(int(np.argmax(wrong)), numbers.shape)
        row, *rest = (int(k) + 1 for k in place) if place else (1,)
        where = f"row {row}" + "".join(f", column {k}" for k in rest[:1])
        raise Unreadable(f"its numbers must be finite, in {where} stands {numbers[place]:g}")
    return numbers


def _array(file: FilePath, dataset: str | None) -> tuple[NDArray[Any], str | None]:
    """An array of any shape, and its unit if the file says it; a table of one column is that column."""
    suffix = file.suffix.lower()
    _must_be_hdf5(suffix, dataset)
    if suffix == ".npy":
        with file.open("rb") as stream:
            return read_npy(stream, file.stat().st_size), None
    if suffix in (".csv", ".tsv", ".txt"):
        names, table = _text_table(file)
        if names is not None and len(names) > 1:
            raise Unreadable(f"its first line names the columns {listed(names)}", "choose one: `column: name`")
        return table.reshape(-1) if 1 in table.shape else table, None  # a line of numbers is a list as well
    if suffix in (".h5", ".hdf5"):
        if dataset is None:
            raise Unreadable("it may hold many datasets", "name one: `dataset: /path/in/file`")
        with open_hdf5(file) as h5:
            return h5.numbers(dataset), h5.unit(dataset)
    columns = _table(file, dataset).columns
    if len(columns) > 1:
        raise Unreadable(f"it holds {listed(columns)}", "choose one: `column: name`")
    return next(iter(columns.values())), None


def _must_be_hdf5(suffix: str, dataset: str | None) -> None:
    if dataset is not None and suffix not in (".h5", ".hdf5"):
        raise Unreadable("only HDF5 files have a `dataset`", "leave `dataset` out, or use `column`")


def _table(file: FilePath, dataset: str | None) -> Table:
    suffix = file.suffix.lower()
    _must_be_hdf5(suffix, dataset)
    if suffix in (".csv", ".tsv", ".txt"):
        names, array = _text_table(file)
        return _from_array(array) if names is None else _named(zip(names, array.T, strict=True))
    if suffix == ".npy":
        with file.open("rb") as stream:
            return _from_array(read_npy(stream, file.stat().st_size))
    if suffix == ".npz":
        return _named(read_npz(file))
    if suffix in (".parquet", ".pq"):
        return _parquet(file)
    if suffix in (".h5", ".hdf5"):
        if dataset is None:
            raise Unreadable("it may hold many datasets", "name one: `dataset: /path/in/file`")
        with open_hdf5(file) as h5:
            table, unit = _from_array(h5.numbers(dataset)), h5.unit(dataset)
            if unit is not None and table.named:
                raise Unreadable(f"`{dataset}` has the unit `{unit}` and does not say of which of its columns")
            return replace(table, unit=unit)
    raise Unreadable(f"`{suffix}` is not a known ending", FORMATS)


def _from_array(array: NDArray[Any]) -> Table:
    if array.dtype.names:
        return _named((name, array[name]) for name in array.dtype.names)
    columns = np.atleast_2d(_real(array).T)
    if columns.ndim != 2:
        raise Unreadable(f"a table has rows and columns, this array has the shape {array.shape}")
    return Table({str(k): column for k, column in enumerate(columns)}, named=False)


def _named(columns: Any) -> Table:
    """A table of columns with names.

    Raises:
        Unreadable: They differ in length, two have the same name, or one is not a vector of numbers.
    """
    found: dict[str, NDArray[Any]] = {}
    for name, column in columns:
        if name in found:
            raise Unreadable(f"two columns are called `{name}`")
        found[name] = np.asarray(column)
        if found[name].ndim != 1:
            raise Unreadable(f"the column `{name}` is not a list of numbers: it has the shape {found[name].shape}")
    if not found:
        raise Unreadable("it holds no columns")
    first = next(iter(found))
    for name, column in found.items():
        if len(column) != len(found[first]):
            raise Unreadable(
                f"its columns differ in length: `{first}` has {len(found[first])}, `{name}` {len(column)} values"
            )
    return Table(found, named=True)


def _parquet(file: FilePath) -> Table:
    try:
        from pyarrow import parquet  # noqa: PLC0415 - only when a file needs it
    except ImportError:
        raise Unreadable(
            "parquet files need the package pyarrow", "install it: pip install 'snnrun[parquet]'"
        ) from None
    with parquet.ParquetFile(file) as source:
        must_have_room(source.metadata.num_rows * max(source.metadata.num_columns, 1), file.stat().st_size)
        table = source.read()
        return _named((name, table.column(name).to_numpy()) for name in table.column_names)


def _text_table(file: FilePath) -> tuple[list[str] | None, FloatArray]:
    """The names in the first line, if it has any, and the numbers below, shape (rows, columns)."""
    try:
        with file.open(encoding="utf-8-sig", newline=None) as stream:
            comments: list[str] = []
            first = ""
            for first in filter(str.strip, stream):
                if not first.lstrip().startswith("#"):
                    break
                comments.append(first)
            delimiter = {".csv": ",", ".tsv": "\t"}.get(file.suffix.lower(), _delimiter(first))
            names = _names(first, delimiter)
            if names is None or not first.strip():
                stream.seek(0)
            table = _loadtxt(stream, delimiter)
    except UnicodeDecodeError:
        raise Unreadable("it is not text in UTF-8") from None
    if names is None:  # a comment may hold them
        found = (_names(line, delimiter) for line in comments)
        names = next((n for n in found if n is not None and len(n) == table.shape[1]), None)
    if names is not None and len(names) != table.shape[1]:
        raise Unreadable(f"its first line names {len(names)} columns, {table.shape[1]} follow")
    return names, table


def _delimiter(line: str) -> str | None:
    return next((d for d in ("\t", ",") if d in line), None)


def _names(line: str, delimiter: str | None) -> list[str] | None:
    """The names of columns that a line holds; None for one of numbers."""
    text = line.strip().removeprefix("#").strip() if line.lstrip().startswith("#") else line.strip("\r\n")
    fields = text.split() if delimiter is None else next(csv.reader(io.StringIO(text), delimiter=delimiter), [])
    fields = [field.strip() for field in fields]
    try:
        for field in fields:
            float(field)
    except ValueError:
        return fields
    return None


def _loadtxt(stream: Any, delimiter: str | None) -> FloatArray:
    try:
        table = np.loadtxt(stream, np.float64, delimiter=delimiter, ndmin=2, quotechar='"')
    except UnicodeDecodeError:
        raise
    except ValueError as problem:
        raise Unreadable(_explained(str(problem), delimiter)) from None
    if table.size == 0:
        raise Unreadable("it holds no numbers")
    return table


def _explained(message: str, delimiter: str | None) -> str:
    found = _AT.search(message)
    if found:
        row, column = int(found[2]) + 1, int(found[3])
        word = {",": "commas", "\t": "tabs", None: "spaces"}[delimiter]
        text = found[1] if len(found[1]) <= 40 else f"{found[1][:37]}..."
        return f"in row {row}, column {column} stands {text}, which is not a number (columns are separated by {word})"
    found = _RAGGED.search(message)
    if found:
        return f"its rows differ in length: {found[1]} numbers at first, {found[2]} in row {found[3]}"
    return message.splitlines()[0][:160]
