"""Expressions and statements: what parses, what it means, and that hostile text is refused quickly."""

from __future__ import annotations

import time
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snnrun.equations import ast
from snnrun.equations.parse import parse_expression, parse_generator, parse_statements
from snnrun.errors import ExperimentError
from snnrun.source import Text

NOWHERE = Text.plain("").span()

ARITHMETIC = frozenset({"+", "-", "*", "/", "//", "%", "**"})


def show(expr):
    """An expression as text that parses to an equal tree."""
    return _show(expr, 0)


def _show(expr, outer):
    match expr:
        case ast.Number():
            return _wrap(_number(expr.value, expr.integer), outer, 9 if expr.value >= 0 else 7)
        case ast.Quantity():
            text = f"{_number(expr.value, integer=False)} {expr.unit}"
            return _wrap(text + (f"**{expr.power}" if expr.power != 1 else ""), outer, 7)
        case ast.Boolean():
            return "true" if expr.value else "false"
        case ast.Name():
            return expr.id
        case ast.Unary():
            level = ast.PRECEDENCE["neg" if expr.op == "-" else "not"]
            return _wrap(f"{'-' if expr.op == '-' else 'not '}{_show(expr.operand, level)}", outer, level)
        case ast.Binary():
            level = ast.PRECEDENCE[expr.op]
            # `**` binds to the right and takes a signed exponent as it is
            left, right = (level + 1, 7) if expr.op == "**" else (level, level + 1)
            if expr.op in ast.COMPARISONS:
                left = level + 1
            gap = "" if expr.op == "**" else " "
            return _wrap(f"{_show(expr.left, left)}{gap}{expr.op}{gap}{_show(expr.right, right)}", outer, level)
        case ast.Call():
            return f"{expr.function}({', '.join(_show(a, 0) for a in expr.args)})"
        case ast.ListOf():
            return f"[{', '.join(_show(a, 0) for a in expr.items)}]"


def _wrap(text, outer, level):
    return f"({text})" if level < outer else text


def _number(value, integer):
    if integer:
        return str(int(value))
    if value.denominator == 1 and abs(value) < 10**15:
        return f"{int(value)}.0"
    return repr(float(value))


def parse(text: str) -> ast.Expr:
    return parse_expression(Text.plain(text))


def number(value: int) -> ast.Number:
    return ast.Number(Fraction(value), integer=True, span=NOWHERE)


def name(word: str) -> ast.Name:
    return ast.Name(word, NOWHERE)


def binary(op: str, left: ast.Expr, right: ast.Expr) -> ast.Binary:
    return ast.Binary(op, left, right, NOWHERE)


LEAVES = st.one_of(
    st.integers(0, 10**12).map(number),
    st.floats(1e-290, 1e290).map(lambda x: ast.Number(Fraction(repr(x)), integer=False, span=NOWHERE)),
    st.sampled_from(["v", "tau", "x_post", "stimulus.duration", "lastspike", "xi_a", "_b1"]).map(name),
    st.booleans().map(lambda b: ast.Boolean(b, NOWHERE)),
    st.tuples(st.integers(0, 1000), st.sampled_from(["ms", "mV", "Hz", "um"]), st.sampled_from([1, 2, -1, -3])).map(
        lambda q: ast.Quantity(Fraction(q[0]), q[1], q[2], NOWHERE)
    ),
)


def _grown(inner: st.SearchStrategy[ast.Expr]) -> st.SearchStrategy[ast.Expr]:
    arithmetic = st.builds(binary, st.sampled_from(sorted(ARITHMETIC | ast.COMPARISONS | ast.LOGIC)), inner, inner)
    unary = st.builds(lambda op, a: ast.Unary(op, a, NOWHERE), st.sampled_from(["-", "not"]), inner)
    call = st.builds(
        lambda f, args: ast.Call(f, tuple(args), NOWHERE, NOWHERE),
        st.sampled_from(["exp", "clip", "rand", "sigmoid"]),
        st.lists(inner, max_size=3),
    )
    return st.one_of(arithmetic, unary, call)


EXPRESSIONS = st.recursive(LEAVES, _grown, max_leaves=25)


@given(EXPRESSIONS)
@settings(max_examples=300, deadline=None)
def test_the_print_of_a_tree_parses_to_the_tree(expr: ast.Expr) -> None:
    assert parse(show(expr)) == expr


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("-a**2", "-(a**2)"),
        ("a**-b**c", "a**(-(b**c))"),
        ("a - b - c", "(a - b) - c"),
        ("a/b*c", "(a/b)*c"),
        ("not a == b and c or d", "((not (a == b)) and c) or d"),
        ("-a % b", "(-a) % b"),
        ("a + b < c - d", "(a + b) < (c - d)"),
        ("2*-a", "2*(-a)"),
        ("True", "true"),
        ("+a", "a"),
        ("a # a comment", "a"),
        ("(a\n + b)", "a + b"),
    ],
)
def test_operators_bind_as_in_python(text: str, same: str) -> None:
    assert parse(text) == parse(same)


@pytest.mark.parametrize(
    ("text", "value", "unit", "power"), [("10 ms", 10, "ms", 1), ("20000 um**2", 20000, "um", 2), ("5mV", 5, "mV", 1)]
)
def test_a_number_takes_the_unit_that_follows(text: str, value: int, unit: str, power: int) -> None:
    assert parse(text) == ast.Quantity(Fraction(value), unit, power, NOWHERE)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('ls')",
        "().__class__",
        "[x for x in y]",
        "lambda: 0",
        "a if b else c",
        "a := 3",
        "f'{a}'",
        "`ls`",
        "a; b",
        "a = b",
        "a b",
        "3 parsecs",
        "1,5 mV",
        "a +",
        "(a",
        "a)",
        "",
        "\0",
        "9" * 200,
        "1e999",
        "(" * 5000,
        "(" * 5000 + "a" + ")" * 5000,
        "-" * 4000 + "a",
        "not " * 900 + "a",
        "a**" * 1000 + "a",
        "a + " * 1100 + "a",
        "[" * 2000,
        "f(" * 1500,
        "a" * 100_000,
    ],
)
def test_hostile_text_is_an_error_with_a_place_and_quick(text: str) -> None:
    started = time.perf_counter()
    with pytest.raises(ExperimentError) as caught:
        parse(text)
    assert time.perf_counter() - started < 0.5
    assert all(d.code.startswith("EQ1") and d.span is not None for d in caught.value.diagnostics)


@given(st.text(max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_text_parses_or_is_our_error(text: str) -> None:
    try:
        expr = parse(text)
    except ExperimentError:
        return
    assert parse(show(expr)) == expr


def test_an_error_points_at_the_smallest_part_that_is_wrong() -> None:
    with pytest.raises(ExperimentError) as caught:
        parse("a + 3 parsecs")
    span = caught.value.diagnostics[0].span
    assert span is not None
    assert span.file.text[span.start : span.end] == "parsecs"


def test_statements_are_separated_by_lines_or_semicolons() -> None:
    """ "Statements are separated by lines or `;`." """
    text = "v = 0; w += 1  # both\n\nu *= (a\n + b); ; x /= 2\ny = -y"
    assert [(s.target, s.op) for s in parse_statements(Text.plain(text))] == [
        ("v", "="),
        ("w", "+"),
        ("u", "*"),
        ("x", "/"),
        ("y", "="),
    ]


def test_all_wrong_statements_are_reported() -> None:
    with pytest.raises(ExperimentError) as caught:
        parse_statements(Text.plain("v = )\nw += 1\n3 = v\nw = )"))
    assert [d.span.line for d in caught.value.diagnostics if d.span] == [1, 3, 4]


def test_a_generator_has_element_range_and_condition() -> None:
    found = parse_generator(Text.plain("(i + k) % N_post for k in range(-3, 4) if k != 0"))
    assert (found.variable, found.kind) == ("k", "range")
    assert found.element == parse("(i + k) % N_post")
    assert found.args == (parse("-3"), parse("4"))
    assert found.condition == parse("k != 0")
    sample = parse_generator(Text.plain("k for k in sample(0, N_post, p=0.5)"))
    assert dict(sample.options) == {"p": parse("0.5")}
    assert parse_generator(Text.plain("i + 1")).kind == "single"


def test_a_choice_as_python_writes_it_is_told_how_to_write_it_here() -> None:
    with pytest.raises(ExperimentError) as caught:
        parse("1 if i == 1 else 0")
    assert "int(condition)*a" in str(caught.value.diagnostics[0].help)
