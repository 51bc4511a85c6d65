"""Calls in expressions: functions of the language, functions of the file, timed arrays."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial, reduce
from typing import Any

from snnrun.equations.ast import Call, Expr, Name
from snnrun.equations.dag import Draw, Graph, Kind, Node, Op, Reduction, walk
from snnrun.equations.draws import DISTRIBUTIONS, drawn
from snnrun.equations.exact import OPEN, Exact, apply, limited, must_fit_whole
from snnrun.equations.functions import FUNCTION_NAMES, FUNCTIONS, REDUCTIONS, DimensionRule, Function, instead_of
from snnrun.equations.parse import MAX_LEVELS
from snnrun.equations.scope import (
    ArrayFunction,
    Scope,
    Typed,
    UserFunction,
    must_be_number,
    number_of,
    suggestion,
)
from snnrun.errors import ExperimentError, at, did_you_mean
from snnrun.source import Span
from snnrun.units.dimensions import ONE, TIME, Dimension

MAX_CALLED_PARTS = 20_000  # of the functions that one expression calls, each counted as often as it is called
MAX_CALLED_IN_FILE = 500_000
_REDUCED_ELSEWHERE = (
    "equations, thresholds, resets, events and operations of a group can; a line such as "
    "`m = mean(v) : volt (shared, constant over dt)` gives all others the value of the step"
)


class CallChecker(ABC):
    """Checks the calls of expressions of one scope; the checker of all other parts is made of it (`check.py`).

    Args:
        graph: Where graphs are made.
        scope: The scope.
    """

    def __init__(self, graph: Graph, scope: Scope) -> None:
        self.graph = graph
        self.scope = scope
        self.local: dict[str, Typed] = {}  # arguments, in the body of a function of the file
        self.outermost: Span | None = None  # the outermost call of a function of the file
        self._open: list[str] = []
        self._parts = 0

    @abstractmethod
    def check(self, expr: Expr) -> Typed:
        """The checked graph of an expression."""

    def count(self, expr: Expr, levels: int) -> None:
        """Count a part of a function's body, as what stands in the text is counted by the parser."""
        if not self._open:
            return
        self._parts += 1
        self.graph.called_parts += 1
        if levels > MAX_LEVELS:
            raise too_deep(expr.span)
        if self._parts > MAX_CALLED_PARTS:
            raise at(
                expr.span,
                "EQ102",
                f"the functions that are called here have more than {MAX_CALLED_PARTS:,} parts, "
                "each counted as often as it is called",
                "give what is computed more than once a name of its own, as a subexpression",
            )
        if self.graph.called_parts > MAX_CALLED_IN_FILE:
            raise at(
                expr.span,
                "EQ102",
                f"the functions of this file have more than {MAX_CALLED_IN_FILE:,} parts where they are called",
            )

    def call(self, expr: Call) -> Typed:
        """The checked graph of a call.

        Raises:
            ExperimentError: EQ202, EQ204, EQ206, EQ208, EQ210, EQ212.
        """
        name = expr.function
        if self.scope.called is not None and (name in self.scope.functions or name in self.scope.arrays):
            self.scope.called(name, self.outermost or expr.span)
        if name in self.scope.functions:
            return self._user_function(expr, self.scope.functions[name])
        if name in self.scope.arrays:
            return self._array(expr, self.scope.arrays[name])
        if name not in FUNCTION_NAMES:
            raise self._unknown_function(expr)
        args = [self.check(a) for a in expr.args]
        for arg, part in zip(args, expr.args, strict=True):
            if name != "int":
                must_be_number(arg, part.span)
        if name in REDUCTIONS and (name not in FUNCTIONS or len(args) == 1):
            return self._reduction(expr, args)
        if name in FUNCTIONS:
            return self._function(expr, FUNCTIONS[name], args)
        if name in DISTRIBUTIONS:
            return self._random(expr, args)
        if name == "int":
            return self._int(expr, args)
        return self._timestep(expr, args)

    def _unknown_function(self, expr: Call) -> ExperimentError:
        name = expr.function
        known = [*FUNCTION_NAMES, *self.scope.functions, *self.scope.arrays]
        return at(
            expr.name_span,
            "EQ202",
            f"there is no function `{name}`",
            self.scope.missing(name)
            or instead_of(name)
            or did_you_mean(name, known)
            or f"functions: {', '.join(sorted(known))}",
        )

    def _function(self, expr: Call, function: Function, args: list[Typed]) -> Typed:
        dimension = result_dimension(expr, function, [(a.dimension, a.is_zero) for a in args])
        exact = self._exact(function, args)
        if exact is not None and exact is not OPEN and function.integer:
            must_fit_whole(exact, expr.span)
        return Typed(self._function_node(function, [a.node for a in args]), dimension, limited(exact, expr.span))

    def _exact(self, function: Function, args: list[Typed]) -> Exact:
        """The value of a function of constants."""
        exact: Exact = None
        if any(a.exact is OPEN for a in args):
            exact = OPEN
        elif all(a.exact is not None for a in args):
            values: list[Any] = [a.exact for a in args]
            extreme = {"min": min, "max": max}.get(function.name)
            exact = extreme(values) if extreme else apply(function.name, [a.value for a in args])
        return exact

    def _function_node(self, function: Function, args: list[Node]) -> Node:
        g = self.graph
        if function.name == "clip":
            x, low, high = args
            return g.select(g.binary(Op.LT, x, low), low, g.select(g.binary(Op.GT, x, high), high, x))
        if function.name in ("min", "max"):
            return reduce(partial(self._extreme, Op.LT if function.name == "min" else Op.GT), args)
        node = g.function(function.name, tuple(args))
        return g.as_int(node) if function.integer else node

    def _extreme(self, op: Op, a: Node, b: Node) -> Node:
        """The smaller or larger of two numbers; NaN if one of them is."""
        g = self.graph
        first = g.binary(op, a, b)
        if Kind.FLOAT in (a.kind, b.kind):
            first = g.binary(Op.OR, first, g.binary(Op.NE, a, a))
        return g.select(first, a, b)

    def _random(self, expr: Call, args: list[Typed]) -> Typed:
        if self.scope.draw is None:
            raise at(expr.span, "EQ208", f"`{expr.function}()` is not allowed in {self.scope.place}")
        if expr.function == "permutation" and len(args) == 1:
            index = Name("i", expr.span)
            expr, args = replace(expr, args=(*expr.args, index)), [*args, self.check(index)]
        return drawn(self.graph, expr, DISTRIBUTIONS[expr.function], args, self.scope.draw)

    def _reduction(self, expr: Call, args: list[Typed]) -> Typed:
        """One value of all elements of an object, or of the synapses of each neuron."""
        name, g, elements = expr.function, self.graph, self.scope.elements
        must_count(expr, 1)
        function, _, over = name.partition("_")
        if over and (elements is None or not elements.are_synapses):
            raise at(expr.span, "EQ208", f"`{name}` is for operations on synapses, not for {self.scope.place}")
        if elements is None:
            message = (
                f"`{name}(x)` takes all elements of an object together, which is not possible in {self.scope.place}"
            )
            raise at(expr.span, "EQ208", message, _REDUCED_ELSEWHERE)
        (x,) = args
        if any(isinstance(n.payload, Draw) for n in walk(x.node)):
            message = f"`{name}` cannot take random numbers together"
            raise at(expr.args[0].span, "EQ208", message, "give them to a variable first")
        if function.startswith("arg"):
            if elements.index is None:
                raise at(expr.span, "EQ208", f"`{name}` is for groups: synapses have no index")
            return Typed(g.reduced(Reduction(function, elements.owner, x.node, elements.index, elements.member)), ONE)
        of_all = partial(Reduction, owner=elements.owner, member=elements.member, over=over)
        value = g.reduced(of_all("sum" if function == "mean" else function, value=x.node))
        g.places.setdefault(value.number, expr.span)
        if function == "mean":
            value = g.div(value, elements.number or g.reduced(of_all("sum", value=g.literal(1))))
        return Typed(value, x.dimension)

    def _int(self, expr: Call, args: list[Typed]) -> Typed:
        must_count(expr, 1)
        if not args[0].dimension.is_one:
            raise at(
                expr.args[0].span,
                "EQ204",
                f"`int` wants a dimensionless argument or a condition, this is {args[0].dimension.describe()}",
            )
        exact = args[0].exact
        if exact is not None and exact is not OPEN:
            must_fit_whole(exact, expr.span)
            exact = Fraction(int(exact))
        return Typed(self.graph.as_int(args[0].node), ONE, exact)

    def _timestep(self, expr: Call, args: list[Typed]) -> Typed:
        must_count(expr, 2)
        for arg, part in zip(args, expr.args, strict=True):
            if not arg.fits(TIME):
                raise at(part.span, "EQ204", f"`timestep` wants times, this is {arg.dimension.describe()}")
        return Typed(self.graph.as_int(self.graph.function("timestep", tuple(a.node for a in args))), ONE)

    def _user_function(self, expr: Call, function: UserFunction) -> Typed:
        must_count(expr, len(function.parameters))
        if function.name in self._open:
            raise at(expr.span, "EQ212", f"the function `{function.name}` calls itself")
        args = [self.check(a) for a in expr.args]
        outer, self.local = self.local, dict(zip(function.parameters, args, strict=True))
        if not self._open:
            self._parts = 0
        self._open.append(function.name)
        call, self.outermost = self.outermost, self.outermost or expr.span
        try:
            return self.check(function.body)
        except ExperimentError as error:
            if not error.diagnostics or (error.diagnostics[0].code == "EQ102" and len(self._open) > 1):
                raise  # said elsewhere, or about the outermost call
            first = error.diagnostics[0]
            raise at(expr.span, first.code, f"in `{function.name}(...)`: {first.message}", first.help) from None
        finally:
            self._open.pop()
            self.local, self.outermost = outer, call

    def _array(self, expr: Call, array: ArrayFunction) -> Typed:
        must_count(expr, 1 if array.columns is None else 2)
        time = number_of(self.check(expr.args[0]), TIME, f"the first argument of `{array.name}`", expr.args[0])
        args = [self.graph.as_float(time.node)]
        if time.node.op is not Op.TIME:
            array.elsewhere.append(expr.span)
        if array.columns is not None:
            column = self.check(expr.args[1])
            if column.node.kind is not Kind.INT or not column.dimension.is_one:
                raise at(
                    expr.args[1].span,
                    "EQ204",
                    f"the second argument of `{array.name}` is a column: a whole number such as `i`",
                )
            if self.scope.column is not None:
                self.scope.column(array, column.node, expr.args[1].span)
            args.append(column.node)
        return Typed(self.graph.node(Op.TIMED, tuple(args), Kind.FLOAT, array.lookup), array.dimension)


def result_dimension(expr: Call, function: Function, given: Sequence[tuple[Dimension, bool]]) -> Dimension:
    """The dimension of the result of a function.

    Args:
        expr: The call.
        function: What is called.
        given: The dimension of each argument, and whether it is a literal 0, which has any.

    Raises:
        ExperimentError: EQ204, an argument has a wrong dimension; EQ206, their number is wrong.
    """
    must_count(expr, len(function.parameters), more=function.more)
    first = given[0][0]
    match function.rule:
        case DimensionRule.PLAIN:
            if not first.is_one:
                message = f"`{function.name}` wants a dimensionless argument, this is {first.describe()}"
                raise at(expr.args[0].span, "EQ204", message, f"divide it by a quantity in {first.symbol}")
            return ONE
        case DimensionRule.ROOT:
            return first ** Fraction(1, 2)
        case DimensionRule.ANY_TO_PLAIN:
            return ONE
        case DimensionRule.SAME | DimensionRule.ALIKE_TO_PLAIN:
            same = next((dimension for dimension, is_zero in given if not is_zero), ONE)
            for part, (dimension, is_zero) in zip(expr.args[1:], given[1:], strict=True):
                if not is_zero and dimension != same:
                    message = f"the arguments of `{function.name}` must be alike: the first is {first.describe()}, "
                    raise at(
                        part.span, "EQ204", f"{message}this is {dimension.describe()}", suggestion(first, dimension)
                    )
            return same if function.rule is DimensionRule.SAME else ONE


def must_count(expr: Call, wanted: int, *, more: bool = False) -> None:
    """Refuse a call with another number of arguments; with `more`, with fewer.

    Raises:
        ExperimentError: EQ206.
    """
    given = len(expr.args)
    if given < wanted or (given > wanted and not more):
        plural = "argument" if wanted == 1 else "arguments"
        least = "at least " if more else ""
        raise at(expr.span, "EQ206", f"`{expr.function}` takes {least}{wanted} {plural}, here it has {given}")


def too_deep(span: Span) -> ExperimentError:
    """The error for operations on the results of too many others."""
    return at(
        span,
        "EQ102",
        f"more than {MAX_LEVELS} operations are nested here, counting those of subexpressions and functions",
        "compute parts of it from fewer others",
    )
