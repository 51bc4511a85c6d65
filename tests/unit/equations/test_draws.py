"""Random numbers by name: their distributions, their bits, what they take and where."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from snnrun.equations.check import Checker
from snnrun.equations.dag import Draw, Graph, Kind, Variable
from snnrun.equations.draws import DISTRIBUTIONS
from snnrun.equations.parse import parse_expression
from snnrun.equations.scope import Scope, Typed
from snnrun.errors import ExperimentError
from snnrun.kernels.arithmetic import Precision
from snnrun.model.evaluate import Environment, evaluate
from snnrun.model.network import Seeds
from snnrun.source import Text
from snnrun.units.dimensions import ONE, TIME

SIGNIFICANCE = 1e-4  # each test below rejects a right generator with this probability; seeds are fixed
INF = math.inf


def check(text: str, use: str = "initial") -> Typed:
    """An expression that knows the index `i`, a time `tau`, a number `x` and a whole number `n` of each element."""
    graph = Graph()
    kinds = {"tau": (Kind.FLOAT, TIME), "x": (Kind.FLOAT, ONE), "n": (Kind.INT, ONE), "i": (Kind.INT, ONE)}
    symbols = {
        name: Typed(graph.variable(Variable("groups.g", name), kind), unit) for name, (kind, unit) in kinds.items()
    }
    numbers = itertools.count()
    scope = Scope(symbols, place="the test", draw=lambda name: Draw(f"groups.g.{name}.{next(numbers)}", use))
    return Checker(graph, scope).check(parse_expression(Text.plain(text)))


def sample(text: str, n: int, seed: int = 3, step: int = 0, **options: Any) -> NDArray[Any]:
    elements = np.arange(n)
    values: dict[str, Any] = {"i": elements, **options.pop("values", {})}
    environment = Environment(
        read=lambda v: values[v.name], elements=elements, step=step, seeds=Seeds(seed, seed, seed, seed), **options
    )
    return np.asarray(np.broadcast_to(evaluate(check(text).node, environment), n))


CONTINUOUS = {
    "uniform(-70*mV, -50*mV)": stats.uniform(-0.07, 0.02),
    "exponential(5*ms)": stats.expon(scale=0.005),
    "lognormal(0.5, 0.7)": stats.lognorm(0.7, scale=math.exp(0.5)),
    "gamma(2.5, 10*ms)": stats.gamma(2.5, scale=0.01),
    "gamma(0.3, 1)": stats.gamma(0.3),
    "truncnorm(1.5*ms, 1*ms, 0*ms, inf*ms)": stats.truncnorm(-1.5, INF, 1.5e-3, 1e-3),
    "truncnorm(0, 1, -0.5, 1)": stats.truncnorm(-0.5, 1),
    "truncnorm(5, 1, -inf, 1.5)": stats.truncnorm(-INF, -3.5, 5, 1),
    "truncnorm(0, 1, 4, 4.1)": stats.truncnorm(4, 4.1),
}
DISCRETE = {
    "poisson(13)": stats.poisson(13),
    "binomial(30, 0.4)": stats.binom(30, 0.4),
    "binomial(1000, 0.9)": stats.binom(1000, 0.9),
    "choice(0, 1, 2)": stats.randint(0, 3),
}


SIZES = [200_000, pytest.param(1_000_000, marks=pytest.mark.slow)]


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("text", CONTINUOUS)
def test_numbers_follow_their_distribution(text: str, n: int) -> None:
    x = sample(text, n)
    assert not np.isnan(x).any()
    low, high = CONTINUOUS[text].support()
    assert low <= x.min() <= x.max() <= high
    assert stats.kstest(x, CONTINUOUS[text].cdf).pvalue > SIGNIFICANCE


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("text", DISCRETE)
def test_whole_numbers_follow_their_distribution(text: str, n: int) -> None:
    assert check(text).node.kind is Kind.INT
    seen = np.bincount(sample(text, n))
    expected = DISCRETE[text].pmf(np.arange(len(seen))) * seen.sum()
    often = expected > 10
    rest = (seen.sum() - seen[often].sum(), seen.sum() - expected[often].sum())
    seen, expected = np.append(seen[often], rest[0]), np.append(expected[often], rest[1])
    kept = expected > 1e-6 * expected.sum()
    assert stats.chisquare(seen[kept], expected[kept] * seen[kept].sum() / expected[kept].sum()).pvalue > SIGNIFICANCE


@pytest.mark.parametrize(("low", "high"), [(-9, -2.5), (0, 2.4), (0, 2.6), (3, INF), (3, 3.2), (30, INF), (-INF, INF)])
def test_normal_numbers_between_any_limits(low: float, high: float) -> None:
    x = sample(f"truncnorm(0, 1, {low}, {high})", 50_000)
    assert stats.kstest(x, stats.truncnorm(low, high).cdf).pvalue > SIGNIFICANCE


@pytest.mark.parametrize("shape", [0.05, 0.9, 1, 40])
def test_gamma_numbers_of_any_shape(shape: float) -> None:
    assert stats.kstest(sample(f"gamma({shape}, 1)", 50_000), stats.gamma(shape).cdf).pvalue > SIGNIFICANCE


@pytest.mark.parametrize("text", ["gamma(0.5, 2*ms)", "truncnorm(0, 2, -1, 3)", "lognormal(0, 0.5)", "exponential(2)"])
def test_single_precision_gives_the_same_numbers_rounded(text: str) -> None:
    double, single = sample(text, 2000), sample(text, 2000, precision=Precision.SINGLE)
    assert single.dtype == np.float32
    close = np.abs(single - double) <= 2e-5 * np.abs(double) + 1e-6 * np.abs(double).mean()
    assert close.mean() > 0.99  # rejection may end elsewhere; the largest normal numbers take fewer bits


def test_every_order_of_a_permutation_is_as_likely() -> None:
    n = 4800
    seen: dict[tuple[int, ...], int] = dict.fromkeys(itertools.permutations(range(4)), 0)
    for step in range(n):
        seen[tuple(sample("permutation(4)", 4, step=step).tolist())] += 1
    assert stats.chisquare(list(seen.values())).pvalue > SIGNIFICANCE


def test_a_permutation_has_each_number_once() -> None:
    assert sorted(sample("permutation(1000)", 1000)) == list(range(1000))
    a, b = sample("permutation(1000) + 1000*permutation(1000)", 1000) % 1000, sample("permutation(1000)", 1000)
    assert np.array_equal(a, b)  # another use has another stream: the first is not disturbed
    assert np.array_equal(sample("permutation(9, 8 - i)", 9), sample("permutation(9)", 9)[::-1])


def test_uses_seeds_steps_and_elements_have_numbers_of_their_own() -> None:
    n = 50_000
    for text in ("gamma(2, 1)", "truncnorm(0, 1, -2, 2)", "exponential(1)", "binomial(20, 0.5)"):
        x = sample(text, n).astype(float)
        others = [sample(text, n, seed=4), sample(text, n, step=1), sample(f"0*rand() + 0*{text} + {text}", n), x[::-1]]
        for y in others:
            assert abs(np.corrcoef(x, y.astype(float))[0, 1]) < stats.norm.isf(SIGNIFICANCE / 2) / math.sqrt(n), text
        assert np.array_equal(x[:7], sample(text, 7).astype(float))


def test_the_numbers_are_always_these() -> None:
    first = {
        "gamma(0.5, 1)": [2.4450240794408753, 1.3126664086180464, 0.847830394729633, 0.1486188247602415],
        "truncnorm(0, 1, -1, 2)": [0.43964408682954603, 1.0846162143773261, -0.02634809108735859, 0.4392382329725146],
        "permutation(8)": [6, 3, 7, 4, 1, 2, 0, 5],
        "binomial(30, 0.4)": [10, 14, 10, 12, 8, 7, 11, 14],
    }
    for text, values in first.items():
        assert sample(text, 8)[: len(values)].tolist() == values, text


def test_numbers_of_each_element_follow_its_own_parameters() -> None:
    n = 200_000
    shape = np.tile([0.5, 4.0], n // 2)
    x = sample("gamma(x, tau)", n, values={"x": shape, "tau": np.full(n, 1e-3)})
    assert x[::2].mean() == pytest.approx(0.5e-3, rel=0.02)
    assert x[1::2].mean() == pytest.approx(4e-3, rel=0.01)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("gamma(x, 1)", {"x": 0.0}),
        ("gamma(1, x)", {"x": -1.0}),
        ("exponential(x)", {"x": -1.0}),
        ("lognormal(0, x)", {"x": -1.0}),
        ("truncnorm(0, x, 0, 1)", {"x": -1.0}),
        ("truncnorm(0, 1, x, 1)", {"x": 2.0}),
        ("truncnorm(0, 1, x, inf)", {"x": INF}),
    ],
)
def test_what_has_no_distribution_is_no_number(text: str, values: dict[str, float]) -> None:
    assert np.isnan(sample(text, 3, values={name: np.full(3, value) for name, value in values.items()})).all()


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("uniform(1)", "EQ206", "`uniform` takes 2 arguments, here it has 1"),
        ("choice(1)", "EQ206", "`choice` takes at least 2 arguments, here it has 1"),
        ("permutation(3, 1, 2)", "EQ206", "`permutation` takes 1 or 2 arguments, here it has 3"),
        ("rand(3)", "EQ206", "`rand` takes 0 arguments, here it has 1"),
        ("uniform(1*ms, 2*mV)", "EQ204", "must be alike: one is a time [s], this is a voltage [V]"),
        ("truncnorm(tau, 1, 0, inf*ms)", "EQ204", "this is dimensionless"),
        ("gamma(tau, 1)", "EQ204", "`k` of `gamma` is dimensionless, this is a time [s]"),
        ("lognormal(tau, 1)", "EQ204", "`mu` of `lognormal` is dimensionless"),
        ("poisson(-1)", "EQ210", "`mean` of `poisson` must be between 0 and 4.5e15, this is -1"),
        ("binomial(3, 1.5)", "EQ210", "`p` of `binomial` must be between 0 and 1, this is 1.5"),
        ("binomial(x, 0.5)", "EQ213", "`n` of `binomial` is an integer"),
        ("gamma(0, 1)", "EQ210", "`k` of `gamma` must be positive, this is 0"),
        ("exponential(-1*ms)", "EQ210", "`scale` of `exponential` must be not negative"),
        ("truncnorm(0, 0, 1, 2)", "EQ210", "`sd` of `truncnorm` must be positive, this is 0"),
        ("truncnorm(0, 1, 2, 1)", "EQ210", "`low` of `truncnorm` lies above `high`"),
        ("permutation(n)", "EQ210", "`n` of `permutation` must be a constant"),
        ("permutation(0)", "EQ210", "a whole number from 1 to 2**31, this is 0"),
        ("permutation(5, x)", "EQ213", "`k` of `permutation` is an integer"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(text: str, code: str, words: str) -> None:
    with pytest.raises(ExperimentError) as caught:
        check(text)
    (item,) = caught.value.diagnostics
    assert item.code == code
    assert words in item.message


def test_a_permutation_is_not_drawn_during_a_run() -> None:
    with pytest.raises(ExperimentError, match="drawn once, before the run"):
        check("permutation(4)", use="noise")


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_what_the_reference_gives_as_an_example_is_an_expression(name: str) -> None:
    text = DISTRIBUTIONS[name].example.replace("v0", "-70*mV").replace("(N)", "(10)")
    assert name in text
    check(text)
