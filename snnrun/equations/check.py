"""Trees to graphs: every name is looked up, every dimension checked, every value put in SI units.

Input: a tree and the `Scope` it stands in. Output: a `Typed` graph. Errors are EQ2xx at the smallest part that is
wrong. Calls are checked by `calls.py`, values of constant parts computed by `exact.py`.
"""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import chain

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
)
from snnrun.equations.calls import CallChecker, too_deep
from snnrun.equations.dag import Graph, Kind, Op, reductions_of
from snnrun.equations.exact import arithmetic, limited, power, to_float
from snnrun.equations.functions import FUNCTION_NAMES
from snnrun.equations.parse import MAX_LEVELS
from snnrun.equations.scope import Scope, Typed, list_of, mismatch, must_be_condition, must_be_number, number_of, plain
from snnrun.errors import at, did_you_mean
from snnrun.units.dimensions import ONE, TIME, Dimension
from snnrun.units.names import lookup_unit

MAX_EXPONENT = 1000  # of a base unit
_OF_LIKE = {"+", "-", *COMPARISONS}
_OPS = {op.value: op for op in Op}
_MATH_CONSTANTS = {"pi": math.pi, "e": math.e, "inf": math.inf}
_SCALES = {"*", "/", "**"}
_LONG = 4  # letters; a name of a unit as long as this is not one of a constant that was forgotten
_USUAL_UNITS = frozenset(
    ("mV", "ms", "nA", "pA", "uA", "mA", "nS", "uS", "mS", "pS", "pF", "nF", "uF", "Hz", "kHz", "um", "mm", "cm", "mM")
)
_VERBS = {"+": "add", "-": "subtract", "%": "take the remainder of", "//": "divide"}


class Checker(CallChecker):
    """Checks expressions of one scope."""

    def __init__(self, graph: Graph, scope: Scope) -> None:
        super().__init__(graph, scope)
        self.levels = 0

    def check(self, expr: Expr) -> Typed:
        """The checked graph of an expression.

        Raises:
            ExperimentError: EQ2xx.
        """
        self.levels += 1
        try:
            self.count(expr, self.levels)
            typed = self._checked(expr)
        finally:
            self.levels -= 1
        if typed.node.depth > MAX_LEVELS:
            raise too_deep(expr.span)
        return self._placed(typed, expr)

    def _placed(self, typed: Typed, expr: Expr) -> Typed:
        if typed.node.args:
            self.graph.places.setdefault(typed.node.number, expr.span)
        return typed

    def _checked(self, expr: Expr) -> Typed:
        match expr:
            case Number():
                literal = int(expr.value) if expr.integer and abs(expr.value) < 2**53 else float(expr.value)
                return Typed(self.graph.literal(literal), ONE, expr.value)
            case Quantity():
                return self._quantity(expr)
            case Boolean():
                return Typed(self.graph.literal(expr.value), ONE)
            case Name():
                return self._name(expr)
            case Unary():
                return self._unary(expr)
            case Binary():
                return self._binary(expr)
            case Call():
                return self.call(expr)
            case ListOf():
                return self._list(expr)

    def value(self, expr: Expr, dimension: Dimension, what: str) -> Typed:
        """A numeric expression of a known dimension.

        Raises:
            ExperimentError: EQ209 when its dimension is another one, EQ205 when it is a condition.
        """
        return number_of(self.check(expr), dimension, what, expr)

    def condition(self, expr: Expr, what: str) -> Typed:
        """A boolean expression.

        Raises:
            ExperimentError: EQ205 when it is a number.
        """
        result = self.check(expr)
        if result.node.kind is not Kind.BOOL:
            raise at(
                expr.span,
                "EQ205",
                f"{what} must be a condition (true or false), not a number",
                "compare it with something, for example `v > 1`",
            )
        return result

    def _quantity(self, expr: Quantity) -> Typed:
        unit = lookup_unit(expr.unit)
        assert unit is not None  # the parser refuses unknown units
        exact = expr.value * unit.scale**expr.power
        value = to_float(exact, expr.span)
        if value == 0 and exact != 0:
            raise at(expr.span, "EQ210", "this constant is too small (below 1e-308)")
        name = f"{plain(expr.value)} {expr.unit}" + (f"**{expr.power}" if expr.power != 1 else "")
        return Typed(self.graph.constant(name, value), unit.dimension**expr.power, exact)

    def _name(self, expr: Name) -> Typed:
        name = expr.id
        found = self.local.get(name) or self.scope.symbols.get(name)
        if found is not None:
            if self.scope.used is not None:
                self.scope.used(found, self.outermost or expr.span)
            if self.graph.reduces and self.scope.elements is None and reductions_of(found.node):
                message = f"`{name}` takes all neurons together, which is not possible in {self.scope.place}"
                raise at(expr.span, "EQ208", message, f"make it `(constant over dt)`: `{name}` then is a stored value")
            return found
        if name == "xi" or name.startswith("xi_"):
            return self._xi(expr)
        if name in _MATH_CONSTANTS:
            value = _MATH_CONSTANTS[name]
            return Typed(self.graph.constant(name, value), ONE, value)
        unit = lookup_unit(name)
        if unit is not None:
            self.graph.lone_units[expr.span] = name
            return Typed(self.graph.constant(name, float(unit.scale)), unit.dimension, unit.scale)
        known = chain(self.local, self.scope.symbols, _MATH_CONSTANTS)
        array = self.scope.arrays.get(name)
        help: str | None
        if array is not None:
            help = f"`{name}` is a timed array: write `{name}({'t' if array.columns is None else 't, i'})`"
        elif name in self.scope.functions or name in FUNCTION_NAMES:
            help = f"`{name}` is a function: write `{name}(...)`"
        else:
            help = self.scope.missing(name) or did_you_mean(name, known)
        raise at(expr.span, "EQ201", f"`{name}` is not known in {self.scope.place}", help)

    def _xi(self, expr: Name) -> Typed:
        if self.scope.noise is None:
            raise at(
                expr.span,
                "EQ208",
                f"white noise (`{expr.id}`) belongs in differential equations, not in {self.scope.place}",
                "use `randn()` for one normal number",
            )
        return Typed(self.scope.noise(expr.id), TIME ** Fraction(-1, 2))

    def _unary(self, expr: Unary) -> Typed:
        inner = self.check(expr.operand)
        if expr.op == "not":
            must_be_condition(inner, expr.operand.span, "not")
            return Typed(self.graph.logical_not(inner.node), ONE)
        must_be_number(inner, expr.operand.span)
        exact = None if inner.exact is None else -inner.exact
        return Typed(self.graph.neg(inner.node), inner.dimension, exact)

    def _binary(self, expr: Binary) -> Typed:
        """A chain such as a - b - c + d, from its left end."""
        chain = [expr]
        while isinstance(chain[-1].left, Binary):
            chain.append(chain[-1].left)
        left = self.check(chain[-1].left)
        for part in reversed(chain):
            left = self._placed(self._joined(part, left), part)
        return left

    def _joined(self, expr: Binary, left: Typed) -> Typed:
        right = self.check(expr.right)
        op = _OPS[expr.op]
        if expr.op in _SCALES:
            self._forget_units(expr)
        if expr.op in LOGIC:
            must_be_condition(left, expr.left.span, expr.op)
            must_be_condition(right, expr.right.span, expr.op)
            return Typed(self.graph.binary(op, left.node, right.node), ONE)
        if expr.op in ("==", "!=") and left.node.kind is Kind.BOOL and right.node.kind is Kind.BOOL:
            return Typed(self.graph.binary(op, left.node, right.node), ONE)
        must_be_number(left, expr.left.span)
        must_be_number(right, expr.right.span)
        if expr.op == "**":
            return self._power(expr, left, right)
        dimension = self._dimension(expr, left, right)
        node = self.graph.binary(op, left.node, right.node)
        if expr.op in COMPARISONS:
            return Typed(node, ONE)
        exact = arithmetic(expr.op, left.exact, right.exact, expr.span)
        return Typed(node, dimension, limited(exact, expr.span))

    def _forget_units(self, expr: Binary) -> None:
        """Forget the units of a product or power that are meant as such: after a number, with a power, or usual."""
        for part in (expr.left, expr.right):
            if isinstance(part, Name) and part.span in self.graph.lone_units:
                is_usual = len(part.id) >= _LONG or part.id in _USUAL_UNITS or expr.op == "**"
                if is_usual or (part is expr.right and self._is_measure(expr.left)):
                    del self.graph.lone_units[part.span]

    def _is_measure(self, expr: Expr) -> bool:
        """Whether an expression ends in a number or a unit, so that a unit may follow."""
        while isinstance(expr, Unary | Binary):
            expr = expr.operand if isinstance(expr, Unary) else expr.right
        is_unit = isinstance(expr, Name) and expr.id not in self.scope.symbols and lookup_unit(expr.id) is not None
        return is_unit or isinstance(expr, Number | Quantity)

    def _dimension(self, expr: Binary, left: Typed, right: Typed) -> Dimension:
        if expr.op == "*":
            return left.dimension * right.dimension
        if expr.op == "/":
            return left.dimension / right.dimension
        if left.is_zero and expr.op in _OF_LIKE:
            return right.dimension
        if right.is_zero and expr.op in _OF_LIKE:
            return left.dimension
        if left.dimension != right.dimension:
            raise mismatch(_VERBS.get(expr.op, "compare"), (expr.left, expr.right), left, right, expr.span)
        return ONE if expr.op == "//" else left.dimension

    def _power(self, expr: Binary, left: Typed, right: Typed) -> Typed:
        if not right.dimension.is_one:
            raise at(
                expr.right.span, "EQ207", f"an exponent must be dimensionless, this is {right.dimension.describe()}"
            )
        dimension = ONE
        if not left.dimension.is_one:
            if right.exact is None:
                raise at(expr.right.span, "EQ207", f"the exponent of {left.dimension.describe()} must be a constant")
            exponent = Fraction(right.exact).limit_denominator(1000) if math.isfinite(right.exact) else Fraction(0)
            dimension = left.dimension**exponent
            if any(abs(e) > MAX_EXPONENT or e.denominator > MAX_EXPONENT for e in dimension.exponents):
                raise at(expr.span, "EQ207", "this power has a unit whose exponents are too large")
        exact = power(left.exact, right.exact, expr.span)
        return Typed(self.graph.power(left.node, right.node), dimension, limited(exact, expr.span))

    def _list(self, expr: ListOf) -> Typed:
        if not self.scope.lists:
            raise at(
                expr.span,
                "EQ211",
                f"a list is not allowed in {self.scope.place}",
                "give the values to a parameter in `initial`, and use the parameter",
            )
        items = [self.check(item) for item in expr.items]
        if not items:
            raise at(expr.span, "EQ211", "the list is empty")
        dimension = next((item.dimension for item in items if not item.is_zero), ONE)
        for item, part in zip(items, expr.items, strict=True):
            if item.exact is None:
                raise at(part.span, "EQ211", "the values of a list must be constants")
            if not item.fits(dimension):
                raise at(
                    part.span,
                    "EQ203",
                    f"the values of a list must be alike: the first is "
                    f"{items[0].dimension.describe()}, this is {item.dimension.describe()}",
                )
        return Typed(self.graph.numbers(list_of(items)), dimension)
