"""Values of a recorded script as an experiment file writes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction

from snnrun.equations.check import Checker
from snnrun.equations.dag import Graph
from snnrun.equations.parse import parse_expression
from snnrun.equations.scope import Scope, Typed
from snnrun.errors import SnnrunError
from snnrun.source import Text
from snnrun.units.dimensions import TIME, Dimension
from snnrun.units.quantities import base_units, format_quantity

KEPT = 1e-15
"""How far the text of a value may be from it, relatively: a few units in the last place, as `0.1*3`."""


def recorded_dimension(dims: Iterable[float]) -> Dimension:
    """The dimension of the exponents that a recording has."""
    return Dimension(tuple(Fraction(d).limit_denominator(12) for d in dims))


def quantity(value: float, dimension: Dimension) -> str | int | float:
    """A number with its unit that reads back to the same value, but for `KEPT`."""
    if dimension == TIME and 1e-5 <= value < 1:
        text = f"{value * 1e3:.12g} ms"  # as people write times of networks
        if value_of(text, {}) == value:
            return text
    for digits in (6, 9, 12):
        text = format_quantity(value, dimension, digits)
        if dimension.is_one:
            if abs(float(text) - value) <= KEPT * abs(value):
                return int(value) if float(value).is_integer() and abs(value) < 1e15 else float(text)
        elif (found := value_of(text, {})) is not None and abs(found - value) <= KEPT * abs(value):
            return text
    return value if dimension.is_one else f"{value!r}{base_units(dimension)}"


def value_of(
    text: str, constants: Mapping[str, tuple[float, Dimension]], dimension: Dimension | None = None
) -> float | None:
    """The value of an expression of constants; None where it has none, or another dimension."""
    graph = Graph()
    symbols = {n: Typed(graph.constant(n, value), dim, Fraction(value)) for n, (value, dim) in constants.items()}
    try:
        typed = Checker(graph, Scope(symbols, place="a constant")).check(parse_expression(Text.plain(text, "script")))
    except (SnnrunError, ArithmeticError, ValueError):
        return None
    if typed.exact is None or (dimension is not None and not typed.fits(dimension)):
        return None
    return float(typed.value)
