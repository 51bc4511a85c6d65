"""Names that what is written about synapses may use: those of both ends, and what a synapse knows of itself."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache

from snnrun.equations.dag import Kind, Node, Op, Variable
from snnrun.equations.scope import Typed
from snnrun.errors import did_you_mean
from snnrun.model.network import CONNECTED, MULTISYNAPTIC, NeuronSubset, Stored, Synapses
from snnrun.resolve.context import KEPT_BY_THE_RUN, Context, Path, Population, exact_int, population_of, seen_from
from snnrun.resolve.names import Derived, Names
from snnrun.resolve.statements import Target
from snnrun.units.dimensions import ONE, TIME, Dimension

HIDDEN = (*CONNECTED, "lastupdate")  # synaptic values that nobody sets


@dataclass(slots=True)
class SynapseScope:
    """Names as one synapses object sees them.

    Args:
        name: Its name.
        source: Neurons that its synapses come from.
        target: Neurons that they go to.
        symbols: What expressions may read.
        targets: What statements may assign.
    """

    name: str
    source: NeuronSubset
    target: NeuronSubset
    symbols: Mapping[str, Typed] = field(default_factory=dict)
    targets: Mapping[str, Target] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """The path of the object in the file."""
        return ("synapses", self.name)

    @property
    def owner(self) -> str:
        """The same as text, which names variables and random streams."""
        return f"synapses.{self.name}"


def end_symbols(
    context: Context, population: Population, reach: str, ending: str
) -> tuple[Mapping[str, Typed], Mapping[str, Target]]:
    """Variables of a group as its synapses read and assign them.

    Args:
        context: The resolution.
        population: The group.
        reach: `pre` or `post`.
        ending: What is put behind each name.
    """
    g = context.graph
    active = g.node(Op.VARIABLE, (), Kind.BOOL, Variable(population.path, "not_refractory", reach))
    fixed = {*KEPT_BY_THE_RUN, *population.constant}

    @cache
    def symbol(name: str) -> Typed:
        typed = population.members[name].typed
        return Typed(seen_from(g, typed.node, reach), typed.dimension)

    def target(name: str) -> Target | None:
        stored = population.members[name].stored
        held = (population.path, name) in context.held
        if stored is None or held or name in fixed or stored.variable.shared:
            return None
        variable = Variable(stored.variable.owner, name, reach)
        guard = active if name in population.frozen else None
        return Target(Stored(variable, stored.kind, stored.dimension, stored.state), guard)

    return Derived(population.members, symbol, ending), Derived(population.members, target, ending)


def names_of_ends(
    context: Context, owner: str, source: NeuronSubset, target: NeuronSubset
) -> tuple[Names[Typed], Names[Target]]:
    """What all that is written about synapses may read and assign beside their own variables."""
    g = context.graph
    ends = ((target, "post", "_post"), (source, "pre", "_pre"), (target, "post", ""))  # without ending: the target's
    seen = [end_symbols(context, population_of(context, view), reach, ending) for view, reach, ending in ends]
    fixed = {
        "t": Typed(g.node(Op.TIME), TIME),
        "t_in_timesteps": Typed(g.node(Op.STEP, (), Kind.INT), ONE),
        **{n: exact_int(g, n, v.size) for n, v in (("N_pre", source), ("N_post", target)) if v.counted},
        **{n: Typed(g.variable(Variable(owner, n), Kind.INT), ONE) for n in CONNECTED if n != MULTISYNAPTIC},
    }
    return Names(fixed, *(symbols for symbols, _ in seen)), Names(*(targets for _, targets in seen))


def names_of_synapses(context: Context, synapses: Synapses) -> tuple[Names[Typed], Names[Target]]:
    """What operations and phases may read and assign in synapses."""
    g = context.graph
    symbols: dict[str, Typed] = {}
    targets: dict[str, Target] = {}
    for stored in synapses.stored:
        name = stored.variable.name
        symbols[name] = Typed(g.variable(stored.variable, stored.kind), stored.dimension)
        if name not in HIDDEN and (synapses.path, name) not in context.held and not stored.variable.shared:
            targets[name] = Target(stored)
    symbols |= {n: Typed(node, dimension) for n, (node, dimension) in synapses.expressions.items()}
    readable, writable = names_of_ends(context, synapses.path, synapses.source, synapses.target)
    own = context.own_constants.get(("synapses", synapses.name), {})
    return Names(symbols, own, readable), Names(targets, writable)


def delay_names(synapses: Synapses) -> dict[str, tuple[str, bool]]:
    """What the delays of a synapses object are called, and whose they are: a pathway's name, and whether `on_post`.

    `delay_on_pre` and `delay_on_post` are those of the only pathway of a side, `delay_on_pre_x` and `delay_on_post_x`
    those of a pathway `x` of a side. In short, `delay` is that of the only pathway of `on_pre`, and `delay_x` that of a
    pathway `x` where one side alone has it.
    """
    short: dict[str, tuple[str, bool]] = {}
    full: dict[str, tuple[str, bool]] = {}
    names = [p.name for p in synapses.pathways]
    for pathway in synapses.pathways:
        name, key = pathway.name, (pathway.name, pathway.post)
        side = "on_post" if pathway.post else "on_pre"
        alone = sum(p.post == pathway.post for p in synapses.pathways) == 1
        if alone:
            full[f"delay_{side}"] = key
            short |= {} if pathway.post else {"delay": key}
        if name != side or not alone:
            full[f"delay_{side}_{name}"] = key
        if names.count(name) == 1:
            short[f"delay_{name}"] = key
    return short | full


def values_of_synapses(context: Context, synapses: Synapses) -> dict[str, tuple[Node, Dimension]]:
    """The variables of synapses that monitors may record."""
    stored = {
        s.variable.name: s
        for s in synapses.stored
        if s.variable.name not in ("lastupdate", MULTISYNAPTIC, *synapses.moving)
    }
    values = {n: (context.graph.variable(s.variable, s.kind), s.dimension) for n, s in stored.items()}
    return {**values, **synapses.expressions}


def values_at_events(context: Context, synapses: Synapses) -> Mapping[str, tuple[Node, Dimension]]:
    """What monitors may record of a synapse at an event: its variables, and those of the neurons at both ends."""
    ends, _ = names_of_ends(context, synapses.path, synapses.source, synapses.target)
    of_ends = Derived(ends, lambda name: None if name in HIDDEN else (ends[name].node, ends[name].dimension))
    return Names(values_of_synapses(context, synapses), of_ends)


def hidden_values(owner: str, used: Iterable[Variable], known: Container[str]) -> tuple[Stored, ...]:
    """Arrays that are needed beside the file's variables, where these are used."""
    needed = {v.name for v in used if v.owner == owner}
    names = [n for n in HIDDEN if n in needed and n not in known]
    return tuple(Stored(Variable(owner, n), Kind.INT, ONE) for n in names)


def with_hidden(synapses: Mapping[str, Synapses], used: Iterable[Variable]) -> dict[str, Synapses]:
    """Synapses with the arrays that are needed beside those of their own statements, where others use these."""
    wanted: dict[str, list[Variable]] = {}
    for variable in used:
        wanted.setdefault(variable.owner, []).append(variable)
    found: dict[str, Synapses] = {}
    for name, old in synapses.items():
        hidden = hidden_values(old.path, wanted.get(old.path, ()), {s.variable.name for s in old.stored})
        found[name] = replace(old, stored=(*old.stored, *hidden)) if hidden else old
    return found


def why_unknown(context: Context, synapses: str, name: str) -> str | None:
    """Why a name is not known in synapses, or None."""
    stem, _, end = name.rpartition("_")
    if end in ("pre", "post") and stem:
        key = "source" if end == "pre" else "target"
        named = context.text(("synapses", synapses, key)).value.strip().partition(".")[0]
        population = context.wired.get(named) or context.populations[named]
        if stem == "N":
            return f"how many synapses `{named}` has is known only when they are made"
        if stem in population.hidden:
            return f"`{stem}` of `{named}` {population.hidden[stem]}"
        return did_you_mean(stem, population.members) or f"`{named}` has no variable `{stem}`"
    return None
