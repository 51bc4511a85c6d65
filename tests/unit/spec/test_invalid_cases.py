"""Wrong files of the format stage: every error stands where the file says, and no other error is there."""

import io
import re
from pathlib import Path

import pytest

from snnrun.cli.render import render
from snnrun.errors import ExperimentError
from snnrun.spec.check import parse_experiment
from snnrun.spec.load import load

FOLDER = Path(__file__).parents[2] / "cases" / "invalid"
CASES = sorted(path.name for path in FOLDER.glob("format-*"))
MARK = re.compile(r"# error: ((?:\[\w+\] ?)+)")


def expected(path):
    """The (line, code) pairs that a file announces."""
    pairs = set()
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
        for found in MARK.finditer(line):
            pairs |= {(number, code) for code in re.findall(r"\w+", found[1])}
    return pairs


def errors_of(path):
    with pytest.raises(ExperimentError) as caught:
        parse_experiment(load(path))
    return caught.value.diagnostics


def test_there_are_cases():
    assert len(CASES) > 70


@pytest.mark.parametrize("name", CASES)
def test_errors_stand_on_the_lines_that_announce_them(name):
    path = FOLDER / name
    assert expected(path)
    assert {(item.span.line, item.code) for item in errors_of(path)} == expected(path)


@pytest.mark.parametrize("name", CASES)
def test_errors_show_the_place_a_caret_and_help(name):
    path = FOLDER / name
    diagnostics = errors_of(path)
    stream = io.StringIO()
    render(diagnostics, stream, colour=False)
    text = stream.getvalue()
    for item in diagnostics:
        assert f"--> {item.span}" in text
    assert text.count("^") >= len(diagnostics)
    assert text.count("help:") == len(diagnostics)
    assert not re.search(r"pydantic|validation|type=|\bdict\b|\bstr\b|NoneType|union", text)
