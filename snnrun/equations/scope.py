"""What expressions mean: a checked expression with its dimension, and the names that one place of a file knows."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnrun.equations.ast import Expr, Number, Unary
from snnrun.equations.dag import Draw, Kind, Lookup, Node, Op
from snnrun.equations.exact import OPEN, WIDEST, Exact
from snnrun.errors import ExperimentError, at
from snnrun.source import Span
from snnrun.units.dimensions import TIME, Dimension


@dataclass(frozen=True, slots=True)
class Typed:
    """A checked expression.

    Args:
        node: Its graph, in SI units.
        dimension: Its dimension.
        exact: Its value where it is constant; `OPEN` where that is given later.
    """

    node: Node
    dimension: Dimension
    exact: Exact = None

    @property
    def value(self) -> float:
        """The value of a constant expression, in SI units."""
        assert self.exact is not None
        return float(self.exact)

    @property
    def is_zero(self) -> bool:
        """Whether it is a literal 0, which needs no unit."""
        node = self.node
        return self.dimension.is_one and node.op is Op.LITERAL and node.kind is not Kind.BOOL and node.payload == 0

    def fits(self, dimension: Dimension) -> bool:
        """Whether it can stand where a dimension is needed."""
        return self.dimension == dimension or self.is_zero


@dataclass(frozen=True, slots=True)
class UserFunction:
    """A function of the file's `functions` section; its body is checked where it is used."""

    name: str
    parameters: tuple[str, ...]
    body: Expr


@dataclass(frozen=True, slots=True)
class ArrayFunction:
    """A timed array as a function of time, and of a column when it has two dimensions.

    Args:
        elsewhere: Where it is read at another time than `t`.
    """

    name: str
    dimension: Dimension
    columns: int | None
    lookup: Lookup
    elsewhere: list[Span] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Elements:
    """The elements that a reduction is about.

    Args:
        owner: Path of the object.
        number: How many they are; None where this is known only once they are made.
        index: The index of one of them; None where they are not counted.
        member: Which elements of the object they are (BOOL); None for all.
    """

    owner: str
    number: Node | None = None
    index: Node | None = None
    member: Node | None = None

    @property
    def are_synapses(self) -> bool:
        """Whether they are synapses."""
        return self.owner.startswith("synapses.")


@dataclass(frozen=True, slots=True)
class Scope:
    """What names mean in one place of the file.

    Args:
        symbols: Names with their graphs; they shadow units.
        functions: The file's own functions.
        arrays: Timed arrays.
        noise: Makes the leaf of `xi` or `xi_name`; None where noise is not allowed.
        draw: Makes the stream of one use of rand(), randn() or poisson(); None where they are not allowed.
        missing: Explains a name that is not found (a help line), before the nearest name is offered.
        place: What this is, for messages: "the equations of `lif`".
        lists: Whether `[a, b, c]`, one value an element, is allowed.
        used: Called with every name that is found and its place; in functions, the place of the call.
        called: Called with every function of the file and every array that is called, in the same way.
        column: Called with every column of an array that is read and its place; raises when it does not exist.
        elements: What `sum(x)` and its like reduce; None where they are not allowed.
    """

    symbols: Mapping[str, Typed]
    functions: Mapping[str, UserFunction] = field(default_factory=dict)
    arrays: Mapping[str, ArrayFunction] = field(default_factory=dict)
    noise: Callable[[str], Node] | None = None
    draw: Callable[[str], Draw] | None = None
    missing: Callable[[str], str | None] = lambda _name: None
    place: str = "this expression"
    lists: bool = False
    used: Callable[[Typed, Span], None] | None = None
    called: Callable[[str, Span], None] | None = None
    column: Callable[[ArrayFunction, Node, Span], None] | None = None
    elements: Elements | None = None


def list_of(items: Sequence[Typed]) -> NDArray[Any]:
    """Constants as an array: int64 when all of them are whole numbers, else float64."""
    whole = all(item.node.kind is Kind.INT and abs(item.value) <= WIDEST for item in items)
    return np.array([int(item.value) if whole else item.value for item in items], np.int64 if whole else np.float64)


def must_be_number(typed: Typed, span: Span) -> None:
    """Refuse a condition where a number is needed.

    Raises:
        ExperimentError: EQ205.
    """
    if typed.node.kind is Kind.BOOL:
        message = "a condition (true or false) stands where a number is needed"
        raise at(span, "EQ205", message, "write `int(condition)` to get 0 or 1")


def must_be_condition(typed: Typed, span: Span, op: str) -> None:
    """Refuse a number where `and`, `or` and `not` need a condition.

    Raises:
        ExperimentError: EQ205.
    """
    if typed.node.kind is not Kind.BOOL:
        raise at(span, "EQ205", f"`{op}` joins conditions, but this is a number")


def number_of(typed: Typed, dimension: Dimension, what: str, expr: Expr) -> Typed:
    """A checked expression as a number of a known dimension.

    Raises:
        ExperimentError: EQ209 when its dimension is another one, EQ205 when it is a condition.
    """
    must_be_number(typed, expr.span)
    if not typed.fits(dimension):
        raise wrong_dimension(typed, dimension, what, expr)
    return typed if typed.dimension == dimension else replace(typed, dimension=dimension)


def wrong_dimension(found: Typed, wanted: Dimension, what: str, expr: Expr) -> ExperimentError:
    """The error for a value of one dimension where another is needed."""
    help = None
    if found.dimension.is_one and isinstance(expr, Number | Unary):
        help = f"give it a unit, for example `{_with_unit(expr, wanted)}`"
    elif found.dimension == wanted * TIME:
        help = "divide it by a time, such as a time constant"
    return at(expr.span, "EQ209", f"{what} must be {wanted.describe()}, this is {found.dimension.describe()}", help)


def not_whole(name: str, found: Typed, expr: Expr) -> ExperimentError:
    """The error for a value of an integer variable that is not counted as a whole number."""
    if found.exact is not None and found.exact is not OPEN and WIDEST <= abs(found.value) < math.inf:
        return at(expr.span, "EQ213", f"`{name}` is an integer, this is beyond 2**53: {found.value:g}")
    message = f"`{name}` is an integer, this is not a whole number"
    return at(expr.span, "EQ213", message, "write `int(...)` to cut it")


def _with_unit(expr: Expr, dimension: Dimension) -> str:
    """A bare number with a unit that would fit, such as `0 mV`."""
    number, _, unit = _example(dimension).partition(" ")
    return f"{plain(expr.value) if isinstance(expr, Number) else number} {unit}".strip()


def _example(dimension: Dimension) -> str:
    examples = {
        "V": "10 mV",
        "s": "10 ms",
        "Hz": "10 Hz",
        "A": "1 nA",
        "S": "10 nS",
        "F": "200 pF",
        "ohm": "100 Mohm",
        "m": "10 um",
        "m^2": "20000 um**2",
    }
    return examples.get(dimension.symbol, f"1 {dimension.symbol}" if dimension.symbol.isalpha() else dimension.symbol)


def mismatch(doing: str, exprs: tuple[Expr, Expr], left: Typed, right: Typed, span: Span) -> ExperimentError:
    """The error for an operation on two different dimensions.

    Args:
        doing: The operation as a verb.
        exprs: Both sides.
        left: The left side, checked.
        right: The right side, checked.
        span: The place of the operation.
    """
    a, b = _quote(exprs[0], "the left side"), _quote(exprs[1], "the right side")
    message = f"cannot {doing} {a} and {b}: {a} is {left.dimension.describe()}, {b} is {right.dimension.describe()}"
    return at(span, "EQ203", message, suggestion(left.dimension, right.dimension))


def _quote(expr: Expr, otherwise: str) -> str:
    text = expr.span.file.text[expr.span.start : expr.span.end]
    return f"`{text}`" if len(text) <= 32 and "\n" not in text else otherwise


def suggestion(left: Dimension, right: Dimension) -> str | None:
    """What factor would mend a sum of two different things."""
    for a, b in ((left, right), (right, left)):
        if b.is_one and not a.is_one:
            return f"a plain number has no unit: write for example `{_example(a)}`"
    ratio = (left / right).symbol
    words = {
        "ohm": "multiply the current by a resistance, for example `R*I` with `R: 100 Mohm`",
        "S": "divide the voltage by a resistance, or multiply it by a conductance",
        "s": "multiply or divide by a time",
        "Hz": "multiply or divide by a time",
    }
    return words.get(ratio)


def plain(value: Fraction) -> str:
    """A number for a message."""
    return str(int(value)) if value.denominator == 1 and abs(value) < 10**9 else repr(float(value))
