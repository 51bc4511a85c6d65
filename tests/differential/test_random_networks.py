"""Random networks give what Brian2 gives: 40 that are stored with its values. `make fuzz` tries a thousand others."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from both import differences, recorded
from draw_experiment import experiment
from rules import PAGE, listed, page
from shrinking import shrunk

from snnrun.running import pipeline

HERE = Path(__file__).parent
CASES = sorted((HERE / "cases").glob("*.yaml"))


@cache
def stored():
    with np.load(HERE / "cases" / "brian2.npz") as values:
        return dict(values)


@pytest.mark.parametrize("file", CASES, ids=lambda file: file.stem)
def test_a_random_network_gives_the_values_of_brian2(file):
    theirs = {k.partition("/")[2]: v for k, v in stored().items() if k.startswith(f"{file.stem}/")}
    assert any(values.size for key, values in theirs.items() if key.endswith("/step"))
    assert differences(recorded(pipeline.check(pipeline.read(file))), theirs) == []


def test_there_are_forty_networks():
    assert len(CASES) >= 40


def test_an_experiment_is_known_by_its_seed_and_number():
    assert experiment(1, 5) == experiment(1, 5) != experiment(1, 6)


def test_a_difference_is_seen():
    theirs = {"m/step": np.array([3, 5]), "m/v": np.array([1.0, 2.0]), "n/v": np.zeros((2, 1)), "o/v": np.ones(3)}
    ours = {
        "m/step": np.array([3, 6]),
        "m/v": np.array([1.0, 2.0 + 1e-10]),
        "n/v": np.zeros((2, 2)),
        "o/v": [1, 1, np.nan],
    }
    found = differences({k: np.array(v) for k, v in ours.items()}, theirs | {"p/v": np.ones(1)})
    assert [line.split(" ")[0].split("[")[0] for line in found] == ["m/step", "n/v", "o/v", "p/v"]


def test_an_experiment_becomes_smaller_while_something_holds():
    made = {"a": [1, 2, 3], "b": "x\ny\nz", "c": {"d": 1, "e": {"f": 2}}}
    least = shrunk(made, lambda m: "y" in m.get("b", "") and 2 in m.get("a", ()))
    assert least == {"a": [2], "b": "y"}


def test_the_page_lists_the_rules():
    """`python tests/differential/rules.py` writes them there."""
    text = PAGE.read_text(encoding="utf-8")
    assert listed() in text
    assert page(text) == text
