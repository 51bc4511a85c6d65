"""Pathways whose delays change during a run, as text: each spike takes the delay that counts when it is sent."""

from __future__ import annotations

from snnrun.codegen.arguments import ArrayUse, IntUse
from snnrun.codegen.emit import reads, writes
from snnrun.codegen.lost import lost
from snnrun.codegen.module import Module, event_loop
from snnrun.equations.dag import Kind, Variable
from snnrun.kernels import recording
from snnrun.model.network import LONGEST_DELAY, Network, Pathway, Synapses


def moving_pathways(network: Network) -> list[tuple[Synapses, Pathway]]:
    """The pathways whose delays operations change."""
    return [(s, p) for s in network.synapses.values() for p in s.pathways if p.moving is not None]


def guard_lists(module: Module) -> None:
    """Stop before a step in which a list of spikes on their way could overflow; the engine then makes it longer."""
    found = [(s.path, s.pathway_path(p)) for s, p in moving_pathways(module.network)]
    for path, owner in found:
        values = (IntUse.N.of(path), IntUse.CAPACITY.of(owner))
        module.plain(recording.is_full, values, [reads(ArrayUse.ROOM.of(owner))], ends=True)
    for _, owner in found:
        accesses = [reads(ArrayUse.COUNT.of(owner)), writes(ArrayUse.ROOM.of(owner))]
        module.plain(recording.keep_count, (), accesses, divided=False)


def deliver_moving(module: Module, synapses: Synapses, pathway: Pathway, delay: Variable) -> None:
    """List what spikes of this step will bring, and carry out what arrives: oldest spikes first, then by neuron."""
    owner, block = synapses.pathway_path(pathway), pathway.block
    w = module.writer(synapses.path)
    rows = w.array("rows", (ArrayUse.COLUMNS if pathway.post else ArrayUse.ROWS).of(synapses.path))
    delays = w.variable_array(delay, Kind.INT)
    arrivals, waiting, count = (
        w.array(use.name.lower(), use.of(owner), write=True)
        for use in (ArrayUse.ARRIVALS, ArrayUse.WAITING, ArrayUse.COUNT)
    )
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
    w.line("kept = 0")
    w.loop("for e in range(number):")
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
