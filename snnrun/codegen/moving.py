"""Pathways whose delays change during a run, as text: each spike takes the delay that counts when it is sent.

What is on its way is in lists of each pathway. `codegen/monitors.py` ends a call of the kernel before one could
overflow; the engine then makes it longer.
"""

from __future__ import annotations

from snnrun.codegen.arguments import ArrayUse, IntUse
from snnrun.codegen.emit import Writer
from snnrun.codegen.lost import lost
from snnrun.codegen.module import Module, event_loop
from snnrun.equations.dag import Kind
from snnrun.model.network import LONGEST_DELAY, Network, Pathway, SynapseEventMonitor, Synapses


def moving_pathways(network: Network) -> list[tuple[Synapses, Pathway]]:
    """The pathways whose delays operations change."""
    return [(s, p) for s in network.synapses.values() for p in s.pathways if p.moving is not None]


def recorded_moving(network: Network) -> list[tuple[SynapseEventMonitor, str]]:
    """Monitors of events that such a pathway brings, each with the path of the pathway."""
    pathways = {(s.name, p.name, p.post): s.pathway_path(p) for s, p in moving_pathways(network)}
    monitors = [m for m in network.monitors if isinstance(m, SynapseEventMonitor)]
    found = [(m, pathways.get((m.synapses, *m.pathway))) for m in monitors]
    return [(m, path) for m, path in found if path is not None]


def list_sent(module: Module, synapses: Synapses, pathway: Pathway) -> None:
    """List what events of this step will bring, and when; once in a step."""
    owner, delay = synapses.pathway_path(pathway), pathway.moving
    assert delay is not None
    if owner in module.sent:
        return
    module.sent.add(owner)
    w = module.writer(synapses.path)
    rows = w.array("rows", (ArrayUse.COLUMNS if pathway.post else ArrayUse.ROWS).of(synapses.path))
    delays = w.variable_array(delay, Kind.INT)
    arrivals, waiting, count = _lists(w, owner)
    w.line(f"number = {count}[0]")
    event_loop(w, synapses.trigger(pathway))
    w.loop(f"for m in range({rows}[k], {rows}[k + 1]):")
    order = f"{w.array('column_order', ArrayUse.COLUMN_ORDER.of(synapses.path))}[m]" if pathway.post else "m"
    w.line(f"s = {order}")
    w.line(f"late = {delays}[s]")
    w.loop(f"if late < 0 or late > {w.integer('most', LONGEST_DELAY)}:")
    w.note("s", w.integer("variable", IntUse.WATCHED.of(f"{delay.owner}.{delay.name}")), "float(late)")
    w.end()
    w.line(f"{arrivals}[number] = step + late")
    w.line(f"{waiting}[number] = s")
    w.line("number += 1")
    w.depth = 1
    w.line(f"{count}[0] = number")
    module.call("send", owner, w, divided=False)


def _lists(w: Writer, owner: str) -> tuple[str, str, str]:
    """The names of the lists of what is on its way: when it arrives, at which synapse; and how much there is."""
    uses = (ArrayUse.ARRIVALS, ArrayUse.WAITING, ArrayUse.COUNT)
    arrivals, waiting, count = (w.array(use.name.lower(), use.of(owner), write=True) for use in uses)
    return arrivals, waiting, count


def moving_loop(w: Writer, owner: str) -> None:
    """Loop over the synapses s at which an event arrives now: oldest events first, then by neuron."""
    arrivals, waiting, count = _lists(w, owner)
    w.loop(f"for e in range({count}[0]):")
    w.line(f"s = {waiting}[e]")
    w.loop(f"if {arrivals}[e] <= step:")


def deliver_moving(module: Module, synapses: Synapses, pathway: Pathway) -> None:
    """Carry out what arrives: oldest spikes first, then by neuron."""
    list_sent(module, synapses, pathway)
    owner, block = synapses.pathway_path(pathway), pathway.block
    w = module.writer(synapses.path)
    arrivals, waiting, count = _lists(w, owner)
    w.line("kept = 0")
    w.loop(f"for e in range({count}[0]):")
    w.line(f"s = {waiting}[e]")
    w.loop(f"if {arrivals}[e] > step:")
    w.line(f"{arrivals}[kept] = {arrivals}[e]")
    w.line(f"{waiting}[kept] = s")
    w.line("kept += 1")
    w.end()
    w.loop("else:")
    w.assign(block.assignments, module.place(synapses.path, "s"), module.kinds, lost(block, module.clipped))
    w.depth = 1
    w.line(f"{count}[0] = kept")
    module.call("deliver", owner, w, divided=False)
