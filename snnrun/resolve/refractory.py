"""The refractory period of neurons, and the names `lastspike` and `not_refractory`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from snnrun.equations.dag import MOVING, Kind, Node, Op, Variable, variables_of, walk
from snnrun.equations.exact import OPEN
from snnrun.equations.scope import Typed
from snnrun.errors import at
from snnrun.model.evaluate import Environment, evaluate
from snnrun.model.network import NEVER, Refractory, Stored
from snnrun.resolve.context import Context, Member, Path, Population
from snnrun.resolve.definitions import Variables
from snnrun.resolve.delays import warn_between_steps, whole_steps
from snnrun.spec.models import NeuronGroup
from snnrun.spec.nodes import ScalarNode
from snnrun.units.dimensions import ONE, TIME

BEFORE = -10000.0  # what `lastspike` reads as before the first spike [s]


def define_names(context: Context, population: Population, variables: Variables, model: NeuronGroup) -> bool:
    """Make `lastspike` and `not_refractory` known where the group has them.

    Returns:
        Whether the group has a refractory period.

    Raises:
        ExperimentError: NET133 for a refractory period without a threshold.
    """
    g, owner = context.graph, population.path
    if model.threshold is not None:
        last = Stored(Variable(owner, "lastspike"), Kind.INT, TIME)
        step = g.variable(last.variable, Kind.INT)
        spiked = g.mul(g.as_float(step), context.constants["dt"].node)
        node = g.select(g.binary(Op.EQ, step, g.literal(NEVER)), g.literal(BEFORE), spiked)
        if model.refractory is not None or context.once(_names_lastspike):
            variables.members["lastspike"] = Member(Typed(node, TIME), last)
    if model.refractory is None:
        return False
    active = Stored(Variable(owner, "not_refractory"), Kind.BOOL, ONE)
    variables.members["not_refractory"] = Member(Typed(g.variable(active.variable, Kind.BOOL), ONE), active)
    if model.threshold is None:
        message, path = "a group without threshold has no refractory period", _path(population)
        raise context.key_error("NET133", message, path, "add `threshold:`")
    return True


def _names_lastspike(context: Context) -> bool:
    """Whether any text of the file names `lastspike` (then its arrays are kept)."""
    texts = (node.value for _, node in context.document.walk() if isinstance(node, ScalarNode))
    return any(isinstance(text, str) and "lastspike" in text for text in texts)


def _path(population: Population) -> Path:
    return ("groups", population.name, "refractory")


def resolve_refractory(
    context: Context,
    population: Population,
    variables: Variables,
    fixed: frozenset[Variable],
    options: Mapping[str, Any],
) -> Refractory | None:
    """The refractory period: a number of steps, or a condition; None when the group has none.

    Args:
        context: The resolution.
        population: The group.
        variables: Its variables.
        fixed: Parameters that keep their initial values during the run.
        options: What expressions may use besides (see `Context.scope`).
    """
    path, whose = _path(population), f"`{population.name}`"
    if "not_refractory" not in variables.members:
        return None
    expr = context.expression(path)
    typed = context.checker(variables.symbols(), f"the refractory period of {whose}", **options).check(expr)
    if typed.node.kind is Kind.BOOL:
        return Refractory(None, typed.node)
    if not typed.fits(TIME):
        raise at(
            expr.span,
            "EQ209",
            f"`refractory` must be a time or a condition, this is {typed.dimension.describe()}",
            "write for example `2 ms` or `v > -40*mV`",
        )
    if context.is_wrong(typed, lambda seconds: np.logical_not(seconds >= 0)):
        what = "negative" if typed.value < 0 else "not a number (NaN)"
        raise at(expr.span, "NET102", f"the refractory time is {what}: {typed.value:g} s")
    g = context.graph
    steps = whole_steps(g, g.function("timestep", (typed.node, g.constant("dt", context.dt))), context.every)
    if typed.exact is not None and typed.exact is not OPEN and np.isfinite(typed.value):
        known = np.array([evaluate(steps, Environment()) // context.every])
        warn_between_steps(context, [typed.value], known, expr.span, f"the refractory time of {whose}")
    return Refractory(steps, None, typed.node, _is_constant(context, typed.node, fixed), expr.span)


def _is_constant(context: Context, node: Node, fixed: frozenset[Variable]) -> bool:
    """Whether a value at the start of the run holds for all of it."""
    in_one_phase = not any(phase.set or phase.at_end for phase in context.phases)
    return in_one_phase and variables_of(node) <= fixed and not any(n.op in MOVING for n in walk(node))
