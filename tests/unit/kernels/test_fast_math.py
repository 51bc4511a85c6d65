"""Fast math: fused operations, still no assumption that numbers are finite, and close to what strict math gives."""

import re

import llvmlite.binding as llvm
import numpy as np
import pytest

from snnrun.kernels.arithmetic import Math, Precision

from .kernels import BINARY, HOST, PLAINEST, UNARY, Kernels, alone
from .test_kernels import assert_same_bits, points

CLOSE = 4  # ulp between fast and strict
TINY = 1e-307  # what is smaller may be 0 in fast math
# Both sides of every place where the reduction of arguments changes by one, and wide ranges.
REDUCED = np.arange(-8.5, 9.0)[:, None] * np.log(2) + np.linspace(-0.03, 0.03, 20001)
EXACT = {
    "exp": (np.exp, (-700.0, 709.7)),
    "expm1": (np.expm1, (-45.0, 709.7)),
    "exprel": (lambda x: np.expm1(x) / x, (-800.0, 716.0)),
    "inverse_exprel": (lambda x: x / np.expm1(x), (-800.0, 700.0)),
}


def assert_close(got, strict):
    """Within a few ulp, and NaN, infinities and zeros at the same places."""
    np.testing.assert_array_equal(np.isnan(got), np.isnan(strict))
    np.testing.assert_array_equal(np.isinf(got), np.isinf(strict))
    finite = np.isfinite(strict) & (np.abs(strict) > TINY)
    assert (np.abs(got[np.abs(strict) <= TINY]) <= TINY).all()
    got, strict = got[finite], strict[finite]
    assert finite.sum() > 1000
    assert (np.abs(got - strict) <= CLOSE * np.spacing(np.abs(strict))).all()


@pytest.mark.parametrize("name", UNARY)
def test_functions_of_one_number_are_close_to_those_of_strict_math(fast, name):
    x = points(1, fast.float)
    out = np.empty_like(x)
    fast.call(name, x, out, x.size)
    assert_close(out, getattr(fast.twin, name)(x))


@pytest.fixture(scope="module")
def powers():
    return Kernels(Precision.DOUBLE, Math.FAST, HOST, tuple(EXACT))


@pytest.mark.skipif(np.finfo(np.longdouble).nmant < 63, reason="compares with numbers of 64 bits")
@pytest.mark.parametrize("name", EXACT)
def test_powers_of_e_lie_within_three_ulp_of_the_exact_value(powers, name):
    function, (low, high) = EXACT[name]
    rng = np.random.default_rng(4)
    x = np.concatenate([REDUCED.ravel(), rng.uniform(low, high, 100_000), rng.uniform(-1, 1, 100_000)])
    out = np.empty_like(x)
    powers.call(name, x, out, x.size)
    exact = function(x.astype(np.longdouble))
    assert (np.abs(out - exact) <= 3 * np.spacing(np.abs(exact).astype(float))).all()


@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_angles_above_the_limit_have_the_bits_of_strict_math(fast, name):
    x = points(1, fast.float)
    x = x[np.abs(x) > 2.0**30]
    assert x.size > 500
    out = np.empty_like(x)
    fast.call(name, x, out, x.size)
    assert_same_bits(out, getattr(fast.twin, name)(x))


@pytest.mark.parametrize("name", BINARY)
def test_functions_of_two_numbers_are_close_to_those_of_strict_math(fast, name):
    x, y = points(1, fast.float), points(2, fast.float)
    out = np.empty_like(x)
    fast.call(name, x, y, out, x.size)
    assert_close(out, getattr(fast.twin, name)(x, y))


def test_normal_numbers_are_close_to_those_of_strict_math(fast):
    out = np.empty(4002, fast.float)
    fast.call("fill_normal", out, 4001, 1, 2, 3)
    strict = fast.twin.normals(4001, 1, 2, 3)
    np.testing.assert_allclose(out[:4001], strict, rtol=0, atol=64 * np.finfo(fast.float).eps)


@pytest.mark.skipif(not llvm.get_host_cpu_features().get("fma"), reason="reads the assembly of a processor with FMA")
@pytest.mark.parametrize("precision", list(Precision))
@pytest.mark.parametrize("name", ["exp", "log", "sin", "gates", "fill_normal"])
def test_fast_loops_fuse_packed_operations_and_strict_loops_what_the_text_fuses(precision, name):
    fast, strict = (
        len(re.findall(r"\svfn?m(?:add|sub)\d+p[sd]\s", alone(precision, math, HOST, name).assembly))
        for math in (Math.FAST, Math.STRICT)
    )
    assert fast > 5
    assert (strict > 0) == (precision is Precision.DOUBLE and name in {"exp", "gates"})


@pytest.mark.skipif(not llvm.get_default_triple().startswith("x86_64"), reason="reads x86 assembly")
@pytest.mark.parametrize("precision", list(Precision))
def test_a_processor_that_cannot_fuse_computes_products_and_sums_instead(precision):
    fast, strict = (
        len(re.findall(r"\smul[sp][sd]\s", alone(precision, math, PLAINEST, "exp").assembly))
        for math in (Math.FAST, Math.STRICT)
    )
    assert 10 <= fast <= 60  # packed ones and those of the loop's remainder
    if precision is Precision.DOUBLE:
        assert strict > 4 * fast  # strict math finds what fusing would have given


@pytest.mark.parametrize("precision", list(Precision))
def test_what_may_be_reordered_is_but_never_assumed_finite(precision):
    fast, strict = (str(alone(precision, math, HOST, "gates").module) for math in (Math.FAST, Math.STRICT))
    assert re.search(r"f(?:add|sub|mul) reassoc nsz arcp contract (?:<|double|float)", fast)
    assert re.search(r"f(?:add|sub|mul) contract (?:<|double|float)", fast)  # of `exp`: fused only
    assert not re.search(r"\b(?:nnan|ninf|fast)\b", fast)
    assert not re.search(r"\b(?:arcp|contract|nsz|reassoc|nnan|ninf|fast)\b", strict)
