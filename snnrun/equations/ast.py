"""The expression language as a tree: what the parser makes and everything else reads.

    expression = number | number unit | true | false | name | - e | + e | not e | e op e | e cmp e
               | e and e | e or e | f(e, ...) | [e, ...]
    statement  = name = e | name += e | name -= e | name *= e | name /= e

Nodes are equal when they mean the same; their place in the source (`span`) does not count.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

from snnrun.source import Span


@dataclass(frozen=True, slots=True)
class Number:
    """A number without a unit.

    Args:
        value: Its exact value.
        integer: Whether it was written as an integer (`2`, not `2.0`).
    """

    value: Fraction
    integer: bool
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number directly followed by a unit: `10 ms`, `20000 um**2`. The unit is never shadowed by a name."""

    value: Fraction
    unit: str
    power: int
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Boolean:
    """`true` or `false`."""

    value: bool
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Name:
    """A variable, constant, unit or dotted reference (`stimulus.duration`)."""

    id: str
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Unary:
    """`-a` or `not a`; a leading `+` leaves no trace."""

    op: str
    operand: Expr
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Binary:
    """Arithmetic (`+ - * / // % **`), comparison (`< <= > >= == !=`) or logic (`and`, `or`)."""

    op: str
    left: Expr
    right: Expr
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A function applied to arguments."""

    function: str
    args: tuple[Expr, ...]
    span: Span = field(compare=False, repr=False)
    name_span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ListOf:
    """`[a, b, c]`: one value an element, for initial values and indices."""

    items: tuple[Expr, ...]
    span: Span = field(compare=False, repr=False)


Expr = Number | Quantity | Boolean | Name | Unary | Binary | Call | ListOf

COMPARISONS = frozenset({"<", "<=", ">", ">=", "==", "!="})
LOGIC = frozenset({"and", "or"})
PRECEDENCE = {
    "or": 1,
    "and": 2,
    "not": 3,
    **dict.fromkeys(COMPARISONS, 4),
    "+": 5,
    "-": 5,
    "*": 6,
    "/": 6,
    "//": 6,
    "%": 6,
    "neg": 7,
    "**": 8,
}


@dataclass(frozen=True, slots=True)
class Statement:
    """One assignment; `op` is `=` or an arithmetic operator for `+=` and its like."""

    target: str
    op: str
    value: Expr
    span: Span = field(compare=False, repr=False)
    target_span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Generator:
    """`element for variable in range(...) if condition`, or `sample(...)` in place of `range(...)`.

    Args:
        element: The index to connect to, in terms of `variable`.
        variable: The loop's name; None when the text is a plain expression.
        kind: `range`, `sample` or `single`.
        args: Positional arguments of range or sample.
        options: Keyword arguments of sample (`p`, `size`).
        condition: Keep only where true; None keeps all.
    """

    element: Expr
    variable: str | None
    kind: str
    args: tuple[Expr, ...]
    options: tuple[tuple[str, Expr], ...]
    condition: Expr | None


def children(expr: Expr) -> tuple[Expr, ...]:
    """The direct parts of an expression."""
    match expr:
        case Unary():
            return (expr.operand,)
        case Binary():
            return (expr.left, expr.right)
        case Call():
            return expr.args
        case ListOf():
            return expr.items
        case _:
            return ()


def walk(expr: Expr) -> Iterator[Expr]:
    """Every part of an expression, the whole first."""
    stack = [expr]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(children(node)))


def is_zero(expr: Expr) -> bool:
    """Whether this is the number 0, which stands for 0 of any dimension where it is added or compared."""
    return isinstance(expr, Number) and not expr.value


def names_in(expr: Expr) -> set[str]:
    """The names an expression uses, without functions and without units written after numbers."""
    return {node.id for node in walk(expr) if isinstance(node, Name)}
