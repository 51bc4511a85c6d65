"""Groups of `kind: neurons`: equations, threshold, reset, refractory period and initial values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property, partial
from typing import Any

from snnrun.equations.dag import Kind, Node, Op, Variable, reductions_of
from snnrun.equations.model import Definition, Role, parse_equations
from snnrun.equations.scope import Typed
from snnrun.errors import Attempts, at
from snnrun.model.network import EMPTY, Assignment, Block, Group, GroupKind, Initial, Integration, Stored
from snnrun.resolve.assigned import assigned_names
from snnrun.resolve.context import KEPT_BY_THE_RUN, AlreadyReported, Context, Path, Population
from snnrun.resolve.definitions import (
    Lines,
    check_line,
    must_be_shared,
    noise_leaf,
    read_definitions,
)
from snnrun.resolve.events import event_names, resolve_events
from snnrun.resolve.group_names import elements_of, group_scope
from snnrun.resolve.initial import initial_values
from snnrun.resolve.integration import integrate, lift_propagators
from snnrun.resolve.links import Links
from snnrun.resolve.moments import before_step
from snnrun.resolve.refractory import define_names, resolve_refractory
from snnrun.resolve.statements import lower_statements
from snnrun.spec.models import NeuronGroup
from snnrun.units.dimensions import ONE


def read_neurons(context: Context, population: Population, model: NeuronGroup) -> Callable[[], Group]:
    """A group with equations, or with a threshold that needs none, once all groups are read.

    Raises:
        ExperimentError: Errors of its equations; what is given raises all others.
    """
    return _Neurons(context, population, model).group


class _Neurons:
    def __init__(self, context: Context, population: Population, model: NeuronGroup) -> None:
        self.context = context
        self.graph = context.graph
        self.population = population
        self.model = model
        self.name = population.name
        self.path: Path = ("groups", population.name)
        self.attempts = Attempts()
        self.held_values: dict[str, Node] = {}  # of `constant over dt` subexpressions, by name
        population.events = event_names(context, self.name, model)
        context.failed.add(f"{population.path}.equations")  # until all variables are known
        definitions = () if model.equations is None else parse_equations(context.text((*self.path, "equations")))
        self.variables = read_definitions(context, population.path, f"the equations of `{self.name}`", definitions)
        self.variables.outer = population.symbols
        self.links = Links(context, self.path, population.view.size, population.symbols)
        self.has_refractory = self.known_stored()
        self.lines = Lines(self.variables, self.line)
        population.define = self.lines.define

    def group(self) -> Group:
        context, population, variables, attempt = self.context, self.population, self.variables, self.attempts.attempt
        self.known_variables()
        update = attempt(self.update)
        refractory = attempt(self.refractory)
        threshold = attempt(lambda: self.threshold)
        reset = attempt(self.reset)
        symbols = self.variables.symbols()
        events = resolve_events(context, population, self.model, symbols, self.explain, self.attempts)
        initial = attempt(self.initial)
        self.attempts.stop_if_errors()
        if population.path in context.failed:
            raise AlreadyReported
        assert update is not None
        block, precomputed, integration = update
        return Group(
            self.name,
            population.view.size,
            GroupKind.NEURONS,
            stored=(*variables.stored, *(Stored(a.variable, Kind.FLOAT, ONE) for a in precomputed)),
            expressions={
                n: (m.typed.node, m.typed.dimension)
                for n, m in variables.members.items()
                if m.stored is None or n == "lastspike"  # stored in steps, read in seconds
            },
            precomputed=precomputed,
            held=self.held_block,
            refractory=refractory,
            update=block,
            threshold=threshold,
            reset=reset or EMPTY,
            initial=initial or (),
            subgroups=population.subgroups,
            integration=integration,
            order=self.model.order,
            events=events,
            links=tuple(self.links.found),
        )

    # variables

    def known_stored(self) -> bool:
        """Make all variables with arrays known to the group and to others.

        Returns:
            Whether the group has a refractory period.
        """
        context, population, variables = self.context, self.population, self.variables
        self.refuse_flags()
        population.members = variables.members
        population.constant = frozenset(d.name for d in variables.with_flag("constant"))
        if self.model.equations is None and not population.events:
            raise context.key_error(
                "NET136",
                f"group `{self.name}` has neither `equations` nor a `threshold`",
                self.path,
                "give it what its neurons do, or a `threshold` if they are a source of spikes",
            )
        define = partial(define_names, context, population, variables, self.model)
        return bool(self.attempts.attempt(define))

    def known_variables(self) -> None:
        """Make subexpressions and linked variables known, too."""
        context, population = self.context, self.population
        self.lines.define_all()
        self.attempts.attempt(partial(self.links.refuse_unknown, self.variables.with_flag("linked")))
        if population.path not in context.failed:
            context.failed.discard(f"{population.path}.equations")
        self.held_block = self.held()
        if self.has_refractory:
            population.frozen = frozenset(d.name for d in self.variables.with_flag("unless refractory"))

    def refuse_flags(self) -> None:
        for flag in ("event-driven", "clock-driven", "summed"):
            for d in self.variables.with_flag(flag):
                raise at(d.span, "EQ112", f"`({flag})` belongs in the equations of synapses")
        for d in self.variables.with_flag("linked"):
            if len(d.flags) > 1:
                raise at(d.span, "EQ112", f"`{d.name}` is what it is linked to: no other flag applies")
        for d in self.variables.with_flag("shared"):
            if "unless refractory" in d.flags:
                raise at(d.span, "EQ112", f"`{d.name}` is shared, so no single neuron's refractoriness can freeze it")

    def line(self, d: Definition) -> Typed:
        """What a line of the equations means: its right-hand side, or what it is linked to."""
        if "linked" in d.flags:
            return self.links.typed(d, self.variables.dimensions[d.name])
        assert d.expr is not None
        variables, shared = self.variables, "shared" in d.flags
        checker = self.context.checker(variables.symbols(), variables.place, **self.options(shared=shared))
        typed = check_line(variables, d, checker.check(d.expr), per_time=d.role is Role.DIFFERENTIAL)
        if shared:
            must_be_shared(typed.node, d)
        held = variables.members.get(d.name)
        if d.role is Role.SUBEXPRESSION and held is not None:
            self.held_values[d.name] = typed.node
            return held.typed
        return typed

    def options(self, *, shared: bool = False, noise: bool = True) -> Mapping[str, Any]:
        """What expressions of the group may use beside names (see `Context.scope`)."""
        owner = self.population.path + (".shared" if shared else "")
        return {
            "draw": self.context.draws(owner, "noise", shared=shared),
            "noise": noise_leaf(self.graph, owner, shared=shared) if noise else None,
            "missing": self.explain,
            "elements": elements_of(self.context, self.population.view),
        }

    def explain(self, name: str) -> str | None:
        """Why a name is not known in the group."""
        if name in self.variables.definitions:
            raise AlreadyReported  # the line that defines it has an error of its own
        return {
            "not_refractory": "give the group a `refractory:` to use it",
            "lastspike": "give the group a `threshold:` to use it",
            "j": "`j` counts targets of synapses; here the index is `i`",
        }.get(name)

    def held(self) -> Block:
        """The block that computes `constant over dt` subexpressions at the start of the step."""
        assignments: list[Assignment] = []
        values: dict[Variable, Node] = {}
        for name, node in self.held_values.items():
            stored = self.variables.stored_as(name)
            value = before_step(self.context, self.graph.replace_variables(node, values, everywhere=True))
            values[stored.variable] = value
            self.context.held[self.population.path, name] = self.held_before(stored, value)
            assignments.append(Assignment(stored.variable, value))
        return Block(tuple(assignments))

    def held_before(self, stored: Stored, value: Node) -> Node:
        """A `constant over dt` value as it is read before the equations of a step of the run."""
        g, every = self.graph, self.context.every
        if every == 1:
            return value
        place = g.binary(Op.MOD, g.node(Op.STEP, (), Kind.INT), g.constant("every", every))
        return g.select(g.binary(Op.EQ, place, g.literal(0)), value, g.variable(stored.variable, stored.kind))

    def fixed(self) -> frozenset[Variable]:
        """Parameters that keep their initial values during the run."""
        written = assigned_names(self.context, self.name)
        if written is None:
            return frozenset()
        changing = written | self.held_values.keys() | set(KEPT_BY_THE_RUN)
        return frozenset(s.variable for s in self.variables.stored if not s.state and s.variable.name not in changing)

    # what the group does

    def update(self) -> tuple[Block, tuple[Assignment, ...], Integration | None]:
        """The block that integrates the equations, what is computed once for it, and how it integrates."""
        variables, attempts = self.variables, Attempts()
        rhs: dict[Variable, Node] = {}
        for d in variables.by_role(Role.DIFFERENTIAL):
            typed = attempts.attempt(partial(self.line, d))
            if typed is not None:
                rhs[variables.stored_as(d.name).variable] = typed.node
        attempts.stop_if_errors()
        method = str(self.model.method.value)  # read here: given for all groups alike, it may have nothing to do in one
        if not rhs:
            return EMPTY, (), None
        flagged = variables.with_flag("unless refractory")
        if flagged and not self.has_refractory:
            message = f"`{flagged[0].name}` is `unless refractory`, but the group has no `refractory:`"
            self.context.report.warn("NET134", message, flagged[0].span)
            flagged = []
        update, integration = integrate(
            self.context,
            self.path,
            method,
            rhs,
            variables.definitions,
            frozen=frozenset(variables.stored_as(d.name).variable for d in flagged),
            active=self.graph.variable(Variable(self.population.path, "not_refractory"), Kind.BOOL)
            if self.has_refractory
            else None,
            fixed=self.fixed(),
            stop=(lambda: self.threshold),
        )
        update, precomputed = lift_propagators(self.graph, self.population.path, update)
        return Block(tuple(Assignment(v, n) for v, n in update.values.items())), precomputed, integration

    def refractory(self) -> Any:
        if self.model.refractory is None:
            return None
        options = {**self.options(noise=False), "elements": None}
        return resolve_refractory(self.context, self.population, self.variables, self.fixed(), options)

    @cached_property
    def threshold(self) -> Node | None:
        if self.model.threshold is None:
            return None
        expr = self.context.expression((*self.path, "threshold"))
        place = f"the threshold of `{self.name}`"
        checker = self.context.checker(self.variables.symbols(), place, **self.options(noise=False))
        return checker.condition(expr, "a threshold").node

    def reset(self) -> Block:
        if self.model.reset is None:
            return EMPTY
        path, place, stream = (*self.path, "reset"), f"the reset of `{self.name}`", f"{self.population.path}.reset"
        if self.model.threshold is None:
            message = "a group without threshold is never reset"
            self.attempts.add(self.context.key_error("NET133", message, path, "add `threshold:`"))
        locale = group_scope(self.context, self.population.view, place, stream, guarded=False)
        return lower_statements(self.context, self.context.text(path), locale)

    def initial(self) -> tuple[Initial, ...]:
        hidden = self.held_values.keys() | set(KEPT_BY_THE_RUN)
        lines = initial_values(
            self.context,
            (*self.path, "initial"),
            self.population.path,
            self.population.view.size,
            {s.variable.name: s for s in self.variables.stored if s.variable.name not in hidden},
            self.variables.symbols(),
            f"the initial values of `{self.name}`",
        )
        return tuple(replace(line, value=self.before_run(line)) for line in lines)

    def before_run(self, line: Initial) -> Node:
        """The graph of an initial value, in which nothing is taken from all neurons together."""
        value = before_step(self.context, line.value)
        if self.graph.reduces and reductions_of(value):
            message = f"the initial value of `{line.variable.name}` is computed from all neurons of `{self.name}`"
            raise at(line.span, "EQ208", message, "let an operation set it: `at: [0 ms]`")
        return value
