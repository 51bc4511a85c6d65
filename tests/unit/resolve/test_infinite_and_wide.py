"""Numbers at the edge: infinite ones where they are named and stand still, whole ones that are exact."""

import numpy as np
import pytest

from snnrun.engine.values import checked_values
from snnrun.errors import ExperimentError
from snnrun.model.evaluate import Environment, evaluate
from snnrun.running import pipeline

FILE = """\
version: 1
constants: {{never: inf}}
groups:
  g:
    size: 3
    equations: |
      dv/dt = -v/ms : 1
      p : second
      q : 1
      n : integer
    initial: {{{initial}}}
run: {{duration: 1 ms, dt: 0.1 ms}}
metrics: {{never: never}}
"""


def start(tmp_path, initial):
    """The values of the one variable that a file sets."""
    file = tmp_path / "x.yaml"
    file.write_text(FILE.format(initial=initial))
    group = pipeline.check(pipeline.read(file)).resolved.network.groups["g"]
    line = group.initial[0]
    stored = next(s for s in group.stored if s.variable == line.variable)
    env = Environment(index={"own": np.arange(3), "list": slice(None)}, elements=np.arange(3), dt=1e-4)
    return checked_values(evaluate(line.value, env), 3, stored, line).tolist()


@pytest.mark.parametrize(
    ("initial", "values"),
    [
        ("p: inf*second", [np.inf] * 3),
        ("q: never", [np.inf] * 3),
        ("q: [inf, 1, -inf]", [np.inf, 1, -np.inf]),
        ('q: "[inf, 1, 2]"', [np.inf, 1, 2]),
        ("q: 1 + inf*int(i > 3)", None),
        ("n: [9007199254740991, 1, 2]", [2**53 - 1, 1, 2]),
        ('n: "[9007199254740991, 1, 2]"', [2**53 - 1, 1, 2]),
        ("n: 9007199254740991", [2**53 - 1] * 3),
    ],
)
def test_infinite_parameters_are_taken_where_they_are_named(tmp_path, initial, values):
    if values is None:
        with pytest.raises(ExperimentError, match="NaN"):
            start(tmp_path, initial)
    else:
        assert start(tmp_path, initial) == values


@pytest.mark.parametrize(
    ("initial", "code"),
    [
        ("v: inf", "NET142"),
        ("v: [inf, 1, 2]", "NET141"),
        ("v: exp(1000)", "NET142"),
        ("q: exp(1000)", "NET142"),
        ("q: [exp(1000), 1, 2]", "NET141"),
        ("q: exp(i*1000)", "NET142"),
        ("v: exp(i*1000)", "NET142"),
        ("v: inf*(i + 1)", "NET142"),
        ("n: [9007199254740993, 1, 2]", "EQ213"),
        ("n: 9007199254740993", "EQ213"),
        ('n: "[9007199254740993, 1, 2]"', "EQ213"),
        ("n: {linspace: [9007199254740993, 9007199254740993], num: 3}", "EQ213"),
    ],
)
def test_overflows_infinite_states_and_whole_numbers_that_are_not_exact_are_refused(tmp_path, initial, code):
    with pytest.raises(ExperimentError) as caught:
        start(tmp_path, initial)
    assert [d.code for d in caught.value.diagnostics] == [code]


def test_an_infinite_value_is_named_with_its_index(tmp_path):
    with pytest.raises(ExperimentError, match=r"`q` is infinite \(inf\) at index 1"):
        start(tmp_path, "q: exp(i*1000)")


@pytest.mark.parametrize(
    ("number", "message"),
    [("1e400", "too large"), ("1e-400", "too near to zero"), ("1" * 2000, "too long|too large")],
)
def test_numbers_beyond_the_largest_say_so(tmp_path, number, message):
    with pytest.raises(ExperimentError, match=message):
        start(tmp_path, f"q: {number}")
