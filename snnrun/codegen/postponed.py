"""What spikes of targets do to weights, as text, where it waits for the next spike of the source."""

from __future__ import annotations

from dataclasses import replace

from snnrun.codegen.arguments import THREAD, THREADS, ArrayUse, CType, IntUse
from snnrun.codegen.emit import Place, Writer, reads, writes
from snnrun.codegen.module import Call, Module
from snnrun.equations.dag import Kind, Op
from snnrun.kernels.postponed import keep_events
from snnrun.model.network import Pathway, Synapses
from snnrun.model.postponed import timed_terms


def catch_up(module: Module, w: Writer, synapses: Synapses, pathway: Pathway, row: tuple[str, str]) -> None:
    """Carry out at the synapses of neuron k what has waited, event by event.

    What depends on the time of an event alone is computed first, for all synapses of the row at once.

    Args:
        module: The kernel.
        w: The function.
        synapses: The object.
        pathway: The pathway that waits.
        row: First synapse of the row, and the one after its last.
    """
    path, graph, leaves = synapses.path, module.network.graph, dict(w.leaves)
    post = w.array("post", ArrayUse.POST.of(path), module.ends(synapses).post)
    room = w.integer("room", IntUse.ROOM.of(path))
    arrived = w.array("arrived", ArrayUse.ARRIVED.of(path), own=True)
    events = w.array("events", ArrayUse.EVENTS.of(path), own=True)
    seen = w.array("seen", ArrayUse.SEEN.of(path), write=True, own=True)
    lists = [
        w.array(name, ArrayUse.LATE.of(path, name), CType.I64, write=True, own=True)
        for name in ("late", "places", "left")
    ]
    listed = ", ".join(lists)
    w.line(f"found = list_late({row[0]}, {row[1]}, {room}, {post}, {arrived}, {seen}, {listed})")
    w.loop("while found > 0:")
    terms = timed_terms(*pathway.block.values) or []
    if terms:
        w.loop("for e in range(found):")
        w.line(f"when = {events}[{lists[1]}[e]]")
        w.leaves[id(graph.node(Op.STEP, (), Kind.INT))] = "when"
        texts = w.evaluate(terms, Place("s", module.ends(synapses), pre="k"))
        for number, (term, text) in enumerate(zip(terms, texts, strict=True)):
            values = w.array(f"term_{number}", ArrayUse.LATE.of(path, f"term_{number}"), w.real, write=True, own=True)
            w.line(f"{values}[e] = {text}")
            w.leaves[id(term)] = f"{values}[e]"
        w.end()
    w.loop("for e in range(found):")
    w.line(f"s = {lists[0]}[e]")
    w.assign(pathway.block.assignments, replace(module.place(path, "s"), pre="k"), module.kinds)
    w.end()
    w.line(f"found = keep_late(found, {room}, {listed})")
    w.end()
    w.leaves = leaves
    w.overrides.clear()


def postpone(module: Module, synapses: Synapses, pathway: Pathway) -> None:
    """Keep the events of a step; before, where there is no room for them, let all synapses catch up.

    Everything catches up where a kernel is called for no steps, so that others see what the synapses are.
    """
    path, owner, source = synapses.path, synapses.pathway_path(pathway), synapses.trigger(pathway)
    _settle(module, synapses, pathway)
    call = module.lines[-1].act
    assert isinstance(call, Call)
    module.settling.append(call)
    values = (
        *(IntUse.N.of(source.group_path), IntUse.DEPTH.of(source.path), THREAD, THREADS),
        *(IntUse.LOW.of(source.group_path), IntUse.DELAY.of(owner), IntUse.ROOM.of(path)),
    )
    lists = [reads(use.of(source.path), own=True) for use in (ArrayUse.SPIKES, ArrayUse.LENGTHS)]
    kept = [writes(use.of(path), own=True) for use in (ArrayUse.ARRIVED, ArrayUse.EVENTS)]
    module.plain(keep_events, values, [*lists, *kept])


def _settle(module: Module, synapses: Synapses, pathway: Pathway) -> None:
    """Let all synapses of the thread catch up, if there is no more room or the step is -1."""
    path, owner, source = synapses.path, synapses.pathway_path(pathway), synapses.trigger(pathway)
    w = module.writer(path)
    low, high = w.range(source.group_path)
    arguments = [
        "step",
        w.integer("n_target", IntUse.N.of(source.group_path)),
        w.integer("depth", IntUse.DEPTH.of(source.path)),
        *(w.integer("thread", THREAD), w.integer("threads", THREADS), low, high),
        *(w.integer("delay", IntUse.DELAY.of(owner)), w.integer("room", IntUse.ROOM.of(path))),
        w.array("spikes", ArrayUse.SPIKES.of(source.path), own=True),
        w.array("lengths", ArrayUse.LENGTHS.of(source.path), own=True),
        w.array("arrived", ArrayUse.ARRIVED.of(path), own=True),
        w.array("settled", ArrayUse.SETTLED.of(path), write=True, own=True),
    ]
    w.loop(f"if is_room_full({', '.join(arguments)}) == False:")
    w.line("return")
    w.end()
    rows = w.array("rows", ArrayUse.ROWS.of(path))
    sources = w.integer("n_source", IntUse.N.of(synapses.source.path))
    w.loop(f"for band in range({w.integer('bands', IntUse.BANDS.of(path))}):")
    w.loop(f"for k in range({sources}):")
    w.line(f"row = band * ({sources} + 1) + k")
    catch_up(module, w, synapses, pathway, (f"{rows}[row]", f"{rows}[row + 1]"))
    module.call("settle", owner, w, divided=True, apart=True)
