"""Traces: event-driven variables that are the same for all synapses of a neuron, kept once a neuron.

The trace of STDP decays between spikes and jumps at each spike of one end of a synapse. All synapses of a neuron then
hold the same value, so it is a variable of the neuron, called `apre@syn`: a spike changes one number instead of
hundreds, and synapses take less memory. The value differs from that of single synapses in rounding only: it decays
from jump to jump of the neuron, not from event to event of the synapse.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

from snnrun.equations.dag import MOVING, Graph, Kind, Node, Op, Variable, variables_of, walk
from snnrun.model.elapsed import LAST, moment
from snnrun.model.expected import synapses_of
from snnrun.model.mapped import mapped, variables_within
from snnrun.model.network import EMPTY, Assignment, Block, Network, NeuronSubset, Pathway, Stored, Synapses, Traces
from snnrun.units.dimensions import ONE

FROM = 100_000
"""Synapses from which on traces are kept once a neuron: fewer fit into the cache, and keep the rounding they had."""
_NOT_SHARED = (MOVING - {Op.STEP}) | {Op.INDEX, Op.LIST, Op.ELEMENT}  # may differ between the synapses of a neuron


def with_traces(network: Network, is_set: Callable[[str, str], bool]) -> Network:
    """The network with traces as variables of neurons, where they are the same for all synapses of a neuron.

    Args:
        network: The network, without phases.
        is_set: Whether a phase sets a variable of a synapses object, by the names of object and variable.
    """
    for name in network.synapses:
        network = _with_traces_of(network, network.synapses[name], is_set)
    return network


def _with_traces_of(network: Network, synapses: Synapses, is_set: Callable[[str, str], bool]) -> Network:
    if not synapses.elapsed.assignments or network.hooks or synapses.moving or is_set(synapses.name, "delay"):
        return network
    find = partial(_Side.of, network.graph, synapses, is_set=is_set)
    sources = find(post=False)
    targets = find(post=True, without=sources.driven)
    sides = [side for side in (sources, targets) if side.driven]
    if not sides or synapses_of(synapses) < FROM:
        return network
    moved = _moved(network, synapses, sides)
    gone = {s.variable for s in synapses.stored} - {s.variable for s in moved.synapses[synapses.name].stored}
    names = {(v.owner, v.name) for v in gone}
    return network if any((v.owner, v.name) in names for v in variables_within(moved)) else moved


@dataclass(frozen=True, slots=True)
class _Side:
    """The traces of the neurons at one end.

    Args:
        synapses: The object.
        post: Whether it is the target.
        driven: Each trace as a variable of the synapses, and its value when an event comes.
    """

    graph: Graph
    synapses: Synapses
    post: bool
    driven: Mapping[Variable, Node]

    @classmethod
    def of(
        cls,
        graph: Graph,
        synapses: Synapses,
        *,
        post: bool,
        is_set: Callable[[str, str], bool],
        without: Iterable[Variable] = (),
    ) -> _Side:
        """Find the traces of an end."""
        given = {*without} | {
            line.variable for lines in (synapses.initial, *(r.initial for r in synapses.connect)) for line in lines
        }
        values = {a.variable: a.value for a in synapses.elapsed.assignments}
        found = {
            v: node
            for v, node in values.items()
            if v.name != LAST and v not in given and not v.shared and not is_set(synapses.name, v.name)
        }
        if (synapses.target if post else synapses.source).section != "groups":
            return cls(graph, synapses, post, {})
        written = [(p, {a.variable: a.value for a in p.block.assignments}) for p in synapses.pathways]
        read = {v: variables_of(node) for v, node in values.items()}
        while True:
            others = {v for u, names in read.items() if u not in found for v in names}  # at each event of a synapse
            kept = {
                v: node
                for v, node in found.items()
                if v not in others and _is_trace(v, found, [(p, w.get(v, node)) for p, w in written], post=post)
            }
            if len(kept) == len(found):
                return cls(graph, synapses, post, kept)
            found = kept

    @property
    def end(self) -> NeuronSubset:
        """The neurons."""
        return self.synapses.target if self.post else self.synapses.source

    @property
    def reach(self) -> str:
        """How synapses reach them."""
        return "post" if self.post else "pre"

    @property
    def last(self) -> Variable:
        """Of the synapses: the step of the last event."""
        return Variable(self.synapses.path, LAST)

    def variable(self, of: Variable, reach: str) -> Variable:
        """A variable of the neurons in the place of one of the synapses."""
        name = f"{LAST}_{self.reach}" if of.name == LAST else of.name
        return Variable(self.end.path, f"{name}@{self.synapses.name}", reach)

    def values(self, reach: str = "") -> Iterator[tuple[Node, Node]]:
        """Values of synapses that graphs read, and those of neurons in their places: at an event, and before a step."""
        for before in (False, True):
            old = moment(self.graph, self.all_driven, before=before)
            new = self.now(reach or self.reach, before=before)
            yield from ((old[v], new[v]) for v in self.driven)

    @property
    def all_driven(self) -> Mapping[Variable, Node]:
        """The traces, and the step of the last event."""
        return {**self.driven, self.last: self.graph.node(Op.STEP, (), Kind.INT)}

    def now(self, reach: str, *, before: bool) -> dict[Variable, Node]:
        """What each trace, and the step of its last jump, become when they are brought up to date."""
        leaves: dict[Variable, Node] = {
            v: self.graph.variable(self.variable(v, reach), Kind.INT if v.name == LAST else Kind.FLOAT)
            for v in self.all_driven
        }
        values = moment(self.graph, self.all_driven, before=before)
        return {v: self.graph.replace_variables(node, leaves) for v, node in values.items()}

    def jump(self, pathway: Pathway) -> Block:
        """What an event of a pathway does to the traces of its neuron."""
        written = {a.variable: a.value for a in pathway.block.assignments}
        if pathway.post != self.post or all(written.get(v) in (None, node) for v, node in self.driven.items()):
            return EMPTY
        known = {id(old): new for old, new in self.values("own")}
        new = {v: _substituted(self.graph, written.get(v, node), known) for v, node in self.driven.items()}
        new[self.last] = self.graph.node(Op.STEP, (), Kind.INT)
        return Block(tuple(Assignment(self.variable(v, "own"), node) for v, node in new.items()))

    def traces(self) -> Traces:
        """What is told of them."""
        now = self.now("own", before=True)
        elapsed = Block(tuple(Assignment(self.variable(v, "own"), node) for v, node in now.items()))
        return Traces(self.post, tuple(v.name for v in self.driven), elapsed)

    def stored(self) -> list[Stored]:
        """The variables of the neurons."""
        old = {s.variable: s for s in self.synapses.stored}
        found = [replace(old[v], variable=self.variable(v, "own")) for v in self.driven]
        return [*found, Stored(self.variable(self.last, "own"), Kind.INT, ONE)]


def _is_trace(
    variable: Variable, found: Mapping[Variable, Node], written: Iterable[tuple[Pathway, Node]], *, post: bool
) -> bool:
    """Whether a variable changes with the events of one end only, and alike for all synapses of a neuron there."""
    now = found[variable]
    jumps = [(pathway, value) for pathway, value in written if value is not now]
    for pathway, value in jumps:
        if pathway.post != post or not pathway.uniform_delay or pathway.is_part or not _is_shared(value, found):
            return False
    follows = any(v in found and v != variable for v in variables_of(now))
    return (bool(jumps) or follows) and _is_shared(now, found)


def _is_shared(node: Node, found: Mapping[Variable, Node]) -> bool:
    """Whether a graph has one value for all synapses of a neuron, if the variables that were found have."""
    if any(n.op in _NOT_SHARED for n in walk(node)):
        return False
    return all(v in found or v.name == LAST for v in variables_of(node))


def _moved(network: Network, synapses: Synapses, sides: list[_Side]) -> Network:
    """The network in which some variables of synapses are variables of neurons."""
    graph = network.graph
    known = {id(old): new for side in sides for old, new in side.values()}
    network = mapped(network, lambda node: _substituted(graph, node, known))
    gone = {v for side in sides for v in side.driven}
    left = [a for a in synapses.elapsed.assignments if a.variable not in gone]
    if len(left) == 1:  # the step of the last event alone
        gone.add(left.pop().variable)
    old = network.synapses[synapses.name]
    dimensions = {s.variable: s.dimension for s in synapses.stored}
    now = {v: node for side in sides for v, node in side.now(side.reach, before=True).items() if v in side.driven}
    shown = {name: (graph.replace_variables(n, now), d) for name, (n, d) in old.expressions.items()}
    shown |= {v.name: (node, dimensions[v]) for v, node in now.items()}
    pathways = [
        replace(new, block=_without(new.block, gone), trace=next(filter(_acts, (s.jump(p) for s in sides)), EMPTY))
        for p, new in zip(synapses.pathways, old.pathways, strict=True)
    ]
    new = replace(
        old,
        stored=tuple(s for s in old.stored if s.variable not in gone),
        expressions=shown,
        elapsed=Block(tuple(left)),
        pathways=tuple(pathways),
        traces=tuple(side.traces() for side in sides),
    )
    groups = dict(network.groups)
    for side in sides:
        group = groups[side.end.group]
        groups[side.end.group] = replace(group, stored=(*group.stored, *side.stored()))
    return replace(network, groups=groups, synapses={**network.synapses, synapses.name: new})


def _acts(block: Block) -> bool:
    return bool(block.assignments)


def _without(block: Block, gone: set[Variable]) -> Block:
    return Block(tuple(a for a in block.assignments if a.variable not in gone))


def _substituted(graph: Graph, node: Node, known: Mapping[int, Node]) -> Node:
    return graph.substitute(node, lambda n: known.get(id(n)))
