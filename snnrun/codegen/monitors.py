"""What records, as text: statements that write into the buffers of monitors, never past their ends.

`KINDS` has a line for each kind of monitor; the buffers are in `engine/monitors.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from snnrun.codegen.arguments import THREADS, ArrayUse, CType, IntUse, IntValue
from snnrun.codegen.emit import Access, Place, Writer, reads, writes
from snnrun.codegen.module import Module, event_loop, listed
from snnrun.codegen.reductions import reduce_here
from snnrun.equations.dag import Kind, Node
from snnrun.kernels import recording
from snnrun.model.network import Monitor, RateMonitor, SpikeMonitor, StateMonitor


@dataclass(frozen=True, slots=True)
class MonitorKind:
    """What a kernel does for a kind of monitor.

    Args:
        write: Adds its lines to a step; `model/order.py` says where in the step.
        guarded: Whether one step may record so much that the kernel must end before its buffer is full.
    """

    write: Callable[[Module, Any], None]
    guarded: Callable[[Any], bool] = lambda _monitor: False


def record(module: Module, monitor: Monitor) -> None:
    """Add the lines of a monitor to a step."""
    KINDS[type(monitor)].write(module, monitor)


def guard(module: Module) -> None:
    """Stop before a step in which a buffer of spikes could overflow.

    All threads look at the same number: how many spikes there were a step ago, so that none waits for the last step's.
    """
    kinds = ((KINDS.get(type(monitor)), monitor) for monitor in module.network.monitors)
    monitors: list[Any] = [monitor for kind, monitor in kinds if kind is not None and kind.guarded(monitor)]
    for monitor in monitors:
        owner = f"monitors.{monitor.name}"
        values = (IntUse.N.of(f"groups.{monitor.source.group}"), IntUse.CAPACITY.of(owner))
        module.plain(recording.is_full, values, [reads(ArrayUse.ROOM.of(owner))], ends=True)
    for monitor in monitors:
        owner = f"monitors.{monitor.name}"
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
    _record_one(w, monitor)
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
    _record_one(w, monitor)
    module.call("record_events", owner, w, divided=False)


def _record_one(w: Writer, monitor: SpikeMonitor) -> None:
    """Record neuron k in this step."""
    owner = f"monitors.{monitor.name}"
    w.line(f"{w.array('counts', ArrayUse.COUNTS.of(owner), write=True)}[k] += 1")
    if monitor.counts_only:
        return
    count = w.array("count", ArrayUse.COUNT.of(owner), write=True)
    w.line(f"at = {count}[0]")
    w.line(f"{w.array('out_step', ArrayUse.RECORD.of(owner, 'step'), CType.I64)}[at] = step")
    w.line(f"{w.array('out_id', ArrayUse.RECORD.of(owner, 'id'), CType.I64)}[at] = k")
    texts = w.evaluate([c.node for c in monitor.columns], Place("k"))
    for number, (column, text) in enumerate(zip(monitor.columns, texts, strict=True)):
        buffer = w.array(f"out{number}", ArrayUse.RECORD.of(owner, "." + column.name))
        w.line(f"{buffer}[at] = {_as_float(text, column.node)}")
    w.line(f"{count}[0] = at + 1")


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
        buffer = w.array(f"out{number}", ArrayUse.RECORD.of(owner, monitor.columns[number].name))
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
    SpikeMonitor: MonitorKind(_record_spikes, guarded=lambda monitor: not monitor.counts_only),
    StateMonitor: MonitorKind(_sample),
    RateMonitor: MonitorKind(_count_rate),
}
"""The kinds of monitors that record during a run; the others are stored at its end."""
