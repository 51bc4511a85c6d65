"""Functions of float64 in fast math; each replaces the function of `functions` that has the same name.

They have fewer operations: results lie within 3 ulp of the exact value instead of 2, and powers of e below 1e-307 may
be 0. Infinities, NaN and values at 0 are the same. No other function is built on these.
"""

from __future__ import annotations

from snnrun.kernels.functions import (
    _LN2_HI,
    _LN2_LO,
    _LOG2_E,
    _ROUNDER,
    _TWO_M100,
    _bounded_for_exprel,
    absolute,
)
from snnrun.kernels.fused import fma
from snnrun.kernels.marks import kernel
from snnrun.kernels.primitives import Numbers, bits_of, float_of, select


@kernel(inline=True)
def _exp_tail(r: Numbers, z: Numbers) -> Numbers:
    """(exp(r) - 1 - r) / r**2 for |r| <= ln(2)/2; z is r**2."""
    q = z * z
    low = fma(fma(0.008333333333390055, r, 0.041666666666575945), z, fma(0.16666666666666588, r, 0.5000000000000006))
    middle = fma(
        fma(2.7557407927246544e-06, r, 2.4801504903587613e-05),
        z,
        fma(0.00019841269718191612, r, 0.0013888888931853783),
    )
    return fma(fma(fma(2.5053783901744963e-08, r, 2.762619294305078e-07), q, middle), q, low)


@kernel(inline=True)
def _reduced(x: Numbers, rounder: Numbers) -> tuple[Numbers, Numbers]:
    """2**n and exp(r) - 1 with exp(x) = 2**n * exp(r) (argument reduction); `rounder` may add an integer to n."""
    t = fma(x, _LOG2_E, rounder)
    n = t - rounder
    r = fma(n, -_LN2_LO, fma(n, -_LN2_HI, x))
    z = r * r
    return float_of(bits_of(t) << 52), fma(z, _exp_tail(r, z), r)


@kernel(inline=True)
def exp(x: Numbers) -> Numbers:
    """e**x."""
    bounded = select(x > 710.0, 710.0, x)
    bounded = select(bounded < -708.5, -708.5, bounded)
    # 2**(n - 1), as the largest results are sums of two halves.
    power, rest = _reduced(bounded, _ROUNDER + 1022.0)
    half = fma(power, rest, power)
    return half + half


@kernel(inline=True)
def _scaled_expm1(x: Numbers, rounder: Numbers, one: Numbers) -> Numbers:
    """(exp(x) - 1) * one for x >= -40; `one` is a power of two that avoids overflow, and `rounder` has its exponent."""
    power, rest = _reduced(x, rounder)
    return fma(power, rest, power - one)


@kernel(inline=True)
def expm1(x: Numbers) -> Numbers:
    """e**x - 1, exact near 0."""
    z = select(x > 710.0, 710.0, x)
    z = select(z < -40.0, -40.0, z)
    return select(absolute(x) < 1e-17, x, 2.0 * _scaled_expm1(z, _ROUNDER + 1022.0, 0.5))


@kernel(inline=True)
def exprel(x: Numbers) -> Numbers:
    """(e**x - 1) / x, and its limit 1 at 0."""
    bounded, z = _bounded_for_exprel(x)
    grown = _scaled_expm1(z, _ROUNDER + 923.0, _TWO_M100)
    return select(grown == 0.0, 1.0, grown / (_TWO_M100 * bounded))


@kernel(inline=True)
def inverse_exprel(x: Numbers) -> Numbers:
    """The inverse x / (e**x - 1) of `exprel`, and its limit 1 at 0."""
    bounded, z = _bounded_for_exprel(x)
    grown = _scaled_expm1(z, _ROUNDER + 923.0, _TWO_M100)
    return select(grown == 0.0, 1.0, _TWO_M100 * bounded / grown)
