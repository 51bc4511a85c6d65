"""Reading A*x + B and noise off right-hand sides, and what the methods refuse."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snnrun.equations.check import Checker
from snnrun.equations.dag import Draw, Graph, Node, Op, Variable
from snnrun.equations.derive import NotLinear, collect_linear, split_noise
from snnrun.equations.methods.system import MethodError, System
from snnrun.equations.methods.table import METHODS, choose, fitting
from snnrun.equations.parse import parse_expression
from snnrun.equations.scope import Scope, Typed
from snnrun.model.evaluate import Environment, evaluate
from snnrun.source import Text
from snnrun.units.dimensions import ONE, TIME

NAMES = ("x", "y", "a", "b")


class Sheet:
    """A graph with the dimensionless variables x, y (states) and a, b (parameters)."""

    def __init__(self) -> None:
        self.graph = Graph()
        self.variables = {name: Variable("g", name) for name in NAMES}
        symbols = {name: Typed(self.graph.variable(v), ONE) for name, v in self.variables.items()}
        symbols["t"] = Typed(self.graph.node(Op.TIME), TIME)

        def noise(name: str) -> Node:
            return self.graph.node(Op.NOISE, payload=Draw(name))

        self.checker = Checker(self.graph, Scope(symbols, noise=noise))

    def node(self, text: str) -> Node:
        return self.graph.as_float(self.checker.check(parse_expression(Text.plain(text))).node)

    def value(self, node: Node, values: Mapping[str, float]) -> float:
        return float(evaluate(node, Environment(read=lambda v: np.float64(values[v.name]), step=np.int64(0), dt=1e-4)))

    def system(self, x: str, y: str = "-y", dt: float = 1e-4) -> System:
        rhs = {self.variables["x"]: self.node(x), self.variables["y"]: self.node(y)}
        fixed = frozenset(self.variables[n] for n in ("a", "b"))
        return System(self.graph, rhs, frozenset(), None, fixed, self.graph.constant("dt", dt))


@pytest.mark.parametrize(
    "text",
    [
        "3*x + b",
        "(a - x)/b",
        "a*(b*(x + 1) - 2*x)/(1 + a*a)",
        "-x",
        "b",
        "x*exp(y) + y",
        "a*x - (x - (x + b))*2",
    ],
)
@given(st.tuples(*[st.floats(0.1, 3)] * 4))
@settings(max_examples=20, deadline=None)
def test_the_parts_of_a_linear_expression_add_up_to_it(text: str, drawn: tuple[float, ...]) -> None:
    sheet = Sheet()
    node, x = sheet.node(text), sheet.node("x")
    slope, rest = collect_linear(sheet.graph, node, x, freeze=False)
    values = dict(zip(NAMES, drawn, strict=True))
    whole = sheet.value(slope, values) * values["x"] + sheet.value(rest, values)
    assert whole == pytest.approx(sheet.value(node, values), rel=1e-9, abs=1e-9)
    other = values | {"x": values["x"] + 1}
    assert sheet.value(slope, other) == sheet.value(slope, values)


@pytest.mark.parametrize("text", ["x*x", "x**2", "1/x", "x*(1 + x)", "b % x", "a/(1 + x)"])
def test_powers_and_denominators_are_not_linear(text: str) -> None:
    sheet = Sheet()
    with pytest.raises(NotLinear):
        collect_linear(sheet.graph, sheet.node(text), sheet.node("x"))


def test_functions_of_the_variable_are_frozen_only_when_asked() -> None:
    sheet = Sheet()
    node, x = sheet.node("exp(x)*x + tanh(x)"), sheet.node("x")
    slope, rest = collect_linear(sheet.graph, node, x)
    assert slope is sheet.node("exp(x)")
    assert rest is sheet.node("tanh(x)")
    with pytest.raises(NotLinear):
        collect_linear(sheet.graph, node, x, freeze=False)


def test_noise_is_split_by_process() -> None:
    sheet = Sheet()
    drift, noise = split_noise(
        sheet.graph, sheet.node("a - x + b*xi*second**0.5 + x*xi_2*second**0.5 - xi*second**0.5")
    )
    values = {"x": 2.0, "y": 0.0, "a": 5.0, "b": 7.0}
    assert sheet.value(drift, values) == 3
    assert {leaf.payload.stream: sheet.value(g, values) for leaf, g in noise.items()} == {"xi": 6, "xi_2": 2}  # type: ignore[attr-defined]
    with pytest.raises(NotLinear):
        split_noise(sheet.graph, sheet.node("xi*xi*second"))


def names(system: System) -> set[str]:
    return set(fitting(system))


def test_methods_fit_what_they_say() -> None:
    sheet = Sheet()
    deterministic = {"exponential_euler", "euler", "rk2", "rk4", "rkf45", "heun", "milstein"}
    assert names(sheet.system("a*(b - x)")) == deterministic | {"exact"}
    assert names(sheet.system("a*(b - x) + y")) == deterministic | {"exact"}
    assert names(sheet.system("x**2")) == deterministic - {"exponential_euler"}
    assert names(sheet.system("exp(x) - x")) == deterministic
    assert names(sheet.system("-x + xi*second**0.5")) == {"euler", "heun", "milstein"}
    assert names(sheet.system("-x + x*xi*second**0.5")) == {"heun", "milstein"}
    assert names(sheet.system("-x + xi**2*second")) == set()


@pytest.mark.parametrize(
    ("x", "chosen"),
    [
        ("a*(b - x) + y", "exact"),
        ("a - x**3", "euler"),
        ("-x + sin(t/second)", "euler"),
        ("-x + xi*second**0.5", "euler"),
        ("-x + x*xi*second**0.5", "heun"),
    ],
)
def test_auto_picks_exact_then_euler_then_heun(x: str, chosen: str) -> None:
    """ "`auto` (picks as Brian2 does: exact if it applies, else euler, or heun when the noise is multiplicative)" """
    name, _, reason = choose(Sheet().system(x))
    assert name == chosen
    assert reason


def test_exact_names_the_parameter_that_may_change() -> None:
    sheet = Sheet()
    system = sheet.system("a*(b - x) + y", "-x")
    changing = System(system.graph, system.rhs, frozenset(), None, frozenset(), system.dt)
    with pytest.raises(MethodError, match="`a`"):
        METHODS["exact"].advance(changing)


def test_simple_forms_are_simplified_and_shared() -> None:
    sheet = Sheet()
    assert sheet.node("x + 0*y") is sheet.node("x")
    assert sheet.node("x*1") is sheet.node("x")
    assert sheet.node("x - x + y") is sheet.node("y")
    assert sheet.node("a*x + b") is sheet.node("a*x + b")
    assert sheet.node("x**3") is sheet.node("x*x*x")
    assert math.isclose(sheet.value(sheet.node("x**-2"), {"x": 4.0}), 1 / 16)
