"""Values of synapses as they are made, run by run: a run is the row of synapses that one rule gives one source.

A run's synapses have creation numbers that follow each other from `first` on, or `created` lists them.
"""

from __future__ import annotations

from snnrun.kernels.marks import kernel
from snnrun.kernels.primitives import Array, select
from snnrun.kernels.random import fraction, normal, normal_pair, uniform
from snnrun.kernels.threefry import threefry

_LONGEST = 1 << 21  # steps; longer delays are refused


@kernel()
def uniforms(out: Array, first: int, n: int, seed: int, stream: int) -> None:
    """Uniform numbers of n synapses from number `first` on; `out` begins with the pair of the first.

    Args:
        out: The numbers, float64, shape (n + 2,).
        first: Number of the first synapse.
        n: How many.
        seed: Seed of the run.
        stream: Key of the stream.
    """
    for q in range(((first + n + 1) >> 1) - (first >> 1)):
        x0, x1 = threefry((first >> 1) + q, 0, seed, stream)
        out[2 * q] = fraction(x0)
        out[2 * q + 1] = fraction(x1)


@kernel()
def normals(out: Array, first: int, n: int, seed: int, stream: int) -> None:
    """Standard normal numbers, as `uniforms`."""
    for q in range(((first + n + 1) >> 1) - (first >> 1)):
        x0, x1 = threefry((first >> 1) + q, 0, seed, stream)
        even, odd = normal_pair(x0, x1)
        out[2 * q] = even
        out[2 * q + 1] = odd


@kernel()
def listed_uniforms(out: Array, at: int, n: int, created: Array, seed: int, stream: int) -> None:
    """Uniform numbers of the n synapses whose numbers are listed from element `at` on; `out` begins with the first."""
    for b in range(n):
        out[b] = uniform(created[at + b], 0, seed, stream)


@kernel()
def listed_normals(out: Array, at: int, n: int, created: Array, seed: int, stream: int) -> None:
    """Standard normal numbers, as `listed_uniforms`."""
    for b in range(n):
        out[b] = normal(created[at + b], 0, seed, stream)


@kernel()
def keep_delays(
    at: int, n: int, first: int, contiguous: bool, steps: Array, delay: Array, created: Array, span: Array
) -> None:
    """Store the delays of a run, and the shortest and the longest of all runs so far.

    Args:
        at: Place of the run's first synapse.
        n: How many synapses it has.
        first: Creation number of the first.
        contiguous: Whether the others follow it.
        steps: Delays in steps, int64, shape (n,).
        delay: Delays of all synapses of the block, int32.
        created: Creation numbers where they are listed, int64.
        span: Shortest delay, longest delay, and the creation number of the first synapse with the shortest; int64.
    """
    least = span[0]
    most = span[1]
    for b in range(n):
        least = min(least, steps[b])
        most = max(most, steps[b])
        delay[at + b] = max(min(steps[b], _LONGEST), -1)
    if n > 0 and least <= span[0]:
        for b in range(n):
            if steps[b] == least:
                k = first + b
                if not contiguous:
                    k = created[at + b]
                if least < span[0] or k < span[2]:
                    span[2] = k
                break
    span[0] = least
    span[1] = most


@kernel()
def note_nan(at: int, n: int, first: int, contiguous: bool, values: Array, created: Array, found: Array) -> None:
    """Store the lowest creation number whose value is NaN, in `found` (-1: none yet), int64, shape (1,).

    The other arguments are those of `keep_delays`; `values` are those of all synapses of the block.
    """
    wrong = 0
    for b in range(n):
        wrong += select(values[at + b] != values[at + b], 1, 0)
    if wrong != 0:
        for b in range(n):
            if values[at + b] != values[at + b]:
                k = first + b
                if not contiguous:
                    k = created[at + b]
                if found[0] < 0 or k < found[0]:
                    found[0] = k
