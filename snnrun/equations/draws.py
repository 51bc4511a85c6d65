"""Random numbers by name: what each takes, what it gives, and how it is made of words of the generator.

Those with a formula are made of one uniform or normal number; the others are operations of their own, which draw as
often as they need to (`kernels/random.py`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from snnrun.equations.ast import Call, Expr
from snnrun.equations.dag import Amount, Draw, Graph, Kind, Node, Op
from snnrun.equations.exact import OPEN
from snnrun.equations.scope import Typed, suggestion
from snnrun.errors import at
from snnrun.source import Span
from snnrun.units.dimensions import ONE, Dimension

_LARGEST = 2**52  # of the mean of `poisson`, and of the trials of `binomial`
_LARGEST_PERMUTED = 2**31 - 1
_ROUNDED_ONE = 1.000001  # a probability may be above 1 by rounding

Leaf: TypeAlias = Callable[[Op, tuple[Node, ...]], Node]
"""Makes a node that draws: its operation and its arguments; one word, or one pair of words, for each use."""


class Needs(Enum):
    """What an argument must be, and how messages say it."""

    ANY = "a number"
    POSITIVE = "positive"
    NOT_NEGATIVE = "not negative"
    PROBABILITY = "between 0 and 1"
    MEAN = "between 0 and 4.5e15"
    COUNT = "a whole number from 0 to 4.5e15"
    SIZE = "a whole number from 1 to 2**31"
    INDEX = "a whole number"

    @property
    def whole(self) -> bool:
        """Whether it is a whole number."""
        return self in (Needs.COUNT, Needs.SIZE, Needs.INDEX)

    def holds(self, value: float) -> bool:
        """Whether a number is possible."""
        match self:
            case Needs.ANY | Needs.INDEX:
                return not math.isnan(value)
            case Needs.POSITIVE:
                return 0 < value < math.inf
            case Needs.NOT_NEGATIVE:
                return 0 <= value < math.inf
            case Needs.PROBABILITY:
                return 0 <= value <= 1
            case Needs.MEAN | Needs.COUNT:
                return 0 <= value <= _LARGEST
            case Needs.SIZE:
                return 1 <= value <= _LARGEST_PERMUTED


_BOUNDS: dict[Needs, tuple[Op, float | None]] = {
    Needs.POSITIVE: (Op.GT, None),
    Needs.NOT_NEGATIVE: (Op.GE, None),
    Needs.PROBABILITY: (Op.GE, _ROUNDED_ONE),
    Needs.MEAN: (Op.GE, float(_LARGEST)),
    Needs.COUNT: (Op.GE, _LARGEST),
}
"""How an argument that is known during the run only is compared with 0, and the most that it may be."""


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a distribution.

    Args:
        name: Its name.
        plain: Whether it is dimensionless; the others of a distribution have one dimension, which is the result's.
        needs: What it must be.
    """

    name: str
    plain: bool = False
    needs: Needs = Needs.ANY


@dataclass(frozen=True, slots=True)
class Distribution:
    """A random number that expressions may draw.

    Args:
        name: The name of the function.
        arguments: What it takes.
        meaning: What it gives, for the reference.
        build: The graph of a number.
        example: A use of it, for the reference.
        optional: How many of the last arguments may be left out.
        more: Whether it takes more arguments like the last one.
        once: Whether it is drawn before a run only, in initial values and connections.
    """

    name: str
    arguments: tuple[Argument, ...]
    meaning: str
    build: Callable[[Graph, Leaf, Sequence[Node]], Node]
    example: str
    optional: int = 0
    more: bool = False
    once: bool = False

    @property
    def signature(self) -> str:
        """A call of it with the names of its arguments."""
        names = [a.name for a in self.arguments]
        return f"{self.name}({', '.join([*names, '...'] if self.more else names)})"

    @property
    def rule(self) -> str:
        """What it does with dimensions, for the reference."""
        same = [a.name for a in self.arguments if not a.plain]
        return f"that of {' and '.join(f'`{name}`' for name in same)}" if same else "dimensionless"


def _uniform(g: Graph, leaf: Leaf, args: Sequence[Node]) -> Node:
    low, high = args
    return g.add(low, g.mul(g.sub(high, low), leaf(Op.UNIFORM, ())))


def _exponential(g: Graph, leaf: Leaf, args: Sequence[Node]) -> Node:
    # 1 - u lies in (0, 1]
    return g.neg(g.mul(args[0], g.function("log1p", (g.neg(leaf(Op.UNIFORM, ())),))))


def _lognormal(g: Graph, leaf: Leaf, args: Sequence[Node]) -> Node:
    return g.function("exp", (g.add(args[0], g.mul(args[1], leaf(Op.NORMAL, ()))),))


def _truncated_normal(g: Graph, leaf: Leaf, args: Sequence[Node]) -> Node:
    mean, deviation, low, high = args
    ends = tuple(g.div(g.sub(end, mean), deviation) for end in (low, high))
    value = g.add(mean, g.mul(deviation, leaf(Op.TRUNCATED_NORMAL, ends)))
    # rounding may lead beyond the limits
    return g.select(g.binary(Op.LT, value, low), low, g.select(g.binary(Op.GT, value, high), high, value))


def _gamma(g: Graph, leaf: Leaf, args: Sequence[Node]) -> Node:
    return g.mul(args[1], leaf(Op.GAMMA, (args[0],)))


def _poisson(g: Graph, leaf: Leaf, args: Sequence[Node]) -> Node:
    return g.as_int(leaf(Op.POISSON, (args[0],)))


def _binomial(g: Graph, leaf: Leaf, args: Sequence[Node]) -> Node:
    return g.as_int(leaf(Op.BINOMIAL, (args[0], args[1])))


def _choice(g: Graph, leaf: Leaf, args: Sequence[Node]) -> Node:
    u = leaf(Op.UNIFORM, ())
    chosen = args[-1]
    for k in range(len(args) - 1, 0, -1):
        chosen = g.select(g.binary(Op.LT, u, g.literal(k / len(args))), args[k - 1], chosen)
    return chosen


def _permutation(g: Graph, leaf: Leaf, args: Sequence[Node]) -> Node:
    return g.as_int(leaf(Op.PERMUTATION, (args[0], args[1])))


_AB = (Argument("a"), Argument("b"))
_TABLE = (
    Distribution(
        "rand",
        (),
        "a uniform random number, 0 <= x < 1, another one for each use, element and step",
        lambda _g, leaf, _: leaf(Op.UNIFORM, ()),
        "v0 + 5*mV*rand()",
    ),
    Distribution(
        "randn",
        (),
        "a normal random number of mean 0 and standard deviation 1",
        lambda _g, leaf, _: leaf(Op.NORMAL, ()),
        "v0 + 2*mV*randn()",
    ),
    Distribution("uniform", _AB, "a uniform random number between a and b", _uniform, "uniform(-70*mV, -50*mV)"),
    Distribution(
        "exponential",
        (Argument("scale", needs=Needs.NOT_NEGATIVE),),
        "an exponentially distributed number; its mean is `scale`",
        _exponential,
        "exponential(5*ms)",
    ),
    Distribution(
        "truncnorm",
        (Argument("mean"), Argument("sd", needs=Needs.POSITIVE), Argument("low"), Argument("high")),
        "a normal random number of mean `mean` and standard deviation `sd` that is drawn again until it lies between "
        "`low` and `high`",
        _truncated_normal,
        "truncnorm(1.5*ms, 0.5*ms, 0*ms, inf*ms)",
    ),
    Distribution(
        "lognormal",
        (Argument("mu", plain=True), Argument("sigma", plain=True, needs=Needs.NOT_NEGATIVE)),
        "exp of a normal random number of mean `mu` and standard deviation `sigma`; its median is exp(mu)",
        _lognormal,
        "0.5*nS*lognormal(0, 0.6)",
    ),
    Distribution(
        "gamma",
        (Argument("k", plain=True, needs=Needs.POSITIVE), Argument("theta", needs=Needs.NOT_NEGATIVE)),
        "a gamma distributed number of shape `k` and scale `theta`; its mean is k*theta",
        _gamma,
        "gamma(2, 10*ms)",
    ),
    Distribution(
        "poisson",
        (Argument("mean", plain=True, needs=Needs.MEAN),),
        "a whole number with a Poisson distribution",
        _poisson,
        "poisson(3)",
    ),
    Distribution(
        "binomial",
        (Argument("n", plain=True, needs=Needs.COUNT), Argument("p", plain=True, needs=Needs.PROBABILITY)),
        "how many of `n` trials of probability `p` succeed",
        _binomial,
        "binomial(10, 0.3)",
    ),
    Distribution(
        "choice", _AB, "one of its arguments, each with the same probability", _choice, "choice(-1, 1)", more=True
    ),
    Distribution(
        "permutation",
        (Argument("n", plain=True, needs=Needs.SIZE), Argument("k", plain=True, needs=Needs.INDEX)),
        "element k of the numbers 0 to n - 1 in random order, k being `i` where it is left out; "
        "in initial values and connections only",
        _permutation,
        "permutation(N)",
        optional=1,
        once=True,
    ),
)
DISTRIBUTIONS: dict[str, Distribution] = {d.name: d for d in _TABLE}


def drawn(
    graph: Graph, expr: Call, distribution: Distribution, args: Sequence[Typed], stream: Callable[[str], Draw]
) -> Typed:
    """The graph of a random number, and its dimension.

    Args:
        graph: Where it is made.
        expr: The call.
        distribution: What is called.
        args: Its arguments.
        stream: Makes the stream of this use.

    Raises:
        ExperimentError: EQ204, EQ206, EQ208, EQ210, EQ213.
    """
    _must_count(expr, distribution, len(args))
    dimension = _dimension(expr, distribution, args)
    last = distribution.arguments[-1:]
    arguments = [*distribution.arguments, *last * (len(args) - len(distribution.arguments))]
    nodes = [
        _possible(graph, distribution.name, argument, typed, part)
        for argument, typed, part in zip(arguments, args, expr.args, strict=True)
    ]
    nodes = _ordered(graph, expr, distribution, args, nodes)
    draw = stream(distribution.name)
    if distribution.once and draw.use not in ("initial", "connect"):
        message = f"`{distribution.name}` is drawn once, before the run: in `initial` and in `connect`"
        raise at(expr.span, "EQ208", message, "give it to an integer variable in `initial`, and use the variable")

    def leaf(op: Op, inner: tuple[Node, ...]) -> Node:
        return graph.node(op, tuple(graph.as_float(a) for a in inner), payload=draw)

    return Typed(distribution.build(graph, leaf, nodes), dimension)


def _must_count(expr: Call, distribution: Distribution, given: int) -> None:
    most = len(distribution.arguments)
    least = most - distribution.optional
    if given < least or (given > most and not distribution.more):
        words = f"{'at least ' * distribution.more}{least}{f' or {most}' * (least < most)}"
        plural = "argument" if words == "1" else "arguments"
        advice = f"for example `{distribution.example}`"
        raise at(expr.span, "EQ206", f"`{expr.function}` takes {words} {plural}, here it has {given}", advice)


def _dimension(expr: Call, distribution: Distribution, args: Sequence[Typed]) -> Dimension:
    """The dimension of the result."""
    last = distribution.arguments[-1:]
    arguments = [*distribution.arguments, *last * max(0, len(args) - len(distribution.arguments))]
    same = next((t.dimension for a, t in zip(arguments, args, strict=False) if not a.plain and not t.is_zero), ONE)
    for argument, typed, part in zip(arguments, args, expr.args, strict=False):
        wanted = ONE if argument.plain else same
        if typed.fits(wanted):
            continue
        if argument.plain:
            message = f"`{argument.name}` of `{expr.function}` is dimensionless, this is {typed.dimension.describe()}"
            raise at(part.span, "EQ204", message)
        message = f"the arguments of `{expr.function}` must be alike: one is {same.describe()}, "
        raise at(
            part.span, "EQ204", f"{message}this is {typed.dimension.describe()}", suggestion(same, typed.dimension)
        )
    return same


def _ordered(
    graph: Graph, expr: Call, distribution: Distribution, args: Sequence[Typed], nodes: list[Node]
) -> list[Node]:
    """The arguments, with NaN as `low` where it lies above `high`.

    Raises:
        ExperimentError: EQ210, both are known, and it does.
    """
    limits = [k for k, a in enumerate(distribution.arguments) if a.name in ("low", "high")]
    if not limits:
        return nodes
    low, high = limits
    values = [args[k].exact for k in limits]
    known = [float(v) for v in values if v is not None and v is not OPEN]
    if len(known) < 2:
        held = graph.binary(Op.LE, nodes[low], nodes[high])
        amount = Amount(f"`low` of `{distribution.name}` must not lie above `high`", args[low].dimension)
        nodes[low] = _amount(graph, held, graph.as_float(nodes[low]), amount, expr.args[low].span)
    elif known[0] > known[1]:
        message = f"`low` of `{distribution.name}` lies above `high`: {known[0]:g} > {known[1]:g}"
        raise at(expr.args[low].span, "EQ210", message)
    return nodes


def _possible(graph: Graph, function: str, argument: Argument, typed: Typed, part: Expr) -> Node:
    """An argument that is possible, or NaN where it is not, which ends a run (`Graph.amounts`)."""
    needs, node = argument.needs, typed.node
    if typed.exact is not None and typed.exact is not OPEN:
        if not needs.holds(typed.value):
            message = f"`{argument.name}` of `{function}` must be {needs.value}, this is {typed.value:g}"
            raise at(part.span, "EQ210", message)
    elif needs is Needs.SIZE and typed.exact is None:
        raise at(part.span, "EQ210", f"`{argument.name}` of `{function}` must be a constant")
    if needs.whole and node.kind is not Kind.INT:
        message = f"`{argument.name}` of `{function}` is an integer, this is not a whole number"
        raise at(part.span, "EQ213", message, "write `int(...)` to cut it")
    if needs in _BOUNDS and (typed.exact is None or typed.exact is OPEN):
        above, most = _BOUNDS[needs]
        held = graph.binary(above, node, graph.literal(0))
        if most is not None:
            held = graph.logical_and(held, graph.binary(Op.LE, node, graph.literal(most)))
        rule = f"`{argument.name}` of `{function}` must be {needs.value}"
        return _amount(graph, held, graph.as_float(node), Amount(rule, typed.dimension), part.span)
    return node


def _amount(graph: Graph, held: Node, value: Node, amount: Amount, span: Span) -> Node:
    node = graph.select(held, value, graph.constant("nan", math.nan))
    graph.amounts[node.number] = amount
    graph.places[node.number] = span
    return node
