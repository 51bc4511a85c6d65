"""Texts of a file in a normal form: equal for `10 ms`, `0.01 s` and `10e-3*second`.

Numbers with units become exact SI numbers and constant expressions are evaluated; everything else keeps the structure
that the parser gives it. `a + b` and `b + a` differ, because sums of three terms may differ in the last bit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from fractions import Fraction

from snnrun.equations.ast import Binary, Boolean, Call, Expr, ListOf, Name, Number, Quantity, Unary
from snnrun.equations.model import Definition, parse_equations
from snnrun.equations.parse import parse_expression, parse_generator, parse_statements
from snnrun.errors import ExperimentError
from snnrun.source import Text
from snnrun.spec.core_schema import number_literal
from snnrun.spec.document import Document
from snnrun.spec.nodes import ScalarNode
from snnrun.units.dimensions import ONE, Dimension
from snnrun.units.names import lookup_unit

Meaning = Hashable
_MOST_BITS = 4096  # of a number that is multiplied out
_WORD = re.compile(r"[^\W\d]\w*")


def own_names(document: Document) -> frozenset[str]:
    """Names that a file defines: they are not units in its expressions."""
    found: set[str] = set()
    for path, node in document.walk():
        if path:
            found.update(_WORD.findall(str(path[-1])))
        if path and path[-1] == "equations" and isinstance(node, ScalarNode):
            found |= _defined(node)
    return frozenset(found)


def _defined(node: ScalarNode) -> set[str]:
    try:
        return {definition.name for definition in parse_equations(node.text)}
    except ExperimentError:
        return set()


def meaning_of(value: str | float | bool, own: frozenset[str]) -> Meaning:
    """The meaning of one value of a file.

    Args:
        value: An expression, statements, a connect rule, a number, or a word.
        own: Names that are not units.
    """
    text = value if isinstance(value, str) else number_literal(value)
    for read in (_expression, _statements, _generator):
        try:
            return read(text, own)
        except ExperimentError:
            continue
    return ("text", " ".join(text.split()))


def definitions_of(text: str, own: frozenset[str]) -> dict[str, Meaning] | None:
    """The meaning of each line of `equations:`, by the variable it defines; None when it cannot be read."""
    try:
        definitions = parse_equations(Text.plain(text, "equations"))
    except ExperimentError:
        return None
    return {definition.name: _definition(definition, own) for definition in definitions}


def _definition(definition: Definition, own: frozenset[str]) -> Meaning:
    right = None if definition.expr is None else _form(definition.expr, own)
    unit = None if definition.unit is None else _form(definition.unit, frozenset())
    return (definition.role, right, unit, definition.kind, definition.flags)


def _expression(text: str, own: frozenset[str]) -> Meaning:
    return _form(parse_expression(Text.plain(text, "value")), own)


def _statements(text: str, own: frozenset[str]) -> Meaning:
    parts = parse_statements(Text.plain(text, "statements"))
    return ("statements", tuple((s.target, s.op, _form(s.value, own)) for s in parts))


def _generator(text: str, own: frozenset[str]) -> Meaning:
    found = parse_generator(Text.plain(text, "rule"))
    if found.variable is not None:
        own = own | {found.variable}
    condition = None if found.condition is None else _form(found.condition, own)
    options = tuple(sorted((name, _form(value, own)) for name, value in found.options))
    args = tuple(_form(arg, own) for arg in found.args)
    return ("generator", _form(found.element, own), found.variable, found.kind, args, options, condition)


def _form(expr: Expr, own: frozenset[str]) -> Meaning:
    match expr:
        case Number():
            return _number(expr.value, ONE)
        case Quantity():
            unit = lookup_unit(expr.unit)
            assert unit is not None  # the parser knows it
            return _number(expr.value * unit.scale**expr.power, unit.dimension**expr.power)
        case Boolean():
            return ("boolean", expr.value)
        case Name():
            unit = None if expr.id in own else lookup_unit(expr.id)
            return ("name", expr.id) if unit is None else _number(unit.scale, unit.dimension)
        case Unary():
            return _unary(expr.op, _form(expr.operand, own))
        case Binary():
            return _binary(expr.op, _form(expr.left, own), _form(expr.right, own))
        case Call():
            return ("call", expr.function, tuple(_form(arg, own) for arg in expr.args))
        case ListOf():
            return ("list", tuple(_form(item, own) for item in expr.items))


def _number(value: Fraction, dimension: Dimension) -> Meaning:
    return ("number", value, dimension)


def _as_number(form: Meaning) -> tuple[Fraction, Dimension] | None:
    return (form[1], form[2]) if isinstance(form, tuple) and form[0] == "number" else None


def _unary(op: str, inner: Meaning) -> Meaning:
    number = _as_number(inner)
    return _number(-number[0], number[1]) if number is not None and op == "-" else ("unary", op, inner)


_FOLD: dict[str, Callable[[Fraction, Dimension, Fraction, Dimension], Meaning | None]] = {
    "*": lambda a, da, b, db: _number(a * b, da * db),
    "/": lambda a, da, b, db: _number(a / b, da / db) if b else None,
    "+": lambda a, da, b, db: _number(a + b, da) if da == db else None,
    "-": lambda a, da, b, db: _number(a - b, da) if da == db else None,
    "**": lambda a, da, b, db: _number(Fraction(a ** int(b)), da**b) if _small(a, b, db) else None,
}


def _small(base: Fraction, power: Fraction, dimension: Dimension) -> bool:
    """Whether a power is an exact number of moderate size."""
    if not dimension.is_one or power.denominator != 1 or (base == 0 and power < 0):
        return False
    return abs(power) * max(base.numerator.bit_length(), base.denominator.bit_length()) <= _MOST_BITS


def _binary(op: str, left: Meaning, right: Meaning) -> Meaning:
    a, b = _as_number(left), _as_number(right)
    folded = _FOLD[op](*a, *b) if a is not None and b is not None and op in _FOLD else None
    return ("binary", op, left, right) if folded is None else folded
