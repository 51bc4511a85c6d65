"""The functions of `functions` in single precision (float32), written once for numpy and for compiled kernels.

The same holds as there: straight-line code, the same bits everywhere, within 2 ulp of the exact value over the whole
range, IEEE 754 at the edges. Functions that equations call in every step have their own polynomials; the others round
the result of the function in double precision, which vectorises too. Times are float64 in either precision, so
`timestep` takes float64.

Functions with `single` compute in float32, and literals in their text are float32. Computations in double precision are
functions of their own.
"""

from __future__ import annotations

from snnrun.kernels import functions as double
from snnrun.kernels.functions import _slow_cos as double_slow_cos
from snnrun.kernels.functions import _slow_sin as double_slow_sin
from snnrun.kernels.marks import kernel
from snnrun.kernels.primitives import (
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
    slow_path_above,
)

_INFINITY = float("inf")
_NAN = float("nan")
_SIGN = -0x8000_0000
_MAGNITUDE = 0x7FFF_FFFF
_TWO_23 = 8388608.0
_TWO_23_BITS = 0x4B00_0000
_TWO_M40 = 9.094947017729282e-13
# Adding 1.5 * 2**23 to a small number rounds it to an integer, which is then in the low bits.
_ROUNDER = 12582912.0
# The same for exponents n: the low bits hold n + 254, so that each half of it is the biased exponent of 2**(n/2).
_EXPONENT_ROUNDER = 12583166.0
_LOG2_E = 1.4426950408889634
# ln 2 as a sum of two numbers; the first has 10 bits, so its product with an exponent is exact.
_LN2_HI = 0.693359375
_LN2_LO = -0.00021219444005469057
# Angles are reduced in double precision.
_DOUBLE_ROUNDER = 6755399441055744.0
_LARGEST_ANGLE = 30  # exponent of 2


@kernel(single=True, inline=True)
def absolute(x: Numbers) -> Numbers:
    """|x|."""
    return single_of_bits(bits_of(x) & _MAGNITUDE)


@kernel(single=True, inline=True)
def with_sign(x: Numbers, signed: Numbers) -> Numbers:
    """X with the sign bit of `signed`, for x that is not negative, NaN or -0."""
    return single_of_bits(bits_of(x) | (bits_of(signed) & _SIGN))


@kernel(single=True, inline=True)
def floor(x: Numbers) -> Numbers:
    """The largest integer that is not larger than x."""
    shift = single_of_bits((bits_of(x) & _SIGN) | _TWO_23_BITS)
    rounded = (x + shift) - shift
    lower = select(rounded > x, rounded - 1.0, rounded)
    return select(absolute(x) < _TWO_23, with_sign(lower, x), x)


@kernel(single=True, inline=True)
def ceil(x: Numbers) -> Numbers:
    """The smallest integer that is not smaller than x."""
    return -floor(-x)


@kernel(single=True, inline=True)
def rint(x: Numbers) -> Numbers:
    """The integer nearest to x; of two that are equally near, the even one."""
    shift = single_of_bits((bits_of(x) & _SIGN) | _TWO_23_BITS)
    return select(absolute(x) < _TWO_23, with_sign((x + shift) - shift, x), x)


@kernel(single=True, inline=True)
def sign(x: Numbers) -> Numbers:
    """-1, 0 or 1; NaN for NaN."""
    return select(x == 0.0, 0.0, select(x > 0.0, 1.0, select(x < 0.0, -1.0, x)))


@kernel(single=True, inline=True)
def clip(x: Numbers, low: Numbers, high: Numbers) -> Numbers:
    """Limit x to [low, high]; NaN stays."""
    raised = select(x < low, low, x)
    return select(raised > high, high, raised)


@kernel(single=True, inline=True)
def minimum(a: Numbers, b: Numbers) -> Numbers:
    """The smaller of two numbers; NaN if one of them is NaN."""
    return select((a < b) | (a != a), a, b)  # noqa: PLR0124


@kernel(single=True, inline=True)
def maximum(a: Numbers, b: Numbers) -> Numbers:
    """The larger of two numbers; NaN if one of them is NaN."""
    return select((a > b) | (a != a), a, b)  # noqa: PLR0124


@kernel(single=True, inline=True)
def hypot(x: Numbers, y: Numbers) -> Numbers:
    """sqrt(x**2 + y**2) without overflow on the way; infinite if one of them is."""
    return single_of(double.hypot(double_of(x), double_of(y)))


@kernel(single=True, inline=True)
def timestep(t: Doubles, dt: Doubles) -> Numbers:
    """The number of whole steps in a time, with a thousandth of a step of tolerance; times in double precision."""
    return single_of(double.timestep(double_of(t), double_of(dt)))


@kernel(single=True, inline=True)
def _exp_tail(r: Numbers) -> Numbers:
    """(exp(r) - 1 - r) / r**2 for |r| <= ln(2)/2."""
    z = r * r
    low = (0.5 + 0.16666667 * r) + (0.041666355 + 0.008333273 * r) * z
    return low + (0.0013941063 + 0.00019914268 * r) * (z * z)


@kernel(single=True, inline=True)
def exp(x: Numbers) -> Numbers:
    """e**x."""
    z = select(x > 89.0, 89.0, x)
    z = select(z < -105.0, -105.0, z)
    t = z * _LOG2_E + _EXPONENT_ROUNDER
    n = t - _EXPONENT_ROUNDER
    r = (z - n * _LN2_HI) - n * _LN2_LO
    # In two factors, so that subnormal results are rounded once.
    bits = bits_of(t)
    half = shift_right_32(bits, 1)
    return (1.0 + (r + r * r * _exp_tail(r))) * single_of_bits(half << 23) * single_of_bits((bits - half) << 23)


@kernel(single=True, inline=True)
def _scaled_expm1(x: Numbers, near_x: Numbers, rounder: Numbers, one: Numbers) -> Numbers:
    """(exp(x) - 1) * one for x >= -20; `one` is a power of two that avoids overflow, and `rounder` has its exponent.

    The argument is reduced by the power of two that is nearest to exp(near_x).
    """
    t = near_x * _LOG2_E + rounder
    n = t - rounder
    a = x - n * _LN2_HI
    b = n * _LN2_LO
    r = a - b
    power = single_of_bits(bits_of(t) << 23)
    return power * (a + (r * r * _exp_tail(r) - b)) + (power - one)


@kernel(single=True, inline=True)
def expm1(x: Numbers) -> Numbers:
    """e**x - 1, exact near 0."""
    z = select(x > 89.0, 89.0, x)
    z = select(z < -20.0, -20.0, z)
    return select(absolute(x) < 1e-9, x, 2.0 * _scaled_expm1(z, z, _ROUNDER + 126.0, 0.5))


@kernel(single=True, inline=True)
def _bounded_for_exprel(x: Numbers) -> tuple[Numbers, Numbers]:
    """X clamped to at most 110, where exprel(x) is infinite and its inverse 0; and the same clamped to at least -20."""
    bounded = select(x > 110.0, 110.0, x)
    return bounded, select(bounded < -20.0, -20.0, bounded)


@kernel(single=True, inline=True)
def exprel(x: Numbers) -> Numbers:
    """(e**x - 1) / x, and its limit 1 at 0."""
    bounded, z = _bounded_for_exprel(x)
    grown = _scaled_expm1(z, z, _ROUNDER + 87.0, _TWO_M40)
    return select(grown == 0.0, 1.0, grown / (_TWO_M40 * bounded))


@kernel(single=True, inline=True)
def inverse_exprel(x: Numbers) -> Numbers:
    """The inverse x / (e**x - 1) of `exprel`, and its limit 1 at 0."""
    bounded, z = _bounded_for_exprel(x)
    grown = _scaled_expm1(z, z - 0.06, _ROUNDER + 87.0, _TWO_M40)
    return select(grown == 0.0, 1.0, _TWO_M40 * bounded / grown)


@kernel(single=True, inline=True)
def sinh(x: Numbers) -> Numbers:
    """The hyperbolic sine."""
    return single_of(double.sinh(double_of(x)))


@kernel(single=True, inline=True)
def cosh(x: Numbers) -> Numbers:
    """The hyperbolic cosine."""
    return single_of(double.cosh(double_of(x)))


@kernel(single=True, inline=True)
def tanh(x: Numbers) -> Numbers:
    """The hyperbolic tangent."""
    a = absolute(x)
    z = a * a
    low = (-0.3333333 + 0.13333286 * z) + (-0.05395832 + 0.021773081 * z) * (z * z)
    high = -0.008381996 + 0.0023572291 * z
    near = a + a * (z * (low + high * ((z * z) * (z * z))))
    bounded = select(a > 10.0, 10.0, a)
    far = 1.0 - 2.0 / (exp(bounded + bounded) + 1.0)
    return with_sign(select(a < 0.5625, near, far), x)


@kernel(single=True, inline=True)
def log_plus(x: Numbers, correction: Numbers) -> Numbers:
    """log(x) + correction for x > 0 and a correction below an ulp of x."""
    subnormal = x < 1.1754944e-38
    scaled = select(subnormal, x * 33554432.0, x)
    bits = bits_of(scaled) + (0x3F80_0000 - 0x3F35_04F3)
    biased = single_of(shift_right_32(bits, 23))
    k = select(subnormal, biased - 152.0, biased - 127.0)
    f = single_of_bits((bits & 0x007F_FFFF) + 0x3F35_04F3) - 1.0
    s = f / (2.0 + f)
    z = s * s
    p = (0.6666666 + 0.40000334 * z) + (0.2853739 + 0.23581214 * z) * (z * z)
    h = 0.5 * f * f
    return k * _LN2_HI - ((h - (s * (h + z * p) + (k * _LN2_LO + correction))) - f)


@kernel(single=True, inline=True)
def log(x: Numbers) -> Numbers:
    """The natural logarithm; -inf at 0, NaN below."""
    edge = select(x == 0.0, -_INFINITY, select(x > 0.0, x, _NAN))
    return select((x > 0.0) & (x < _INFINITY), log_plus(x, 0.0), edge)


@kernel(single=True, inline=True)
def log1p(x: Numbers) -> Numbers:
    """log(1 + x), exact near 0."""
    return single_of(double.log1p(double_of(x)))


@kernel(inline=True)
def log10(x: Numbers) -> Numbers:
    """The logarithm to base 10; -inf at 0, NaN below."""
    return single_of(0.4342944819032518 * double.log(double_of(x)))


@kernel(inline=True)
def _double_power(x: Doubles, y: Doubles) -> Doubles:
    """x**y for x >= 0, in double precision."""
    bounded = select(y > 1e300, 1e300, y)
    bounded = select(bounded < -1e300, -1e300, bounded)
    return double.exp(bounded * double.log(x))


@kernel(single=True, inline=True)
def pow(x: Numbers, y: Numbers) -> Numbers:
    """The power x**y; 1 if y = 0 or x = 1; negative x with integer y, zeros and infinities as IEEE 754 says."""
    size = single_of(_double_power(double_of(absolute(x)), double_of(y)))
    half = 0.5 * y
    whole = floor(y) == y
    odd = whole & (floor(half) != half)
    signed = select(odd, with_sign(size, x), size)
    broken = ((x < 0.0) & (x > -_INFINITY) & (floor(y) != y)) | (x != x) | (y != y)  # noqa: PLR0124
    return select((y == 0.0) | (x == 1.0), 1.0, select(broken, _NAN, signed))


@kernel(inline=True)
def _quarter_turns(x: Numbers) -> tuple[Numbers, Integers]:
    """An angle modulo pi/2, within pi/4, and an integer with the quarter turns in its low bits."""
    # Cody-Waite reduction. pi/2 as a sum of three numbers; the products of the first two, of 23 bits each, are exact.
    angle = double_of(x)
    t = angle * 0.6366197723675814 + _DOUBLE_ROUNDER
    n = t - _DOUBLE_ROUNDER
    r = ((angle - n * 1.570796251296997) - n * 7.549789415861596e-08) - n * 5.390302858158119e-15
    return single_of(r), lower_half(bits_of(t))


@kernel(single=True, inline=True)
def _sine_near_zero(r: Numbers) -> Numbers:
    """sin(r) for |r| <= pi/4."""
    z = r * r
    p = (-0.16666667 + 0.008333329 * z) + (-0.00019839327 + 2.7182411e-06 * z) * (z * z)
    return r + r * z * p


@kernel(single=True, inline=True)
def _cosine_near_zero(r: Numbers) -> Numbers:
    """cos(r) for |r| <= pi/4."""
    z = r * r
    p = (0.041666646 - 0.0013887363 * z) + 2.4437832e-05 * (z * z)
    h = 0.5 * z
    w = 1.0 - h
    return w + (((1.0 - w) - h) + z * z * p)


@kernel(exact=True)
def _slow_sin(x: Numbers) -> Numbers:
    return single_of(double_slow_sin(double_of(x)))


@kernel(exact=True)
def _slow_cos(x: Numbers) -> Numbers:
    return single_of(double_slow_cos(double_of(x)))


@kernel(single=True, inline=True)
def sin(x: Numbers) -> Numbers:
    """The sine of an angle in radians."""
    r, turns = _quarter_turns(x)
    value = select((turns & 1) == 0, _sine_near_zero(r), _cosine_near_zero(r))
    value = single_of_bits(bits_of(value) ^ ((turns & 2) << 30))
    return slow_path_above(_LARGEST_ANGLE, _slow_sin, x, select(absolute(x) < 1e-5, x, value))


@kernel(single=True, inline=True)
def cos(x: Numbers) -> Numbers:
    """The cosine of an angle in radians."""
    r, turns = _quarter_turns(x)
    value = select((turns & 1) == 0, _cosine_near_zero(r), _sine_near_zero(r))
    value = single_of_bits(bits_of(value) ^ (((turns + 1) & 2) << 30))
    return slow_path_above(_LARGEST_ANGLE, _slow_cos, x, value)


@kernel(single=True, inline=True)
def tan(x: Numbers) -> Numbers:
    """The tangent of an angle in radians."""
    return single_of(double.tan(double_of(x)))


@kernel(single=True, inline=True)
def arctan(x: Numbers) -> Numbers:
    """The inverse of `tan`, in [-pi/2, pi/2]."""
    return single_of(double.arctan(double_of(x)))


@kernel(single=True, inline=True)
def arctan2(y: Numbers, x: Numbers) -> Numbers:
    """The angle of the point (x, y), in [-pi, pi]; zeros and infinities as IEEE 754 says."""
    return single_of(double.arctan2(double_of(y), double_of(x)))


@kernel(single=True, inline=True)
def erf(x: Numbers) -> Numbers:
    """The error function: 2/sqrt(pi) times the integral of exp(-s**2) from 0 to x."""
    return single_of(double.erf(double_of(x)))


@kernel(single=True, inline=True)
def erfc(x: Numbers) -> Numbers:
    """1 - erf(x), exact where erf(x) is near 1."""
    return single_of(double.erfc(double_of(x)))


@kernel(single=True, inline=True)
def arcsin(x: Numbers) -> Numbers:
    """The inverse of `sin`, in [-pi/2, pi/2]; NaN outside of [-1, 1]."""
    return single_of(double.arcsin(double_of(x)))


@kernel(single=True, inline=True)
def arccos(x: Numbers) -> Numbers:
    """The inverse of `cos`, in [0, pi]; NaN outside of [-1, 1]."""
    return single_of(double.arccos(double_of(x)))


@kernel(single=True, inline=True)
def fmod_python(a: Numbers, b: Numbers) -> Numbers:
    """The remainder a % b as Python defines it, with the sign of b; NaN for b = 0; exact for |a / b| < 2**52."""
    return single_of(double.fmod_python(double_of(a), double_of(b)))


@kernel(single=True, inline=True)
def floordiv(a: Numbers, b: Numbers) -> Numbers:
    """The quotient a // b as Python defines it: the floor of the exact one; infinite or NaN for b = 0."""
    return single_of(double.floordiv(double_of(a), double_of(b)))
