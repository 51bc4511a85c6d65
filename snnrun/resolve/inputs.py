"""Inputs of the file to inputs of the network: what adds to a variable of neurons without neurons of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from snnrun.equations.dag import Draw, Kind, Node, Op, Variable, is_fixed
from snnrun.errors import at, did_you_mean
from snnrun.model.network import Assignment, Block, NeuronSubset, PoissonInput
from snnrun.model.rates import advice, is_impossible
from snnrun.resolve.clocks import with_clock
from snnrun.resolve.context import AlreadyReported, Context, Path
from snnrun.resolve.group_names import group_scope
from snnrun.resolve.rates import refuse_impossible
from snnrun.resolve.statements import StatementScope
from snnrun.spec import models
from snnrun.units.dimensions import FREQUENCY
from snnrun.units.quantities import format_quantity

_EVENTS = "$events"  # name of the leaf that stands for the number of Poisson events


def resolve_inputs(context: Context) -> tuple[PoissonInput, ...]:
    """All inputs, in the order of the file; errors are collected in the context."""
    found: list[PoissonInput] = []
    for name, model in context.experiment.inputs.items():
        with context.collecting(f"inputs.{name}"):
            try:
                found.append(_KINDS[type(model)](context, name, model))
            except AlreadyReported:
                context.failed.add(f"inputs.{name}")
    return tuple(found)


def _poisson(context: Context, name: str, model: models.PoissonInput) -> PoissonInput:
    path: Path = ("inputs", name)
    g, whose = context.graph, f"input `{name}`"
    view = context.view((*path, "target"), f"the target of {whose}")
    context = with_clock(context, context.populations[view.group])
    word = context.text((*path, "variable"))
    locale = group_scope(context, view, whose, f"inputs.{name}", guarded=True)
    target = locale.targets.get(word.value)
    if target is None or target.stored.kind is not Kind.FLOAT:
        message = f"`{view.group}` has no variable `{word.value}` to add to"
        raise at(word.span(), "NET200", message, did_you_mean(word.value, locale.targets))
    size = context.integer((*path, "size"), f"the number of trains of {whose}", 1)
    chance = _chance(context, (*path, "rate"), whose, locale, view)
    if model.phases is not None:
        from snnrun.resolve.limited import switch  # noqa: PLC0415 - few inputs act in some phases only

        chance = g.mul(chance, switch(context, "inputs", name))
    expr, what = context.expression((*path, "weight")), f"the weight of {whose}"
    weight = context.checker(locale.symbols, what).value(expr, target.stored.dimension, what)
    variable, draw = target.stored.variable, Draw(f"inputs.{name}", "input")
    counts = g.node(Op.VARIABLE, (), Kind.FLOAT, Variable(f"inputs.{name}", _EVENTS))
    if not is_fixed(chance):
        counts = g.node(Op.BINOMIAL, (g.as_float(g.literal(size)), chance), Kind.FLOAT, draw)
    old = g.variable(variable)
    new = g.add(old, g.mul(g.as_float(weight.node), counts))
    if target.guard is not None:
        new = g.select(target.guard, new, old)
    block, span = Block((Assignment(variable, new),)), context.document.span((*path, "rate"))
    return PoissonInput(name, view, variable, size, chance, draw, block, counts, rate_span=span)


def _chance(context: Context, path: Path, whose: str, locale: StatementScope, view: NeuronSubset) -> Node:
    """The probability of an event of one train in a step."""
    what = f"the rate of {whose}"
    typed = context.checker(locale.symbols, what).value(context.expression(path), FREQUENCY, what)
    if context.is_wrong(typed, lambda rate: is_impossible(rate * context.dt)):
        rate, highest = (format_quantity(value, FREQUENCY) for value in (typed.value, 1 / context.dt))
        message = f"{what} is {rate}: it must lie between 0 and 1/dt = {highest}"
        raise context.error("NET132", message, path, advice(typed.value, trains=True))
    refuse_impossible(context, typed.node, view.members, path, whose)
    return context.graph.mul(context.graph.as_float(typed.node), context.graph.constant("dt", context.dt))


_KINDS: Final[dict[type, Callable[[Context, str, Any], Any]]] = {models.PoissonInput: _poisson}
"""What makes an input of the network of each kind in the file."""
