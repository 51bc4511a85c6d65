"""Differential equations to updates: the method of an object is chosen and applied to its right-hand sides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache

import numpy as np

from snnrun.equations.dag import (
    Draw,
    Graph,
    Node,
    Op,
    Variable,
    is_fixed,
    reductions_of,
    variables_of,
    walk,
    with_reciprocals,
)
from snnrun.equations.methods import fehlberg
from snnrun.equations.methods.system import MethodError, System, Update
from snnrun.equations.methods.table import METHODS, choose, fitting
from snnrun.equations.model import Definition
from snnrun.errors import at
from snnrun.model.network import Assignment, Integration
from snnrun.resolve.context import Context, Path
from snnrun.units.dimensions import ONE


def integrate(
    context: Context,
    path: Path,
    method: str,
    rhs: Mapping[Variable, Node],
    definitions: Mapping[str, Definition],
    *,
    frozen: frozenset[Variable] = frozenset(),
    active: Node | None = None,
    fixed: frozenset[Variable] = frozenset(),
    stop: Callable[[], Node | None] = lambda: None,
) -> tuple[Update, Integration]:
    """The update of one object.

    Shared variables are integrated by themselves, as nothing they read differs between elements.

    Args:
        context: The resolution.
        path: The object in the file.
        method: A method, or `auto`.
        rhs: Right-hand sides of the differential equations, at least one. [unit of the variable / s]
        definitions: The lines of the equations by name, for messages.
        frozen: Variables that keep their values while `active` is false.
        active: Truth value per element; None when nothing is ever frozen.
        fixed: Parameters that keep their initial values during the run.
        stop: Gives the threshold, which ends the step of an element early in methods that divide it.

    Raises:
        ExperimentError: EQ220 when the method does not fit, with those that do.
    """
    written = (*path, "method")
    place = written if context.document.has(written) else (*path, "equations")
    dt = context.graph.constant("dt", context.dt)
    values: dict[Variable, Node] = {}
    integration: Integration | None = None
    note = ""
    tolerance = _tolerance(context, path, method)
    end = _end_of_step(stop(), active, context.graph) if method == fehlberg.METHOD.name else None
    for shared in (False, True):
        chosen = {v: n for v, n in rhs.items() if v.shared is shared}
        if not chosen:
            continue
        held = frozen & chosen.keys()
        system = System(
            context.graph, chosen, held, active if held else None, fixed, dt, None if shared else end, tolerance
        )
        update, one = _integrate(context, system, method, place, definitions)
        values.update(update.values)
        note = update.note
        if integration is None:
            integration = one
        else:
            integration = replace(integration, variables=(*integration.variables, *one.variables))
    assert integration is not None
    return Update(values, note), integration


def _end_of_step(threshold: Node | None, active: Node | None, graph: Graph) -> Node | None:
    """What ends the step of an element early: it crosses its threshold, unless it is refractory."""
    if threshold is None or reductions_of(threshold) or any(isinstance(n.payload, Draw) for n in walk(threshold)):
        return None
    return threshold if active is None else graph.logical_and(active, threshold)


def _tolerance(context: Context, path: Path, method: str) -> Node | None:
    """The error of a step that an adaptive method allows, where the file gives it.

    Raises:
        ExperimentError: EQ222, for a method that is not adaptive or a number that is none.
    """
    place = (*path, "tolerance")
    if not context.document.has(place):
        return None
    expr = context.expression(place)
    typed = context.checker({}, "`tolerance`").value(expr, ONE, "`tolerance`")
    if method != fehlberg.METHOD.name:
        raise context.key_error("EQ222", f"`{method}` has no tolerance", place, "write `method: rkf45`")
    if context.is_wrong(typed, lambda value: np.logical_not((value >= 1e-12) & (value <= 0.1))):
        raise at(expr.span, "EQ222", f"a tolerance lies between 1e-12 and 0.1, this is {typed.value:g}")
    return context.graph.as_float(typed.node)


def _integrate(
    context: Context, system: System, method: str, path: Path, definitions: Mapping[str, Definition]
) -> tuple[Update, Integration]:
    names = tuple(v.name for v in system.rhs)
    if method == "auto":
        try:
            chosen, update, reason = choose(system)
        except MethodError as error:
            raise at(definitions[error.variable].span, "EQ220", f"no method fits: {error.reason}") from None
        return _with_reciprocals(context, update), Integration(chosen, f"auto: {reason}", names, system)
    try:
        update = METHODS[method].advance(system)
    except MethodError as error:
        others = fitting(system)
        help = f"methods that fit: {', '.join(others)}" if others else None
        span = context.document.nearest_span(path)
        raise at(span, "EQ220", f"`{method}` does not fit `{error.variable}`: {error.reason}", help) from None
    note = update.note or METHODS[method].summary
    return _with_reciprocals(context, update), Integration(method, note, names, system)


def _with_reciprocals(context: Context, update: Update) -> Update:
    """The same update without divisions by fixed values."""
    values = with_reciprocals(context.graph, update.values.values())
    return Update(dict(zip(update.values, values, strict=True)), update.note)


def lift_propagators(graph: Graph, owner: str, update: Update) -> tuple[Update, tuple[Assignment, ...]]:
    """Entries of matrix exponentials that differ between elements become stored values, computed once."""
    lifted: dict[int, Assignment] = {}

    @cache
    def stem_of(exponential: Node) -> str | None:
        if is_fixed(exponential):
            return None
        varies = any(a.op is Op.INDEX for a in walk(exponential))
        shared = not varies and all(v.shared for v in variables_of(exponential))
        return "shared_propagator" if shared else "propagator"

    def replacement(n: Node) -> Node | None:
        if n.op is not Op.PROPAGATOR:
            return None
        stem = stem_of(n.args[0])
        if stem is None:
            return n
        found = lifted.get(id(n))
        if found is None:
            found = Assignment(Variable(owner, f"{stem}_{len(lifted)}", shared=stem == "shared_propagator"), n)
            lifted[id(n)] = found
        return graph.variable(found.variable)

    values = {v: graph.substitute(node, replacement) for v, node in update.values.items()}
    return Update(values, update.note), tuple(lifted.values())
