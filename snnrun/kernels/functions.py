"""Mathematical functions of float64, written once for numpy and for compiled kernels.

Every function is straight-line code over IEEE `+ - * /`, `fma`, comparisons, integer operations and the other
`primitives`, so a kernel and numpy agree in every bit, on every processor, and LLVM vectorises loops over them. All
results lie within 2 ulp of the exact value over the whole range; infinities, NaN, subnormal numbers and signed zeros
are handled as IEEE 754 and numpy do. Slow paths for large arguments are called through `slow_path_above`.

Called from numpy, wrap calls in `np.errstate` (or use `snnrun.kernels.arrays`, which does).
The coefficients of polynomials are minimax or Chebyshev fits on the reduced interval, computed with mpmath. Their terms
are summed in pairs, then in pairs of pairs (Estrin's scheme): the chain of dependent operations is short, and its
latency costs more than the operations.
"""

from __future__ import annotations

import numpy as np

from snnrun.kernels.fused import fma, two_product, two_sum
from snnrun.kernels.marks import kernel
from snnrun.kernels.primitives import (
    Integers,
    Numbers,
    bits_of,
    float_of,
    select,
    shift_right,
    slow_path_above,
    sqrt,
    u64,
)

_INFINITY = float("inf")
_NAN = float("nan")
_SIGN = -0x8000_0000_0000_0000
_MAGNITUDE = 0x7FFF_FFFF_FFFF_FFFF
# Adding 1.5 * 2**52 to a small number rounds it to an integer, which is then in the low bits.
_ROUNDER = 6755399441055744.0
# The same for exponents n: the low bits hold n + 2046, so that each half of it is the biased exponent of 2**(n/2).
_EXPONENT_ROUNDER = 6755399441057790.0
_TWO_52 = 4503599627370496.0
_TWO_M100 = 7.888609052210118e-31
_TWO_500 = 3.273390607896142e150
_TWO_600 = 4.149515568880993e180
_TWO_M400 = 3.872591914849318e-121
_TWO_M600 = 2.409919865102884e-181
# Above 2**30 radians, sin, cos and tan take the slow path (Payne-Hanek reduction).
_LARGEST_ANGLE = 30  # exponent of 2
# The bits of 2/pi after 24 zero bits, in words of 64.
_TWO_OVER_PI = np.array(
    [
        0x0000_00A2_F983_6E4E,
        0x4415_29FC_2757_D1F5,
        0x34DD_C0DB_6295_993C,
        0x4390_41FE_5163_ABDE,
        0xBBC5_61B7_246E_3A42,
        0x4DD2_E006_492E_EA09,
        0xD192_1CFE_1DEB_1CB1,
        0x29A7_3EE8_8235_F52E,
        0xBB44_84E9_9C70_26B4,
        0x5F7E_4139_91D6_3983,
        0x5339_F49C_845F_8BBD,
        0xF928_3B1F_F897_FFDE,
        0x0598_0FEF_2F11_8B5A,
        0x0A6D_1F6D_367E_CF27,
        0xCB09_B74F_463F_669E,
        0x5FEA_2D75_27BA_C7EB,
        0xE5F1_7B3D_0739_F78A,
        0x5292_EA6B_FB5F_B11F,
        0x8D5D_0856_0330_46FC,
    ],
    np.uint64,
)
_LOG2_E = 1.4426950408889634
# ln 2 as a sum of two numbers; the first has 42 bits, so its product with an exponent is exact.
_LN2_HI = 0.6931471805598903
_LN2_LO = 5.497923018708371e-14


@kernel(inline=True)
def absolute(x: Numbers) -> Numbers:
    """|x|."""
    return float_of(bits_of(x) & _MAGNITUDE)


@kernel(inline=True)
def with_sign(x: Numbers, signed: Numbers) -> Numbers:
    """X with the sign bit of `signed`, for x that is not negative, NaN or -0."""
    return float_of(bits_of(x) | (bits_of(signed) & _SIGN))


@kernel(inline=True)
def floor(x: Numbers) -> Numbers:
    """The largest integer that is not larger than x."""
    shift = with_sign(_TWO_52, x)
    rounded = (x + shift) - shift
    lower = rounded - select(rounded > x, 1.0, 0.0)
    return select(absolute(x) < _TWO_52, with_sign(lower, x), x)


@kernel(inline=True)
def ceil(x: Numbers) -> Numbers:
    """The smallest integer that is not smaller than x."""
    return -floor(-x)


@kernel(inline=True)
def rint(x: Numbers) -> Numbers:
    """The integer nearest to x; of two that are equally near, the even one."""
    shift = with_sign(_TWO_52, x)
    return select(absolute(x) < _TWO_52, with_sign((x + shift) - shift, x), x)


@kernel(inline=True)
def sign(x: Numbers) -> Numbers:
    """-1, 0 or 1; NaN for NaN."""
    return select(x > 0.0, 1.0, select(x < 0.0, -1.0, select(x == x, 0.0, x)))  # noqa: PLR0124


@kernel(inline=True)
def clip(x: Numbers, low: Numbers, high: Numbers) -> Numbers:
    """Limit x to [low, high]; NaN stays."""
    raised = select(x < low, low, x)
    return select(raised > high, high, raised)


@kernel(inline=True)
def minimum(a: Numbers, b: Numbers) -> Numbers:
    """The smaller of two numbers; NaN if one of them is NaN."""
    return select((a < b) | (a != a), a, b)  # noqa: PLR0124


@kernel(inline=True)
def maximum(a: Numbers, b: Numbers) -> Numbers:
    """The larger of two numbers; NaN if one of them is NaN."""
    return select((a > b) | (a != a), a, b)  # noqa: PLR0124


@kernel(inline=True)
def hypot(x: Numbers, y: Numbers) -> Numbers:
    """sqrt(x**2 + y**2) without overflow on the way; infinite if one of them is."""
    a = maximum(absolute(x), absolute(y))
    b = minimum(absolute(x), absolute(y))
    infinite = (absolute(x) == _INFINITY) | (absolute(y) == _INFINITY)
    # By a power of two the squares stay within the range; what is lost of b then does not count beside a.
    scale = select(a > _TWO_500, _TWO_M600, select(a < _TWO_M400, _TWO_600, 1.0))
    back = select(a > _TWO_500, _TWO_600, select(a < _TWO_M400, _TWO_M600, 1.0))
    square, square_lo = two_product(a * scale, a * scale)
    other, other_lo = two_product(b * scale, b * scale)
    total, total_lo = two_sum(square, other)
    root = sqrt(total)
    again, again_lo = two_product(root, root)
    rest = ((total - again) - again_lo) + (total_lo + (square_lo + other_lo))
    length = (root + rest / select(root > 0.0, root + root, 1.0)) * back
    return select(infinite, _INFINITY, length)


@kernel(inline=True)
def timestep(t: Numbers, dt: Numbers) -> Numbers:
    """The number of whole steps in a time, with a thousandth of a step of tolerance."""
    return floor((t + 0.001 * dt) / dt)


@kernel(inline=True)
def _exp_tail(r: Numbers, z: Numbers) -> Numbers:
    """(exp(r) - 1 - r) / r**2 for r between -ln(2)/2 and ln(2)/2 + 0.06; z is r**2."""
    q = z * z
    low = fma(fma(0.008333333333316883, r, 0.041666666666668926), z, fma(0.16666666666666682, r, 0.5))
    middle = fma(
        fma(2.7557234943343883e-06, r, 2.4801589507499194e-05),
        z,
        fma(0.0001984126989674058, r, 0.001388888888776346),
    )
    high = fma(2.146240556693563e-09, z, fma(2.5111803995443665e-08, r, 2.7555450968504515e-07))
    return fma(fma(high, q, middle), q, low)


@kernel(inline=True)
def _times_power_of_two(y: Numbers, rounder: Numbers) -> Numbers:
    """Y * 2**n, with n in the low bits of `rounder`; by two factors, so that subnormal results are rounded once."""
    n = bits_of(rounder)
    half = shift_right(n, 1)
    return y * float_of(half << 52) * float_of((n - half) << 52)


@kernel(inline=True)
def _bounded_exponent(x: Numbers) -> Numbers:
    """X clamped to the range outside of which e**x is infinite or 0."""
    z = select(x > 710.0, 710.0, x)
    return select(z < -746.0, -746.0, z)


@kernel(inline=True)
def _exp_of_reduced(r: Numbers, rounder: Numbers) -> Numbers:
    """exp(r) * 2**n for |r| <= ln(2)/2."""
    z = r * r
    return _times_power_of_two(1.0 + fma(z, _exp_tail(r, z), r), rounder)


@kernel(inline=True)
def _exp_of_sum(hi: Numbers, lo: Numbers) -> Numbers:
    """exp(hi + lo) for |lo| far below |hi|."""
    z = _bounded_exponent(hi)
    t = fma(z, _LOG2_E, _EXPONENT_ROUNDER)
    n = t - _EXPONENT_ROUNDER
    return _exp_of_reduced(fma(n, -_LN2_HI, z) - fma(n, _LN2_LO, -lo), t)


@kernel(inline=True)
def exp(x: Numbers) -> Numbers:
    """e**x."""
    z = _bounded_exponent(x)
    t = fma(z, _LOG2_E, _EXPONENT_ROUNDER)
    n = t - _EXPONENT_ROUNDER
    return _exp_of_reduced(fma(n, -_LN2_LO, fma(n, -_LN2_HI, z)), t)


@kernel(inline=True)
def _expm1_parts(x: Numbers) -> tuple[Numbers, Numbers, Numbers, Numbers]:
    """y, y_lo, 2**-n (0 where negligible), n in low bits: exp(x) - 1 = (y + y_lo) * 2**n for x >= -40."""
    t = fma(x, _LOG2_E, _EXPONENT_ROUNDER)
    n = t - _EXPONENT_ROUNDER
    a = fma(n, -_LN2_HI, x)
    b = n * _LN2_LO
    r = a - b
    r_lo = (a - r) - b
    z = r * r
    tail = fma(z, _exp_tail(r, z), fma(r_lo, r, r_lo))
    p = r + tail
    p_lo = tail - (p - r)
    inverse = select(n > 60.0, 0.0, float_of((3069 - bits_of(t)) << 52))
    e = 1.0 - inverse
    s = e + p
    s_lo = (p - (s - e)) + p_lo
    y = s + s_lo
    return y, s_lo - (y - s), inverse, t


@kernel(inline=True)
def _scaled_expm1(x: Numbers, near_x: Numbers, rounder: Numbers, one: Numbers) -> Numbers:
    """(exp(x) - 1) * one for x >= -40.

    `one` is a power of two that avoids overflow, and `rounder` has its exponent. The argument is reduced by the power
    of two that is nearest to exp(near_x).
    """
    t = fma(near_x, _LOG2_E, rounder)
    n = t - rounder
    a = fma(n, -_LN2_HI, x)
    b = n * _LN2_LO
    r = a - b
    z = r * r
    power = float_of(bits_of(t) << 52)
    # `a` is exact; rounding what is subtracted from it matters only in `s`, which is smaller.
    s = fma(z, _exp_tail(r, z), -b)
    return fma(power, a + s, power - one)


@kernel(inline=True)
def expm1(x: Numbers) -> Numbers:
    """e**x - 1, exact near 0."""
    z = select(x > 710.0, 710.0, x)
    z = select(z < -40.0, -40.0, z)
    return select(absolute(x) < 1e-17, x, 2.0 * _scaled_expm1(z, z, _ROUNDER + 1022.0, 0.5))


@kernel(inline=True)
def _bounded_for_exprel(x: Numbers) -> tuple[Numbers, Numbers]:
    """X clamped to at most 752, where exprel(x) is infinite and its inverse 0; and the same clamped to at least -40."""
    bounded = select(x > 752.0, 752.0, x)
    return bounded, select(bounded < -40.0, -40.0, bounded)


@kernel(inline=True)
def exprel(x: Numbers) -> Numbers:
    """(e**x - 1) / x, and its limit 1 at 0."""
    bounded, z = _bounded_for_exprel(x)
    grown = _scaled_expm1(z, z, _ROUNDER + 923.0, _TWO_M100)
    return select(grown == 0.0, 1.0, grown / (_TWO_M100 * bounded))


@kernel(inline=True)
def inverse_exprel(x: Numbers) -> Numbers:
    """The inverse x / (e**x - 1) of `exprel`, and its limit 1 at 0."""
    bounded, z = _bounded_for_exprel(x)
    # e**x is reduced by 2 only from x = ln(2)/2 + 0.06 on: below, cancellation would cost the ratio too many bits.
    grown = _scaled_expm1(z, z - 0.06, _ROUNDER + 923.0, _TWO_M100)
    return select(grown == 0.0, 1.0, _TWO_M100 * bounded / grown)


@kernel(inline=True)
def sinh(x: Numbers) -> Numbers:
    """The hyperbolic sine."""
    a = absolute(x)
    a = select(a > 712.0, 712.0, a)
    y, y_lo, inverse, t = _expm1_parts(a)
    # With E = expm1(a) = y 2**n: sinh a = (E + E / (E + 1)) / 2.
    total = y + (inverse * (y / (y + inverse)) + y_lo)
    return with_sign(_times_power_of_two(total, t - 1.0), x)


@kernel(inline=True)
def cosh(x: Numbers) -> Numbers:
    """The hyperbolic cosine."""
    a = absolute(x)
    a = select(a > 712.0, 712.0, a)
    y, y_lo, inverse, t = _expm1_parts(a)
    grown = y + inverse
    lost = (inverse - (grown - y)) + y_lo
    return _times_power_of_two(grown + (inverse * (inverse / grown) + lost), t - 1.0)


@kernel(inline=True)
def tanh(x: Numbers) -> Numbers:
    """The hyperbolic tangent."""
    a = absolute(x)
    a = select(a > 22.0, 22.0, a)
    y, y_lo, inverse, _ = _expm1_parts(a + a)
    # With E = expm1(2a) = y 2**n: tanh a = E / (E + 2), and one correction of the rounding errors.
    twice = inverse + inverse
    below = y + twice
    larger = select(y > twice, y, twice)
    smaller = select(y > twice, twice, y)
    below_lo = (smaller - (below - larger)) + y_lo
    q = y / below
    return with_sign(q + (y_lo - q * below_lo) / below, x)


@kernel(inline=True)
def _exponent_and_fraction(x: Numbers) -> tuple[Numbers, Numbers]:
    """The numbers k and m with x = m * 2**k and m in [sqrt(1/2), sqrt(2)), for x > 0."""
    subnormal = x < 2.2250738585072014e-308
    scaled = select(subnormal, x * 18014398509481984.0, x)
    bits = bits_of(scaled) + (0x3FF0_0000_0000_0000 - 0x3FE6_A09E_667F_3BCD)
    biased = float_of(shift_right(bits, 52) | 0x4330_0000_0000_0000)
    k = biased - select(subnormal, _TWO_52 + 1023.0 + 54.0, _TWO_52 + 1023.0)
    return k, float_of((bits & 0x000F_FFFF_FFFF_FFFF) + 0x3FE6_A09E_667F_3BCD)


@kernel(inline=True)
def log_plus(x: Numbers, correction: Numbers) -> Numbers:
    """log(x) + correction for x > 0 and a correction below an ulp of x."""
    k, m = _exponent_and_fraction(x)
    f = m - 1.0
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    low = (0.666666666666667 + 0.3999999999989889 * z) + (0.28571428626253836 + 0.22222211089379496 * z) * w
    high = (0.1818289243253687 + 0.15331611722055008 * z) + 0.14617807153417325 * w
    p = low + high * (w * w)
    h = 0.5 * f * f
    return k * _LN2_HI - ((h - (s * (h + z * p) + (k * _LN2_LO + correction))) - f)


@kernel(inline=True)
def log(x: Numbers) -> Numbers:
    """The natural logarithm; -inf at 0, NaN below."""
    edge = select(x == 0.0, -_INFINITY, select(x > 0.0, x, _NAN))
    return select((x > 0.0) & (x < _INFINITY), log_plus(x, 0.0), edge)


@kernel(inline=True)
def log1p(x: Numbers) -> Numbers:
    """log(1 + x), exact near 0."""
    u = 1.0 + x
    lost = select(x > 1.0, 1.0 - (u - x), x - (u - 1.0))
    inside = _itself_if_tiny(log_plus(u, lost / u), x)
    edge = select(x == -1.0, -_INFINITY, select(x > 0.0, x, _NAN))
    return select((x > -1.0) & (x < _INFINITY), inside, edge)


@kernel(inline=True)
def _itself_if_tiny(value: Numbers, x: Numbers) -> Numbers:
    """`value`, or x itself where |x| < 1e-300: keeps the sign of zero."""
    return select(absolute(x) < 1e-300, x, value)


@kernel(inline=True)
def _log_in_two(x: Numbers) -> tuple[Numbers, Numbers]:
    """log(x) for 0 < x < inf as a sum of two numbers, to about 2**-65 of its size."""
    k, m = _exponent_and_fraction(x)
    f = m - 1.0
    g = m + 1.0
    s = f / g
    product, error = two_product(s, g)
    s_lo = (((f - product) - error) - s * (m - (g - 1.0))) / g
    z, z_lo = two_product(s, s)
    z_lo = z_lo + 2.0 * s * s_lo
    w = z * z
    low = (0.4 + 0.2857142857142937 * z) + (0.22222222221652765 + 0.18181818336099848 * z) * w
    high = (0.1538459488700718 + 0.1333480879881234 * z) + (0.11706126464563398 + 0.11724327060846747 * z) * w
    p = low + high * (w * w)
    # log(m) = 2 s + s z (2/3 + z p), summed in pairs
    q = z * p
    w = 0.6666666666666666 + q
    w_lo = (q - (w - 0.6666666666666666)) + 3.700743415417188e-17
    v, v_lo = two_product(z, w)
    v_lo = v_lo + (z * w_lo + z_lo * w)
    c, c_lo = two_product(s, v)
    c_lo = c_lo + (s * v_lo + s_lo * v)
    two_s = 2.0 * s
    hi = two_s + c
    lo = (c - (hi - two_s)) + (c_lo + 2.0 * s_lo)
    whole = k * _LN2_HI
    total = whole + hi
    rest = (hi - (total - whole)) + (lo + k * _LN2_LO)
    hi = total + rest
    return hi, rest - (hi - total)


@kernel(inline=True)
def log10(x: Numbers) -> Numbers:
    """The logarithm to base 10; -inf at 0, NaN below."""
    hi, lo = _log_in_two(x)
    product, error = two_product(hi, 0.4342944819032518)
    inside = product + (error + (hi * 1.098319650216765e-17 + lo * 0.4342944819032518))
    edge = select(x == 0.0, -_INFINITY, select(x > 0.0, x, _NAN))
    return select((x > 0.0) & (x < _INFINITY), inside, edge)


@kernel(inline=True)
def pow(x: Numbers, y: Numbers) -> Numbers:
    """The power x**y; 1 if y = 0 or x = 1; negative x with integer y, zeros and infinities as IEEE 754 says."""
    a = absolute(x)
    hi, lo = _log_in_two(a)
    # Beyond 2**66 every power of anything but 1 is 0 or infinite, and every y is an even integer.
    bounded = select(y > 7.378697629483821e19, 7.378697629483821e19, y)
    bounded = select(bounded < -7.378697629483821e19, -7.378697629483821e19, bounded)
    product, error = two_product(hi, bounded)
    error = error + lo * bounded
    size = _exp_of_sum(product, select(absolute(product) < 750.0, error, 0.0))
    zero = a == 0.0
    edge = select(zero, -y, y)
    size = select(zero | (a == _INFINITY), select(edge > 0.0, _INFINITY, 0.0), size)
    half = 0.5 * y
    whole = floor(y) == y
    odd = whole & (floor(half) != half)
    signed = select(odd, with_sign(size, x), size)
    undefined = ((x < 0.0) & (a < _INFINITY) & (floor(y) != y)) | (x != x) | (y != y)  # noqa: PLR0124
    return select((y == 0.0) | (x == 1.0), 1.0, select(undefined, _NAN, signed))


@kernel(inline=True)
def _quarter_turns(x: Numbers) -> tuple[Numbers, Numbers, Integers]:
    """An angle modulo pi/2 as a sum of two numbers within pi/4, and an integer with the quarter turns in its low bits.

    Cody-Waite reduction by five parts of pi/2 of 23 bits each (the last in full precision), so that products with up to
    2**30 turns are exact.
    """
    t = x * 0.6366197723675814 + _ROUNDER
    n = t - _ROUNDER
    near = (x - n * 1.570796251296997) - n * 7.549789415861596e-08
    a, a_lo = two_sum(near, -(n * 5.390302529957765e-15))
    b, b_lo = two_sum(a, -(n * 3.2820031633724233e-22))
    r, r_lo = two_sum(b, (a_lo + b_lo) - n * 3.7950107727212256e-29)
    return r, r_lo, bits_of(t)


@kernel(inline=True)
def _upper_product(a: Integers, b: Integers) -> Integers:
    """The upper 64 bits of the product of two words."""
    lower = u64(0xFFFF_FFFF)
    half = u64(32)
    crossed = (a >> half) * (b & lower) + (((a & lower) * (b & lower)) >> half)
    other = (a & lower) * (b >> half) + (crossed & lower)
    return (a >> half) * (b >> half) + (crossed >> half) + (other >> half)


@kernel(exact=True)
def _slow_quarter_turns(x: Numbers) -> tuple[Numbers, Numbers, Integers]:
    """The same as `_quarter_turns` for any angle above 2**30 (Payne-Hanek reduction); NaN for infinities and NaN.

    The angle is m * 2**e with an integer m. Bits of 2/pi that contribute multiples of 4 to the product count whole
    turns only and are skipped. The next 192 bits give the fraction of a quarter turn to 126 bits; no float64 is nearer
    than 2**-62 to a whole number of quarter turns.

    Reference: Payne and Hanek, "Radian reduction for trigonometric functions", ACM SIGNUM Newsletter 18(1), 1983.
    """
    bits = bits_of(x)
    m = u64((bits & 0x000F_FFFF_FFFF_FFFF) | 0x0010_0000_0000_0000)
    exponent = shift_right(bits & _MAGNITUDE, 52)
    offset = u64(select(exponent < 1053, 0, exponent - 1053))
    skip = offset >> u64(6)
    a, b = _TWO_OVER_PI[skip], _TWO_OVER_PI[skip + u64(1)]
    c, d = _TWO_OVER_PI[skip + u64(2)], _TWO_OVER_PI[skip + u64(3)]
    left = offset & u64(63)
    right = u64(63) - left
    high = (a << left) | ((b >> u64(1)) >> right)
    middle = (b << left) | ((c >> u64(1)) >> right)
    low = (c << left) | ((d >> u64(1)) >> right)
    # The product in units of 2**-126 quarter turns: two words; multiples of 4 quarter turns overflow and are dropped.
    added = _upper_product(low, m)
    product = middle * m
    lower = product + added
    carry = ((product & added) | ((product | added) & (lower ^ u64(0xFFFF_FFFF_FFFF_FFFF)))) >> u64(63)
    upper = high * m + _upper_product(middle, m) + carry
    turns = (upper + u64(0x2000_0000_0000_0000)) >> u64(62)
    # The difference to the nearest whole number, and its magnitude in units of 2**-128 as three numbers of 43 bits.
    upper = (upper << u64(2)) | (lower >> u64(62))
    lower = lower << u64(2)
    negative = u64(0) - (upper >> u64(63))
    upper = upper ^ negative
    lower = lower ^ negative
    first = _small_integer(upper >> u64(21)) * 1.1368683772161603e-13
    second = _small_integer(((upper & u64(0x1F_FFFF)) << u64(22)) | (lower >> u64(42))) * 1.2924697071141057e-26
    third = _small_integer(lower & u64(0x3FF_FFFF_FFFF)) * 2.938735877055719e-39
    fraction, rest = two_sum(first, second)
    fraction, rest = two_sum(fraction, rest + third)
    r, r_lo = two_product(fraction, 1.5707963267948966)
    r, r_lo = two_sum(r, r_lo + (fraction * 6.123233995736766e-17 + rest * 1.5707963267948966))
    flip = (bits ^ bits_of(float_of(negative))) & _SIGN
    turns = bits_of(float_of(turns))
    r = select(absolute(x) < _INFINITY, float_of(bits_of(r) ^ flip), _NAN)
    return r, float_of(bits_of(r_lo) ^ flip), select(x < 0.0, 0 - turns, turns)


@kernel(inline=True)
def _small_integer(word: Integers) -> Numbers:
    """A word below 2**52 as a number."""
    return float_of(word | u64(0x4330_0000_0000_0000)) - _TWO_52


@kernel(inline=True)
def _sine_near_zero(r: Numbers, r_lo: Numbers) -> tuple[Numbers, Numbers]:
    """sin(r + r_lo) for |r| <= pi/4, as a sum of two numbers."""
    z = r * r
    w = z * z
    low = (-0.16666666666666666 + 0.008333333333330948 * z) + (-0.0001984126983675853 + 2.7557316102529747e-06 * z) * w
    high = -2.5051131840273875e-08 + 1.5918128954107197e-10 * z
    p = low + high * (w * w)
    tail = r * z * p + r_lo * (1.0 - 0.5 * z)
    s = r + tail
    return s, tail - (s - r)


@kernel(inline=True)
def _cosine_near_zero(r: Numbers, r_lo: Numbers) -> tuple[Numbers, Numbers]:
    """cos(r + r_lo) for |r| <= pi/4, as a sum of two numbers."""
    z = r * r
    w = z * z
    low = (0.041666666666666664 - 0.0013888888888887398 * z) + (2.4801587298765662e-05 - 2.7557317271715595e-07 * z) * w
    high = 2.087614626544433e-09 - 1.1382632212345609e-11 * z
    p = low + high * (w * w)
    h = 0.5 * z
    w = 1.0 - h
    tail = ((1.0 - w) - h) + (z * z * p - r * r_lo)
    c = w + tail
    return c, tail - (c - w)


@kernel(inline=True)
def _sine(r: Numbers, r_lo: Numbers, turns: Integers) -> Numbers:
    """The sine of r + r_lo + turns * pi/2."""
    s, _ = _sine_near_zero(r, r_lo)
    c, _ = _cosine_near_zero(r, r_lo)
    value = select((turns & 1) == 0, s, c)
    return float_of(bits_of(value) ^ ((turns & 2) << 62))


@kernel(inline=True)
def _tangent(r: Numbers, r_lo: Numbers, turns: Integers) -> Numbers:
    """The tangent of r + r_lo + turns * pi/2."""
    s, s_lo = _sine_near_zero(r, r_lo)
    c, c_lo = _cosine_near_zero(r, r_lo)
    even = (turns & 1) == 0
    above = select(even, s, -c)
    above_lo = select(even, s_lo, -c_lo)
    below = select(even, c, s)
    below_lo = select(even, c_lo, s_lo)
    q = above / below
    return q + (above_lo - q * below_lo) / below


@kernel(exact=True)
def _slow_sin(x: Numbers) -> Numbers:
    r, r_lo, turns = _slow_quarter_turns(x)
    return _sine(r, r_lo, turns)


@kernel(exact=True)
def _slow_cos(x: Numbers) -> Numbers:
    r, r_lo, turns = _slow_quarter_turns(x)
    return _sine(r, r_lo, turns + 1)


@kernel(exact=True)
def _slow_tan(x: Numbers) -> Numbers:
    r, r_lo, turns = _slow_quarter_turns(x)
    return _tangent(r, r_lo, turns)


@kernel(inline=True)
def sin(x: Numbers) -> Numbers:
    """The sine of an angle in radians."""
    r, r_lo, turns = _quarter_turns(x)
    near = select(absolute(x) < 1e-8, x, _sine(r, r_lo, turns))
    return slow_path_above(_LARGEST_ANGLE, _slow_sin, x, near)


@kernel(inline=True)
def cos(x: Numbers) -> Numbers:
    """The cosine of an angle in radians."""
    r, r_lo, turns = _quarter_turns(x)
    return slow_path_above(_LARGEST_ANGLE, _slow_cos, x, _sine(r, r_lo, turns + 1))


@kernel(inline=True)
def tan(x: Numbers) -> Numbers:
    """The tangent of an angle in radians."""
    r, r_lo, turns = _quarter_turns(x)
    near = select(absolute(x) < 1e-8, x, _tangent(r, r_lo, turns))
    return slow_path_above(_LARGEST_ANGLE, _slow_tan, x, near)


@kernel(inline=True)
def _arctangent_tail(z: Numbers) -> Numbers:
    """(arctan(t) - t) / t**3 for z = t**2 and |t| <= sqrt(2) - 1."""
    w = z * z
    low = (-0.3333333333333333 + 0.19999999999995516 * z) + (-0.14285714284665682 + 0.11111111015187018 * z) * w
    middle = (-0.0909090457530649 + 0.07692183125376892 * z) + (-0.06664510525508936 + 0.05858140904866328 * z) * w
    high = (-0.050854078345894844 + 0.03923044778479309 * z) + -0.019175404711104935 * w
    u = w * w
    p = low + (middle + high * u) * u
    return p  # noqa: RET504 - one term a line


@kernel(inline=True)
def arctan(x: Numbers) -> Numbers:
    """The inverse of `tan`, in [-pi/2, pi/2]."""
    a = absolute(x)
    large = a > 2.414213562373095
    middle = (a > 0.41421356237309503) & (a <= 2.414213562373095)
    above = select(large, -1.0, select(middle, a - 1.0, a))
    below = select(large, a, select(middle, a + 1.0, 1.0))
    base = select(large, 1.5707963267948966, select(middle, 0.7853981633974483, 0.0))
    base_lo = select(large, 6.123233995736766e-17, select(middle, 3.061616997868383e-17, 0.0))
    t = above / below
    z = t * t
    return with_sign(base + (t + (t * z * _arctangent_tail(z) + base_lo)), x)


@kernel(inline=True)
def arctan2(y: Numbers, x: Numbers) -> Numbers:
    """The angle of the point (x, y), in [-pi, pi]; zeros and infinities as IEEE 754 says."""
    a = absolute(y)
    b = absolute(x)
    infinite = (a == _INFINITY) | (b == _INFINITY)
    scale = select((a > 1e300) | (b > 1e300), 0.0625, 1.0)  # sums below stay finite
    p = select(infinite, select(a == _INFINITY, 1.0, 0.0), a * scale)
    q = select(infinite, select(b == _INFINITY, 1.0, 0.0), b * scale)
    q = select((p == 0.0) & (q == 0.0), 1.0, q)
    left = bits_of(x) < 0
    large = p > 2.414213562373095 * q
    middle = (p > 0.41421356237309503 * q) & (p <= 2.414213562373095 * q)
    t = select(large, -q, select(middle, p - q, p)) / select(large, p, select(middle, p + q, q))
    t = select(left, -t, t)
    base = select(middle, select(left, 2.356194490192345, 0.7853981633974483), select(left, 3.141592653589793, 0.0))
    base = select(large, 1.5707963267948966, base)
    low = select(
        middle, select(left, 9.184850993605148e-17, 3.061616997868383e-17), select(left, 1.2246467991473532e-16, 0.0)
    )
    low = select(large, 6.123233995736766e-17, low)
    z = t * t
    angle = base + (t + (t * z * _arctangent_tail(z) + low))
    return select((x != x) | (y != y), _NAN, with_sign(angle, y))  # noqa: PLR0124


@kernel(inline=True)
def _arcsine_tail(z: Numbers) -> Numbers:
    """(arcsin(t) - t) / t**3 for z = t**2 <= 1/4."""
    w = z * z
    low = (0.16666666666666669 + 0.07499999999998433 * z) + (0.04464285714635543 + 0.030381944138531247 * z) * w
    middle = (0.02237217294214989 + 0.017352392720869973 * z) + (0.013971212973552933 + 0.011479177415184906 * z) * w
    high = (0.01032281435018578 + 0.005457506718640358 * z) + (0.01740087944269402 - 0.014851887071247204 * z) * w
    top = 0.028757851367421566
    u = w * w
    p = (low + middle * u) + (high + top * u) * (u * u)
    return p  # noqa: RET504 - one term a line


@kernel(inline=True)
def arcsin(x: Numbers) -> Numbers:
    """The inverse of `sin`, in [-pi/2, pi/2]; NaN outside of [-1, 1]."""
    a = absolute(x)
    small = a < 0.5
    z = select(small, a * a, 0.5 * (1.0 - a))
    root = select(small, a, sqrt(z))
    tail = root * z * _arcsine_tail(z)
    outer = 1.5707963267948966 - (2.0 * root + (2.0 * tail - 6.123233995736766e-17))
    return with_sign(select(small, a + tail, outer), x)


@kernel(inline=True)
def arccos(x: Numbers) -> Numbers:
    """The inverse of `cos`, in [0, pi]; NaN outside of [-1, 1]."""
    a = absolute(x)
    small = a < 0.5
    z = select(small, a * a, 0.5 * (1.0 - a))
    root = select(small, x, sqrt(z))
    tail = root * z * _arcsine_tail(z)
    inner = 1.5707963267948966 - (x + (tail - 6.123233995736766e-17))
    double = 2.0 * root + 2.0 * tail
    outer = select(x > 0.0, double, 3.141592653589793 - (double - 1.2246467991473532e-16))
    return select(small, inner, outer)


@kernel(inline=True)
def _erf_near_zero(x: Numbers) -> Numbers:
    """erf(x) for |x| <= 1/2."""
    z = x * x
    w = z * z
    low = (-0.3761263890318375 + 0.11283791670954868 * z) + (-0.026866170644999358 + 0.005223977622008845 * z) * w
    high = (-0.0008548326509718547 + 0.00012055286128871108 * z) + (
        -1.4923000283850108e-05 + 1.6371164552892836e-06 * z
    ) * w
    u = w * w
    p = low + (high + -1.4620256114391553e-07 * u) * u
    return x + x * (0.1283791670955126 + z * p)


@kernel(inline=True)
def _erfc_from_quarter(a: Numbers) -> Numbers:
    """erfc(a) for a >= 1/4.

    A polynomial in (a - 4)/(a + 4) gives (1 + 2 a) exp(a**2) erfc(a), which lies between 1.1 and 1.3.

    Reference: Shepherd and Laframboise, "Chebyshev approximation of (1 + 2x) exp(x**2) erfc x in 0 <= x < oo",
    Mathematics of Computation 36(153), 1981; the coefficients are our own.
    """
    x = select(a > 28.0, 28.0, a)
    t = (x - 4.0) / (x + 4.0)
    z = t * t
    w = z * z
    u = w * w
    p0 = (-0.13962111684056253 + 0.015379652102618597 * t) + (0.06809705425469584 + -0.10103906603622928 * t) * z
    p1 = (0.09373283499824064 + -0.06633036581414242 * t) + (0.03716751553908357 + -0.0161977340323516 * t) * z
    p2 = (0.00503196996666749 + -0.0007577734860630955 * t) + (-0.00019925666144779398 + 0.00015062263869832063 * t) * z
    p3 = (-2.4399168581359357e-05 + -1.1225073441207885e-05 * t) + (
        5.70904920398339e-06 + 3.0004915002623137e-07 * t
    ) * z
    p4 = (-8.230985931298478e-07 + 6.662957577166884e-08 * t) + (
        1.0607461024634225e-07 + -1.2084408879838477e-08 * t
    ) * z
    p5 = -1.0598718509807043e-08 + -4.064846485384011e-12 * t
    p = (p0 + p1 * w) + ((p2 + p3 * w) + (p4 + p5 * w) * u) * u
    tail = t * p - 4.262192513884628e-17
    f = 1.2329951186255526 + tail
    f_lo = tail - (f - 1.2329951186255526)
    twice = x + x
    d = 1.0 + twice
    d_lo = select(twice > 1.0, 1.0 - (d - twice), twice - (d - 1.0))
    q = f / d
    product, error = two_product(q, d)
    q_lo = (((f - product) - error) + (f_lo - q * d_lo)) / d
    square, square_lo = two_product(x, x)
    bounded = _bounded_exponent(-square)
    s = fma(bounded, _LOG2_E, _EXPONENT_ROUNDER)
    n = s - _EXPONENT_ROUNDER
    r = fma(n, -_LN2_HI, bounded) - fma(n, _LN2_LO, square_lo)
    z = r * r
    grown = fma(z, _exp_tail(r, z), r)
    return _times_power_of_two(q + (q * grown + q_lo * (1.0 + grown)), s)


@kernel(inline=True)
def erf(x: Numbers) -> Numbers:
    """The error function: 2/sqrt(pi) times the integral of exp(-s**2) from 0 to x."""
    a = absolute(x)
    return select(a < 0.5, _erf_near_zero(x), with_sign(1.0 - _erfc_from_quarter(a), x))


@kernel(inline=True)
def erfc(x: Numbers) -> Numbers:
    """1 - erf(x), exact where erf(x) is near 1."""
    a = absolute(x)
    beyond = _erfc_from_quarter(a)
    return select(a < 0.25, 1.0 - _erf_near_zero(x), select(x < 0.0, 2.0 - beyond, beyond))


@kernel(inline=True)
def _modulo(a: Numbers, b: Numbers) -> Numbers:
    """The remainder of floored division, between 0 and b; exact for |a / b| < 2**52."""
    product, error = two_product(floor(a / b), b)
    r = (a - product) - error
    # The rounded quotient may be one too large or one too small.
    r = select((r != 0.0) & ((r < 0.0) != (b < 0.0)), r + b, r)
    return select(absolute(r) >= absolute(b), r - b, r)


@kernel(inline=True)
def fmod_python(a: Numbers, b: Numbers) -> Numbers:
    """The remainder a % b as Python defines it, with the sign of b; NaN for b = 0; exact for |a / b| < 2**52."""
    r = _modulo(a, b)
    other = select((a == 0.0) | ((a < 0.0) == (b < 0.0)), a, b)
    r = select((absolute(b) == _INFINITY) & (absolute(a) < _INFINITY), other, r)
    return select(r == 0.0, with_sign(0.0, b), r)


@kernel(inline=True)
def floordiv(a: Numbers, b: Numbers) -> Numbers:
    """The quotient a // b as Python defines it: the floor of the exact one; infinite or NaN for b = 0."""
    quotient = (a - fmod_python(a, b)) / b
    whole = floor(quotient)
    whole = select(quotient - whole > 0.5, whole + 1.0, whole)
    return select(b == 0.0, a / b, select(whole == 0.0, with_sign(0.0, a / b), whole))
