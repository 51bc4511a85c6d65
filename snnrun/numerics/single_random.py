"""The random numbers of `random` in single precision: the same words, so the same numbers up to rounding.

A uniform number is that of double precision cut to 24 bits. A normal number takes 31 bits of a word for its radius and
32 of the other for its angle; it lies within a few 1e-7 of that of double precision, but for radii below 0.01.
"""

from __future__ import annotations

from snnrun.numerics.primitives import (
    Doubles,
    Integers,
    Numbers,
    bits_of,
    float_of,
    select,
    shift_right,
    single_of,
    sqrt,
    upper_half,
)
from snnrun.numerics.random import poisson as double_poisson
from snnrun.numerics.random import threefry
from snnrun.numerics.single_functions import log_plus


def _fraction(word: Integers) -> Numbers:
    """The upper 24 bits of a word as a number in [0, 1)."""
    return 5.9604644775390625e-08 * single_of(shift_right(upper_half(word), 8))


def _half_word(word: Integers) -> Numbers:
    """The upper half of a word as the bits of a number, to be carried in an array of numbers."""
    return float_of(upper_half(word))


def _gauss_pair(half0: Numbers, half1: Numbers) -> tuple[Numbers, Numbers]:
    """Two independent standard normal numbers from the halves of two random words (Box and Muller)."""
    # 1 - u in (0, 1], small numbers to full precision: they make the tails.
    left = 4.656612873077393e-10 * (single_of(shift_right(bits_of(half0) ^ -1, 1)) + 0.5)
    radius = sqrt(-2.0 * log_plus(left, 0.0))
    angle = bits_of(half1)
    turns = shift_right(angle + 0x2000_0000, 30)
    f = 2.3283064365386963e-10 * single_of(angle << 2)
    z = f * f
    s = (1.5707964 - 0.6459641 * z) + (0.07969258 - 0.004681266 * z + 0.00015820586 * (z * z)) * (z * z)
    s = s * f
    c = (1.0 - 1.2337005 * z) + (0.2536692 - 0.020860069 * z + 0.0009036255 * (z * z)) * (z * z)
    even = (turns & 1) == 0
    sine = float_of(bits_of(select(even, s, c)) ^ ((turns & 2) << 30))
    cosine = float_of(bits_of(select(even, c, s)) ^ (((turns + 1) & 2) << 30))
    return radius * cosine, radius * sine


def uniform(k: Integers, step: Integers, seed: Integers, stream: Integers) -> Numbers:
    """The uniform number in [0, 1) of element k at a step: a multiple of 2**-24."""
    x0, x1 = threefry(k >> 1, step, seed, stream)
    return _fraction(select((k & 1) == 0, x0, x1))


def normal(k: Integers, step: Integers, seed: Integers, stream: Integers) -> Numbers:
    """The standard normal number of element k at a step."""
    x0, x1 = threefry(k >> 1, step, seed, stream)
    even, odd = _gauss_pair(_half_word(x0), _half_word(x1))
    return select((k & 1) == 0, even, odd)


def fill_uniform(out: Numbers, low: int, high: int, step: Integers, seed: Integers, stream: Integers) -> None:
    """Write `uniform` of elements low to high - 1, and of the other half of the pairs at both ends."""
    for q in range(low >> 1, (high + 1) >> 1):
        x0, x1 = threefry(q, step, seed, stream)
        out[2 * q] = _fraction(x0)
        out[2 * q + 1] = _fraction(x1)


def fill_normal(out: Numbers, low: int, high: int, step: Integers, seed: Integers, stream: Integers) -> None:
    """Write `normal` of elements low to high - 1.

    In two passes over short blocks, which `out` carries half of each word between: the second needs only 32 bits an
    element. Halves of pairs at the ends are written at once, as another thread
    may write the other half.
    """
    if low & 1 and low < high:
        out[low] = normal(low, step, seed, stream)
    if high & 1 and low < high:
        out[high - 1] = normal(high - 1, step, seed, stream)
    for first in range((low + 1) >> 1, high >> 1, 128):
        last = min(first + 128, high >> 1)
        for q in range(first, last):
            x0, x1 = threefry(q, step, seed, stream)
            out[2 * q] = _half_word(x0)
            out[2 * q + 1] = _half_word(x1)
        for q in range(first, last):
            even, odd = _gauss_pair(out[2 * q], out[2 * q + 1])
            out[2 * q] = even
            out[2 * q + 1] = odd


def poisson(lam: Doubles, k: Integers, step: Integers, seed: Integers, stream: Integers) -> Numbers:
    """The Poisson number of `random`, rounded: counts above 2**24 are no longer exact."""
    return single_of(double_poisson(lam, k, step, seed, stream))
