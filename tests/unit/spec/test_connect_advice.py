"""A connection rule written as in other tools, or in half, is met with the right form."""

from __future__ import annotations

from pathlib import Path

import pytest

from snnrun.errors import ExperimentError
from snnrun.spec.check import parse_experiment
from snnrun.spec.load import load

FILE = """version: 1
groups: {{g: {{size: 10, equations: "v : 1"}}}}
synapses: {{s: {{source: g, target: g, connect: {}}}}}
run: {{duration: 1 ms, dt: 0.1 ms}}
"""
CASES = [
    ("0.1", "{p: 0.1}"),
    ("20", "{fixed_indegree: 20}"),
    ("p=0.1", "{p: 0.1}"),
    ("prob=0.1", "{p: 0.1}"),
    ("i!=j", "{where: i!=j}"),
    ("condition='i != j'", "{where: i != j}"),
    ("i == j", "one_to_one"),
    ("j='i'", "{j: i}"),
    ("all_to_all", "write `all`"),
    ("'all-to-all'", "write `all`"),
    ("true", "write `all`"),
    ("'True'", "write `all`"),
    ("one-to-one", "write `one_to_one`"),
    ("fixed_indegree", "{fixed_indegree: 80}"),
    ("k for k in range(3)", '{j: "k for k in range(3)"}'),
    ("random", "{fixed_indegree: 80}"),
    ("[i < j]", "{where: i < j}"),
    ("{condition: i != j}", "did you mean `where`"),
    ("{prob: 0.1}", "did you mean `p`"),
    ("{probability: 0.1}", "did you mean `p`"),
    ("{indegree: 3}", "{fixed_indegree: 80}"),
    ("{N_syn: 3}", "{fixed_total: 1000}"),
    ("{rule: all_to_all}", "write `all`"),
    ("{rule: pairwise_bernoulli}", "{p: 0.1}"),
    ("{all: true}", "connect: all"),
    ("{p: 0.1, w: 3}", "initial: {w: ...}"),
    ("{p: 0.1, allow_autapses: false}", "where: i != j"),
    ("{fixed_indegree: 3, allow_autapses: false}", "did you mean `autapses`"),
]


@pytest.mark.parametrize(("rule", "advice"), CASES)
def test_the_help_says_the_right_form(rule: str, advice: str, tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(FILE.format(rule), encoding="utf-8")
    with pytest.raises(ExperimentError) as caught:
        parse_experiment(load(path))
    (found,) = caught.value.diagnostics
    assert found.span is not None
    assert advice in (found.help or "")
