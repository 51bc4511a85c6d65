"""The sum a * b + c rounded once (IEEE 754), for numpy and for processors that lack the instruction.

Reference: Boldo and Melquiond, "Emulation of a FMA and correctly rounded sums: proved algorithms using rounding to
odd", IEEE Transactions on Computers 57(4), 2008.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from snnrun.kernels.marks import kernel
from snnrun.kernels.primitives import Doubles, bits_of, float_of, select, shift_right

_BLOCK = 1 << 13  # elements of an array that stay in the processor's cache


def fma(a: Doubles, b: Doubles, c: Doubles) -> Doubles:
    """The sum a * b + c rounded once, of numbers or of arrays that broadcast. In kernels it is one instruction."""
    if not any(isinstance(x, np.ndarray) and x.ndim for x in (a, b, c)):
        return np.float64(_of_numbers(float(a), float(b), float(c)))
    operands = [np.asarray(x, np.float64) for x in (a, b, c)]
    shape = np.broadcast_shapes(*(x.shape for x in operands))
    columns = [np.broadcast_to(x, shape).ravel() if x.ndim else x for x in operands]
    out = np.empty(math.prod(shape))
    for first in range(0, out.size, _BLOCK):
        block = slice(first, first + _BLOCK)
        out[block] = _of_arrays(*(x[block] if x.ndim else x for x in columns))
    return out.reshape(shape)


def _of_arrays(a: NDArray[np.float64], b: NDArray[np.float64], c: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(all="ignore"):
        sums: NDArray[np.float64] = fma_in_parts(a, b, c)
        product = abs(a * b)
        inside = (product < 1e300) & (abs(a) < 1e290) & (abs(b) < 1e290) & (abs(c) < 1e300)
        right = inside & ((product > 1e-288) | (abs(c) > 1e-250) | (a == 0.0) | (b == 0.0))
    for k in np.flatnonzero(~right):
        sums[k] = _of_numbers(*(float(x[k]) if x.ndim else float(x) for x in (a, b, c)))
    return sums


def _of_numbers(a: float, b: float, c: float) -> float:
    """The sum a * b + c of three floats, rounded once: the exact sum is computed with integers."""
    plain = a * b + c
    if not (math.isfinite(a) and math.isfinite(b)):
        return plain
    if not math.isfinite(c):
        return c
    (n_a, d_a), (n_b, d_b), (n_c, d_c) = a.as_integer_ratio(), b.as_integer_ratio(), c.as_integer_ratio()
    exact = n_a * n_b * d_c + n_c * d_a * d_b
    if exact == 0:
        return plain  # it has the right sign of zero
    try:
        rounded = abs(exact) / (d_a * d_b * d_c)  # Python rounds the ratio of two integers once
    except OverflowError:
        rounded = math.inf
    return math.copysign(rounded, -1.0 if exact < 0 else 1.0)


@kernel(exact=True, inline=True)
def two_product(a: Doubles, b: Doubles) -> tuple[Doubles, Doubles]:
    """The rounded product a * b and its exact error (Dekker)."""
    product = a * b
    t = 134217729.0 * a
    a_hi = t - (t - a)
    a_lo = a - a_hi
    t = 134217729.0 * b
    b_hi = t - (t - b)
    b_lo = b - b_hi
    return product, ((a_hi * b_hi - product) + a_hi * b_lo + a_lo * b_hi) + a_lo * b_lo


@kernel(exact=True, inline=True)
def two_sum(a: Doubles, b: Doubles) -> tuple[Doubles, Doubles]:
    """The rounded sum a + b and its exact error (Knuth)."""
    total = a + b
    b_part = total - a
    return total, (a - (total - b_part)) + (b - b_part)


@kernel(exact=True, inline=True)
def fma_in_parts(a: Doubles, b: Doubles, c: Doubles) -> Doubles:
    """The sum a * b + c rounded once, by IEEE operations alone (Boldo and Melquiond 2008).

    The last addend is rounded to odd, which avoids double rounding. Where parts of the product would underflow or
    overflow, the result is a product and a sum that are rounded each: it is right where c outweighs so small a product,
    and where a or b is a power of two.
    """
    product, error = two_product(a, b)
    low, low_error = two_sum(c, error)
    high, high_error = two_sum(product, low)
    rest, lost = two_sum(low_error, high_error)
    bits = bits_of(rest)
    away = 1 - 2 * shift_right(bits ^ bits_of(lost), 63)
    fused = high + float_of(bits + select((lost != 0.0) & ((bits & 1) == 0), away, 0))
    return select((abs(product) > 1e-288) & (abs(fused) < math.inf), fused, product + c)


@kernel(inline=True)
def multiply_and_add(a: Doubles, b: Doubles, c: Doubles) -> Doubles:
    """The sum a * b + c rounded twice: what `fma` is in fast math on processors that lack the instruction."""
    return a * b + c
