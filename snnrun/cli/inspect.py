"""`snnrun show`: what will run."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from snnrun.cli.progress import bytes_text, number_text, time_text
from snnrun.cli.render import put, render
from snnrun.equations.dag import is_fixed
from snnrun.model.evaluate import Environment, evaluate
from snnrun.model.expected import expected_synapses
from snnrun.model.network import (
    SPIKE,
    Event,
    Group,
    GroupKind,
    Network,
    Operation,
    Pathway,
    PoissonInput,
    Slot,
    Synapses,
    adds_the_same,
)
from snnrun.model.order import Actor, actors
from snnrun.running import pipeline
from snnrun.running.stages import Checked


def show_file(file: Path, overrides: Sequence[str], *, resolved: bool, kernel: bool) -> None:
    """Print what will run."""
    document = pipeline.read(file, overrides)
    checked = pipeline.check(document)
    if resolved:
        sys.stdout.write(document.to_yaml())  # the text escapes control codes itself
        return
    if kernel:
        from snnrun.codegen.kernel import generate

        put(generate(checked.resolved.network).text.removesuffix("\n"))
        return
    render(checked.warnings, sys.stderr)
    put("\n".join(_description(checked)))


def _description(checked: Checked) -> Iterator[str]:
    network = checked.resolved.network
    yield f"{network.name}: {time_text(network.steps * network.dt)} at {time_text(network.dt)}, {network.steps:,} steps"
    if checked.experiment.description:
        yield "  " + " ".join(checked.experiment.description.split())
    yield ""
    yield "groups"
    for group in network.groups.values():
        yield from _group(group, network)
    if network.synapses:
        yield ""
        yield "synapses"
        for synapses in network.synapses.values():
            yield from _synapses(synapses, network)
    for poisson in network.inputs:
        into = f"{poisson.target.name}.{poisson.variable.name}"
        phases = checked.experiment.inputs[poisson.name].phases
        when = f", in {', '.join(phases)}" if phases else ""
        yield f"  input {poisson.name}: {poisson.size:,} Poisson trains into {into}{when}"
    yield from _stimuli(network)
    yield ""
    yield "one step"
    yield from _step_order(network)
    yield ""
    if checked.experiment.sweep is not None:
        from snnrun.sweep.plan import plan_sweep

        yield f"sweep: {plan_sweep(checked.resolved.context, checked.experiment.sweep).describe()}"
    from snnrun.codegen.kernel import generate
    from snnrun.engine.memory import expected_memory

    network = pipeline.on_threads(network)
    yield f"memory about {bytes_text(expected_memory(network, generate(network)))}, beside recordings"


def _group(group: Group, network: Network) -> Iterator[str]:
    one, many = {
        GroupKind.NEURONS: ("neuron", "neurons"),
        GroupKind.POISSON: ("Poisson source", "Poisson sources"),
        GroupKind.SPIKES: ("neuron with given spikes", "neurons with given spikes"),
    }[group.kind]
    own = "" if group.every == 1 else f", at {time_text(group.every * network.dt)}"
    yield f"  {group.name}: {group.size:,} {one if group.size == 1 else many}{own}"
    if group.integration is not None:
        names = ", ".join(group.integration.variables)
        yield f"    {names} by {group.integration.method} ({group.integration.reason})"
    if group.kind is GroupKind.POISSON:
        steady = "are steady: intervals between spikes are drawn" if group.intervals else "change: drawn in each step"
        yield f"    rates {steady}"
    hidden = set() if group.intervals is None else {group.intervals.next, group.intervals.silence}
    stored = [f"{s.variable.name} [{s.dimension.symbol}]" for s in group.stored if s.variable not in hidden]
    if stored:
        yield f"    stored: {', '.join(stored)}"
    if group.refractory is not None and group.refractory.steps is not None and is_fixed(group.refractory.steps):
        steps = int(evaluate(group.refractory.steps, Environment(dt=network.dt)))
        yield f"    refractory {time_text(steps * network.dt)}"
    for event in group.events:
        does = ", with statements of its own" if event.block.assignments else ""
        yield f"    event {event.name}: while its condition holds{does}"
    for name, view in group.subgroups.items():
        yield f"    subgroup {name}: {view.size:,} neurons"


def _synapses(synapses: Synapses, network: Network) -> Iterator[str]:
    expected = sum(expected_synapses(rule) or 0 for rule in synapses.connect)
    known = all(expected_synapses(rule) is not None for rule in synapses.connect)
    number = f"about {expected:,.0f} synapses" if known else "a number of synapses that the rules decide"
    yield f"  {synapses.name}: {synapses.source.name} -> {synapses.target.name}, {number}"
    if synapses.integration is not None:
        names = ", ".join(synapses.integration.variables)
        yield f"    {names} by {synapses.integration.method} ({synapses.integration.reason})"
    waiting = None
    if synapses.traces:
        from snnrun.codegen.module import Module

        waiting = Module.of(network).waiting(synapses)
    for pathway in synapses.pathways:
        if not pathway.uniform_delay:
            delay, way = "delay of each synapse", _way(pathway, synapses, network, expected)
        else:
            steps = 0 if pathway.delay is None else int(evaluate(pathway.delay, Environment()))
            delay = f"delay {time_text(steps * network.dt)}"
            way = "lists kept until they arrive" if steps else "delivered in the same step"
            if pathway is waiting:
                way = "carried out when the next spike of the source arrives"
        end = "target" if pathway.post else "source"
        event = "spikes" if pathway.event == SPIKE else f"`{pathway.event}`"
        onward = "" if pathway.dendritic is None else "; what is added to the target follows along the dendrite"
        yield f"    {pathway.name}: on {event} of the {end}, {delay} ({way}){onward}"
    if synapses.of_sources.assignments:
        names = ", ".join(a.variable.name.partition("@")[0] for a in synapses.of_sources.assignments)
        yield f"    {names}: the same for all synapses of a source, kept once a neuron"
    for traces in synapses.traces:
        end = "target" if traces.post else "source"
        yield f"    {', '.join(traces.names)}: the same for all synapses of a {end}, kept once a neuron"


def _way(pathway: Pathway, synapses: Synapses, network: Network, expected: float) -> str:
    """How events with different delays are delivered; their distribution is known when the delays are drawn."""
    from snnrun.codegen.delivery import added_terms
    from snnrun.engine.synapses import RING_BELOW

    if pathway.moving is not None:
        return "operations change it; spikes are listed with their arrival when they are sent"
    if pathway is not synapses.sorting:
        return "looked up in a list sorted by delay"
    if not added_terms(network, synapses, pathway) or not adds_the_same(network, synapses):
        return "looked up in rows sorted by delay"
    each = expected / max(synapses.source.size, 1)
    return (
        "looked up in rows sorted by delay, or summed ahead in a ring where fewer than "
        f"{RING_BELOW} synapses of a source share a delay; about {each:,.0f} a source here"
    )


def _stimuli(network: Network) -> Iterator[str]:
    for array in network.arrays.values():
        shown = array.presentations
        if shown is not None:
            each, pause = (time_text(steps * network.dt) for steps in (int(shown.stops[0]), shown.pause))
            between = f", {pause} between them" if shown.pause else ""
            labels = "" if shown.labels is None else f", {number_text(len(set(shown.labels.tolist())), 'label')}"
            frames = f"{number_text(len(shown.starts), 'frame')} of {number_text(array.values.shape[1], 'value')}"
            yield f"  stimulus {array.name}: {frames}, {each} each{between}{labels}"


def _step_order(network: Network) -> Iterator[str]:
    """What acts in each slot of a step, in order."""
    equations = [f"{s.name} (synapses)" for s in network.synapses.values() if s.update.assignments]
    for slot in Slot:
        names = [f"call {hook.function}" for hook in network.hooks] if slot is Slot.START else []
        for actor in actors(network, slot):
            if isinstance(actor, Group) and slot is Slot.GROUPS:
                names += equations
                equations = []
            names += [_acting(actor, slot)] if _acting(actor, slot) else []
        yield f"  {slot.value:<11}{', '.join(names) if names else '-'}"


def _acting(actor: Actor, slot: Slot) -> str:
    """The name of what acts in a slot; empty for a group that does nothing in it."""
    match actor:
        case Group():
            acts = {
                Slot.GROUPS: bool(actor.update.assignments),
                Slot.THRESHOLDS: actor.threshold is not None or actor.schedule is not None,
                Slot.RESETS: bool(actor.reset.assignments) and actor.intervals is None,
            }
            return actor.name if acts[slot] else ""
        case Event():
            return f"{actor.group}.{actor.name}"
        case tuple():
            synapses, pathway = actor
            return f"{synapses.name}.{pathway.key}"
        case PoissonInput():
            return f"input {actor.name}"
        case Operation():
            return f"operation {actor.name}"
        case _:
            return f"monitor {actor.name}"
