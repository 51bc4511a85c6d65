"""The values of a parameter of a sweep that stand in a column of a table."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnrun.equations.dag import Kind
from snnrun.equations.scope import Typed
from snnrun.resolve.context import Path
from snnrun.resolve.point_table import PointColumn
from snnrun.resolve.tables import unit_in, unit_of
from snnrun.sweep.parameters import ParameterReader, value_in_file
from snnrun.sweep.points import Values
from snnrun.units.dimensions import ONE
from snnrun.units.names import lookup_unit
from snnrun.units.quantities import base_units

MOST_VALUES = 4_000_000  # of all columns together


def column_values(reader: ParameterReader, column: PointColumn) -> Values:
    """The values of a parameter that a column of a table holds.

    Raises:
        ExperimentError: SWP702, SWP703, NET147 or EQ209.
    """
    reader.budget.take(len(column.values), reader.path, MOST_VALUES)
    at_unit: Path = ("sweep", "points", "unit", reader.name)
    now = value_in_file(reader.context, reader.place)
    if now is None:
        scale, dimension = unit_in(reader.context, at_unit, reader.path, column.unit)
    else:
        if not (now.dimension.is_one or column.unit or reader.context.document.has(at_unit)):
            message = f"`{reader.name}` is {now.dimension.describe()}: say in which unit its column is"
            advice = f"add `unit: {{{reader.name}: ...}}`, or name the column `{reader.name} [...]`"
            raise reader.context.error("NET147", message, reader.path, advice)
        scale = unit_of(reader.context, at_unit, now.dimension, f"`{reader.name}`", reader.path, column.unit)
        dimension = now.dimension
    numbers = column.values.tolist()
    if (dimension is None or dimension.is_one) and scale == 1 and _are_whole(column.values, now):
        whole = tuple(map(int, numbers))
        return Values(reader.name, reader.path, reader.place, tuple(map(str, whole)), tuple(numbers), ONE, whole)
    power = round(math.log10(scale))
    decimal = power if float(f"1e{power}") == scale else None
    held = tuple([_scaled(value, scale, decimal) for value in numbers])
    document = reader.context.document
    unit = document.text(at_unit).value if document.has(at_unit) else column.unit
    if decimal is not None and unit is not None and lookup_unit(unit) is not None:
        texts = tuple([f"{float(value)!r} {unit}" for value in numbers])
    else:
        unit = base_units(dimension or ONE)
        texts = tuple([f"{value!r}{unit}" for value in held])
    return Values(reader.name, reader.path, reader.place, texts, held, dimension or ONE, held)


def _are_whole(values: NDArray[Any], now: Typed | None) -> bool:
    """Whether values of a column are whole numbers: where the file has one, or nothing that says otherwise."""
    if now is not None and now.node.kind is not Kind.INT:
        return False
    return values.dtype.kind in "iu" or bool(np.all((values == np.floor(values)) & (np.abs(values) < 2**53)))


def _scaled(value: float, scale: float, power: int | None) -> float:
    """A number in SI units; where its unit is a power of ten, rounded once, as the text with that unit is read."""
    if power is None:
        return float(value * scale)
    digits, _, exponent = repr(float(value)).partition("e")
    return float(f"{digits}e{int(exponent or 0) + power}")
