"""Spikes of a step: lists of the neurons that spiked, refractoriness, and values that refractory neurons keep.

Every group keeps the spikes of its last `depth` steps in a ring buffer `spikes`, shape (depth * n,), and their numbers
in `lengths`, shape (depth * threads,). Step `s` has the slot `s % depth`; within it, the list of thread number
`thread` begins at the thread's first neuron `low`. `low` is a multiple of 8, or the thread has no neurons.
"""

from __future__ import annotations

from snnrun.kernels.marks import kernel
from snnrun.kernels.primitives import Array, lowest_bit


@kernel(inline=True)
def _either(words: Array, w: int) -> int:
    """The bits that are set in any of eight words: most have none, and eight are one load of the processor."""
    low = words[w] | words[w + 1] | words[w + 2] | words[w + 3]
    return int(low | words[w + 4] | words[w + 5] | words[w + 6] | words[w + 7])


@kernel(inline=True)
def _list_of_words(first: int, last: int, words: Array, flags: Array, spikes: Array, base: int, found: int) -> int:
    """List the neurons of some words of flags whose flag is set; how many neurons are listed then."""
    for w in range(first, last):
        if words[w] != 0:
            for k in range(8 * w, 8 * w + 8):
                if flags[k] != 0:
                    spikes[base + found] = k
                    found += 1
    return found


@kernel()
def list_spikes(
    step: int,
    n: int,
    depth: int,
    thread: int,
    threads: int,
    low: int,
    high: int,
    words: Array,
    flags: Array,
    spikes: Array,
    lengths: Array,
) -> None:
    """List the thread's neurons whose flag is set, in ascending order.

    Args:
        step: Number of the step.
        n: Size of the group.
        depth: Steps whose spikes are kept.
        thread: Number of the thread.
        threads: Number of threads.
        low: First neuron of the thread.
        high: The one after its last.
        words: The flags as int64, eight flags each, shape (ceil(n / 8),).
        flags: 1 for a neuron that crossed its threshold, uint8, shape (n,), padded with zeros.
        spikes: Lists of neurons, int32.
        lengths: Lengths of the lists, int64.
    """
    slot = step % depth
    base = slot * n + low
    first = (low + 7) >> 3
    last = (high + 7) >> 3
    whole = first + ((last - first) >> 3 << 3)
    found = 0
    for w in range(first, whole, 8):
        if _either(words, w) != 0:
            found = _list_of_words(w, w + 8, words, flags, spikes, base, found)
    found = _list_of_words(whole, last, words, flags, spikes, base, found)
    lengths[slot * threads + thread] = found


@kernel()
def list_none(step: int, depth: int, thread: int, threads: int, lengths: Array) -> None:
    """Let no neuron of the thread spike in this step; the arguments are those of `list_spikes`."""
    lengths[step % depth * threads + thread] = 0


@kernel()
def list_scheduled(
    step: int,
    n: int,
    depth: int,
    thread: int,
    threads: int,
    low: int,
    high: int,
    total: int,
    period: int,
    spikes: Array,
    lengths: Array,
    steps: Array,
    ids: Array,
    cursor: Array,
) -> None:
    """List the thread's neurons that spike now by a schedule; each thread reads the whole schedule by itself.

    Args:
        step: Number of the step.
        n: Size of the group.
        depth: Steps whose spikes are kept.
        thread: Number of the thread.
        threads: Number of threads.
        low: First neuron of the thread.
        high: The one after its last.
        total: Number of scheduled spikes.
        period: Steps after which the schedule repeats; 0 if it does not.
        spikes: Lists of neurons, int32.
        lengths: Lengths of the lists, int64.
        steps: Step of each scheduled spike, ascending, int64, shape (total,).
        ids: Neuron of each scheduled spike, int64, shape (total,).
        cursor: The next spike of the schedule for each thread, in every eighth element, int64, shape (8 * threads,).
    """
    now = step
    if period > 0:
        now = step % period
        if now == 0:
            cursor[8 * thread] = 0
    slot = step % depth
    base = slot * n + low
    found = 0
    at = int(cursor[8 * thread])
    while at < total and steps[at] == now:
        if ids[at] >= low and ids[at] < high:
            spikes[base + found] = ids[at]
            found += 1
        at += 1
    cursor[8 * thread] = at
    lengths[slot * threads + thread] = found


@kernel()
def mark_spiked(
    step: int, n: int, depth: int, thread: int, threads: int, low: int, spikes: Array, lengths: Array, last_spike: Array
) -> None:
    """Store the step of the last spike of the thread's neurons, in `last_spike`, int64, shape (n,)."""
    slot = step % depth
    base = slot * n + low
    for b in range(base, base + lengths[slot * threads + thread]):
        last_spike[spikes[b]] = step


@kernel()
def mark_refractory(
    step: int,
    n: int,
    depth: int,
    thread: int,
    threads: int,
    low: int,
    spikes: Array,
    lengths: Array,
    not_refractory: Array,
) -> None:
    """Clear the flags of the neurons that spiked in `not_refractory`, uint8, shape (n,)."""
    slot = step % depth
    base = slot * n + low
    for b in range(base, base + lengths[slot * threads + thread]):
        not_refractory[spikes[b]] = 0


@kernel(inline=True)
def _all(words: Array, w: int) -> int:
    """The bits that are set in all of eight words."""
    low = words[w] & words[w + 1] & words[w + 2] & words[w + 3]
    return int(low & words[w + 4] & words[w + 5] & words[w + 6] & words[w + 7])


@kernel(inline=True)
def _list_zeros(first: int, last: int, words: Array, ids: Array, at: int) -> int:
    """List the neurons of some words of flags whose flag is 0, from a place on; the place after them."""
    for w in range(first, last):
        zeros = int(words[w]) ^ 0x0101010101010101
        while zeros != 0:
            ids[at] = 8 * w + (lowest_bit(zeros) >> 3)
            at += 1
            zeros &= zeros - 1
    return at


@kernel()
def list_refractory(
    low: int, high: int, thread: int, words: Array, not_refractory: Array, ids: Array, lengths: Array
) -> None:
    """List the thread's refractory neurons, eight flags at a time.

    Args:
        low: First neuron of the thread.
        high: The one after its last.
        thread: Number of the thread.
        words: The flags as int64.
        not_refractory: 0 for a refractory neuron, else 1, uint8, shape (n,).
        ids: The neurons; the list of each thread begins at its `low`; int32, shape (n,).
        lengths: Lengths of the lists, int64, shape (threads,).
    """
    at = low
    first = low >> 3
    last = high >> 3
    whole = first + ((last - first) >> 3 << 3)
    for w in range(first, whole, 8):
        if _all(words, w) != 0x0101010101010101:
            at = _list_zeros(w, w + 8, words, ids, at)
    at = _list_zeros(whole, last, words, ids, at)
    for k in range(max(low, high >> 3 << 3), high):
        if not_refractory[k] == 0:
            ids[at] = k
            at += 1
    lengths[thread] = at - low


@kernel()
def save_values(first: int, last: int, bounds: Array, lengths: Array, ids: Array, kept: Array, values: Array) -> None:
    """Copy the values of listed neurons, for `restore_values`.

    Args:
        first: First thread whose neurons are copied.
        last: The one after the last.
        bounds: First neuron of each thread, int64, shape (threads + 1,).
        lengths: Lengths of the threads' lists, int64, shape (threads,).
        ids: The neurons, int32, shape (n,).
        kept: The copies, in the order of the list; shape (n,).
        values: A variable of all neurons, shape (n,).
    """
    for p in range(first, last):
        for b in range(bounds[p], bounds[p] + lengths[p]):
            kept[b] = values[ids[b]]


@kernel()
def restore_values(
    first: int, last: int, bounds: Array, lengths: Array, ids: Array, kept: Array, values: Array
) -> None:
    """Set the values of listed neurons to those that `save_values` copied; the arguments are the same."""
    for p in range(first, last):
        for b in range(bounds[p], bounds[p] + lengths[p]):
            values[ids[b]] = kept[b]
