"""Synapses of the file to synapses of the network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from snnrun.equations.dag import Kind, Node, Variable, variables_of
from snnrun.equations.model import Definition, Role, parse_equations
from snnrun.equations.scope import Typed
from snnrun.errors import Attempts, at
from snnrun.model.elapsed import up_to_date
from snnrun.model.expected import exact_synapses, exact_total
from snnrun.model.lists import lists_must_fit
from snnrun.model.network import (
    EMPTY,
    MULTISYNAPTIC,
    Assignment,
    Block,
    Connect,
    Initial,
    Integration,
    NeuronSubset,
    Pathway,
    Stored,
    Summed,
    Synapses,
)
from snnrun.resolve.constants import own_constants
from snnrun.resolve.context import AlreadyReported, Context, Member, Path, population_of
from snnrun.resolve.definitions import Lines, Variables, check_line, must_be_shared, noise_leaf, read_definitions
from snnrun.resolve.event_driven import values_now
from snnrun.resolve.initial import initial_values, replaced
from snnrun.resolve.integration import integrate
from snnrun.resolve.links import Links
from snnrun.resolve.moments import before_step
from snnrun.resolve.names import Names
from snnrun.resolve.nested import named_as_ends, seen_by_others, synapses_at
from snnrun.resolve.pathways import resolve_pathways
from snnrun.resolve.rules import read_rules
from snnrun.resolve.statements import Target
from snnrun.resolve.synapse_names import SynapseScope, hidden_values, names_of_ends, why_unknown, with_hidden
from snnrun.spec import models
from snnrun.units.dimensions import ONE


def resolve_synapses(context: Context) -> dict[str, Synapses]:
    """All synapses, in the order of the file; errors are collected in the context."""
    found: dict[str, Synapses] = {}
    for name in context.experiment.synapses:
        if name in context.experiment.groups:
            with context.collecting():
                raise context.key_error(
                    "NET111",
                    f"the name `{name}` is used twice: for a group and for synapses",
                    ("synapses", name),
                    "rename one of them: monitors, operations, phases and metrics find both by their names",
                )
    for name in context.experiment.synapses:
        _resolve_one(context, name, found, ())
    made = {name: found[name] for name in context.experiment.synapses if name in found}
    nodes = [n for synapses in made.values() for n in _nodes(synapses)]
    return with_hidden(made, variables_of(*nodes))


def _resolve_one(context: Context, name: str, found: dict[str, Synapses], waiting: tuple[str, ...]) -> None:
    """Resolve synapses after those that are their source or target."""
    if name in found or f"synapses.{name}" in context.failed:
        return
    with context.collecting(f"synapses.{name}"):
        try:
            ends = {key: synapses_at(context, name, key) for key in ("source", "target")}
            for key, end in ends.items():
                if end in (*waiting, name):
                    line = (*waiting, name, end)
                    message = f"these synapses are ends of each other: {' -> '.join(line[line.index(end) :])}"
                    raise context.error("NET177", message, ("synapses", name, key))
                if end is not None:
                    _resolve_one(context, end, found, (*waiting, name))
            found[name] = _Synapses(context, name, context.experiment.synapses[name], ends).synapses()
        except AlreadyReported:
            context.failed.add(f"synapses.{name}")


def _nodes(synapses: Synapses) -> list[Node]:
    """All that kernels compute for synapses."""
    blocks = (synapses.update, synapses.elapsed, *(p.block for p in synapses.pathways))
    nodes = [n for block in blocks for n in block.values]
    return [*nodes, *(s.value for s in synapses.summed), *(node for node, _ in synapses.expressions.values())]


class _Synapses:
    """One synapses object: its ends and variables are known once it is made.

    Args:
        context: The resolution.
        name: The name of the object.
        model: Its keys.
        ends: The synapses that are its source and target; None for a group.
    """

    def __init__(self, context: Context, name: str, model: models.Synapses, ends: Mapping[str, str | None]) -> None:
        self.context = context
        self.graph = context.graph
        self.name = name
        self.model = model
        self.path: Path = ("synapses", name)
        self.owner = f"synapses.{name}"
        self.attempts = Attempts()
        self.held_values: dict[str, Node] = {}  # of `constant over dt` subexpressions, by name
        source, target = (self.end(key, named) for key, named in ends.items())
        self.scope = SynapseScope(name, source, target)
        self.variables = self.known_variables()

    def end(self, key: str, named: str | None) -> NeuronSubset:
        context = self.context
        if named is None:
            return context.view((*self.path, key), f"the {key} of `{self.name}`")
        if named not in context.wired:
            raise AlreadyReported
        return context.wired[named].view

    def synapses(self) -> Synapses:
        """The synapses of the network.

        Raises:
            ExperimentError: All errors of the object.
        """
        context, scope, variables, attempt = self.context, self.scope, self.variables, self.attempts.attempt
        block, integration = attempt(self.update) or (EMPTY, None)
        summed = tuple(Summed(s.target, self.now(s.value)) for s in attempt(self.summed) or ())
        elapsed = attempt(partial(values_now, context, self.owner, variables, self.line)) or {}
        pathways = attempt(partial(resolve_pathways, context, scope, elapsed, self.attempts)) or ()
        rules = attempt(self.rules) or ()
        initial = attempt(self.initial) or ()
        if self.held_values:  # no step has stored them when values are set
            rules = tuple(
                replace(
                    r,
                    initial=self.known_at_start(r.initial),
                    delay=None if r.delay is None else self.now(r.delay),
                )
                for r in rules
            )
            initial = self.known_at_start(initial)
            pathways = tuple(replace(p, delay=None if p.delay is None else self.now(p.delay)) for p in pathways)
        self.attempts.stop_if_errors()
        _check_rules(context, self.name, rules, pathways, initial)
        now = Block(tuple(Assignment(v, n) for v, n in elapsed.items()))
        current = partial(up_to_date, self.graph, elapsed=now, before=False)
        block = Block(tuple(Assignment(a.variable, current(a.value)) for a in block.assignments))
        summed = tuple(Summed(s.target, current(s.value)) for s in summed)
        computed = {n: m for n, m in variables.members.items() if m.stored is None}
        values = (*block.values, *(s.value for s in summed), *now.values, *self.held_block.values)
        synapses = Synapses(
            self.name,
            scope.source,
            scope.target,
            (*variables.stored, *self.hidden(pathways, values, computed)),
            {n: (m.typed.node, m.typed.dimension) for n, m in computed.items()},
            block,
            summed,
            pathways,
            rules,
            initial,
            integration,
            now,
            tuple(self.links.found),
            Block(tuple(Assignment(a.variable, current(a.value)) for a in self.held_block.assignments)),
        )
        _lists_must_fit(synapses)
        if self.name in context.once(named_as_ends):
            context.wired[self.name] = seen_by_others(context, self.variables, synapses)
        return synapses

    # names

    def known_variables(self) -> Variables:
        """Find the variables, and complete the scope."""
        context, scope = self.context, self.scope
        outer, targets = names_of_ends(context, self.owner, scope.source, scope.target)
        own = own_constants(context, self.path, {}) if self.model.constants else {}
        places: list[Path] = [("constants", name) for name in context.constants]
        for path in [*places, *((*self.path, "constants", name) for name in own)]:
            name = str(path[-1])
            if name.endswith(("_pre", "_post")) and name in outer:
                message = f"the constant `{name}` has the name of a variable that synapses `{self.name}` see"
                raise context.key_error("NET170", message, path, "rename the constant")
        definitions: tuple[Definition, ...] = ()
        if self.model.equations is not None:
            definitions = parse_equations(context.text((*self.path, "equations")))
        variables = self.variables = read_definitions(
            context, self.owner, f"the equations of `{self.name}`", definitions
        )
        variables.outer = Names(own, outer)
        self.links = Links(context, self.path, None, variables.outer)
        _refuse_flags(variables)
        Lines(variables, self.line).define_all()
        with context.collecting(self.owner):
            self.links.refuse_unknown(variables.with_flag("linked"))
        with context.collecting(self.owner):
            self.index_within_pair()
        self.held_block = self.held()
        scope.symbols = variables.symbols()
        constant = {d.name for d in variables.with_flag("constant")}
        written = {n: Target(s) for n, s in self.settable().items() if n not in constant and not s.variable.shared}
        scope.targets = Names(written, targets)
        if self.owner in context.failed:
            raise AlreadyReported
        return variables

    def index_within_pair(self) -> None:
        """Make known what counts the synapses of a pair, by the name that the file gives it."""
        path = (*self.path, "multisynaptic_index")
        if self.model.multisynaptic_index is None:
            return
        name = str(self.model.multisynaptic_index)
        if name in self.variables.symbols() or name in self.context.constants:
            raise self.context.error("NET178", f"`{name}` has a meaning in these synapses already", path)
        leaf = self.graph.variable(Variable(self.owner, MULTISYNAPTIC), Kind.INT)
        self.variables.members[name] = Member(Typed(leaf, ONE), None)

    def held(self) -> Block:
        """The block that computes `constant over dt` subexpressions before the equations of a step."""
        assignments: list[Assignment] = []
        values: dict[Variable, Node] = {}
        for name, node in self.held_values.items():
            variable = self.variables.stored_as(name).variable
            value = before_step(self.context, self.graph.replace_variables(node, values))
            values[variable] = self.context.held[self.owner, name] = value
            assignments.append(Assignment(variable, value))
        return Block(tuple(assignments))

    def now(self, node: Node) -> Node:
        """A graph in which the `constant over dt` values of the synapses are computed in place."""
        return self.graph.replace_variables(node, {a.variable: a.value for a in self.held_block.assignments})

    def known_at_start(self, lines: Sequence[Initial]) -> tuple[Initial, ...]:
        """Lines of `initial` in which `constant over dt` values are computed in place."""
        return tuple(
            replace(a, value=self.now(a.value), where=None if a.where is None else self.now(a.where)) for a in lines
        )

    def settable(self) -> dict[str, Stored]:
        members, held = self.variables.members, self.held_values
        return {n: m.stored for n, m in members.items() if m.stored is not None and n not in held}

    def line(self, d: Definition) -> Typed:
        """What a line of the equations means: its right-hand side, or what it is linked to."""
        variables = self.variables
        if "linked" in d.flags:
            return self.links.typed(d, variables.dimensions[d.name])
        assert d.expr is not None
        shared = "shared" in d.flags
        owner = self.owner + (".shared" if shared else "")
        checker = self.context.checker(
            variables.symbols(),
            variables.place,
            draw=self.context.draws(owner, "noise", shared=shared),
            noise=noise_leaf(self.graph, owner, shared=shared),
            missing=partial(why_unknown, self.context, self.name),
        )
        typed = check_line(variables, d, checker.check(d.expr), per_time=d.role is Role.DIFFERENTIAL)
        if shared:
            must_be_shared(typed.node, d)
        held = variables.members.get(d.name)
        if d.role is Role.SUBEXPRESSION and held is not None:
            self.held_values[d.name] = typed.node
            return held.typed
        return typed

    def hidden(
        self, pathways: tuple[Pathway, ...], values: tuple[Node, ...], computed: dict[str, Member]
    ) -> tuple[Stored, ...]:
        """Arrays that the statements need beside the file's variables."""
        nodes = [*values, *(v for p in pathways for v in p.block.values), *(m.typed.node for m in computed.values())]
        used = {*variables_of(*nodes), *(a.variable for p in pathways for a in p.block.assignments)}
        return hidden_values(self.owner, used, self.variables.members)

    # what the synapses do

    def update(self) -> tuple[Block, Integration | None]:
        """The block that integrates the equations that are not event-driven, and how it integrates."""
        report, variables = self.context.report, self.variables
        rhs: dict[Variable, Node] = {}
        for d in variables.by_role(Role.DIFFERENTIAL):
            if "event-driven" in d.flags:
                continue
            if "clock-driven" not in d.flags:
                report.warn(
                    "NET171",
                    f"`{d.name}` is integrated in every step for every synapse",
                    d.span,
                    "write `(event-driven)` to update it at spikes only, or `(clock-driven)` to say that this is meant",
                )
            rhs[variables.stored_as(d.name).variable] = self.line(d).node
        method = str(self.model.method.value)
        if not rhs:
            if method not in ("auto", "exact") and variables.with_flag("event-driven"):
                message = f"`{method}` does nothing: event-driven equations are solved exactly"
                report.warn("NET175", message, self.context.document.span((*self.path, "method")))
            return EMPTY, None
        # Equations that feed back would need a matrix for each synapse: `exact` takes those with one for all.
        update, integration = integrate(self.context, self.path, method, rhs, variables.definitions)
        return Block(tuple(Assignment(v, n) for v, n in update.values.items())), integration

    def summed(self) -> tuple[Summed, ...]:
        return tuple(self.summed_line(d) for d in self.variables.with_flag("summed"))

    def summed_line(self, d: Definition) -> Summed:
        """A line `x_post = ... (summed)`: the sum over the synapses of each neuron goes into its parameter `x`."""
        assert d.expr is not None
        dimension = self.variables.dimensions[d.name]
        stem, _, end = d.name.rpartition("_")
        if end not in ("pre", "post") or not stem:
            message = "a summed variable is named after the neuron's, with `_post` or `_pre`"
            raise at(d.name_span, "NET172", message, f"write `{d.name}_post = ... (summed)`")
        view = self.scope.target if end == "post" else self.scope.source
        group, member = view.group, population_of(self.context, view).members.get(stem)
        stored = None if member is None else member.stored
        held = (view.path, stem) in self.context.held
        if stored is None or held or stored.kind is not Kind.FLOAT or stored.state or stored.variable.shared:
            message = f"`{group}` has no parameter `{stem}` to sum into"
            raise at(d.name_span, "NET172", message, f"add `{stem} : {dimension.symbol}` to its equations")
        if stored.dimension != dimension:
            here, there = dimension.describe(), stored.dimension.describe()
            raise at(d.span, "EQ209", f"`{d.name}` is {here}, `{stem}` of `{group}` is {there}")
        return Summed(Variable(stored.variable.owner, stem, end), self.line(d).node)

    def rules(self) -> tuple[Connect, ...]:
        scope, path = self.scope, (*self.path, "connect")
        own = {n: stored for n, stored in self.settable().items() if not stored.variable.shared}
        return read_rules(self.context, path, self.owner, scope.symbols, scope.source, scope.target, own)

    def initial(self) -> tuple[Initial, ...]:
        place, path = f"the initial values of `{self.name}`", (*self.path, "initial")
        return initial_values(self.context, path, self.owner, None, self.settable(), self.scope.symbols, place)


def _refuse_flags(variables: Variables) -> None:
    """Refuse flags that mean nothing here, or not together."""
    for d in variables.with_flag("unless refractory"):
        message = f"`{d.name}`: synapses are never refractory"
        raise at(d.span, "EQ112", message, "flag the variable of the neurons that they act on")
    for d in variables.with_flag("shared"):
        for other in sorted(d.flags & {"event-driven", "summed"}):
            raise at(d.span, "EQ112", f"`{d.name}` is shared by all synapses, so it cannot be `({other})`")
    for d in variables.with_flag("linked"):
        if len(d.flags) > 1:
            raise at(d.span, "EQ112", f"`{d.name}` is what it is linked to: no other flag applies")


def _check_rules(
    context: Context, name: str, rules: Sequence[Connect], pathways: Sequence[Pathway], initial: Sequence[Initial]
) -> None:
    """Refuse delays of rules that act on nothing; warn of values of all synapses that every rule replaces.

    Raises:
        ExperimentError: NET176.
    """
    for rule in rules:
        if rule.delay_span is not None and all(p.post for p in pathways):
            message = f"the delay of a rule acts on `on_pre`, which `{name}` has not"
            raise at(rule.delay_span, "NET176", message, "give the `on_post` pathway its own `delay`")
    why = "each rule of `connect` gives its synapses others, which win"
    in_rules = [replaced((*initial, *rule.initial), None, why) for rule in rules]
    for warning in in_rules[0] if rules else ():
        if all(warning in found for found in in_rules):
            context.report.extend([warning])
    if rules and all(rule.delay is not None for rule in rules):
        for span in {p.span: None for p in pathways if p.delay is not None and not p.post}:
            context.report.warn("NET189", f"this delay does nothing: {why}", span, "remove it")


def _lists_must_fit(synapses: Synapses) -> None:
    """Refuse lists of values and delays that have not one number a synapse, where it is known how many there will be.

    Raises:
        ExperimentError: NET141, of all of them.
    """
    of_rules = [(exact_synapses(rule), rule.initial, [(rule.delay, rule.delay_span)]) for rule in synapses.connect]
    of_all = (exact_total(synapses), synapses.initial, [(p.delay, p.span) for p in synapses.pathways])
    attempts = Attempts()
    for number, lines, delays in [*of_rules, of_all]:
        if number is None:
            continue
        lists = [(line.value, line.span, f"the list for `{line.variable.name}`") for line in lines]
        lists += [(delay, span, "the list of delays") for delay, span in delays if delay is not None]
        for node, span, what in lists:
            attempts.attempt(partial(lists_must_fit, node, number, span, what, "synapses are made"))
    attempts.stop_if_errors()
