"""Every key of every connection rule changes what the rule makes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from snnrun.connect.partners import pairs_of
from snnrun.errors import ExperimentError
from snnrun.model.network import Connect, Seeds
from snnrun.model.rule_values import Ground
from snnrun.resolve.resolve import resolve
from snnrun.spec.check import parse_experiment
from snnrun.spec.load import load
from snnrun.spec.models import CONNECT_FORMS

FITS: dict[str, dict[str, Any]] = {
    "NamedConnect": {"rule": "all"},
    "WhereConnect": {"where": "i <= j"},
    "DistanceConnect": {"positions": "x", "max_distance": "5*um"},
    "IndexConnect": {"i": [0, 1], "j": [1, 1]},
    "PairsConnect": {"pairs": [[0, 1], [1, 1]]},
    "TargetsConnect": {"j": "i"},
    "SourcesConnect": {"i": "j"},
    "IndegreeConnect": {"fixed_indegree": 1},
    "OutdegreeConnect": {"fixed_outdegree": 1},
    "TotalConnect": {"fixed_total": 2},
    "MatrixConnect": {"matrix": "a.npy"},
    "FileConnect": {"file": "a.csv"},
}
"""A rule of each kind that fits two neurons."""
CHANGES: dict[str, dict[str, Any]] = {
    "NamedConnect": {"rule": "one_to_one"},
    "WhereConnect": {"where": "i < j", "p": 0.3, "n": 2},
    "DistanceConnect": {"positions": ["y"], "p": 0, "max_distance": "15*um", "period": "10*um", "n": 2},
    "IndexConnect": {"i": [1, 1], "j": [0, 1], "n": "1 + i"},
    "PairsConnect": {"pairs": [[1, 1]], "n": 0},
    "TargetsConnect": {"j": "1 - i", "p": "0.3 + 0*j", "n": 3},
    "SourcesConnect": {"i": "1 - j", "p": 0.3, "n": "j"},
    "IndegreeConnect": {"fixed_indegree": "1 + j"},
    "OutdegreeConnect": {"fixed_outdegree": "i"},
    "TotalConnect": {"fixed_total": 3},
    "MatrixConnect": {"matrix": "b.npy", "to": "w"},
    "FileConnect": {"file": "b.csv", "columns": ["j", "i"], "to": {"w": "k"}},
}
EVERY_RULE: dict[str, Any] = {"source": "a.last", "target": "a.last", "delay": "1 ms", "initial": {"w": 3}}
EQUATIONS = "v : 1\nshare = i - 1 : 1\nx = i*10*um : meter\ny = 0*i*um : meter"
WITH_ANOTHER = {"skip_if_invalid", "multapses", "autapses", "dataset", "population", "types", "unit"}
"""Keys that matter beside others only; each has a test of its own."""

CASES = [
    (rule.__name__, key)
    for rule in (form.model for form in CONNECT_FORMS)
    for key in (*CHANGES[rule.__name__], *EVERY_RULE)
]


def test_no_key_is_left_out() -> None:
    for rule in (form.model for form in CONNECT_FORMS):
        known = {*CHANGES[rule.__name__], *EVERY_RULE, *WITH_ANOTHER}
        assert set(rule.model_fields) <= known, rule.__name__


@pytest.mark.parametrize(("rule", "key"), CASES)
def test_a_key_changes_what_is_made(rule: str, key: str, tmp_path: Path) -> None:
    before = {**FITS[rule], "source": "a.part", "target": "a.part"}
    assert made(before, tmp_path) != made({**before, key: {**CHANGES[rule], **EVERY_RULE}[key]}, tmp_path)


@pytest.mark.parametrize("rule", ["fixed_indegree", "fixed_outdegree", "fixed_total"])
def test_keys_of_fixed_numbers_change_what_is_made(rule: str, tmp_path: Path) -> None:
    number = 6 if rule == "fixed_total" else 2
    plain = made({rule: number}, tmp_path)
    assert made({rule: number, "multapses": True}, tmp_path) != plain
    assert made({rule: number, "autapses": False}, tmp_path) != plain


@pytest.mark.parametrize("rule", [{"j": "i + 1"}, {"i": "j - 1"}])
def test_partners_that_do_not_exist_are_left_out_when_asked(rule: dict[str, str], tmp_path: Path) -> None:
    assert made({**rule, "skip_if_invalid": True}, tmp_path)[0] == [[0, 1], [1, 2]]
    for other in ({}, {"skip_if_invalid": False}):
        with pytest.raises(ExperimentError, match="NET190"):
            made({**rule, **other}, tmp_path)


def test_a_probability_is_tried_on_the_neurons_of_the_subgroup(tmp_path: Path) -> None:
    rule = {"source": "a.last", "p": "share_pre"}  # below zero for the neuron that is not in it
    assert made(rule, tmp_path)[0] == [[2, 2, 2], [0, 1, 2]]


def made(rule: dict[str, Any], folder: Path) -> Any:
    """The pairs of a rule, its delay, and the values it gives."""
    np.save(folder / "a.npy", np.array([[0, 1], [0, 2]]))
    np.save(folder / "b.npy", np.array([[1, 0], [0, 0]]))
    (folder / "a.csv").write_text("i,j,k\n0,1,5\n1,1,6\n", encoding="utf-8")
    (folder / "b.csv").write_text("i,j,k\n1,0,5\n", encoding="utf-8")
    parts = {"part": "0:2", "last": "1:3"}
    experiment = {
        "version": 1,
        "groups": {"a": {"size": 3, "equations": EQUATIONS, "threshold": "v > 1", "subgroups": parts}},
        "synapses": {
            "s": {"source": "a", "target": "a", "equations": "w : 1\nx : 1", "on_pre": "x += 1", "connect": rule}
        },
        "run": {"duration": "1 ms", "dt": "0.1 ms"},
    }
    if "matrix" in rule:
        experiment["synapses"]["s"]["initial"] = {"w": 1}  # type: ignore[index]
    path = folder / "x.yaml"
    path.write_text(yaml.safe_dump(experiment), encoding="utf-8")
    document = load(path)
    (found,) = resolve(document, parse_experiment(document)).network.synapses["s"].connect
    return pairs(found), found.delay is None, [line.variable.name for line in found.initial]


def pairs(rule: Connect) -> list[list[int]]:
    ground = Ground("synapses.s", lambda *_: 0, Seeds(1, 1, 1, 1), 1e-4, {})
    return [x.tolist() for x in pairs_of(rule, ground)]
