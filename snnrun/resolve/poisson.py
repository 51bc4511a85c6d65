"""Groups of `kind: poisson`: neurons that spike at random, each at its rate."""

from __future__ import annotations

from dataclasses import replace

from snnrun.equations.dag import MOVING, Kind, Node, Op, Variable, walk
from snnrun.equations.scope import Typed
from snnrun.errors import at
from snnrun.model.network import Assignment, Block, Group, GroupKind, Initial, Intervals, Stored
from snnrun.model.rates import is_impossible
from snnrun.resolve.assigned import assigned_names
from snnrun.resolve.context import Context, Member, Path, Population
from snnrun.resolve.initial import list_node, value_of
from snnrun.resolve.rates import refuse_impossible
from snnrun.resolve.series import is_list
from snnrun.spec.models import PoissonGroup
from snnrun.units.dimensions import FREQUENCY, ONE, TIME

LONG = 1e15  # steps of a run that no run has


def resolve_poisson(context: Context, population: Population, model: PoissonGroup) -> Group:
    """A Poisson group. Its rates are stored where neurons have rates of their own, else they are an expression."""
    g = context.graph
    path: Path = ("groups", population.name, "rates")
    rates = Stored(Variable(population.path, "rates"), Kind.FLOAT, FREQUENCY)
    read = _listed if is_list(context.document.node(path)) else _by_expression
    rate, initial = read(context, population, path, rates)
    if initial is not None:
        rate = g.variable(rates.variable)
    population.members["rates"] = Member(Typed(rate, FREQUENCY), None if initial is None else rates)
    chance = g.mul(rate, g.constant("dt", context.dt))
    group = Group(
        population.name,
        population.view.size,
        GroupKind.POISSON,
        stored=() if initial is None else (rates,),
        expressions={"rates": (rate, FREQUENCY)} if initial is None else {},
        threshold=g.binary(Op.LT, _uniform(context, population, "spikes"), chance),
        initial=() if initial is None else (initial,),
        subgroups=population.subgroups,
        order=model.order,
        rate_span=context.document.span(path),
    )
    return _with_intervals(context, population, group, chance) if _is_steady(context, population, rate) else group


def _listed(context: Context, population: Population, path: Path, rates: Stored) -> tuple[Node, Initial | None]:
    """Rates written as a list, and the line that stores them."""
    size, what = population.view.size, f"`{population.name}`"
    node = list_node(context, path, size, FREQUENCY, f"the rates of {what}")
    refuse_impossible(context, node, range(size), path, what)
    return node, Initial(rates.variable, node, None, context.document.span(path))


def _by_expression(context: Context, population: Population, path: Path, rates: Stored) -> tuple[Node, Initial | None]:
    """The rate as an expression, and the line that stores it where neurons keep rates of their own."""
    size, what = population.view.size, f"the rates of `{population.name}`"
    expr = context.expression(path)
    draw = context.draws(f"{population.path}.rates", "input")
    checker = context.checker(population.symbols, what, draw=draw, lists=True)
    typed = checker.value(expr, FREQUENCY, what)
    context.is_wrong(typed, lambda rate: is_impossible(rate * context.dt))  # asked of swept rates when they are known
    refuse_impossible(context, typed.node, range(size), path, f"`{population.name}`")
    rate = context.graph.as_float(typed.node)
    writers = _writers(context, population)
    if writers and any(n.op in MOVING for n in walk(rate)):
        context.failed.add(f"{population.path}.equations")
        raise at(
            expr.span,
            "NET135",
            f"{what} change with time by this expression, and `{writers[0]}` sets them too",
            "write the change into the expression, for example `10*Hz + 90*Hz*int(t > 1*second)`",
        )
    if not writers and not any(n.op is Op.LIST for n in walk(rate)):
        return rate, None
    return rate, Initial(rates.variable, value_of(checker, rates, expr, size), None, expr.span)


def _writers(context: Context, population: Population) -> list[str]:
    """What sets the rates during the run, for messages: each neuron then keeps its rate as a variable."""
    written = assigned_names(context, population.name)
    found = ["a statement"] if written is not None and "rates" in written else []
    for phase in context.phases:
        names = [name.split(".") for name in {**(phase.set or {}), **(phase.at_end or {})}]
        found += [f"phase {phase.name}" for name in names if name[0] == population.name and name[-1] == "rates"]
    return found


def _is_steady(context: Context, population: Population, rate: Node) -> bool:
    """Whether rates are constant within each phase of a run."""
    written = assigned_names(context, population.name)
    return written is not None and "rates" not in written and not any(n.op in MOVING for n in walk(rate))


def _uniform(context: Context, population: Population, use: str) -> Node:
    return context.graph.node(Op.UNIFORM, payload=context.draws(population.path, "input")(use))


def _with_intervals(context: Context, population: Population, group: Group, chance: Node) -> Group:
    """The group with drawn intervals between spikes, instead of a draw for each neuron and step."""
    g = context.graph
    upcoming, silence = Variable(population.path, "nextspike"), Variable(population.path, "silence")
    every = g.literal(1) if context.every == 1 else g.constant("every", context.every)
    long = g.literal(LONG / context.every)
    some = g.binary(Op.GT, chance, g.literal(context.every / LONG))
    rare = g.div(g.literal(-1.0), g.function("log1p", (g.neg(chance),)))
    certain = g.binary(Op.GE, chance, g.literal(1.0))
    scale = g.select(certain, g.literal(0.0), g.select(some, rare, long))
    step = g.node(Op.STEP, (), Kind.INT)

    def after(use: str) -> Node:
        """The first step from this one on that has a spike."""
        waited = g.mul(g.neg(g.function("log1p", (g.neg(_uniform(context, population, use)),))), g.variable(silence))
        silent = g.as_int(g.function("floor", (waited,)))
        return g.add(step, silent if context.every == 1 else g.mul(silent, every))

    ever = g.binary(Op.LT, g.variable(silence), long)
    return replace(
        group,
        stored=(*group.stored, Stored(upcoming, Kind.INT, TIME), Stored(silence, Kind.FLOAT, ONE)),
        precomputed=(Assignment(silence, scale),),
        threshold=g.binary(Op.EQ if context.every == 1 else Op.LE, g.variable(upcoming, Kind.INT), step),
        reset=Block((Assignment(upcoming, g.add(after("interval"), every)),)),
        initial=(*group.initial, Initial(silence, g.literal(-1.0), None, None)),
        intervals=Intervals(upcoming, silence, g.select(ever, after("first"), g.as_int(long)), chance),
    )
