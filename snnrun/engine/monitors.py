"""What the engine does for each kind of monitor: buffers, their size, when to empty them, and where the data go.

A buffer holds what a kernel records between two calls, never more than a run can record. `KINDS` has a line for each
kind of monitor; the statements that write into the buffers are in `codegen/monitors.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from snnrun.codegen.arguments import REALS, ArrayKey, ArrayUse, IntUse
from snnrun.connect.connectivity import pointers
from snnrun.engine.recording import Sink
from snnrun.engine.values import Array, Built, delays_of
from snnrun.model.choice import chosen_synapses
from snnrun.model.expected import synapses_of
from snnrun.model.network import (
    ConnectivityMonitor,
    IntArray,
    Monitor,
    Network,
    NeuronSubset,
    RateMonitor,
    RunningMonitor,
    SpikeMonitor,
    StateMonitor,
    SynapseChoice,
    SynapseEventMonitor,
    as_array,
)

STATE_BUFFER = 2 * 2**20  # bytes of one recorded variable between two calls of the kernel
SPIKE_BUFFER = 1 << 16  # spikes
COUNT_BUFFER = 1 << 16  # steps


@dataclass(frozen=True, slots=True)
class MonitorKind:
    """What the engine does for a kind of monitor, in functions whose last argument is the monitor.

    Args:
        capacity: Most entries that its buffer can hold, and how many a run needs; `number` says how many elements
            each has (samples of state monitors only).
        buffers: Its arrays, for a capacity as `capacity` gives it.
        bytes: Bytes of these.
        columns: Names of the buffers.
        hand_over: Give a sink what was recorded from a step on: the columns by their names, shape (entries, elements).
        longest: Most steps of a call of the kernel, for its capacity; None where the kernel ends before the buffer
            is full.
    """

    capacity: Callable[[Network, float, Any], tuple[int, int]]
    buffers: Callable[[Built, int, Any], dict[ArrayKey, Array]]
    bytes: Callable[[Network, Any], float]
    columns: Callable[[Any], list[str]]
    hand_over: Callable[[dict[str, Array], int, Sink, Any], None]
    longest: Callable[[int, Any], int] | None = None


def add_buffers(built: Built, put: Callable[[ArrayKey, Array], None], monitor: Monitor) -> None:
    """Make the buffers of a monitor, if it records during the run.

    Args:
        built: The network in memory, whose synapses are there.
        put: Keeps an array.
        monitor: The monitor.
    """
    kind, owner = KINDS.get(type(monitor)), owner_of(monitor)
    if kind is None:
        return
    number = 1
    if isinstance(monitor, StateMonitor):
        ids = _sampled(built, monitor)
        put(ArrayUse.IDS.of(owner), ids)
        number = built.numbers[IntUse.N.of(owner)] = len(ids)
    if isinstance(monitor, SynapseEventMonitor):
        number = built.numbers[IntUse.N.of(owner)] = _put_arrivals(built, put, monitor)
    built.numbers[IntUse.CAPACITY.of(owner)], room = kind.capacity(built.network, number, monitor)
    put(ArrayUse.COUNT.of(owner), np.zeros(1, np.int64))
    for key, array in kind.buffers(built, room, monitor).items():
        put(key, array)


def buffer_bytes(network: Network, monitor: Monitor) -> float:
    """Bytes of the buffers of a monitor."""
    kind = KINDS.get(type(monitor))
    return 0.0 if kind is None else kind.bytes(network, monitor)


def longest_call(built: Built, monitor: Monitor) -> int | None:
    """How many steps a call of the kernel may have before a buffer is full; None: the kernel looks at that itself."""
    kind = KINDS.get(type(monitor))
    if kind is None or kind.longest is None:
        return None
    return kind.longest(built.numbers[IntUse.CAPACITY.of(owner_of(monitor))], monitor)


def hand_over(built: Built, first: int, sink: Sink, monitor: Monitor) -> bool:
    """Give a sink what was recorded since step `first`, and empty the buffer; whether it has another address now."""
    kind, owner = KINDS.get(type(monitor)), owner_of(monitor)
    count = 0 if kind is None else int(built.arrays[ArrayUse.COUNT.of(owner)][0])
    if kind is None or not count:
        return False
    keys = {name: _record(monitor, name) for name in kind.columns(monitor)}
    width = built.numbers[IntUse.N.of(owner)] if isinstance(monitor, StateMonitor) else 1
    before = [built.arrays[key] for key in keys.values()]
    taken = {name: _take(built, key, count * width).reshape(count, width) for name, key in keys.items()}
    kind.hand_over(taken, first, sink, monitor)
    drop(built, monitor)
    return any(built.arrays[key] is not buffer for key, buffer in zip(keys.values(), before, strict=True))


def _take(built: Built, key: ArrayKey, length: int) -> Array:
    """The first elements of a buffer, which nothing changes any more: a copy of a few, else the buffer itself."""
    buffer = built.arrays[key]
    if 2 * length <= len(buffer):
        return buffer[:length].copy()
    built.arrays[key] = np.empty_like(buffer)
    return buffer[:length]


def drop(built: Built, monitor: Monitor) -> None:
    """Empty the buffer of a monitor."""
    for use in (ArrayUse.COUNT, ArrayUse.ROOM):
        array = built.arrays.get(use.of(owner_of(monitor)))
        if array is not None:
            array[:] = 0


def owner_of(monitor: Monitor) -> str:
    """The path of a monitor in the file."""
    return f"monitors.{monitor.name}"


def _record(monitor: Monitor, name: str) -> ArrayKey:
    return ArrayUse.RECORD.of(owner_of(monitor), name)


def _steps(network: Network, monitor: RunningMonitor) -> int:
    """Steps between the first and the last that a monitor may record, whatever the phases."""
    parts = {id(part): part for part in (network, *(phase.network for phase in network.phases))}.values()
    same = [m for p in parts for m in p.monitors if not isinstance(m, ConnectivityMonitor) and m.name == monitor.name]
    windows = [m.window for m in same if m.window.start < m.window.stop]
    start = min((w.start for w in windows), default=0)
    stop = max((w.stop for w in windows), default=0)
    return max(0, min(stop, network.steps) - max(start, 0))


# spikes


def _spike_capacity(network: Network, _number: float, monitor: SpikeMonitor) -> tuple[int, int]:
    return _event_capacity(network, network.groups[monitor.source.group].size, monitor)


def _event_capacity(network: Network, most: float, monitor: SpikeMonitor | SynapseEventMonitor) -> tuple[int, int]:
    """Two steps with the most events that a step can have always fit."""
    room = int(min(max(3 * most, SPIKE_BUFFER), most * (_steps(network, monitor) + 3)))
    return room, room


def _spike_buffers(built: Built, room: int, monitor: SpikeMonitor) -> dict[ArrayKey, Array]:
    size, owner = built.network.groups[monitor.source.group].size, owner_of(monitor)
    arrays: dict[ArrayKey, Array] = {
        ArrayUse.MEMBER.of(owner): _members(size, monitor.source),
        ArrayUse.COUNTS.of(owner): np.zeros(size, np.int64),
    }
    return arrays if monitor.counts_only else arrays | _event_buffers(room, monitor)


def _event_buffers(room: int, monitor: SpikeMonitor | SynapseEventMonitor) -> dict[ArrayKey, Array]:
    arrays: dict[ArrayKey, Array] = {ArrayUse.ROOM.of(owner_of(monitor)): np.zeros(2, np.int64)}
    arrays |= {_record(monitor, name): np.zeros(room, np.int64) for name in ("step", "id")}
    return arrays | {_record(monitor, f".{column.name}"): np.zeros(room) for column in monitor.columns}


def _spike_bytes(network: Network, monitor: SpikeMonitor) -> float:
    columns = 0 if monitor.counts_only else 2 + len(monitor.columns)
    return 9.0 * network.groups[monitor.source.group].size + 8.0 * columns * _spike_capacity(network, 1, monitor)[0]


def _event_columns(monitor: SpikeMonitor | SynapseEventMonitor) -> list[str]:
    if isinstance(monitor, SpikeMonitor) and monitor.counts_only:
        return []
    return ["step", "id", *(f".{column.name}" for column in monitor.columns)]


def _hand_over_spikes(
    taken: dict[str, Array], _first: int, sink: Sink, monitor: SpikeMonitor | SynapseEventMonitor
) -> None:
    columns = {name: values[:, 0] for name, values in taken.items()}
    steps, ids = columns.pop("step"), columns.pop("id")
    sink.spikes(monitor.name, steps, ids, {name.removeprefix("."): values for name, values in columns.items()})


def _members(size: int, source: NeuronSubset) -> Array:
    """Which neurons of a group are watched."""
    mask = np.zeros(size, np.uint8)
    mask[source.ids] = 1
    return mask


# events at synapses


def _put_arrivals(built: Built, put: Callable[[ArrayKey, Array], None], monitor: SynapseEventMonitor) -> int:
    """Say which synapses are watched, by neuron and delay unless delays change; the most events a step can send."""
    synapses, made = built.network.synapses[monitor.synapses], built.connectivity[monitor.synapses]
    places = _places(built, monitor.synapses, monitor.ids)
    parts = synapses.parts(*monitor.pathway)
    if parts[0].moving is not None:
        watched = np.zeros(made.size, np.uint8)
        watched[places] = 1
        put(ArrayUse.MEMBER.of(owner_of(monitor)), watched)
        return made.size
    for pathway in parts:
        neurons = (made.post if pathway.post else made.pre)[places].astype(np.int64)
        delays = delays_of(built, synapses, pathway)[made.created[places]]
        order = np.lexsort((made.created[places], delays, neurons))
        key = owner_of(monitor), pathway.key
        put(ArrayUse.COLUMNS.of(*key), pointers(neurons, built.network.groups[synapses.trigger(pathway).group].size))
        put(ArrayUse.DELAY_ORDER.of(*key), places[order])
        put(ArrayUse.DELAYS.of(*key), delays[order].astype(np.int32))
    return len(places) * len(parts)


def _arrival_buffers(_built: Built, room: int, monitor: SynapseEventMonitor) -> dict[ArrayKey, Array]:
    return {ArrayUse.COUNTS.of(owner_of(monitor)): np.zeros(1, np.int64)} | _event_buffers(room, monitor)


def _arrival_bytes(network: Network, monitor: SynapseEventMonitor) -> float:
    synapses = network.synapses[monitor.synapses]
    parts = synapses.parts(*monitor.pathway)
    watched = synapses_of(synapses) if monitor.number is None else float(monitor.number)
    starts = sum(8.0 * network.groups[synapses.trigger(pathway).group].size for pathway in parts)
    room = _event_capacity(network, watched * len(parts), monitor)[0]
    return 12.0 * watched * len(parts) + starts + 8.0 * (2 + len(monitor.columns)) * room


# samples


def _sampled(built: Built, monitor: StateMonitor) -> IntArray:
    """The sampled elements, of synapses their places in storage order."""
    if not monitor.source.startswith("synapses."):
        assert isinstance(monitor.ids, range | np.ndarray)
        return as_array(monitor.ids)
    assert monitor.ids is None or isinstance(monitor.ids, SynapseChoice)
    return _places(built, monitor.source.removeprefix("synapses."), monitor.ids)


def _places(built: Built, synapses: str, ids: SynapseChoice | None) -> IntArray:
    """The places in storage order of chosen synapses, in the order of the choice."""
    made = built.connectivity[synapses]
    place = np.empty(made.size, np.int64)
    place[made.created] = np.arange(made.size)
    return place if ids is None else place[chosen_synapses(ids, made.size, lambda: (made.i, made.j))]


def _sample_capacity(network: Network, number: float, monitor: StateMonitor) -> tuple[int, int]:
    most = max(1, int(STATE_BUFFER // (REALS[monitor.precision].dtype.itemsize * max(1, number))))
    return most, min(most, 1 + _steps(network, monitor) // monitor.every)


def _sample_buffers(built: Built, room: int, monitor: StateMonitor) -> dict[ArrayKey, Array]:
    width, dtype = built.numbers[IntUse.N.of(owner_of(monitor))], REALS[monitor.precision].dtype
    return {_record(monitor, column.name): np.zeros(room * width, dtype) for column in monitor.columns}


def _sample_bytes(network: Network, monitor: StateMonitor) -> float:
    number = monitor.number
    elements = synapses_of(network.synapses[monitor.source.partition(".")[2]]) if number is None else float(number)
    each = REALS[monitor.precision].dtype.itemsize * len(monitor.columns)
    return each * elements * _sample_capacity(network, elements, monitor)[1]


def _sample_columns(monitor: StateMonitor) -> list[str]:
    return [column.name for column in monitor.columns]


def _hand_over_samples(taken: dict[str, Array], first: int, sink: Sink, monitor: StateMonitor) -> None:
    beginning = -(-monitor.window.start // monitor.every)
    sink.states(monitor.name, taken, max(-(-first // monitor.every), beginning) - beginning)


# numbers of spikes


def _number_capacity(network: Network, _number: float, monitor: RateMonitor) -> tuple[int, int]:
    return COUNT_BUFFER, min(COUNT_BUFFER, 1 + _steps(network, monitor))


def _number_buffers(built: Built, room: int, monitor: RateMonitor) -> dict[ArrayKey, Array]:
    members = _members(built.network.groups[monitor.source.group].size, monitor.source)
    return {ArrayUse.MEMBER.of(owner_of(monitor)): members, _record(monitor, "number"): np.zeros(room, np.int64)}


def _number_bytes(network: Network, monitor: RateMonitor) -> float:
    return 8.0 * _number_capacity(network, 1, monitor)[1]


def _number_columns(_monitor: RateMonitor) -> list[str]:
    return ["number"]


def _hand_over_numbers(taken: dict[str, Array], first: int, sink: Sink, monitor: RateMonitor) -> None:
    sink.numbers(monitor.name, taken["number"][:, 0], max(first - monitor.window.start, 0))


KINDS: dict[type, MonitorKind] = {
    SynapseEventMonitor: MonitorKind(
        _event_capacity, _arrival_buffers, _arrival_bytes, _event_columns, _hand_over_spikes
    ),
    SpikeMonitor: MonitorKind(_spike_capacity, _spike_buffers, _spike_bytes, _event_columns, _hand_over_spikes),
    StateMonitor: MonitorKind(
        _sample_capacity,
        _sample_buffers,
        _sample_bytes,
        _sample_columns,
        _hand_over_samples,
        lambda n, monitor: n * monitor.every,
    ),
    RateMonitor: MonitorKind(
        _number_capacity, _number_buffers, _number_bytes, _number_columns, _hand_over_numbers, lambda n, _: n
    ),
}
"""The kinds of monitors that record during a run; the others are stored at its end."""
