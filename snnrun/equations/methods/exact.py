"""Exact integration of linear equations by the matrix exponential."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from snnrun.equations.dag import DRAWN, Graph, Lookup, Node, Op, Variable, is_literal, variables_of, walk
from snnrun.equations.derive import NotLinear, collect_linear
from snnrun.equations.methods.chain import solution
from snnrun.equations.methods.system import Method, MethodError, System, Update, float_update, refuse_noise

Matrix = dict[tuple[Variable, Variable], Node]

MOST_MIXED = 100
"""Equations whose matrix exponential is taken: each new value reads all the others."""
CHAINED = "closed form, equations feed one into the next"


def advance(system: System) -> Update:
    """X <- P*x + Q*b with P = exp(A*dt) and Q its integral over the step.

    A holds the coefficients of the state in the right-hand sides, b the rest; both must be constant over the step.
    Exact for any step. The exponential is taken of numbers, not of symbols, so equal time constants are no special
    case. Equations that do not mix have the closed form x + dt*phi(a*dt)*(a*x + b), evaluated in the step, so their
    coefficients may differ between elements and change between steps; so have equations that feed one into the next
    (`chain.py`). The coefficients of others are constants and parameters that nothing changes during the run: their
    exponential is taken once, before it. No noise.

    Reference: Rotter & Diesmann 1999, Biol. Cybern. 81, 381-402.
    """
    refuse_noise(system)
    matrix, rest = linear(system)
    if all(row is column for row, column in matrix):
        return Update(
            system.hold(float_update(system, _alone(system, matrix, rest))), "closed form, equations do not mix"
        )
    changing = next(((row, names) for (row, _), entry in matrix.items() if (names := _changing(system, entry))), None)
    if changing is None:
        if len(system.rhs) > MOST_MIXED:
            row = next(row for row, column in matrix if row is not column)
            raise MethodError(row.name, f"the equations mix, and there are more than {MOST_MIXED} of them")
        return Update(_with_frozen(system, matrix, rest, _propagated), "matrix exponential")
    try:
        return Update(_with_frozen(system, matrix, rest, _chained), CHAINED)
    except MethodError as error:
        row, names = changing
        raise MethodError(
            row.name,
            f"the equations mix, {names} in their coefficients may change during the run, and {error.reason}",
        ) from None


_Solve = Callable[[System, Matrix, Mapping[Variable, Node], frozenset[Variable]], dict[Variable, Node]]


def _with_frozen(system: System, matrix: Matrix, rest: Mapping[Variable, Node], solve: _Solve) -> dict[Variable, Node]:
    """The new values, for elements with frozen variables too."""
    new = solve(system, matrix, rest, frozenset())
    if system.active is not None and system.frozen:
        held = solve(system, matrix, rest, system.frozen)
        new = {v: system.graph.select(system.active, new[v], held[v]) for v in new}
    return float_update(system, new)


def _chained(
    system: System, matrix: Matrix, rest: Mapping[Variable, Node], frozen: frozenset[Variable]
) -> dict[Variable, Node]:
    g = system.graph
    moving = {(row, column): entry for (row, column), entry in matrix.items() if row not in frozen}
    left = {v: g.literal(0) if v in frozen else node for v, node in rest.items()}
    return solution(g, tuple(system.rhs), moving, left, system.dt)


def _changing(system: System, entry: Node) -> str:
    """What in a coefficient is not known before the run; empty when all is."""
    names = [f"`{v.name}`" for v in sorted(variables_of(entry) - system.fixed, key=lambda v: v.name)]
    if any(n.op in {Op.TIMED, Op.STEP, Op.REDUCED} | DRAWN for n in walk(entry)):
        names.append("time")
    return ", ".join(names)


def linear(system: System) -> tuple[Matrix, dict[Variable, Node]]:
    """The right-hand sides as coefficients of the state, by row and column where they are not zero, and the rest.

    Raises:
        MethodError: They are not linear, or change within the step.
    """
    matrix: Matrix = {}
    rest: dict[Variable, Node] = {}
    states = {v: k for k, v in enumerate(system.rhs)}
    for row, rhs in system.rhs.items():
        if _moves(rhs):
            raise MethodError(row.name, f"the equation of `{row.name}` changes within the step (it depends on `t`)")
        remaining = rhs
        for column in sorted(variables_of(rhs) & states.keys(), key=states.__getitem__):
            try:
                entry, remaining = collect_linear(system.graph, remaining, system.state(column), freeze=False)
            except NotLinear:
                raise MethodError(row.name, f"the equation of `{row.name}` is not linear in `{column.name}`") from None
            if variables_of(entry) & states.keys():
                raise MethodError(row.name, f"the equation of `{row.name}` multiplies state variables")
            if not is_literal(entry, 0):
                matrix[row, column] = entry
        rest[row] = remaining
    return matrix, rest


def _moves(node: Node) -> bool:
    """Whether a graph changes within the step. A timed array at `t` does not, unless it is linear between its times."""
    seen: set[int] = set()
    stack = [node]
    while stack:
        n = stack.pop()
        if id(n) in seen:
            continue
        seen.add(id(n))
        if n.op in {Op.TIME, Op.STEP, Op.UNIFORM, Op.NORMAL} | DRAWN:
            return True
        stack.extend(n.args[1:] if _is_held(n) else n.args)
    return False


def _is_held(node: Node) -> bool:
    """Whether a node is an entry of a timed array that holds throughout the step."""
    lookup = node.payload
    return isinstance(lookup, Lookup) and not lookup.linear and node.args[0].op is Op.TIME


def _alone(system: System, matrix: Matrix, rest: Mapping[Variable, Node]) -> dict[Variable, Node]:
    g, dt = system.graph, system.dt
    new: dict[Variable, Node] = {}
    for v in system.rhs:
        x = system.state(v)
        a = matrix.get((v, v))
        if a is None:
            new[v] = g.add(x, g.mul(dt, rest[v]))
            continue
        z = g.mul(a, dt)
        decayed = g.mul(x, g.function("exp", (z,)))
        new[v] = g.add(decayed, g.mul(rest[v], g.mul(dt, g.function("exprel", (z,)))))
    return new


def _propagated(
    system: System, matrix: Matrix, rest: Mapping[Variable, Node], frozen: frozenset[Variable]
) -> dict[Variable, Node]:
    """P*x + Q*b; rows of frozen variables are zero in A and b, so they stay and the others see them constant."""
    g = system.graph
    states = list(system.rhs)
    zero = g.literal(0.0)
    entries = tuple(
        zero if row in frozen else g.as_float(matrix.get((row, column), zero)) for row in states for column in states
    )
    exponential = g.node(Op.EXPONENTIAL, (*entries, system.dt), payload=len(states))
    reach = _reachable(matrix, states, frozen)
    new: dict[Variable, Node] = {}
    for r, row in enumerate(states):
        if row in frozen:
            new[row] = system.state(row)
            continue
        value = g.literal(0)
        for c, column in enumerate(states):
            if (row, column) not in reach:
                continue
            value = g.add(value, g.mul(_entry(g, exponential, r, c, "P"), system.state(column)))
            if column not in frozen and not is_literal(rest[column], 0):
                value = g.add(value, g.mul(_entry(g, exponential, r, c, "Q"), rest[column]))
        new[row] = value
    return new


def _entry(g: Graph, exponential: Node, row: int, column: int, of: str) -> Node:
    return g.node(Op.PROPAGATOR, (exponential,), payload=(row, column, of))


def _reachable(matrix: Matrix, states: list[Variable], frozen: frozenset[Variable]) -> set[tuple[Variable, Variable]]:
    """Entries of exp(A) that can differ from zero: paths of the graph of A."""
    reach = {(v, v) for v in states} | {(r, c) for r, c in matrix if r not in frozen}
    for k in states:
        for r in states:
            if (r, k) in reach:
                reach |= {(r, c) for c in states if (k, c) in reach}
    return reach


METHOD = Method("exact", advance, "exact for linear equations (matrix exponential)")
