"""Threefry-2x64 with 13 rounds: random words as a function of a counter and a key.

Reference: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
"""

from __future__ import annotations

from snnrun.kernels.marks import kernel
from snnrun.kernels.primitives import Integers, u64


@kernel(inline=True)
def _rotate(x: Integers, count: int) -> Integers:
    return (x << u64(count)) | (x >> u64(64 - count))


@kernel(inline=True)
def _four_rounds(x0: Integers, x1: Integers, r0: int, r1: int, r2: int, r3: int) -> tuple[Integers, Integers]:
    """Four rounds with the counts of their rotations: 16, 42, 12, 31 and 16, 32, 24, 21 in turn."""
    x0 = x0 + x1
    x1 = _rotate(x1, r0) ^ x0
    x0 = x0 + x1
    x1 = _rotate(x1, r1) ^ x0
    x0 = x0 + x1
    x1 = _rotate(x1, r2) ^ x0
    x0 = x0 + x1
    x1 = _rotate(x1, r3) ^ x0
    return x0, x1


@kernel(inline=True)
def threefry(c0: Integers, c1: Integers, k0: Integers, k1: Integers) -> tuple[Integers, Integers]:
    """Two random words from a counter and a key, all uint64 (or any integers, taken modulo 2**64)."""
    k0 = u64(k0)
    k1 = u64(k1)
    k2 = u64(0x1BD1_1BDA_A9FC_1A22) ^ k0 ^ k1
    x0, x1 = _four_rounds(u64(c0) + k0, u64(c1) + k1, 16, 42, 12, 31)
    x0, x1 = _four_rounds(x0 + k1, x1 + (k2 + u64(1)), 16, 32, 24, 21)
    x0, x1 = _four_rounds(x0 + k2, x1 + (k0 + u64(2)), 16, 42, 12, 31)
    x0 = x0 + k0
    x1 = x1 + (k1 + u64(3))
    x0 = x0 + x1
    return x0, _rotate(x1, 16) ^ x0
