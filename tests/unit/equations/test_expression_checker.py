"""Dimensions, kinds and constants of expressions: what is refused, where, and with which help."""

from __future__ import annotations

import time
from fractions import Fraction

import numpy as np
import pytest

from snnrun.equations.check import Checker
from snnrun.equations.dag import Draw, Graph, Kind, Op, Variable
from snnrun.equations.parse import parse_expression
from snnrun.equations.scope import Scope, Typed
from snnrun.errors import ExperimentError
from snnrun.model.evaluate import Environment, evaluate
from snnrun.source import Text
from snnrun.units.dimensions import ONE
from snnrun.units.names import lookup_unit


def dimension(unit: str):
    found = lookup_unit(unit)
    assert found is not None
    return found.dimension


def checker(**options: object) -> Checker:
    graph = Graph()
    units = {"v": "mV", "I": "nA", "tau": "ms", "R": "Mohm", "x": None, "n": None, "on": None}
    kinds = {"n": Kind.INT, "on": Kind.BOOL}
    symbols = {
        name: Typed(
            graph.variable(Variable("groups.g", name), kinds.get(name, Kind.FLOAT)),
            ONE if unit is None else dimension(unit),
        )
        for name, unit in units.items()
    }
    return Checker(graph, Scope(symbols, place="the test", **options))  # type: ignore[arg-type]


def check(text: str, **options: object) -> Typed:
    return checker(**options).check(parse_expression(Text.plain(text)))


@pytest.mark.parametrize(
    ("text", "code", "part"),
    [
        ("v + I", "EQ203", "v + I"),
        ("x*(v + 1)", "EQ203", "(v + 1)"),
        ("v < I", "EQ203", "v < I"),
        ("exp(v)", "EQ204", "v"),
        ("v**x", "EQ207", "x"),
        ("x**v", "EQ207", "v"),
        ("speed", "EQ201", "speed"),
        ("tan(x, x)", "EQ206", "tan(x, x)"),
        ("tna(x)", "EQ202", "tna"),
        ("on + 1", "EQ205", "on"),
        ("x and on", "EQ205", "x"),
        ("not x", "EQ205", "x"),
        ("clip(v, 0, 1)", "EQ204", "1"),
        ("max(v, I)", "EQ204", "I"),
        ("min(v, 0, 1)", "EQ204", "1"),
        ("hypot(v, x)", "EQ204", "x"),
        ("arctan2(v, tau)", "EQ204", "tau"),
        ("round(v)", "EQ204", "v"),
        ("erf(v)", "EQ204", "v"),
        ("max(on, x)", "EQ205", "on"),
        ("max(x)", "EQ208", "max(x)"),
        ("hypot(x, x, x)", "EQ206", "hypot(x, x, x)"),
        ("rand()", "EQ208", "rand()"),
        ("xi", "EQ208", "xi"),
        ("1/0", "EQ210", "1/0"),
        ("10**400.5", "EQ210", "10**400.5"),
        ("timestep(x, tau)", "EQ204", "x"),
        ("int(v)", "EQ204", "v"),
        ("[1, x]", "EQ211", "x"),
        ("[1, 2 mV]", "EQ203", "2 mV"),
    ],
)
def test_errors_have_a_code_and_the_smallest_place(text: str, code: str, part: str) -> None:
    with pytest.raises(ExperimentError) as caught:
        check(text, lists=True)
    (found,) = caught.value.diagnostics
    assert found.code == code
    assert found.span is not None
    assert found.span.file.text[found.span.start : found.span.end] == part


def test_a_list_has_a_place_only_where_each_element_takes_a_value() -> None:
    assert check("[1, 2]*3.5", lists=True).node.kind is Kind.FLOAT
    with pytest.raises(ExperimentError, match=r"EQ211.*not allowed in the test"):
        check("[1, 2]*3")


def test_a_sum_of_two_things_names_both_sides_and_a_remedy() -> None:
    with pytest.raises(ExperimentError) as caught:
        check("v + I")
    (found,) = caught.value.diagnostics
    assert "`v` is a voltage" in found.message
    assert "`I` is a current" in found.message
    assert "resistance" in (found.help or "")


def test_a_misspelt_name_is_guessed() -> None:
    with pytest.raises(ExperimentError) as caught:
        check("tua")
    assert "tau" in (caught.value.diagnostics[0].help or "")


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("max(x)", "`m = mean(v) : volt (shared, constant over dt)`"),
        ("std(x)", "write `sqrt(mean((x - mean(x))**2))`"),
        ("maximum(x, 1)", "write `max(a, b)`"),
        ("atan2(x, 1)", "write `arctan2(y, x)`"),
        ("where(on, x, 1)", "int(c)*a + int(not c)*b"),
        ("ln(x)", "write `log(x)`"),
        ("tna(x)", "did you mean `tan`?"),
        ("frobnicate(x)", "functions: abs, arccos, arcsin, arctan, arctan2, argmax, argmin, binomial, ceil, "),
    ],
)
def test_an_unknown_function_is_met_with_what_there_is(text: str, advice: str) -> None:
    with pytest.raises(ExperimentError) as caught:
        check(text)
    assert advice in (caught.value.diagnostics[0].help or "")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("int(1 > 0)*4 + int(not 1 > 0)*7", 4),
    ],
)
def test_what_the_advice_says_is_right(text: str, value: int) -> None:
    assert evaluate(check(text).node, Environment()) == value


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("n + 1", Kind.INT),
        ("n/2", Kind.FLOAT),
        ("n//2", Kind.INT),
        ("n % 2 == 0", Kind.BOOL),
        ("int(on)", Kind.INT),
        ("n + x", Kind.FLOAT),
        ("floor(x)", Kind.INT),
        ("round(x)", Kind.INT),
        ("max(n, 0)", Kind.INT),
        ("min(n, x)", Kind.FLOAT),
        ("on == (x > 1)", Kind.BOOL),
    ],
)
def test_kinds_follow_the_operations(text: str, kind: Kind) -> None:
    assert check(text).node.kind is kind


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("round(2.5)", 2),
        ("rint(3.5)", 4),
        ("max(2, 7/2, 3)", Fraction(7, 2)),
        ("min(0.1, 0.3)", Fraction(1, 10)),
        ("hypot(3*mV, 4*mV)/mV", 5),
        ("arctan2(0, -1)/pi", 1),
        ("erf(0.5) + erfc(0.5)", 1),
    ],
)
def test_functions_of_constants_have_their_value(text: str, value: Fraction) -> None:
    assert check(text).exact == value


def test_an_extreme_of_what_is_not_a_number_is_none() -> None:
    for text in ("min(x, 1)", "min(1, x)", "max(x, 1)", "max(1, x)", "max(1, 2, x, 3)"):
        value = evaluate(check(text).node, Environment(read=lambda _: float("nan")))
        assert np.isnan(value), text


def test_dimensions_follow_the_operations() -> None:
    assert check("hypot(v, 3*mV) + max(v, 0) + abs(v)").dimension == dimension("mV")
    assert check("arctan2(v, 0)").dimension.is_one
    assert check("(R*I - v)/tau").dimension == dimension("mV") / dimension("ms")
    assert check("sqrt(v*v)").dimension == dimension("mV")
    assert check("v**2/v").dimension == dimension("mV")
    assert check("sign(v)").dimension == ONE
    assert check("v // v").dimension == ONE
    assert check("v % v").dimension == dimension("mV")


def test_constants_are_exact() -> None:
    assert check("120*mA*60*ohm").exact == Fraction(36, 5)
    assert check("0.1 + 0.2").exact == Fraction(3, 10)
    assert check("2**-2").exact == Fraction(1, 4)


@pytest.mark.parametrize("text", ["9**9**9", "9**9**9**9", "2.5**(10**10)", "(10**300)**(10**300)", "1e300**1e300"])
def test_towers_of_powers_are_errors_at_once(text: str) -> None:
    started = time.perf_counter()
    with pytest.raises(ExperimentError, match="EQ210"):
        check(text)
    assert time.perf_counter() - started < 0.5


def test_each_use_of_random_numbers_has_its_own_stream() -> None:
    streams = iter("abc")
    node = check("rand() - rand()", draw=lambda _f: Draw(next(streams))).node
    assert node.op is Op.SUB
    assert node.args[0] is not node.args[1]


def test_poisson_numbers_are_whole() -> None:
    assert check("poisson(2.5)//2", draw=lambda _f: Draw("s")).node.kind is Kind.INT
