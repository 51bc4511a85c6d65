"""Synapses of the file to synapses of the network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from snnrun.equations.check import Typed
from snnrun.equations.dag import Graph, Kind, Node, Op, Variable, is_fixed, variables_of, walk
from snnrun.equations.methods.chain import solution
from snnrun.equations.methods.exact import linear
from snnrun.equations.methods.system import MethodError, System
from snnrun.equations.model import Definition, Role, parse_equations
from snnrun.errors import Diagnostic, ExperimentError
from snnrun.model.elapsed import up_to_date
from snnrun.model.expected import exact_synapses, exact_total
from snnrun.model.lists import lists_must_fit
from snnrun.model.network import (
    EMPTY,
    Assignment,
    Block,
    Connect,
    Initial,
    Integration,
    NeuronSubset,
    Pathway,
    Slot,
    Stored,
    Summed,
    Synapses,
)
from snnrun.resolve.context import Context, Path, Skip, at
from snnrun.resolve.definitions import (
    Variables,
    check_line,
    integrate,
    noise_leaf,
    read_definitions,
    resolve_subexpressions,
)
from snnrun.resolve.delays import read_delay, rules_with_delays
from snnrun.resolve.initial import initial_values, replaced
from snnrun.resolve.names import Names
from snnrun.resolve.rules import read_rules
from snnrun.resolve.statements import Locale, Target, lower_statements
from snnrun.resolve.synapse_names import hidden_values, names_of_ends, why_unknown
from snnrun.spec import models
from snnrun.spec.nodes import MapNode

Result = TypeVar("Result")
GROUPS = Slot.GROUPS


@dataclass(slots=True)
class SynapseScope:
    """Names as one synapses object sees them.

    Args:
        symbols: What expressions may read.
        targets: What statements may assign.
    """

    owner: str
    source: NeuronSubset
    target: NeuronSubset
    symbols: Mapping[str, Typed] = field(default_factory=dict)
    targets: Mapping[str, Target] = field(default_factory=dict)


def resolve_synapses(context: Context) -> dict[str, Synapses]:
    """All synapses, in the order of the file; errors are collected in the context."""
    found: dict[str, Synapses] = {}
    for name, model in context.experiment.synapses.items():
        if name in context.experiment.groups:
            with context.collecting():
                raise context.key_error(
                    "NET111",
                    f"the name `{name}` is used twice: for a group and for synapses",
                    ("synapses", name),
                    "rename one of them: monitors, operations, phases and metrics find both by their names",
                )
        with context.collecting(f"synapses.{name}"):
            try:
                found[name] = _SynapsesBuilder(context, name, model).build()
            except Skip:
                context.failed.add(f"synapses.{name}")
    return found


class _SynapsesBuilder:
    """One synapses object."""

    def __init__(self, context: Context, name: str, model: models.Synapses) -> None:
        self.context = context
        self.graph: Graph = context.graph
        self.name = name
        self.model = model
        self.path: Path = ("synapses", name)
        self.owner = f"synapses.{name}"
        self.errors: list[ExperimentError] = []

    def build(self) -> Synapses:
        context = self.context
        for end in ("source", "target"):
            named = context.text((*self.path, end)).value.split(".")[0].strip()
            if named in context.experiment.synapses and named not in context.experiment.groups:
                raise context.error("NET199", "synapses onto synapses are not supported yet", (*self.path, end))
        source = context.view((*self.path, "source"), f"the source of `{self.name}`")
        target = context.view((*self.path, "target"), f"the target of `{self.name}`")
        scope = SynapseScope(self.owner, source, target)
        variables = self.variables(scope)
        update = self.part(lambda: self.update(variables)) or (EMPTY, None)
        summed = self.part(lambda: self.summed(variables, scope)) or ()
        elapsed = self.part(lambda: self.event_driven(variables)) or {}
        now = Block(tuple(Assignment(v, n) for v, n in elapsed.items()))
        pathways = self.part(lambda: self.pathways(scope, elapsed, source, target)) or ()
        rules = (
            self.part(
                lambda: read_rules(
                    context,
                    (*self.path, "connect"),
                    self.owner,
                    scope.symbols,
                    source,
                    target,
                    self.settable(variables),
                )
            )
            or ()
        )
        initial = (
            self.part(
                lambda: initial_values(
                    context,
                    (*self.path, "initial"),
                    self.owner,
                    None,
                    self.settable(variables),
                    scope.symbols,
                    f"the initial values of `{self.name}`",
                )
            )
            or ()
        )
        if self.errors:
            raise ExperimentError(*(d for e in self.errors for d in e.diagnostics))
        for rule in rules:
            if rule.delay_span is not None and all(p.post for p in pathways):
                message = f"the delay of a rule acts on `on_pre`, which `{self.name}` has not"
                raise at(rule.delay_span, "NET176", message, "give the `on_post` pathway its own `delay`")
        self.warn_of_replaced(rules, pathways, initial)
        block, integration = update
        g = self.graph
        block = Block(tuple(Assignment(a.variable, up_to_date(g, a.value, now, GROUPS)) for a in block.assignments))
        summed = tuple(Summed(s.target, up_to_date(g, s.value, now, GROUPS)) for s in summed)
        hidden = self.hidden(variables, pathways, (*block.values, *(s.value for s in summed), *now.values))
        expressions = {n: (m.typed.node, m.typed.dimension) for n, m in variables.members.items() if m.stored is None}
        synapses = Synapses(
            self.name,
            source,
            target,
            (*variables.stored, *hidden),
            expressions,
            block,
            summed,
            pathways,
            rules,
            initial,
            integration,
            now,
        )
        lists_of_synapses_must_fit(synapses)
        return synapses

    def part(self, make: Callable[[], Result]) -> Result | None:
        """The result of one part, or None with its error kept."""
        try:
            return make()
        except ExperimentError as error:
            self.errors.append(error)
            return None

    def warn_of_replaced(
        self, rules: Sequence[Connect], pathways: Sequence[Pathway], initial: Sequence[Initial]
    ) -> None:
        """Say which values and delays of all synapses do nothing, as each rule gives its synapses others."""
        why = "each rule of `connect` gives its synapses others, which win"
        in_rules = [replaced((*initial, *rule.initial), None, why) for rule in rules]
        for warning in in_rules[0] if rules else ():
            if all(warning in found for found in in_rules):
                self.context.report.extend([warning])
        if rules and all(rule.delay is not None for rule in rules):
            for span in {p.span: None for p in pathways if p.delay is not None and not p.post}:
                self.context.report.warn("NET189", f"this delay does nothing: {why}", span, "remove it")

    # names

    def variables(self, scope: SynapseScope) -> Variables:
        context = self.context
        outer, targets = names_of_ends(context, self.owner, scope.source, scope.target)
        self.refuse_ambiguous(outer)
        definitions: tuple[Definition, ...] = ()
        if self.model.equations is not None:
            definitions = parse_equations(context.text((*self.path, "equations")))
        place = f"the equations of `{self.name}`"
        variables = read_definitions(context, self.owner, place, definitions)
        variables.outer = outer
        for flag in ("unless refractory", "shared", "constant over dt", "linked"):
            for d in variables.with_flag(flag):
                raise at(d.span, "NET199", f"`({flag})` in synapses is not supported yet")
        resolve_subexpressions(variables, lambda d: self.line(variables, d))
        scope.symbols = variables.symbols()
        constant = {d.name for d in variables.with_flag("constant")}
        own = {n: Target(m.stored) for n, m in variables.members.items() if m.stored is not None and n not in constant}
        scope.targets = Names(own, targets)
        if self.owner in context.failed:
            raise Skip
        return variables

    def refuse_ambiguous(self, outer: Mapping[str, Typed]) -> None:
        for name in self.context.constants:
            if name.endswith(("_pre", "_post")) and name in outer:
                raise self.context.key_error(
                    "NET170",
                    f"the constant `{name}` has the name of a variable that synapses `{self.name}` see",
                    ("constants", name),
                    "rename the constant",
                )

    def settable(self, variables: Variables) -> dict[str, Stored]:
        return {n: m.stored for n, m in variables.members.items() if m.stored is not None}

    def line(self, variables: Variables, d: Definition) -> Typed:
        assert d.expr is not None
        checker = self.context.checker(
            variables.symbols(),
            variables.place,
            draw=self.context.draws(self.owner, "noise"),
            noise=noise_leaf(self.graph, self.owner, shared=False),
            missing=self.explain,
        )
        return check_line(variables, d, checker.check(d.expr), per_time=d.role is Role.DIFFERENTIAL)

    def explain(self, name: str) -> str | None:
        """Why a name is not known in these synapses."""
        return why_unknown(self.context, self.name, name)

    # parts

    def update(self, variables: Variables) -> tuple[Block, Integration | None]:
        rhs: dict[Variable, Node] = {}
        for d in variables.by_role(Role.DIFFERENTIAL):
            if "event-driven" in d.flags:
                continue
            if "clock-driven" not in d.flags:
                self.context.report.warn(
                    "NET171",
                    f"`{d.name}` is integrated in every step for every synapse",
                    d.span,
                    "write `(event-driven)` to update it at spikes only, or `(clock-driven)` to say that this is meant",
                )
            typed = self.line(variables, d)
            stored = variables.members[d.name].stored
            assert stored is not None
            rhs[stored.variable] = typed.node
        method, method_path = str(self.model.method.value), (*self.path, "method")
        if not rhs:
            if method not in ("auto", "exact") and variables.with_flag("event-driven"):
                message = f"`{method}` does nothing: event-driven equations are solved exactly"
                self.context.report.warn("NET175", message, self.context.document.span(method_path))
            return EMPTY, None
        # equations that feed back would need a matrix for each synapse: `exact` takes those with one for all
        system = System(self.graph, rhs, frozenset(), None, frozenset(), self.graph.constant("dt", self.context.dt))
        path = method_path if self.context.document.has(method_path) else (*self.path, "equations")
        made, integration = integrate(self.context, system, method, path, variables.definitions)
        return Block(tuple(Assignment(v, n) for v, n in made.values.items())), integration

    def event_driven(self, variables: Variables) -> dict[Variable, Node]:
        """Values of event-driven variables now, from those at the last event of the synapse."""
        g = self.graph
        last = g.variable(Variable(self.owner, "lastupdate"), Kind.INT)
        dt = g.constant("dt", self.context.dt)
        elapsed = g.mul(g.as_float(g.sub(g.node(Op.STEP, (), Kind.INT), last)), dt)
        values: dict[Variable, Node] = {}
        lines = {variables.members[d.name].stored.variable: d for d in variables.with_flag("event-driven")}  # type: ignore[union-attr]
        states = {variables.members[d.name].stored.variable for d in variables.by_role(Role.DIFFERENTIAL)}  # type: ignore[union-attr]
        if lines:
            rhs = {v: self.line(variables, d).node for v, d in lines.items()}
            system = System(g, rhs, frozenset(), None, frozenset(), elapsed)
            try:
                matrix, rest = linear(system)
                parts = {v: [rest[v]] for v in lines}
                for (row, _), entry in matrix.items():
                    parts[row].append(entry)
                for v, d in lines.items():
                    self.constant_between_events(d, states, *parts[v])
                values = solution(g, tuple(rhs), matrix, rest, elapsed)
            except MethodError as error:
                d = variables.definitions[error.variable]
                message = f"`{d.name}` cannot be event-driven: {error.reason}"
                raise at(d.span, "EQ221", message, "make it clock-driven: write `(clock-driven)`") from None
        if values:
            values[last.payload] = g.node(Op.STEP, (), Kind.INT)  # type: ignore[index]
        return values

    def constant_between_events(self, d: Definition, states: set[Variable], *nodes: Node) -> None:
        changing = {Op.TIME, Op.STEP, Op.NOISE, Op.UNIFORM, Op.NORMAL, Op.POISSON, Op.TIMED}
        for n in walk(*nodes):
            outside = n.op is Op.VARIABLE and (n.payload.reach != "own" or n.payload in states)  # type: ignore[attr-defined]
            if n.op in changing or outside:
                name = n.payload.name if isinstance(n.payload, Variable) else "time or randomness"
                raise at(
                    d.span,
                    "EQ221",
                    f"`{d.name}` cannot be event-driven: `{name}` changes between events",
                    "make it clock-driven: write `(clock-driven)`",
                )

    def summed(self, variables: Variables, scope: SynapseScope) -> tuple[Summed, ...]:
        found: list[Summed] = []
        for d in variables.with_flag("summed"):
            assert d.expr is not None
            stem, _, end = d.name.rpartition("_")
            if end not in ("pre", "post") or not stem:
                raise at(
                    d.name_span,
                    "NET172",
                    "a summed variable is named after the neuron's, with `_post` or `_pre`",
                    f"write `{d.name}_post = ... (summed)`",
                )
            view = scope.target if end == "post" else scope.source
            member = self.context.populations[view.group].members.get(stem)
            stored = member.stored if member is not None else None
            usable = stored is not None and stored.kind is Kind.FLOAT and not (stored.state or stored.variable.shared)
            held = (f"groups.{view.group}", stem) in self.context.held
            if member is None or member.stored is None or held or not usable:
                raise at(
                    d.name_span,
                    "NET172",
                    f"`{view.group}` has no parameter `{stem}` to sum into",
                    f"add `{stem} : {variables.dimensions[d.name].symbol}` to its equations",
                )
            if member.stored.dimension != variables.dimensions[d.name]:
                raise at(
                    d.span,
                    "EQ209",
                    f"`{d.name}` is {variables.dimensions[d.name].describe()}, `{stem}` of "
                    f"`{view.group}` is {member.stored.dimension.describe()}",
                )
            typed = self.line(variables, d)
            variable = Variable(member.stored.variable.owner, stem, end)
            found.append(Summed(variable, typed.node))
        return tuple(found)

    def pathways(
        self, scope: SynapseScope, elapsed: dict[Variable, Node], source: NeuronSubset, target: NeuronSubset
    ) -> tuple[Pathway, ...]:
        found: list[Pathway] = []
        for key, post in (("on_pre", False), ("on_post", True)):
            if getattr(self.model, key) is None:
                continue
            population = self.context.populations[(target if post else source).group]
            if not population.has_spikes:
                self.context.report.warn(
                    "NET173",
                    f"`{key}` never acts: `{population.name}` has no threshold, so it never spikes",
                    self.context.document.key_span((*self.path, key)),
                    "add `threshold:` to the group",
                )
            for name, path in self.pathway_paths((*self.path, key)):
                pathway = self.part(partial(self.pathway, scope, elapsed, name, path, post=post))
                if pathway is not None and population.has_spikes:
                    found.append(pathway)
        return tuple(found)

    def pathway_paths(self, path: Path) -> list[tuple[str, Path]]:
        node = self.context.document.node(path)
        if not isinstance(node, MapNode) or "do" in node.entries:
            return [(str(path[-1]), path)]
        return [(name, (*path, name)) for name in node.entries]

    def pathway(
        self, scope: SynapseScope, elapsed: dict[Variable, Node], name: str, path: Path, *, post: bool
    ) -> Pathway:
        context = self.context
        node = context.document.node(path)
        is_map = isinstance(node, MapNode)
        do = (*path, "do") if is_map else path
        if is_map and context.document.has((*path, "event")) and context.text((*path, "event")).value != "spike":
            raise context.error("NET199", "pathways on custom events are not supported yet", (*path, "event"))
        locale = Locale(
            scope.symbols,
            scope.targets,
            f"`{name}` of synapses `{self.name}`",
            {"draw": context.draws(f"{self.owner}.{name}", "noise"), "missing": self.explain},
            self.refuse(scope),
        )
        block = lower_statements(context, context.text(do), locale, elapsed)
        delay_path: Path | None = None
        if is_map and context.document.has((*path, "delay")):
            delay_path = (*path, "delay")
        elif not post and context.document.has((*self.path, "delay")):
            delay_path = (*self.path, "delay")
        delay = self.delay(scope, delay_path) if delay_path else None
        order = 1 if post else -1
        if is_map and context.document.has((*path, "order")):
            order = context.integer((*path, "order"), "`order`", -(2**30))
        own_delays = not post and any(rules_with_delays(context.document.node((*self.path, "connect"))))
        uniform = (delay is None or is_fixed(delay)) and not own_delays
        return Pathway(name, post, block, delay, uniform, order, context.document.span(delay_path or path))

    def delay(self, scope: SynapseScope, path: Path) -> Node:
        """The delay in steps."""
        return read_delay(self.context, path, scope.symbols, self.owner, self.name)

    def refuse(self, scope: SynapseScope):  # type: ignore[no-untyped-def]  # noqa: ANN202
        def why(name: str) -> str | None:
            if name in scope.symbols:
                return f"`{name}` cannot be assigned here"
            return None

        return why

    def hidden(
        self, variables: Variables, pathways: tuple[Pathway, ...], values: tuple[Node, ...]
    ) -> tuple[Stored, ...]:
        """Arrays that the statements need beside the file's variables."""
        nodes = [*values, *(v for p in pathways for v in p.block.values)]
        nodes += [m.typed.node for m in variables.members.values() if m.stored is None]
        used = {*variables_of(*nodes), *(a.variable for p in pathways for a in p.block.assignments)}
        return hidden_values(self.owner, used, variables.members)


def lists_of_synapses_must_fit(synapses: Synapses) -> None:
    """Refuse lists of values and delays that have not one number a synapse, where it is known how many there will be.

    Raises:
        ExperimentError: NET141, of all of them.
    """
    parts = [(exact_synapses(rule), rule.initial, [(rule.delay, rule.delay_span)]) for rule in synapses.connect]
    whole = (exact_total(synapses), synapses.initial, [(p.delay, p.span) for p in synapses.pathways])
    problems: list[Diagnostic] = []
    for number, lines, delays in [*parts, whole]:
        if number is None:
            continue
        lists = [(line.value, line.span, f"the list for `{line.variable.name}`") for line in lines]
        lists += [(delay, span, "the list of delays") for delay, span in delays if delay is not None]
        for node, span, what in lists:
            try:
                lists_must_fit(node, number, span, what, "synapses are made")
            except ExperimentError as error:
                problems.extend(d for d in error.diagnostics if d not in problems)
    if problems:
        raise ExperimentError(*problems)
