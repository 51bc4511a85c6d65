"""Sums of products that are rounded once: in integers, by numpy, in parts; against exact fractions."""

import math
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest

from snnrun.kernels.fused import fma, fma_in_parts


def exactly(a, b, c):
    """The nearest float64, by fractions and a search among three neighbours."""
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    guess = float(exact)
    near = [math.nextafter(guess, -math.inf), guess, math.nextafter(guess, math.inf)]
    best = min(abs(Fraction(x) - exact) for x in near)
    ties = [x for x in near if abs(Fraction(x) - exact) == best]
    return next(x for x in ties if len(ties) == 1 or np.float64(x).view(np.int64) % 2 == 0)


def numbers(rng, n, low, high):
    return rng.choice([-1.0, 1.0], n) * rng.uniform(1, 2, n) * 2.0 ** rng.integers(low, high, n)


def few_bits(rng, n):
    """Operands whose exact result lies at, or a little beside, the middle between two numbers."""
    beside = rng.integers(-(2**10), 2**10, n) * 2.0**-52
    a = 1 + beside
    b = 0.5 * (1 - beside)
    return a, b, rng.choice([-1.0, 1.0], n) * rng.integers(2**52, 2**53, n)


def operands(n):
    rng = np.random.default_rng(3)
    kinds = [
        (numbers(rng, n, -3, 3), numbers(rng, n, -3, 3), numbers(rng, n, -60, 8)),
        (numbers(rng, n, -300, 300), numbers(rng, n, -300, 300), numbers(rng, n, -600, 600)),
        few_bits(rng, n),
    ]
    a, b = numbers(rng, n, -3, 3), numbers(rng, n, -3, 3)
    return [*kinds, (a, b, -(a * b))]  # what the product loses when it is rounded


@pytest.mark.parametrize("kind", range(4))
def test_sums_of_products_are_rounded_once(kind):
    a, b, c = operands(2000)[kind]
    expected = np.array([exactly(*row) for row in zip(a.tolist(), b.tolist(), c.tolist(), strict=True)])
    assert (a * b + c != expected).any()  # rounding twice does not do
    np.testing.assert_array_equal(fma(a, b, c), expected)
    np.testing.assert_array_equal([fma(*row) for row in zip(a, b, c, strict=True)], expected)
    np.testing.assert_array_equal(fma_in_parts(a, b, c), expected)


EDGES = [0.0, -0.0, 1.0, -1.5, 5e-324, 2.2250738585072014e-308, 1e300, -1.7976931348623157e308, np.inf, -np.inf, np.nan]


def test_the_edges_are_those_of_ieee():
    a, b, c = (np.array(x) for x in zip(*((a, b, c) for a in EDGES for b in EDGES for c in EDGES), strict=True))
    with np.errstate(all="ignore"):
        one_by_one = np.array([fma(*row) for row in zip(a, b, c, strict=True)])
    together = fma(a, b, c)
    np.testing.assert_array_equal(together, one_by_one)
    real = ~np.isnan(together)
    np.testing.assert_array_equal(np.signbit(together[real]), np.signbit(one_by_one[real]))
    assert fma(1e200, 1e200, 0.0) == np.inf
    assert fma(1e200, -1e200, np.inf) == np.inf
    assert np.isnan(fma(np.inf, 0.0, 1.0))
    assert fma(5e-324, 0.25, 5e-324) == 5e-324
    assert np.signbit(fma(-1e-200, 1e-200, 0.0))  # below zero, however little
    assert not np.signbit(fma(0.0, -1.0, 0.0))


def test_in_parts_where_parts_underflow_or_overflow():
    power = 2.0**1023
    with np.errstate(all="ignore"):
        assert fma_in_parts(np.float64(power), np.float64(0.3), np.float64(-power)) == power * 0.3 - power
    tiny = np.float64(1e-200)
    assert fma_in_parts(tiny, tiny, np.float64(1e-180)) == 1e-180
    assert fma_in_parts(tiny, tiny, np.float64(0.0)) == 0.0
    assert np.isnan(fma_in_parts(tiny, np.float64(np.nan), tiny))


def test_operands_broadcast_and_need_not_lie_one_after_the_other():
    x = np.arange(600.0).reshape(20, 30)
    np.testing.assert_array_equal(fma(x.T, 0.5, x.T[:, :1]), x.T * 0.5 + x.T[:, :1])
    np.testing.assert_array_equal(fma(2, x[:1], np.float32(0.25)), 2 * x[:1] + 0.25)
    assert fma(np.zeros((0, 3)), 1.0, 2.0).shape == (0, 3)
    assert type(fma(2.0, 3.0, 4.0)) is np.float64


def test_arrays_of_any_length_have_the_bits_of_single_numbers():
    a, b, c = operands(30_000)[0]
    together = fma(a, b, c)
    some = [0, 8191, 8192, 8193, 16_384, 29_999]
    assert together[some].tolist() == [fma(a[k], b[k], c[k]) for k in some]


def test_numpy_needs_no_compiler():
    code = """
import sys
import numpy as np
from snnrun.kernels.arrays import exp
assert exp(np.zeros(100_000)).sum() == 100_000
assert not {"numba", "llvmlite"} & sys.modules.keys()
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
