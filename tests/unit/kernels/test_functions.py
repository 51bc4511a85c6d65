"""R12: every function within 2 ulp of the exact value, and right at the edges."""

import fractions
import itertools
import math
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snnrun.kernels import arrays, scalar

from . import single

extended = pytest.mark.skipif(np.finfo(np.longdouble).nmant < 63, reason="needs a long double wider than double")
inf, nan = math.inf, math.nan


@dataclass(frozen=True)
class Library:
    """The functions of one precision, and what its numbers look like."""

    functions: Any
    float: type
    subnormal: int  # exponent of the smallest number
    largest: int  # exponent of the largest number

    def over_exponents(self, rng, n):
        """Numbers of both signs spread evenly over all exponents, subnormal ones included."""
        exponents = rng.integers(self.subnormal, self.largest + 1, n)
        return rng.choice([-1.0, 1.0], n) * np.ldexp(rng.uniform(1, 2, n), exponents)

    def points(self, name, seed, n):
        """Arguments of a function, not zero and not infinite."""
        with np.errstate(over="ignore"):
            x = FUNCTIONS[name][0](self, np.random.default_rng(seed), n).astype(self.float)
        return x[np.isfinite(x) & (x != 0)]


LIBRARIES = {
    "double": Library(arrays, np.float64, -1074, 1023),
    "single": Library(single, np.float32, -149, 127),
}
libraries = pytest.mark.parametrize("library", LIBRARIES.values(), ids=LIBRARIES)


def growing(library, rng, n):
    near_halves = rng.choice([-1.0, 1.0], n) * (0.5 * np.log(2) + rng.normal(0, 1e-3, n))
    return np.concatenate(
        [library.over_exponents(rng, n), near_halves, *(rng.uniform(-b, b, n) for b in (0.5, 2, 15, 95, 750))]
    )


def positive(library, rng, n):
    near_one = 1 + rng.uniform(-1e-3, 1e-3, n)
    x = [library.over_exponents(rng, n), rng.uniform(0.3, 3, n), near_one, rng.uniform(0, 1e3, n)]
    return np.abs(np.concatenate(x))


def above_minus_one(library, rng, n):
    x = np.concatenate([library.over_exponents(rng, n), rng.uniform(-1, 3, n), rng.uniform(-1e-3, 1e-3, n)])
    return x[x.astype(library.float) > -1]


def cosines(library, rng, n):
    x = np.concatenate([library.over_exponents(rng, n), rng.uniform(-1, 1, n), rng.uniform(0.4, 0.6, n)])
    return np.concatenate([x[np.abs(x) <= 1], 1 - rng.uniform(0, 1, n) ** 8])


def angles(library, rng, n):
    near_quarters = np.rint(np.concatenate([rng.uniform(-1e8, 1e8, n), rng.uniform(-50, 50, n)])) * (np.pi / 2)
    around_limit = rng.choice([-1.0, 1.0], n) * 2.0**30 * rng.uniform(0.9, 1.1, n)
    x = [
        library.over_exponents(rng, n),
        rng.uniform(-10, 10, n),
        rng.uniform(-1e9, 1e9, n),
        near_quarters,
        around_limit,
    ]
    return np.concatenate(x)


def closest_to_quarter_turns(library):
    """For each exponent an angle (near the) closest to a multiple of pi/2: by continued fractions of 2**e * 2/pi."""
    digits = np.finfo(library.float).nmant + 1
    found = []
    with mpmath.workprec(1400):
        quarter_turns = 2 / mpmath.pi
        for exponent in range(-digits, library.largest - digits + 2):
            rest = mpmath.ldexp(quarter_turns, exponent) % 1
            before, denominator = 0, 1
            while True:
                rest = 1 / rest
                following = int(rest) * denominator + before
                if following >= 2**digits:
                    break
                before, denominator, rest = denominator, following, rest % 1
            factor = (2**digits - 1) // denominator
            found.append(math.ldexp(factor * denominator, exponent))
    return np.array(found).astype(library.float)


def exprel_extended(x):
    return np.where(x > 1000, np.exp(x) / x, np.expm1(x) / x)


FUNCTIONS = {
    "exp": (growing, np.exp, mpmath.exp),
    "expm1": (growing, np.expm1, mpmath.expm1),
    "exprel": (growing, exprel_extended, lambda x: mpmath.expm1(x) / x),
    "inverse_exprel": (growing, lambda x: 1 / exprel_extended(x), lambda x: x / mpmath.expm1(x)),
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


def normal_range(library, rng, n):
    """Where erfc is neither 0 nor 2, more around the places where the formula changes."""
    near = rng.choice([-0.5, -0.25, 0.25, 0.5, 28], n) + rng.normal(0, 1e-3, n)
    return np.concatenate([library.over_exponents(rng, n), rng.uniform(-7, 7, n), rng.uniform(-1, 30, n), near])


# numpy has no such functions, so few points are compared, with mpmath
RARE = {
    "erf": (normal_range, mpmath.erf),
    "erfc": (normal_range, lambda x: mpmath.erfc(x) if x < 40 else mpmath.mpf(0)),
}


def errors_in_ulp(library, got, exact):
    """Distance of results from exact ones (long double) in units of the last place of the exact result."""
    assert got.dtype == library.float
    digits = np.finfo(library.float).nmant + 1
    with np.errstate(all="ignore"):
        rounded = exact.astype(library.float)
        exponents = np.frexp(np.where(np.isfinite(rounded), rounded, 1.0))[1]
        places = np.ldexp(1.0, np.maximum(exponents - digits, library.subnormal))
        errors = np.abs(got.astype(np.longdouble) - exact) / places
    agree = (got == rounded) | (np.isnan(got) & np.isnan(rounded))
    errors = np.where(agree & ~np.isfinite(rounded), 0.0, errors)
    return np.where(np.isnan(errors), np.inf, errors)


POINTS = [10_000, pytest.param(1_000_000, marks=pytest.mark.slow)]


@extended
@libraries
@pytest.mark.parametrize("n", POINTS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_within_2_ulp_of_extended_precision(library, name, n):
    x = library.points(name, 12, n)
    assert x.size > n
    with np.errstate(all="ignore"):
        exact = FUNCTIONS[name][1](x.astype(np.longdouble))
    errors = errors_in_ulp(library, getattr(library.functions, name)(x), exact)
    assert errors.max() <= 2.0, x[errors.argmax()]


def assert_within_2_ulp(library, got, exact, *where):
    """A result against that of mpmath."""
    with np.errstate(all="ignore"):
        rounded = library.float(exact)
    if np.isfinite(rounded):
        assert abs(mpmath.mpf(float(got)) - exact) <= 2 * mpmath.mpf(float(np.spacing(np.abs(rounded)))), where
    else:
        assert got == rounded, where


@libraries
@pytest.mark.parametrize("n", [500, pytest.param(50_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", RARE)
def test_error_functions_within_2_ulp_of_mpmath(library, name, n):
    points, exact = RARE[name]
    x = points(library, np.random.default_rng(8), n).astype(library.float)
    for value, got in zip(x, getattr(library.functions, name)(x), strict=True):
        with mpmath.workprec(200):
            assert_within_2_ulp(library, got, exact(mpmath.mpf(float(value))), value)


@libraries
@pytest.mark.parametrize(
    ("name", "values"),
    [("erf", [0.0, -0.0, 1.0, -1.0, nan, 5e-324]), ("erfc", [1.0, 1.0, 0.0, 2.0, nan, 1.0])],
)
def test_error_functions_are_right_at_their_edges(library, name, values):
    for x, value in zip([0.0, -0.0, inf, -inf, nan, 5e-324], values, strict=True):
        assert_same_number(getattr(library.functions, name)(x), value, x, library=library)


def points_of_a_plane(library, n):
    """Coordinates of both signs: alike, of all sizes, and on both sides of where `arctan2` changes its formula."""
    rng = np.random.default_rng(9)
    y = np.concatenate([rng.normal(size=2 * n), library.over_exponents(rng, 2 * n)])
    with np.errstate(all="ignore"):
        x = np.concatenate(
            [
                rng.normal(size=n),
                y[n : 2 * n] * rng.choice([-1, 1], n) * rng.choice([math.sqrt(2) - 1, 1, math.sqrt(2) + 1], n),
                y[2 * n : 3 * n] * np.ldexp(rng.normal(size=n), rng.integers(-60, 60, n)),
                library.over_exponents(rng, n),
            ]
        )
        y, x = y.astype(library.float), x.astype(library.float)
    kept = np.isfinite(x) & np.isfinite(y) & (x != 0) & (y != 0)
    return y[kept], x[kept]


@extended
@libraries
@pytest.mark.parametrize("n", POINTS)
@pytest.mark.parametrize("name", ["arctan2", "hypot"])
def test_angles_and_lengths_within_2_ulp_of_extended_precision(library, name, n):
    y, x = points_of_a_plane(library, n)
    with np.errstate(all="ignore"):
        exact = getattr(np, name)(y.astype(np.longdouble), x.astype(np.longdouble))
    errors = errors_in_ulp(library, getattr(library.functions, name)(y, x), exact)
    assert errors.max() <= 2.0, (y[errors.argmax()], x[errors.argmax()])


@libraries
@pytest.mark.parametrize("name", ["arctan2", "hypot", "minimum", "maximum"])
def test_functions_of_two_numbers_at_the_edges_are_those_of_ieee(library, name):
    for a, b in itertools.product([0.0, -0.0, 1.0, -2.0, inf, -inf, nan, 1e-40], repeat=2):
        with np.errstate(all="ignore"):
            x, y = library.float(a), library.float(b)
            expected = getattr(np, name)(x.astype(np.longdouble), y.astype(np.longdouble))
        if name in ("minimum", "maximum") and a == b == 0:
            continue
        assert_same_number(getattr(library.functions, name)(x, y), expected, a, b, library=library)


@libraries
def test_rounding_takes_halves_to_the_even_number(library):
    np.testing.assert_array_equal(library.functions.rint([0.5, 1.5, 2.5, -0.5, -1.5]), [0, 2, 2, 0, -2])
    whole = np.ldexp(1.0, np.arange(60))
    x = np.concatenate([whole, whole + 0.5, whole - 0.5, np.nextafter(whole, 0), [0.49999999999999994, inf]])
    x = np.concatenate([x, -x]).astype(library.float)
    rounded = library.functions.rint(x)
    np.testing.assert_array_equal(rounded, np.rint(x))
    np.testing.assert_array_equal(np.signbit(rounded), np.signbit(x))
    assert math.isnan(library.functions.rint(nan))


@libraries
@pytest.mark.parametrize("name", FUNCTIONS)
def test_within_2_ulp_of_mpmath(library, name):
    x = library.points(name, 3, 40)
    for value, got in zip(x, getattr(library.functions, name)(x), strict=True):
        with mpmath.workprec(1200):
            assert_within_2_ulp(library, got, FUNCTIONS[name][2](mpmath.mpf(float(value))), value)


def powers(library, n):
    rng = np.random.default_rng(5)
    x = positive(library, rng, n).astype(library.float).astype(np.float64)
    with np.errstate(all="ignore"):
        y = rng.uniform(library.subnormal - 3, library.largest + 3, x.size) / np.log2(x)
    y = np.where(np.isfinite(y), y, 1.0)
    y[::3] = np.rint(np.clip(y[::3], -1e6, 1e6))
    x[::3] *= rng.choice([-1.0, 1.0], x[::3].size)
    with np.errstate(all="ignore"):
        return x.astype(library.float), y.astype(library.float)


@extended
@libraries
@pytest.mark.parametrize("n", POINTS)
def test_powers_within_2_ulp_of_extended_precision(library, n):
    x, y = powers(library, n)
    with np.errstate(all="ignore"):
        exact = np.power(x.astype(np.longdouble), y.astype(np.longdouble))
    errors = errors_in_ulp(library, library.functions.pow(x, y), exact)
    assert errors.max() <= 2.0, (x[errors.argmax()], y[errors.argmax()])


@libraries
def test_powers_within_2_ulp_of_mpmath(library):
    for x, y in zip(*(a[:300] for a in powers(library, 100)), strict=True):
        with mpmath.workprec(300):
            exact = mpmath.power(mpmath.mpf(float(x)), mpmath.mpf(float(y)))
            assert_within_2_ulp(library, library.functions.pow(x, y), exact, x, y)


SPECIAL = [0.0, 1.0, inf, nan, 5e-324, 2.2250738585072014e-308, 1e-200, 0.5, 2.0, 3.0, 2.5, 1.7976931348623157e308]
SPECIAL += [1e-45, 1.1754944e-38, 3.4028235e38, 1e-20, 88.0, 90.0, 104.0, 709.0, 710.0, 745.0, 746.0]
SPECIAL += [-x for x in SPECIAL if x == x]  # noqa: PLR0124


def assert_same_number(got, expected, *where, library=LIBRARIES["double"]):
    """Equal up to 2 ulp, the sign of zero and NaN included."""
    assert isinstance(got, library.float)
    with np.errstate(all="ignore"):
        expected = library.float(expected)
        close = np.abs(got - expected) <= 2 * np.spacing(np.abs(expected))
    if np.isnan(expected):
        assert np.isnan(got), where
    else:
        assert np.signbit(got) == np.signbit(expected), where
        assert got == expected or close, (*where, got, expected)


@libraries
@pytest.mark.parametrize(
    "name", [*sorted(FUNCTIONS.keys() - {"exprel", "inverse_exprel"}), "floor", "ceil", "sqrt", "absolute", "sign"]
)
def test_edges_are_those_of_ieee(library, name):
    for value in SPECIAL:
        with np.errstate(all="ignore"):
            x = library.float(value)
            if name in {"sin", "cos", "tan"} and abs(x) > 2.0**30:
                continue
            if name == "sign" and x == 0:
                continue
            # the exact value, rounded once: numpy's own float32 functions are less exact than 2 ulp
            expected = getattr(np, name)(x.astype(np.longdouble))
        assert_same_number(getattr(library.functions, name)(x), expected, x, library=library)


@libraries
def test_powers_at_the_edges_are_those_of_ieee(library):
    bases = [*SPECIAL, 1e19, -1e19, -1 - 2**-52, -1 - 2**-23]
    exponents = [*SPECIAL, 1e19, 9007199254740993.0, 16777217.0, -7.0]
    with np.errstate(all="ignore"):
        x, y = np.array(list(itertools.product(bases, exponents))).T.astype(library.float)
        expected = np.power(x.astype(np.longdouble), y.astype(np.longdouble))
    for got, right, *where in zip(library.functions.pow(x, y), expected, x, y, strict=True):
        assert_same_number(got, right, *where, library=library)


@libraries
@pytest.mark.parametrize(
    ("x", "value"),
    [(0.0, 1.0), (-0.0, 1.0), (5e-324, 1.0), (1e-17, 1.0), (inf, inf), (-inf, 0.0), (nan, nan), (1.0, math.e - 1.0)],
)
def test_exprel_is_right_at_its_edges(library, x, value):
    assert_same_number(library.functions.exprel(x), value, x, library=library)


@libraries
@pytest.mark.parametrize(("x", "value"), [(0.0, 1.0), (-0.0, 1.0), (5e-324, 1.0), (inf, 0.0), (-inf, inf), (nan, nan)])
def test_inverse_exprel_is_right_at_its_edges(library, x, value):
    assert_same_number(library.functions.inverse_exprel(x), value, x, library=library)


FAR_POINTS = [1_000, pytest.param(100_000, marks=pytest.mark.slow)]


@libraries
@pytest.mark.parametrize("n", FAR_POINTS)
@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_angles_of_any_size_are_reduced_exactly(library, name, n):
    rng = np.random.default_rng(7)
    x = np.ldexp(rng.uniform(1, 2, n), rng.integers(29, library.largest + 1, n)).astype(library.float)
    x = rng.choice(np.array([-1, 1], library.float), n) * x
    for value, got in zip(x, getattr(library.functions, name)(x), strict=True):
        with mpmath.workprec(1200):
            assert_within_2_ulp(library, got, FUNCTIONS[name][2](mpmath.mpf(float(value))), value)


@libraries
@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_angles_closest_to_quarter_turns_keep_2_ulp(library, name):
    x = closest_to_quarter_turns(library)
    if library.float is np.float64:
        assert 6381956970095103 * 2.0**797 in x  # the closest of all (Muller, Elementary Functions)
    x = np.concatenate([x, -x])
    for value, got in zip(x, getattr(library.functions, name)(x), strict=True):
        with mpmath.workprec(1200):
            assert_within_2_ulp(library, got, FUNCTIONS[name][2](mpmath.mpf(float(value))), value)


@libraries
@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_only_infinite_angles_and_nan_give_nan(library, name):
    function = getattr(library.functions, name)
    largest = np.finfo(library.float).max
    for x in (2.0**30, np.nextafter(library.float(2.0**30), library.float(inf)), -1e38, largest, -largest):
        assert abs(function(x)) >= 0
        assert isinstance(function(x), library.float)
    for x in (inf, -inf, nan):
        assert math.isnan(function(x))


@libraries
@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_a_large_angle_has_the_same_bits_alone_and_among_small_ones(library, name):
    x = np.array([[0.5, 1e30, -3.0], [-1e12, 2.0**30, 1e-9]], library.float)
    values = getattr(library.functions, name)(x)
    assert values.dtype == library.float
    for index, value in np.ndenumerate(x):
        assert getattr(library.functions, name)(value).tobytes() == values[index].tobytes()
        if library.float is np.float64:
            assert scalar.apply(name, (float(value),)) == values[index]


moderate = st.floats(min_value=-1e9, max_value=1e9).filter(lambda x: x == 0 or abs(x) > 1e-5)


@given(moderate, moderate.filter(bool))
def test_remainder_and_floor_quotient_are_those_of_python(a, b):
    assert_same_number(arrays.fmod_python(a, b), a % b, a, b)
    assert arrays.floordiv(a, b) == a // b


@given(moderate, moderate.filter(bool))
def test_remainder_and_floor_quotient_in_single_precision_are_those_of_exact_arithmetic(a, b):
    x, y = np.float32(a), np.float32(b)
    quotient = fractions.Fraction(float(x)) // fractions.Fraction(float(y))
    left = fractions.Fraction(float(x)) - quotient * fractions.Fraction(float(y))
    if abs(quotient) < 2**51:
        assert single.floordiv(x, y) == np.float32(quotient)
        assert single.fmod_python(x, y) == np.float32(float(left))


@libraries
def test_remainders_have_the_sign_of_the_divisor(library):
    for a, b in itertools.product([5.0, -5.0, 0.0], [3.0, -3.0, inf, -inf, 0.125, -0.125, 2.5]):
        assert_same_number(library.functions.fmod_python(a, b), a % b, a, b, library=library)


@libraries
def test_dividing_by_zero_is_silent(library):
    functions = library.functions
    assert math.isnan(functions.fmod_python(1.0, 0.0))
    assert functions.floordiv(1.0, 0.0) == inf
    assert functions.floordiv(-1.0, 0.0) == -inf
    assert math.isnan(functions.floordiv(0.0, 0.0))


@libraries
@given(st.floats(), st.floats(min_value=-10, max_value=10), st.floats(min_value=-10, max_value=10))
def test_floor_sign_and_clip_are_those_of_numpy(library, x, a, b):
    functions = library.functions
    with np.errstate(all="ignore"):
        x, low, high = library.float(x), library.float(min(a, b)), library.float(max(a, b))
    assert_same_number(functions.floor(x), np.floor(x), x, library=library)
    np.testing.assert_equal(functions.clip(x, low, high), np.clip(x, low, high))
    np.testing.assert_equal(functions.sign(x), np.sign(x))


@libraries
def test_floor_is_exact_around_integers_of_every_size(library):
    whole = np.concatenate([np.ldexp(1.0, np.arange(60)), -np.ldexp(1.0, np.arange(60))]).astype(library.float)
    up, down = library.float(inf), library.float(-inf)
    x = np.concatenate([whole, np.nextafter(whole, up), np.nextafter(whole, down), whole + 0.5, whole - 0.5])
    assert x.dtype == library.float
    np.testing.assert_array_equal(library.functions.floor(x), np.floor(x))
    np.testing.assert_array_equal(library.functions.ceil(x), np.ceil(x))


@libraries
def test_times_count_as_steps_with_a_thousandth_of_tolerance(library):
    steps = np.arange(10_000)
    dt = 1e-4
    np.testing.assert_array_equal(library.functions.timestep(steps * dt, dt), steps)
    assert library.functions.timestep(0.9985 * dt, dt) == 0
    assert library.functions.timestep(0.9995 * dt, dt) == 1
    assert library.functions.timestep(100.0 + 3 * dt, dt) == 1_000_003


@libraries
def test_scalars_give_scalars_and_arrays_keep_their_shape(library):
    assert isinstance(library.functions.exp(1), library.float)
    powers = library.functions.pow(np.ones((2, 3)), 2)
    assert powers.shape == (2, 3)
    assert powers.dtype == library.float
