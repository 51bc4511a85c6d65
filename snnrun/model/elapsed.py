"""Event-driven variables: stored as the last event of a synapse left them, and brought up to date where they are read.

An event of a step finds a variable after as many steps as are between the last event and this one. Whatever else reads
it once equations are integrated sees the same. Earlier in a step, and between steps, it is what it was at the end of
the step before: right after an event it is what the event made of it. A clock-driven variable with the same equation
behaves so.
"""

from __future__ import annotations

from collections.abc import Mapping

from snnrun.equations.dag import Graph, Kind, Node, Op, Variable, variables_of
from snnrun.model.network import Assignment, Block, Synapses

LAST = "lastupdate"  # the variable that holds the step of the last event


def up_to_date(graph: Graph, node: Node, elapsed: Block, *, before: bool) -> Node:
    """A graph that reads event-driven variables as they are at a moment of a step.

    Args:
        graph: Where graphs are made.
        node: The graph.
        elapsed: What an event does to the variables first (`Synapses.elapsed`).
        before: Whether it is read before the equations of the step are integrated.
    """
    return (
        graph.replace_variables(node, _values(graph, elapsed, before=before), everywhere=True)
        if elapsed.assignments
        else node
    )


def _values(graph: Graph, elapsed: Block, *, before: bool) -> dict[Variable, Node]:
    """Each event-driven variable as it is at a moment of a step, and the step that this is the value of."""
    return moment(graph, {a.variable: a.value for a in elapsed.assignments}, before=before)


def moment(graph: Graph, values: Mapping[Variable, Node], *, before: bool) -> dict[Variable, Node]:
    """Event-driven variables at a moment of a step, from their values when an event comes; `lastupdate` is one."""
    if not before:
        return dict(values)
    (last,) = (v for v in values if v.name == LAST)
    step, stored = graph.node(Op.STEP, (), Kind.INT), graph.variable(last, Kind.INT)
    started = graph.binary(Op.GT, step, stored)
    ended = graph.select(started, graph.sub(step, graph.literal(1)), stored)
    return {v: graph.substitute(n, lambda m: ended if m.op is Op.STEP else None) for v, n in values.items()}


def as_event(graph: Graph, block: Block, elapsed: Block, *, before: bool) -> Block:
    """Statements on synapses outside events: what they read is up to date, and what they write is written now."""
    if not elapsed.assignments:
        return block
    values = _values(graph, elapsed, before=before)
    found = [
        Assignment(a.variable, graph.replace_variables(a.value, values, everywhere=True)) for a in block.assignments
    ]
    written = {a.variable for a in block.assignments}
    if written & (values.keys() | variables_of(*values.values())):  # also what the equations of others read
        found += [Assignment(v, node) for v, node in values.items() if v not in written]
    return Block(tuple(found))


def current(graph: Graph, synapses: Synapses, node: Node) -> Node:
    """A graph of a synapses object as it is between two steps."""
    return up_to_date(graph, node, synapses.elapsed, before=True)


def refresh(graph: Graph, elapsed: Block) -> Mapping[Variable, Node]:
    """What event-driven variables, and the step of their values, become when they are brought up to date."""
    return _values(graph, elapsed, before=True) if elapsed.assignments else {}
