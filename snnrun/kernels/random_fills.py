"""Random numbers for many elements at once, in a kernel: the same text for either precision.

Its text is pasted into kernels by `kernel_text` behind that of `random` or `single_random`, of which it takes what it
imports here; numpy draws whole arrays with those.
"""

from __future__ import annotations

from snnrun.kernels.marks import kernel
from snnrun.kernels.primitives import Integers, Numbers
from snnrun.kernels.random import carried, fraction, gauss_pair, normal, threefry


@kernel()
def fill_uniform(out: Numbers, low: int, high: int, step: Integers, seed: Integers, stream: Integers) -> None:
    """Write `uniform` of elements low to high - 1, and of the other half of the pairs at both ends."""
    for q in range(low >> 1, (high + 1) >> 1):
        x0, x1 = threefry(q, step, seed, stream)
        out[2 * q] = fraction(x0)
        out[2 * q + 1] = fraction(x1)


@kernel()
def fill_normal(out: Numbers, low: int, high: int, step: Integers, seed: Integers, stream: Integers) -> None:
    """Write `normal` of elements low to high - 1.

    In two passes over short blocks, which `out` carries what is needed of the words between: a processor overlaps the
    long chains of two small loops better than those of one large loop, and in single precision the second needs only
    32 bits an element. Halves of pairs at the ends are written at once, as another thread may write the other half.
    """
    if low & 1 and low < high:
        out[low] = normal(low, step, seed, stream)
    if high & 1 and low < high:
        out[high - 1] = normal(high - 1, step, seed, stream)
    for first in range((low + 1) >> 1, high >> 1, 128):
        last = min(first + 128, high >> 1)
        for q in range(first, last):
            x0, x1 = threefry(q, step, seed, stream)
            out[2 * q] = carried(x0)
            out[2 * q + 1] = carried(x1)
        for q in range(first, last):
            even, odd = gauss_pair(out[2 * q], out[2 * q + 1])
            out[2 * q] = even
            out[2 * q + 1] = odd
