"""R12: every function within 2 ulp of the exact value, and right at the edges."""

import itertools
import math

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snnrun.numerics import arrays

extended = pytest.mark.skipif(np.finfo(np.longdouble).nmant < 63, reason="needs a long double wider than double")
inf, nan = math.inf, math.nan


def over_exponents(rng, n):
    """Numbers of both signs spread evenly over all exponents, subnormal ones included."""
    return rng.choice([-1.0, 1.0], n) * np.ldexp(rng.uniform(1, 2, n), rng.integers(-1074, 1024, n))


def growing(rng, n):
    return np.concatenate([over_exponents(rng, n), *(rng.uniform(-b, b, n) for b in (0.5, 2, 40, 750))])


def positive(rng, n):
    near_one = 1 + rng.uniform(-1e-3, 1e-3, n)
    return np.abs(np.concatenate([over_exponents(rng, n), rng.uniform(0.3, 3, n), near_one, rng.uniform(0, 1e3, n)]))


def above_minus_one(rng, n):
    x = np.concatenate([over_exponents(rng, n), rng.uniform(-1, 3, n), rng.uniform(-1e-3, 1e-3, n)])
    return x[x > -1]


def cosines(rng, n):
    x = np.concatenate([over_exponents(rng, n), rng.uniform(-1, 1, n), rng.uniform(0.4, 0.6, n)])
    return np.concatenate([x[np.abs(x) <= 1], 1 - rng.uniform(0, 1, n) ** 8])


def angles(rng, n):
    near_quarters = np.rint(np.concatenate([rng.uniform(-1e8, 1e8, n), rng.uniform(-50, 50, n)])) * (np.pi / 2)
    x = np.concatenate([over_exponents(rng, n), rng.uniform(-10, 10, n), rng.uniform(-1e9, 1e9, n), near_quarters])
    return x[np.abs(x) <= 2.0**30]


def exprel_extended(x):
    return np.where(x > 1000, np.exp(x) / x, np.expm1(x) / x)


FUNCTIONS = {
    "exp": (growing, np.exp, mpmath.exp),
    "expm1": (growing, np.expm1, mpmath.expm1),
    "exprel": (growing, exprel_extended, lambda x: mpmath.expm1(x) / x),
    "sinh": (growing, np.sinh, mpmath.sinh),
    "cosh": (growing, np.cosh, mpmath.cosh),
    "tanh": (growing, np.tanh, mpmath.tanh),
    "arctan": (growing, np.arctan, mpmath.atan),
    "log": (positive, np.log, mpmath.log),
    "log10": (positive, np.log10, mpmath.log10),
    "log1p": (above_minus_one, np.log1p, mpmath.log1p),
    "arcsin": (cosines, np.arcsin, mpmath.asin),
    "arccos": (cosines, np.arccos, mpmath.acos),
    "sin": (angles, np.sin, mpmath.sin),
    "cos": (angles, np.cos, mpmath.cos),
    "tan": (angles, np.tan, mpmath.tan),
}


def errors_in_ulp(got, exact):
    """Distance of float64 results from exact ones (long double) in units of the last place of the exact result."""
    with np.errstate(all="ignore"):
        rounded = exact.astype(np.float64)
        exponents = np.frexp(np.where(np.isfinite(rounded), rounded, 1.0))[1]
        errors = np.abs(got.astype(np.longdouble) - exact) / np.ldexp(1.0, np.maximum(exponents - 53, -1074))
    agree = (got == rounded) | (np.isnan(got) & np.isnan(rounded))
    errors = np.where(agree & ~np.isfinite(rounded), 0.0, errors)
    return np.where(np.isnan(errors), np.inf, errors)


def worst(name, n):
    points, reference, _ = FUNCTIONS[name]
    x = points(np.random.default_rng(12), n)
    x = x[x != 0]
    with np.errstate(all="ignore"):
        exact = reference(x.astype(np.longdouble))
    errors = errors_in_ulp(getattr(arrays, name)(x), exact)
    return float(errors.max()), x[errors.argmax()]


@extended
@pytest.mark.parametrize("name", FUNCTIONS)
def test_within_2_ulp_of_extended_precision(name):
    error, where = worst(name, 10_000)
    assert error <= 2.0, where


@extended
@pytest.mark.slow
@pytest.mark.parametrize("name", FUNCTIONS)
def test_within_2_ulp_of_extended_precision_at_a_million_points(name):
    error, where = worst(name, 1_000_000)
    assert error <= 2.0, where


@pytest.mark.parametrize("name", FUNCTIONS)
def test_within_2_ulp_of_mpmath(name):
    points, _, reference = FUNCTIONS[name]
    x = points(np.random.default_rng(3), 40)
    x = x[x != 0]
    for value, got in zip(x, getattr(arrays, name)(x), strict=True):
        with mpmath.workprec(1200):
            exact = reference(mpmath.mpf(float(value)))
        rounded = float(exact)
        if math.isfinite(rounded):
            assert abs(mpmath.mpf(float(got)) - exact) <= 2 * math.ulp(rounded), value
        else:
            assert got == rounded, value


def powers(n):
    rng = np.random.default_rng(5)
    x = positive(rng, n)
    with np.errstate(all="ignore"):
        y = rng.uniform(-760, 720, x.size) / np.log(x)
    y = np.where(np.isfinite(y), y, 1.0)
    y[::3] = np.rint(np.clip(y[::3], -1e6, 1e6))
    x[::3] *= rng.choice([-1.0, 1.0], x[::3].size)
    return x, y


@extended
@pytest.mark.parametrize("n", [20_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_powers_within_2_ulp_of_extended_precision(n):
    x, y = powers(n)
    with np.errstate(all="ignore"):
        exact = np.power(x.astype(np.longdouble), y.astype(np.longdouble))
    errors = errors_in_ulp(arrays.pow(x, y), exact)
    assert errors.max() <= 2.0, (x[errors.argmax()], y[errors.argmax()])


def test_powers_within_2_ulp_of_mpmath():
    for x, y in zip(*(a[:300] for a in powers(100)), strict=True):
        with mpmath.workprec(300):
            exact = mpmath.power(mpmath.mpf(float(x)), mpmath.mpf(float(y)))
        rounded = float(exact)
        if math.isfinite(rounded):
            assert abs(mpmath.mpf(float(arrays.pow(x, y))) - exact) <= 2 * math.ulp(rounded), (x, y)


SPECIAL = [0.0, 1.0, inf, nan, 5e-324, 2.2250738585072014e-308, 1e-200, 0.5, 2.0, 3.0, 2.5, 1.7976931348623157e308]
SPECIAL += [-x for x in SPECIAL if x == x]  # noqa: PLR0124


def assert_same_number(got, expected, *where):
    """Equal up to 2 ulp, the sign of zero and NaN included."""
    if math.isnan(expected):
        assert math.isnan(got), where
    else:
        assert math.copysign(1.0, got) == math.copysign(1.0, expected), where
        assert got == expected or abs(got - expected) <= 2 * math.ulp(expected), (*where, got, expected)


@pytest.mark.parametrize("name", [*sorted(FUNCTIONS.keys() - {"exprel"}), "floor", "ceil", "sqrt", "absolute"])
def test_edges_are_those_of_ieee(name):
    for x in SPECIAL:
        if name in {"sin", "cos", "tan"} and abs(x) > 2.0**30:
            continue
        with np.errstate(all="ignore"):
            assert_same_number(float(getattr(arrays, name)(x)), float(getattr(np, name)(x)), x)


def test_powers_at_the_edges_are_those_of_ieee():
    bases, exponents = [*SPECIAL, 1e19, -1e19, -1 - 2**-52], [*SPECIAL, 1e19, 9007199254740993.0, -7.0]
    x, y = np.array(list(itertools.product(bases, exponents))).T
    with np.errstate(all="ignore"):
        expected = np.power(x, y)
    for got, right, *where in zip(arrays.pow(x, y), expected, x, y, strict=True):
        assert_same_number(float(got), float(right), *where)


@pytest.mark.parametrize(
    ("x", "value"),
    [(0.0, 1.0), (-0.0, 1.0), (5e-324, 1.0), (1e-17, 1.0), (inf, inf), (-inf, 0.0), (nan, nan), (1.0, math.e - 1.0)],
)
def test_exprel_is_right_at_its_edges(x, value):
    assert_same_number(float(arrays.exprel(x)), value, x)


@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_angles_too_large_to_reduce_give_nan_and_never_a_wrong_number(name):
    assert not math.isnan(getattr(arrays, name)(2.0**30))
    for x in (np.nextafter(2.0**30, inf), -1e300, inf, nan):
        assert math.isnan(getattr(arrays, name)(x))


moderate = st.floats(min_value=-1e9, max_value=1e9).filter(lambda x: x == 0 or abs(x) > 1e-5)


@given(moderate, moderate.filter(bool))
def test_remainder_and_floor_quotient_are_those_of_python(a, b):
    assert_same_number(float(arrays.fmod_python(a, b)), a % b, a, b)
    assert float(arrays.floordiv(a, b)) == a // b


def test_remainders_have_the_sign_of_the_divisor():
    for a, b in itertools.product([5.0, -5.0, 0.0], [3.0, -3.0, inf, -inf, 0.1, -0.1, 2.5]):
        assert_same_number(float(arrays.fmod_python(a, b)), a % b, a, b)


def test_dividing_by_zero_is_silent():
    assert math.isnan(arrays.fmod_python(1.0, 0.0))
    assert arrays.floordiv(1.0, 0.0) == inf
    assert arrays.floordiv(-1.0, 0.0) == -inf
    assert math.isnan(arrays.floordiv(0.0, 0.0))


@given(st.floats(), st.floats(min_value=-10, max_value=10), st.floats(min_value=-10, max_value=10))
def test_floor_sign_and_clip_are_those_of_numpy(x, a, b):
    assert_same_number(float(arrays.floor(x)), float(np.floor(x)), x)
    low, high = min(a, b), max(a, b)
    np.testing.assert_equal(float(arrays.clip(x, low, high)), float(np.clip(x, low, high)))
    np.testing.assert_equal(float(arrays.sign(x)), float(np.sign(x)))


def test_floor_is_exact_around_integers_of_every_size():
    whole = np.concatenate([np.ldexp(1.0, np.arange(60)), -np.ldexp(1.0, np.arange(60))])
    x = np.concatenate([whole, np.nextafter(whole, inf), np.nextafter(whole, -inf), whole + 0.5, whole - 0.5])
    np.testing.assert_array_equal(arrays.floor(x), np.floor(x))
    np.testing.assert_array_equal(arrays.ceil(x), np.ceil(x))


def test_times_count_as_steps_with_a_thousandth_of_tolerance():
    steps = np.arange(10_000)
    dt = 1e-4
    np.testing.assert_array_equal(arrays.timestep(steps * dt, dt), steps)
    assert arrays.timestep(0.9985 * dt, dt) == 0
    assert arrays.timestep(0.9995 * dt, dt) == 1


def test_scalars_give_scalars_and_arrays_keep_their_shape():
    assert isinstance(arrays.exp(1), np.float64)
    assert arrays.pow(np.ones((2, 3)), 2).shape == (2, 3)
