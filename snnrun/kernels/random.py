"""Random numbers as functions of (element, step, seed, stream): Threefry-2x64 with 13 rounds.

There is no state, so a number depends neither on threads nor on what else is drawn. Words come in pairs,
(x0, x1) = threefry(counter = (k >> 1, step), key = (seed, stream)); an even element takes x0, an odd one x1.
The definitions are fixed: results of published experiments depend on them.
"""

from __future__ import annotations

from snnrun.kernels.functions import absolute, exp, floor, log, log1p, log_plus
from snnrun.kernels.marks import kernel
from snnrun.kernels.primitives import Array, Integers, Numbers, Truth, any_true, bits_of, float_of, select, sqrt, u64
from snnrun.kernels.random_fills import fill_with_normal, fill_with_uniform
from snnrun.kernels.threefry import threefry

_ONE_BITS = 0x3FF0_0000_0000_0000
_QUARTER_ROUNDER = 6755399441055744.0
_NAN = float("nan")
_INFINITY = float("inf")


@kernel(inline=True)
def _one_to_two(word: Integers) -> Numbers:
    """The upper 52 bits of a word as a number in [1, 2); without a conversion, so that it vectorises everywhere."""
    return float_of((word >> u64(12)) | u64(_ONE_BITS))


@kernel(inline=True)
def fraction(word: Integers) -> Numbers:
    """The upper 52 bits of a word as a number in [0, 1)."""
    return _one_to_two(word) - 1.0


@kernel(inline=True)
def normal_pair(word0: Integers, word1: Integers) -> tuple[Numbers, Numbers]:
    """Two independent standard normal numbers from two random words (Box and Muller)."""
    radius = sqrt(-2.0 * log_plus(2.0 - _one_to_two(word0), 0.0))
    quarters = 4.0 * fraction(word1)
    t = quarters + _QUARTER_ROUNDER
    f = quarters - (t - _QUARTER_ROUNDER)
    z = f * f
    w = z * z
    low = (1.5707963267948966 - 0.6459640975062463 * z) + (0.07969262624616692 - 0.004681754135314827 * z) * w
    high = (0.0001604411847266723 - 3.598842717144858e-06 * z) + (5.691927850489633e-08 - 6.627624938992472e-10 * z) * w
    s = low + high * (w * w)
    s = s * f
    w = z * z
    low = (1.0 - 1.2337005501361697 * z) + (0.2536695079010467 - 0.02086348076331121 * z) * w
    high = (0.0009192602741831558 - 2.520203677046026e-05 * z) + (4.710609726757823e-07 - 6.321256869628588e-09 * z) * w
    c = low + high * (w * w)
    turns = bits_of(t)
    even = (turns & 1) == 0
    sine = float_of(bits_of(select(even, s, c)) ^ ((turns & 2) << 62))
    cosine = float_of(bits_of(select(even, c, s)) ^ (((turns + 1) & 2) << 62))
    return radius * cosine, radius * sine


@kernel(inline=True)
def packed(word: Integers) -> Numbers:
    """The bits of a word that `packed_normal_pair` needs, as a number, so that an array of numbers can hold them."""
    return float_of(word)


@kernel(inline=True)
def packed_normal_pair(packed0: Numbers, packed1: Numbers) -> tuple[Numbers, Numbers]:
    """Two independent standard normal numbers from two packed words."""
    return normal_pair(u64(bits_of(packed0)), u64(bits_of(packed1)))


@kernel(inline=True)
def uniform(k: Integers, step: Integers, seed: Integers, stream: Integers) -> Numbers:
    """The uniform number in [0, 1) of element k at a step: a multiple of 2**-52."""
    x0, x1 = threefry(k >> 1, step, seed, stream)
    return fraction(select((k & 1) == 0, x0, x1))


@kernel(inline=True)
def normal(k: Integers, step: Integers, seed: Integers, stream: Integers) -> Numbers:
    """The standard normal number of element k at a step."""
    x0, x1 = threefry(k >> 1, step, seed, stream)
    even, odd = normal_pair(x0, x1)
    return select((k & 1) == 0, even, odd)


@kernel()
def fill_uniform(step: Integers, low: int, high: int, seed: Integers, stream: Integers, out: Array) -> None:
    """Write `uniform` of elements low to high - 1, and the other half of the pairs at both ends; shape (high + 1,)."""
    fill_with_uniform(fraction, out, low, high, step, seed, stream)


@kernel()
def fill_normal(step: Integers, low: int, high: int, seed: Integers, stream: Integers, out: Array) -> None:
    """Write `normal` of elements low to high - 1; shape (high,)."""
    fill_with_normal(normal, packed, packed_normal_pair, out, low, high, step, seed, stream)


@kernel(inline=True)
def _log_factorial(k: Numbers) -> Numbers:
    """log(k!) for k >= 0 (Stirling's series at k + 8)."""
    n = k + 8.0
    below = (k + 1.0) * (k + 2.0) * (k + 3.0) * (k + 4.0) * (k + 5.0) * (k + 6.0) * (k + 7.0) * n
    inverse = 1.0 / n
    z = inverse * inverse
    series = inverse * (1.0 / 12.0 - z * (1.0 / 360.0 - z * (1.0 / 1260.0 - z / 1680.0)))
    return (n + 0.5) * log(n) - n + 0.9189385332046728 + series - log(below)


@kernel(inline=True)
def _log_poisson(k: Numbers, mean: Numbers) -> Numbers:
    """The logarithm of the Poisson probability of k >= 0, without cancellation for large means."""
    d = (k - mean) / mean
    inverse = 1.0 / select(k < 20.0, 20.0, k)
    z = inverse * inverse
    series = inverse * (1.0 / 12.0 - z * (1.0 / 360.0 - z * (1.0 / 1260.0 - z / 1680.0)))
    large = mean * (d - (1.0 + d) * log1p(d)) - 0.5 * log(6.283185307179586 * k) - series
    few = select(k < 20.0, k, 0.0)
    return select(k < 20.0, few * log(mean) - mean - _log_factorial(few), large)


@kernel()
def _poisson_by_inversion(mean: Numbers, wanted: Truth, u: Numbers) -> Numbers:
    """Invert the distribution function at a uniform number u, where wanted; means below 10."""
    p = exp(-mean)
    total = p
    count = 0.0 * mean
    active = wanted & (u >= total)
    while any_true(active):
        count = select(active, count + 1.0, count)
        p = select(active, p * (mean / select(count < 1.0, 1.0, count)), p)
        total = total + p
        # The sum of all probabilities may be rounded to less than u.
        active = active & (u >= total) & (count < 100.0)
    return count


@kernel(inline=True)
def _trial(
    k: Integers, attempt: Integers, step: Integers, seed: Integers, stream: Integers
) -> tuple[Numbers, Numbers, Numbers]:
    """What an attempt of transformed rejection draws: u in [-1/2, 1/2), v in (0, 1], and 1/2 - |u|, at least 1e-16."""
    # Elements stay below 2**40, so attempts and elements never share a counter.
    x0, x1 = threefry(u64(k) + (u64(attempt) << u64(40)), step, seed, stream)
    u = _one_to_two(x0) - 1.5
    us = 0.5 - absolute(u)
    return u, 2.0 - _one_to_two(x1), select(us < 1e-16, 1e-16, us)


@kernel()
def _poisson_by_rejection(
    mean: Numbers, wanted: Truth, k: Integers, step: Integers, seed: Integers, stream: Integers
) -> Numbers:
    """A Poisson number by transformed rejection, where wanted; means from 10.

    Reference: Hoermann, "The transformed rejection method for generating Poisson random variables", Insurance:
    Mathematics and Economics 12(1), 1993: algorithm PTRS.
    """
    b = 0.931 + 2.53 * sqrt(mean)
    a = 0.02483 * b - 0.059
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
    squeeze = 0.9277 - 3.6224 / (b - 2.0)
    count = 0.0 * mean
    active = wanted
    attempt = 0
    while any_true(active):
        u, v, us = _trial(k, attempt, step, seed, stream)
        candidate = floor((2.0 * a / us + b) * u + mean + 0.43)
        inside = (candidate >= 0.0) & ((us >= 0.013) | (v <= us))
        at = select(candidate < 0.0, 0.0, candidate)
        height = log(v * inverse_alpha / (a / (us * us) + b))
        accepted = ((us >= 0.07) & (v <= squeeze)) | (inside & (height <= _log_poisson(at, mean)))
        count = select(active & accepted, candidate, count)
        active = active & (accepted == False)  # noqa: E712 - `not` is no function of arrays
        attempt = attempt + 1
    return count


@kernel()
def poisson(lam: Numbers, k: Integers, step: Integers, seed: Integers, stream: Integers) -> Numbers:
    """The Poisson number (as float64) with mean `lam` of element k at a step; NaN unless 0 <= lam <= 2**52.

    A stream that is used for this is used for nothing else: element k takes both words of pair k, and those of pairs
    k + attempt * 2**40.
    """
    few = (lam >= 0.0) & (lam < 10.0)
    many = (lam >= 10.0) & (lam <= 4503599627370496.0)
    x0, _ = threefry(k, step, seed, stream)
    small = _poisson_by_inversion(select(few, lam, 1.0), few, _one_to_two(x0) - 1.0)
    large = _poisson_by_rejection(select(many, lam, 10.0), many, k, step, seed, stream)
    return select(few, small, select(many, large, _NAN))


@kernel()
def _binomial_by_inversion(n: Numbers, p: Numbers, wanted: Truth, u: Numbers) -> Numbers:
    """Invert the distribution function at a uniform number u, where wanted; p up to 1/2 and means below 10."""
    odds = p / (1.0 - p)
    weight = exp(n * log1p(-p))
    total = weight
    count = 0.0 * p
    active = wanted & (u >= total)
    while any_true(active):
        count = select(active, count + 1.0, count)
        ratio = (n - count + 1.0) / select(count < 1.0, 1.0, count) * odds
        weight = select(active, weight * ratio, weight)
        total = total + weight
        # The sum of all probabilities may be rounded to less than u.
        active = active & (u >= total) & (count < 100.0) & (count < n)
    return count


@kernel()
def _binomial_by_rejection(
    n: Numbers, p: Numbers, wanted: Truth, k: Integers, step: Integers, seed: Integers, stream: Integers
) -> Numbers:
    """A binomial number by transformed rejection, where wanted; p up to 1/2 and means from 10.

    Reference: Hoermann, "The generation of binomial random variates", Journal of Statistical Computation and Simulation
    46(1-2), 1993: algorithm BTRS.
    """
    spread = sqrt(n * p * (1.0 - p))
    b = 1.15 + 2.53 * spread
    a = 0.01 * p + 0.0248 * b - 0.0873
    alpha = (2.83 + 5.1 / b) * spread
    squeeze = 0.92 - 4.2 / b
    logit = log(p / (1.0 - p))
    mode = floor((n + 1.0) * p)
    top = _log_factorial(mode) + _log_factorial(n - mode)
    count = 0.0 * p
    active = wanted
    attempt = 0
    while any_true(active):
        u, v, us = _trial(k, attempt, step, seed, stream)
        candidate = floor((2.0 * a / us + b) * u + n * p + 0.5)
        inside = (candidate >= 0.0) & (candidate <= n)
        at = select(inside, candidate, 0.0)
        height = log(v * alpha / (a / (us * us) + b))
        chance = top - _log_factorial(at) - _log_factorial(n - at) + (at - mode) * logit
        accepted = inside & (((us >= 0.07) & (v <= squeeze)) | (height <= chance))
        count = select(active & accepted, candidate, count)
        active = active & (accepted == False)  # noqa: E712 - `not` is no function of arrays
        attempt = attempt + 1
    return count


@kernel()
def binomial(n: Numbers, p: Numbers, k: Integers, step: Integers, seed: Integers, stream: Integers) -> Numbers:
    """The binomial number (as float64) of n trials of probability p of element k at a step; NaN if p is no probability.

    A stream that is used for this is used for nothing else: element k takes both words of pair k, and those of pairs
    k + attempt * 2**40.
    """
    possible = (p >= 0.0) & (p <= 1.000001)  # it may be above 1 by rounding
    often = p > 0.5  # then failures are counted
    rare = select(possible, select(often, select(p > 1.0, 0.0, 1.0 - p), p), 0.0)
    few = possible & (n * rare < 10.0)
    many = possible & (n * rare >= 10.0)
    x0, _ = threefry(k, step, seed, stream)
    small = _binomial_by_inversion(n, select(few, rare, 0.0), few, _one_to_two(x0) - 1.0)
    large = _binomial_by_rejection(select(many, n, 40.0), select(many, rare, 0.5), many, k, step, seed, stream)
    found = select(few, small, large)
    return select(possible, select(often, n - found, found), _NAN)


@kernel()
def standard_gamma(shape: Numbers, k: Integers, step: Integers, seed: Integers, stream: Integers) -> Numbers:
    """The gamma number of a shape and scale 1 of element k at a step; NaN unless 0 < shape < infinity.

    Shapes below 1 take a number of the next shape times a power of a uniform number. A stream that is used for this is
    used for nothing else: element k takes both words of pair k, and those of pairs k + attempt * 2**40.

    Reference: Marsaglia and Tsang, "A simple method for generating gamma variables", ACM Transactions on Mathematical
    Software 26(3), 2000.
    """
    possible = (shape > 0.0) & (shape < _INFINITY)
    small = shape < 1.0
    d = select(possible, select(small, shape + 1.0, shape), 1.0) - 1.0 / 3.0
    c = 1.0 / sqrt(9.0 * d)
    value = 0.0 * d
    active = possible
    attempt = 1
    while any_true(active):
        x0, x1 = threefry(u64(k) + (u64(attempt) << u64(40)), step, seed, stream)
        x2, _ = threefry(u64(k) + (u64(attempt + 1) << u64(40)), step, seed, stream)
        x, _ = normal_pair(x0, x1)
        root = 1.0 + c * x
        v = root * root * root
        inside = v > 0.0
        height = log(2.0 - _one_to_two(x2)) - 0.5 * x * x
        accepted = inside & (height < d - d * v + d * log(select(inside, v, 1.0)))
        value = select(active & accepted, d * v, value)
        active = active & (accepted == False)  # noqa: E712 - `not` is no function of arrays
        attempt = attempt + 2
    x0, _ = threefry(k, step, seed, stream)
    power = exp(log(2.0 - _one_to_two(x0)) / select(possible, shape, 1.0))
    return select(possible, select(small, value * power, value), _NAN)


@kernel()
def truncated_normal(
    low: Numbers, high: Numbers, k: Integers, step: Integers, seed: Integers, stream: Integers
) -> Numbers:
    """The standard normal number between two limits of element k at a step; NaN where nothing lies between them.

    By rejection: of normal numbers where the limits lie far apart on both sides of 0, of exponential ones in a tail, of
    uniform ones where the limits are near to each other; more than four of ten are accepted. A stream that is used for
    this is used for nothing else: element k takes the words of pairs k + attempt * 2**40.

    Reference: Robert, "Simulation of truncated normal variables", Statistics and Computing 5(2), 1995.
    """
    possible = (low <= high) & (low < _INFINITY) & (high > -_INFINITY)
    mirrored = high < 0.0
    a = select(possible, select(mirrored, -high, low), -1.0)
    b = select(possible, select(mirrored, -low, high), 1.0)
    tail = a > 0.0
    nearest = select(tail, a, 0.0)
    rate = select(nearest < 1e8, 0.5 * (nearest + sqrt(nearest * nearest + 4.0)), nearest)
    narrow = select(tail, (b - a) * rate < 2.0, b - a < 2.5)
    width = select(narrow, b - a, 0.0)
    value = 0.0 * nearest
    active = possible
    attempt = 0
    while any_true(active):
        x0, x1 = threefry(u64(k) + (u64(attempt) << u64(40)), step, seed, stream)
        wide, _ = normal_pair(x0, x1)
        far = nearest - log(2.0 - _one_to_two(x0)) / rate
        x = select(narrow, a + width * fraction(x0), select(tail, far, wide))
        height = select(narrow, -0.5 * ((x - nearest) * (x + nearest)), -0.5 * ((x - rate) * (x - rate)))
        likely = (log(2.0 - _one_to_two(x1)) <= height) | ((narrow == False) & (tail == False))  # noqa: E712
        accepted = likely & (x >= a) & (x <= b)
        value = select(active & accepted, x, value)
        active = active & (accepted == False)  # noqa: E712 - `not` is no function of arrays
        attempt = attempt + 1
    return select(possible, select(mirrored, -value, value), _NAN)


@kernel()
def count_below(u: Numbers, table: Numbers, size: int) -> Integers:
    """The number of thresholds that are not above u: with `binomial_table`, a binomial number by inversion."""
    count = 0
    for j in range(size):
        count = count + select(table[j] <= u, 1, 0)
    return count
