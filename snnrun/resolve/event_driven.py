"""Event-driven equations of synapses: solved in closed form over the time since the last event of the synapse."""

from __future__ import annotations

from collections.abc import Callable

from snnrun.equations.dag import MOVING, READS, Kind, Node, Op, Variable, walk
from snnrun.equations.methods.chain import solution
from snnrun.equations.methods.exact import linear
from snnrun.equations.methods.system import MethodError, System
from snnrun.equations.model import Definition, Role
from snnrun.equations.scope import Typed
from snnrun.errors import ExperimentError, at
from snnrun.resolve.context import Context
from snnrun.resolve.definitions import Variables

_ADVICE = "make it clock-driven: write `(clock-driven)`"


def values_now(
    context: Context, owner: str, variables: Variables, line: Callable[[Definition], Typed]
) -> dict[Variable, Node]:
    """Values of event-driven variables now, from those at the last event; with `lastupdate`, the step of that event.

    Args:
        context: The resolution.
        owner: Path of the synapses.
        variables: Their variables.
        line: Gives the checked right-hand side of a line.

    Raises:
        ExperimentError: EQ221 for an equation without such a solution.
    """
    lines = {variables.stored_as(d.name).variable: d for d in variables.with_flag("event-driven")}
    if not lines:
        return {}
    g = context.graph
    last = g.variable(Variable(owner, "lastupdate"), Kind.INT)
    dt = g.constant("dt", context.dt)
    elapsed = g.mul(g.as_float(g.sub(g.node(Op.STEP, (), Kind.INT), last)), dt)
    states = {variables.stored_as(d.name).variable for d in variables.by_role(Role.DIFFERENTIAL)}
    rhs = {v: line(d).node for v, d in lines.items()}
    try:
        matrix, rest = linear(System(g, rhs, frozenset(), None, frozenset(), elapsed))
        coefficients = {v: [rest[v]] for v in lines}
        for (row, _), entry in matrix.items():
            coefficients[row].append(entry)
        for v, d in lines.items():
            _must_be_constant_between_events(d, states, *coefficients[v])
        values = solution(g, tuple(rhs), matrix, rest, elapsed)
    except MethodError as error:
        raise _no_solution(variables.definitions[error.variable], error.reason) from None
    values[Variable(owner, "lastupdate")] = g.node(Op.STEP, (), Kind.INT)
    return values


def _must_be_constant_between_events(d: Definition, states: set[Variable], *nodes: Node) -> None:
    for n in walk(*nodes):
        v = n.payload
        outside = isinstance(v, Variable) and n.op in READS and (v.reach != "own" or v in states)
        if n.op in MOVING or outside:
            name = v.name if isinstance(v, Variable) else "time or randomness"
            raise _no_solution(d, f"`{name}` changes between events")


def _no_solution(d: Definition, reason: str) -> ExperimentError:
    return at(d.span, "EQ221", f"`{d.name}` cannot be event-driven: {reason}", _ADVICE)
