"""Conditions and formulas over metrics, such as `rate > 10 Hz and cv < 0.5`, through the project's own parser."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnrun.compare.folders import Entry, Measured
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
from snnrun.equations.parse import parse_expression
from snnrun.errors import ExperimentError, did_you_mean
from snnrun.resolve.context import at
from snnrun.source import Text
from snnrun.units.dimensions import ONE, Dimension
from snnrun.units.table import lookup_unit

_COMPARE: Mapping[str, Callable[[Any, Any], Any]] = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
}
_PLAIN: Mapping[str, Callable[[Any], Any]] = {"exp": np.exp, "log": np.log, "log10": np.log10}
_CONSTANTS = {"pi": np.pi, "e": np.e, "inf": np.inf}


class Unknown(Exception):
    """A name that some results do not have."""


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What a formula gave: numbers with a dimension, or a truth value (dimension None), any shape."""

    values: NDArray[Any]
    dimension: Dimension | None


class Formula:
    """A parsed text over metrics, parameters and constants of results.

    Args:
        text: As the user wrote it.
        option: Where it was given, for messages: `--where`.
    """

    def __init__(self, text: str, option: str) -> None:
        self.text = text
        self.expr = parse_expression(Text.plain(text, option))

    def numbers(self, entry: Entry) -> Outcome | None:
        """Its values for some results, None when they lack a name that it uses.

        Raises:
            ExperimentError: It is a condition, or its dimensions do not fit.
        """
        found = self._of(entry)
        if found is not None and found.dimension is None:
            raise at(self.expr.span, "CMP202", "this is a condition; a number is wanted here")
        return found

    def holds(self, entry: Entry) -> NDArray[np.bool_] | None:
        """Where it is true, shape () or that of the grid; None when the results lack a name that it uses.

        Raises:
            ExperimentError: It is a number, or its dimensions do not fit.
        """
        found = self._of(entry)
        if found is None:
            return None
        if found.dimension is not None:
            raise at(self.expr.span, "CMP202", "this is a number; a condition such as `rate > 10 Hz` is wanted here")
        return np.asarray(found.values, dtype=np.bool_)

    def _of(self, entry: Entry) -> Outcome | None:
        try:
            with np.errstate(all="ignore"):
                return _Evaluation(entry).value(self.expr)
        except Unknown:
            return None

    def unknown(self, entries: list[Entry]) -> ExperimentError:
        """The error when no results have what it names."""
        name = next((n for n in _names(self.expr) if not any(_has(entry, n.id) for entry in entries)), None)
        if name is None:
            return at(self.expr.span, "CMP201", "no results have all of these at once")
        known = list(dict.fromkeys(n for entry in entries for n in (*entry.metrics, *entry.parameters)))
        advice = did_you_mean(name.id, known) or (f"there are {', '.join(f'`{n}`' for n in known)}" if known else None)
        return at(name.span, "CMP201", f"no results here have a metric `{name.id}`", advice)

    def mixed(self, dimensions: list[Dimension]) -> ExperimentError:
        """The error when it means different things in different results."""
        kinds = " and ".join(dimension.describe() for dimension in dimensions[:2])
        return at(self.expr.span, "EQ203", f"this is {kinds} in different results, which have no order")


def _has(entry: Entry, name: str) -> bool:
    try:
        _Evaluation(entry).name(Name(name, Text.plain(name, "name").span()))
    except Unknown:
        return False
    return True


def _names(expr: Expr) -> list[Name]:
    match expr:
        case Name():
            return [expr]
        case Binary():
            return _names(expr.left) + _names(expr.right)
        case Unary():
            return _names(expr.operand)
        case Call():
            return [name for arg in expr.args for name in _names(arg)]
        case _:
            return []


class _Evaluation:
    """One formula for one folder of results."""

    def __init__(self, entry: Entry) -> None:
        self.entry = entry

    def value(self, expr: Expr) -> Outcome:
        match expr:
            case Number():
                return _number(float(expr.value), ONE)
            case Quantity():
                unit = lookup_unit(expr.unit)
                assert unit is not None  # the parser knows it
                return _number(float(expr.value * unit.scale**expr.power), unit.dimension**expr.power)
            case Boolean():
                return Outcome(np.asarray(expr.value), None)
            case Name():
                return self.name(expr)
            case Unary():
                return self.unary(expr)
            case Binary():
                return self.binary(expr)
            case Call():
                return self.call(expr)
            case ListOf():
                raise at(expr.span, "CMP202", "a list has no place here")

    def name(self, expr: Name) -> Outcome:
        """A metric, then a swept parameter, a unit, a constant of the experiment."""
        found = self.entry.metrics.get(expr.id) or self.entry.parameters.get(expr.id)
        if found is not None:
            return self.single(found, expr)
        unit = lookup_unit(expr.id)
        constant = self.entry.constants.get(expr.id)
        if constant is not None:
            return self.single(constant, expr)
        if unit is not None:
            return _number(float(unit.scale), unit.dimension)
        if expr.id in _CONSTANTS:
            return _number(_CONSTANTS[expr.id], ONE)
        raise Unknown(expr.id)

    def single(self, measured: Measured, expr: Name) -> Outcome:
        """A quantity with one value a run."""
        if measured.values.shape not in ((), self.entry.shape):
            message = f"`{expr.id}` has many values a run; one is wanted here"
            raise at(expr.span, "CMP203", message, "define a metric that makes one of them, such as `mean_rate(out)`")
        return Outcome(measured.values, measured.dimension)

    def unary(self, expr: Unary) -> Outcome:
        inner = self.value(expr.operand)
        if expr.op == "not":
            return Outcome(np.logical_not(_condition(inner, expr.operand)), None)
        return Outcome(-_quantity(inner, expr.operand), inner.dimension)

    def binary(self, expr: Binary) -> Outcome:
        left, right = self.value(expr.left), self.value(expr.right)
        if expr.op in LOGIC:
            both = np.logical_and if expr.op == "and" else np.logical_or
            return Outcome(both(_condition(left, expr.left), _condition(right, expr.right)), None)
        a, b = _quantity(left, expr.left), _quantity(right, expr.right)
        assert left.dimension is not None
        assert right.dimension is not None
        if expr.op == "*":
            return Outcome(a * b, left.dimension * right.dimension)
        if expr.op == "/":
            return Outcome(a / b, left.dimension / right.dimension)
        if expr.op == "**":
            if not isinstance(expr.right, Number):
                raise at(expr.right.span, "EQ207", "an exponent must be a number here")
            return Outcome(a**b, left.dimension**expr.right.value)
        if left.dimension != right.dimension and not (is_zero(expr.left) or is_zero(expr.right)):
            verb = {"+": "add", "-": "subtract"}.get(expr.op, "compare")
            message = f"cannot {verb} {left.dimension.describe()} and {right.dimension.describe()}"
            raise at(expr.span, "EQ203", message, "write the unit, for example `rate > 10 Hz`")
        if expr.op in COMPARISONS:
            return Outcome(_COMPARE[expr.op](a, b), None)
        if expr.op in ("+", "-"):
            dimension = right.dimension if is_zero(expr.left) else left.dimension
            return Outcome(a + b if expr.op == "+" else a - b, dimension)
        raise at(expr.span, "CMP202", f"`{expr.op}` has no place here")

    def call(self, expr: Call) -> Outcome:
        known = (*_PLAIN, "abs", "sqrt")
        if expr.function not in known:
            raise at(expr.name_span, "EQ202", f"there is no function `{expr.function}` here", ", ".join(known))
        if len(expr.args) != 1:
            raise at(expr.span, "EQ206", f"`{expr.function}` takes 1 argument, here it has {len(expr.args)}")
        inner = self.value(expr.args[0])
        values = _quantity(inner, expr.args[0])
        assert inner.dimension is not None
        if expr.function == "abs":
            return Outcome(np.abs(values), inner.dimension)
        if expr.function == "sqrt":
            return Outcome(np.sqrt(values), inner.dimension ** Fraction(1, 2))
        if not inner.dimension.is_one:
            message = f"`{expr.function}` wants a dimensionless argument, this is {inner.dimension.describe()}"
            raise at(expr.args[0].span, "EQ204", message)
        return Outcome(_PLAIN[expr.function](values), ONE)


def _number(value: float, dimension: Dimension) -> Outcome:
    return Outcome(np.asarray(value), dimension)


def _condition(found: Outcome, expr: Expr) -> NDArray[np.bool_]:
    if found.dimension is not None:
        raise at(expr.span, "CMP202", "this is a number where a condition is wanted")
    return np.asarray(found.values, dtype=np.bool_)


def _quantity(found: Outcome, expr: Expr) -> NDArray[np.float64]:
    if found.dimension is None:
        raise at(expr.span, "CMP202", "this is a condition where a number is wanted")
    return np.asarray(found.values, dtype=np.float64)
