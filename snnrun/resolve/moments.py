"""When in a step operations and state monitors act."""

from __future__ import annotations

from functools import partial

from snnrun.equations.dag import READS, Node, Op, Variable
from snnrun.model.network import Slot
from snnrun.model.order import precedes_groups
from snnrun.resolve.context import Context, at_element, seen_from
from snnrun.spec.models import Operation, StateMonitor


def is_before_groups(context: Context, model: Operation | StateMonitor) -> bool:
    """Whether it acts before the equations of the step are integrated, on values of the step before."""
    groups = context.experiment.groups.values()
    return precedes_groups(Slot(model.when), model.order, (group.order for group in groups))


def before_step(context: Context, node: Node) -> Node:
    """A graph to be read before the step: `constant over dt` values are not stored yet and computed in place."""

    def replace(n: Node) -> Node | None:
        if n.op is Op.REDUCED:
            return context.graph.reduced_anew(n, partial(before_step, context))
        if n.op not in READS:
            return None
        v = n.payload
        assert isinstance(v, Variable)
        value = context.held.get((v.owner, v.name))
        if value is None or v.reach == "own":
            return value
        if n.op is Op.ELEMENT:
            return at_element(context.graph, value, before_step(context, n.args[0]))
        return seen_from(context.graph, value, v.reach)

    return context.graph.substitute(node, replace) if context.held else node
