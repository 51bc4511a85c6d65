"""The primitives that `functions` and `random` are written in, for numpy scalars and arrays.

`kernel_primitives.py` holds their twins for compiled kernels. Apart from these, the functions use only IEEE
`+ - * /`, comparisons and integer operations, so both uses give the same bits on every processor.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

Numbers: TypeAlias = Any
"""A float64 scalar, or an array of them (of any shape)."""
Integers: TypeAlias = Any
"""An int64 or uint64 scalar, or an array of them (of any shape)."""
Truth: TypeAlias = Any
"""A boolean scalar, or an array of booleans (of any shape)."""


def select(condition: Truth, a: Numbers, b: Numbers) -> Numbers:
    """`a` where the condition holds, else `b`; both are computed."""
    chosen: Numbers = np.where(condition, a, b)
    return chosen[()]


def bits_of(x: Numbers) -> Integers:
    """The 64 bits of a float64 as int64."""
    values: Numbers = np.asarray(x, np.float64)
    return values.view(np.int64)[()]


def float_of(bits: Integers) -> Numbers:
    """The float64 with these 64 bits (int64 or uint64)."""
    values: Numbers = np.asarray(bits)
    return values.view(np.float64)[()]


def shift_right(bits: Integers, count: int) -> Integers:
    """An int64 shifted to the right with zeros filled in."""
    values: Numbers = np.asarray(bits)
    return (values.view(np.uint64) >> np.uint64(count)).view(np.int64)[()]


def sqrt(x: Numbers) -> Numbers:
    """The square root, correctly rounded (IEEE)."""
    return np.sqrt(x)


def u64(x: Integers) -> Integers:
    """An integer as uint64, modulo 2**64."""
    if isinstance(x, int):
        return np.uint64(x & 0xFFFF_FFFF_FFFF_FFFF)
    return np.asarray(x).astype(np.uint64)[()]


def any_true(condition: Truth) -> bool:
    """Whether a loop must go on: any element of an array, or the one truth value of a kernel."""
    return bool(np.any(condition))
