"""Who acts in each slot of a step, in order.

In a slot they act by `order`. Of those with the same order the objects of the model come first, then operations, then
monitors, each in the order of the file. Groups come before custom events, whose conditions and monitors have the order
of their group, as spike monitors have. Monitors of events at synapses record right before the pathway acts.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from snnrun.model.network import (
    Event,
    Group,
    Monitor,
    Network,
    Operation,
    Pathway,
    PoissonInput,
    RateMonitor,
    Slot,
    SpikeMonitor,
    StateMonitor,
    SynapseEventMonitor,
    Synapses,
)

Actor: TypeAlias = Group | Event | tuple[Synapses, Pathway] | PoissonInput | Operation | Monitor
_MODEL, _OPERATION, _MONITOR = range(3)


def actors(network: Network, slot: Slot) -> list[Actor]:
    """Who acts in a slot, in order. Monitors that record after the run are not among them."""
    found: list[tuple[int, int, Actor]] = []
    if slot in (Slot.GROUPS, Slot.THRESHOLDS, Slot.RESETS):
        found += [(group.order, _MODEL, group) for group in network.groups.values()]
    events = [(group, event) for group in network.groups.values() for event in group.events]
    if slot is Slot.THRESHOLDS:
        found += [(group.order, _MODEL, event) for group, event in events]
    if slot is Slot.RESETS:
        found += [(event.order, _MODEL, event) for _, event in events if event.block.assignments]
    if slot is Slot.SYNAPSES:
        for s in network.synapses.values():
            for p in s.pathways:
                found += [(p.order, _MODEL, m) for m in _before(network, s, p)]
                found.append((p.order, _MODEL, (s, p)))
        found += [(i.order, _MODEL, i) for i in network.inputs]
    found += [(o.order, _OPERATION, o) for o in network.operations if o.slot is slot]
    for m in network.monitors:
        match m:
            case RateMonitor() if slot is Slot.END:
                found.append((0, _MODEL, m))
            case SpikeMonitor() if slot is Slot.THRESHOLDS:
                found.append((network.groups[m.source.group].order, _MONITOR, m))
            case StateMonitor() if slot is m.slot:
                found.append((m.order, _MONITOR, m))
            case _:
                pass
    return [actor for _, _, actor in sorted(found, key=lambda entry: entry[:2])]


def _before(network: Network, synapses: Synapses, pathway: Pathway) -> list[SynapseEventMonitor]:
    """The monitors that record what a pathway brings before it acts; once for all its parts."""
    monitors = [m for m in network.monitors if isinstance(m, SynapseEventMonitor) and m.synapses == synapses.name]
    return [m for m in monitors if synapses.parts(*m.pathway)[0] is pathway]


def precedes_groups(slot: Slot, order: int, groups: Iterable[int]) -> bool:
    """Whether what acts in a slot acts before sums, `constant over dt` and all equations of a step.

    Args:
        slot: Where it acts.
        order: Its order.
        groups: The orders of all groups.
    """
    return slot is Slot.START or (slot is Slot.GROUPS and order < min(groups, default=0))


def between_update_and_threshold(network: Network, group: Group) -> list[Operation]:
    """The operations that act after the equations of a group and before its threshold."""
    return [
        o
        for o in network.operations
        if (o.slot is Slot.GROUPS and o.order >= group.order) or (o.slot is Slot.THRESHOLDS and o.order < group.order)
    ]
