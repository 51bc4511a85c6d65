"""Values of constant expressions: exact fractions as far as arithmetic is rational, so `120*mA*60*ohm` is 7.2 V."""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction
from typing import Any, NoReturn

from snnrun.equations.dag import ValueNeededError
from snnrun.errors import at
from snnrun.source import Span

WIDEST = 2**53  # whole numbers up to here are exact as floating-point numbers
_MOST_BITS = 4096  # an exact value may not grow beyond this; 1e308 has 1024


class Open:
    """Stands for the value of a constant that is given later: arithmetic with it is open too, reading it fails."""

    __slots__ = ()

    def __neg__(self) -> Open:
        return self

    def _needed(self, *_others: object) -> NoReturn:
        raise ValueNeededError

    __bool__ = __float__ = __int__ = __eq__ = __lt__ = __le__ = __gt__ = __ge__ = as_integer_ratio = _needed
    __hash__ = None  # type: ignore[assignment]


Exact = Fraction | float | None
OPEN: Any = Open()


def limited(value: Exact, span: Span) -> Exact:
    """A value that is not kept exactly where that would take too many digits.

    Raises:
        ExperimentError: EQ210 when it is too large, or not a number.
    """
    if isinstance(value, Fraction) and _bits(value) > _MOST_BITS:
        value = to_float(value, span)
    if isinstance(value, float) and math.isnan(value):
        raise at(span, "EQ210", "this constant is not a number (0/0 or the like)")
    return value


def _bits(value: Fraction) -> int:
    return max(value.numerator.bit_length(), value.denominator.bit_length())


def must_fit_whole(value: Exact, span: Span) -> None:
    """Refuse a constant that is not a whole number of 64 bits once its fraction is cut off.

    Raises:
        ExperimentError: EQ210.
    """
    if value is not None and not -(2**63) < value < 2**63:  # NaN too
        raise at(span, "EQ210", "this constant is too large for a whole number (over 9.2e18)")


def to_float(value: Fraction, span: Span) -> float:
    """An exact value as a floating-point number.

    Raises:
        ExperimentError: EQ210 when it is too large.
    """
    try:
        return float(value)
    except OverflowError:
        raise at(span, "EQ210", "this constant is too large (over 1e308)") from None


def arithmetic(op: str, a: Exact, b: Exact, span: Span) -> Exact:
    """The value of `a op b`; None when one of them is not constant.

    Raises:
        ExperimentError: EQ210 when there is none.
    """
    if a is None or b is None:
        return None
    if a is OPEN or b is OPEN:
        return OPEN
    if isinstance(a, float) or isinstance(b, float):
        a, b = float(a), float(b)
    try:
        result = _operation(op, a, b)
        if isinstance(result, Fraction):
            float(result)  # a value that is needed as a number must fit into one
    except ZeroDivisionError:
        raise at(span, "EQ210", "this constant divides by zero") from None
    except (OverflowError, ValueError):
        raise at(span, "EQ210", "this constant is too large or not a number") from None
    return result


def _operation(op: str, a: Fraction | float, b: Fraction | float) -> Exact:
    match op:
        case "+":
            return a + b
        case "-":
            return a - b
        case "*":
            return a * b
        case "/":
            return a / b
        case "//":
            return Fraction(math.floor(a / b))
        case "%":
            return a % b
    return None


def power(a: Exact, b: Exact, span: Span) -> Exact:
    """The value of `a ** b`; None when one of them is not constant.

    Raises:
        ExperimentError: EQ210 when there is none.
    """
    if a is None or b is None:
        return None
    if a is OPEN or b is OPEN:
        return OPEN
    try:
        whole = int(b) if isinstance(b, Fraction) and b.denominator == 1 else None
        if isinstance(a, Fraction) and whole is not None and _bits(a) * abs(whole) <= _MOST_BITS:
            exact = a**whole
            float(exact)  # a value that is needed as a number must fit into one
            return exact
        result = float(a) ** float(b)
    except ZeroDivisionError:
        raise at(span, "EQ210", "this constant divides by zero") from None
    except OverflowError:
        raise at(span, "EQ210", "this constant is too large (over 1e308)") from None
    if isinstance(result, complex):
        raise at(span, "EQ210", "this constant is the root of a negative number")
    return float(result)


def apply(name: str, args: Iterable[float]) -> float | Fraction | None:
    """The value of a function of constants, by the numerics library (the same bits as in a run)."""
    from snnrun.kernels.scalar import apply as scalar  # noqa: PLC0415 - numpy only when a constant uses a function

    return scalar(name, tuple(args))
