"""Events of targets that wait for the next spike of a source: which synapses they are for, oldest first."""

from __future__ import annotations

from snnrun.kernels.marks import kernel
from snnrun.kernels.primitives import Array, select


@kernel()
def list_late(
    first: int,
    last: int,
    room: int,
    post: Array,
    arrived: Array,
    seen: Array,
    synapses: Array,
    places: Array,
    left: Array,
) -> int:
    """List the synapses of a row at which events wait, and take these events for seen.

    Args:
        first: First synapse.
        last: The one after the last.
        room: Events that are kept of each target, a power of two, at most 128.
        post: Target of each synapse.
        arrived: How many events each target has had, modulo 256, uint8.
        seen: How many of them each synapse has seen, modulo 256, uint8.
        synapses: Becomes the list, int64.
        places: The place of the first event of each among those that are kept, int64.
        left: How many wait at each, int64.

    Returns:
        The length of the list.
    """
    found = 0
    for s in range(first, last):
        j = int(post[s])
        now = int(arrived[j])
        late = (now - int(seen[s])) & 255
        synapses[found] = s
        places[found] = j * room + ((now - late) & (room - 1))
        left[found] = late
        seen[s] = now
        found += select(late > 0, 1, 0)
    return found


@kernel()
def keep_late(found: int, room: int, synapses: Array, places: Array, left: Array) -> int:
    """Keep, of a list of `list_late`, the synapses at which more events wait; gives its new length."""
    kept = 0
    for e in range(found):
        place = places[e]
        more = left[e] - 1
        synapses[kept] = synapses[e]
        places[kept] = (place & -room) | ((place + 1) & (room - 1))
        left[kept] = more
        kept += select(more > 0, 1, 0)
    return kept


@kernel()
def is_room_full(
    step: int,
    n: int,
    depth: int,
    thread: int,
    threads: int,
    low: int,
    high: int,
    delay: int,
    room: int,
    spikes: Array,
    lengths: Array,
    arrived: Array,
    settled: Array,
) -> bool:
    """Whether no more events can be kept of a neuron of the thread that has one now; if so, all count as settled.

    Args:
        step: Number of the step; -1 is told that it is full.
        n: Size of the group.
        depth: Steps whose spikes are kept.
        thread: Number of the thread.
        threads: Number of threads.
        low: The thread's first neuron.
        high: The one after its last.
        delay: Steps from a spike to the event.
        room: Events that are kept of each neuron.
        spikes: As in `list_segments`.
        lengths: As in `list_segments`.
        arrived: How many events each neuron has had, modulo 256, uint8.
        settled: How many it had had when no synapse had any left to see, modulo 256, uint8.
    """
    full = step < 0
    if step >= 0:
        slot = (step - delay) % depth
        base = slot * n + low
        for b in range(base, base + lengths[slot * threads + thread]):
            k = int(spikes[b])
            if (int(arrived[k]) - int(settled[k])) & 255 >= room:
                full = True
    if full:
        for k in range(low, high):
            settled[k] = int(arrived[k])
    return full


@kernel()
def keep_events(
    step: int,
    n: int,
    depth: int,
    thread: int,
    threads: int,
    low: int,
    delay: int,
    room: int,
    spikes: Array,
    lengths: Array,
    arrived: Array,
    events: Array,
) -> None:
    """Keep the events of this step until synapses see them.

    Args:
        step: Number of the step.
        n: As for `is_room_full`.
        depth: As for `is_room_full`.
        thread: As for `is_room_full`.
        threads: As for `is_room_full`.
        low: As for `is_room_full`.
        delay: As for `is_room_full`.
        room: As for `is_room_full`.
        spikes: As for `is_room_full`.
        lengths: As for `is_room_full`.
        arrived: As for `is_room_full`.
        events: The steps of the last events of each neuron, int64, shape (n * room,).
    """
    slot = (step - delay) % depth
    base = slot * n + low
    for b in range(base, base + lengths[slot * threads + thread]):
        k = int(spikes[b])
        number = int(arrived[k])
        events[k * room + (number & (room - 1))] = step
        arrived[k] = (number + 1) & 255
