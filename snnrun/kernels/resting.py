"""Neurons whose update leaves every bit as it was: lists of those that move, so that the others need no update.

Each thread lists its own neurons that move in `ids`, from place `low` on; `number[thread]` is how many they are, and
`listed` says of each neuron whether it is in the list. Where more move than one in `SHARE`, the list is not kept and
all neurons are updated.
"""

from __future__ import annotations

from snnrun.kernels.marks import kernel
from snnrun.kernels.primitives import Array

SHARE = 8
INTERVAL = 1024  # steps between two updates of all neurons that find those that move
LONGER = 8  # times as many when too many moved


@kernel()
def moves_few(
    step: int,
    low: int,
    high: int,
    thread: int,
    due: Array,
    odd: Array,
    odd_number: Array,
    ids: Array,
    listed: Array,
    number: Array,
) -> bool:
    """Whether only the listed neurons are updated in this step; in some steps all are listed, to find those that move.

    Args:
        step: Number of the step.
        low: First neuron of the thread.
        high: The one after its last.
        thread: Number of the thread.
        due: The step in which each thread lists all; 0 when something may have changed between calls of the kernel,
            int64, shape (threads,).
        odd: Lists of neurons whose marks of the last step are to be cleared, as `ids`.
        odd_number: Lengths of these lists, int64, shape (threads,).
        ids: The lists, int32, shape (n,).
        listed: 1 for a neuron in a list, uint8, shape (n,).
        number: Lengths of the lists, int64, shape (threads,).
    """
    if step >= due[thread]:
        for k in range(low, high):
            ids[k] = k
            odd[k] = k
            listed[k] = 1
        number[thread] = high - low
        odd_number[thread] = high - low
        due[thread] = step + INTERVAL
        return low < high
    few = bool(number[thread] * SHARE < high - low)
    if step == due[thread] - INTERVAL + 1 and not few:
        due[thread] = step + LONGER * INTERVAL
    return few


@kernel()
def list_targets(
    step: int,
    n_source: int,
    depth: int,
    delay: int,
    bands: int,
    low: int,
    high: int,
    thread: int,
    threads: int,
    rows: Array,
    spikes: Array,
    lengths: Array,
    bounds: Array,
    post: Array,
    ids: Array,
    listed: Array,
    number: Array,
) -> None:
    """List the targets of the spikes that arrive in this step.

    Args:
        step: Number of the step.
        n_source: Neurons of the source.
        depth: Steps whose spikes are kept.
        delay: From spike to arrival, in steps.
        bands: Bands of targets of a thread.
        low: First neuron of the thread.
        high: The one after its last.
        thread: Number of the thread.
        threads: Number of threads.
        rows: First synapse of each source, and the end; for each band; int64, shape (bands * (n_source + 1),).
        spikes: Lists of neurons that spiked, int32.
        lengths: Lengths of these lists, int64.
        bounds: First neuron of each thread in the source, int64, shape (threads + 1,).
        post: Target of each synapse, whole numbers.
        ids: Lists of neurons that move, see above.
        listed: See above.
        number: See above.
    """
    slot = (step - delay) % depth
    found = int(number[thread])
    for band in range(bands):
        first_row = band * (n_source + 1)
        for p in range(threads):
            base = slot * n_source + bounds[p]
            for b in range(base, base + lengths[slot * threads + p]):
                row = first_row + int(spikes[b])
                if found * SHARE < high - low:
                    for s in range(rows[row], rows[row + 1]):
                        k = int(post[s])
                        if listed[k] == 0:
                            listed[k] = 1
                            ids[low + found] = k
                            found += 1
    number[thread] = found


@kernel()
def list_members(
    begin: int,
    end: int,
    low: int,
    high: int,
    thread: int,
    subset: Array,
    counts: Array,
    ids: Array,
    listed: Array,
    number: Array,
) -> None:
    """List the neurons of an input that have events in this step.

    Args:
        begin: First place of the thread in the input.
        end: The one after its last.
        low: First neuron of the thread.
        high: The one after its last.
        thread: Number of the thread.
        subset: Neurons of the input, int64.
        counts: Events of each of them in this step.
        ids: Lists of neurons that move, see above.
        listed: See above.
        number: See above.
    """
    found = int(number[thread])
    for b in range(begin, end):
        if counts[b] != 0.0 and found * SHARE < high - low:
            k = int(subset[b])
            if listed[k] == 0:
                listed[k] = 1
                ids[low + found] = k
                found += 1
    number[thread] = found
