"""Groups of the file to groups of the network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TypeVar

import numpy as np

from snnrun.equations.check import OPEN, Typed
from snnrun.equations.dag import Kind, Node, Op, Variable, variables_of, walk
from snnrun.equations.methods.system import System, Update
from snnrun.equations.model import Definition, Role, parse_equations
from snnrun.errors import ExperimentError
from snnrun.model.evaluate import Environment, evaluate
from snnrun.model.network import (
    EMPTY,
    NEVER,
    Assignment,
    Block,
    Group,
    GroupKind,
    Indices,
    Initial,
    Integration,
    Intervals,
    NeuronSubset,
    Refractory,
    Stored,
    everything,
    part,
)
from snnrun.model.rates import is_impossible
from snnrun.resolve.context import Context, Member, Path, Population, Skip, at, exact_int, meanings
from snnrun.resolve.definitions import (
    Variables,
    check_line,
    integrate,
    lift_propagators,
    must_be_shared,
    noise_leaf,
    read_definitions,
    resolve_subexpressions,
)
from snnrun.resolve.delays import warn_between_steps, whole_steps
from snnrun.resolve.initial import initial_values, list_node, value_of
from snnrun.resolve.names import Derived, Names
from snnrun.resolve.rates import refuse_impossible
from snnrun.resolve.schedules import read_schedule
from snnrun.resolve.selection import select_indices
from snnrun.resolve.series import is_list
from snnrun.resolve.statements import Locale, Target, lower_statements
from snnrun.resolve.subgroups import seen_in
from snnrun.resolve.written import written_names
from snnrun.spec.models import NeuronGroup, PoissonGroup, SpikeGroup
from snnrun.spec.nodes import ScalarNode
from snnrun.units.dimensions import FREQUENCY, ONE, TIME

Result = TypeVar("Result")
BEFORE = -10000.0  # what `lastspike` reads as before the first spike [s]
_MOVING = frozenset({Op.TIME, Op.STEP, Op.NOISE, Op.UNIFORM, Op.NORMAL, Op.POISSON, Op.TIMED})
LONG = 1e15  # steps that no run has


def resolve_groups(context: Context) -> dict[str, Group]:
    """All groups, in the order of the file; errors are collected in the context."""
    groups: dict[str, Group] = {}
    for name, model in context.experiment.groups.items():
        with context.collecting(f"groups.{name}"):
            try:
                groups[name] = _GroupBuilder(context, name).build(model)
            except Skip:
                context.failed.add(f"groups.{name}")
    return groups


def _names_lastspike(context: Context) -> bool:
    """Whether any text of the file names `lastspike` (then its arrays are kept)."""
    texts = (node.value for _, node in context.document.walk() if isinstance(node, ScalarNode))
    return any(isinstance(text, str) and "lastspike" in text for text in texts)


class _GroupBuilder:
    """One group."""

    def __init__(self, context: Context, name: str) -> None:
        self.context = context
        self.graph = context.graph
        self.name = name
        self.path: Path = ("groups", name)
        self.owner = f"groups.{name}"
        self.place = f"the equations of `{name}`"
        self.size = 0
        self.outer: dict[str, Typed] = {}
        self.held_values: dict[str, Node] = {}  # of `constant over dt` subexpressions, by name

    def build(self, model: NeuronGroup | PoissonGroup | SpikeGroup) -> Group:
        self.refuse_unsupported(model)
        self.size, sizes = self.sizes(model)
        self.outer = self.names(model)
        subgroups = self.subgroups(sizes)
        population = Population(self.name, everything(self.name, self.size), {}, subgroups, symbols=self.outer)
        self.context.populations[self.name] = population
        if isinstance(model, PoissonGroup):
            return self.poisson(population, model)
        if isinstance(model, SpikeGroup):
            schedule = read_schedule(self.context, self.path, model, self.size)
            return self.group(population, GroupKind.SPIKES, schedule=schedule, order=model.order)
        return self.neurons(population, model)

    def refuse_unsupported(self, model: NeuronGroup | PoissonGroup | SpikeGroup) -> None:
        for key in ("dt", "events", "linked", "precision"):
            if getattr(model, key, None) is not None:
                raise self.context.key_error("NET199", f"`{key}` of a group is not supported yet", (*self.path, key))

    def group(self, population: Population, kind: GroupKind, **values: object) -> Group:
        """A group with what its kind does not have left empty."""
        empty: dict[str, object] = {
            "stored": (),
            "expressions": {},
            "precomputed": (),
            "held": EMPTY,
            "refractory": None,
            "update": EMPTY,
            "threshold": None,
            "reset": EMPTY,
            "initial": (),
            "schedule": None,
            "integration": None,
            "order": 0,
        }
        return Group(self.name, self.size, kind, subgroups=population.subgroups, **{**empty, **values})  # type: ignore[arg-type]

    # size and parts

    def sizes(self, model: NeuronGroup | PoissonGroup | SpikeGroup) -> tuple[int, dict[str, int]]:
        """The size of the group, and of those subgroups that are given by sizes."""
        sizes: dict[str, int] = {}
        for name in model.subgroups or {}:
            path = (*self.path, "subgroups", name)
            node = self.context.document.node(path)
            if isinstance(node, ScalarNode) and ":" not in str(node.value) and str(node.value).strip() != "all":
                expr = self.context.expression(path)
                symbols = {"i": Typed(self.graph.node(Op.INDEX, (), Kind.INT, "own"), ONE)}
                symbols["N"] = Typed(self.graph.node(Op.INDEX, (), Kind.INT, "N"), ONE)
                if self.context.checker(symbols, f"the size of `{name}`").check(expr).exact is not None:
                    sizes[name] = self.context.integer_of(expr, f"the size of subgroup `{name}`", 1)
        if model.size is None:
            if not sizes:
                raise self.context.key_error(
                    "NET130", f"group `{self.name}` has no size", self.path, "add `size: 100`, or subgroups with sizes"
                )
            return sum(sizes.values()), sizes
        size = self.context.integer((*self.path, "size"), f"the size of `{self.name}`", 1)
        if sizes and sum(sizes.values()) != size:
            raise self.context.error(
                "NET130",
                f"the subgroups of `{self.name}` have {sum(sizes.values())} neurons, its size is {size}",
                (*self.path, "size"),
                "leave out `size`: it is the sum of its subgroups",
            )
        return size, sizes

    def subgroups(self, sizes: dict[str, int]) -> dict[str, NeuronSubset]:
        views: dict[str, NeuronSubset] = {}
        at_neuron = 0
        for name in self.context.document.keys((*self.path, "subgroups")):
            path = (*self.path, "subgroups", name)
            if name in sizes:
                members: Indices = range(at_neuron, at_neuron + sizes[name])
                at_neuron += sizes[name]
            else:
                members = select_indices(self.context, path, self.size, f"subgroup `{name}`")
            views[name] = part(self.name, f"{self.name}.{name}", members, self.size)
        return views

    def names(self, model: NeuronGroup | PoissonGroup | SpikeGroup) -> dict[str, Typed]:
        """Names that every expression of the group knows, and its own constants."""
        context, g = self.context, self.graph
        names = {
            "t": Typed(g.node(Op.TIME), TIME),
            "t_in_timesteps": Typed(g.node(Op.STEP, (), Kind.INT), ONE),
            "i": Typed(g.node(Op.INDEX, (), Kind.INT, "own"), ONE),
            "N": exact_int(g, "N", self.size),
        }
        for name in getattr(model, "constants", None) or {}:
            path = (*self.path, "constants", name)
            expr = context.expression(path)
            typed = context.checker(names, f"constant `{name}`").check(expr)
            if typed.exact is None:
                raise at(expr.span, "NET103", f"constant `{name}` changes during the run")
            names[name] = Typed(g.constant(f"{self.owner}.{name}", typed.value), typed.dimension, typed.exact)
            context.note_uses(path, names[name])
        return names

    # Poisson

    def poisson(self, population: Population, model: PoissonGroup) -> Group:
        context, g = self.context, self.graph
        path = (*self.path, "rates")
        stored: tuple[Stored, ...] = ()
        initial: tuple[Initial, ...] = ()
        variable = Variable(self.owner, "rates")
        if is_list(context.document.node(path)):
            stored = (Stored(variable, Kind.FLOAT, FREQUENCY),)
            node = list_node(context, path, self.size, FREQUENCY, f"the rates of `{self.name}`")
            refuse_impossible(context, node, range(self.size), path, f"`{self.name}`")
            initial = (Initial(variable, node, None, context.document.span(path)),)
            rate = g.variable(variable)
        else:
            draw = context.draws(f"{self.owner}.rates", "input")
            expr = context.expression(path)
            checker = context.checker(self.outer, f"the rates of `{self.name}`", draw=draw, lists=True)
            typed = checker.value(expr, FREQUENCY, f"the rates of `{self.name}`")
            context.is_wrong(typed, lambda rate: is_impossible(rate * context.dt))  # asked of swept rates when known
            refuse_impossible(context, typed.node, range(self.size), path, f"`{self.name}`")
            rate = g.as_float(typed.node)
            writers = self.rate_writers()
            if writers and any(n.op in _MOVING for n in walk(rate)):
                context.failed.add(f"{self.owner}.equations")
                raise at(
                    expr.span,
                    "NET135",
                    f"the rates of `{self.name}` change with time by this expression, and `{writers[0]}` sets them too",
                    "write the change into the expression, for example `10*Hz + 90*Hz*int(t > 1*second)`",
                )
            if writers or any(n.op is Op.LIST for n in walk(rate)):
                stored = (Stored(variable, Kind.FLOAT, FREQUENCY),)
                initial = (Initial(variable, value_of(checker, stored[0], expr, self.size), None, expr.span),)
                rate = g.variable(variable)
        population.members["rates"] = Member(Typed(rate, FREQUENCY), stored[0] if stored else None)
        chance = g.mul(rate, g.constant("dt", context.dt))
        expressions = {} if stored else {"rates": (rate, FREQUENCY)}
        group = self.group(
            population,
            GroupKind.POISSON,
            stored=stored,
            expressions=expressions,
            threshold=g.binary(Op.LT, self.uniform("spikes"), chance),
            initial=initial,
            order=model.order,
        )
        group = replace(group, rate_span=context.document.span(path))
        return self.with_intervals(group, chance) if self.is_steady(rate) else group

    def uniform(self, use: str) -> Node:
        return self.graph.node(Op.UNIFORM, payload=self.context.draws(self.owner, "input")(use))

    def is_steady(self, rate: Node) -> bool:
        """Whether rates stay as they are within a phase of a run."""
        written = written_names(self.context, self.name)
        return written is not None and "rates" not in written and not any(n.op in _MOVING for n in walk(rate))

    def rate_writers(self) -> list[str]:
        """What gives the neurons other rates during the run: each then keeps its rate as a variable."""
        written = written_names(self.context, self.name)
        found = ["a statement"] if written is not None and "rates" in written else []
        for phase in self.context.phases:
            sets = [n for n in phase.set or {} if n.split(".")[0] == self.name and n.split(".")[-1] == "rates"]
            found += [f"phase {phase.name}" for _ in sets]
        return found

    def with_intervals(self, group: Group, chance: Node) -> Group:
        """Draw the intervals between spikes instead of whether each step has one."""
        g = self.graph
        upcoming, silence = Variable(self.owner, "nextspike"), Variable(self.owner, "silence")
        long = g.literal(LONG)
        some = g.binary(Op.GT, chance, g.literal(1 / LONG))
        rare = g.div(g.literal(-1.0), g.function("log1p", (g.neg(chance),)))
        certain = g.binary(Op.GE, chance, g.literal(1.0))
        scale = g.select(certain, g.literal(0.0), g.select(some, rare, long))
        step = g.node(Op.STEP, (), Kind.INT)

        def after(use: str) -> Node:
            """The first step from this one on that has a spike."""
            waited = g.mul(g.neg(g.function("log1p", (g.neg(self.uniform(use)),))), g.variable(silence))
            return g.add(step, g.as_int(g.function("floor", (waited,))))

        ever = g.binary(Op.LT, g.variable(silence), long)
        return replace(
            group,
            stored=(*group.stored, Stored(upcoming, Kind.INT, TIME), Stored(silence, Kind.FLOAT, ONE)),
            precomputed=(Assignment(silence, scale),),
            threshold=g.binary(Op.EQ, g.variable(upcoming, Kind.INT), step),
            reset=Block((Assignment(upcoming, g.add(after("interval"), g.literal(1))),)),
            initial=(*group.initial, Initial(silence, g.literal(-1.0), None, None)),
            intervals=Intervals(upcoming, silence, g.select(ever, after("first"), g.as_int(long)), chance),
        )

    # neurons

    def neurons(self, population: Population, model: NeuronGroup) -> Group:
        context = self.context
        population.has_spikes = model.threshold is not None
        context.failed.add(f"{self.owner}.equations")  # until all variables are known
        definitions = () if model.equations is None else parse_equations(context.text((*self.path, "equations")))
        variables = read_definitions(context, self.owner, self.place, definitions)
        variables.outer = self.outer
        self.refuse_flags(variables)
        population.members = variables.members
        population.constant = frozenset(d.name for d in variables.with_flag("constant"))
        errors: list[ExperimentError] = []
        if model.equations is None and model.threshold is None:
            raise context.key_error(
                "NET136",
                f"group `{self.name}` has neither `equations` nor a `threshold`",
                self.path,
                "give it what its neurons do, or a `threshold` if they are a source of spikes",
            )
        refractory = self.try_part(errors, lambda: self.refractory_symbols(variables, model))
        resolve_subexpressions(variables, lambda d: self.line(variables, d))
        if self.owner not in context.failed:
            context.failed.discard(f"{self.owner}.equations")
        held = self.held(variables)
        population.frozen = (
            frozenset(d.name for d in variables.with_flag("unless refractory")) if refractory else frozenset()
        )
        update = self.try_part(errors, lambda: self.update(variables, model, bool(refractory)))
        rule = self.try_part(errors, lambda: self.refractory(variables, model))
        threshold = self.try_part(errors, lambda: self.threshold(variables, model))
        reset = self.try_part(errors, lambda: self.reset(model))
        initial = self.try_part(errors, lambda: self.initial(variables))
        self.unknown_reset(model, errors)
        if errors or variables.owner in context.failed:
            raise ExperimentError(*(d for e in errors for d in e.diagnostics))
        if update is None:
            raise Skip
        block, precomputed, integration = update
        hidden = tuple(Stored(a.variable, Kind.FLOAT, ONE) for a in precomputed)
        expressions = {
            n: (m.typed.node, m.typed.dimension)
            for n, m in variables.members.items()
            if m.stored is None or n == "lastspike"  # stored in steps, read in seconds
        }
        return self.group(
            population,
            GroupKind.NEURONS,
            stored=(*variables.stored, *hidden),
            expressions=expressions,
            precomputed=precomputed,
            held=held,
            refractory=rule,
            update=block,
            threshold=threshold,
            reset=reset or EMPTY,
            initial=initial or (),
            integration=integration,
            order=model.order,
        )

    def try_part(self, errors: list[ExperimentError], make: Callable[[], Result]) -> Result | None:
        """The result of one part, or None with its error kept, so that all errors of a group are shown at once."""
        try:
            return make()
        except ExperimentError as error:
            errors.append(error.with_traceback(None))  # whose frames hold what is not needed any more
            return None

    def refuse_flags(self, variables: Variables) -> None:
        for flag in ("event-driven", "clock-driven", "summed", "linked"):
            for d in variables.with_flag(flag):
                what = "is not supported yet" if flag == "linked" else "belongs in the equations of synapses"
                raise at(d.span, "EQ112" if flag != "linked" else "NET199", f"`({flag})` {what}")
        for d in variables.with_flag("shared"):
            if "unless refractory" in d.flags:
                raise at(d.span, "EQ112", f"`{d.name}` is shared, so no single neuron's refractoriness can freeze it")

    def refractory_symbols(self, variables: Variables, model: NeuronGroup) -> bool:
        """Make `lastspike` and `not_refractory` known where the group has them."""
        g = self.graph
        if model.threshold is not None:
            last = Stored(Variable(self.owner, "lastspike"), Kind.INT, TIME)
            step = g.variable(last.variable, Kind.INT)
            spiked = g.mul(g.as_float(step), g.constant("dt", self.context.dt))
            node = g.select(g.binary(Op.EQ, step, g.literal(NEVER)), g.literal(BEFORE), spiked)
            if model.refractory is not None or self.context.once(_names_lastspike):
                variables.members["lastspike"] = Member(Typed(node, TIME), last)
        if model.refractory is None:
            return False
        active = Stored(Variable(self.owner, "not_refractory"), Kind.BOOL, ONE)
        variables.members["not_refractory"] = Member(Typed(g.variable(active.variable, Kind.BOOL), ONE), active)
        if model.threshold is None:
            raise self.context.key_error(
                "NET133",
                "a group without threshold has no refractory period",
                (*self.path, "refractory"),
                "add `threshold:`",
            )
        return True

    def options(self, variables: Variables, *, shared: bool = False, noise: bool = True) -> dict[str, object]:
        """Randomness in expressions of the group."""
        kind = ".shared" if shared else ""
        return {
            "draw": self.context.draws(self.owner + kind, "noise", shared=shared),
            "noise": noise_leaf(self.graph, self.owner + kind, shared=shared) if noise else None,
            "missing": lambda name: self.explain(variables, name),
        }

    def explain(self, variables: Variables, name: str) -> str | None:
        if name == "not_refractory":
            return "give the group a `refractory:` to use it"
        if name == "lastspike":
            return "give the group a `threshold:` to use it"
        if name == "j":
            return "`j` counts targets of synapses; here the index is `i`"
        if name in variables.definitions:
            raise Skip  # the line that defines it has an error of its own
        return None

    def line(self, variables: Variables, d: Definition) -> Typed:
        assert d.expr is not None
        shared = "shared" in d.flags
        checker = self.context.checker(variables.symbols(), self.place, **self.options(variables, shared=shared))
        typed = check_line(variables, d, checker.check(d.expr), per_time=d.role is Role.DIFFERENTIAL)
        if shared:
            must_be_shared(typed.node, d)
        held = variables.members.get(d.name)
        if d.role is Role.SUBEXPRESSION and held is not None:
            self.held_values[d.name] = typed.node
            return held.typed
        return typed

    def held(self, variables: Variables) -> Block:
        """The block that computes `constant over dt` subexpressions at the start of the step."""
        assignments: list[Assignment] = []
        values: dict[Variable, Node] = {}
        for name, node in self.held_values.items():
            stored = variables.members[name].stored
            assert stored is not None
            value = self.graph.replace_variables(node, values)
            values[stored.variable] = self.context.held[self.owner, name] = value
            assignments.append(Assignment(stored.variable, value))
        return Block(tuple(assignments))

    def update(
        self, variables: Variables, model: NeuronGroup, has_refractory: bool
    ) -> tuple[Block, tuple[Assignment, ...], Integration | None]:
        rhs: dict[Variable, Node] = {}
        errors: list[ExperimentError] = []
        method = str(model.method.value)  # said for all groups alike, it may find nothing to integrate in some
        for d in variables.by_role(Role.DIFFERENTIAL):
            typed = self.try_part(errors, partial(self.line, variables, d))
            if typed is not None:
                stored = variables.members[d.name].stored
                assert stored is not None
                rhs[stored.variable] = typed.node
        if errors:
            raise ExperimentError(*(x for e in errors for x in e.diagnostics))
        if not rhs:
            return EMPTY, (), None
        frozen = frozenset(
            variables.members[d.name].stored.variable  # type: ignore[union-attr]
            for d in variables.with_flag("unless refractory")
        )
        if frozen and not has_refractory:
            flagged = variables.with_flag("unless refractory")[0]
            self.context.report.warn(
                "NET134", f"`{flagged.name}` is `unless refractory`, but the group has no `refractory:`", flagged.span
            )
            frozen = frozenset()
        active = self.graph.variable(Variable(self.owner, "not_refractory"), Kind.BOOL) if has_refractory else None
        merged, integration = self.integrate_parts(variables, method, rhs, frozen, active, self.fixed(variables))
        merged, precomputed = lift_propagators(self.graph, self.owner, merged)
        return Block(tuple(Assignment(v, n) for v, n in merged.values.items())), precomputed, integration

    def integrate_parts(
        self,
        variables: Variables,
        method: str,
        rhs: dict[Variable, Node],
        frozen: frozenset[Variable],
        active: Node | None,
        fixed: frozenset[Variable],
    ) -> tuple[Update, Integration | None]:
        """Integrate shared variables by themselves: nothing they read differs between neurons."""
        dt = self.graph.constant("dt", self.context.dt)
        values: dict[Variable, Node] = {}
        integration = None
        note = ""
        for shared in (False, True):
            chosen = {v: n for v, n in rhs.items() if v.shared is shared}
            if chosen:
                system = System(
                    self.graph, chosen, frozen & chosen.keys(), active if frozen & chosen.keys() else None, fixed, dt
                )
                update, one = integrate(self.context, system, method, self.method_path(), variables.definitions)
                values.update(update.values)
                note = update.note
                integration = (
                    one
                    if integration is None
                    else replace(integration, variables=(*integration.variables, *one.variables))
                )
        return Update(values, note), integration

    def fixed(self, variables: Variables) -> frozenset[Variable]:
        """Parameters that keep their initial values during the run."""
        written = written_names(self.context, self.name)
        if written is None:
            return frozenset()
        changing = written | self.held_values.keys() | {"lastspike", "not_refractory"}
        return frozenset(s.variable for s in variables.stored if not s.state and s.variable.name not in changing)

    def method_path(self) -> Path:
        path = (*self.path, "method")
        return path if self.context.document.has(path) else (*self.path, "equations")

    def refractory(self, variables: Variables, model: NeuronGroup) -> Refractory | None:
        if model.refractory is None or "not_refractory" not in variables.members:
            return None
        path = (*self.path, "refractory")
        expr = self.context.expression(path)
        checker = self.context.checker(
            variables.symbols(), f"the refractory period of `{self.name}`", **self.options(variables, noise=False)
        )
        typed = checker.check(expr)
        if typed.node.kind is Kind.BOOL:
            return Refractory(None, typed.node)
        if not typed.fits(TIME):
            raise at(
                expr.span,
                "EQ209",
                f"`refractory` must be a time or a condition, this is {typed.dimension.describe()}",
                "write for example `2 ms` or `v > -40*mV`",
            )
        if self.context.is_wrong(typed, lambda seconds: np.logical_not(seconds >= 0)):
            what = "negative" if typed.value < 0 else "not a number (NaN)"
            raise at(expr.span, "NET102", f"the refractory time is {what}: {typed.value:g} s")
        dt = self.graph.constant("dt", self.context.dt)
        steps = whole_steps(self.graph, self.graph.function("timestep", (typed.node, dt)))
        if typed.exact is not None and typed.exact is not OPEN and np.isfinite(typed.value):
            known = np.array([evaluate(steps, Environment())])
            warn_between_steps(self.context, [typed.value], known, expr.span, f"the refractory time of `{self.name}`")
        return Refractory(steps, None, typed.node, self.is_still(variables, typed.node), expr.span)

    def is_still(self, variables: Variables, node: Node) -> bool:
        """Whether a value stays as it is at the start of the run, whatever happens."""
        moving = {Op.TIME, Op.STEP, Op.NOISE, Op.UNIFORM, Op.NORMAL, Op.POISSON, Op.TIMED}
        in_one_part = not any(phase.set for phase in self.context.phases)
        fixed = variables_of(node) <= self.fixed(variables)
        return in_one_part and fixed and not any(n.op in moving for n in walk(node))

    def threshold(self, variables: Variables, model: NeuronGroup) -> Node | None:
        if model.threshold is None:
            return None
        expr = self.context.expression((*self.path, "threshold"))
        checker = self.context.checker(
            variables.symbols(), f"the threshold of `{self.name}`", **self.options(variables, noise=False)
        )
        return checker.condition(expr, "a threshold").node

    def reset(self, model: NeuronGroup) -> Block:
        if model.reset is None:
            return EMPTY
        return lower_statements(
            self.context,
            self.context.text((*self.path, "reset")),
            group_locale(
                self.context,
                self.context.populations[self.name].view,
                f"the reset of `{self.name}`",
                f"{self.owner}.reset",
                guarded=False,
            ),
        )

    def unknown_reset(self, model: NeuronGroup, errors: list[ExperimentError]) -> None:
        if model.reset is not None and model.threshold is None:
            errors.append(
                self.context.key_error(
                    "NET133", "a group without threshold is never reset", (*self.path, "reset"), "add `threshold:`"
                )
            )

    def initial(self, variables: Variables) -> tuple[Initial, ...]:
        hidden = self.held_values.keys() | {"lastspike", "not_refractory"}
        targets = {n: m.stored for n, m in variables.members.items() if m.stored is not None and n not in hidden}
        lines = initial_values(
            self.context,
            (*self.path, "initial"),
            self.owner,
            self.size,
            targets,
            variables.symbols(),
            f"the initial values of `{self.name}`",
        )
        return tuple(replace(line, value=self.context.before_step(line.value)) for line in lines)


def group_locale(
    context: Context, view: NeuronSubset, place: str, stream: str, *, guarded: bool, allow_shared: bool = False
) -> Locale:
    """Where statements about the neurons of a group, or of a part of it, stand.

    Args:
        context: The resolution.
        view: The neurons; `i` counts within it.
        place: What the statements are, for messages.
        stream: Owner of their random numbers.
        guarded: Whether refractory neurons keep their frozen variables.
        allow_shared: Whether shared variables may be assigned.
    """
    population = context.populations[view.group]
    g = context.graph
    active = g.variable(Variable(population.path, "not_refractory"), Kind.BOOL)
    fixed = {"lastspike", "not_refractory"} | population.constant

    def target(name: str) -> Target | None:
        stored = population.members[name].stored
        held = (population.path, name) in context.held
        if stored is None or held or name in fixed or (stored.variable.shared and not allow_shared):
            return None
        return Target(stored, active if guarded and name in population.frozen else None)

    targets = Derived(population.members, target)
    symbols = Names(meanings(population.members), seen_in(context, view, population.symbols))
    options = {"draw": context.draws(stream, "noise")}

    def refuse(target: str) -> str | None:
        member = population.members.get(target)
        if member is not None and (member.stored is None or (population.path, target) in context.held):
            return f"`{target}` is a subexpression and cannot be assigned"
        if member is not None and member.stored is not None and member.stored.variable.shared and not allow_shared:
            return f"`{target}` is shared by all neurons and cannot be assigned by one of them"
        if target in population.constant:
            return f"`{target}` is declared `(constant)` and cannot be assigned"
        if target in {"t", "dt", "i", "N", "lastspike", "not_refractory"}:
            return f"`{target}` cannot be assigned"
        return None

    return Locale(symbols, targets, place, options, refuse)
