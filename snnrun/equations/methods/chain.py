"""The solution of linear equations that feed one into the next, in closed form.

Equations dx_i/dt = a_i*x_i + sum of c_ij*x_j + b_i form a chain when no variable feeds back into what it depends on.
Over a time T their solution is a sum over the paths along which variables feed each other: along i <- ... <- j, x_j
reaches x_i times the product of the c on the way, T**n, and the divided difference of exp at the a*T of all n + 1
variables of the path. That is exact for any T and any coefficients, equal ones included, which may differ between
elements and be known only when the time is over.

Reference: McCurdy, Ng & Parlett 1984, Math. Comp. 43, 501-528, for divided differences of exp.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import reduce

from snnrun.equations.dag import Graph, Node, Op, Variable, is_literal
from snnrun.equations.methods.system import MethodError

Matrix = Mapping[tuple[Variable, Variable], Node]

LONGEST = 8  # variables of a path
MOST_PATHS = 64
_NEAR = 1.0  # points that are nearer to each other are expanded in a series
_TERMS = 18  # of it: what is left out is below 1e-17


def solution(
    graph: Graph, states: tuple[Variable, ...], matrix: Matrix, rest: Mapping[Variable, Node], elapsed: Node
) -> dict[Variable, Node]:
    """The values of variables after a time, from those at its start.

    Args:
        graph: The graph that the nodes belong to.
        states: The variables.
        matrix: Coefficients by row and column; those that are zero are left out.
        rest: What is left of the right-hand sides, constant over the time.
        elapsed: The time, not negative. [s]

    Raises:
        MethodError: A variable feeds back into itself, or the paths are too long or too many.
    """
    g = graph
    zero = g.literal(0)
    values: dict[Variable, Node] = {}
    for row in states:
        value = zero
        for number, (path, coupling) in enumerate(_paths(g, matrix, row)):
            if number == MOST_PATHS or len(path) > LONGEST:
                raise MethodError(row.name, f"too many variables feed into `{row.name}`")
            product = reduce(g.mul, [elapsed] * (len(path) - 1), coupling)
            rates = [matrix.get((v, v), zero) for v in path]
            start = path[-1]
            part = g.mul(g.variable(start), divided_exp(g, rates, elapsed))
            driven = zero
            if not is_literal(rest[start], 0):
                driven = g.mul(rest[start], g.mul(elapsed, divided_exp(g, [*rates, zero], elapsed)))
            value = g.add(value, g.mul(product, g.add(part, driven)))
        values[row] = value
    return values


def _paths(g: Graph, matrix: Matrix, row: Variable) -> Iterator[tuple[tuple[Variable, ...], Node]]:
    """Paths along which variables feed into one, that of itself first, with the product of the coefficients."""
    sources: dict[Variable, list[Variable]] = {}
    for to, source in matrix:
        if to is not source and to != source:
            sources.setdefault(to, []).append(source)
    stack: list[tuple[tuple[Variable, ...], Node]] = [((row,), g.literal(1))]
    while stack:
        path, product = stack.pop()
        yield path, product
        for source in reversed(sources.get(path[-1], [])):
            if source in path:
                raise MethodError(row.name, f"`{source.name}` feeds back into itself")
            stack.append(((*path, source), g.mul(product, matrix[path[-1], source])))


def divided_exp(graph: Graph, rates: list[Node], elapsed: Node) -> Node:
    """The divided difference of exp at the products of rates and a time; exp itself for one rate."""
    g = graph
    if len(rates) == 1:
        return g.function("exp", (g.mul(rates[0], elapsed),))
    if len(rates) == 2 and is_literal(rates[1], 0):
        return g.function("exprel", (g.mul(rates[0], elapsed),))
    points = [g.mul(rate, elapsed) for rate in _descending(g, rates)]
    exps = [g.function("exp", (z,)) for z in points]
    level = [g.mul(e, g.function("exprel", (g.sub(b, a),))) for e, a, b in zip(exps, points, points[1:], strict=False)]
    for order in range(2, len(points)):
        following = []
        for i in range(len(level) - 1):
            width = g.sub(points[i], points[i + order])
            far = g.div(g.sub(level[i], level[i + 1]), width)
            near = g.mul(exps[i], _series(g, [g.sub(z, points[i]) for z in points[i + 1 : i + order + 1]]))
            following.append(g.select(g.binary(Op.GT, width, g.literal(_NEAR)), far, near))
        level = following
    return level[0]


def _descending(g: Graph, rates: list[Node]) -> list[Node]:
    """Rates sorted by value, the largest first."""
    ordered = [g.as_float(rate) for rate in rates]
    for last in range(len(ordered) - 1, 0, -1):
        for i in range(last):
            a, b = ordered[i], ordered[i + 1]
            larger = g.binary(Op.GE, a, b)
            ordered[i], ordered[i + 1] = g.select(larger, a, b), g.select(larger, b, a)
    return ordered


def _series(g: Graph, points: list[Node]) -> Node:
    """The divided difference of exp at 0 and some points near it: sum of h_m(points)/(m + n)!.

    h_m is the sum of all products of m of the n points, with repetition.
    """
    n = len(points)
    sums = [g.literal(1.0)] * n  # h_m of the first points, of the first two, and so on
    total = g.literal(1 / math.factorial(n))
    for m in range(1, _TERMS + 1):
        below = g.literal(0.0)
        for j, point in enumerate(points):
            below = sums[j] = g.add(below, g.mul(point, sums[j]))
        total = g.add(total, g.mul(sums[-1], g.literal(1 / math.factorial(m + n))))
    return total
