"""Operations that numba lacks, for Python and numpy; `codegen.intrinsics` implements the same for numba.

Numerical functions use only IEEE `+ - * /`, comparisons, operations on integers, and these primitives, so numpy and
kernels compute the same bits on every processor. Signed and unsigned integers of one size must not be mixed: both numpy
and numba convert them to float64. Elements of arrays of narrow integers are read as `int(x[k])`: numba widens them by
itself, numpy does not.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from threading import Lock
from typing import Any, TypeAlias

import numpy as np

Numbers: TypeAlias = Any
"""A scalar of the kernel's precision (float64 or float32), or an array of them (of any shape)."""
Doubles: TypeAlias = Any
"""A float64 scalar, or an array of them, in either precision."""
Integers: TypeAlias = Any
"""An int64 or uint64 scalar (in single precision, int32 where bits of numbers are meant), or an array of them."""
Truth: TypeAlias = Any
"""A boolean scalar, or an array of booleans (of any shape)."""
Array: TypeAlias = Any
"""An array of one dimension, of any type."""

_UNKNOWN_LENGTH = 1 << 40
_lock = Lock()


# numbers


def select(condition: Truth, a: Any, b: Any) -> Any:
    """`a` where the condition holds, else `b`; both are computed, without a branch."""
    return np.where(condition, a, b)[()]


def bits_of(x: Numbers) -> Integers:
    """The bits of a number as an integer of its size; a float of Python counts as float64."""
    values: Numbers = np.asarray(x)
    single = values.dtype == np.float32
    return (values.view(np.int32) if single else np.asarray(values, np.float64).view(np.int64))[()]


def float_of(bits: Integers) -> Doubles:
    """The float64 with these bits, an int64 or uint64."""
    return np.asarray(bits).view(np.float64)[()]


def single_of_bits(bits: Integers) -> Numbers:
    """The float32 whose bits are the lower 32 of an integer."""
    return _lower(bits).view(np.float32)[()]


def shift_right(bits: Integers, count: int) -> Integers:
    """An int64 shifted to the right with zeros filled in."""
    return (np.asarray(bits).view(np.uint64) >> np.uint64(count)).view(np.int64)[()]


def shift_right_32(bits: Integers, count: int) -> Integers:
    """The lower 32 bits of an integer shifted to the right with zeros filled in, as an int32."""
    return (_lower(bits).view(np.uint32) >> np.uint32(count)).view(np.int32)[()]


def lower_half(word: Integers) -> Integers:
    """The lower 32 bits of an integer as an int32."""
    return _lower(word)[()]


def upper_half(word: Integers) -> Integers:
    """The upper 32 bits of a uint64 as an int32."""
    return _lower(np.asarray(word) >> np.uint64(32))[()]


def _lower(bits: Integers) -> Any:
    return np.asarray(bits).astype(np.int64, copy=False).astype(np.int32)


def single_of(x: Numbers | Integers) -> Numbers:
    """A float64 or an integer as the nearest float32."""
    return np.asarray(x).astype(np.float32)[()]


def double_of(x: Numbers | Integers) -> Doubles:
    """A float32 or an integer as the nearest float64."""
    return np.asarray(x).astype(np.float64)[()]


def sqrt(x: Numbers) -> Numbers:
    """The square root, correctly rounded (IEEE)."""
    return np.sqrt(x)


def u64(x: Integers) -> Integers:
    """An integer as uint64, modulo 2**64."""
    if isinstance(x, int):
        return np.uint64(x & 0xFFFF_FFFF_FFFF_FFFF)
    return np.asarray(x).astype(np.uint64)[()]


def i64_of(x: Integers) -> Integers:
    """An integer as int64, modulo 2**64."""
    return np.asarray(x).astype(np.int64)[()]


def slow_path_above(exponent: int, function: Callable[[Numbers], Numbers], x: Numbers, value: Numbers) -> Numbers:
    """`value`, but `function(x)` where |x| is above 2**exponent: the slow path of a function.

    Both must be NaN for NaN. In a kernel the slow path is a call that leaves loops vectorised.
    """
    far = np.abs(x) > 2.0**exponent
    if not np.any(far):
        return value
    values = np.array(value)
    values[far] = function(np.asarray(x)[far])
    return values[()]


def any_true(condition: Truth) -> bool:
    """Whether any element of an array is true; in a kernel, whether the one value is."""
    return bool(np.any(condition))


def lowest_bit(word: Integers) -> Integers:
    """The index of the lowest bit that is set in a word other than 0 (count of trailing zeros)."""
    value = int(word)
    return (value & -value).bit_length() - 1


# arrays: behind the entries of a table of addresses; their lengths are not known here


def _array_at(table: Array, k: int, kind: Any) -> Array:
    pointer = ctypes.cast(int(table[k]), ctypes.POINTER(kind))
    return np.ctypeslib.as_array(pointer, (_UNKNOWN_LENGTH,))


def f64(table: Array, k: int) -> Array:
    """The array of float64 at address k of a table."""
    return _array_at(table, k, ctypes.c_double)


def f32(table: Array, k: int) -> Array:
    """The array of float32 at address k of a table."""
    return _array_at(table, k, ctypes.c_float)


def i64(table: Array, k: int) -> Array:
    """The array of int64 at address k of a table."""
    return _array_at(table, k, ctypes.c_int64)


def i32(table: Array, k: int) -> Array:
    """The array of int32 at address k of a table."""
    return _array_at(table, k, ctypes.c_int32)


def u16(table: Array, k: int) -> Array:
    """The array of uint16 at address k of a table."""
    return _array_at(table, k, ctypes.c_uint16)


def u8(table: Array, k: int) -> Array:
    """The array of uint8 at address k of a table."""
    return _array_at(table, k, ctypes.c_uint8)


def prefetch(array: Array, k: int) -> None:
    """Prefetch the cache line of element k, which will be read soon."""


# threads


def atomic_load(words: Array, k: int) -> int:
    """Read word k, which other threads write, atomically."""
    with _lock:
        return int(words[k])


def atomic_add(words: Array, k: int, value: int) -> int:
    """Add to word k, which other threads write too, atomically; returns the value before."""
    with _lock:
        before = int(words[k])
        words[k] += value
    return before


def pause() -> None:
    """Tell the processor that the thread waits in a loop; in Python, let another thread run."""
    time.sleep(0)


def ticks() -> int:
    """What a clock of the processor shows that counts at a constant rate; in Python, nanoseconds."""
    return time.perf_counter_ns()


def call_system(address: int, number: int, words: Array, k: int, operation: int, value: int) -> int:  # noqa: ARG001
    """Call the system function at an address with (number, address of word k, operation, value, 0)."""
    return 0
