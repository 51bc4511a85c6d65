"""Fast math: fused operations, still no assumption that numbers are finite, and close to what strict math gives."""

import re

import llvmlite.binding as llvm
import numpy as np
import pytest

from snnrun.codegen.lowering import lower
from snnrun.numerics.arithmetic import Math, Precision

from .kernels import BINARY, HOST, PLAINEST, UNARY, Kernels
from .test_kernel_text import assert_same_bits, points

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


@pytest.fixture(scope="module", params=list(Precision))
def fast(request):
    return Kernels(request.param, Math.FAST)


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


@pytest.mark.skipif(np.finfo(np.longdouble).nmant < 63, reason="compares with numbers of 64 bits")
@pytest.mark.parametrize("name", EXACT)
def test_powers_of_e_lie_within_three_ulp_of_the_exact_value(name):
    function, (low, high) = EXACT[name]
    rng = np.random.default_rng(4)
    x = np.concatenate([REDUCED.ravel(), rng.uniform(low, high, 100_000), rng.uniform(-1, 1, 100_000)])
    out = np.empty_like(x)
    Kernels(Precision.DOUBLE, Math.FAST).call(name, x, out, x.size)
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
@pytest.mark.parametrize("name", ["exp", "log", "sin", "gates", "fill_normal"])
def test_fast_loops_fuse_packed_operations_and_strict_loops_what_the_text_fuses(fast, kernels, name):
    counts = []
    for some in (fast, kernels):
        assembly = some.assembly(name, HOST)
        counts.append(len(re.findall(r"\svfn?m(?:add|sub)\d+p[sd]\s", assembly)))
    assert counts[0] > 5
    called = re.search(r"\bfma\(", kernels.text(name).partition("def _trace_library")[2])
    assert (counts[1] > 0) == (called is not None)


@pytest.mark.skipif(not llvm.get_default_triple().startswith("x86_64"), reason="reads x86 assembly")
def test_a_processor_that_cannot_fuse_computes_products_and_sums_instead(kernels):
    fast = Kernels(kernels.precision, Math.FAST)
    products = [len(re.findall(r"\smul[sp][sd]\s", some.assembly("exp", PLAINEST))) for some in (fast, kernels)]
    assert 10 <= products[0] <= 60  # packed ones and those of the loop's remainder
    if kernels.precision is Precision.DOUBLE:
        assert products[1] > 4 * products[0]  # strict math finds what fusing would have given


def test_code_compiled_with_the_flags_is_reordered_but_never_assumed_finite(fast, kernels):
    fused, plain = (str(lower(some.text("poisson"), "entry", "", "", fused=True)) for some in (fast, kernels))
    assert re.search(r"f(?:add|sub|mul) arcp contract nsz reassoc (?:double|float)", fused)
    assert not re.search(r"\b(?:nnan|ninf|fast)\b", fused)
    assert not re.search(r"\b(?:arcp|contract|nsz|reassoc|nnan|ninf|fast)\b", plain)
