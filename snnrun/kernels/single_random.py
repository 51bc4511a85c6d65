"""The random numbers of `random` in single precision: the same words, so the same numbers up to rounding.

A uniform number is that of double precision truncated to 24 bits. A normal number takes 31 bits of a word for its
radius and 32 of the other for its angle; it lies within a few 1e-7 of that of double precision, except for radii below
0.01.
"""

from __future__ import annotations

from snnrun.kernels.marks import kernel
from snnrun.kernels.primitives import (
    Array,
    Doubles,
    Integers,
    Numbers,
    bits_of,
    double_of,
    lower_half,
    select,
    shift_right_32,
    single_of,
    single_of_bits,
    sqrt,
    upper_half,
)
from snnrun.kernels.random import binomial as double_binomial
from snnrun.kernels.random import poisson as double_poisson
from snnrun.kernels.random import standard_gamma as double_standard_gamma
from snnrun.kernels.random import truncated_normal as double_truncated_normal
from snnrun.kernels.random_fills import fill_with_normal, fill_with_uniform
from snnrun.kernels.single_functions import log_plus
from snnrun.kernels.threefry import threefry


@kernel(single=True, inline=True)
def fraction(word: Integers) -> Numbers:
    """The upper 24 bits of a word as a number in [0, 1)."""
    return 5.9604644775390625e-08 * single_of(shift_right_32(upper_half(word), 8))


@kernel(single=True, inline=True)
def packed(word: Integers) -> Numbers:
    """The bits of a word that `packed_normal_pair` needs, its upper half, as a number."""
    return single_of_bits(upper_half(word))


@kernel(single=True, inline=True)
def packed_normal_pair(packed0: Numbers, packed1: Numbers) -> tuple[Numbers, Numbers]:
    """Two independent standard normal numbers from two packed words (Box and Muller)."""
    # 1 - u in (0, 1]; small numbers are exact, as they make the tails.
    left = 4.656612873077393e-10 * (single_of(shift_right_32(bits_of(packed0) ^ -1, 1)) + 0.5)
    radius = sqrt(-2.0 * log_plus(left, 0.0))
    angle = bits_of(packed1)
    turns = shift_right_32(angle + 0x2000_0000, 30)
    f = 2.3283064365386963e-10 * single_of(lower_half(angle << 2))
    z = f * f
    s = (1.5707964 - 0.6459641 * z) + (0.07969258 - 0.004681266 * z + 0.00015820586 * (z * z)) * (z * z)
    s = s * f
    c = (1.0 - 1.2337005 * z) + (0.2536692 - 0.020860069 * z + 0.0009036255 * (z * z)) * (z * z)
    even = (turns & 1) == 0
    sine = single_of_bits(bits_of(select(even, s, c)) ^ ((turns & 2) << 30))
    cosine = single_of_bits(bits_of(select(even, c, s)) ^ (((turns + 1) & 2) << 30))
    return radius * cosine, radius * sine


@kernel(single=True, inline=True)
def uniform(k: Integers, step: Integers, seed: Integers, stream: Integers) -> Numbers:
    """The uniform number in [0, 1) of element k at a step: a multiple of 2**-24."""
    x0, x1 = threefry(k >> 1, step, seed, stream)
    return fraction(select((k & 1) == 0, x0, x1))


@kernel(single=True, inline=True)
def normal(k: Integers, step: Integers, seed: Integers, stream: Integers) -> Numbers:
    """The standard normal number of element k at a step."""
    x0, x1 = threefry(k >> 1, step, seed, stream)
    even, odd = packed_normal_pair(packed(x0), packed(x1))
    return select((k & 1) == 0, even, odd)


@kernel()
def fill_uniform(step: Integers, low: int, high: int, seed: Integers, stream: Integers, out: Array) -> None:
    """Write `uniform` of elements low to high - 1, and the other half of the pairs at both ends; shape (high + 1,)."""
    fill_with_uniform(fraction, out, low, high, step, seed, stream)


@kernel()
def fill_normal(step: Integers, low: int, high: int, seed: Integers, stream: Integers, out: Array) -> None:
    """Write `normal` of elements low to high - 1; shape (high,)."""
    fill_with_normal(normal, packed, packed_normal_pair, out, low, high, step, seed, stream)


@kernel(single=True)
def poisson(lam: Doubles, k: Integers, step: Integers, seed: Integers, stream: Integers) -> Numbers:
    """The Poisson number of `random`, rounded: counts above 2**24 are no longer exact."""
    return single_of(double_poisson(double_of(lam), k, step, seed, stream))


@kernel(single=True)
def binomial(n: Doubles, p: Doubles, k: Integers, step: Integers, seed: Integers, stream: Integers) -> Numbers:
    """The binomial number of `random`, rounded: counts above 2**24 are no longer exact."""
    return single_of(double_binomial(double_of(n), double_of(p), k, step, seed, stream))


@kernel(single=True)
def standard_gamma(shape: Doubles, k: Integers, step: Integers, seed: Integers, stream: Integers) -> Numbers:
    """The gamma number of `random`, rounded."""
    return single_of(double_standard_gamma(double_of(shape), k, step, seed, stream))


@kernel(single=True)
def truncated_normal(
    low: Doubles, high: Doubles, k: Integers, step: Integers, seed: Integers, stream: Integers
) -> Numbers:
    """The truncated normal number of `random`, rounded."""
    return single_of(double_truncated_normal(double_of(low), double_of(high), k, step, seed, stream))
