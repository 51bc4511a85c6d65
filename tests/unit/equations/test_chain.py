"""Divided differences of exp, and chains of linear equations, against many digits and the matrix exponential."""

from __future__ import annotations

import itertools
import math
from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_derivation import Sheet

from snnrun.equations.dag import Graph, Variable
from snnrun.equations.methods.chain import LONGEST, divided_exp
from snnrun.equations.methods.exact import linear
from snnrun.equations.methods.system import MethodError, System
from snnrun.equations.methods.table import METHODS
from snnrun.model.evaluate import Environment, evaluate
from snnrun.model.propagator import propagator


def by_digits(points: list[float]) -> float:
    """The divided difference by its recurrence, with digits enough for points that lie 1e-9 apart."""
    with localcontext() as context:
        context.prec = 120
        level = [Decimal(p).exp() for p in points]
        for order in range(1, len(points)):
            level = [
                (level[i + 1] - level[i]) / (Decimal(points[i + order]) - Decimal(points[i]))
                for i in range(len(level) - 1)
            ]
        return float(level[0])


def computed(rates: list[float], elapsed: float) -> float:
    g = Graph()
    leaves = [g.variable(Variable("s", f"a{k}")) for k in range(len(rates))]
    node = divided_exp(g, leaves, g.variable(Variable("s", "time")))
    values = {f"a{k}": rate for k, rate in enumerate(rates)} | {"time": elapsed}
    return float(evaluate(node, Environment(read=lambda v: np.float64(values[v.name]))))


@pytest.mark.parametrize("n", range(1, LONGEST + 2))
def test_the_divided_difference_of_equal_points(n: int) -> None:
    """Of n equal points z it is exp(z)/(n - 1)!."""
    for rate in (-3.0, 0.0, 2.0):
        assert computed([rate] * n, 1.5) == pytest.approx(math.exp(1.5 * rate) / math.factorial(n - 1), rel=1e-14)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.floats(-60, 5), min_size=2, max_size=5, unique=True),
    st.sampled_from([1e-9, 1e-6, 1e-3, 0.1, 1.0]),
    st.randoms(),
)
def test_the_divided_difference_of_any_points(drawn: list[float], shrunk: float, order) -> None:  # type: ignore[no-untyped-def]
    """Points far apart, near, and nearly equal, in any order."""
    points = sorted({shrunk * p - 1.0 for p in drawn})
    if min(b - a for a, b in itertools.pairwise([*points, math.inf])) < 1e-10:
        return
    wanted = by_digits(points)
    order.shuffle(points)
    assert computed(points, 1.0) == pytest.approx(wanted, rel=2e-12, abs=1e-300)


@pytest.mark.parametrize(
    ("x", "y"),
    [("(y - x)/a + b", "-y/b"), ("(y - x)/a", "(1 - y)/a"), ("y*b", "3 + 0*y"), ("-x/a + 2*y", "-y/a - b")],
)
def test_a_chain_is_what_the_matrix_exponential_gives(x: str, y: str) -> None:
    """The coefficients may change, so the closed form is taken; the propagator of numbers is another way."""
    sheet = Sheet()
    system = sheet.system(x, y, dt=0.7)
    chain = METHODS["exact"].advance(System(system.graph, system.rhs, frozenset(), None, frozenset(), system.dt))
    assert "feed one into the next" in chain.note
    matrix, rest = linear(system)
    states = list(system.rhs)
    values = {"x": 0.3, "y": -1.2, "a": 0.4, "b": 0.9}
    numbers = np.array(
        [[sheet.value(matrix[r, c], values) if (r, c) in matrix else 0.0 for c in states] for r in states]
    )
    p, q = propagator(numbers, 0.7)
    wanted = p @ [values["x"], values["y"]] + q @ [sheet.value(rest[v], values) for v in states]
    env = Environment(read=lambda v: np.float64(values[v.name]), dt=0.7)
    assert [float(evaluate(chain.values[v], env)) for v in states] == pytest.approx(wanted.tolist(), rel=1e-12)


def test_variables_that_feed_back_are_no_chain() -> None:
    sheet = Sheet()
    system = sheet.system("(y - x)/a", "-x/a")
    changing = System(system.graph, system.rhs, frozenset(), None, frozenset(), system.dt)
    with pytest.raises(MethodError, match=r"`a` in their coefficients may change during the run, and `.` feeds back"):
        METHODS["exact"].advance(changing)
