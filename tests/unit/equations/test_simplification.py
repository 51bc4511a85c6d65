"""What a graph leaves out as it is built has the value that was written, also where a part cancels to 0."""

from __future__ import annotations

import numpy as np
import pytest

from snnrun.equations.check import Checker
from snnrun.equations.dag import Graph, Kind, Variable
from snnrun.equations.parse import parse_expression
from snnrun.equations.scope import Scope, Typed
from snnrun.model.evaluate import Environment, evaluate
from snnrun.source import Text
from snnrun.units.dimensions import ONE

VALUES = {"v": np.float64(1.5), "w": np.float64(1.5), "k": np.int64(3)}


def value(text: str) -> float:
    graph = Graph()
    symbols = {
        name: Typed(graph.variable(Variable("g", name), Kind.INT if name == "k" else Kind.FLOAT), ONE)
        for name in VALUES
    }
    node = graph.as_float(Checker(graph, Scope(symbols)).check(parse_expression(Text.plain(text))).node)
    environment = Environment(read=lambda variable: VALUES[variable.name], step=np.int64(0), dt=1e-4)
    with np.errstate(all="ignore"):
        return float(evaluate(node, environment))


# The same with `w`, which nothing can know to equal `v`, is computed as written.
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(v-v)/(v-v)", np.nan),
        ("(v-v)/(k-k)", np.nan),
        ("(k-k)/(k-k)", np.nan),
        ("(v-v)//(v-v)", np.nan),
        ("(v-v)%(v-v)", np.nan),
        ("k//(v-v)", np.inf),
        ("k%(v-v)", np.nan),
        ("((v-v)/v)//(v-v)", np.nan),
        ("1/(v-v)", np.inf),
        ("k//(k-k)", 0.0),  # of integers, as numpy has it
        ("(v-v)/v", 0.0),
    ],
)
def test_what_cancels_is_the_zero_that_it_would_be(text: str, expected: float) -> None:
    assert value(text) == pytest.approx(expected, nan_ok=True)
    assert value(text.replace("(v-v)", "(v-w)")) == pytest.approx(expected, nan_ok=True)


def test_a_difference_of_integers_stays_one() -> None:
    graph = Graph()
    for kind in (Kind.INT, Kind.FLOAT):
        x = graph.variable(Variable("g", "x"), kind)
        assert graph.sub(x, x).kind is kind
