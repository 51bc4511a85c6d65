"""What a profile says may be changed."""

import pytest

from snnrun.running import pipeline
from snnrun.running.profile import _ADVICE, Profile, Row, _Known

FILE = """
version: 1
name: advised
groups:
  g: {size: 4000, equations: "dv/dt = -v/ms : 1", threshold: v > 1, reset: v = 0}
monitors:
  few: {kind: state, source: g, variables: [v], indices: [1, 2], dtype: float32}
  all: {kind: state, source: g, variables: [v]}
run: {duration: 1 s, dt: 0.1 ms}
"""


@pytest.fixture
def network(tmp_path):
    (tmp_path / "x.yaml").write_text(FILE)
    return pipeline.check(pipeline.read(tmp_path / "x.yaml")).resolved.network


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            [("monitors.all", "recording", 0.15), ("results", "writing", 0.1)],
            (
                "a quarter of the time is recording `v` of all of `g`: "
                "record fewer (`indices`), less often (`dt`), with `dtype: float32`"
            ),
        ),
        (
            [("monitors.few", "recording", 0.41)],
            "41% of the time is recording `v` of 2 elements: record fewer (`indices`), less often (`dt`)",
        ),
        (
            [("threads", "waiting", 0.5)],
            "half of the time the first thread waits for others: try fewer (`--threads`)",
        ),
        (
            [("groups.g", "update", 0.9)],
            "90% of the time is updating groups: `run.math: fast` may be quicker; it changes rounding",
        ),
        (
            [("operations", "Python functions", 1 / 3)],
            "a third of the time is in Python functions: call them less often (`every`)",
        ),
    ],
)
def test_it_names_what_takes_much(network, rows, said):
    known = _Known(network, 1.0, [Row(*row) for row in rows], metrics=True)
    assert said in [text for rule in _ADVICE for text in rule(known)]


def test_it_is_silent_where_nothing_takes_much(network):
    rows = [Row("monitors.all", "recording", 0.1), Row("recorded values", "metrics and checks", 0.1)]
    assert [text for rule in _ADVICE for text in rule(_Known(network, 1.0, rows, metrics=True))] == []


def test_a_long_table_is_cut_and_still_adds_up():
    rows = [Row(f"groups.{'long' * 20}{k}", "a stage of many words", 1.0 / (k + 1)) for k in range(30)]
    whole = sum(row.seconds for row in rows)
    lines = list(
        Profile(
            whole, (*rows, Row("not attributed", "", 0.0)), 0.1, {"groups.g": 10}, 1_000_000, ("word " * 40,)
        ).lines()
    )
    assert max(map(len, lines)) <= 80
    shown = [float(line.split(" s ")[0].split()[-1]) for line in lines[1:] if line.endswith("%") and " s " in line]
    assert sum(shown) == pytest.approx(whole, abs=0.02)
