"""R11: the generator's known answers, its definitions, and the distributions."""

import hashlib
import math

import mpmath
import numpy as np
import pytest
from scipy import stats

from snnrun.kernels import arrays, random
from snnrun.kernels.binomial import binomial_table
from snnrun.kernels.streams import stream_key

from . import single

MASK = 2**64 - 1
PI_WORDS = (0x243F6A8885A308D3, 0x13198A2E03707344, 0xA4093822299F31D0, 0x082EFA98EC4E6C89)
KNOWN_ANSWERS_13_ROUNDS = [  # of the Random123 distribution: counter, key, words
    ((0, 0), (0, 0), (0xF167B032C3B480BD, 0xE91F9FEE4B7A6FB5)),
    ((MASK, MASK), (MASK, MASK), (0xCCDEC5C917A874B1, 0x4DF53ABCA26CEB01)),
    (PI_WORDS[:2], PI_WORDS[2:], (0xC3AAC71561042993, 0x3FE7AE8801AFF316)),
]
KNOWN_ANSWERS_20_ROUNDS = [
    ((0, 0), (0, 0), (0xC2B6E3A8C2C69865, 0x6F81ED42F350084D)),
    ((MASK, MASK), (MASK, MASK), (0xE02CB7C4D95D277A, 0xD06633D0893B8B68)),
    (PI_WORDS[:2], PI_WORDS[2:], (0x263C7D30BB0F0AF1, 0x56BE8361D3311526)),
]


def threefry_of_the_paper(counter, key, rounds):
    """Threefry-2x64 with Python integers, for any number of rounds: the oracle."""
    keys = [*key, 0x1BD11BDAA9FC1A22 ^ key[0] ^ key[1]]
    x = [(c + k) & MASK for c, k in zip(counter, key, strict=True)]
    for i in range(rounds):
        count = (16, 42, 12, 31, 16, 32, 24, 21)[i % 8]
        x[0] = (x[0] + x[1]) & MASK
        x[1] = (((x[1] << count) | (x[1] >> (64 - count))) & MASK) ^ x[0]
        if i % 4 == 3:
            s = i // 4 + 1
            x = [(x[0] + keys[s % 3]) & MASK, (x[1] + keys[(s + 1) % 3] + s) & MASK]
    return tuple(x)


def words(*arguments):
    with np.errstate(all="ignore"):
        return tuple(int(w) for w in random.threefry(*arguments))


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN_ANSWERS_13_ROUNDS)
def test_threefry_gives_the_known_answers(counter, key, answer):
    assert words(*counter, *key) == answer


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN_ANSWERS_20_ROUNDS)
def test_the_oracle_gives_the_known_answers_of_20_rounds(counter, key, answer):
    assert threefry_of_the_paper(counter, key, 20) == answer


def test_threefry_agrees_with_the_paper_on_random_counters():
    rng = np.random.default_rng(0)
    for _ in range(100):
        counter, key = rng.integers(0, MASK, (2, 2), np.uint64, endpoint=True).tolist()
        assert words(*counter, *key) == threefry_of_the_paper(counter, key, 13)


def test_uniforms_are_the_upper_52_bits_of_the_words():
    seed, stream, step = 12, stream_key("groups.exc.xi"), 345
    for k, got in enumerate(arrays.uniforms(11, step, seed, stream)):
        word = threefry_of_the_paper((k // 2, step), (seed, stream), 13)[k % 2]
        assert got == (word >> 12) / 2**52


def test_normals_are_box_and_muller_of_the_words():
    seed, stream, step = 12, 7, 345
    for k, got in enumerate(arrays.normals(200, step, seed, stream)):
        first, second = (mpmath.mpf(w >> 12) / 2**52 for w in threefry_of_the_paper((k // 2, step), (seed, stream), 13))
        with mpmath.workprec(120):
            angle = 2 * mpmath.pi * second
            exact = mpmath.sqrt(-2 * mpmath.log(1 - first)) * (mpmath.sin(angle) if k % 2 else mpmath.cos(angle))
        assert abs(got - exact) <= 4 * math.ulp(float(exact)), k


def test_single_uniforms_are_the_upper_24_bits_of_the_same_words():
    seed, stream, step = 12, stream_key("groups.exc.xi"), 345
    got = single.uniforms(1001, step, seed, stream)
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, np.floor(arrays.uniforms(1001, step, seed, stream) * 2**24) / 2**24)


def test_single_normals_are_box_and_muller_of_the_same_words():
    seed, stream, step = 12, 7, 345
    got = single.normals(1000, step, seed, stream)
    assert got.dtype == np.float32
    for k, value in enumerate(got):
        first, second = threefry_of_the_paper((k // 2, step), (seed, stream), 13)
        with mpmath.workprec(120):
            left = (mpmath.mpf((MASK ^ first) >> 33) + 0.5) / 2**31
            radius = mpmath.sqrt(-2 * mpmath.log(left))
            angle = 2 * mpmath.pi * (second >> 32) / 2**32
            exact = radius * (mpmath.sin(angle) if k % 2 else mpmath.cos(angle))
        # `left` is rounded by 2**-25 of itself, which moves the radius by 2**-25 / radius
        assert abs(float(value) - exact) <= 4 * float(np.spacing(np.float32(abs(exact)))) + 2**-24 / radius, k
    assert np.abs(got - arrays.normals(1000, step, seed, stream)).max() < 1e-5


def test_an_element_has_the_same_number_however_it_is_asked_for():
    some = np.array([5, 0, 999])
    np.testing.assert_array_equal(arrays.uniforms(some, 3, 1, 2), arrays.uniforms(1000, 3, 1, 2)[some])
    np.testing.assert_array_equal(arrays.normals(some, 3, 1, 2), arrays.normals(1000, 3, 1, 2)[some])
    np.testing.assert_array_equal(arrays.poissons(20.0, some, 3, 1, 2), arrays.poissons(20.0, 1000, 3, 1, 2)[some])


def test_stream_keys_are_the_first_bytes_of_sha_256():
    assert stream_key("") == 0x141CFC9842C4B0E3  # SHA-256 of nothing begins e3 b0 c4 42 98 fc 1c 14
    assert stream_key("synapses.e.connect").to_bytes(8, "little") == hashlib.sha256(b"synapses.e.connect").digest()[:8]


LIBRARIES = {"double": arrays, "single": single}
libraries = pytest.mark.parametrize("library", LIBRARIES.values(), ids=LIBRARIES)
SIZES = [1_000_000, pytest.param(10_000_000, marks=pytest.mark.slow)]
# Each statistical test below rejects a right generator with probability 1e-4; seeds are fixed.
SIGNIFICANCE = 1e-4


@libraries
@pytest.mark.parametrize("n", SIZES)
def test_uniforms_are_uniform(library, n):
    u = library.uniforms(n, 0, 1, stream_key("test"))
    assert u.min() >= 0.0
    assert u.max() < 1.0
    assert stats.kstest(u, "uniform").pvalue > SIGNIFICANCE
    assert stats.chisquare(np.bincount((u * 256).astype(int), minlength=256)).pvalue > SIGNIFICANCE
    bits = 52 if u.dtype == np.float64 else 24
    low_bits = ((u * 2.0**bits).astype(np.int64) & 255).astype(int)
    assert stats.chisquare(np.bincount(low_bits, minlength=256)).pvalue > SIGNIFICANCE


@libraries
@pytest.mark.parametrize("n", SIZES)
def test_normals_are_standard_normal(library, n):
    x = library.normals(n, 0, 1, stream_key("test")).astype(np.float64)
    beyond = stats.norm.sf(4.5) * 2 * n
    assert abs(np.count_nonzero(np.abs(x) > 4.5) - beyond) < 5 * math.sqrt(beyond)
    assert stats.kstest(x, "norm").pvalue > SIGNIFICANCE
    limit = stats.norm.isf(SIGNIFICANCE / 2)
    assert abs(x.mean()) < limit / math.sqrt(n)
    assert abs(x.var() - 1) < limit * math.sqrt(2 / n)
    assert abs(stats.skew(x)) < limit * math.sqrt(6 / n)
    assert abs(stats.kurtosis(x)) < limit * math.sqrt(24 / n)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((0, 1, 2), (1, 1, 2)),  # steps
        ((0, 1, 2), (0, 2, 2)),  # seeds
        ((0, 1, 2), (0, 1, 3)),  # streams
        ((1, 2, 0), (2, 1, 0)),
    ],
)
def test_steps_seeds_and_streams_are_independent(first, second):
    n = 200_000
    x, y = arrays.normals(n, *first), arrays.normals(n, *second)
    limit = stats.norm.isf(SIGNIFICANCE / 2) / math.sqrt(n)
    for a, b in ((x, y), (x**2 - 1, (y**2 - 1) / 2), (x[::2], math.sqrt(2) * x[1::2]), (x[:-1], x[1:])):
        assert abs(np.mean(a * b)) < limit


@libraries
@pytest.mark.parametrize("n", [100_000, pytest.param(10_000_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("mean", [0.05, 1.0, 9.99, 10.0, 13.0, 40.0, 1000.0])
def test_poisson_numbers_follow_their_distribution(library, mean, n):
    x = library.poissons(mean, n, 5, 6, stream_key("poisson"))
    k = np.arange(int(mean + 12 * math.sqrt(mean) + 15))
    assert_distribution(np.bincount(x.astype(int), minlength=k.size), stats.poisson.pmf(k, mean) * n)


@libraries
@pytest.mark.parametrize("n", [100_000, pytest.param(10_000_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize(("trials", "p"), [(1, 0.3), (1000, 0.0015), (40, 0.5)])
def test_binomial_numbers_follow_their_distribution(library, trials, p, n):
    table = binomial_table(trials, p)
    u = library.uniforms(n, 5, 6, stream_key("binomial")).astype(np.float64)
    x = np.zeros(n, np.int64)
    for part in range(0, n, 1_000_000):
        with np.errstate(all="ignore"):
            x[part : part + 1_000_000] = random.count_below(u[part : part + 1_000_000], table, table.size)
    k = np.arange(trials + 1)
    assert_distribution(np.bincount(x, minlength=k.size), stats.binom.pmf(k, trials, p) * n)


def assert_distribution(seen, expected):
    """Counts against expected ones; those that are rare are taken together."""
    n = seen.sum()
    likely = expected > 5
    assert np.count_nonzero(likely) > 1
    rest = n - seen[likely].sum(), n - expected[likely].sum()
    seen, expected = np.append(seen[likely], rest[0]), np.append(expected[likely], max(rest[1], 1e-9))
    kept = expected > 1
    assert stats.chisquare(seen[kept], expected[kept], sum_check=False).pvalue > SIGNIFICANCE


@pytest.mark.parametrize("mean", [1e5, 1e9, 1e14])
def test_large_poisson_numbers_have_the_right_moments(mean):
    n = 100_000
    z = (arrays.poissons(mean, n, 5, 6, 7) - mean) / math.sqrt(mean)
    limit = stats.norm.isf(SIGNIFICANCE / 2)
    assert abs(z.mean()) < limit / math.sqrt(n)
    assert abs(z.var() - 1) < limit * math.sqrt(2 / n)
    assert stats.kstest(z, "norm").pvalue > SIGNIFICANCE


@libraries
def test_poisson_at_its_edges(library):
    np.testing.assert_array_equal(library.poissons(0.0, 100, 1, 2, 3), np.zeros(100))
    assert np.isnan(library.poissons(np.array([-1.0, math.nan, math.inf]), 3, 1, 2, 3)).all()


@pytest.mark.parametrize(("n", "p"), [(1, 0.5), (10, 0.1), (1000, 0.0015), (10_000, 0.5), (100_000, 1e-5), (7, 0.999)])
def test_binomial_tables_are_distribution_functions(n, p):
    table = binomial_table(n, p)
    np.testing.assert_allclose(table, stats.binom.cdf(np.arange(table.size), n, p), rtol=0, atol=1e-14)
    assert stats.binom.sf(table.size, n, p) < 2.0**-53
    assert table.size <= n
    assert (np.diff(table) >= 0).all()
    with np.errstate(all="ignore"):
        assert random.count_below(0.3, table, table.size) == stats.binom.ppf(0.3, n, p)


def test_binomial_tables_at_the_edges():
    assert binomial_table(0, 0.5).size == 0
    assert binomial_table(5, 0.0).size == 0
    np.testing.assert_array_equal(binomial_table(5, 1.0), np.zeros(5))
    with pytest.raises(ValueError, match=r"1\.5"):
        binomial_table(5, 1.5)
