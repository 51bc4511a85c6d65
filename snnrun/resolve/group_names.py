"""Names that statements about a group may use. In a subgroup `i` counts its neurons from 0, and `N` is its size."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from snnrun.equations.dag import Kind, Lookup, Node, Op, Variable
from snnrun.equations.scope import Elements, Typed
from snnrun.model.network import NeuronSubset, TimedArray
from snnrun.resolve.context import KEPT_BY_THE_RUN, Context, exact_int, meanings
from snnrun.resolve.names import Derived, Names
from snnrun.resolve.selection import MOST_TRIED
from snnrun.resolve.statements import StatementScope, Target
from snnrun.units.dimensions import ONE


def seen_in(context: Context, view: NeuronSubset, symbols: Mapping[str, Typed]) -> Mapping[str, Typed]:
    """Names of a group as statements about a part of it see them."""
    if view.whole:
        return symbols
    own = {"i": Typed(place_in(context, view), ONE), "N": exact_int(context.graph, "N", view.size)}
    return Names(own, symbols)


def place_in(context: Context, view: NeuronSubset) -> Node:
    """The index within a view of the neuron that a graph is evaluated for; without meaning where it is not a member."""
    g = context.graph
    own = g.node(Op.INDEX, (), Kind.INT, "own")
    if isinstance(view.members, range):
        place = g.sub(own, g.constant(f"{view.name}.start", view.members.start))
        step = view.members.step
        return place if step == 1 else g.binary(Op.FLOORDIV, place, g.constant(f"{view.name}.step", step))
    name, first = _table(context, view)
    column = g.sub(own, g.constant(f"{view.name}.first", first))
    return g.as_int(g.node(Op.TIMED, (g.literal(0.0), column), Kind.FLOAT, Lookup(name)))


def is_member(context: Context, view: NeuronSubset) -> Node:
    """Whether the neuron that a graph is evaluated for belongs to a view."""
    g = context.graph
    own = g.node(Op.INDEX, (), Kind.INT, "own")
    if not isinstance(view.members, range):
        return g.binary(Op.GE, place_in(context, view), g.literal(0))
    first, last = sorted((view.members[0], view.members[-1]))
    inside = g.logical_and(
        g.binary(Op.GE, own, g.constant(f"{view.name}.start", first)),
        g.binary(Op.LT, own, g.constant(f"{view.name}.stop", last + 1)),
    )
    step = abs(view.members.step)
    if step == 1:
        return inside
    rest = g.binary(Op.MOD, g.sub(own, g.constant(f"{view.name}.start", first)), g.constant(f"{view.name}.step", step))
    return g.logical_and(inside, g.binary(Op.EQ, rest, g.literal(0)))


def _table(context: Context, view: NeuronSubset) -> tuple[str, int]:
    """An array of one row with the index within the view, or -1, of each neuron from one before its first on.

    Returns:
        Its name, and the neuron that its first column stands for. Columns beyond its ends are as those at its ends: -1.
    """
    ids = view.ids
    first, last = int(ids.min()) - 1, int(ids.max()) + 1
    if last - first > MOST_TRIED:
        path = ("groups", view.group, "subgroups", view.name.partition(".")[2])
        message = f"`{view.name}`: neurons from {first + 1:,} to {last - 1:,} are too far apart for statements"
        raise context.error("NET120", message, path, "use a subgroup of evenly spaced neurons, such as `0:1000:10`")
    name = f"place_in_{view.name.replace('.', '_')}"
    places = view.places(np.arange(first, last + 1)).astype(np.float64)[None, :]
    while name in context.arrays and not np.array_equal(context.arrays[name].values, places):
        name += "_"
    context.arrays[name] = TimedArray(name, places, 1.0, ONE)
    return name, first


def elements_of(context: Context, view: NeuronSubset) -> Elements:
    """What `sum(x)` and its like reduce in statements about a group, or about a part of it: its neurons."""
    path, number = context.populations[view.group].path, exact_int(context.graph, "N", view.size).node
    if view.whole:
        return Elements(path, number, context.graph.node(Op.INDEX, (), Kind.INT, "own"))
    return Elements(path, number, place_in(context, view), is_member(context, view))


def group_scope(
    context: Context, view: NeuronSubset, place: str, stream: str, *, guarded: bool, allow_shared: bool = False
) -> StatementScope:
    """Where statements about the neurons of a group, or of a part of it, stand.

    Args:
        context: The resolution.
        view: The neurons; `i` counts within it.
        place: What the statements are, for messages.
        stream: Owner of their random numbers.
        guarded: Whether refractory neurons keep their frozen variables.
        allow_shared: Whether shared variables may be assigned.
    """
    population = context.populations[view.group]
    g = context.graph
    active = g.variable(Variable(population.path, "not_refractory"), Kind.BOOL)
    fixed = {*KEPT_BY_THE_RUN, *population.constant}

    def target(name: str) -> Target | None:
        stored = population.members[name].stored
        held = (population.path, name) in context.held
        if stored is None or held or name in fixed or (stored.variable.shared and not allow_shared):
            return None
        return Target(stored, active if guarded and name in population.frozen else None)

    targets = Derived(population.members, target)
    symbols = Names(meanings(population.members), seen_in(context, view, population.symbols))
    options = {"draw": context.draws(stream, "noise"), "elements": elements_of(context, view)}

    def refuse(target: str) -> str | None:
        member = population.members.get(target)
        if member is not None and (member.stored is None or (population.path, target) in context.held):
            return f"`{target}` is a subexpression and cannot be assigned"
        if member is not None and member.stored is not None and member.stored.variable.shared and not allow_shared:
            return f"`{target}` is shared by all neurons and cannot be assigned by one of them"
        if target in population.constant:
            return f"`{target}` is declared `(constant)` and cannot be assigned"
        if target in {"t", "dt", "i", "N", *KEPT_BY_THE_RUN}:
            return f"`{target}` cannot be assigned"
        return None

    return StatementScope(symbols, targets, place, options, refuse)
