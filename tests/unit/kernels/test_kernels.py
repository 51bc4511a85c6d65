"""Functions compiled by numba: the bits of numpy, no symbol from outside, and loops that are vectorised."""

import itertools
import re

import llvmlite.binding as llvm
import numpy as np
import pytest

from snnrun.codegen.target import ENTRY
from snnrun.kernels import random
from snnrun.kernels.arithmetic import Math, Precision
from snnrun.kernels.binomial import binomial_table
from snnrun.kernels.library import library

from .kernels import AVX2, BINARY, ELEMENT, FILL, HOST, NAMES, TIMES, UNARY, alone

N = 4001
EDGES = [0.0, 1.0, 0.5, np.inf, np.nan, 5e-324, 1e-310, 2.0**30, 2.0**52, 1e300, 700.0, 745.1]


def points(seed, kind=np.float64):
    rng = np.random.default_rng(seed)
    exponents = rng.integers(-1074, 1024, N) if kind is np.float64 else rng.integers(-149, 128, N)
    spread = rng.choice([-1.0, 1.0], N) * np.ldexp(rng.uniform(1, 2, N), exponents)
    x = np.concatenate([spread, rng.uniform(-3, 3, N), rng.uniform(-50, 750, N), EDGES, [-e for e in EDGES]])
    with np.errstate(over="ignore"):
        return rng.permutation(x).astype(kind)


def assert_same_bits(a, b):
    """Equal in every bit; any NaN equals any NaN (their bits depend on the order of operands)."""
    assert a.dtype == b.dtype
    bits = np.int64 if a.dtype == np.float64 else np.int32
    both_nan = np.isnan(a) & np.isnan(b)
    different = (a.view(bits) != b.view(bits)) & ~both_nan
    assert not different.any(), (a[different][:3], b[different][:3])


@pytest.mark.parametrize("name", UNARY)
def test_functions_of_one_number_have_the_bits_of_numpy(kernels, name):
    x = points(1, kernels.float)
    out = np.empty_like(x)
    kernels.call(name, x, out, x.size)
    assert_same_bits(out, getattr(kernels.twin, name)(x))


@pytest.mark.parametrize("name", BINARY)
def test_functions_of_two_numbers_have_the_bits_of_numpy(kernels, name):
    x, y = points(1, kernels.float), points(2, kernels.float)
    out = np.empty_like(x)
    kernels.call(name, x, y, out, x.size)
    assert_same_bits(out, getattr(kernels.twin, name)(x, y))


@pytest.mark.parametrize("name", TIMES)
def test_functions_of_times_have_the_bits_of_numpy(kernels, name):
    t, dt = points(1), points(2)
    out = np.empty(t.size, kernels.float)
    kernels.call(name, t, dt, out, t.size)
    assert_same_bits(out, getattr(kernels.twin, name)(t, dt))


KEYS = [(0, 0, 0), (123456, 42, -1), (2**40, 2**63 - 1, -(2**63))]


@pytest.mark.parametrize("name", ELEMENT)
@pytest.mark.parametrize(("step", "seed", "stream"), KEYS)
def test_random_numbers_have_the_bits_of_numpy(kernels, name, step, seed, stream):
    one_by_one, filled = np.empty(N, kernels.float), np.empty(N + 1, kernels.float)
    kernels.call(name, one_by_one, N, step, seed, stream)
    kernels.call(f"fill_{name}", filled, N, step, seed, stream)
    expected = getattr(kernels.twin, f"{name}s")(N, step, seed, stream & (2**64 - 1))
    assert_same_bits(one_by_one, expected)
    assert_same_bits(filled[:N], expected)


@pytest.mark.parametrize("name", ELEMENT)
def test_parts_of_a_filling_can_be_cut_anywhere_and_done_in_any_order(kernels, name):
    whole = np.empty(N + 1, kernels.float)
    kernels.call(f"fill_{name}", whole, N, 1, 2, 3)
    cuts = [0, 1, 2, 5, 5, 300, 301, 1023, 1024, 4000, N]
    out = np.full(N + 1, -7.0, kernels.float)
    for low, high in reversed(list(itertools.pairwise(cuts))):
        kernels.call(f"part_of_fill_{name}", out, low, high, 1, 2, 3)
    assert_same_bits(out[:N], whole[:N])


def test_filling_writes_no_further_than_the_next_even_number(kernels):
    for name in FILL:
        out = np.full(8, -1.0, kernels.float)
        kernels.call(name, out, 5, 0, 0, 0)
        assert (out[6:] == -1.0).all()


def test_poisson_numbers_have_the_bits_of_numpy(kernels):
    lam = np.concatenate([[0.0, -1.0, np.nan, np.inf, 10.0], np.geomspace(1e-6, 1e15, N - 5)])
    out = np.empty(N, kernels.float)
    kernels.call("poisson", lam, out, N, 3, 4, 5)
    assert_same_bits(out, kernels.twin.poissons(lam, N, 3, 4, 5))


@pytest.mark.parametrize("trials", [0.0, 7.0, 1000.0, 1e6])
def test_binomial_numbers_have_the_bits_of_numpy(kernels, trials):
    p = np.concatenate([[0.0, -1.0, np.nan, np.inf, 1.0, 0.5, 1.0 + 1e-9], np.geomspace(1e-9, 1, N - 7)])
    out = np.empty(N, kernels.float)
    kernels.call("binomial", np.full(N, trials), p, out, N, 3, 4, 5)
    with np.errstate(all="ignore"):
        expected = random.binomial(np.full(N, trials), p, np.arange(N), 3, 4, 5)
    assert_same_bits(out, expected.astype(kernels.float))
    assert np.isnan(expected[1:4]).all()
    assert expected[[0, 4, 6]].tolist() == [0.0, trials, trials]


def test_counting_thresholds_is_inversion_of_the_distribution_function(kernels):
    table = binomial_table(1000, 0.0015)
    u, out = kernels.twin.uniforms(N, 1, 2, 3), np.empty(N, kernels.float)
    kernels.call("count_below", u, table, out, N, table.size)
    counts = np.searchsorted(table, u.astype(np.float64), side="right")
    np.testing.assert_array_equal(out, (u + counts).astype(kernels.float))


def test_kernels_need_no_symbol_from_outside(kernels, plainest):
    for compiled in (kernels, plainest):
        assembly = compiled.assembly
        defined = set(re.findall(r"^([\w.$]+):", assembly, re.MULTILINE))
        called = set(re.findall(r"^\s(?:callq?|jmp|bl|b)\s+([A-Za-z_][\w.$]*)", assembly, re.MULTILINE))
        referred = set(re.findall(r"([A-Za-z_][\w.$]*)@(?:PLT|GOTPCREL)", assembly))
        assert set(compiled.names) == set(NAMES)
        assert ENTRY in defined
        assert called | referred <= defined


def test_functions_have_the_same_bits_on_any_processor(plainest):
    x = points(3, plainest.float)
    for name in ("exp", "log", "exprel", "sin", "tanh", "sqrt", "floor"):
        out = np.empty_like(x)
        plainest.call(name, x, out, x.size)
        assert_same_bits(out, getattr(plainest.twin, name)(x))


def test_random_numbers_have_the_same_bits_on_any_processor(plainest):
    out = np.empty(N + 1, plainest.float)
    plainest.call("fill_normal", out, N, 1, 2, 3)
    assert_same_bits(out[:N], plainest.twin.normals(N, 1, 2, 3))
    plainest.call("poisson", np.full(N, 25.0), out, N, 1, 2, 3)
    assert_same_bits(out[:N], plainest.twin.poissons(25.0, N, 1, 2, 3))


@pytest.mark.skipif(not llvm.get_default_triple().startswith("x86_64"), reason="reads x86 assembly")
@pytest.mark.parametrize(
    "name",
    [
        *("exp", "expm1", "exprel", "log", "log1p", "sin", "cos", "tan", "tanh", "pow", "arctan", "gates"),
        *(f"part_of_{name}" for name in FILL),
    ],
)
def test_loops_are_vectorised(kernels, name):
    assembly = alone(kernels.precision, Math.STRICT, AVX2, name).assembly
    # What is seldom called is scalar.
    assembly = re.sub(
        r"^(?:branch\.|kernel\.\S+\._slow_)[\w.]+:.*?^\.?Lfunc_end", "", assembly, flags=re.MULTILINE | re.DOTALL
    )
    packed = len(re.findall(r"\sv?(?:add|sub|mul)p[sd]\s", assembly))
    scalar = len(re.findall(r"\sv?(?:add|sub|mul)s[sd]\s", assembly))
    assert packed > 0
    # The remainder of the loop, a few elements, stays scalar: about one scalar operation for each packed one at most.
    # So do the halves of pairs at both ends of a filling.
    assert scalar <= (3.3 if "fill" in name else 1.1) * packed + 1


@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_a_loop_calls_one_function_for_all_angles_that_it_takes_at_once(kernels, name):
    text = str(alone(kernels.precision, Math.STRICT, HOST, name).module)
    assert re.search(rf"call <\d+ x \w+> @branch\.[\w.]*_slow_{name}\.\w*\.\d+\(", text)


@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
@pytest.mark.parametrize("far", [0, 7, 15, 16, 17, 31])
def test_one_large_angle_changes_no_other_element(kernels, name, far):
    x = np.linspace(-3, 3, 37).astype(kernels.float)
    x[far] = 1e30
    out = np.empty_like(x)
    kernels.call(name, x, out, x.size)
    assert_same_bits(out, getattr(kernels.twin, name)(x))
    assert not np.isnan(out).any()


@pytest.mark.parametrize("precision", list(Precision))
@pytest.mark.parametrize("math", list(Math))
def test_the_library_has_the_same_names_for_every_precision_and_math(precision, math):
    tested = {*UNARY, *BINARY, *TIMES, *ELEMENT, *FILL, "poisson", "binomial", "count_below", "clip", "threefry"}
    found = library(precision, math)
    assert tested | {"select"} <= found.keys()
    assert found.keys() == library("double", "strict").keys()


def test_each_precision_and_math_has_functions_of_its_own():
    homes = {
        (precision, math): {name: f.__module__.rpartition(".")[2] for name, f in library(precision, math).items()}
        for precision in Precision
        for math in Math
    }
    assert [home["exp"] for home in homes.values()] == [
        *("functions", "fast_functions", "single_functions", "single_functions")
    ]
    assert [home["fill_normal"] for home in homes.values()] == ["random", "random", "single_random", "single_random"]
    assert {home["select"] for home in homes.values()} == {"primitives"}
    with pytest.raises(KeyError, match="half"):
        library("half", "strict")


def test_every_function_of_numbers_exists_in_single_precision():
    shared = {name for name, f in library("single", "strict").items() if f is library("double", "strict")[name]}
    assert shared == {"select", "sqrt", "threefry", "normal_pair", "count_below"}


def test_python_fills_as_kernels_do():
    for precision in Precision:
        found = library(precision, "strict")
        kind = np.float64 if precision is Precision.DOUBLE else np.float32
        for name in ELEMENT:
            out = np.full(12, 7, kind)
            with np.errstate(all="ignore"):
                found[f"fill_{name}"](1, 3, 10, 2, 3, out)
                assert_same_bits(out[3:10], np.array([found[name](k, 1, 2, 3) for k in range(3, 10)], kind))
