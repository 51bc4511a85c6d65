"""Expressions whose values come later: their dimensions and sizes are checked first, and they are computed when asked.

Metrics, the `stop_when` of phases and the formulas of `snnrun list` and `snnrun best` are such expressions. What their
names and functions mean differs, so each has a subclass of `ExpressionChecker`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np

from snnrun.equations.ast import (
    COMPARISONS,
    LOGIC,
    Binary,
    Boolean,
    Call,
    Expr,
    ListOf,
    Name,
    Number,
    Quantity,
    Unary,
    is_zero,
)
from snnrun.equations.calls import result_dimension
from snnrun.equations.check import Checker
from snnrun.equations.dag import Graph
from snnrun.equations.functions import FUNCTIONS as PLAIN_FUNCTIONS
from snnrun.equations.functions import Function
from snnrun.equations.scope import Scope
from snnrun.errors import at
from snnrun.kernels.scalar import NAMES
from snnrun.metrics.terms import Size, Term
from snnrun.source import Span
from snnrun.units.dimensions import ONE, Dimension

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "**": np.power,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
    "and": np.logical_and,
    "or": np.logical_or,
}
_REDUCING = frozenset({"min", "max"})  # with one argument they reduce what it has to one number
_VERBS = {"+": "add", "-": "subtract", **dict.fromkeys(COMPARISONS, "compare")}

_ADVICE = "write the unit, for example `rate > 10 Hz`"


class ExpressionChecker:
    """Checks expressions: operators and functions of numbers. Subclasses say what names and other functions mean."""

    number_wanted = ""  # code of the error that a condition stands where a number is wanted
    condition_wanted = ""  # code of the error that a number stands where a condition is wanted
    comparison = ""  # an example of a condition

    def name(self, expr: Name) -> Term:
        """What a name means."""
        raise NotImplementedError

    def function(self, expr: Call) -> Term:
        """What a function that is not one of numbers means."""
        raise NotImplementedError

    def is_flag(self, expr: Expr) -> bool:  # noqa: ARG002 - for subclasses
        """Whether a number may stand as a condition too: it is a boolean variable."""
        return False

    def computed(self, expr: Expr, function: Callable[..., Any], dimension: Dimension | None, *terms: Term) -> Term:
        """What a function makes of the values of terms, element by element.

        Raises:
            ExperimentError: MET406, two terms have many values and not equally many.
        """
        size: Size | None = None
        for term in terms:
            size = _common_size(expr.span, size, term.size)

        def compute(source: Any) -> Any:
            return function(*(term.compute(source) for term in terms))

        return Term(dimension, compute, size, at_end=any(term.at_end for term in terms))

    def number(self, expr: Expr) -> Term:
        """A checked number.

        Raises:
            ExperimentError: It is a condition, or wrong in itself.
        """
        term = self.term(expr)
        if term.dimension is None:
            raise at(expr.span, self.number_wanted, "this is a condition where a number is wanted")
        return term

    def condition(self, expr: Expr) -> Term:
        """A checked condition.

        Raises:
            ExperimentError: It is a number, or wrong in itself.
        """
        term = self.term(expr)
        if term.dimension is None:
            return term
        if self.is_flag(expr):
            return self.computed(expr, lambda value: np.not_equal(value, 0), None, term)
        message = "this is a number where a condition is wanted"
        raise at(expr.span, self.condition_wanted, message, f"compare it: `{self.comparison}`")

    def term(self, expr: Expr) -> Term:
        """A checked number or condition."""
        match expr:
            case Number() | Quantity():
                typed = Checker(Graph(), Scope({})).check(expr)
                return Term(typed.dimension, lambda _: typed.value)
            case Boolean():
                return Term(None, lambda _: expr.value)
            case Name():
                return self.name(expr)
            case Unary(op="not"):
                return self.computed(expr, np.logical_not, None, self.condition(expr.operand))
            case Unary():
                inner = self.number(expr.operand)
                return self.computed(expr, np.negative, inner.dimension, inner)
            case Binary():
                return self._binary(expr)
            case Call(function=name, args=args) if name in PLAIN_FUNCTIONS and (len(args) > 1 or name not in _REDUCING):
                return self._plain_function(expr, PLAIN_FUNCTIONS[name])
            case Call(function="int", args=(inner,)):
                return self._whole(expr, self.term(inner))
            case Call():
                return self.function(expr)
            case ListOf():
                raise at(expr.span, self.number_wanted, "a list has no place here")

    def _whole(self, expr: Expr, term: Term) -> Term:
        """`int(x)`: 1 where a condition holds and 0 elsewhere, or a number without its fraction."""
        if term.dimension is not None and not term.dimension.is_one:
            message = f"`int` takes a condition or a number without a unit, this is {term.dimension.describe()}"
            raise at(expr.span, "EQ209", message, "divide it by its unit: `int(x/mV)`")
        return self.computed(expr, lambda value: np.trunc(np.asarray(value, dtype=np.float64)), ONE, term)

    def _binary(self, expr: Binary) -> Term:
        if expr.op not in _OPERATORS:
            raise at(expr.span, self.number_wanted, f"`{expr.op}` has no place here")
        function = _OPERATORS[expr.op]
        if expr.op in LOGIC:
            return self.computed(expr, function, None, self.condition(expr.left), self.condition(expr.right))
        a, b = self.number(expr.left), self.number(expr.right)
        match expr.op:
            case "*":
                dimension = a.unit * b.unit
            case "/":
                dimension = a.unit / b.unit
            case "**":
                if not isinstance(expr.right, Number):
                    raise at(expr.right.span, "EQ207", "an exponent must be a number here")
                dimension = a.unit**expr.right.value
            case _:
                dimension = _common_dimension(expr, a, b)
        return self.computed(expr, function, None if expr.op in COMPARISONS else dimension, a, b)

    def _plain_function(self, expr: Call, function: Function) -> Term:
        terms = [self.number(arg) for arg in expr.args]
        given = [(term.unit, is_zero(arg)) for term, arg in zip(terms, expr.args, strict=True)]
        dimension = result_dimension(expr, function, given)

        def compute(*values: Any) -> Any:
            from snnrun.kernels import arrays  # noqa: PLC0415 - few metrics use functions

            kernel = getattr(arrays, NAMES.get(function.name, function.name))
            return reduce(kernel, values) if function.more else kernel(*values)

        return self.computed(expr, compute, dimension, *terms)


def must_have(expr: Call, *numbers: int, example: str | None = None) -> None:
    """Refuse a call with another number of arguments.

    Raises:
        ExperimentError: EQ206.
    """
    if len(expr.args) not in numbers:
        wanted = " or ".join(map(str, numbers)) + f" argument{'s' * (numbers != (1,))}"
        message = f"`{expr.function}` takes {wanted}, here it has {len(expr.args)}"
        raise at(expr.span, "EQ206", message, example and f"for example `{example}`")


def text_of(expr: Expr) -> str:
    """An expression as it stands in the file, on one line."""
    span = expr.span
    return " ".join(span.file.text[span.start : span.end].split())


def _common_dimension(expr: Binary, a: Term, b: Term) -> Dimension:
    """The dimension of two terms that are added or compared; 0 has any."""
    if is_zero(expr.left) or a.unit == b.unit:
        return b.unit
    if is_zero(expr.right):
        return a.unit
    message = f"cannot {_VERBS[expr.op]} {a.unit.describe()} and {b.unit.describe()}"
    raise at(expr.span, "EQ203", message, _ADVICE if a.unit.is_one or b.unit.is_one else None)


def _common_size(span: Span, a: Size | None, b: Size | None) -> Size | None:
    """How many values a combination has."""
    if a in (None, 1) or b in (None, 1) or a == b:
        return b if a is None or b not in (None, 1) else a
    first, second = (f"{s:,} values" if isinstance(s, int) else f"the values of `{s}`" for s in (a, b))
    raise at(
        span,
        "MET406",
        f"{first} and {second} cannot be combined one by one",
        "make one number of each, for example `mean(rates(out))`",
    )
