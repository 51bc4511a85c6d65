"""Events: the conditions of custom events and the statements that follow; which one a name means."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from snnrun.equations.dag import Node
from snnrun.equations.scope import Elements, Typed
from snnrun.errors import Attempts, did_you_mean
from snnrun.model.network import EMPTY, SPIKE, Event, Pathway, Synapses
from snnrun.resolve.context import Context, Path, Population
from snnrun.resolve.group_names import elements_of, group_scope
from snnrun.resolve.statements import lower_statements
from snnrun.spec import models


def event_names(context: Context, name: str, model: models.NeuronGroup) -> tuple[str, ...]:
    """The events that neurons of a group can have, spikes first.

    Raises:
        ExperimentError: NET116 for an event that takes the name of spikes.
    """
    if SPIKE in (model.events or {}):
        message = f"`{SPIKE}` is the event that the `threshold` of `{name}` decides"
        raise context.key_error("NET116", message, ("groups", name, "events", SPIKE), "give this event another name")
    return (*((SPIKE,) if model.threshold is not None else ()), *(model.events or {}))


def resolve_events(
    context: Context,
    population: Population,
    model: models.NeuronGroup,
    symbols: Mapping[str, Typed],
    missing: Any,
    attempts: Attempts,
) -> tuple[Event, ...]:
    """The events of one group, in the order of the file.

    Args:
        context: The resolution.
        population: The group.
        model: What the file says of it.
        symbols: Names that its expressions know.
        missing: Says why a name is not known, see `Context.scope`.
        attempts: Collects the errors of the events.
    """
    found = []
    for name, form in (model.events or {}).items():
        stream = f"{population.path}.events.{name}"
        path: Path = ("groups", population.name, "events", name)
        place = f"event `{name}` of `{population.name}`"
        at = (*path, "condition") if isinstance(form, models.Event) else path
        elements = elements_of(context, population.view)
        condition = attempts.attempt(partial(_condition, context, at, symbols, place, stream, missing, elements))
        block, order = EMPTY, 0
        if isinstance(form, models.Event) and form.do is not None:
            # As a reset, they write to refractory neurons too.
            locale = group_scope(context, population.view, f"`do` of {place}", f"{stream}.do", guarded=False)
            lower = partial(lower_statements, context, context.text((*path, "do")), locale)
            block, order = attempts.attempt(lower) or EMPTY, form.order
        if condition is not None:
            found.append(Event(name, population.name, condition, block, order))
    return tuple(found)


def _condition(
    context: Context,
    path: Path,
    symbols: Mapping[str, Typed],
    place: str,
    stream: str,
    missing: Any,
    elements: Elements,
) -> Node:
    options = {"draw": context.draws(stream, "noise"), "missing": missing, "elements": elements}
    checker = context.checker(symbols, place, **options)
    return checker.condition(context.expression(path), "the condition of an event").node


def known_event(context: Context, population: Population, path: Path) -> str:
    """The event that a pathway or a monitor names.

    Raises:
        ExperimentError: NET115 when the group has no such event.
    """
    name = context.text(path).value.strip()
    if name == SPIKE or name in population.events:
        return name
    known = ", ".join(f"`{event}`" for event in population.events)
    advice = did_you_mean(name, population.events) or (f"its events are: {known}" if known else None)
    raise context.error("NET115", f"`{population.name}` has no event `{name}`", path, advice)


def known_pathway(context: Context, synapses: Synapses, path: Path) -> Pathway:
    """The pathway that a monitor names: `on_pre`, `on_pre.x`, or `x` where one side alone has it.

    Raises:
        ExperimentError: NET115 when there is none, or there are several.
    """
    name = context.text(path).value.strip()
    pathways = synapses.pathways
    fit = [p for p in pathways if p.key == name] or [p for p in pathways if p.name == name]
    if len(fit) == 1:
        return fit[0]
    several = fit or [p for p in pathways if name == ("on_post" if p.post else "on_pre")]
    if not several and context.document.has(("synapses", synapses.name, *name.split("."))):
        message = f"`{name}` of `{synapses.name}` never acts: its group never spikes"
        raise context.error("NET115", message, path, "add `threshold:` to the group")
    known = ", ".join(f"`{p.key}`" for p in several or pathways)
    advice = None if several else did_you_mean(name, [p.key for p in pathways])
    message = f"`{synapses.name}` has {'several pathways' if several else 'no pathway'} `{name}`"
    raise context.error("NET115", message, path, advice or (f"its pathways are: {known}" if known else None))
