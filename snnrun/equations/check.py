"""Trees to graphs: every name is looked up, every dimension checked, every value put in SI units.

Input: a tree and the `Scope` it stands in. Output: a `Typed` graph. Errors are EQ2xx at the smallest part that is
wrong. Values of constant parts are kept as exact fractions as far as the arithmetic is rational, so
`120*mA*60*ohm` is exactly 7.2 V.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import chain
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

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
from snnrun.equations.dag import Draw, Graph, Kind, Node, Op, ValueNeededError
from snnrun.equations.functions import FUNCTION_NAMES, FUNCTIONS, Function, Rule, instead_of
from snnrun.equations.parse import MAX_LEVELS
from snnrun.errors import Diagnostic, ExperimentError, did_you_mean
from snnrun.source import Span
from snnrun.units.dimensions import ONE, TIME, Dimension
from snnrun.units.names import lookup_unit

MAX_CALLED_PARTS = 20_000  # of the functions that one expression calls, each counted as often as it is called
MAX_CALLED_IN_FILE = 500_000
MAX_EXPONENT = 1000  # of a base unit
_LARGEST_MEAN = 2**52
WIDEST = 2**53  # whole numbers up to here are exact as floating-point numbers
MAX_MAGNITUDE_BITS = 4096  # an exact value may not grow beyond this; 1e308 has 1024


class Open:
    """In place of the value of a constant that is given later: arithmetic with it is open too, reading it fails."""

    __slots__ = ()

    def __neg__(self) -> Open:
        return self

    def _needed(self, *_others: object) -> NoReturn:
        raise ValueNeededError

    __bool__ = __float__ = __int__ = __eq__ = __lt__ = __le__ = __gt__ = __ge__ = as_integer_ratio = _needed
    __hash__ = None  # type: ignore[assignment]


Exact = Fraction | float | None
OPEN: Any = Open()


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
    """A timed array as a function of time, and of a column when it has two dimensions."""

    name: str
    dimension: Dimension
    columns: int | None


@dataclass(frozen=True, slots=True)
class Scope:
    """What names mean in one place of the file.

    Args:
        symbols: Names with their graphs; they shadow units.
        functions: The file's own functions.
        arrays: Timed arrays.
        noise: Makes the leaf of `xi` or `xi_name`; None where noise has no place.
        draw: Makes the stream of one use of rand(), randn() or poisson(); None where they have no place.
        missing: Explains a name that is not found (a help line), before the nearest name is offered.
        place: What this is, for messages: "the equations of `lif`".
        lists: Whether `[a, b, c]`, one value an element, has a place here.
        used: Told of every name that is found, with its place; in functions, with the place of the call.
        called: Told of every function of the file and every array that is called, in the same way.
        column: Told of every column of an array that is asked for, with its place; raises where there is none such.
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


_OF_LIKE = {"+", "-", *COMPARISONS}
_OPS = {op.value: op for op in Op}
_MATH_CONSTANTS = {"pi": math.pi, "e": math.e, "inf": math.inf}


def list_of(items: Sequence[Typed]) -> NDArray[Any]:
    """Constants as an array: int64 when all of them are whole numbers, else float64."""
    whole = all(item.node.kind is Kind.INT and abs(item.value) <= WIDEST for item in items)
    return np.array([int(item.value) if whole else item.value for item in items], np.int64 if whole else np.float64)


class Checker:
    """Checks expressions of one scope."""

    def __init__(self, graph: Graph, scope: Scope) -> None:
        self.graph = graph
        self.scope = scope
        self.local: dict[str, Typed] = {}
        self.calls: list[str] = []
        self.levels = 0
        self.called_parts = 0
        self.call: Span | None = None  # the outermost call of a function of the file

    def check(self, expr: Expr) -> Typed:
        """The checked graph of an expression.

        Raises:
            ExperimentError: EQ2xx.
        """
        self.levels += 1
        try:
            if self.calls:
                self._count_called(expr)
            typed = self._checked(expr)
        finally:
            self.levels -= 1
        if typed.node.depth > MAX_LEVELS:
            raise _too_deep(expr.span)
        return self._placed(typed, expr)

    def _placed(self, typed: Typed, expr: Expr) -> Typed:
        if typed.node.args:
            self.graph.places.setdefault(typed.node.number, expr.span)
        return typed

    def _count_called(self, expr: Expr) -> None:
        """Count a part of a function's body, as what stands in the text is counted by the parser."""
        self.called_parts += 1
        self.graph.called_parts += 1
        if self.levels > MAX_LEVELS:
            raise _too_deep(expr.span)
        if self.called_parts > MAX_CALLED_PARTS:
            raise _error(
                "EQ102",
                f"the functions that are called here have more than {MAX_CALLED_PARTS:,} parts, "
                "each counted as often as it is called",
                expr.span,
                "give what is computed more than once a name of its own, as a subexpression",
            )
        if self.graph.called_parts > MAX_CALLED_IN_FILE:
            raise _error(
                "EQ102",
                f"the functions of this file have more than {MAX_CALLED_IN_FILE:,} parts where they are called",
                expr.span,
            )

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
                return self._call(expr)
            case ListOf():
                return self._list(expr)

    def value(self, expr: Expr, dimension: Dimension, what: str) -> Typed:
        """A numeric expression of a known dimension.

        Raises:
            ExperimentError: EQ209 when its dimension is another one, EQ205 when it is a condition.
        """
        result = self.check(expr)
        self.must_be_number(result, expr.span)
        if not result.fits(dimension):
            raise wrong_dimension(result, dimension, what, expr)
        return result if result.dimension == dimension else replace(result, dimension=dimension)

    def condition(self, expr: Expr, what: str) -> Typed:
        """A boolean expression.

        Raises:
            ExperimentError: EQ205 when it is a number.
        """
        result = self.check(expr)
        if result.node.kind is not Kind.BOOL:
            raise _error(
                "EQ205",
                f"{what} must be a condition (true or false), not a number",
                expr.span,
                "compare it with something, for example `v > 1`",
            )
        return result

    def must_be_number(self, typed: Typed, span: Span) -> None:
        """Refuse a condition where a number is needed."""
        if typed.node.kind is Kind.BOOL:
            raise _error(
                "EQ205",
                "a condition (true or false) stands where a number is needed",
                span,
                "write `int(condition)` to get 0 or 1",
            )

    def _constant(self, node: Node, dimension: Dimension, exact: Exact, span: Span) -> Typed:
        if isinstance(exact, Fraction):
            bits = max(exact.numerator.bit_length(), exact.denominator.bit_length())
            if bits > MAX_MAGNITUDE_BITS:
                exact = _to_float(exact, span)
        if isinstance(exact, float) and math.isnan(exact):
            raise _error("EQ210", "this constant is not a number (0/0 or the like)", span)
        return Typed(node, dimension, exact)

    def _quantity(self, expr: Quantity) -> Typed:
        unit = lookup_unit(expr.unit)
        assert unit is not None  # the parser refuses unknown units
        exact = expr.value * unit.scale**expr.power
        value = _to_float(exact, expr.span)
        if value == 0 and exact != 0:
            raise _error("EQ210", "this constant is too small (below 1e-308)", expr.span)
        name = f"{_plain(expr.value)} {expr.unit}" + (f"**{expr.power}" if expr.power != 1 else "")
        return Typed(self.graph.constant(name, value), unit.dimension**expr.power, exact)

    def _name(self, expr: Name) -> Typed:
        name = expr.id
        found = self.local.get(name) or self.scope.symbols.get(name)
        if found is not None:
            if self.scope.used is not None:
                self.scope.used(found, self.call or expr.span)
            return found
        if name == "xi" or name.startswith("xi_"):
            return self._xi(expr)
        if name in _MATH_CONSTANTS:
            value = _MATH_CONSTANTS[name]
            return Typed(self.graph.constant(name, value), ONE, value)
        unit = lookup_unit(name)
        if unit is not None:
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
        raise _error("EQ201", f"`{name}` is not known in {self.scope.place}", expr.span, help)

    def _xi(self, expr: Name) -> Typed:
        if self.scope.noise is None:
            raise _error(
                "EQ208",
                f"white noise (`{expr.id}`) belongs in differential equations, not in {self.scope.place}",
                expr.span,
                "use `randn()` for one normal number",
            )
        return Typed(self.scope.noise(expr.id), TIME ** Fraction(-1, 2))

    def _unary(self, expr: Unary) -> Typed:
        inner = self.check(expr.operand)
        if expr.op == "not":
            self._must_be_condition(inner, expr.operand.span, "not")
            return Typed(self.graph.logical_not(inner.node), ONE)
        self.must_be_number(inner, expr.operand.span)
        exact = None if inner.exact is None else -inner.exact
        return Typed(self.graph.neg(inner.node), inner.dimension, exact)

    def _must_be_condition(self, typed: Typed, span: Span, op: str) -> None:
        if typed.node.kind is not Kind.BOOL:
            raise _error("EQ205", f"`{op}` joins conditions, but this is a number", span)

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
        if expr.op in LOGIC:
            self._must_be_condition(left, expr.left.span, expr.op)
            self._must_be_condition(right, expr.right.span, expr.op)
            return Typed(self.graph.binary(op, left.node, right.node), ONE)
        if expr.op in ("==", "!=") and left.node.kind is Kind.BOOL and right.node.kind is Kind.BOOL:
            return Typed(self.graph.binary(op, left.node, right.node), ONE)
        self.must_be_number(left, expr.left.span)
        self.must_be_number(right, expr.right.span)
        if expr.op == "**":
            return self._power(expr, left, right)
        dimension = self._dimension(expr, left, right)
        node = self.graph.binary(op, left.node, right.node)
        if expr.op in COMPARISONS:
            return Typed(node, ONE)
        return self._constant(node, dimension, _arithmetic(expr, left.exact, right.exact), expr.span)

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
            raise self._mismatch(expr, left, right)
        return ONE if expr.op == "//" else left.dimension

    def _mismatch(self, expr: Binary, left: Typed, right: Typed) -> ExperimentError:
        verb = {"+": "add", "-": "subtract", "%": "take the remainder of", "//": "divide"}.get(expr.op, "compare")
        a, b = _quote(expr.left, "the left side"), _quote(expr.right, "the right side")
        return _error(
            "EQ203",
            f"cannot {verb} {a} and {b}: {a} is {left.dimension.describe()}, {b} is {right.dimension.describe()}",
            expr.span,
            _suggest(left, right),
        )

    def _power(self, expr: Binary, left: Typed, right: Typed) -> Typed:
        if not right.dimension.is_one:
            raise _error(
                "EQ207", f"an exponent must be dimensionless, this is {right.dimension.describe()}", expr.right.span
            )
        dimension = ONE
        if not left.dimension.is_one:
            if right.exact is None:
                raise _error(
                    "EQ207", f"the exponent of {left.dimension.describe()} must be a constant", expr.right.span
                )
            exponent = Fraction(right.exact).limit_denominator(1000) if math.isfinite(right.exact) else Fraction(0)
            dimension = left.dimension**exponent
            if any(abs(e) > MAX_EXPONENT or e.denominator > MAX_EXPONENT for e in dimension.exponents):
                raise _error("EQ207", "this power has a unit whose exponents are too large", expr.span)
        exact = _exact_power(left.exact, right.exact, expr.span)
        return self._constant(self.graph.power(left.node, right.node), dimension, exact, expr.span)

    def _list(self, expr: ListOf) -> Typed:
        if not self.scope.lists:
            raise _error(
                "EQ211",
                f"a list has no place in {self.scope.place}",
                expr.span,
                "give the values to a parameter in `initial`, and use the parameter",
            )
        items = [self.check(item) for item in expr.items]
        if not items:
            raise _error("EQ211", "the list is empty", expr.span)
        dimension = next((item.dimension for item in items if not item.is_zero), ONE)
        for item, part in zip(items, expr.items, strict=True):
            if item.exact is None:
                raise _error("EQ211", "the values of a list must be constants", part.span)
            if not item.fits(dimension):
                raise _error(
                    "EQ203",
                    f"the values of a list must be alike: the first is "
                    f"{items[0].dimension.describe()}, this is {item.dimension.describe()}",
                    part.span,
                )
        return Typed(self.graph.numbers(list_of(items)), dimension)

    # functions

    def _call(self, expr: Call) -> Typed:
        name = expr.function
        if self.scope.called is not None and (name in self.scope.functions or name in self.scope.arrays):
            self.scope.called(name, self.call or expr.span)
        if name in self.scope.functions:
            return self._user_function(expr, self.scope.functions[name])
        if name in self.scope.arrays:
            return self._array(expr, self.scope.arrays[name])
        if name not in FUNCTION_NAMES:
            raise self._unknown_function(expr)
        args = [self.check(a) for a in expr.args]
        for arg, part in zip(args, expr.args, strict=True):
            if name != "int":
                self.must_be_number(arg, part.span)
        if name in FUNCTIONS:
            return self._function(expr, FUNCTIONS[name], args)
        if name in ("rand", "randn", "poisson"):
            return self._random(expr, args)
        if name == "int":
            return self._int(expr, args)
        return self._timestep(expr, args)

    def _unknown_function(self, expr: Call) -> ExperimentError:
        name = expr.function
        known = [*FUNCTION_NAMES, *self.scope.functions, *self.scope.arrays]
        return _error(
            "EQ202",
            f"there is no function `{name}`",
            expr.name_span,
            self.scope.missing(name)
            or instead_of(name, len(expr.args))
            or did_you_mean(name, known)
            or f"functions: {', '.join(sorted(known))}",
        )

    def _count(self, expr: Call, wanted: int) -> None:
        if len(expr.args) != wanted:
            plural = "argument" if wanted == 1 else "arguments"
            raise _error("EQ206", f"`{expr.function}` takes {wanted} {plural}, here it has {len(expr.args)}", expr.span)

    def _function(self, expr: Call, function: Function, args: list[Typed]) -> Typed:
        self._count(expr, function.arguments)
        first = args[0]
        dimension = ONE
        match function.rule:
            case Rule.PLAIN:
                if not first.dimension.is_one:
                    raise _error(
                        "EQ204",
                        f"`{function.name}` wants a dimensionless argument, this is {first.dimension.describe()}",
                        expr.args[0].span,
                        f"divide it by a quantity in {first.dimension.symbol}",
                    )
            case Rule.SAME:
                dimension = next((a.dimension for a in args if not a.is_zero), ONE)
                for other, part in zip(args[1:], expr.args[1:], strict=True):
                    if not other.fits(dimension):
                        raise _error(
                            "EQ204",
                            f"the arguments of `{function.name}` must be alike: the first is "
                            f"{first.dimension.describe()}, this is {other.dimension.describe()}",
                            part.span,
                            _suggest(first, other),
                        )
            case Rule.ROOT:
                dimension = first.dimension ** Fraction(1, 2)
            case Rule.ANY_TO_PLAIN:
                pass
        node = self._function_node(function, [a.node for a in args])
        exact = None
        if any(a.exact is OPEN for a in args):
            exact = OPEN
        elif all(a.exact is not None for a in args):
            exact = _apply(function.name, [a.value for a in args])
            if function.integer:
                _must_fit_whole(exact, expr.span)
        return self._constant(node, dimension, exact, expr.span)

    def _function_node(self, function: Function, args: list[Node]) -> Node:
        g = self.graph
        if function.name == "clip":
            x, low, high = args
            return g.select(g.binary(Op.LT, x, low), low, g.select(g.binary(Op.GT, x, high), high, x))
        node = g.function(function.name, tuple(args))
        return g.as_int(node) if function.integer else node

    def _random(self, expr: Call, args: list[Typed]) -> Typed:
        if self.scope.draw is None:
            raise _error("EQ208", f"`{expr.function}()` has no place in {self.scope.place}", expr.span)
        wanted = 1 if expr.function == "poisson" else 0
        self._count(expr, wanted)
        if args and not args[0].dimension.is_one:
            raise _error(
                "EQ204",
                f"`poisson` wants a dimensionless mean, this is {args[0].dimension.describe()}",
                expr.args[0].span,
            )
        known = bool(args) and args[0].exact is not None and args[0].exact is not OPEN
        if known and not 0 <= args[0].value <= _LARGEST_MEAN:
            message = f"the mean of `poisson` must lie between 0 and 4.5e15, this is {args[0].value:g}"
            raise _error("EQ210", message, expr.args[0].span)
        op = {"rand": Op.UNIFORM, "randn": Op.NORMAL, "poisson": Op.POISSON}[expr.function]
        draw = self.scope.draw(expr.function)
        node = self.graph.node(op, tuple(self.graph.as_float(a.node) for a in args), payload=draw)
        return Typed(self.graph.as_int(node) if op is Op.POISSON else node, ONE)

    def _int(self, expr: Call, args: list[Typed]) -> Typed:
        self._count(expr, 1)
        if not args[0].dimension.is_one:
            raise _error(
                "EQ204",
                f"`int` wants a dimensionless argument or a condition, this is {args[0].dimension.describe()}",
                expr.args[0].span,
            )
        exact = args[0].exact
        if exact is not None and exact is not OPEN:
            _must_fit_whole(exact, expr.span)
            exact = Fraction(int(exact))
        return Typed(self.graph.as_int(args[0].node), ONE, exact)

    def _timestep(self, expr: Call, args: list[Typed]) -> Typed:
        self._count(expr, 2)
        for arg, part in zip(args, expr.args, strict=True):
            if not arg.fits(TIME):
                raise _error("EQ204", f"`timestep` wants times, this is {arg.dimension.describe()}", part.span)
        return Typed(self.graph.as_int(self.graph.function("timestep", tuple(a.node for a in args))), ONE)

    def _user_function(self, expr: Call, function: UserFunction) -> Typed:
        self._count(expr, len(function.parameters))
        if function.name in self.calls:
            raise _error("EQ212", f"the function `{function.name}` calls itself", expr.span)
        args = [self.check(a) for a in expr.args]
        outer, self.local = self.local, dict(zip(function.parameters, args, strict=True))
        if not self.calls:
            self.called_parts = 0
        self.calls.append(function.name)
        call, self.call = self.call, self.call or expr.span
        try:
            return self.check(function.body)
        except ExperimentError as error:
            if not error.diagnostics or (error.diagnostics[0].code == "EQ102" and len(self.calls) > 1):
                raise  # said elsewhere, or about the outermost call
            first = error.diagnostics[0]
            raise _error(first.code, f"in `{function.name}(...)`: {first.message}", expr.span, first.help) from None
        finally:
            self.calls.pop()
            self.local, self.call = outer, call

    def _array(self, expr: Call, array: ArrayFunction) -> Typed:
        self._count(expr, 1 if array.columns is None else 2)
        time = self.value(expr.args[0], TIME, f"the first argument of `{array.name}`")
        args = [self.graph.as_float(time.node)]
        if array.columns is not None:
            column = self.check(expr.args[1])
            if column.node.kind is not Kind.INT or not column.dimension.is_one:
                raise _error(
                    "EQ204",
                    f"the second argument of `{array.name}` is a column: a whole number such as `i`",
                    expr.args[1].span,
                )
            if self.scope.column is not None:
                self.scope.column(array, column.node, expr.args[1].span)
            args.append(column.node)
        return Typed(self.graph.node(Op.TIMED, tuple(args), Kind.FLOAT, array.name), array.dimension)


def wrong_dimension(found: Typed, wanted: Dimension, what: str, expr: Expr) -> ExperimentError:
    """The error for a value of one dimension where another is needed."""
    help = None
    if found.dimension.is_one and isinstance(expr, Number | Unary):
        help = f"give it a unit, for example `{_with_unit(expr, wanted)}`"
    elif found.dimension == wanted * TIME:
        help = "divide it by a time, such as a time constant"
    return _error("EQ209", f"{what} must be {wanted.describe()}, this is {found.dimension.describe()}", expr.span, help)


def not_whole(name: str, found: Typed, expr: Expr) -> ExperimentError:
    """The error for a value of an integer variable that is not counted as a whole number."""
    if found.exact is not None and found.exact is not OPEN and WIDEST <= abs(found.value) < math.inf:
        return _error("EQ213", f"`{name}` is an integer, this is beyond 2**53: {found.value:g}", expr.span)
    message = f"`{name}` is an integer, this is not a whole number"
    return _error("EQ213", message, expr.span, "write `int(...)` to cut it")


def _with_unit(expr: Expr, dimension: Dimension) -> str:
    """A bare number with a unit that would fit, such as `0 mV`."""
    number, _, unit = _example(dimension).partition(" ")
    return f"{_plain(expr.value) if isinstance(expr, Number) else number} {unit}".strip()


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


def _error(code: str, message: str, span: Span, help: str | None = None) -> ExperimentError:
    return ExperimentError(Diagnostic(code, message, span, help))


def _quote(expr: Expr, otherwise: str) -> str:
    text = expr.span.file.text[expr.span.start : expr.span.end]
    return f"`{text}`" if len(text) <= 32 and "\n" not in text else otherwise


def _suggest(left: Typed, right: Typed) -> str | None:
    """What factor would mend a sum of two different things."""
    for a, b in ((left.dimension, right.dimension), (right.dimension, left.dimension)):
        if b.is_one and not a.is_one:
            return f"a plain number has no unit: write for example `{_example(a)}`"
    ratio = (left.dimension / right.dimension).symbol
    words = {
        "ohm": "multiply the current by a resistance, for example `R*I` with `R: 100 Mohm`",
        "S": "divide the voltage by a resistance, or multiply it by a conductance",
        "s": "multiply or divide by a time",
        "Hz": "multiply or divide by a time",
    }
    return words.get(ratio)


def _plain(value: Fraction) -> str:
    return str(int(value)) if value.denominator == 1 and abs(value) < 10**9 else repr(float(value))


def _too_deep(span: Span) -> ExperimentError:
    return _error(
        "EQ102",
        f"more than {MAX_LEVELS} operations stand one on the other here, with those of subexpressions and functions",
        span,
        "compute parts of it from fewer others",
    )


def _must_fit_whole(value: Exact, span: Span) -> None:
    """Refuse a constant that is no whole number of 64 bits once its fraction is cut off.

    Raises:
        ExperimentError: EQ210.
    """
    if value is not None and not -(2**63) < value < 2**63:  # NaN too
        raise _error("EQ210", "this constant is too large for a whole number (over 9.2e18)", span)


def _to_float(value: Fraction, span: Span) -> float:
    try:
        return float(value)
    except OverflowError:
        raise _error("EQ210", "this constant is too large (over 1e308)", span) from None


def _arithmetic(expr: Binary, a: Exact, b: Exact) -> Exact:
    if a is None or b is None:
        return None
    if a is OPEN or b is OPEN:
        return OPEN
    if isinstance(a, float) or isinstance(b, float):
        a, b = float(a), float(b)
    try:
        result = _operation(expr.op, a, b)
        if isinstance(result, Fraction):
            float(result)  # a value that is needed as a number must fit into one
    except ZeroDivisionError:
        raise _error("EQ210", "this constant divides by zero", expr.span) from None
    except (OverflowError, ValueError):
        raise _error("EQ210", "this constant is too large or not a number", expr.span) from None
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


def _exact_power(a: Exact, b: Exact, span: Span) -> Exact:
    if a is None or b is None:
        return None
    if a is OPEN or b is OPEN:
        return OPEN
    try:
        if isinstance(a, Fraction) and isinstance(b, Fraction) and b.denominator == 1:
            bits = max(a.numerator.bit_length(), a.denominator.bit_length())
            if bits * abs(b.numerator) <= MAX_MAGNITUDE_BITS:
                power = a ** int(b)
                float(power)  # a value that is needed as a number must fit into one
                return power
        result = float(a) ** float(b)
    except ZeroDivisionError:
        raise _error("EQ210", "this constant divides by zero", span) from None
    except OverflowError:
        raise _error("EQ210", "this constant is too large (over 1e308)", span) from None
    if isinstance(result, complex):
        raise _error("EQ210", "this constant is the root of a negative number", span)
    return float(result)


def _apply(name: str, args: Iterable[float]) -> float | Fraction | None:
    """The value of a function of constants, by the numerics library (the same bits as in a run)."""
    from snnrun.kernels.scalar import apply  # noqa: PLC0415 - numpy only when a constant uses a function

    return apply(name, tuple(args))
