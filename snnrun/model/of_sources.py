"""Clock-driven variables that are the same for all synapses of a source, kept once a source neuron.

A gating variable that spikes of the source open, as of NMDA receptors, has one value for all synapses of a neuron, as
its equation and its jumps read nothing that differs between them. It is then a variable of the source, called `s@syn`:
its equation is integrated once a neuron, and synapses read it as they read any variable of their source. The operations
are those that each synapse would carry out, so its values have the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from snnrun.equations.dag import DRAWN, Graph, Node, Op, Variable, variables_of, walk
from snnrun.model.expected import synapses_of
from snnrun.model.mapped import mapped, variables_within
from snnrun.model.network import Assignment, Block, Network, Pathway, Synapses

FROM = 4
"""Synapses a source, on average, from which on it pays."""
_DIFFERENT = DRAWN | {Op.NOISE, Op.UNIFORM, Op.NORMAL, Op.REDUCED, Op.ADAPTIVE, Op.INDEX, Op.LIST, Op.ELEMENT}


def with_variables_of_sources(network: Network, is_set: Callable[[str, str], bool]) -> Network:
    """The network in which what is the same for all synapses of a source is a variable of the source.

    Args:
        network: The network, without phases.
        is_set: Whether a phase sets a variable of a synapses object, by the names of object and variable.
    """
    for name, synapses in network.synapses.items():
        if _may_move(network, synapses) and not is_set(name, "delay"):
            moved = _moved(network, network.synapses[name], _same(synapses, is_set))
            network = moved or network
    return network


def _may_move(network: Network, synapses: Synapses) -> bool:
    if network.hooks or synapses.moving or not synapses.update.assignments or synapses.source.section != "groups":
        return False
    return synapses_of(synapses) >= FROM * network.groups[synapses.source.group].size


def _same(synapses: Synapses, is_set: Callable[[str, str], bool]) -> dict[Variable, Node]:
    """The variables that are the same for all synapses of a source, and what their equations make of them."""
    lines = (*synapses.initial, *(line for rule in synapses.connect for line in rule.initial))
    given = {line.variable.name for line in lines}
    found = {
        a.variable: a.value
        for a in synapses.update.assignments
        if a.variable.reach == "own" and not a.variable.shared
        if a.variable.name not in given and not is_set(synapses.name, a.variable.name)
    }
    while True:
        kept = {
            v: node
            for v, node in found.items()
            if _is_same(node, found, synapses.source.path) and all(_jumps_alike(p, v, found) for p in synapses.pathways)
        }
        if len(kept) == len(found):
            return kept
        found = kept


def _is_same(node: Node, found: Mapping[Variable, Node], source: str) -> bool:
    """Whether a graph has one value for all synapses of a source, if the variables that were found have."""
    if any(n.op in _DIFFERENT for n in walk(node)):
        return False
    return all(v in found or (v.owner == source and v.reach == "pre") for v in variables_of(node))


def _jumps_alike(pathway: Pathway, variable: Variable, found: Mapping[Variable, Node]) -> bool:
    """Whether the events of a pathway, if they change a variable, do so for all synapses of a source together."""
    written = [a.value for a in pathway.block.assignments if a.variable == variable]
    together = not pathway.post and pathway.uniform_delay and not pathway.is_part and pathway.dendritic is None
    return not written or (together and _is_same(written[0], found, ""))


def _moved(network: Network, synapses: Synapses, same: Mapping[Variable, Node]) -> Network | None:
    """The network with these variables at the source; None where there are none, or something else writes to them."""
    if not same:
        return None
    graph, path = network.graph, synapses.source.path
    at_source = {v: Variable(path, f"{v.name}@{synapses.name}") for v in same}
    stored = {s.variable: s for s in synapses.stored if s.variable in same}
    read = {v: graph.variable(replace(new, reach="pre"), stored[v].kind) for v, new in at_source.items()}
    network = mapped(network, lambda node: graph.replace_variables(node, read))
    new = network.synapses[synapses.name]
    new = replace(
        new,
        stored=tuple(s for s in new.stored if s.variable not in same),
        expressions={**new.expressions, **{v.name: (read[v], stored[v].dimension) for v in same}},
        update=_without(new.update, same),
        of_sources=_of_source(graph, new.update, at_source),
        pathways=tuple(
            replace(
                p,
                block=_without(p.block, same),
                trace=Block((*p.trace.assignments, *_of_source(graph, p.block, at_source).assignments)),
            )
            for p in new.pathways
        ),
    )
    group = network.groups[synapses.source.group]
    group = replace(group, stored=(*group.stored, *(replace(stored[v], variable=at_source[v]) for v in same)))
    network = replace(
        network,
        groups={**network.groups, group.name: group},
        synapses={**network.synapses, synapses.name: new},
    )
    left = {(v.owner, v.name) for v in variables_within(network)}
    return None if any((v.owner, v.name) in left for v in same) else network


def _without(block: Block, same: Mapping[Variable, Node]) -> Block:
    return Block(tuple(a for a in block.assignments if a.variable not in same))


def _of_source(graph: Graph, block: Block, at_source: Mapping[Variable, Variable]) -> Block:
    """What a block of synapses does to these variables, as the source does it."""
    moved = [(at_source[a.variable], a.value) for a in block.assignments if a.variable in at_source]
    own = {v: graph.variable(replace(v, reach="own"), n.kind) for _, node in moved for v, n in _read(node)}
    return Block(tuple(Assignment(v, graph.replace_variables(node, own)) for v, node in moved))


def _read(node: Node) -> list[tuple[Variable, Node]]:
    """The variables that a graph reads, and where."""
    return [(n.payload, n) for n in walk(node) if n.op is Op.VARIABLE and isinstance(n.payload, Variable)]
