"""A text that is parsed again has its own places."""

from __future__ import annotations

import pytest

from snnrun.equations.model import parse_equations
from snnrun.equations.parse import parse_expression, parse_statements
from snnrun.errors import ExperimentError
from snnrun.source import SourceFile, Span, Text

LINES = "dv/dt = (a*2 mV - v)/(10*ms)  # a comment\n  + f(b, [1, true]) : volt (unless refractory)\nw : 1"


def text_at(value: str, start: int) -> Text:
    """A text that stands somewhere in a file, indented as a block of YAML is."""
    raw = value.replace("\n", "\n    ")
    offsets = [start + k for k, char in enumerate(raw) if char != " " or raw[:k].rstrip(" ")[-1:] != "\n"]
    assert len(offsets) == len(value)
    return Text(value, SourceFile("x", " " * start + raw), (*offsets, start + len(raw)))


@pytest.mark.parametrize(
    ("parse", "value"),
    [
        (parse_expression, "a*(2 mV + -b) < f(c, [1, true]) and not d"),
        (parse_statements, "v = a*2; w += 3 ms\nx = f(b)"),
        (parse_equations, LINES.replace("\n  +", " +").replace("  # a comment", "")),
    ],
)
def test_places_are_those_of_the_text(parse, value):
    def shown(text: Text) -> list[str]:
        tree = parse(text)
        return [text.file.text[s.start : s.end] for s in spans(tree)]

    def spans(tree: object) -> list[Span]:
        if isinstance(tree, Span):
            return [tree]
        parts = tree if isinstance(tree, tuple) else [getattr(tree, n) for n in getattr(tree, "__match_args__", ())]
        return [span for part in parts for span in spans(part)]

    first, second = text_at(value, 0), text_at(value, 17)
    assert shown(first) == shown(second)
    plain, moved = spans(parse.__wrapped__(second)), spans(parse(second))
    assert plain == moved
    assert {span.file for span in moved} == {second.file}


def test_errors_have_the_places_of_the_text():
    for start in (0, 9):
        with pytest.raises(ExperimentError) as error:
            parse_expression(text_at("1 + + ]", start))
        (diagnostic,) = error.value.diagnostics
        assert diagnostic.span is not None
        assert diagnostic.span.start == start + 6
