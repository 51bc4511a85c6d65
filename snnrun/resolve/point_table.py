"""The points of a sweep that stand in a file: a table with a row a point, a column a parameter."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnrun.resolve.context import Context, Path
from snnrun.resolve.tables import Table, listed, read_table
from snnrun.spec.models import PointsFile

PATH: Path = ("sweep", "points")
_HEAD = re.compile(r"(.*?)\s*\[(.*)\]")


@dataclass(frozen=True, slots=True)
class PointColumn:
    """The values of a parameter.

    Args:
        values: A number for each point, finite, shape (n,).
        unit: The unit that the file says they are in; None when it says none.
    """

    values: NDArray[Any]
    unit: str | None


def point_columns(context: Context) -> dict[str, PointColumn]:
    """The columns of the table of points, by parameter; none where points stand elsewhere, or the file is wrong.

    Errors are reported: FIL201 and FIL202 of the file, SWP703 of its columns. To be called by `Context.once`.
    """
    sweep = context.experiment.sweep
    found: dict[str, PointColumn] = {}
    if sweep is not None and isinstance(sweep.points, PointsFile):
        with context.collecting():
            table = read_table(context, PATH)
            names = sweep.points.columns
            found = _named(context, table, names) if table.named else _numbered(context, table, names)
            for name, column in found.items():
                _must_be_finite(context, name, column.values)
            for name in sweep.points.unit or ():
                if name not in found:
                    advice = f"its columns are {listed(found)}"
                    raise context.key_error("SWP703", f"no column `{name}` is used", (*PATH, "unit", name), advice)
    return found


def _named(context: Context, table: Table, wanted: list[str] | None) -> dict[str, PointColumn]:
    """The columns of a file that names them: `tau`, or `tau [ms]`."""
    found: dict[str, PointColumn] = {}
    for head in table.columns:
        match = _HEAD.fullmatch(head)
        name, unit = (match[1], match[2]) if match else (head, None)
        if name in found:
            raise context.error("SWP703", f"two columns of this file are called `{name}`", (*PATH, "file"))
        found[name] = PointColumn(table.columns[head], unit)
    for k, name in enumerate(wanted or ()):
        if name not in found:
            advice = f"its columns are {listed(found)}"
            raise context.error("SWP703", f"the file has no column `{name}`", (*PATH, "columns", k), advice)
    return {name: found[name] for name in wanted or found}


def _numbered(context: Context, table: Table, wanted: list[str] | None) -> dict[str, PointColumn]:
    """The columns of a file without names."""
    number = len(table.columns)
    if wanted is None:
        message = f"the {number} columns of this file have no names"
        raise context.error("SWP703", message, (*PATH, "file"), "add `columns: [...]`, the parameters in their order")
    if len(wanted) != number:
        message = f"`columns` has {len(wanted)} of the file's {number} columns"
        raise context.key_error("SWP703", message, (*PATH, "columns"))
    return {n: PointColumn(v, table.unit) for n, v in zip(wanted, table.columns.values(), strict=True)}


def _must_be_finite(context: Context, name: str, values: NDArray[Any]) -> None:
    if values.dtype.kind not in "iuf":
        message = f"the column `{name}` holds {'true and false' if values.dtype.kind == 'b' else 'no numbers'}"
        raise context.error("FIL202", message, (*PATH, "file"), "name the columns to use: `columns: [...]`")
    wrong = np.flatnonzero(~np.isfinite(values))
    if wrong.size:
        k = int(wrong[0])
        more = f", as in {wrong.size - 1:,} other rows" if wrong.size > 1 else ""
        message = f"`{name}` is {values[k]} in row {k + 1} of the numbers{more}: a point needs a value"
        raise context.error("FIL202", message, (*PATH, "file"), "leave out points without values")
