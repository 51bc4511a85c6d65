"""Timed arrays with times of their own: exact at these times, held or on lines between, at all stages of a step."""

from __future__ import annotations

import numpy as np
import pytest
from agreement import assert_agreement
from running import network_of, resolved, run_network

from snnrun.codegen.arguments import ArrayUse
from snnrun.errors import ExperimentError
from snnrun.running import pipeline

TIMES = "times: [0.3 ms, 1 ms, 1.2 ms, 5 ms, 7.05 ms]"
TEXT = f"""
arrays:
  held: {{{TIMES}, values: [1, 2, -3, 0.1, 7], unit: nA}}
  line: {{{TIMES}, values: [1, 2, -3, 0.1, 7], unit: nA, between: linear}}
  both: {{{TIMES}, values: [[1, 0], [2, 1], [-3, 0], [0.1, 3], [7, 1]], between: linear}}
groups:
  g:
    size: 2
    equations: |
      h = held(t) : amp
      l = line(t) : amp
      c = both(t, i) : 1
      later = line(t - 1*ms*i) : amp
monitors: {{m: {{kind: state, source: g, variables: [h, l, c, later]}}}}
run: {{duration: 9 ms, dt: 0.1 ms}}
"""
POINTS = np.array([0.3, 1, 1.2, 5, 7.05])
VALUES = np.array([1, 2, -3, 0.1, 7])


def test_values_are_those_of_their_times_and_hold_or_lie_on_lines_between() -> None:
    memory, _ = run_network(network_of(TEXT))
    t = np.arange(90) / 10
    held = VALUES[np.maximum(np.searchsorted(POINTS, t + 1e-9, "right") - 1, 0)] * 1e-9
    assert np.array_equal(memory.state("m", "h")[:, 0], held)
    line = memory.state("m", "l")[:, 1]
    assert line == pytest.approx(np.interp(t, POINTS, VALUES) * 1e-9, rel=1e-12)
    assert [line[k] for k in (3, 10, 12, 50)] == [v * 1e-9 for v in VALUES[:4]], "exact at the times"
    assert line[0] == 1 * 1e-9, "before the first time its value holds"
    assert line[89] == 7 * 1e-9, "after the last one too"
    second = np.interp(t, POINTS, [0, 1, 0, 3, 1])
    assert memory.state("m", "c")[:, 1] == pytest.approx(second, rel=1e-12, abs=1e-12)
    assert memory.state("m", "later")[10:, 1] == pytest.approx(line[:-10], rel=1e-9)


@pytest.mark.parametrize("method", ["rk2", "rk4"])
def test_the_stages_of_a_method_see_lines_at_their_own_times(method: str) -> None:
    # the integral of straight lines between whole steps: a method of second order is exact
    text = f"""
arrays: {{line: {{times: [0 ms, 1 ms, 3 ms, 4 ms], values: [0, 2, -1, 5], between: linear}}}}
groups: {{g: {{size: 1, equations: "dv/dt = line(t)/ms : 1", method: {method}}}}}
monitors: {{m: {{kind: state, source: g, variables: [v]}}}}
run: {{duration: 6 ms, dt: 0.5 ms}}
"""
    memory, _ = run_network(network_of(text))
    areas = {0: 0.0, 2: 1.0, 6: 2.0, 8: 4.0, 11: 4.0 + 1.5 * 5}
    v = memory.state("m", "v")[:, 0]
    assert [v[k] for k in areas] == pytest.approx(list(areas.values()), abs=1e-12)


def method_of(between: str) -> str:
    text = f"""
arrays: {{I: {{times: [0 ms, 1 ms], values: [0, 2], between: {between}}}}}
groups: {{g: {{size: 1, equations: "dv/dt = (I(t) - v)/(5*ms) : 1"}}}}
run: {{duration: 2 ms, dt: 0.1 ms}}
"""
    integration = network_of(text).groups["g"].integration
    assert integration is not None
    return integration.method


def test_only_values_that_hold_for_the_step_are_integrated_exactly() -> None:
    assert method_of("previous") == "exact"
    assert method_of("linear") == "euler"


def test_even_entries_may_be_joined_by_lines() -> None:
    text = """
arrays: {a: {values: [0, 2, 1], dt: 1 ms, between: linear}, b: {times: [0 ms, 4 ms], values: [0, 1]}}
groups: {g: {size: a.rows + b.rows, equations: "x = a(t) : 1"}}
monitors: {m: {kind: state, source: g, variables: [x]}}
run: {duration: a.duration + b.duration, dt: 0.5 ms}
"""
    memory, _ = run_network(network_of(text))
    x = memory.state("m", "x")
    assert x.shape == (14, 5)
    assert x[:6, 0].tolist() == [0, 1, 2, 1.5, 1, 1]


def test_a_rate_that_a_line_makes_impossible_is_refused_before_the_run() -> None:
    text = """
arrays: {r: {times: [0 ms, 1 ms, 3 ms], values: [0, 11, 0], unit: kHz, between: linear}}
groups: {p: {kind: poisson, size: 1, rates: r(t)}}
run: {duration: 4 ms, dt: 0.1 ms}
"""
    with pytest.raises(ExperimentError, match="NET132"):
        resolved(text)


def test_a_rate_along_a_line_counts_as_its_integral_says() -> None:
    text = """
arrays: {r: {times: [100 ms, 300 ms, 400 ms], values: [0, 100, 20], unit: Hz, between: linear}}
groups: {p: {kind: poisson, size: 20000, rates: r(t)}}
monitors: {s: {kind: spikes, source: p, counts_only: true}}
run: {duration: 500 ms, dt: 1 ms}
"""
    _, built = run_network(network_of(text))
    counts = built.arrays[ArrayUse.COUNTS.of("monitors.s")]
    p = np.interp(np.arange(500), [100, 300, 400], [0, 100, 20]) * 1e-3
    sd = np.sqrt((p * (1 - p)).sum() / len(counts))
    assert counts.mean() == pytest.approx(p.sum(), abs=4 * sd)


def test_times_and_values_come_from_a_table(tmp_path) -> None:
    (tmp_path / "current.csv").write_text("time,one,two\n0.5,1,10\n1,2,20\n4,3,30\n", encoding="utf-8")
    text = """
version: 1
arrays:
  all: {file: current.csv, time_column: time, time_unit: ms, unit: pA, between: linear}
  two: {file: current.csv, time_column: time, time_unit: ms, column: two}
  byplace: {file: bare.csv, time_column: 1, time_unit: s, scale: 2 mV}
groups:
  g:
    size: all.columns
    equations: |
      a = all(t, i) : amp
      b = two(t) : 1
      c = byplace(t) : volt
monitors: {m: {kind: state, source: g, variables: [a, b, c]}}
run: {duration: 2 ms, dt: 0.5 ms}
"""
    (tmp_path / "bare.csv").write_text("3,0\n4,0.0011\n", encoding="utf-8")
    (tmp_path / "x.yaml").write_text(text, encoding="utf-8")
    assert_agreement(tmp_path / "x.yaml")
    memory, _ = run_network(network_of(tmp_path / "x.yaml"))
    assert memory.state("m", "a")[-1] == pytest.approx([(2 + 1 / 6) * 1e-12, (20 + 10 / 6) * 1e-12])
    assert memory.state("m", "b")[:, 0].tolist() == [10, 10, 20, 20]
    assert memory.state("m", "c")[:, 0] == pytest.approx([6e-3, 6e-3, 6e-3, 8e-3])


@pytest.mark.parametrize(
    ("keys", "code", "words"),
    [
        ("time_column: time", "NET147", "add `time_unit: ...`"),
        ("time_column: time, time_unit: mV", "EQ209", "the unit of the time of array `a`"),
        ("time_column: when, time_unit: ms", "FIL202", "it has no column `when`"),
        ("time_column: down, time_unit: ms", "NET150", "must ascend: 1 ms stands after 2 ms"),
        ("time_column: time, time_unit: ms, dt: 1 ms", "NET150", "leave `dt` out"),
        ("time_column: time, time_unit: ms, column: time", "FIL202", "no column of values beside `time`"),
        ("time_column: time, time_unit: ms, transpose: true", "FMT211", "transpose"),
        ("dt: 1 ms, column: time, time_unit: ms", "FMT211", "time_unit"),
    ],
)
def test_what_a_table_of_times_cannot_be_is_refused(tmp_path, keys: str, code: str, words: str) -> None:
    (tmp_path / "a.csv").write_text("time,down\n0,2\n1,1\n", encoding="utf-8")
    text = f"""
version: 1
arrays: {{a: {{file: a.csv, {keys}}}}}
groups: {{g: {{size: 1, equations: "x = a(t) : 1"}}}}
run: {{duration: 1 ms, dt: 0.1 ms}}
"""
    (tmp_path / "x.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ExperimentError) as caught:
        pipeline.check(pipeline.read(tmp_path / "x.yaml"))
    (found,) = caught.value.diagnostics
    assert found.code == code, found
    assert words in f"{found.message} {found.help}"
