"""Synapses as the source or target of other synapses."""

from __future__ import annotations

from snnrun.equations.dag import Kind, Op, Variable, variables_of, walk
from snnrun.equations.scope import Typed
from snnrun.model.expected import exact_total, synapses_of
from snnrun.model.network import CONNECTED, Synapses, all_synapses
from snnrun.resolve.context import Context, Member, Population
from snnrun.resolve.definitions import Variables
from snnrun.units.dimensions import ONE


def synapses_at(context: Context, name: str, key: str) -> str | None:
    """The synapses that are the `source` or `target` of others; None where that is a group."""
    named = context.text(("synapses", name, key)).value.strip()
    head = named.partition(".")[0]
    if head not in context.experiment.synapses or head in context.experiment.groups:
        return None
    if head != named:
        raise context.error("NET110", f"synapses have no subgroups: there is no `{named}`", ("synapses", name, key))
    return head


def named_as_ends(context: Context) -> frozenset[str]:
    """What the file names as source or target."""
    found = [str(name).strip() for s in context.experiment.synapses.values() for name in (s.source, s.target)]
    return frozenset(found)


def seen_by_others(context: Context, variables: Variables, synapses: Synapses) -> Population:
    """The synapses as the source or target of others, which see what each synapse has of its own."""
    members: dict[str, Member] = {}
    hidden: dict[str, str] = {}
    driven = {a.variable for a in synapses.elapsed.assignments}
    for name, member in variables.members.items():
        node = member.typed.node
        ends = any(n.op is Op.INDEX and n.payload in ("pre", "post") for n in walk(node))
        if ends or any(v.reach in ("pre", "post") for v in variables_of(node)):
            hidden[name] = "reads the neurons of each synapse, which others cannot see"
        elif any((v.owner, v.name) in context.held for v in variables_of(node)):
            hidden[name] = "is `(constant over dt)`, so others cannot see it"
        elif variables_of(node) & driven:
            hidden[name] = "is event-driven, so others cannot see it: make it `(clock-driven)`"
        else:
            members[name] = member
    for name in CONNECTED[:-1]:  # the index within a pair has a name of its own
        leaf = context.graph.variable(Variable(synapses.path, name), Kind.INT)
        members[name] = Member(Typed(leaf, ONE), None)
    number = exact_total(synapses)
    size = int(synapses_of(synapses)) if number is None else number
    constant = frozenset(d.name for d in variables.with_flag("constant"))
    view = all_synapses(synapses.name, size, counted=number is not None)
    return Population(synapses.name, view, members, {}, constant=constant, events=(), section="synapses", hidden=hidden)
