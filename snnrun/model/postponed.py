"""Events of targets that change weights only: carried out when the next spike of the source arrives.

Nobody reads a weight between two spikes of its source. So what the spikes of the target do to it can wait, and is done
in the order of the spikes when the row of the source is visited, in the order of memory. The bits are the same as at
once. Where anything else reads what such a pathway changes, it acts at once.
"""

from __future__ import annotations

from dataclasses import replace

from snnrun.equations.dag import MOVING, Kind, Node, Op, Variable, variables_of, walk
from snnrun.model.mapped import variables_within
from snnrun.model.network import Network, Pathway, Synapses


def postponed(network: Network, synapses: Synapses) -> Pathway | None:
    """The pathway of an object that can wait; None where none can.

    It changes variables of synapses only, which only the pathways of the object read, and what it reads besides is
    known later too: values that stay, and traces of the source, which change when its row is visited.
    """
    if not synapses.traces or synapses.elapsed.assignments or not synapses.divisible:
        return None
    late = [p for p in synapses.pathways if p.post and p.block.assignments]
    early = [p for p in synapses.pathways if not p.post and (p.block.assignments or p.trace.assignments)]
    if len(late) != 1 or not all(_is_plain(p) for p in (*late, *early)):
        return None
    if not all(p.block.assignments for p in early):
        return None
    found = late[0]
    changed = {(a.variable.owner, a.variable.name) for a in found.block.assignments}
    if any(a.variable.reach != "own" for a in found.block.assignments):
        return None
    moved = network.changing_variables - changed
    moved -= {(a.variable.owner, a.variable.name) for p in early for a in p.trace.assignments}
    if any((v.owner, v.name) in moved for v in variables_of(*found.block.values)):
        return None
    if timed_terms(*found.block.values) is None:
        return None
    rest = replace(synapses, pathways=(), expressions={}, stored=(), initial=(), connect=(), integration=None)
    others = replace(network, synapses={**network.synapses, synapses.name: rest}, phases=(), start=None)
    return None if any((v.owner, v.name) in changed for v in variables_within(others)) else found


def _is_plain(pathway: Pathway) -> bool:
    return pathway.uniform_delay and not pathway.is_part and pathway.moving is None and pathway.dendritic is None


def timed_terms(*nodes: Node) -> list[Node] | None:
    """The largest parts of graphs that follow the step and are the same for all synapses between two neurons.

    Returns:
        The parts; None where anything else in the graphs follows time or chance.
    """
    moves: dict[int, bool] = {}
    own: dict[int, bool] = {}
    for n in walk(*nodes):
        if n.op in MOVING - {Op.STEP} or n.op is Op.ELEMENT:
            return None
        moves[id(n)] = n.op is Op.STEP or any(moves[id(a)] for a in n.args)
        is_own = isinstance(n.payload, Variable) and n.payload.reach == "own"
        own[id(n)] = is_own or any(own[id(a)] for a in n.args)
    found: list[Node] = []
    left = list(nodes)
    while left:
        n = left.pop()
        if not moves[id(n)] or n in found:
            continue
        if not own[id(n)] and n.kind is Kind.FLOAT:
            found.append(n)
        elif n.args:
            left += n.args
        else:
            return None
    return found
