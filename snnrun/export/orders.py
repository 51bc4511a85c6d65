"""Orders of what acts in a step, where Brian2 would go by the names of objects and not by their place in the file."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import groupby
from typing import TypeAlias

from snnrun.model.network import (
    Event,
    Group,
    GroupKind,
    Network,
    Operation,
    PoissonInput,
    RateMonitor,
    Slot,
    StateMonitor,
)
from snnrun.model.order import Actor, actors

Key: TypeAlias = tuple[str, str, str, str]
"""Who acts: slot, section, name, and of an object that acts in several ways which one."""


def orders(
    network: Network, names: Mapping[tuple[str, str], str], reads: Mapping[str, Collection[str]]
) -> dict[Key, int]:
    """The orders that have to be given so that Brian2 keeps the sequence of `model/order.py`.

    Args:
        network: The network.
        names: Names of Brian2's objects by section and name.
        reads: The groups that each group reads through linked variables.
    """
    found: dict[Key, int] = {}
    for slot in Slot:
        entries = [
            entry for actor in _sequence(network, slot, reads) if (entry := _entry(actor, slot, names)) is not None
        ]
        if all(key[1] == "groups" and not key[3] for key, _, _ in entries) and not reads:
            continue  # nobody sees in which sequence they act
        last: tuple[int, str] | None = None
        for key, given, name in entries:
            order = given
            if last is not None and (order, name) < last:
                order = last[0] + (name < last[1])
            last = (order, name)
            if order != given:
                found[key] = order
    return found


def _sequence(network: Network, slot: Slot, reads: Mapping[str, Collection[str]]) -> list[Actor]:
    """Who acts in a slot, in order. Of groups that act together those are first that read variables of the others."""
    found: list[Actor] = []
    for (kind, _), together in groupby(actors(network, slot), lambda a: (type(a), getattr(a, "order", 0))):
        if kind is not Group:
            found += together
            continue
        waiting = {group.name: group for group in together if isinstance(group, Group)}
        while waiting:
            read = {source for name in waiting for source in reads.get(name, ()) if source != name}
            free = sorted(waiting.keys() - read) or sorted(waiting)
            found += [waiting.pop(name) for name in free]
    return found


def _entry(actor: Actor, slot: Slot, names: Mapping[tuple[str, str], str]) -> tuple[Key, int, str] | None:
    """Key of who acts, its order, and by which name Brian2 sorts it; None where Brian2 has nothing in this slot."""
    match actor:
        case Group(name=name, order=order):
            what = _updater(actor, slot)
            return ((slot.value, "groups", name, ""), order, f"{names['groups', name]}_{what}") if what else None
        case Event(group=group, name=name, order=order) if slot is Slot.RESETS:
            return (slot.value, "groups", group, name), order, f"{names['groups', group]}_{name}_resetter"
        case (synapses, pathway) if not pathway.since:
            key = pathway.key.partition("@")[0]
            name = f"{names['synapses', synapses.name]}_{key.partition('.')[2] or key.removeprefix('on_')}"
            return (slot.value, "synapses", synapses.name, key), pathway.order, name
        case PoissonInput(name=name, order=order):
            return (slot.value, "inputs", name, ""), order, "poissoninput"  # it takes no name
        case Operation(name=name, order=order):
            return (slot.value, "operations", name, ""), order, names["operations", name]
        case StateMonitor(name=name, order=order):
            return (slot.value, "monitors", name, ""), order, names["monitors", name]
        case RateMonitor(name=name):
            return (slot.value, "monitors", name, ""), 0, names["monitors", name]
    return None


def _updater(group: Group, slot: Slot) -> str:
    """The object of Brian2 that acts for a group in a slot; empty where it has none."""
    if group.kind is not GroupKind.NEURONS:
        return ""
    if slot is Slot.GROUPS:
        return "stateupdater"
    if slot is Slot.THRESHOLDS:
        return "spike_thresholder" if group.threshold is not None else ""
    return "spike_resetter" if group.reset.assignments else ""
