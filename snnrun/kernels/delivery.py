"""Finding the synapses whose spikes arrive in a step."""

from __future__ import annotations

from snnrun.kernels.marks import kernel
from snnrun.kernels.primitives import Array, prefetch


@kernel(inline=True)
def first_at(delays: Array, low: int, high: int, age: int) -> int:
    """The first of the synapses low to high - 1 whose delay is at least `age`, by bisection; `high` if there is none.

    Args:
        delays: Delay of each synapse in steps, ascending from low to high - 1, int32.
        low: First synapse.
        high: The one after the last.
        age: Steps since the spike.
    """
    while low < high:
        middle = (low + high) >> 1
        if delays[middle] < age:
            low = middle + 1
        else:
            high = middle
    return low


@kernel(inline=True)
def prefetch_range(array: Array, first: int, last: int, stride: int) -> None:
    """Prefetch elements first to last - 1 of an array; `stride` of them fill a cache line."""
    for k in range(first, last - 1, stride):
        prefetch(array, k)
    prefetch(array, last - 1)  # the range need not begin at a cache line


@kernel()
def list_segments(
    step: int,
    age: int,
    shortest: int,
    n: int,
    depth: int,
    threads: int,
    bounds: Array,
    spikes: Array,
    lengths: Array,
    rows: Array,
    width: int,
    starts: Array,
    delays: Array,
    segments: Array,
) -> int:
    """List, for each neuron that spiked `age` steps ago, the range of its synapses with that delay.

    Args:
        step: Number of the step.
        age: Steps since the spikes. Below `shortest` nothing is listed.
        shortest: The shortest delay in steps.
        n: Size of the group of sources.
        depth: Steps whose spikes are kept.
        threads: Number of threads.
        bounds: First neuron of each thread, int64, shape (threads + 1,).
        spikes: Neurons that spiked, a list for each step and thread, int32, shape (depth * n,).
        lengths: Lengths of these lists, int64, shape (depth * threads,).
        rows: First synapse of each source, int64, shape (n + 1,).
        width: Number of different delays, for which `starts` is given; 0 where it is not given.
        starts: Where each delay begins in a source's row, int32, shape (n * (width + 1),).
        delays: Delay of each synapse in steps, ascending in each row, int32; read where `starts` is not given.
        segments: The first synapse of each range and the one after its last; one half of the array for even ages, the
            other for odd ones; int64, shape (4 * n,).

    Returns:
        The number of ranges.
    """
    found = 0
    if age < shortest:
        return found
    slot = (step - age) % depth
    first = (age & 1) * 2 * n
    for p in range(threads):
        base = slot * n + bounds[p]
        for b in range(base, base + lengths[slot * threads + p]):
            k = int(spikes[b])
            if width > 0:
                at = k * (width + 1) + age - shortest
                begin = rows[k] + starts[at]
                stop = rows[k] + starts[at + 1]
            else:
                begin = first_at(delays, rows[k], rows[k + 1], age)
                stop = first_at(delays, begin, rows[k + 1], age + 1)
            if begin < stop:
                segments[first + 2 * found] = begin
                segments[first + 2 * found + 1] = stop
                found += 1
    return found
