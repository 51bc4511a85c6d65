"""What records, as text: statements that write into the buffers of monitors, never past their ends.

`KINDS` has a line for each kind of monitor; the buffers are in `engine/monitors.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from snnrun.codegen.arguments import REALS, THREADS, ArrayUse, CType, IntUse, IntValue
from snnrun.codegen.delivery import delayed_loop, return_outside
from snnrun.codegen.emit import Access, Place, Writer, reads, writes
from snnrun.codegen.module import Module, event_loop, listed
from snnrun.codegen.moving import list_sent, moving_loop, moving_pathways, recorded_moving
from snnrun.codegen.reductions import reduce_here
from snnrun.equations.dag import Kind, Node
from snnrun.kernels import recording
from snnrun.model.network import Monitor, RateMonitor, SpikeMonitor, StateMonitor, SynapseEventMonitor


@dataclass(frozen=True, slots=True)
class MonitorKind:
    """What a kernel does for a kind of monitor.

    Args:
        write: Adds its lines to a step; `model/order.py` says where in the step.
        most: Whose number of elements is the most that one step may record, where the kernel must end before its
            buffer is full; else None.
    """

    write: Callable[[Module, Any], None]
    most: Callable[[Any], str | None] = lambda _monitor: None


def record(module: Module, monitor: Monitor) -> None:
    """Add the lines of a monitor to a step."""
    KINDS[type(monitor)].write(module, monitor)


def guard(module: Module) -> None:
    """Stop before a step in which a buffer of events, or a list of those on their way, could overflow.

    All threads look at the same number: how many events there were a step ago, so that none waits for the last step's.
    """
    guarded: dict[str, str] = {}
    for monitor in module.network.monitors:
        most = KINDS[type(monitor)].most(monitor) if type(monitor) in KINDS else None
        if most is not None:
            guarded[f"monitors.{monitor.name}"] = most
    guarded |= {s.pathway_path(pathway): s.path for s, pathway in moving_pathways(module.network)}
    waiting = {f"monitors.{monitor.name}": owner for monitor, owner in recorded_moving(module.network)}
    for owner, most in guarded.items():
        values = (IntUse.N.of(most), IntUse.CAPACITY.of(owner))
        rooms = [reads(ArrayUse.ROOM.of(owner))]
        if owner in waiting:  # all that is on its way may arrive in one step
            rooms.insert(0, reads(ArrayUse.ROOM.of(waiting[owner])))
        module.plain(recording.may_fill if owner in waiting else recording.is_full, values, rooms, ends=True)
    for owner in guarded:
        accesses = [reads(ArrayUse.COUNT.of(owner)), writes(ArrayUse.ROOM.of(owner))]
        module.plain(recording.keep_count, (), accesses, divided=False)


def _record_spikes(module: Module, monitor: SpikeMonitor) -> None:
    owner = f"monitors.{monitor.name}"
    path = f"groups.{monitor.source.group}"
    if monitor.condition is not None:
        _record_events(module, monitor, monitor.condition)
        return
    if monitor.source.whole and not monitor.columns:
        function: Callable[..., None] = recording.count_spikes
        written = [writes(ArrayUse.COUNTS.of(owner))]
        if not monitor.counts_only:
            function = recording.record_spikes
            columns = [writes(ArrayUse.RECORD.of(owner, name), CType.I64) for name in ("step", "id")]
            written += [writes(ArrayUse.COUNT.of(owner)), *columns]
        _recorded(module, monitor, function, [reads(ArrayUse.BOUNDS.of(path)), *listed(monitor.events), *written])
        return
    w = module.writer(path)
    _in_window(w, monitor.window.start, monitor.window.stop)
    reduce_here(module, w, *(c.node for c in monitor.columns))
    event_loop(w, monitor.events)
    if not monitor.source.whole:
        member = w.array("member", ArrayUse.MEMBER.of(owner))
        w.loop(f"if {member}[k] != 0:")
    _record_neuron(w, monitor)
    module.call("record_spikes", owner, w, divided=False)


def _record_events(module: Module, monitor: SpikeMonitor, condition: Node) -> None:
    """Record the neurons of which a condition holds that did not hold in the step before, in the window or not."""
    owner, path = f"monitors.{monitor.name}", f"groups.{monitor.source.group}"
    w = module.writer(path)
    held = w.array("held", ArrayUse.KEPT.of(path, monitor.name), CType.U8, write=True)
    member = w.array("member", ArrayUse.MEMBER.of(owner))
    first, last = w.integer("window_start", monitor.window.start), w.integer("window_stop", monitor.window.stop)
    reduce_here(module, w, condition, *(c.node for c in monitor.columns))
    w.loop(f"for k in range({w.integer('n', IntUse.N.of(path))}):")
    (holds,) = w.evaluate([condition], Place("k"))
    now, before = w.temporary("now"), w.temporary("before")
    w.line(f"{now} = select({holds}, 1, 0)")
    w.line(f"{before} = int({held}[k])")
    w.line(f"{held}[k] = {now}")
    w.loop(f"if {now} > {before} and step >= {first} and step < {last} and int({member}[k]) != 0:")
    _record_neuron(w, monitor)
    module.call("record_events", owner, w, divided=False)


def _record_neuron(w: Writer, monitor: SpikeMonitor) -> None:
    """Record neuron k in this step."""
    w.line(f"{w.array('counts', ArrayUse.COUNTS.of(f'monitors.{monitor.name}'), write=True)}[k] += 1")
    if not monitor.counts_only:
        _record_one(w, monitor, "k", Place("k"))


def _record_one(w: Writer, monitor: SpikeMonitor | SynapseEventMonitor, number: str, place: Place) -> None:
    """Record the event of an element in this step, by its number, with the values at its place."""
    owner = f"monitors.{monitor.name}"
    count = w.array("count", ArrayUse.COUNT.of(owner), write=True)
    w.line(f"at = {count}[0]")
    w.line(f"{w.array('out_step', ArrayUse.RECORD.of(owner, 'step'), CType.I64)}[at] = step")
    w.line(f"{w.array('out_id', ArrayUse.RECORD.of(owner, 'id'), CType.I64)}[at] = {number}")
    texts = w.evaluate([c.node for c in monitor.columns], place)
    for k, (column, text) in enumerate(zip(monitor.columns, texts, strict=True)):
        buffer = w.array(f"out{k}", ArrayUse.RECORD.of(owner, "." + column.name))
        w.line(f"{buffer}[at] = {_as_float(text, column.node)}")
    w.line(f"{count}[0] = at + 1")


def _record_arrivals(module: Module, monitor: SynapseEventMonitor) -> None:
    """Record synapses at which an event arrives now: oldest events first, then by neuron, then as created."""
    owner, synapses = f"monitors.{monitor.name}", module.network.synapses[monitor.synapses]
    for pathway in synapses.parts(*monitor.pathway):
        w = module.writer(synapses.path)
        _in_window(w, monitor.window.start, monitor.window.stop)
        if pathway.moving is not None:
            list_sent(module, synapses, pathway)
            moving_loop(w, synapses.pathway_path(pathway))
            w.loop(f"if int({w.array('member', ArrayUse.MEMBER.of(owner))}[s]) != 0:")
            _record_arrival(module, w, monitor)
            continue
        starts = w.array("starts", ArrayUse.COLUMNS.of(owner, pathway.key))
        order = w.array("order", ArrayUse.DELAY_ORDER.of(owner, pathway.key))
        path, source = synapses.pathway_path(pathway), synapses.trigger(pathway)
        if pathway.uniform_delay:
            return_outside(w, path, pathway)
            event_loop(w, source, IntUse.DELAY.of(path))
            w.loop(f"for m in range({starts}[k], {starts}[k + 1]):")
        else:
            delays = w.array("delays", ArrayUse.DELAYS.of(owner, pathway.key))
            delayed_loop(w, source, path, starts, delays, part=pathway.is_part, mine=False)
        w.line(f"s = {order}[m]")
        _record_arrival(module, w, monitor)


def _record_arrival(module: Module, w: Writer, monitor: SynapseEventMonitor) -> None:
    """Record the event that arrives at synapse s, and end the function."""
    owner, path = f"monitors.{monitor.name}", f"synapses.{monitor.synapses}"
    w.line(f"{w.array('counts', ArrayUse.COUNTS.of(owner), write=True)}[0] += 1")
    number = f"{w.array('created', ArrayUse.CREATED.of(path))}[s]"
    _record_one(w, monitor, number, module.place(path, "s"))
    module.call("record_arrivals", owner, w, divided=False)


def _count_rate(module: Module, monitor: RateMonitor) -> None:
    owner = f"monitors.{monitor.name}"
    path = f"groups.{monitor.source.group}"
    if monitor.source.whole:
        written = [writes(ArrayUse.COUNT.of(owner)), writes(ArrayUse.RECORD.of(owner, "number"), CType.I64)]
        _recorded(module, monitor, recording.record_rate, [reads(ArrayUse.LENGTHS.of(monitor.events.path)), *written])
        return
    w = module.writer(path)
    _in_window(w, monitor.window.start, monitor.window.stop)
    count = w.array("count", ArrayUse.COUNT.of(owner), write=True)
    out = w.array("out", ArrayUse.RECORD.of(owner, "number"), CType.I64)
    w.line("found = 0")
    event_loop(w, monitor.events)
    w.line(f"found += int({w.array('member', ArrayUse.MEMBER.of(owner))}[k])")
    w.depth = 1
    w.line(f"{out}[{count}[0]] = found")
    w.line(f"{count}[0] += 1")
    module.call("count_rate", owner, w, divided=False)


def _sample(module: Module, monitor: StateMonitor) -> None:
    owner = f"monitors.{monitor.name}"
    w = module.writer(monitor.source)
    _in_window(w, monitor.window.start, monitor.window.stop)
    every = w.integer("every", monitor.every)
    w.loop(f"if step % {every} != 0:")
    w.line("return")
    w.end()
    count = w.array("count", ArrayUse.COUNT.of(owner), write=True)
    ids = w.array("ids", ArrayUse.IDS.of(owner))
    n = w.integer("n_elements", IntUse.N.of(owner))
    reduce_here(module, w, *(c.node for c in monitor.columns))
    w.line(f"base = {count}[0] * {n}")
    w.loop(f"for e in range({n}):")
    w.line(f"k = {ids}[e]")
    place = module.place(monitor.source, "k")
    for number, text in enumerate(w.evaluate([c.node for c in monitor.columns], place)):
        key = ArrayUse.RECORD.of(owner, monitor.columns[number].name)
        buffer = w.array(f"out{number}", key, REALS[monitor.precision])
        w.line(f"{buffer}[base + e] = {_as_float(text, monitor.columns[number].node)}")
    w.end()
    w.line(f"{count}[0] += 1")
    module.call("sample", owner, w, divided=False)


def _as_float(text: str, node: Node) -> str:
    if node.kind is Kind.FLOAT:
        return text
    return f"float({text})" if node.kind is Kind.INT else f"select({text}, 1.0, 0.0)"


def _in_window(w: Writer, start: IntValue, stop: IntValue) -> None:
    first, last = w.integer("window_start", start), w.integer("window_stop", stop)
    w.loop(f"if step < {first} or step >= {last}:")
    w.line("return")
    w.end()


def _recorded(
    module: Module, monitor: SpikeMonitor | RateMonitor, function: Callable[..., None], accesses: list[Access]
) -> None:
    """A call of a function of `snnrun.kernels.recording`."""
    events = monitor.events
    values: tuple[IntValue, ...] = (monitor.window.start, monitor.window.stop)
    values += () if isinstance(monitor, RateMonitor) else (IntUse.N.of(events.group_path),)
    values += (IntUse.DEPTH.of(events.path), THREADS)
    module.plain(function, values, accesses, divided=False, about=f"monitors.{monitor.name}")


KINDS: dict[type, MonitorKind] = {
    SpikeMonitor: MonitorKind(_record_spikes, lambda m: None if m.counts_only else m.events.group_path),
    SynapseEventMonitor: MonitorKind(_record_arrivals, lambda m: f"monitors.{m.name}"),
    StateMonitor: MonitorKind(_sample),
    RateMonitor: MonitorKind(_count_rate),
}
"""The kinds of monitors that record during a run; the others are stored at its end."""
