"""Files whose mistake is in what they mean: each error stands on the line that announces it, and no other is there."""

import io
import re
import time
from pathlib import Path

import pytest

from snnrun.cli.render import render
from snnrun.errors import ExperimentError
from snnrun.running import pipeline
from snnrun.sweep.plan import plan_sweep

FOLDER = Path(__file__).parent / "invalid"
CASES = sorted(path.name for path in FOLDER.glob("*.yaml") if not path.name.startswith("format-"))
MARK = re.compile(r"# error: ((?:\[\w+\] ?)+)")


def announced(path):
    """The (line, code) pairs that a file announces."""
    lines = path.read_text(encoding="utf-8").split("\n")
    return {(n, code) for n, line in enumerate(lines, 1) for m in MARK.finditer(line) for code in _codes(m[1])}


def _codes(text):
    return re.findall(r"\w+", text)


def errors_of(path):
    """Every diagnostic of all stages before the run."""
    with pytest.raises(ExperimentError) as caught:
        check(path)
    return caught.value.diagnostics


def check(path):
    checked = pipeline.check(pipeline.read(path))
    if checked.experiment.sweep is not None:
        plan_sweep(checked.resolved.context, checked.experiment.sweep)


def test_there_are_cases():
    assert len(CASES) > 45


@pytest.mark.parametrize("name", CASES)
def test_errors_stand_on_the_lines_that_announce_them_and_nowhere_else(name):
    path = FOLDER / name
    assert announced(path)
    assert {(item.span.line, item.code) for item in errors_of(path)} == announced(path)


@pytest.mark.parametrize("name", CASES)
def test_messages_name_the_place_in_the_words_of_the_field(name):
    diagnostics = errors_of(FOLDER / name)
    stream = io.StringIO()
    render(diagnostics, stream, colour=False)
    text = stream.getvalue()
    for item in diagnostics:
        assert f"--> {item.span}" in text
    assert text.count("^") >= len(diagnostics)
    assert not re.search(r"NoneType|Traceback|\bdict\b|\bstr\b|\bfloat\b|Fraction|Typed|Node|Dimension", text)


def test_did_you_mean_finds_the_misspelled_name():
    helps = {item.help for item in errors_of(FOLDER / "names-many.yaml")}
    assert {"did you mean `V_rest`?", "did you mean `cells`?"} <= helps


def test_a_tower_of_powers_is_refused_at_once():
    started = time.perf_counter()
    messages = [item.message for item in errors_of(FOLDER / "hostile-power.yaml")]
    assert sum("too large" in message for message in messages) == 3
    assert time.perf_counter() - started < 5


def test_an_expression_cannot_reach_python(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "x.yaml"
    file.write_text(
        "version: 1\n"
        "constants: {a: \"__import__('pathlib').Path('made').write_text('x')\"}\n"
        "run: {duration: 1 ms, dt: 0.1 ms}\n"
    )
    errors_of(file)
    assert [p.name for p in tmp_path.iterdir()] == ["x.yaml"]
