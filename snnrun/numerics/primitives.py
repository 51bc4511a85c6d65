"""The primitives that numerical functions are written in, for numpy scalars and arrays of either precision.

`kernel_primitives.py` holds their twins for compiled kernels. Apart from these, the functions use only IEEE
`+ - * /`, comparisons and integer operations, so both uses give the same bits on every processor.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from snnrun.numerics import fused

Numbers: TypeAlias = Any
"""A scalar of the library's precision (float64 or float32), or an array of them (of any shape)."""
Doubles: TypeAlias = Any
"""A float64 scalar, or an array of them, in either precision."""
Integers: TypeAlias = Any
"""An int64 or uint64 scalar (in single precision, int32 where bits of numbers are meant), or an array of them."""
Truth: TypeAlias = Any
"""A boolean scalar, or an array of booleans (of any shape)."""


def select(condition: Truth, a: Numbers, b: Numbers) -> Numbers:
    """`a` where the condition holds, else `b`; both are computed."""
    chosen: Numbers = np.where(condition, a, b)
    return chosen[()]


def bits_of(x: Numbers) -> Integers:
    """The bits of a number as an integer of its size; Python's numbers are float64."""
    values: Numbers = np.asarray(x)
    single = values.dtype == np.float32
    return (values.view(np.int32) if single else np.asarray(values, np.float64).view(np.int64))[()]


def float_of(bits: Integers) -> Numbers:
    """The number with these bits: of int64 or uint64 a float64, of int32 a float32."""
    values: Numbers = np.asarray(bits)
    return values.view(np.float32 if values.dtype == np.int32 else np.float64)[()]


def shift_right(bits: Integers, count: int) -> Integers:
    """An int64 or int32 shifted to the right with zeros filled in."""
    values: Numbers = np.asarray(bits)
    unsigned = values.view(np.uint32 if values.dtype == np.int32 else np.uint64)
    return (unsigned >> unsigned.dtype.type(count)).view(values.dtype)[()]


def lower_half(word: Integers) -> Integers:
    """The lower 32 bits of an int64 or uint64 as int32."""
    return np.asarray(word).astype(np.uint64).astype(np.uint32).view(np.int32)[()]


def upper_half(word: Integers) -> Integers:
    """The upper 32 bits of a uint64 as int32."""
    return lower_half(np.asarray(word) >> np.uint64(32))


def single_of(x: Numbers | Integers) -> Numbers:
    """A float64 or int32 as the nearest float32."""
    return np.asarray(x).astype(np.float32)[()]


def double_of(x: Numbers) -> Numbers:
    """A float32 as float64."""
    return np.asarray(x).astype(np.float64)[()]


def sqrt(x: Numbers) -> Numbers:
    """The square root, correctly rounded (IEEE)."""
    return np.sqrt(x)


def fma(a: Numbers, b: Numbers, c: Numbers) -> Numbers:
    """The sum a * b + c rounded once (IEEE), in double precision."""
    return fused.fma(a, b, c)


def u64(x: Integers) -> Integers:
    """An integer as uint64, modulo 2**64."""
    if isinstance(x, int):
        return np.uint64(x & 0xFFFF_FFFF_FFFF_FFFF)
    return np.asarray(x).astype(np.uint64)[()]


def beyond(limit: float, function: Callable[[Numbers], Numbers], x: Numbers, value: Numbers) -> Numbers:
    """`value`, but `function(x)` where |x| is larger than a limit: a slow way that is seldom gone.

    Both must be NaN for NaN. A kernel's loop stays vectorised.
    """
    far = np.abs(x) > limit
    if not np.any(far):
        return value
    values = np.array(value)
    values[far] = function(np.asarray(x)[far])
    return values[()]


def any_true(condition: Truth) -> bool:
    """Whether a loop must go on: any element of an array, or the one truth value of a kernel."""
    return bool(np.any(condition))
