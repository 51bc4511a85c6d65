"""The points of a sweep one by one: a list of maps, a map with names, the rows of a table."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from snnrun.equations.ast import names_in
from snnrun.resolve.context import Path
from snnrun.resolve.point_table import PATH, point_columns
from snnrun.resolve.swept import POINTS
from snnrun.spec.models import PointsFile
from snnrun.spec.nodes import ScalarNode
from snnrun.sweep.columns import column_values
from snnrun.sweep.parameters import Budget, ParameterReader, value_in_file
from snnrun.sweep.points import GridAxis, Values


def listed_points(budget: Budget, points: Any) -> GridAxis:
    """The points one by one: a list, a map with names, or the rows of a table."""
    match points:
        case PointsFile():
            return _tabled(budget)
        case dict():
            return _named(budget, points)
    names = list(points[0])
    for k, point in enumerate(points):
        if list(point) != names:
            advice = "points with names may leave out values: `points: {name: {...}}`"
            raise budget.context.error("SWP703", "all points must name the same parameters", (*PATH, k), advice)
    parameters = []
    for name in names:
        reader = ParameterReader(budget, (*PATH, 0, name), name)
        parameters.append(reader.from_paths([(*PATH, k, name) for k in range(len(points))]))
    return GridAxis(POINTS if len(names) > 1 else names[0], tuple(parameters))


def _named(budget: Budget, points: dict[str, dict[str, Any]]) -> GridAxis:
    """Points with names: what one does not give is that of the file."""
    names = dict.fromkeys(name for point in points.values() for name in point)
    if not names:
        raise budget.context.key_error("SWP703", "these points change nothing", PATH)
    parameters = []
    for name in names:
        paths = [(*PATH, key, name) if name in point else None for key, point in points.items()]
        reader = ParameterReader(budget, next(filter(None, paths)), name)
        parameters.append(_some_values(reader, paths))
    return GridAxis(POINTS, tuple(parameters), tuple(points))


def _tabled(budget: Budget) -> GridAxis:
    """Points that are the rows of a table in a file."""
    columns = budget.context.once(point_columns)
    budget.context.report.stop_if_errors()
    parameters = []
    for k, (name, column) in enumerate(columns.items()):
        written = (*PATH, "columns", k)
        path = written if budget.context.document.has(written) else (*PATH, "file")
        with budget.context.collecting():
            parameters.append(column_values(ParameterReader(budget, path, name), column))
    budget.context.report.stop_if_errors()
    return GridAxis(POINTS if len(columns) > 1 else parameters[0].name, tuple(parameters))


def _some_values(reader: ParameterReader, paths: list[Path | None]) -> Values:
    """Values written out at some points; the others, without a path, have that of the file."""
    found = reader.from_paths([path for path in paths if path is not None])
    if len(found.texts) == len(paths):
        return found
    numbers = iter(found.numbers)
    texts = iter(found.texts)
    ours = _in_file(reader, is_number=found.dimension is not None)
    return replace(
        found,
        texts=tuple(None if path is None else next(texts) for path in paths),
        numbers=tuple(ours if path is None else next(numbers) for path in paths),
        held=None,  # what the file has may depend on other values of the point
    )


def _in_file(reader: ParameterReader, *, is_number: bool) -> float | str:
    """What the file has, for the table: NaN or nothing where it is computed from other values, or left out."""
    node = reader.context.document.find(reader.place)
    if not is_number:
        text = node.text if isinstance(node, ScalarNode) else node
        return "" if text is None else Values(reader.name, reader.path, reader.place, (text,), (), None).shown(0)
    now = value_in_file(reader.context, reader.place)
    computed = now is not None and names_in(reader.context.expression(reader.place)) & reader.context.constants.keys()
    return now.value if now is not None and not computed else math.nan
