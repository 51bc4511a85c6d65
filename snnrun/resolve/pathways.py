"""Pathways of synapses: the statements that act at a synapse on events of its source or target, such as spikes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from snnrun.equations.dag import Node, Variable, is_fixed
from snnrun.errors import Attempts
from snnrun.model.carried import NotCarriedError, carried
from snnrun.model.network import SPIKE, Block, Pathway
from snnrun.resolve.clocks import with_clock
from snnrun.resolve.context import Context, Path, population_of
from snnrun.resolve.delays import has_parts, read_delay, rules_with_delays
from snnrun.resolve.events import known_event
from snnrun.resolve.statements import StatementScope, lower_statements
from snnrun.resolve.synapse_names import SynapseScope, why_unknown
from snnrun.spec.nodes import MapNode

_PARTS = ("axonal", "dendritic")


def resolve_pathways(
    context: Context, scope: SynapseScope, elapsed: Mapping[Variable, Node], attempts: Attempts
) -> tuple[Pathway, ...]:
    """The pathways of one synapses object, those of `on_pre` first.

    Args:
        context: The resolution.
        scope: Names as the synapses see them.
        elapsed: Values that event-driven variables have when a pathway acts.
        attempts: Collects the errors of the pathways.
    """
    found: list[Pathway] = []
    for key, view in (("on_pre", scope.source), ("on_post", scope.target)):
        path = (*scope.path, key)
        if not context.document.has(path):
            continue
        population = population_of(context, view)
        if population.section == "synapses":
            message = f"`{key}` never acts: `{population.name}` are synapses, which have no events of their own"
            help = "couple them by a variable: `x_post = ... : 1 (summed)`, or clock-driven equations"
            raise context.key_error("NET177", message, path, help)
        for name, place in _places(context, path):
            pathway = attempts.attempt(partial(_pathway, context, scope, elapsed, name, place, post=key == "on_post"))
            if pathway is not None and pathway.event in population.events:
                found.append(pathway)
            elif pathway is not None:
                context.report.warn(
                    "NET173",
                    f"`{name}` never acts: `{population.name}` has no threshold, so it never spikes",
                    context.document.key_span(place),
                    "add `threshold:` to the group",
                )
    return tuple(found)


def _places(context: Context, path: Path) -> list[tuple[str, Path]]:
    """The pathways of `on_pre` or `on_post` by name, and where they stand: one has the name of its key."""
    node = context.document.node(path)
    if not isinstance(node, MapNode) or "do" in node.entries:
        return [(str(path[-1]), path)]
    return [(name, (*path, name)) for name in node.entries]


def _pathway(
    context: Context, scope: SynapseScope, elapsed: Mapping[Variable, Node], name: str, path: Path, *, post: bool
) -> Pathway:
    document = context.document
    keys = {key: (*path, key) for key in document.keys(path)}  # none when it is a text
    group = population_of(context, scope.target if post else scope.source)
    event = known_event(context, group, keys["event"]) if "event" in keys else SPIKE
    locale = StatementScope(
        scope.symbols,
        scope.targets,
        f"`{name}` of synapses `{scope.name}`",
        {"draw": context.draws(f"{scope.owner}.{name}", "noise"), "missing": partial(why_unknown, context, scope.name)},
        lambda name: f"`{name}` cannot be assigned here" if name in scope.symbols else None,
    )
    block = lower_statements(context, context.text(keys.get("do", path)), locale, elapsed)
    delay_path = keys.get("delay")
    if delay_path is None and not post and document.has((*scope.path, "delay")):
        delay_path = (*scope.path, "delay")
    sender = with_clock(context, population_of(context, scope.target if post else scope.source))
    delay, dendritic = _delays(sender, scope, delay_path, post=post)
    if dendritic is not None:
        _must_be_carried(context, block, keys.get("do", path), keys.get("delay"))
    order = 1 if post else -1
    if "order" in keys:
        order = context.integer(keys["order"], "`order`", -(2**30))
    own_delays = not post and any(rules_with_delays(document.node((*scope.path, "connect"))))
    uniform = (delay is None or is_fixed(delay)) and not own_delays
    span = document.span(delay_path or path)
    return Pathway(name, post, block, delay, uniform, order, span, event=event, dendritic=dendritic)


def _delays(context: Context, scope: SynapseScope, path: Path | None, *, post: bool) -> tuple[Node | None, Node | None]:
    """The delay from the event to the synapse, and that from there to the target; None for one that is not given.

    Raises:
        ExperimentError: NET178, parts of a delay where there can be none.
    """
    whole: Path = (*scope.path, "delay")
    read = partial(read_delay, context, symbols=scope.symbols, owner=scope.owner, name=scope.name)
    if path is None and post and any(context.document.has((*whole, key)) for key in _PARTS):
        back = (*whole, "dendritic")
        return read(back) if context.document.has(back) else None, None
    if path is None or not has_parts(context.document.find(path)):
        return None if path is None else read(path), None
    if post:
        message = "a spike of the target reaches the synapse after one delay: it has no parts"
        raise context.error("NET178", message, path, "write a time; absent: the dendritic part of `delay` above")
    if scope.target.section != "groups":
        message = f"`{scope.target.name}` are synapses: there is no dendrite between them and these"
        raise context.error("NET178", message, path, "write one delay")
    if any(rules_with_delays(context.document.node((*scope.path, "connect")))):
        message = "a rule of `connect` gives its synapses another delay, which has no parts"
        raise context.error("NET178", message, path, "write one delay here, or none in the rules")
    axonal, dendritic = ((*path, key) if context.document.has((*path, key)) else None for key in _PARTS)
    return None if axonal is None else read(axonal), None if dendritic is None else read(dendritic)


def _must_be_carried(context: Context, block: Block, do: Path, own: Path | None) -> None:
    """Refuse statements that do more to the target than add to it, and a part of a delay that acts on nothing.

    Raises:
        ExperimentError: NET178.
    """
    try:
        _, sent = carried(context.graph, block)
    except NotCarriedError as error:
        name = error.variable.name
        message = f"with a dendritic delay statements can only add to `{name}` of the target, and cannot read it"
        advice = f"write `{name}_post += ...`, with values of the synapse"
        raise context.error("NET178", message, do, advice) from None
    if not sent and own is not None:
        message = "nothing is added to variables of the target: the dendritic part does nothing"
        raise context.error("NET178", message, own, "leave it out")
