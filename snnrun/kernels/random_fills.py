"""Random numbers for many elements at once, in a kernel, in either precision.

The functions of one or two words differ between the precisions and are arguments: `fill_uniform` and `fill_normal` of
`random` and of `single_random` pass their own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from snnrun.kernels.marks import kernel
from snnrun.kernels.primitives import Array, Integers
from snnrun.kernels.threefry import threefry


@kernel()
def fill_with_uniform(
    fraction: Callable[..., Any], out: Array, low: int, high: int, step: Integers, seed: Integers, stream: Integers
) -> None:
    """Write the uniform numbers of elements low to high - 1, and of the other half of the pairs at both ends."""
    for q in range(low >> 1, (high + 1) >> 1):
        x0, x1 = threefry(q, step, seed, stream)
        out[2 * q] = fraction(x0)
        out[2 * q + 1] = fraction(x1)


@kernel()
def fill_with_normal(
    normal: Callable[..., Any],
    packed: Callable[..., Any],
    packed_normal_pair: Callable[..., Any],
    out: Array,
    low: int,
    high: int,
    step: Integers,
    seed: Integers,
    stream: Integers,
) -> None:
    """Write the standard normal numbers of elements low to high - 1.

    Two passes over short blocks; `out` holds the packed words between them. A processor overlaps the dependency chains
    of two small loops better than those of one large loop, and in single precision the second needs only 32 bits an
    element. Halves of pairs at the ends are written directly, as another thread may write the other half.
    """
    if low & 1 and low < high:
        out[low] = normal(low, step, seed, stream)
    if high & 1 and low < high:
        out[high - 1] = normal(high - 1, step, seed, stream)
    for first in range((low + 1) >> 1, high >> 1, 128):
        last = min(first + 128, high >> 1)
        for q in range(first, last):
            x0, x1 = threefry(q, step, seed, stream)
            out[2 * q] = packed(x0)
            out[2 * q + 1] = packed(x1)
        for q in range(first, last):
            even, odd = packed_normal_pair(out[2 * q], out[2 * q + 1])
            out[2 * q] = even
            out[2 * q + 1] = odd
