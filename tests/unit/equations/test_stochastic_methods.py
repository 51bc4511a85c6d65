"""Stochastic methods along given paths of noise: the strong order each promises, and the noise each refuses."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
from test_derivation import Sheet, names

from snnrun.equations.dag import Draw, Node, Op, Variable
from snnrun.equations.methods.system import MethodError
from snnrun.equations.methods.table import METHODS, choose
from snnrun.model.evaluate import Environment, evaluate_all
from snnrun.model.network import FloatArray

FINEST = 2048  # steps in which the paths are drawn
PATHS = 1500
Paths = dict[str, FloatArray]  # increments of each noise in the finest steps, shape (FINEST, PATHS)


def paths() -> Paths:
    rng = np.random.default_rng(5)
    return {name: rng.standard_normal((FINEST, PATHS)) / math.sqrt(FINEST) for name in ("xi", "xi_b")}


def follow(method: str, x: str, y: str, steps: int, drawn: Paths) -> FloatArray:
    """X after 1 s from x = y = 1, shape (PATHS,)."""
    sheet = Sheet()
    dt = 1 / steps
    system = sheet.system(x, y, dt)
    update = METHODS[method].advance(system)
    state = {sheet.variables["x"]: np.ones(PATHS), sheet.variables["y"]: np.ones(PATHS)}

    def drawn_as_variable(node: Node) -> Node | None:
        if node.op is not Op.NOISE:
            return None
        assert isinstance(node.payload, Draw)
        return sheet.graph.variable(Variable("noise", node.payload.stream))

    nodes = [sheet.graph.substitute(node, drawn_as_variable) for node in update.values.values()]
    of_step = FINEST // steps
    for k in range(steps):
        normal = {n: w[k * of_step : (k + 1) * of_step].sum(axis=0) / math.sqrt(dt) for n, w in drawn.items()}
        values = evaluate_all(nodes, Environment(read=_reader(normal, state), step=k, dt=dt))
        state = dict(zip(update.values, values, strict=True))
    return np.asarray(state[sheet.variables["x"]])


def _reader(normal: Paths, state: dict[Variable, FloatArray]) -> Callable[[Variable], FloatArray]:
    return lambda v: normal[v.name] if v.owner == "noise" else state[v]


def growth(drawn: Paths) -> FloatArray:
    """dx = -x dt + x/2 o dW."""
    return np.exp(-1 + 0.5 * drawn["xi"].sum(axis=0))


def moved_together(drawn: Paths) -> FloatArray:
    """dx = (x/2 + 3 y/10) o dW, dy = 2 y/5 o dW: the matrix exponential of W times the coefficients."""
    w = drawn["xi"].sum(axis=0)
    return np.exp(0.5 * w) + 3 * (np.exp(0.5 * w) - np.exp(0.4 * w))


def timed(drawn: Paths) -> FloatArray:
    """dx = cos(3 t) dW, in the finest steps."""
    middles = (np.arange(FINEST) + 0.5) / FINEST
    return 1 + np.cos(3 * middles) @ drawn["xi"]


@pytest.mark.parametrize("method", ["euler", "heun", "milstein"])
@pytest.mark.parametrize(
    ("x", "y", "exact"),
    [
        ("-x + 0.5*x*xi*second**0.5", "-y", growth),
        ("(0.5*x + 0.3*y)*xi*second**0.5", "0.4*y*xi*second**0.5", moved_together),
        ("cos(3*t/second)*xi*second**0.5", "-y", timed),
    ],
)
def test_the_strong_order_is_one(method: str, x: str, y: str, exact: Callable[[Paths], FloatArray]) -> None:
    """ "Strong order 1" of one noise: halving dt halves the mean distance from the exact path."""
    if method == "euler" and exact is not timed:
        with pytest.raises(MethodError, match="multiplicative"):
            follow(method, x, y, 16, paths())
        return
    drawn = paths()
    wanted = exact(drawn)
    errors = [float(np.abs(follow(method, x, y, steps, drawn) - wanted).mean()) for steps in (16, 64, 256)]
    orders = [math.log(a / b, 4) for a, b in itertools.pairwise(errors)]
    assert orders == pytest.approx([1, 1], abs=0.12)


def test_heun_takes_noises_that_do_not_commute() -> None:
    """ "Strong order 1/2": dx = o dW1, dy = x o dW2 has no other way; halving dt divides the error by 2**0.5."""
    drawn = paths()
    w = np.vstack([np.zeros(PATHS), drawn["xi_b"].cumsum(axis=0)])
    wanted = 1 + drawn["xi"].sum(axis=0) + ((w[1:] + w[:-1]) / 2 * drawn["xi"]).sum(axis=0)
    errors = [
        float(np.abs(follow("heun", "y*xi*second**0.5", "xi_b*second**0.5", steps, drawn) - wanted).mean())
        for steps in (8, 32, 128)
    ]
    orders = [math.log(a / b, 4) for a, b in itertools.pairwise(errors)]
    assert orders == pytest.approx([0.5, 0.5], abs=0.1)


@pytest.mark.parametrize(
    ("x", "y", "fits"),
    [
        ("x*(a*xi + b*xi_b)*second**0.5", "-y", {"heun"}),  # two noises move what both are multiplied by
        ("(a*xi + x*xi_b)*second**0.5", "-y", {"heun"}),  # additive noise moves the factor of the other
        ("y*xi*second**0.5", "xi_b*second**0.5", {"heun"}),  # the factor depends on what another noise moves
        ("x*xi*second**0.5", "x*xi_b*second**0.5", {"heun"}),
        ("x*xi*second**0.5", "y*xi_b*second**0.5", {"heun", "milstein"}),  # diagonal
        ("x*y*xi*second**0.5", "(x - y)*xi*second**0.5", {"heun", "milstein"}),  # one noise for all
        ("y*xi*second**0.5", "-y*x", {"heun", "milstein"}),
        ("(a*xi + b*xi_b)*second**0.5", "xi*second**0.5", {"euler", "heun", "milstein"}),  # additive
        ("sin(t/second)*(xi + xi_b)*second**0.5", "-y", {"euler", "heun", "milstein"}),
        ("(x*xi*xi_b)*second", "-y", set()),
    ],
)
def test_methods_take_the_noise_they_are_right_for(x: str, y: str, fits: set[str]) -> None:
    assert names(Sheet().system(x, y)) == fits


def test_milstein_says_which_noises_are_not_diagonal() -> None:
    with pytest.raises(MethodError, match="not diagonal: the factor of `xi` depends on `x`, which `xi_b` moves too"):
        METHODS["milstein"].advance(Sheet().system("x*(a*xi + b*xi_b)*second**0.5"))


@pytest.mark.parametrize(
    ("x", "y", "chosen"),
    [
        ("sin(t/second)*xi*second**0.5", "-y", "euler"),
        ("xi*second**0.5", "xi*second**0.5", "euler"),
        ("x*(xi + xi_b)*second**0.5", "-y", "heun"),
    ],
)
def test_auto_chooses_what_is_right_for_the_noise(x: str, y: str, chosen: str) -> None:
    assert choose(Sheet().system(x, y))[0] == chosen
