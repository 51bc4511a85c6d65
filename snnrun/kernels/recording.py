"""Recording the spikes of a step for monitors. Thread 0 records for all threads."""

from __future__ import annotations

from snnrun.kernels.marks import kernel
from snnrun.kernels.primitives import Array


@kernel()
def is_full(step: int, n: int, capacity: int, room: Array) -> bool:
    """Whether a buffer of spikes could overflow within two steps.

    Args:
        step: Number of the step.
        n: Size of the group.
        capacity: Size of the buffer.
        room: Spikes in the buffer before the last even and the last odd step, int64, shape (2,).
    """
    full: bool = room[(step + 1) % 2] + 2 * n > capacity
    return full


@kernel()
def may_fill(step: int, n: int, capacity: int, waiting: Array, room: Array) -> bool:
    """Whether a buffer of events at synapses whose delays change could overflow within two steps.

    Args:
        step: Number of the step.
        n: Number of synapses: so many events are sent in a step at the most.
        capacity: Size of the buffer.
        waiting: Events on their way before the last even and the last odd step, int64, shape (2,).
        room: Events in the buffer before the last even and the last odd step, int64, shape (2,).
    """
    last = (step + 1) % 2
    full: bool = room[last] + waiting[last] + 2 * n > capacity
    return full


@kernel()
def keep_count(step: int, count: Array, room: Array) -> None:
    """Store the number of spikes in a buffer, `count`, for `is_full`."""
    room[step % 2] = count[0]


@kernel()
def record_spikes(
    step: int,
    start: int,
    stop: int,
    n: int,
    depth: int,
    threads: int,
    bounds: Array,
    spikes: Array,
    lengths: Array,
    counts: Array,
    count: Array,
    out_step: Array,
    out_id: Array,
) -> None:
    """Record the spikes of all neurons of a group, in ascending order.

    Args:
        step: Number of the step.
        start: First step that is recorded.
        stop: The one after the last.
        n: Size of the group.
        depth: Steps whose spikes are kept.
        threads: Number of threads.
        bounds: First neuron of each thread, int64, shape (threads + 1,).
        spikes: Lists of neurons, int32, shape (depth * n,).
        lengths: Lengths of the lists, int64, shape (depth * threads,).
        counts: Spikes of each neuron so far, int64, shape (n,).
        count: Spikes in the buffers, int64, shape (1,).
        out_step: Buffer for their steps, int64.
        out_id: Buffer for their neurons, int64.
    """
    if step < start or step >= stop:
        return
    slot = step % depth
    at = int(count[0])
    for p in range(threads):
        base = slot * n + bounds[p]
        for b in range(base, base + lengths[slot * threads + p]):
            k = int(spikes[b])
            counts[k] += 1
            out_step[at] = step
            out_id[at] = k
            at += 1
    count[0] = at


@kernel()
def count_spikes(
    step: int,
    start: int,
    stop: int,
    n: int,
    depth: int,
    threads: int,
    bounds: Array,
    spikes: Array,
    lengths: Array,
    counts: Array,
) -> None:
    """Count the spikes of each neuron of a group; the arguments are those of `record_spikes`."""
    if step < start or step >= stop:
        return
    slot = step % depth
    for p in range(threads):
        base = slot * n + bounds[p]
        for b in range(base, base + lengths[slot * threads + p]):
            counts[spikes[b]] += 1


@kernel()
def record_rate(
    step: int, start: int, stop: int, depth: int, threads: int, lengths: Array, count: Array, out: Array
) -> None:
    """Record the number of neurons of a group that spike.

    Args:
        step: Number of the step.
        start: First step that is recorded.
        stop: The one after the last.
        depth: Steps whose spikes are kept.
        threads: Number of threads.
        lengths: Lengths of the lists of spikes, int64, shape (depth * threads,).
        count: Steps in the buffer, int64, shape (1,).
        out: The buffer, int64.
    """
    if step < start or step >= stop:
        return
    slot = step % depth
    found = 0
    for p in range(threads):
        found += lengths[slot * threads + p]
    out[count[0]] = found
    count[0] += 1
